"""Casbin as the enforcer: its traps one by one, and against an evaluator written by hand.

The ten traps are those found by trying (the study of Casbin that this engine was
chosen by); most of them fail open in a stock installation.
"""

import dataclasses
import json
import threading
from datetime import timedelta
from itertools import pairwise

import pytest
from builders import PEOPLES, PLACES, START, slices
from casbin.core_enforcer import CoreEnforcer
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.codec import written
from policies.enforcer import (
    NOTHING,
    Answer,
    Enforcer,
    Question,
    RoutingQuestion,
    part_of_people,
    part_of_place,
)
from policies.refusals import Code
from policies.rules import (
    EVERY,
    ROLES,
    FaultsError,
    Pack,
    RoleRule,
    RoutingRule,
    Rule,
    read_pack,
)
from policies.slices import Slice
from policies.types import CLASSES, NOBODY, Capacity, Level

RIVER, HILL, ISLAND = PEOPLES
WHY = "Because the test says so."
HEADER = "id,role,act,collection,item,class,purpose,level,slice,from,until,effect,because\n"


def rule(number: int = 1, **but: object) -> Rule:
    """A line that lets grantees read health data, but for what is said otherwise."""
    plain = {
        "id": f"LINE-{number}", "role": "role:grantee", "act": "use.read", "collection": EVERY,
        "item": EVERY, "klass": "health", "purpose": EVERY, "level": EVERY, "slice": EVERY,
        "effect": "allow", "because": WHY,
    }  # fmt: skip
    return Rule(**{**plain, **but})


def enforcer(*rules: Rule, restrictions: tuple[Rule, ...] = (), **more: tuple) -> Enforcer:
    return Enforcer([Pack(rules, **more)], restrictions)


def question(**but: object) -> Question:
    plain = {
        "role": "role:grantee", "act": "use.read", "at": START, "collection": "survey",
        "item": "survey.sleep", "klass": "health", "purpose": "sleep-study", "level": "aggregate",
        "slice": Slice(frozenset({RIVER})),
    }  # fmt: skip
    return Question(**{**plain, **but})


def restricting(asked: Slice, hidden: bool = False, number: int = 1, **but: object) -> Rule:
    """An open restriction's deny line, as it is projected."""
    fixed = {
        "role": EVERY, "klass": EVERY, "slice": json.dumps(asked.to_json()), "effect": "deny",
        "restriction": f"restriction-{number}", "hidden": hidden,
    }  # fmt: skip
    return rule(90 + number, **{**fixed, **but})


def no_rule(answer: Answer) -> bool:
    return not answer.allowed and answer.code is Code.NO_RULE and answer.rule is None


def test_the_line_that_lets_through_is_named() -> None:
    line = rule()
    assert enforcer(line).may(question()) == Answer(True, None, line)


def test_a_deny_overrides_every_allow_whatever_the_order() -> None:
    allow, deny = rule(1), rule(2, effect="deny")
    for lines in ((allow, deny), (deny, allow)):
        assert enforcer(*lines).may(question()) == Answer(False, Code.NOT_PERMITTED, deny)


# The ten traps.


@pytest.mark.parametrize(
    "effect", ["Deny", "DENY", "refuse", "deny ", " deny", "", "allowed", "no"]
)
def test_trap_1_an_effect_that_is_neither_allow_nor_deny_is_refused_when_it_is_read(effect) -> None:
    line = f"LINE-1,role:grantee,use.read,*,*,health,*,*,*,*,*,{effect},{WHY}\n"
    with pytest.raises(FaultsError) as refused:
        read_pack({"rules.csv": (HEADER + line).encode()})
    assert [(fault.line, fault.column) for fault in refused.value.faults] == [(2, "effect")]


def test_trap_2_what_no_line_allows_is_refused_even_where_none_denies() -> None:
    only_denies = enforcer(rule(1, effect="deny", act="use.train"))
    assert no_rule(only_denies.may(question()))


