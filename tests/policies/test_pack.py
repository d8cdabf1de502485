"""A pack as a document with versions: forked, edited, adopted by a named version, withdrawn from;
and what is another between two packs."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from builders import START
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from ledger_in_memory import Stream

from policies import pack as p
from policies.consequences import consequences
from policies.pack_lines import as_written, count, difference, written
from policies.refusals import Code, Refused
from policies.rules import SELF, Pack, RoleRule, RoutingRule, Rule, read_pack
from policies.types import Envelope, TextId

OWN = "pack-00000000-0000-0000-0000-000000000001"
SHIPPED = "pack-example"
RIVER, HILL = "body-river", "body-hill"
_numbers = itertools.count(1)


def sha(word: str) -> str:
    return hashlib.sha256(word.encode()).hexdigest()


def source(word: str = "first") -> p.Source:
    return p.Source("example", 1, sha(word))


def sent(stream: Stream, command: Any) -> Any:
    """The events' names, or the refusal's code."""
    name = f"command-{next(_numbers)}"
    given = Envelope(name, stream.name, 0, "person-1", START, command, None, digest=name)
    done = stream.send(given)
    if isinstance(done, Refused):
        return done.code
    return [each["type"] for each in done["events"]]


@pytest.fixture
def own() -> Stream:
    """A body's own pack, forked just now."""
    stream = Stream("pack", OWN)
    assert sent(stream, p.Fork(RIVER, TextId("text-name"), source())) == ["Forked"]
    return stream


@pytest.fixture
def shipped() -> Stream:
    """A pack that comes with Accord, and that nobody has adopted."""
    return Stream("pack", SHIPPED)


def test_a_fork_says_from_what_and_has_its_document(own: Stream) -> None:
    assert (own.state.owner, own.state.source) == (RIVER, source())
    assert [each.sha256 for each in own.state.versions] == [sha("first")]
    assert own.state.adopted == {}
    assert sent(own, p.Fork(HILL, TextId("text-name"), source("other"))) is Code.ALREADY_DONE


def test_a_shipped_pack_is_nobodys_own(shipped: Stream) -> None:
    assert sent(shipped, p.Fork(RIVER, TextId("text-name"), source())) is Code.ALREADY_DONE
    assert sent(shipped, p.Edit(RIVER, 0, sha("mine"))) is Code.NOT_FOUND
    sent(shipped, p.Adopt(RIVER, 1, sha("first")))
    assert sent(shipped, p.Edit(RIVER, 1, sha("mine"))) is Code.NOT_FOUND


def test_of_two_edits_of_one_version_the_second_is_told(own: Stream) -> None:
    assert sent(own, p.Edit(RIVER, 1, sha("hers"))) == ["Edited"]
    assert sent(own, p.Edit(RIVER, 1, sha("his"))) is Code.STALE
    assert sent(own, p.Edit(RIVER, 3, sha("his"))) is Code.STALE
    assert sent(own, p.Edit(RIVER, 2, sha("his"))) == ["Edited"]
    assert [each.based_on for each in own.state.versions] == [None, 1, 2]


def test_only_its_own_body_edits_and_adopts_a_pack(own: Stream) -> None:
    assert sent(own, p.Edit(HILL, 1, sha("hill"))) is Code.NOT_FOUND
    assert sent(own, p.Adopt(HILL, 1, sha("first"))) is Code.NOT_FOUND


def test_the_same_document_again_is_no_version(own: Stream) -> None:
    assert sent(own, p.Edit(RIVER, 1, sha("first"))) is Code.ALREADY_DONE
    # An older one is: somebody goes back.
    sent(own, p.Edit(RIVER, 1, sha("second")))
    assert sent(own, p.Edit(RIVER, 2, sha("first"))) == ["Edited"]


def test_a_pack_has_no_end_of_versions_but_a_named_one(own: Stream) -> None:
    for number in range(1, p.MOST_VERSIONS):
        assert sent(own, p.Edit(RIVER, number, sha(f"v{number}"))) == ["Edited"]
    assert sent(own, p.Edit(RIVER, p.MOST_VERSIONS, sha("more"))) is Code.TOO_LARGE


