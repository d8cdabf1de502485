"""The decision point's one function: every refusal it can give, and which goes before which."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import PEOPLES, PLACES, START, slices
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.catalogue import Classification
from policies.enforcer import Enforcer
from policies.grant.report import Duty, Standing
from policies.grant.state import GrantState, Status
from policies.refusals import Code
from policies.request.commands import PinnedItem
from policies.request.events import DutyTerms, Terms
from policies.routing import Item
from policies.rules import EVERY, Pack, Rule
from policies.slices import Slice
from policies.types import CLASSES, Level
from policies.use import SLICE_OBLIGATION, VALID_FOR, UseQuestion, answer, rules_refuse

RIVER, HILL, ISLAND = PEOPLES
GRANTED = Slice(frozenset({RIVER, HILL}), level=Level.DEIDENTIFIED)
SLEEP = Item("survey.sleep", "survey", Classification(frozenset({"health"}), frozenset({RIVER})))
PINNED = PinnedItem("survey", frozenset({"health"}), frozenset({RIVER, HILL}), frozenset())
NOW = START + timedelta(days=30)


def line(number: int, klass: str, effect: str = "allow", **but: object) -> Rule:
    return Rule(
        **{
            "id": f"LINE-{number}", "role": "role:grantee", "act": "use.read", "collection": EVERY,
            "item": EVERY, "klass": klass, "purpose": EVERY, "level": EVERY, "slice": EVERY,
            "effect": effect, "because": "Because the test says so.", **but,
        }
    )  # fmt: skip


HEALTH = line(1, "health")
RULES = Enforcer([Pack((HEALTH,))])


def restricted(hidden: bool = False, peoples: frozenset[str] = frozenset({RIVER})) -> Enforcer:
    asked = json.dumps(Slice(peoples).to_json())
    deny = line(
        9, EVERY, "deny", role=EVERY, slice=asked, restriction="restriction-1", hidden=hidden
    )
    return Enforcer([Pack((HEALTH,))], [deny])


def grant(
    status: Status = Status.ACTIVE, starts_at=START, duties=(), **terms: object
) -> GrantState:
    plain = {
        "request": "request-1", "applicant": "person-asks", "purpose": "sleep-study",
        "people": ("person-asks", "person-with"), "acts": frozenset({"use.read", "use.link"}),
        "items": {"survey.sleep": PINNED}, "slice": GRANTED,
        "ends_at": START + timedelta(days=365), "conditions": (), "decisions": {}, "duties": (),
    }  # fmt: skip
    owed = {f"duty-{n}": each for n, each in enumerate(duties, 1)}
    return GrantState(status, Terms(**{**plain, **terms}), starts_at, owed)


def duty(due: timedelta, standing: Standing = Standing.OWED, in_time: bool = False) -> Duty:
    due_at = NOW + due
    terms = DutyTerms("report", due_at, due_at - timedelta(days=14), ("body-river",))
    return Duty(terms, standing, in_time=in_time)


def question(**but: object) -> UseQuestion:
    plain = {
        "subject": "person-with", "act": "use.read", "item": "survey.sleep",
        "purpose": "sleep-study", "slice": None, "obligations": frozenset({SLICE_OBLIGATION}),
    }  # fmt: skip
    return UseQuestion(**{**plain, **but})


def ask(asked=None, item=SLEEP, grants=None, rules=RULES, now=NOW):
    held = {"grant-1": grant()} if grants is None else grants
    return answer(rules, asked or question(), item, held, now)


def test_a_yes_carries_the_grants_slice_and_until_when_it_holds() -> None:
    found = ask()
    assert found.decision
    assert (found.code, found.grant, found.slice) == (None, "grant-1", GRANTED)
    assert found.valid_until == NOW + VALID_FOR


def test_of_an_item_only_the_peoples_that_were_decided_about_are_shown() -> None:
    # The grant covers two peoples; this item's class named one, and its body alone decided.
    items = {"survey.sleep": replace(PINNED, peoples=frozenset({RIVER}))}
    held = {"grant-1": grant(items=items)}
    assert ask(grants=held).slice == replace(GRANTED, peoples=frozenset({RIVER}))
    others = question(slice=replace(GRANTED, peoples=frozenset({HILL})))
    assert ask(others, grants=held).code is Code.OTHER_SLICE


def test_of_a_places_item_only_the_places_that_were_decided_about_are_shown() -> None:
    items = {"survey.sleep": replace(PINNED, places=frozenset({PLACES[0]}))}
    assert ask(grants={"grant-1": grant(items=items)}).slice.places == {PLACES[0]}


def test_a_narrower_slice_may_be_asked_and_is_the_one_to_apply() -> None:
    narrow = Slice(frozenset({HILL}), frozenset({PLACES[0]}), frozenset({2018}))
    assert ask(question(slice=narrow)).slice == narrow


UNCONFIRMED = Item("survey.sleep", "survey", None)
CLASSLESS = Item("survey.sleep", "survey", Classification(frozenset(), frozenset({RIVER})))
GENOMIC = replace(SLEEP, said=Classification(frozenset({"genomic"}), frozenset({RIVER})))
ENDS = START + timedelta(days=365)

REFUSALS = [
    ("an item that this gateway does not serve", {"item": None}, Code.NOT_FOUND),
    ("an item that nobody has confirmed", {"item": UNCONFIRMED}, Code.UNCONFIRMED),
    ("an item without a class", {"item": CLASSLESS}, Code.UNCONFIRMED),
    ("no grant at all", {"grants": {}}, Code.NO_GRANT),
    ("somebody else's grant", {"asked": question(subject="person-x")}, Code.NO_GRANT),
    ("a grant for another item", {"grants": {"g": grant(items={"survey.diet": PINNED})}},
     Code.NO_GRANT),
    ("a grant that was never issued", {"grants": {"g": GrantState()}}, Code.NO_GRANT),
    ("a grant that was ended", {"grants": {"g": grant(Status.ENDED)}}, Code.NO_GRANT),
    ("a grant that was closed", {"grants": {"g": grant(Status.CLOSED)}}, Code.NO_GRANT),
    ("a grant on its last instant, its timer not yet fired", {"now": ENDS}, Code.NO_GRANT),
    ("a grant that has not begun", {"now": START - timedelta(seconds=1)}, Code.NOT_PERMITTED_NOW),
    ("another purpose", {"asked": question(purpose="other-study")}, Code.OTHER_PURPOSE),
    ("a use that the grant does not have", {"asked": question(act="use.train")}, Code.NO_RULE),
    ("a gateway that cannot apply a slice", {"asked": question(obligations=frozenset())},
     Code.OBLIGATION),
    ("a gateway that can apply something else",
     {"asked": question(obligations=frozenset({"slice/2"}))}, Code.OBLIGATION),
    ("more than the grant's slice", {"asked": question(slice=Slice(frozenset({ISLAND})))},
     Code.OTHER_SLICE),
    ("everybody's records", {"asked": question(slice=Slice())}, Code.OTHER_SLICE),
    ("a finer level", {"asked": question(slice=replace(GRANTED, level=Level.IDENTIFIABLE))},
     Code.OTHER_SLICE),
    ("a slice of nothing", {"asked": question(slice=Slice(frozenset()))}, Code.OTHER_SLICE),
    ("a report that is overdue", {"grants": {"g": grant(duties=[duty(timedelta(0))])}},
     Code.DUTY_OVERDUE),
    ("a report filed too late and not accepted yet",
     {"grants": {"g": grant(duties=[duty(-timedelta(1), Standing.FILED)])}}, Code.DUTY_OVERDUE),
    ("a class that no rule allows", {"item": GENOMIC}, Code.NOT_PERMITTED_NOW),
    ("a use that no rule allows", {"asked": question(act="use.link")}, Code.NOT_PERMITTED_NOW),
    ("no rules at all", {"rules": Enforcer([])}, Code.NOT_PERMITTED_NOW),
    ("a rule that denies", {"rules": Enforcer([Pack((HEALTH, line(2, "health", "deny")))])},
     Code.NOT_PERMITTED),
    ("an open restriction", {"rules": restricted()}, Code.RESTRICTED),
    ("a hidden restriction", {"rules": restricted(hidden=True)}, Code.NOT_PERMITTED_NOW),
]  # fmt: skip


@pytest.mark.parametrize(
    ("setting", "code"), [each[1:] for each in REFUSALS], ids=[each[0] for each in REFUSALS]
)
def test_each_refusal(setting, code) -> None:
    found = ask(**setting)
    assert not found.decision
    assert found.code is code
    assert found.slice is None
    assert found.valid_until is None


def test_every_code_that_the_decision_point_gives_is_reached_here() -> None:
    given = {each[2] for each in REFUSALS}
    assert given == {
        Code.NOT_FOUND, Code.UNCONFIRMED, Code.NO_GRANT, Code.NOT_PERMITTED_NOW,
        Code.OTHER_PURPOSE, Code.NO_RULE, Code.OBLIGATION, Code.OTHER_SLICE, Code.DUTY_OVERDUE,
        Code.NOT_PERMITTED, Code.RESTRICTED,
    }  # fmt: skip


# Each setting spoils one more thing; the first in this order is what is told. Somebody
# without a grant is told nothing about restrictions, slices or duties.
SPOILT = [
    ({"item": None}, Code.NOT_FOUND),
    ({"item": UNCONFIRMED}, Code.UNCONFIRMED),
    ({"subject": "person-x"}, Code.NO_GRANT),
    ({"purpose": "other-study"}, Code.OTHER_PURPOSE),
    ({"act": "use.train"}, Code.NO_RULE),
    ({"obligations": frozenset()}, Code.OBLIGATION),
    ({"slice": Slice()}, Code.OTHER_SLICE),
    ({"grants": {"g": grant(duties=[duty(timedelta(0))])}}, Code.DUTY_OVERDUE),
    ({"rules": restricted()}, Code.RESTRICTED),
]


@pytest.mark.parametrize("first", range(len(SPOILT)))
def test_the_first_refusal_in_order_is_the_one_told(first) -> None:
    spoilt: dict[str, object] = {}
    for setting, _ in reversed(SPOILT[first:]):
        spoilt |= setting
    around = {name: spoilt.pop(name) for name in ("item", "grants", "rules") if name in spoilt}
    assert ask(question(**spoilt), **around).code is SPOILT[first][1]


def test_of_several_classes_the_strictest_wins_in_whatever_order() -> None:
    both = Classification(frozenset({"health", "genomic"}), frozenset({RIVER}))
    item = replace(SLEEP, said=both)
    deny = line(2, "genomic", "deny")
    assert ask(item=item).code is Code.NOT_PERMITTED_NOW
    one = Enforcer([Pack((HEALTH, line(3, "genomic")))])
    assert ask(item=item, rules=one).decision
    for lines in ((HEALTH, line(3, "genomic"), deny), (deny, line(3, "genomic"), HEALTH)):
        assert ask(item=item, rules=Enforcer([Pack(lines)])).code is Code.NOT_PERMITTED


def test_a_restriction_on_one_people_stops_a_slice_that_touches_it_and_no_other() -> None:
    rules = restricted()
    assert ask(rules=rules).code is Code.RESTRICTED
    assert ask(question(slice=Slice(frozenset({RIVER}))), rules=rules).code is Code.RESTRICTED
    assert ask(question(slice=Slice(frozenset({HILL}))), rules=rules).decision


def test_a_yes_holds_no_longer_than_the_grant_nor_past_a_due_report() -> None:
    almost = ENDS - timedelta(seconds=2)
    assert ask(now=almost).valid_until == ENDS
    due = grant(duties=[duty(timedelta(seconds=3)), duty(timedelta(days=9))])
    assert ask(grants={"g": due}).valid_until == NOW + timedelta(seconds=3)
    filed = grant(duties=[duty(timedelta(seconds=3), Standing.FILED, in_time=True)])
    assert ask(grants={"g": filed}).valid_until == NOW + VALID_FOR


def test_a_report_in_time_does_not_pause_access_while_communities_read_it() -> None:
    reading = grant(duties=[duty(-timedelta(days=90), Standing.FILED, in_time=True)])
    done = grant(duties=[duty(-timedelta(days=90), Standing.DONE)])
    assert ask(grants={"g": reading}).decision
    assert ask(grants={"g": done}).decision


def test_a_grant_in_force_is_found_beside_others_that_do_not_fit() -> None:
    others = {
        "a": grant(Status.ENDED), "b": grant(purpose="other-study"),
        "c": grant(items={"survey.diet": PINNED}), "d": GrantState(),
        "e": grant(ends_at=NOW), "f": grant(people=("person-x",)), "z": grant(),
    }  # fmt: skip
    assert ask(grants=others).grant == "z"


def test_the_preview_is_told_by_the_same_function() -> None:
    for rules in (RULES, restricted(), restricted(hidden=True), Enforcer([])):
        told = rules_refuse(rules, SLEEP, "use.read", "sleep-study", GRANTED)
        assert (told.code if told else None) == ask(rules=rules).code


some_lines = st.lists(
    st.builds(
        line,
        st.integers(0, 99),
        st.sampled_from(["health", "child", EVERY]),
        st.sampled_from(["allow", "allow", "deny"]),
        level=st.sampled_from([EVERY, *Level]),
    ),
    max_size=4,
)
some_classes = st.frozensets(st.sampled_from(["health", "child", "voice"]), min_size=1)


@settings(max_examples=100)
@given(some_lines, some_classes, slices(1), st.none() | slices(), st.integers(-40, 400))
def test_a_yes_is_only_ever_given_within_the_grant_and_by_a_rule_for_each_class(
    lines, classes, granted, asked, days
) -> None:
    item = replace(SLEEP, said=Classification(classes, frozenset({RIVER})))
    now = START + timedelta(days=days)
    found = ask(
        question(slice=asked),
        item,
        {"g": grant(slice=granted)},
        Enforcer([Pack(tuple(lines))]),
        now,
    )
    if not found.decision:
        assert found.code is not None
        return
    assert START <= now < ENDS
    assert now < found.valid_until <= ENDS
    assert found.slice == PINNED.part_of(asked or granted)
    assert found.slice.within(granted)
    assert not found.slice.empty
    for klass in classes:
        on = [each for each in lines if each.klass in (klass, EVERY)]
        on = [each for each in on if each.level in (found.slice.level, EVERY)]
        assert "allow" in {each.effect for each in on}
        assert "deny" not in {each.effect for each in on}


def test_the_classes_used_here_are_real_ones() -> None:
    assert {"health", "child", "voice", "genomic"} <= CLASSES


def test_of_two_grants_one_that_covers_what_is_asked_is_enough() -> None:
    wide, narrow = grant(), grant(slice=Slice(frozenset({HILL}), level=Level.DEIDENTIFIED))
    asked = question(slice=Slice(frozenset({RIVER})))
    for held in ({"a": narrow, "b": wide}, {"a": wide, "b": narrow}):
        assert ask(asked, grants=held).decision
    assert ask(asked, grants={"a": narrow}).code is Code.OTHER_SLICE


def test_want_of_a_rule_reads_as_a_hidden_restriction_does() -> None:
    nothing, hidden = ask(item=GENOMIC), ask(rules=restricted(hidden=True))
    assert (nothing.decision, nothing.code) == (hidden.decision, hidden.code)
    assert nothing.code is Code.NOT_PERMITTED_NOW
