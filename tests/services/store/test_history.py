"""What held then, from the change log and the streams, on both databases."""

import itertools
import json
import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from policies.access import Answer, Basis
from policies.body import commands as body
from policies.body.commands import DEPLOYMENT
from policies.catalogue import commands as catalogue
from policies.catalogue.classification import Classification
from policies.enforcer import Enforcer, Question, part_of_people
from policies.grant import commands as grant
from policies.refusals import Code, RefusedError
from policies.request.commands import PinnedItem
from policies.request.events import Terms
from policies.restriction.commands import Scope, Visibility
from policies.restriction.state import RestrictionState, Status
from policies.rules import EVERY, Pack, Rule
from policies.slices import Slice
from policies.types import SYSTEM, Kawa, KawaRule, Sitting
from policies.use import SLICE_OBLIGATION, UseQuestion
from services import answered, calendar, clock, history
from services.past_rules import PastRules, begins, position_at, positions_within
from services.store import in_force, schema, versions
from services.store.projections import CATALOGUE

ITEM = "collection.table.variable"
PEOPLE = "people-river"
BODY = "body-river"
PERSON = "person-asks"
SECRETARY = "person-secretary"


def rule(name: str, effect: str = "allow", **columns: str) -> Rule:
    given = {"act": "use", "since": EVERY, "until": EVERY, **columns}
    return Rule(
        name, "role:grantee", given["act"], EVERY, EVERY, EVERY, EVERY, EVERY, EVERY, effect,
        "Invented, to be read in a test.", given["since"], given["until"],
    )  # fmt: skip


# The rules, as of each position.


def restriction(lifted: bool, hidden: bool) -> RestrictionState:
    scope = Scope(Slice(frozenset({PEOPLE})), acts=frozenset({"use.read"}))
    visibility = Visibility.HIDDEN if hidden else Visibility.SHOWN
    return RestrictionState(Status.LIFTED if lifted else Status.OPEN, BODY, scope, visibility)


def changing(house: Any, chosen: random.Random, number: int) -> Any:
    """One change, as a use case makes it; returns what is in force after it."""
    bodies, names = (BODY, "body-hill"), ("one", "two", "three")
    with house.store.write() as connection:
        entry = f"entry-{number}"
        match chosen.choice(("adopt", "withdraw", "restrict", "lift")):
            case "adopt":
                body = chosen.choice(bodies)
                lines = tuple(
                    rule(name, chosen.choice(("allow", "deny")))
                    for name in chosen.sample(names, chosen.randint(1, 3))
                )
                pack = Pack(lines).adopted_by(body)
                in_force.replace_pack(connection, chosen.choice(names), body, pack, entry)
            case "withdraw":
                body = chosen.choice(bodies)
                in_force.replace_pack(connection, chosen.choice(names), body, Pack(), entry)
            case what:
                name = f"restriction-{chosen.choice(names)}"
                state = restriction(what == "lift", chosen.random() < 0.5)
                in_force.restrict(connection, name, state, entry)
    with house.store.read() as connection:
        return (
            position(connection), clock.now(connection), in_force.read_whole(connection)
        )  # fmt: skip


def position(connection: sa.Connection) -> int:
    return versions.read(connection, (versions.RULE_CHANGES,))[versions.RULE_CHANGES]


def said(enforcer: Enforcer, at: datetime) -> list[Any]:
    """Everything that an enforcer answers to some questions, the lines that matched among it."""
    return [
        (found.allowed, found.code, found.rule, sorted(found.matched, key=lambda each: each.id))
        for act in ("use.read", "use.link")
        for people in (PEOPLE, "people-hill")
        for found in [
            enforcer.may(
                Question(
                    "role:grantee", act, at, part_of_people(people), "collection", ITEM, "health",
                    "study", "aggregate", Slice(frozenset({people})),
                )
            )
        ]
    ]  # fmt: skip


def test_the_rules_of_each_position_are_those_that_were_in_force_there(house: Any) -> None:
    chosen = random.Random(4)
    house.carried(house.enter(BODY))
    seen = [changing(house, chosen, number) for number in range(60)]
    with house.store.read() as connection:
        forward = PastRules(connection)
        for number in [*range(60), *chosen.sample(range(60), 30)]:
            at, instant, whole = seen[number]
            was = Enforcer()
            was.put_all((line.id, line) for line in (*whole.rules, *whole.routing))
            was.include(whole.roles)
            was.speak(whole.speaking)
            again = forward.at(at)
            assert said(again, instant) == said(was, instant)
            assert again.size == was.size
            assert position_at(connection, instant) == at