@pytest.mark.parametrize("packs", [[], [Pack()], [Pack(), Pack()]])
def test_trap_3_an_empty_set_of_rules_refuses_everything(packs) -> None:
    nothing = Enforcer(packs)
    assert no_rule(nothing.may(question()))
    assert no_rule(nothing.may(Question("role:anyone", "person:draft:write", START)))
    assert nothing.must_decide(RoutingQuestion("body-a", Capacity.PEOPLE, "health", RIVER)) is None


def test_trap_4_quotes_commas_and_brackets_in_a_line_are_kept_as_they_are_meant() -> None:
    asked = json.dumps({"peoples": [RIVER], "places": "any"}).replace('"', '""')
    text = HEADER + (
        'LINE-1,"role:grantee",use.read,"*",*,health,*,*,*,*,*,allow,"Read it, (gently."\n'
        f'LINE-2,role:grantee,use.read,*,*,"*",*,*,"{asked}",*,*,deny,"Not this (one, please."\n'
    )
    held = Enforcer([read_pack({"rules.csv": text.encode()})])
    allowed = held.may(question(slice=Slice(frozenset({HILL}))))
    denied = held.may(question())
    assert allowed.allowed
    assert allowed.rule.because == "Read it, (gently."
    assert denied.code is Code.NOT_PERMITTED
    assert denied.rule.because == "Not this (one, please."


@pytest.mark.parametrize(
    "name", ["person-1", "LINE-1", "*", "", "role:kaumatua", "role:Grantee", "role:grantee "]
)
def test_trap_5_only_a_role_that_accord_works_out_itself_can_be_asked_about(name) -> None:
    held = enforcer(
        rule(role=EVERY), roles=(RoleRule("ROLE-1", "role:applicant", "role:grantee", WHY),)
    )
    assert no_rule(held.may(question(role=name)))


def test_trap_6_unknown_subjects_leave_nothing_in_the_role_manager() -> None:
    links = (RoleRule("ROLE-1", "role:applicant", "role:participant", WHY),)
    held = enforcer(rule(role="role:participant"), roles=links)
    relation = held._permission._links[1][-1].relations["g"]
    for role in ROLES:
        held.may(question(role=role))
    known, reached = set(relation._links), len(relation._reached)
    for number in range(300):
        held.may(question(role=f"person-{number}"))
        held.may(question(whose=f"people:{number}"))
        assert relation.reach(f"role:{number}") == {f"role:{number}"}
    assert set(relation._links) == known == {"role:applicant"}
    assert len(relation._reached) == reached == 1


def test_trap_7_the_longest_chain_of_roles_there_can_be_still_carries_a_deny() -> None:
    chain = sorted(ROLES)
    links = tuple(
        RoleRule(f"ROLE-{n}", role, more, WHY) for n, (role, more) in enumerate(pairwise(chain))
    )
    held = enforcer(rule(role=EVERY), rule(2, role=chain[-1], effect="deny"), roles=links)
    for role in chain:
        assert held.may(question(role=role)).code is Code.NOT_PERMITTED
    assert len(chain) < 10, "Casbin follows a chain of nine links and loses the tenth"


def test_trap_8_one_explanation_of_several_is_given_and_it_is_a_line_that_denies() -> None:
    denies = [rule(n, effect="deny", because=f"Reason number {n}.") for n in (2, 3, 4)]
    answer = enforcer(rule(1), *denies).may(question())
    assert answer.rule in denies


def test_trap_9_switching_casbin_off_opens_nothing() -> None:
    """There is nothing in here that could be switched off: no enforcer of Casbin's own."""
    held = enforcer(rule(1, effect="deny"), rule(2), routing=(routing("self"),))
    for engine in (held._permission, held._route):
        assert not hasattr(engine, "enable_enforce")
        assert not [each for each in vars(engine).values() if isinstance(each, CoreEnforcer)]
    assert not held.may(question()).allowed
    assert not held.may(question(act="use.train")).allowed
    assert not held.may(Question("role:anyone", "deployment:ledger:export", START)).allowed
    assert held.must_decide(RoutingQuestion("body-a", Capacity.ETHICS, "health")) is None


