"""The decision point's one function: every refusal it can give, and which goes before which."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import PEOPLES, PLACES, START, slices
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.catalogue.classification import Classification
from policies.enforcer import Enforcer
from policies.grant.report import Duty, Standing
from policies.grant.state import GrantState, Status
from policies.refusals import Code
from policies.request.commands import PinnedItem
from policies.request.events import DutyTerms, Terms
from policies.routing import Item
from policies.rules import EVERY, Pack, Rule
from policies.slices import Slice
from policies.types import CLASSES, STORIES, USE_ACTS, Level
from policies.use import (
    APART_OBLIGATION,
    SLICE_OBLIGATION,
    STORY_OBLIGATION,
    VALID_FOR,
    Unsettled,
    UseQuestion,
    answer,
    asked_of,
    purposes_of,
    rules_refuse,
)  # fmt: skip

RIVER, HILL, ISLAND = PEOPLES
GRANTED = Slice(frozenset({RIVER, HILL}), level=Level.DEIDENTIFIED)
SLEEP = Item("survey.sleep", "survey", Classification(frozenset({"health"}), frozenset({RIVER})))
PINNED = PinnedItem("survey", frozenset({"health"}), frozenset({RIVER, HILL}), frozenset())
NOW = START + timedelta(days=30)
SETTLED = Unsettled()


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
        "ends_at": START + timedelta(days=365), "conditions": (), "duties": (),
        "decisions": {"body-river": "entry-river", "body-hill": "entry-hill"},
        "named": {"use.link": frozenset({"Example clinic list"})},
    }  # fmt: skip
    lapses = terms.get("lapses", {})
    owed = {f"duty-{n}": each for n, each in enumerate(duties, 1)}
    return GrantState(status, Terms(**{**plain, **terms}), starts_at, owed, lapses=lapses)


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


def ask(asked=None, item=SLEEP, grants=None, rules=RULES, now=NOW, unsettled=SETTLED):
    held = {"grant-1": grant()} if grants is None else grants
    return answer(rules, asked or question(), item, held, now, unsettled)


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
STORY = replace(SLEEP, said=Classification(frozenset({"health", "korero"}), frozenset({RIVER})))
CLAIMED = replace(SLEEP, contested=True)
BOTH = frozenset({SLICE_OBLIGATION, APART_OBLIGATION})


def link(name: str | None, obligations: frozenset[str] = BOTH, **but: object) -> UseQuestion:
    """A question about joining the data to other data, by name."""
    return question(act="use.link", named=name, obligations=obligations, **but)


LISTED = "Example clinic list"
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
    ("a use that no rule allows", {"asked": link(LISTED)}, Code.NOT_PERMITTED_NOW),
    ("a use beyond reading without a name", {"asked": link(None)}, Code.NOT_BY_NAME),
    ("a use beyond reading by an empty name", {"asked": link("")}, Code.NOT_BY_NAME),
    ("a use beyond reading by another name", {"asked": link("Example tax list")},
     Code.NOT_BY_NAME),
    ("a use beyond reading by half of its name", {"asked": link("Example clinic")},
     Code.NOT_BY_NAME),
    ("a use by a name that another use has",
     {"asked": question(act="use.train", named=LISTED),
      "grants": {"g": grant(acts=frozenset({"use.read", "use.train"}))}}, Code.NOT_BY_NAME),
    ("linking by a gateway that stores what is joined",
     {"asked": link(LISTED, frozenset({SLICE_OBLIGATION}))}, Code.OBLIGATION),
    ("a story by a gateway that knows no stories", {"item": STORY}, Code.OBLIGATION),
    ("an item that somebody claims", {"item": CLAIMED}, Code.CONTESTED),
    ("records of a people that somebody claims",
     {"unsettled": Unsettled(frozenset({RIVER}))}, Code.CONTESTED),
    ("a record in dispute that the grant rests on",
     {"unsettled": Unsettled(disputed=frozenset({"entry-hill"}))}, Code.DISPUTED),
    ("a record in dispute that is no decision",
     {"unsettled": Unsettled(disputed=frozenset({"entry-9"})),
      "grants": {"g": grant(rests_on=frozenset({"entry-9"}))}}, Code.DISPUTED),
    ("a decision made elsewhere that has lapsed",
     {"grants": {"g": grant(lapses={"body-ethics": NOW})}}, Code.LAPSED),
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
        Code.NOT_PERMITTED, Code.RESTRICTED, Code.NOT_BY_NAME, Code.CONTESTED, Code.DISPUTED,
        Code.LAPSED,
    }  # fmt: skip


def spoilt(duties=()) -> GrantState:
    """A grant that rests on a letter that has lapsed, and owes perhaps more."""
    return grant(duties=duties, lapses={"body-ethics": NOW})


# Each setting spoils one more thing; the first in this order is what is told. Somebody
# without a grant is told nothing about restrictions, slices or duties.
SPOILT = [
    ({"item": None}, Code.NOT_FOUND),
    ({"item": UNCONFIRMED}, Code.UNCONFIRMED),
    ({"subject": "person-x"}, Code.NO_GRANT),
    ({"purpose": "other-study"}, Code.OTHER_PURPOSE),
    ({"act": "use.train"}, Code.NO_RULE),
    ({"act": "use.link", "named": "Example tax list"}, Code.NOT_BY_NAME),
    ({"item": CLAIMED}, Code.CONTESTED),
    ({"obligations": frozenset()}, Code.OBLIGATION),
    ({"slice": Slice()}, Code.OTHER_SLICE),
    ({"grants": {"g": spoilt(duties=[duty(timedelta(0))])}}, Code.DUTY_OVERDUE),
    ({"grants": {"g": spoilt()}}, Code.LAPSED),
    ({"unsettled": Unsettled(frozenset({RIVER}), frozenset({"entry-river"}))}, Code.DISPUTED),
    ({"unsettled": Unsettled(frozenset({RIVER}))}, Code.CONTESTED),
    ({"rules": restricted()}, Code.RESTRICTED),
]
AROUND = ("item", "grants", "rules", "unsettled")


@pytest.mark.parametrize("first", range(len(SPOILT)))
def test_the_first_refusal_in_order_is_the_one_told(first) -> None:
    spoilt: dict[str, object] = {}
    for setting, _ in reversed(SPOILT[first:]):
        spoilt |= setting
    around = {name: spoilt.pop(name) for name in AROUND if name in spoilt}
    assert ask(question(**spoilt), **around).code is SPOILT[first][1]


# Of one grant each, from the farthest to the one that lacks least.
LACKING = [
    (grant(purpose="other-study"), Code.OTHER_PURPOSE),
    (grant(acts=frozenset({"use.read"})), Code.NO_RULE),
    (grant(named={}), Code.NOT_BY_NAME),
    (grant(starts_at=NOW + timedelta(days=1)), Code.NOT_PERMITTED_NOW),
]


@pytest.mark.parametrize("names", ["abcd", "dcba", "cadb"])
def test_of_several_grants_the_one_that_comes_nearest_says_what_is_lacking(names: str) -> None:
    for number in range(1, len(LACKING) + 1):
        held = {name: each for name, (each, _) in zip(names, LACKING[:number], strict=False)}
        assert ask(link(LISTED), grants=held).code is LACKING[number - 1][1]


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
        told = rules_refuse(
            rules, asked_of(SLEEP, "use.read", ("sleep-study",), GRANTED, PINNED), NOW
        )
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


# Uses beyond reading, by name.

OTHER_USES = [act for act in USE_ACTS if act != "use.read"]


@pytest.mark.parametrize("act", OTHER_USES)
def test_each_use_beyond_reading_needs_exactly_the_name_that_the_grant_has(act) -> None:
    rules = Enforcer([Pack((HEALTH, line(3, "health", act=act)))])
    named = {act: frozenset({"Example one", "Example two"})}
    held = {"g": grant(acts=frozenset({"use.read", act}), named=named)}
    for name, expected in (
        ("Example one", True), ("Example two", True), ("example one", False), ("Example", False),
        ("Example one, Example two", False), ("", False), (None, False), ("*", False),
    ):  # fmt: skip
        found = ask(question(act=act, named=name, obligations=BOTH), grants=held, rules=rules)
        assert found.decision is expected, name
        assert found.code is (None if expected else Code.NOT_BY_NAME)
    # A grant that has the use and no name for it gives nobody the use.
    bare = {"g": grant(acts=frozenset({"use.read", act}), named={})}
    assert ask(question(act=act, named="Example one"), grants=bare, rules=rules).code is (
        Code.NOT_BY_NAME
    )


def test_reading_needs_no_name() -> None:
    assert ask(question(named="anything")).decision


def test_what_is_joined_is_not_stored_joined() -> None:
    rules = Enforcer([Pack((HEALTH, line(3, "health", act="use.link")))])
    found = ask(link(LISTED), rules=rules)
    assert found.decision
    assert found.also == (APART_OBLIGATION,)
    assert ask().also == ()


# Stories take their own path.


@pytest.mark.parametrize("klass", sorted(STORIES))
def test_a_story_carries_its_tellers_wishes(klass) -> None:
    item = replace(SLEEP, said=Classification(frozenset({klass}), frozenset({RIVER})))
    rules = Enforcer([Pack((line(1, klass),))])
    alone = ask(item=item, rules=rules)
    assert (alone.code, alone.also) == (Code.OBLIGATION, (STORY_OBLIGATION,))
    able = question(obligations=frozenset({SLICE_OBLIGATION, STORY_OBLIGATION}))
    found = ask(able, item=item, rules=rules)
    assert found.decision
    assert found.also == (STORY_OBLIGATION,)


def test_what_became_a_story_after_the_grant_is_one_now() -> None:
    """It is asked about as it is confirmed today, not as it was when the bodies decided."""
    assert PINNED.classes == {"health"}
    rules = Enforcer([Pack((HEALTH, line(3, "korero")))])
    assert ask(item=STORY, rules=rules).code is Code.OBLIGATION


# What is not settled.


@pytest.mark.parametrize(
    ("contested", "asked", "facts", "refused"),
    [
        ({RIVER}, None, {}, True),
        ({RIVER}, Slice(frozenset({HILL})), {}, False),
        ({RIVER}, Slice(frozenset({RIVER, HILL})), {}, True),
        ({ISLAND}, None, {}, False),
        ({PLACES[0]}, None, {}, False),
        ({PLACES[0]}, None, {"places": frozenset(PLACES)}, True),
        ({PLACES[0]}, Slice(frozenset({RIVER}), frozenset({PLACES[1]})),
         {"places": frozenset(PLACES)}, False),
        ({PLACES[0]}, None, {"places": frozenset(PLACES), "whole": True}, True),
        ({RIVER}, None, {"whole": True}, True),
        ({PLACES[0]}, None, {"whole": True}, False),
    ],
    ids=["its people", "another people of it", "one of two", "a people of others",
         "a place of others", "its place", "another place of it", "a place of what is whole",
         "a people of what is whole", "a place that what is whole has not"],
)  # fmt: skip
def test_what_is_contested_rests_until_it_is_settled(contested, asked, facts, refused) -> None:
    held = {"g": grant(items={"survey.sleep": replace(PINNED, **facts)})}
    found = ask(question(slice=asked), grants=held, unsettled=Unsettled(frozenset(contested)))
    assert found.code is (Code.CONTESTED if refused else None)
    # Settled, it is open again: nothing was written down that anybody must undo.
    assert ask(question(slice=asked), grants=held).decision


def test_a_dispute_rests_what_rests_on_it_and_nothing_else() -> None:
    others = {"g": grant(decisions={"body-island": "entry-island"})}
    unsettled = Unsettled(disputed=frozenset({"entry-river"}))
    assert ask(unsettled=unsettled).code is Code.DISPUTED
    assert ask(grants=others, unsettled=unsettled).decision
    assert ask().decision


def test_a_yes_does_not_outlive_a_letter_that_lapses() -> None:
    soon = NOW + timedelta(seconds=2)
    held = {"g": grant(lapses={"body-ethics": soon, "body-other": soon + timedelta(1)})}
    assert ask(grants=held).valid_until == soon
    assert ask(grants=held, now=soon).code is Code.LAPSED


# Areas of purpose.


def test_a_rule_against_an_area_refuses_whatever_the_purpose_is_called() -> None:
    policing = line(7, EVERY, "deny", purpose="policing")
    rules = Enforcer([Pack((HEALTH, policing))])
    for purpose, area, refused in (
        ("sleep-study", "policing", True),
        ("sleep-study", "health", False),
        ("policing", "health", True),
        ("sleep-study", "", False),
    ):
        held = {"g": grant(purpose=purpose, area=area)}
        found = ask(question(purpose=purpose), grants=held, rules=rules)
        assert found.code is (Code.NOT_PERMITTED if refused else None), (purpose, area)
        told = rules_refuse(
            rules, asked_of(SLEEP, "use.read", purposes_of(purpose, area), GRANTED, PINNED), NOW
        )
        assert (told.code if told else None) is found.code


def test_nobody_is_let_in_by_calling_a_purpose_after_an_area() -> None:
    """A rule that allows an area does not allow a purpose of that name in another."""
    rules = Enforcer([Pack((line(1, "health", purpose="health"),))])
    held = {"g": grant(purpose="health", area="debt")}
    assert ask(question(purpose="health"), grants=held, rules=rules).code is (
        Code.NOT_PERMITTED_NOW
    )