def test_a_line_that_begins_and_ends_turns_the_answer(house: Any) -> None:
    house.carried(house.enter(BODY))
    with house.store.write() as connection:
        lines = (rule("one", since="2026-05-03T01:00:00.000000Z", until=EVERY),)
        in_force.replace_pack(connection, "one", BODY, Pack(lines).adopted_by(BODY), "entry-1")
    with house.store.read() as connection:
        rules = PastRules(connection)
        rules.at(position(connection))
        first = datetime.fromisoformat("2026-05-03T01:00:00Z")
        assert rules.turns(first - timedelta(days=1), first) == [first]
        assert rules.turns(first, first + timedelta(days=9)) == []


def test_what_an_upgrade_found_is_no_history(house: Any) -> None:
    """Rows that nothing caused say what was in force when the log began, one after another."""
    add_gateway(house)
    for name in ("one", "two"):
        with house.store.write() as connection:
            in_force.replace_pack(connection, name, BODY, Pack((rule(name),)).adopted_by(BODY))
    with house.store.read() as connection:
        last = position(connection)
        assert begins(connection).position == last
    with house.store.write() as connection:
        lines = Pack((rule("three"),)).adopted_by(BODY)
        in_force.replace_pack(connection, "three", BODY, lines, "entry-1")
        in_force.replace_pack(connection, "two", BODY, Pack())
    with house.store.read() as connection:
        since = begins(connection)
        assert since.position == last
        assert position_at(connection, since.rules - timedelta(microseconds=1)) < last
        question = UseQuestion(PERSON, "use.read", ITEM, "study", None, frozenset())
        assert not history.answer_at(connection, question, since.rules).found.decision
        with pytest.raises(RefusedError) as refused:
            history.answer_at(connection, question, since.rules - timedelta(microseconds=1))
        assert refused.value.refused.code is Code.INVALID
        assert "written down since" in refused.value.refused.sentence


# A grant and what it needs, without a server.


@pytest.fixture
def granted(house: Any) -> datetime:
    """The person may read the item from about now until an hour from now; returns that instant."""
    house.carried(house.enter(BODY, SECRETARY))
    with house.store.write() as connection:
        staged = {"id": "batch-1", "sha256": "0" * 64, "rows": 1, "status": "staged",
                  "staged_at": ""}  # fmt: skip
        connection.execute(sa.insert(schema.imports).values(staged))
        row = {"id": ITEM, "collection": "collection", "table": "t", "variable": "v",
               "search": "", "batch": "batch-1"}  # fmt: skip
        connection.execute(sa.insert(schema.items).values(row))
        own = Pack((rule("read"),)).adopted_by(BODY)
        in_force.replace_pack(connection, "own", BODY, own, "entry-own")
    (name,) = house.words(SECRETARY, "text-people")
    house.carried(
        house.envelope(CATALOGUE, SECRETARY, catalogue.Name({PEOPLE: name}, {})),
        house.envelope(
            CATALOGUE, SECRETARY, catalogue.Import("batch-1", "0" * 64, 1, ("collection",))
        ),
    )
    confirm(house, "health")
    ends = house.now() + timedelta(hours=1)
    own_part = frozenset({PEOPLE})
    terms = Terms(
        "request-1", PERSON, (PERSON,), "study", frozenset({"use.read"}),
        {ITEM: PinnedItem("collection", frozenset({"health"}), own_part, frozenset())},
        Slice(own_part), ends, (), {BODY: "entry-decided"}, (),
    )  # fmt: skip
    house.carried(house.envelope("grant-1", SYSTEM, grant.Issue(terms)))
    return ends


def confirm(house: Any, *classes: str) -> None:
    people = frozenset({PEOPLE})
    sitting = Sitting(BODY, 1, Kawa(KawaRule.CONSENSUS), frozenset({SECRETARY}))
    command = catalogue.Confirm(
        sitting, frozenset({ITEM}), Classification(frozenset(classes), people), people, frozenset()
    )
    house.carried(house.envelope(CATALOGUE, SECRETARY, command))


def question(**instead: Any) -> UseQuestion:
    asked = UseQuestion(PERSON, "use.read", ITEM, "study", None, frozenset({SLICE_OBLIGATION}))
    return replace(asked, **instead)