def test_trap_10_whoever_asks_while_rules_change_is_answered_by_those_of_one_position() -> None:
    """The rules and the roles that they speak of change together, or not at all."""
    held = enforcer(rule(1, role="role:participant"))
    stop = threading.Event()
    wrong: list[tuple[int, bool]] = []

    def ask(position: int) -> None:
        view = held.at(position)
        while not stop.is_set():
            found = view.may(question(role="role:applicant")).allowed
            if found is not (position % 2 == 1):
                wrong.append((position, found))

    for position in range(1, 41):
        odd = position % 2 == 1
        link = [("role:applicant", "role:participant")]
        held.include(*((link, ()) if odd else ((), link)), position=position)
        other = rule(2, id="LINE-2", role="role:applicant", effect="deny")
        if odd:
            held.take("LINE-2", position)
        else:
            held.put(other, position)
    askers = [threading.Thread(target=ask, args=(each,)) for each in range(33, 41)]
    for each in askers:
        each.start()
    for position in range(41, 90):
        held.put(rule(3, id="LINE-3", role="role:applicant", effect="deny"), position)
        held.include([("role:applicant", "role:member")], position=position)
    stop.set()
    for each in askers:
        each.join()
    assert not wrong


# What is unknown or empty is refused before Casbin is asked.


@pytest.mark.parametrize(
    "but",
    [
        {"role": "role:nobody"},
        {"act": "use.destroy"},
        {"act": EVERY},
        {"act": ""},
        {"klass": "Health"},
        {"klass": EVERY},
        {"klass": ""},
        {"level": "finest"},
        {"level": EVERY},
        {"collection": EVERY},
        {"item": EVERY},
        {"purpose": EVERY},
        {"slice": Slice(frozenset())},
        {"slice": Slice(places=frozenset())},
        {"slice": Slice(years=frozenset())},
    ],
)
def test_what_is_unknown_or_empty_or_everything_is_refused(but) -> None:
    lets_all_through = enforcer(rule(role=EVERY, act=EVERY, klass=EVERY))
    assert lets_all_through.may(question()).allowed
    assert no_rule(lets_all_through.may(question(**but)))


def test_a_star_in_a_question_cannot_slip_past_a_deny_line_for_one_thing() -> None:
    held = enforcer(rule(1), rule(2, item="survey.sleep", effect="deny"))
    assert no_rule(held.may(question(item=EVERY)))


def test_two_lines_with_one_id_are_two_lines() -> None:
    """Otherwise the one that is lost may be the one that denies."""
    for lines in ((rule(1, effect="deny"), rule(1)), (rule(1), rule(1, effect="deny"))):
        assert enforcer(*lines).may(question()).code is Code.NOT_PERMITTED
    assert enforcer(rule(1), rule(1)).may(question()).allowed
    held = enforcer(
        rule(1),
        restrictions=(
            restricting(Slice(frozenset({RIVER}))),
            restricting(Slice(frozenset({RIVER})), item="survey.other"),
        ),
    )
    assert held.may(question()).code is Code.RESTRICTED


# Restrictions.


def test_a_restriction_that_overlaps_the_slice_denies_and_a_neighbours_does_not() -> None:
    held = enforcer(rule(), restrictions=(restricting(Slice(frozenset({RIVER, HILL}))),))
    for peoples in ({RIVER}, {RIVER, ISLAND}, {HILL}):
        assert held.may(question(slice=Slice(frozenset(peoples)))).code is Code.RESTRICTED
    assert held.may(question(slice=Slice())).code is Code.RESTRICTED
    assert held.may(question(slice=Slice(frozenset({ISLAND})))).allowed


def test_a_coarser_level_does_not_step_around_a_restriction() -> None:
    fine = Slice(frozenset({RIVER}), level=Level.IDENTIFIABLE)
    held = enforcer(rule(), restrictions=(restricting(fine),))
    assert held.may(question(level="aggregate")).code is Code.RESTRICTED


