"""Who is what: the links of each relation, as Casbin's role manager holds them.

A set of links never changes; a change makes the next one, so that a question is answered by
those of its own position. Three things are stepped around: the role manager keeps a node for
every name that it is asked about, so unknown names never reach it; it takes a person for a role
when both are called alike, so callers keep them apart by prefix; and it follows nine links of a
chain and silently not the tenth, so longer chains are refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from casbin.rbac.default_role_manager import RoleManager

from policies.engine.matcher import MatcherError

LONGEST = 8
"""How many links a chain may have."""
NOBODY_ELSE: frozenset[str] = frozenset()


class Relation:
    """One relation's links. What a name reaches is asked of a role manager that holds the links
    on its way, and nothing else."""

    def __init__(self, links: Mapping[str, frozenset[str]]) -> None:
        """`links` are who, and what they are as well.

        Raises:
            MatcherError: a chain is longer than `LONGEST`.
        """
        self._links = links
        self._reached: dict[str, frozenset[str]] = {}

    def changed(
        self, more: Iterable[tuple[str, str]], fewer: Iterable[tuple[str, str]]
    ) -> Relation:
        """These links, with some more and some fewer; itself where that changes nothing."""
        moved: dict[str, set[str]] = {}
        for who, what in fewer:
            moved.setdefault(who, set(self._links.get(who, ()))).discard(what)
        for who, what in more:
            moved.setdefault(who, set(self._links.get(who, ()))).add(what)
        other = {
            who: frozenset(after)
            for who, after in moved.items()
            if after != self._links.get(who, NOBODY_ELSE)
        }
        if not other:
            return self
        links = {**self._links, **other}
        for who in other:
            if not links[who]:
                del links[who]
        found = Relation(links)
        # What was found out of names that have nothing to do with what changed is still so. (Of
        # a copy, made in one step: whoever asks meanwhile finds out more.)
        found._reached = {
            name: reached
            for name, reached in self._reached.copy().items()
            if other.keys().isdisjoint(reached)
        }
        found.refuse_long()
        return found

    def refuse_long(self) -> None:
        """Raises MatcherError where a chain has more than `LONGEST` links."""
        if not any(what in self._links for whats in self._links.values() for what in whats):
            return
        for name in sorted(self._links):
            depth, here, seen = 0, {name}, {name}
            while here := {each for one in here for each in self._links.get(one, ())} - seen:
                seen |= here
                depth += 1
            if depth > LONGEST:
                raise MatcherError(f"A chain of roles has at most {LONGEST} links: {name}.")

    def reach(self, name: object) -> frozenset[str]:
        """The name itself and everything that it is as well, however many links away."""
        if not isinstance(name, str):
            return NOBODY_ELSE
        if name not in self._links:
            return frozenset({name})
        found = self._reached.get(name)
        if found is None:
            manager, todo, seen = RoleManager(), [name], {name}
            while todo:
                who = todo.pop()
                for what in sorted(self._links.get(who, ())):
                    manager.add_link(who, what)
                    if what not in seen:
                        seen.add(what)
                        todo.append(what)
            found = frozenset(each for each in seen if manager.has_link(name, each))
            self._reached[name] = found
        return found


class Links:
    """Every relation's links."""

    def __init__(self, relations: Mapping[str, Relation]) -> None:
        """Each relation that the model defines."""
        self.relations = relations

    @classmethod
    def none(cls, names: Iterable[str]) -> Links:
        """No link at all."""
        return cls({name: Relation({}) for name in names})

    def reach(self, relation: str, name: object) -> frozenset[str]:
        """What `name` is by this relation, itself included."""
        return self.relations[relation].reach(name)

    def changed(
        self,
        relation: str,
        more: Iterable[tuple[str, str]] = (),
        fewer: Iterable[tuple[str, str]] = (),
    ) -> Links:
        """These links, with some more and some fewer. Raises MatcherError for a long chain."""
        before = self.relations[relation]
        after = before.changed(more, fewer)
        return self if after is before else Links({**self.relations, relation: after})