def ahead(house: Any, **by: float) -> datetime:
    """Time passes; returns the instant that it is then."""
    with house.store.write() as connection:
        return clock.advance(connection, timedelta(**by))


def told(house: Any, at: datetime, **instead: Any) -> str:
    with house.store.read() as connection:
        return str(history.answer_at(connection, question(**instead), at).found.code or "allowed")


def test_an_instant_is_answered_by_the_state_of_each_stream_then(
    house: Any, granted: datetime
) -> None:
    begun = house.now()
    ahead(house, minutes=1)
    with house.store.write() as connection:
        in_force.restrict(connection, "restriction-1", restriction(False, True), "entry-placed")
    hidden = house.now()
    ahead(house, minutes=1)
    with house.store.write() as connection:
        in_force.restrict(connection, "restriction-1", restriction(True, True), "entry-lifted")
    lifted = house.now()
    ahead(house, hours=2)
    assert told(house, begun) == "allowed"
    assert told(house, hidden) == "not_permitted_now"
    assert told(house, lifted) == "allowed"
    assert told(house, granted - timedelta(microseconds=1)) == "allowed"
    assert told(house, granted) == "no_grant"
    assert told(house, begun, purpose="another") == "other_purpose"
    assert told(house, begun, subject="person-2") == "no_grant"
    assert told(house, begun, item="collection.table.other") == "not_found"
    with house.store.read() as connection:
        first = connection.execute(
            sa.select(schema.entries.c.at).where(
                schema.entries.c.stream == "grant-1", schema.entries.c.sequence == 1
            )
        ).scalar_one()
    before = datetime.fromisoformat(first) - timedelta(microseconds=1)
    assert told(house, before) == "no_grant"


def test_what_an_item_was_is_what_bodies_had_confirmed_then(house: Any, granted: datetime) -> None:
    as_health = house.now()
    with house.store.write() as connection:
        no_voices = replace(rule("no-voices", "deny"), klass="voice")
        pack = Pack((no_voices,)).adopted_by(BODY)
        in_force.replace_pack(connection, "voices", BODY, pack, "entry-voices")
    still = house.now()
    confirm(house, "voice", "health")
    as_voice = house.now()
    confirm(house, "health")
    answers = [told(house, each) for each in (as_health, still, as_voice, house.now())]
    assert answers == ["allowed", "allowed", "not_permitted", "allowed"]


def day(house: Any, of: datetime) -> list[tuple[datetime, str]]:
    with house.store.read() as connection:
        part = history.day_of(connection, calendar.today(of))
        found = [
            (each.since, str(each.given.found.code or "allowed"))
            for each in history.stretches(connection, question(), part)
        ]
    assert part.cut is None
    return [next(same) for _, same in itertools.groupby(found, key=lambda each: each[1])]


def test_a_day_tells_what_time_alone_changed(house: Any, granted: datetime) -> None:
    """A line that begins and ends, and the end of the grant; each at its instant exactly."""
    begun = granted - timedelta(hours=1)
    from_, until = begun + timedelta(minutes=10), begun + timedelta(minutes=20)
    with house.store.write() as connection:
        line = rule("rests", "deny", since=written(from_), until=written(until))
        pack = Pack((line,)).adopted_by(BODY)
        in_force.replace_pack(connection, "rests", BODY, pack, "entry-rests")
    ahead(house, days=2)
    days = {calendar.today(each) for each in (from_, until, granted)}
    found = [each for one in sorted(days) for each in day(house, calendar.start_of(one))]
    at = dict(found)
    assert at[from_] == "not_permitted"
    assert at[until] == "allowed"
    assert at[granted] == "no_grant"