def test_a_hidden_restriction_answers_with_a_code_that_says_nothing_of_it() -> None:
    held = enforcer(rule(), restrictions=(restricting(Slice(frozenset({RIVER})), hidden=True),))
    assert held.may(question()).code is Code.NOT_PERMITTED_NOW


def test_overlapping_restrictions_must_all_be_lifted() -> None:
    one, two = restricting(Slice(frozenset({RIVER}))), restricting(Slice(), number=2)
    assert not enforcer(rule(), restrictions=(one, two)).may(question()).allowed
    assert not enforcer(rule(), restrictions=(one,)).may(question()).allowed
    assert not enforcer(rule(), restrictions=(two,)).may(question()).allowed
    assert enforcer(rule()).may(question()).allowed


def test_a_restriction_whose_slice_cannot_be_read_binds() -> None:
    for unreadable in ("", "{", "[]", '{"peoples": "river-people"}'):
        held = enforcer(rule(), restrictions=(restricting(Slice(), slice=unreadable),))
        assert held.may(question()).code is Code.RESTRICTED


# A pack in a body's own name.


def test_a_bodys_lines_reach_its_own_peoples_and_no_further() -> None:
    pack = Pack((rule(1), rule(2, effect="deny", purpose="policing", because="Not for this.")))
    adopted = pack.adopted_by("body-river")
    held = Enforcer([adopted], speaking=[(part_of_people(RIVER), "body-river")])
    assert [line.id for line in adopted.rules] == ["LINE-1@body-river", "LINE-2@body-river"]
    own, others = part_of_people(RIVER), part_of_people(HILL)
    assert held.may(question(whose=own)).rule.adopter == "body-river"
    assert held.may(question(whose=own, purpose="policing")).code is Code.NOT_PERMITTED
    for purpose in ("sleep-study", "policing"):
        assert no_rule(held.may(question(whose=others, purpose=purpose)))
        assert no_rule(held.may(question(purpose=purpose)))
    # A place is not the people of the same name.
    assert no_rule(held.may(question(whose=part_of_place(RIVER))))


def test_a_body_that_speaks_for_none_denies_for_all_and_allows_for_none() -> None:
    """An ethics committee's no stands everywhere; its yes is no people's own."""
    pack = Pack((rule(1), rule(2, effect="deny", purpose="policing", because="Not for this.")))
    held = Enforcer([pack.adopted_by("body-ethics", own=False)])
    assert no_rule(held.may(question(whose=part_of_people(RIVER))))
    denied = held.may(question(whose=part_of_people(RIVER), purpose="policing"))
    assert denied.code is Code.NOT_PERMITTED


@pytest.mark.parametrize(
    ("since", "until", "when", "allowed"),
    [
        ("*", "*", 0, True), ("*", "*", 9, True),
        (3, "*", 2, False), (3, "*", 3, True), ("*", 5, 4, True), ("*", 5, 5, False),
        (3, 5, 2, False), (3, 5, 4, True), (3, 5, 6, False),
    ],
)  # fmt: skip
def test_a_line_is_in_force_from_its_first_instant_to_before_its_last(
    since, until, when, allowed
) -> None:
    def day(number):
        return number if number == "*" else written(START + timedelta(days=number))

    held = enforcer(rule(since=day(since), until=day(until)))
    assert held.may(question(at=START + timedelta(days=when))).allowed is allowed


def test_a_no_from_a_day_on_is_no_no_before() -> None:
    held = enforcer(rule(1), rule(2, effect="deny", since=written(START + timedelta(days=3))))
    assert held.may(question()).allowed
    assert held.may(question(at=START + timedelta(days=3))).code is Code.NOT_PERMITTED