def test_an_adoption_names_what_was_shown(own: Stream) -> None:
    sent(own, p.Edit(RIVER, 1, sha("second")))
    for never_shown in (
        p.Adopt(RIVER, 1, sha("second")),
        p.Adopt(RIVER, 2, sha("first")),
        p.Adopt(RIVER, 2, sha("second"), in_force=sha("first")),
    ):
        assert sent(own, never_shown) is Code.STALE
    for not_there in (0, 3, -1):
        assert sent(own, p.Adopt(RIVER, not_there, sha("second"))) is Code.NOT_FOUND
    assert sent(own, p.Adopt(RIVER, 1, sha("first"))) == ["Adopted"]
    assert sent(own, p.Adopt(RIVER, 2, sha("second"))) is Code.STALE
    assert sent(own, p.Adopt(RIVER, 2, sha("second"), sha("first"))) == ["Adopted"]
    assert sent(own, p.Adopt(RIVER, 2, sha("second"), sha("second"))) is Code.ALREADY_DONE
    assert own.state.adopted[RIVER].version == 2


def test_withdrawn_from_and_adopted_again_also_in_an_older_version(own: Stream) -> None:
    assert sent(own, p.Withdraw(RIVER)) is Code.NOT_FOUND
    sent(own, p.Edit(RIVER, 1, sha("second")))
    sent(own, p.Adopt(RIVER, 2, sha("second")))
    assert sent(own, p.Withdraw(RIVER)) == ["AdoptionWithdrawn"]
    assert sent(own, p.Adopt(RIVER, 2, sha("second"), sha("second"))) is Code.STALE
    assert sent(own, p.Adopt(RIVER, 2, sha("second"))) == ["Adopted"]
    assert sent(own, p.Adopt(RIVER, 1, sha("first"), sha("second"))) == ["Adopted"]
    assert own.state.adopted[RIVER].version == 1


def test_what_has_been_in_force_stays_in_the_open(own: Stream) -> None:
    sent(own, p.Edit(RIVER, 1, sha("second")))
    assert [each.opened for each in own.state.versions] == [False, False]
    sent(own, p.Adopt(RIVER, 1, sha("first")))
    sent(own, p.Withdraw(RIVER))
    assert [each.opened for each in own.state.versions] == [True, False]


def test_a_shipped_reading_is_kept_when_it_is_first_adopted(shipped: Stream) -> None:
    assert sent(shipped, p.Adopt(RIVER, 1, sha("first"))) == ["Kept", "Adopted"]
    assert sent(shipped, p.Adopt(HILL, 1, sha("first"))) == ["Adopted"]
    # The software is another since; what is in force is not.
    assert sent(shipped, p.Adopt(HILL, 1, sha("newer"), sha("first"))) is Code.STALE
    assert sent(shipped, p.Adopt(HILL, 3, sha("newer"), sha("first"))) is Code.NOT_FOUND
    assert sent(shipped, p.Adopt(HILL, 2, sha("newer"), sha("first"))) == ["Kept", "Adopted"]
    assert {body: each.version for body, each in shipped.state.adopted.items()} == {
        RIVER: 1, HILL: 2,
    }  # fmt: skip
    # The older one can be read, and adopted again.
    assert sent(shipped, p.Adopt(HILL, 1, sha("first"), sha("newer"))) == ["Adopted"]


def test_an_adoption_from_before_documents_were_kept_is_read(shipped: Stream) -> None:
    """Its lines' ids and its digest are known, and what the lines said is not."""
    old = {"body": RIVER, "sha256": sha("digest"), "rules": ["READ-OPEN@body-river"]}
    entry = {
        "id": "entry-1", "sequence": 1, "at": "2026-03-02T09:00:00.000000Z",
        "events": [{"type": "Adopted", "version": 1, "data": old}],
    }  # fmt: skip
    state = shipped.machine.fold(shipped.machine.initial, entry)
    there = state.adopted[RIVER]
    assert (there.version, there.rules, state.versions) == (None, ("READ-OPEN@body-river",), ())
    envelope = Envelope("c", SHIPPED, 1, "person-1", START, p.Withdraw(RIVER), None, digest="c")
    assert p.decide(state, envelope) == [p.AdoptionWithdrawn(RIVER)]
    newer = replace(envelope, command=p.Adopt(RIVER, 1, sha("first"), sha("digest")))
    assert p.decide(state, newer) == [p.Kept(sha("first")), p.Adopted(RIVER, sha("first"), (), 1)]


