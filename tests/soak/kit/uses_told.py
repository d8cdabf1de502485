"""The decision point's answers, told a second time: from grants, restrictions, disputes, claims,
what items are, and the lines that bodies adopted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from telling import ANY, Json, Told, fits, instant, lines_of

HIDDEN = "not_permitted_now"


@dataclass
class Grant:
    """A grant as its entries tell it."""

    terms: Json
    since: datetime
    ended: datetime | None = None
    closed: bool = False
    owed: bool = True
    """The report is with the researcher, not with its readers."""
    in_time: bool = False
    done: bool = False
    lapses: dict[str, str] = field(default_factory=dict)

    def in_force(self, at: datetime) -> bool:
        """Had it begun by then, and not ended?"""
        over = self.ended is not None and self.ended <= at
        return self.since <= at and not over

    def overdue(self, at: datetime) -> bool:
        due = instant(self.terms["duties"][0]["due_at"])
        waiting = self.owed or not self.in_time
        return not self.done and waiting and due <= at


@dataclass
class Restriction:
    """A restriction as its entries tell it."""

    placed: Json
    lifted: bool = False
    voices: dict[str, str] = field(default_factory=dict)


def expected(
    question: Json,
    told: Told,
    grants: dict[str, Grant],
    restrictions: dict[str, Restriction],
    disputed: set[str],
    at: datetime,
    grants_at: datetime | None = None,
) -> tuple[bool, set[str], Json | None]:
    """Should the answer be yes; which codes may a no have; which slice does a yes carry?
    `grants_at` where the grants are taken as they were earlier."""
    context, item = question["context"], question["resource"]["id"]
    act, person = question["action"]["name"], question["subject"]["id"]
    what = told.item(item)
    if what is None:
        return False, {"unconfirmed", "not_found"}, None
    held = [
        (name, grant)
        for name, grant in sorted(grants.items())
        if person in grant.terms["people"]
        and item in grant.terms["items"]
        and (grant.in_force(grants_at) if grants_at else grant.ended is None)
        and instant(grant.terms["ends_at"]) > at
    ]
    if not held:
        return False, {"no_grant"}, None
    fitting = [
        grant for _, grant in held
        if grant.terms["purpose"] == context["purpose"] and act in grant.terms["acts"]
    ]  # fmt: skip
    if not fitting:
        return False, {"other_purpose", "no_rule"}, None
    if item in told.contested():
        return False, {"contested"}, None
    codes: set[str] = set()
    for grant in fitting:
        code, shown = _by(grant, question, told, what, restrictions, disputed, at)
        if code is None:
            return True, set(), shown
        codes.add(code)
    return False, codes, None


def _by(
    grant: Grant, question: Json, told: Told, what: Json, restrictions: dict[str, Restriction],
    disputed: set[str], at: datetime,
) -> tuple[str | None, Json | None]:  # fmt: skip
    """Why this grant gives a no, or the slice that its yes carries."""
    context, item = question["context"], question["resource"]["id"]
    story = bool({"korero", "tapu"} & set(what["classes"]))
    if not {"slice/1", *(["story/1"] if story else [])} <= set(context["obligations_supported"]):
        return "obligation_unsupported", None
    asked = {"places": ANY, "years": ANY, **context.get("slice", grant.terms["slice"])}
    if not _within(asked, grant.terms["slice"]):
        return "other_slice", None
    asked = _decided_about(asked, grant.terms["items"][item])
    if not all(asked[name] for name in ("peoples", "places", "years")):
        return "other_slice", None
    if grant.overdue(at):
        return "duty_overdue", None
    if any(instant(each) <= at for each in grant.lapses.values()):
        return "lapsed", None
    rests_on = {*grant.terms["decisions"].values(), *grant.terms.get("rests_on", ())}
    if rests_on & disputed:
        return "disputed", None
    contested = told.contested()
    if any(asked[name] != ANY and set(asked[name]) & contested for name in ("peoples", "places")):
        return "contested", None
    covering = [
        each for each in restrictions.values()
        if not each.lifted and covers(each, item, question["action"]["name"], asked)
    ]  # fmt: skip
    if covering:
        # What is hidden changes no answer that there is without it.
        shown = any(each.placed["visibility"] == "shown" for each in covering)
        return "restricted" if shown else HIDDEN, None
    return _by_lines(told, what, item, question, grant, asked), asked


def covers(restriction: Restriction, item: str, act: str, asked: Json) -> bool:
    """Does it stand in the way of this?"""
    scope = restriction.placed["scope"]
    collection = item.split(".")[0]
    named = scope["items"] or scope["collections"]
    there = item in scope["items"] or collection in scope["collections"] or not named
    return there and act in scope["acts"] and overlap(scope["slice"], asked)


def _by_lines(
    told: Told, what: Json, item: str, question: Json, grant: Grant, asked: Json
) -> str | None:
    """What adopted lines say of each class: one no is a no, and no yes is one too."""
    for klass in what["classes"]:
        allowed = False
        for pack, bodies in told.adopted.items():
            for line in lines_of(pack, "rules.csv"):
                if line["role"] not in ("*", "role:grantee") or not _speaks_of(
                    line, klass, item, question, grant, asked
                ):
                    continue
                for name in bodies:
                    if line["effect"] == "allow":
                        allowed = True
                    elif overlap(_own(told, name, line), asked):
                        return "not_permitted"
        if not allowed:
            return HIDDEN
    return None


def _speaks_of(
    line: Json, klass: str, item: str, question: Json, grant: Grant, asked: Json
) -> bool:
    purposes = (question["context"]["purpose"], grant.terms["area"])
    return (
        fits(line["act"], question["action"]["name"])
        and fits(line["class"], klass)
        and fits(line["item"], item)
        and fits(line["collection"], item.split(".")[0])
        and any(fits(line["purpose"], each) for each in purposes)
        and fits(line["level"], asked["level"])
    )


def _own(told: Told, body: str, line: Json) -> Json:
    """How far a body's own deny line reaches: its peoples, else its places, else everything."""
    assert line["slice"] == "*"
    mandate = told.bodies[body].mandate
    everything = {"peoples": ANY, "places": ANY, "years": ANY}
    if mandate["peoples"]:
        return {**everything, "peoples": mandate["peoples"]}
    return {**everything, "places": mandate["places"] or ANY}


def overlap(one: Json, other: Json) -> bool:
    """Could some record be in both?"""
    return all(
        one[name] == ANY or other[name] == ANY or bool(set(one[name]) & set(other[name]))
        for name in ("peoples", "places", "years")
    )


def _within(asked: Json, whole: Json) -> bool:
    levels = ["aggregate", "deidentified", "identifiable"]
    parts = all(
        whole[name] == ANY or (asked[name] != ANY and set(asked[name]) <= set(whole[name]))
        for name in ("peoples", "places", "years")
    )
    return parts and levels.index(asked["level"]) <= levels.index(whole["level"])


def _decided_about(asked: Json, facts: Json) -> Json:
    """Of the item, only the peoples and places that its bodies decided about."""
    if facts["whole"]:
        return asked
    cut = dict(asked)
    for name in ("peoples", "places"):
        if facts[name]:
            own = set(facts[name])
            cut[name] = sorted(own if asked[name] == ANY else own & set(asked[name]))
    return cut


LONGEST_YES = timedelta(seconds=6)
"""A yes holds for five seconds; a gateway asks again."""