def test_every_line_that_matched_is_told_and_the_one_that_decided_among_them() -> None:
    lines = [
        rule(1),
        rule(2),
        rule(3, effect="deny"),
        rule(4, effect="deny"),
        rule(5, klass="child"),
    ]
    answer = enforcer(*lines, restrictions=(restricting(Slice(), hidden=True),)).may(question())
    assert {each.id for each in answer.matched} == {
        "LINE-1",
        "LINE-2",
        "LINE-3",
        "LINE-4",
        "LINE-91",
    }
    assert answer.rule.id == "LINE-3"
    assert {each.id for each in enforcer(rule(1), rule(2)).may(question()).matched} == {
        "LINE-1", "LINE-2",
    }  # fmt: skip


def test_the_same_pack_adopted_by_two_bodies_is_in_force_twice() -> None:
    pack = Pack((rule(1),), (routing("self"),))
    both = [pack.adopted_by("body-river"), pack.adopted_by("body-hill")]
    held = Enforcer(both)
    for body in ("body-river", "body-hill"):
        found = held.must_decide(RoutingQuestion(body, Capacity.PEOPLE, "health", RIVER))
        assert found is not None
        assert found.adopter == body
    assert held.must_decide(RoutingQuestion("body-x", Capacity.PEOPLE, "health", RIVER)) is None


# Against an evaluator written by hand.


def covers(ruled: str, asked: Slice) -> bool:
    """Do a rule's slice and the one asked for have any record in common?"""
    if ruled == EVERY:
        return True
    written = json.loads(ruled)
    for part, whole in (
        ("peoples", asked.peoples),
        ("places", asked.places),
        ("years", asked.years),
    ):
        theirs = written[part]
        if "any" not in (theirs, whole) and not set(theirs) & set(whole):
            return False
        if theirs == [] or whole == frozenset():
            return False
    return True


def expected_of(rules: list[Rule], links: list[tuple[str, str]], asked: Question) -> bool:
    """Is it allowed? Some allow line fits and no deny line does; told line by line."""
    if asked.slice.empty:
        return False
    roles, before = {asked.role}, set()
    while roles != before:
        before = set(roles)
        roles |= {more for role, more in links if role in before}
    fits = [
        each.effect
        for each in rules
        if each.role in roles | {EVERY}
        and each.act in (asked.act, EVERY)
        and each.collection in (asked.collection, EVERY)
        and each.item in (asked.item, EVERY)
        and each.klass in (asked.klass, EVERY)
        and each.purpose in (asked.purpose, EVERY)
        and each.level in (asked.level, EVERY)
        and covers(each.slice, asked.slice)
    ]
    return "allow" in fits and "deny" not in fits


def or_every(*values: str) -> st.SearchStrategy[str]:
    return st.sampled_from([*values, EVERY, EVERY])