def written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_a_day_in_which_too_much_happened_is_cut_and_says_so(
    house: Any, granted: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_CHANGES", 4)
    for number in range(9):
        with house.store.write() as connection:
            pack = Pack((rule("more"),)).adopted_by(BODY)
            in_force.replace_pack(connection, f"more-{number}", BODY, pack, f"entry-{number}")
    with house.store.read() as connection:
        part = history.day_of(connection, calendar.today(clock.now(connection)))
        found = [each.since for each in history.stretches(connection, question(), part)]
    assert len(found) == 4
    assert part.cut is not None
    assert found == sorted(found)
    assert found[-1] < part.cut < part.last


# What was answered.


def recorded(house: Any, gateway: str = "gateway-1", **fields: Any) -> None:
    given: dict[str, Any] = {
        "subject": PERSON, "act": "use.read", "item": ITEM, "purpose": "study",
        "decision": False, "code": "not_found", "rule": None, "grant": None, "slice": None,
        **fields,
    }  # fmt: skip
    house.carried(house.envelope(f"access-{gateway}", SYSTEM, Answer(**given)))


def test_the_answers_of_a_time_are_found_in_streams_of_any_length(house: Any) -> None:
    for hour in range(30):
        for gateway, item in itertools.product(("gateway-1", "gateway-2"), (ITEM, "another")):
            recorded(house, gateway, item=item, code=f"at {hour}")
        ahead(house, hours=1)
    with house.store.read() as connection:
        first = clock.now(connection) - timedelta(hours=20, minutes=1)
        last = first + timedelta(hours=5)
        both = answered.gateways(connection)
        assert both == ["gateway-1", "gateway-2"]

        def found(most: int, by: list[str], newest: bool = False) -> list[str]:
            rows = answered.within(connection, question(), first, last, most, by, newest)
            assert all(first <= each.at < last and each.answered.item == ITEM for each in rows)
            assert [each.at for each in rows] == sorted(each.at for each in rows)
            return [each.answered.code for each in rows]

        hours = found(99, both[:1])
        assert len(hours) == 5
        assert found(99, both) == [each for each in hours for _ in both]
        assert found(2, both[:1]) == hours[:2]
        assert found(2, both[:1], newest=True) == hours[-2:]
        assert found(99, []) == []
        first, last = last + timedelta(days=99), last + timedelta(days=100)
        assert found(9, both) == []


def test_an_answer_that_does_not_follow_from_the_record_is_an_alarm(
    house: Any, granted: datetime
) -> None:
    add_gateway(house)
    at = house.now()
    sound = {
        "decision": True, "code": "allowed", "grant": "grant-1",
        "slice": Slice(frozenset({PEOPLE})),
        "basis": Basis(at, None, frozenset({SLICE_OBLIGATION}), None, {"grant-1": 1}),
    }  # fmt: skip
    recorded(house, **sound)
    for wrong in (
        {"decision": False, "code": "no_grant", "grant": None, "slice": None},
        {"slice": Slice()},
        {"grant": "grant-2"},
        {"basis": replace(sound["basis"], grants={})},
        {"basis": replace(sound["basis"], at=granted)},
        {"basis": replace(sound["basis"], obligations=frozenset())},
        {"rule": "R"},
        {"item": "collection.table.other"},
    ):
        recorded(house, **{**sound, **wrong})
    recorded(house, **{**sound, "basis": None})
    recorded(house, **{**sound, "basis": replace(sound["basis"], at=at - timedelta(days=9))})
    with house.store.read() as connection:
        checking = answered.Checking(connection, begins(connection), PastRules(connection))
        rows = connection.execute(
            sa.select(schema.entries.c.canonical)
            .where(schema.entries.c.stream == "access-gateway-1")
            .order_by(schema.entries.c.sequence)
        )
        again = [checking.again(answered.read(json.loads(bytes(row.canonical)))) for row in rows]
    assert [each.agrees for each in again] == [True, *[False] * 8, True, True]
    assert [each.why for each in again[-2:]] == [answered.NOT_WRITTEN, answered.BEFORE_THE_LOG]


def add_gateway(house: Any) -> None:
    name, document = house.words("person-operator", "text-name-d", "text-mandate-d")
    member = body.Member("person-operator", frozenset({"operator", "secretary"}))
    enter = body.Enter(
        name, body.Mandate(frozenset(), document=document), Kawa(KawaRule.CONSENSUS), (member,)
    )
    command = body.AddGateway("gateway-1", frozenset({"collection"}))
    house.carried(
        house.envelope(DEPLOYMENT, "person-operator", enter),
        house.envelope(DEPLOYMENT, "person-operator", command),
    )


def test_instants_at_which_rules_changed(house: Any) -> None:
    house.carried(house.enter(BODY))
    before = house.now()
    with house.store.write() as connection:
        in_force.replace_pack(connection, "one", BODY, Pack((rule("one"),)).adopted_by(BODY), "e")
    after = house.now()
    with house.store.read() as connection:
        ((at, place),) = positions_within(connection, before, after, 9)
        assert before < at < after
        assert place == position(connection)
        assert positions_within(connection, after, after + timedelta(days=1), 9) == []