def test_one_pack_in_the_place_of_another_ends_that_adoption_and_no_later_one(
    shipped: Stream, own: Stream
) -> None:
    sent(shipped, p.Adopt(RIVER, 1, sha("first")))
    sent(shipped, p.Adopt(HILL, 1, sha("first")))
    adopted_in = shipped.state.adopted[RIVER].entry
    sent(own, p.Adopt(RIVER, 1, sha("first"), None, p.Replaced(SHIPPED, adopted_in)))
    [(target, ended)] = consequences(None, [own.events[-1][2]])
    assert target == SHIPPED
    assert sent(shipped, ended) == ["AdoptionSuperseded"]
    assert set(shipped.state.adopted) == {HILL}
    assert sent(shipped, ended) is Code.ALREADY_DONE
    sent(shipped, p.Adopt(RIVER, 1, sha("first")))
    assert sent(shipped, ended) is Code.ALREADY_DONE


@settings(max_examples=30, stateful_step_count=30)
class Packs(RuleBasedStateMachine):
    """Two bodies, each with what it believes; any command at any time."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = Stream("pack", OWN)
        self.documents: list[str] = []
        self.in_force: str | None = None
        self.was_open: set[int] = set()

    @rule(word=st.sampled_from("abc"), body=st.sampled_from((RIVER, HILL)))
    def fork(self, word: str, body: str) -> None:
        done = sent(self.stream, p.Fork(body, TextId("text-name"), source(word)))
        assert (done == ["Forked"]) == (not self.documents)
        if not self.documents:
            self.owner = body
            self.documents.append(sha(word))

    @rule(
        word=st.sampled_from("abc"), based_on=st.integers(-1, 6),
        body=st.sampled_from((RIVER, HILL)),
    )  # fmt: skip
    def edit(self, word: str, based_on: int, body: str) -> None:
        may = bool(self.documents) and body == self.owner and based_on == len(self.documents)
        may = may and self.documents[-1] != sha(word)
        assert (sent(self.stream, p.Edit(body, based_on, sha(word))) == ["Edited"]) == may
        if may:
            self.documents.append(sha(word))

    @rule(
        number=st.integers(-1, 6), word=st.sampled_from("abc"),
        shown=st.sampled_from((None, "a", "b", "c")), body=st.sampled_from((RIVER, HILL)),
    )  # fmt: skip
    def adopt(self, number: int, word: str, shown: str | None, body: str) -> None:
        there = 1 <= number <= len(self.documents) and self.documents[number - 1] == sha(word)
        may = there and body == self.owner and self.in_force == (shown and sha(shown))
        done = sent(self.stream, p.Adopt(body, number, sha(word), shown and sha(shown)))
        if may and done is Code.ALREADY_DONE:
            assert self.stream.state.adopted[body].version == number
            return
        assert (done == ["Adopted"]) == may
        if may:
            self.in_force = sha(word)
            self.was_open.add(number)

    @rule(body=st.sampled_from((RIVER, HILL)))
    def withdraw(self, body: str) -> None:
        may = self.in_force is not None and body == self.owner
        assert (sent(self.stream, p.Withdraw(body)) == ["AdoptionWithdrawn"]) == may
        if may:
            self.in_force = None

    @invariant()
    def versions_never_change_and_only_what_was_in_force_is_open(self) -> None:
        state = self.stream.state
        assert [each.sha256 for each in state.versions] == self.documents
        opened = {number for number, each in enumerate(state.versions, 1) if each.opened}
        assert opened == self.was_open
        assert [each.sha256 for each in state.adopted.values()] == (
            [self.in_force] if self.in_force else []
        )
        self.stream.check_whole()


TestPacks = Packs.TestCase


# ---- lines ----

RULES_HEAD = "id,role,act,collection,item,class,purpose,level,slice,from,until,effect,because\n"
ROUTING_HEAD = "id,body,capacity,class,people,place,because\n"
READ = "READ-1,role:grantee,use.read,*,*,open,*,*,*,*,*,allow,Whoever holds a grant reads.\n"


def pack(rules: str = "", routing: str = "") -> Pack:
    files = {"rules.csv": RULES_HEAD + rules} if rules else {}
    if routing:
        files["routing.csv"] = ROUTING_HEAD + routing
    return read_pack({name: text.encode() for name, text in files.items()})


def test_old_and_new_are_told_side_by_side_by_the_lines_id() -> None:
    old = pack(READ + READ.replace("READ-1", "READ-2"))
    new = pack(READ.replace("open", "health") + READ.replace("READ-1", "READ-3"))
    found = difference(old, new)
    told = found["rules.csv"]
    assert [each["id"] for each in told.added] == ["READ-3"]
    assert [each["id"] for each in told.removed] == ["READ-2"]
    [changed] = told.changed
    assert (changed.id, changed.columns) == ("READ-1", ("class",))
    assert (changed.old["class"], changed.new["class"]) == ("open", "health")
    assert changed.new["because"] == "Whoever holds a grant reads."
    assert not found["routing.csv"].any


def test_an_instant_is_the_same_in_whatever_zone_it_is_written() -> None:
    here = READ.replace("*,*,*,*,*,allow", "*,*,*,2026-05-03T09:00:00+12:00,*,allow")
    there = READ.replace("*,*,*,*,*,allow", "*,*,*,2026-05-02T21:00:00Z,*,allow")
    assert not difference(pack(here), pack(there))["rules.csv"].any


rules = st.builds(
    Rule, st.sampled_from(("R-1", "R-2", "R-3", "R-4")), st.just("role:grantee"),
    st.sampled_from(("use", "use.read")), st.just("*"), st.sampled_from(("*", "item-1")),
    st.just("*"), st.just("*"), st.just("*"), st.just("*"), st.sampled_from(("allow", "deny")),
    st.sampled_from(("Because it is so.", "Because we said so.")),
)  # fmt: skip
routings = st.builds(
    RoutingRule, st.sampled_from(("S-1", "S-2")), st.sampled_from((SELF, "none")),
    st.just("people"), st.just("*"), st.sampled_from(("people-1", "people-2")), st.just("*"),
    st.just("Because it is so."),
)  # fmt: skip
roles = st.builds(
    RoleRule, st.just("T-1"), st.just("role:secretary"), st.just("role:member"),
    st.just("Because it is so."),
)  # fmt: skip
packs = st.builds(
    Pack,
    *(st.lists(each, max_size=4, unique_by=lambda line: line.id).map(tuple)
      for each in (rules, routings, roles)),
)  # fmt: skip


def lines(given: Pack) -> Iterator[dict[str, Any]]:
    for each in (*given.rules, *given.routing, *given.roles):
        yield dict(written(each))


@given(packs, packs)
def test_what_is_told_makes_the_new_pack_out_of_the_old(old: Pack, new: Pack) -> None:
    made = {each["id"]: each for each in lines(old)}
    for told in difference(old, new).values():
        for each in told.removed:
            assert made.pop(each["id"]) == each
        for changed in told.changed:
            assert made[changed.id] == changed.old
            assert changed.columns
            made[changed.id] = dict(changed.new)
        for each in told.added:
            assert each["id"] not in made
            made[each["id"]] = dict(each)
    assert made == {each["id"]: each for each in lines(new)}


@given(packs, st.booleans())
def test_what_is_in_force_is_read_back_as_it_was_written(given_pack: Pack, own: bool) -> None:
    adopted = given_pack.adopted_by(RIVER, own)
    assert as_written(adopted, RIVER) == given_pack
    assert count(adopted) == count(given_pack)
    assert not any(each.any for each in difference(given_pack, as_written(adopted, RIVER)).values())