SOME_ROLES = ("role:grantee", "role:applicant", "role:participant", "role:member")
written_slices = slices(1).map(lambda each: json.dumps(each.to_json()))
some_rules = st.lists(
    st.builds(
        rule,
        st.integers(1, 4),
        role=or_every(*SOME_ROLES),
        act=or_every("use.read", "use.link"),
        collection=or_every("survey", "genomes"),
        item=or_every("survey.sleep", "survey.diet"),
        klass=or_every("health", "child"),
        purpose=or_every("sleep-study", "other-study"),
        level=or_every(*Level),
        slice=st.just(EVERY) | written_slices,
        effect=st.sampled_from(["allow", "allow", "allow", "deny"]),
    ),
    max_size=6,
)
some_links = st.lists(
    st.tuples(st.sampled_from(SOME_ROLES), st.sampled_from(SOME_ROLES)), max_size=3
)
some_questions = st.lists(
    st.builds(
        question,
        role=st.sampled_from(SOME_ROLES),
        act=st.sampled_from(["use.read", "use.link"]),
        collection=st.sampled_from(["survey", "genomes", NOTHING]),
        item=st.sampled_from(["survey.sleep", "survey.diet", NOTHING]),
        klass=st.sampled_from(["health", "child", NOTHING]),
        purpose=st.sampled_from(["sleep-study", "other-study"]),
        level=st.sampled_from([*Level, NOTHING]),
        slice=slices(),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=150)
@given(some_rules, some_rules, some_links, some_questions)
def test_permission_agrees_with_an_evaluator_written_by_hand(
    lines, restrictions, links, questions
) -> None:
    denies = [dataclasses.replace(each, effect="deny", restriction="r") for each in restrictions]
    roles = tuple(RoleRule(f"ROLE-{n}", *each, WHY) for n, each in enumerate(links))
    held = Enforcer([Pack(tuple(lines), roles=roles)], denies)
    for asked in questions:
        answer = held.may(asked)
        assert answer.allowed is expected_of([*lines, *denies], links, asked)
        assert answer.allowed is (answer.code is None)
        if answer.rule is not None:
            assert answer.allowed is (answer.rule.effect == "allow")


@settings(max_examples=60)
@given(some_rules, some_questions, st.randoms())
def test_the_order_of_lines_changes_no_answer(lines, questions, rng) -> None:
    shuffled = list(lines)
    rng.shuffle(shuffled)
    one, other = enforcer(*lines), enforcer(*shuffled)
    for asked in questions:
        assert one.may(asked).allowed is other.may(asked).allowed


@settings(max_examples=60)
@given(some_rules, some_questions, some_rules)
def test_one_more_deny_line_never_lets_anything_through(lines, questions, more) -> None:
    denies = tuple(dataclasses.replace(each, effect="deny") for each in more)
    fewer, with_more = enforcer(*lines), enforcer(*lines, *denies)
    for asked in questions:
        assert not with_more.may(asked).allowed or fewer.may(asked).allowed


def routing(body: str, **but: str) -> RoutingRule:
    plain = {
        "id": "ROUTE-1", "body": body, "capacity": "people", "klass": EVERY, "people": EVERY,
        "place": EVERY, "because": WHY,
    }  # fmt: skip
    return RoutingRule(**{**plain, **but})


BODIES = ("body-river", "body-hill", NOBODY)
some_routing = st.lists(
    st.builds(
        routing,
        or_every(*BODIES),
        capacity=st.sampled_from(Capacity),
        klass=or_every("health", "child"),
        people=or_every(*PEOPLES),
        place=or_every(*PLACES),
    ),
    max_size=5,
)
some_routing_questions = st.lists(
    st.builds(
        RoutingQuestion,
        st.sampled_from(BODIES),
        st.sampled_from(Capacity),
        st.sampled_from(["health", "child", "voice"]),
        st.sampled_from([*PEOPLES, NOTHING]),
        st.sampled_from([*PLACES, NOTHING]),
    ),
    min_size=1,
    max_size=8,
)


def must_by_hand(lines: list[RoutingRule], asked: RoutingQuestion) -> bool:
    """A line for every body never speaks for nobody."""
    for each in lines:
        for_body = each.body == asked.body or (each.body == EVERY and asked.body != NOBODY)
        if (
            for_body
            and each.capacity == asked.capacity
            and each.klass in (asked.klass, EVERY)
            and each.people in (asked.people, EVERY)
            and each.place in (asked.place, EVERY)
        ):
            return True
    return False


@settings(max_examples=150)
@given(some_routing, some_routing_questions)
def test_routing_agrees_with_an_evaluator_written_by_hand(lines, questions) -> None:
    held = Enforcer([Pack(routing=tuple(lines))])
    for asked in questions:
        found = held.must_decide(asked)
        assert (found is not None) is must_by_hand(lines, asked)
        if found is not None:
            assert must_by_hand([found], asked)


def test_routing_asks_nothing_about_a_class_that_is_unknown() -> None:
    held = Enforcer([Pack(routing=(routing("self"),))])
    assert held.must_decide(RoutingQuestion("self", Capacity.PEOPLE, "health", RIVER)) is not None
    assert held.must_decide(RoutingQuestion("self", Capacity.PEOPLE, "Health", RIVER)) is None
    assert "unknown" not in CLASSES
