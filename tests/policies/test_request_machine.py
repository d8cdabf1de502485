"""Requests in every order that Hypothesis can think of, checked against a second telling.

Bodies, kawa, order, membership, items and slices are drawn; commands come repeated, late,
stale, and from drivers that have missed entries. `kit/second_request.py` says what
must hold of each event; the invariants here say what must hold at every moment.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from builders import PEOPLES, PERSONS, PLACES, START, delegations, kawas, parts, slices
from hypothesis import event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from request_world import (
    APPLICANT,
    EVERYONE,
    OFFICE,
    SHA256,
    TEXT,
    UNIVERSITY,
    Body,
    World,
    routed,
)  # fmt: skip
from second_request import AT_DESK, DECIDING, DESK, RETURNED, explicit, in_a_circle

from policies.conditions import Condition
from policies.refusals import Code, Refused
from policies.request import commands as c
from policies.request import events as e
from policies.request.state import Status
from policies.slices import ANY, Slice
from policies.types import (
    SYSTEM,
    Capacity,
    Envelope,
    Kawa,
    KawaRule,
    Level,
    Meeting,
    Outcome,
    Stage,
    Voice,
)  # fmt: skip

PERSON = st.sampled_from(PERSONS)
SOMEBODY = st.integers(0, 15)
"""One of all persons, or (half of the time) one of those of the body concerned."""

LATE = st.sampled_from([0, 0, 0, 0, 1, 2, 3])
"""How many entries behind somebody is."""

BODY = st.integers(0, 5)
OUTCOME = st.sampled_from([*[Outcome.APPROVE] * 4, *Outcome])
GOING = precondition(lambda self: self.told.standing == DECIDING)
OPEN = precondition(lambda self: not self.told.ended)
PEOPLE, PLACE, ETHICS, HOLDER = Capacity
CONDITIONS = st.one_of(
    st.builds(Condition, st.just(""), st.just(""), st.sampled_from(["no_linkage", "attribution"]),
              choice=st.sampled_from(["named", "unnamed", None])),
    st.builds(Condition, st.just(""), st.just(""), st.just("attribution"),
              choice=st.sampled_from(["named", "unnamed"])),
    st.builds(Condition, st.just(""), st.just(""), st.just("level_at_most"),
              choice=st.sampled_from([*Level])),
    st.builds(Condition, st.just(""), st.just(""), st.sampled_from(["end_date", "report_back"]),
              at=st.integers(1, 400).map(lambda days: START + timedelta(days=days))),
    st.builds(Condition, st.just(""), st.just(""), st.just("own_words"), words=st.just(TEXT)),
)  # fmt: skip


def evenly(each: st.SearchStrategy, most: int) -> st.SearchStrategy[list]:
    """Lists of one to `most`, each length as likely as another."""
    return st.integers(1, most).flatmap(lambda n: st.lists(each, min_size=n, max_size=n))


def seldom(each: st.SearchStrategy, otherwise: object, n: int = 4) -> st.SearchStrategy:
    """`each` once in so many times."""
    return st.integers(1, n).flatmap(lambda k: each if k == n else st.just(otherwise))


BODIES = [f"body-{n}" for n in range(1, 6)]
stages = st.builds(
    Stage,
    st.frozensets(PERSON, min_size=1, max_size=3),
    st.sampled_from([KawaRule.CONSENSUS, KawaRule.MAJORITY]),
    st.sampled_from([1, 1, 2]),
)
more = st.fixed_dictionaries({
    "first": seldom(stages, None, 5),
    "in_person": seldom(st.just(True), False, 6),
    "delay_days": seldom(st.integers(1, 20), 0, 5),
    "after": seldom(st.frozensets(st.sampled_from([*BODIES, *Capacity]), max_size=2), frozenset()),
    "joint_with": seldom(st.frozensets(st.sampled_from(BODIES)), frozenset()),
    "elsewhere": seldom(st.just(True), False),
})  # fmt: skip
ways = st.builds(lambda kawa, also: replace(kawa, **also), kawas(), more)
works_at = st.dictionaries(PERSON, st.sampled_from([UNIVERSITY, OFFICE]), max_size=3)
bodies = st.builds(
    Body,
    st.sampled_from(
        [{PEOPLE}, {PEOPLE}, {PEOPLE, PLACE}, {PLACE}, {PEOPLE, ETHICS}, {ETHICS}, {HOLDER}]
    ).map(frozenset),
    st.sampled_from([*({each} for each in PEOPLES), set(PEOPLES[:2]), set(PEOPLES)]).map(frozenset),
    st.sampled_from([*({each} for each in PLACES), set(PLACES)]).map(frozenset),
    ways,
    st.sets(PERSON, min_size=1, max_size=4),
    st.sets(PERSON, max_size=2),
    seldom(delegations(), {}, 3),
    seldom(works_at, {}, 3),
    seldom(st.just("mourning"), None, 6),
)
of_whom = st.tuples(
    st.frozensets(st.sampled_from(sorted(EVERYONE)), min_size=1, max_size=3),
    st.frozensets(st.sampled_from(PLACES)),
) | st.tuples(st.just(frozenset()), st.frozensets(st.sampled_from(PLACES), min_size=1))
items = st.builds(
    lambda whose, whole: c.PinnedItem("survey", frozenset({"health"}), *whose, whole),
    of_whom,
    st.sampled_from([False, False, True]),
)
submitted_slices = st.builds(
    Slice,
    st.just(EVERYONE) | st.frozensets(st.sampled_from(sorted(EVERYONE)), min_size=1),
    st.just(ANY) | parts(PLACES, 1),
    st.just(ANY),
    st.sampled_from(Level),
)
asking = st.fixed_dictionaries({
    "others": st.sets(st.sampled_from(PERSONS[:5]), max_size=2),
    "acts": st.sampled_from([{"use.read", "use.link"}, {"use.read"}, {"use.link"}]),
    "desk": seldom(st.sampled_from(["body-desk", "body-1"]), None),
    "for_body": seldom(st.sampled_from(BODIES[:2]), None),
    "institutions": seldom(st.just(frozenset({UNIVERSITY})), frozenset(), 3),
})  # fmt: skip
"""How it is asked, beside what for."""

waited = st.builds(
    c.Waited,
    st.integers(0, 60),
    st.lists(st.integers(1, 40), max_size=3, unique=True).map(sorted).map(tuple),
    st.none() | st.sampled_from(PERSONS),
    st.none() | st.integers(1, 60),
    st.none() | st.integers(1, 60),
)


def speaking(sitting, world):
    return st.builds(c.Speak, st.just(sitting), st.sampled_from(Voice))


def concluding(sitting, world):
    return st.builds(
        c.Conclude, st.just(sitting), OUTCOME, st.none() | st.just(TEXT),
        seldom(st.frozensets(st.sampled_from(sorted(world.items)), max_size=2), frozenset(), 3),
        seldom(st.frozensets(st.sampled_from([*BODIES, "funding"]), min_size=1), frozenset(), 3),
    )  # fmt: skip


def writing_up(sitting, world):
    others = st.sampled_from([each for each in world.world if each != sitting.body])
    joint = st.frozensets(others, min_size=1, max_size=2).map(
        lambda names: {each: world.world[each].kawa.joint_with for each in sorted(names)}
    )
    return st.builds(
        c.RecordHui, st.just(sitting), days_around(world), st.sampled_from(["hui", "phone"]),
        st.dictionaries(PERSON, st.sampled_from(Voice), max_size=4), OUTCOME, st.just(TEXT),
        joint_with=seldom(joint, {}, 3),
    )  # fmt: skip


def a_letter(sitting, world):
    expires = st.none() | st.integers(0, 60).map(lambda days: world.now + timedelta(days=days))
    return st.builds(
        c.RecordElsewhere, st.just(sitting), OUTCOME, st.just(TEXT), st.just(TEXT),
        st.just(SHA256), days_around(world), expires, st.none() | st.just(TEXT),
    )  # fmt: skip


def days_around(world):
    return st.integers(-3, 2).map(lambda days: world.now.date() + timedelta(days=days))


MEDDLING = [
    speaking, concluding, writing_up, a_letter,
    lambda sitting, _: st.just(c.StandAside(sitting)),
    lambda sitting, _: st.just(c.Ask(sitting, TEXT)),
    lambda sitting, _: st.builds(c.SetCondition, st.just(sitting), CONDITIONS),
    lambda sitting, _: st.builds(c.AskToMeet, st.just(sitting), st.sampled_from(Meeting)),
    lambda sitting, world: st.builds(c.RecordMeeting, st.just(sitting), days_around(world)),
]  # fmt: skip
"""What a body's people do, as strategies of its sitting and of the world."""


def spread(some: list[Body]) -> None:
    """Give each people and place that nobody speaks for to one of the bodies."""
    for number, people in enumerate(PEOPLES):
        if not any(PEOPLE in each.capacities and people in each.peoples for each in some):
            body = some[number % len(some)]
            body.peoples = (
                body.peoples | {people} if PEOPLE in body.capacities else frozenset({people})
            )
            body.capacities |= {PEOPLE}
    for number, place in enumerate(PLACES):
        if not any(PLACE in each.capacities and place in each.places for each in some):
            body = some[-1 - number % len(some)]
            before = body.places if PLACE in body.capacities else frozenset()
            body.places = before | {place}
            body.capacities |= {PLACE}


class Requests(World, RuleBasedStateMachine):
    """One request, the bodies that decide about it, and everybody who meddles."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[Envelope] = []
        self.happened: set[str] = set()

    def carry(self, envelope: Envelope, missed: int = 0) -> object:
        answer = super().carry(envelope, missed)
        # For Hypothesis's statistics, which show what these runs reach.
        self.happened |= {type(each).__name__ for each in self.last()}
        return answer

    # The beginning.

    @initialize(
        some=evenly(bodies, 5),
        wanted=evenly(items, 4),
        asked=submitted_slices,
        how=asking,
        gaps=st.sampled_from([False, False, True]),
    )
    def a_request_is_submitted(self, some, wanted, asked, how, gaps) -> None:
        self.world = {f"body-{n}": each for n, each in enumerate(some, 1)}
        self.world["body-desk"] = Body(
            frozenset(), frozenset(), frozenset(), Kawa(KawaRule.CONSENSUS), {PERSONS[7]}
        )
        if not gaps:
            spread(some)
        drawn = {f"item-{n}": each for n, each in enumerate(wanted, 1)}
        self.ask_for(drawn, asked, how)

    def ask_for(self, drawn, asked, how) -> None:
        """Submit it so; where that must be refused, in a way that can be decided."""
        self.items, route = routed(self.world, drawn, asked, how["for_body"])
        answer = self.submit(asked, route, **how)
        code = answer.code if isinstance(answer, Refused) else None
        deciding = {each.body for each in route}
        if not route:
            # Nobody decides about what was drawn.
            assert code in (Code.UNROUTABLE, Code.NOTHING_LEFT)
        elif circle := in_a_circle(route):
            assert code is Code.ORDER_CYCLE
            assert circle <= deciding
        elif how["for_body"] and how["for_body"] not in deciding:
            assert code is Code.INVALID
        else:
            assert code is None
            return
        assert self.stream.sequence == 0
        self.items = drawn
        self.ask_in_a_way_that_is_decided(asked, how)

    def ask_in_a_way_that_is_decided(self, asked, how) -> None:
        everything = frozenset(Capacity)
        old = self.world["body-1"]
        self.world["body-1"] = replace(
            old, capacities=everything, peoples=frozenset(PEOPLES), places=frozenset(PLACES),
            version=old.version + 1,
        )  # fmt: skip
        for each in self.world.values():
            each.kawa = replace(each.kawa, after=frozenset())
        asked, how = Slice(EVERYONE, level=asked.level), {**how, "for_body": None}
        self.items, route = routed(self.world, self.items, asked)
        assert not isinstance(self.submit(asked, route, **how), Refused)

    @precondition(lambda self: self.told.ended)
    @rule(asked=submitted_slices, how=asking)
    def another_request_is_submitted(self, asked, how) -> None:
        self.stream.check_whole()
        drawn, again = self.items, World()
        self.stream, self.told, self.held = again.stream, again.told, []
        self.ask_for(drawn, asked, how)

    # At the desk.

    @precondition(lambda self: self.told.standing in (AT_DESK, RETURNED))
    @rule(who=SOMEBODY, n=st.sampled_from([0, 5]), back=st.booleans(), late=LATE, missed=LATE)
    def the_desk_looks(self, who, n, back, late, missed) -> None:
        name = self.body(n)
        sitting = self.sitting(name)
        command = c.Return(sitting, TEXT) if back else c.Forward(sitting)
        self.send(command, self.one_of(name, who), late, missed)

    @precondition(lambda self: self.told.standing in (AT_DESK, RETURNED))
    @rule()
    def it_is_brought_to_the_bodies(self) -> None:
        self.bring_to_the_bodies()
        assert self.told.standing == DECIDING
        assert not self.stream.state.decisions

    @precondition(lambda self: self.told.standing in (AT_DESK, RETURNED))
    @rule(who=st.sampled_from([APPLICANT, APPLICANT, *PERSONS]), how=asking, late=LATE)
    def it_is_completed(self, who, how, late) -> None:
        content, pinned = self.told.content, self.told.pinned
        people = tuple(c.Participant(each, "analyst") for each in sorted(how["others"]))
        answer = self.send(c.Resubmit(replace(content, people=people), pinned), who, late)
        assert isinstance(answer, Refused) or who == APPLICANT

    # What members and secretaries do.

    @OPEN
    @rule(n=BODY, who=SOMEBODY, late=LATE, missed=LATE, what=st.sampled_from(MEDDLING),
          data=st.data())  # fmt: skip
    def somebody_meddles(self, n, who, late, missed, what, data) -> None:
        """Anything that is a body's to do, by anybody, seldom at the right time."""
        name = self.body(n)
        command = data.draw(what(self.sitting(name), self))
        self.send(command, self.one_of(name, who), late, missed)

    @GOING
    @rule(n=BODY, voice=st.sampled_from(Voice), k=st.integers(0, 3))
    def a_member_speaks(self, n, voice, k) -> None:
        name = self.body(n)
        may = sorted(self.told.voicing(name, self.world))
        if may:
            self.send(c.Speak(self.sitting(name), voice), may[k % len(may)])

    @GOING
    @rule(n=BODY, outcome=OUTCOME, kind=st.integers(0, 2))
    def a_body_whose_turn_it_is_decides(self, n, outcome, kind) -> None:
        names = sorted(self.told.waited() & self.told.required() - set(self.told.decisions))
        if names:
            name = names[n % len(names)]
            if kind:
                self.mend(name)
            self.decide_together(name, outcome)

    @GOING
    @rule(n=BODY, k=st.integers(0, 3), condition=CONDITIONS)
    def somebody_of_a_body_sets_a_condition(self, n, k, condition) -> None:
        names = sorted(self.told.waited() & self.told.required())
        name = names[n % len(names)] if names else self.body(n)
        hands = sorted(self.sitting(name).hands - self.told.out_of_it(name, self.world))
        if hands:
            self.send(c.SetCondition(self.sitting(name), condition), hands[k % len(hands)])

    @GOING
    @rule(n=BODY, k=st.integers(0, 3), meet=st.booleans())
    def a_body_asks_first(self, n, k, meet) -> None:
        names = sorted(self.told.waited() & self.told.required())
        name = names[n % len(names)] if names else self.body(n)
        hands = sorted(self.sitting(name).hands - self.told.out_of_it(name, self.world))
        if hands:
            sitting = self.sitting(name)
            ask = c.AskToMeet(sitting, Meeting.WANANGA) if meet else c.Ask(sitting, TEXT)
            answer = self.send(ask, hands[k % len(hands)])
            there = name in self.told.required() and (not meet or name not in self.told.decisions)
            again = isinstance(answer, Refused) and answer.code is Code.ALREADY_DONE
            assert not there or again or not isinstance(answer, Refused)

    @GOING
    @rule(n=BODY, outcome=st.sampled_from([Outcome.APPROVE, Outcome.APPROVE, Outcome.DECLINE]),
          expires=st.none() | st.integers(1, 60))  # fmt: skip
    def a_letter_comes(self, n, outcome, expires) -> None:
        told = self.told
        elsewhere = [each for each in sorted(told.required()) if self.world[each].kawa.elsewhere]
        name = elsewhere[n % len(elsewhere)] if elsewhere else self.body(n)
        pens = sorted(self.world[name].secretaries - told.applied(name))
        lapsed = told.lapses.get(name, self.now + timedelta(1)) <= self.now
        # A letter may tell of a time before a pause; here nobody decides anything.
        why = told.not_yet(name, self.now, self.world) - {"pause", "meeting", "too soon"}
        ready = bool(elsewhere) and not why - ({"decided"} if lapsed else set())
        expires_at = None if expires is None else self.now + timedelta(days=expires)
        letter = c.RecordElsewhere(
            self.sitting(name), outcome, TEXT, TEXT, SHA256, self.now.date(), expires_at, TEXT
        )
        answer = self.send(letter, (pens or [PERSONS[7]])[0])
        assert isinstance(answer, Refused) is not (bool(pens) and ready)

    @GOING
    @rule(but=st.integers(0, 9), rounds=st.integers(1, 2))
    def all_that_are_waited_for_approve_and_it_is_accepted(self, but, rounds) -> None:
        """All but one, sometimes. Bodies that could not decide find people who can."""
        if self.told.narrowed:
            self.send(c.Rejustify(TEXT), APPLICANT)
        for _ in range(rounds):
            # Today's rules may add bodies, which then decide before it is accepted.
            waiting = sorted(self.told.required() - set(self.told.decisions))
            left = waiting[:but] + waiting[but + 1 :]
            # Those that come after others decide once those have.
            while turn := [name for name in left if not self.told.waits_for(name)]:
                for name in turn:
                    left.remove(name)
                    self.mend(name)
                    self.decide_together(name, Outcome.APPROVE)
            self.everything_is_accepted()

    @GOING
    @rule(n=BODY)
    def one_declines_and_the_rest_is_justified(self, n) -> None:
        waiting = sorted(self.told.required() - set(self.told.decisions))
        if waiting:
            name = waiting[n % len(waiting)]
            self.mend(name)
            self.decide_together(name, Outcome.DECLINE)
        self.send(c.Rejustify(TEXT), APPLICANT)

    @GOING
    @rule(n=BODY, k=st.integers(0, 9), reasons=st.none() | st.just(TEXT))
    def a_body_strikes_an_item(self, n, k, reasons) -> None:
        names = sorted(self.told.waited() & self.told.required() - set(self.told.decisions))
        if names:
            name = names[n % len(names)]
            self.mend(name)
            if self.world[name].kawa.first and name not in self.told.advised:
                self.decide_together(name, Outcome.APPROVE)
            may, sitting = self.spoken_for(name), self.sitting(name)
            for person in may:
                self.send(c.Speak(sitting, Voice.APPROVE), person)
            wanted = sorted(self.told.items)
            struck = frozenset(wanted[k % len(wanted) :][:1])
            conclude = c.Conclude(sitting, Outcome.APPROVE, reasons, struck)
            self.send(conclude, may[0] if may else PERSONS[7])

    @OPEN
    @rule(number=st.integers(0, 9), who=st.sampled_from([APPLICANT, APPLICANT, *PERSONS]))
    def somebody_answers(self, number, who) -> None:
        asked = [*self.stream.state.questions, f"command-{number}"]
        self.send(c.Answer(asked[number % len(asked)], TEXT), who)

    # What is written down, and whether it is so.

    @precondition(lambda self: self.told.records)
    @rule(number=st.integers(0, 9), who=PERSON, missed=LATE)
    def somebody_disputes(self, number, who, missed) -> None:
        entries = [*self.told.records, "entry-r-1"]
        self.send(c.Dispute(entries[number % len(entries)], TEXT), who, missed=missed)

    @precondition(lambda self: any(self.told.rests_on.values()))
    @rule(number=st.integers(0, 9), k=st.integers(0, 3))
    def somebody_named_disputes(self, number, k) -> None:
        told = self.told
        resting = [each for name in sorted(told.rests_on) for each in sorted(told.rests_on[name])]
        entry = resting[number % len(resting)]
        record = told.records.get(entry)
        named = sorted(record.named) if record else []
        who = named[k % len(named)] if named else PERSONS[6]
        before = (entry, who) in told.disputed_ever
        possible = named and not before and told.standing in (DECIDING, "Accepted")
        answer = self.send(c.Dispute(entry, TEXT), who)
        assert isinstance(answer, Refused) is not bool(possible)

    @precondition(lambda self: self.told.disputes)
    @rule(number=st.integers(0, 9), n=st.integers(0, 9), who=SOMEBODY, stands=st.booleans(),
          missed=LATE)  # fmt: skip
    def somebody_answers_a_dispute(self, number, n, who, stands, missed) -> None:
        names = sorted(self.told.disputes)
        dispute = names[number % len(names)]
        name = self.told.disputes[dispute].body if n < 9 else self.body(n)
        command = c.AnswerDispute(self.sitting(name), dispute, stands, TEXT)
        self.send(command, self.one_of(name, who), missed=missed)

    @precondition(lambda self: self.told.disputes)
    @rule(number=st.integers(0, 9), voices=st.lists(st.sampled_from(Voice), max_size=7),
          method=st.sampled_from(["hui", "phone"]), stands=st.booleans(), missed=LATE)  # fmt: skip
    def a_body_answers_a_dispute_together(self, number, voices, method, stands, missed) -> None:
        names = sorted(self.told.disputes)
        dispute = names[number % len(names)]
        name = self.told.disputes[dispute].body
        pens = sorted(self.world[name].secretaries) or [PERSONS[7]]
        said = dict(zip(self.spoken_for(name), voices, strict=False))
        met = c.Met(self.now.date(), method, said)
        command = c.AnswerDispute(self.sitting(name), dispute, stands, TEXT, met)
        self.send(command, pens[0], missed=missed)

    @OPEN
    @rule(who=PERSON, reviewer=PERSON)
    def somebody_writes_a_review(self, who, reviewer) -> None:
        before = self.stream.state
        answer = self.send(c.RecordReview(TEXT, reviewer), who)
        goes_on = self.told.standing in (DECIDING, "Accepted")
        found = who == reviewer and self.told.referred and goes_on
        assert isinstance(answer, Refused) is not bool(found)
        assert self.stream.state == before, "a review decides nothing"

    # What those who ask do.

    @OPEN
    @rule(narrower=st.none() | slices(1), who=st.sampled_from([APPLICANT, APPLICANT, *PERSONS]),
          late=LATE, missed=LATE)  # fmt: skip
    def the_rest_is_justified(self, narrower, who, late, missed) -> None:
        self.send(c.Rejustify(TEXT, narrower), who, late, missed)

    @GOING
    @rule(some=st.frozensets(st.sampled_from(PEOPLES), min_size=1))
    def less_is_justified(self, some) -> None:
        asked = self.stream.state.slice
        peoples = some & explicit(asked.peoples, EVERYONE)
        self.send(c.Rejustify(TEXT, replace(asked, peoples=peoples)), APPLICANT)

    @OPEN
    @rule(
        who=st.sampled_from([APPLICANT] * 4 + [*PERSONS]),
        late=LATE,
        missed=LATE,
        drop=st.integers(0, 6),
        report=st.integers(-9, 400),
    )
    def somebody_accepts(self, who, late, missed, drop, report) -> None:
        shown = sorted(self.told.conditions)
        accepted = frozenset(shown[:drop] + shown[drop + 1 :])
        due = self.now + timedelta(days=report)
        self.send(c.Accept(accepted, self.routed(), due), who, late, missed)

    @GOING
    @rule()
    def everything_is_accepted(self) -> None:
        if self.told.standing == DECIDING:
            self.send(self.acceptance(), APPLICANT)

    def acceptance(self) -> c.Accept:
        every = frozenset(self.told.conditions)
        return c.Accept(every, self.routed(), self.now + timedelta(days=200))

    @OPEN
    @rule(who=PERSON, sure=st.integers(0, 9))
    def somebody_withdraws(self, who, sure) -> None:
        # Seldom by the applicant: the request would be over before anything happens in it.
        if sure == 9 or who != APPLICANT:
            self.send(c.Withdraw(), who)

    # What bodies do about themselves in the meantime.

    @OPEN
    @rule(n=BODY, who=PERSON, pen=st.booleans())
    def somebody_joins_or_leaves_a_body(self, n, who, pen) -> None:
        body = self.world[self.body(n)]
        if pen:
            body.secretaries ^= {who}
        else:
            body.members ^= {who}
        body.version += 1

    @OPEN
    @rule(n=BODY, decides=ways)
    def a_body_changes_its_kawa(self, n, decides) -> None:
        body = self.world[self.body(n)]
        body.kawa = decides
        body.version += 1

    @OPEN
    @rule(n=BODY, lent=delegations(), works=works_at,
          pause=st.sampled_from([None, None, "seasonal"]))  # fmt: skip
    def a_body_writes_down_more_about_itself(self, n, lent, works, pause) -> None:
        body = self.world[self.body(n)]
        body.delegates, body.institutions, body.pause = lent, works, pause
        body.version += 1

    @OPEN
    @rule(
        n=BODY,
        peoples=st.frozensets(st.sampled_from(PEOPLES), min_size=1),
        also=st.sampled_from([PEOPLE, ETHICS, HOLDER]),
    )
    def a_body_restates_its_mandate(self, n, peoples, also) -> None:
        name = self.body(n)
        if name != "body-desk":
            body = self.world[name]
            body.peoples = peoples
            body.capacities |= {also}
            body.version += 1

    # Time, repetition and delay.

    @rule(days=st.integers(0, 20))
    def time_passes(self, days) -> None:
        self.now += timedelta(days=days)

    @rule(
        each=waited,
        strangers=st.dictionaries(st.sampled_from([*BODIES, "applicant", DESK]), waited,
                                  max_size=2),
        who=st.sampled_from([SYSTEM, SYSTEM, SYSTEM, APPLICANT]),
        reviewer=st.none() | PERSON,
        forward=st.none() | st.integers(1, 40),
        missed=LATE,
    )  # fmt: skip
    def the_clock_strikes(self, each, strangers, who, reviewer, forward, missed) -> None:
        """Whoever is waited for is told what is due, and nothing else comes of it."""
        found = self.told.waits()
        told = {**dict.fromkeys(found, each), **strangers}
        before = self.what_was_decided()
        expected = self.due(told, reviewer, forward) if who == SYSTEM else []
        answer = self.send(c.Remind(told, reviewer, forward), who, missed=missed)
        assert isinstance(answer, Refused) is not bool(expected)
        if expected:
            assert self.last() == expected
        assert self.what_was_decided() == before, "being told changed a decision"

    def due(self, told, reviewer, forward) -> list[object]:
        """What must follow from so many days."""
        found = self.told.waits()
        at_desk = self.told.standing == AT_DESK and forward is not None
        forwarded = at_desk and forward <= told[DESK].days
        running = {who: told[who] for who in sorted(told)
                   if who in found and not found[who].stands
                   and not (who == DESK and forwarded)}  # fmt: skip
        times = {who: sum(day <= each.days for day in each.remind) for who, each in running.items()}
        times = {who: each for who, each in times.items() if each > found[who].told}
        due: list[object] = [e.Reminded(tuple(sorted(times)), times)] if times else []
        for who, each in running.items():
            called = each.then and each.then_after and each.then_after <= each.days
            if called and not found[who].called:
                due.append(e.DelegateCalled(who, each.then))
            holds = any(one.body == who and one.capacity is HOLDER for one in self.told.asked())
            silent = each.review_after is not None and each.review_after <= each.days
            if holds and silent and reviewer and not found[who].escalated:
                due.append(e.Escalated(who, reviewer, each.days))
        if forwarded:
            due.append(e.Forwarded(unchecked=True))
        return due if not self.told.ended or self.told.standing == "Accepted" else []

    def what_was_decided(self) -> tuple:
        state = self.stream.state
        return (state.decisions, state.voices, state.advice, state.conditions, state.slice,
                state.items, state.not_ours, state.in_principle, state.grant)  # fmt: skip

    @rule(who=st.sampled_from([SYSTEM, SYSTEM, APPLICANT, PERSONS[6]]), missed=LATE)
    def the_clock_strikes_as_it_did_before(self, who, missed) -> None:
        due = self.stream.machine.next_due(self.stream.state)
        answer = self.send(c.Remind(), who, missed=missed)
        if isinstance(answer, Refused):
            assert who != SYSTEM or due is None or self.now < due
        else:
            assert [type(each) for each in self.last()] == [e.Reminded]
            assert who == SYSTEM

    @rule(who=st.sampled_from([SYSTEM, APPLICANT]))
    def its_grant_has_closed(self, who) -> None:
        before = self.stream.state.status
        answer = self.send(c.Close(), who)
        closes = before is Status.ACCEPTED and who == SYSTEM
        assert isinstance(answer, Refused) is not closes

    @rule(number=st.integers(0, 60), missed=LATE)
    def a_command_comes_again(self, number, missed) -> None:
        envelope = self.stream.envelopes[number % self.stream.sequence]
        before = self.stream.sequence
        answer = self.carry(envelope, missed)
        assert answer == self.stream.by_command[envelope.id]
        assert self.stream.sequence == before, "the same command happened twice"

    @rule(number=st.integers(0, 60), missed=LATE)
    def a_command_comes_again_under_another_id(self, number, missed) -> None:
        """As from a client that lost its id: it saw what it saw then."""
        old = self.stream.envelopes[number % self.stream.sequence]
        self.number += 1
        self.carry(replace(old, id=f"command-{self.number}", at=self.now), missed)

    @OPEN
    @rule(n=BODY, who=SOMEBODY, voice=st.sampled_from(Voice))
    def a_voice_is_held_up(self, n, who, voice) -> None:
        name = self.body(n)
        speak = c.Speak(self.sitting(name), voice)
        self.held.append(self.envelope(speak, self.one_of(name, who)))

    @OPEN
    @rule(n=BODY, outcome=OUTCOME)
    def a_hui_is_written_up_but_held_up(self, n, outcome) -> None:
        name = self.body(n)
        voice = outcome.wants
        voices = dict.fromkeys(self.spoken_for(name), voice)
        pens = sorted(self.world[name].secretaries) or [PERSONS[7]]
        hui = c.RecordHui(self.sitting(name), self.now.date(), "hui", voices, outcome, TEXT)
        self.held.append(self.envelope(hui, pens[0]))

    @OPEN
    @rule()
    def an_acceptance_or_a_forwarding_is_held_up(self) -> None:
        if self.told.standing == DECIDING:
            self.held.append(self.envelope(self.acceptance(), APPLICANT))
        elif self.told.pinned.desk:
            forward = c.Forward(self.sitting(self.told.pinned.desk))
            self.held.append(self.envelope(forward, PERSONS[7]))

    @precondition(lambda self: self.held)
    @rule(number=st.integers(0, 9), missed=LATE)
    def something_held_up_arrives(self, number, missed) -> None:
        self.carry(self.held.pop(number % len(self.held)), missed)

    def one_of(self, name: str, who: int) -> str:
        if who < len(PERSONS):
            return PERSONS[who]
        hands = sorted(self.sitting(name).hands - self.told.applicants) or [PERSONS[1]]
        return hands[who % len(hands)]

    def last(self) -> list[object]:
        return [
            each for sequence, _, each in self.stream.events if sequence == self.stream.sequence
        ]

    # What holds at every moment.

    @invariant()
    def what_is_asked_is_within_what_was_submitted(self) -> None:
        if self.told.submitted is None:
            return
        state, content = self.stream.state, self.told.content
        assert state.slice.within(content.slice)
        assert state.items <= set(self.told.pinned.items)
        assert (state.slice, state.items, state.round) == (
            self.told.slice, self.told.items, self.told.round,
        )  # fmt: skip

    @invariant()
    def what_was_declined_stays_out(self) -> None:
        if self.told.submitted is None:
            return
        state = self.stream.state
        assert not self.told.lost_peoples & explicit(state.slice.peoples, EVERYONE)
        assert not self.told.lost_places & explicit(state.slice.places, frozenset(PLACES))
        assert not self.told.lost_items & state.items

    @invariant()
    def the_decisions_are_those_that_were_recorded_in_this_round(self) -> None:
        state, told = self.stream.state, self.told
        found = {body: (each.outcome, each.entry) for body, each in state.decisions.items()}
        assert found == {
            body: (outcome, entry) for body, (outcome, _, entry) in told.decisions.items()
        }
        assert set(state.decisions) <= told.required() or told.narrowed
        assert dict(state.voices) == told.voices
        assert dict(state.advice) == told.advised
        assert state.not_ours == told.not_ours
        assert dict(state.in_principle) == told.in_principle
        assert not set(state.in_principle) & set(state.decisions), "an if beside a yes"

    @invariant()
    def it_is_agreed_only_when_every_body_that_is_asked_has_approved(self) -> None:
        if self.told.submitted is None:
            return
        state, required = self.stream.state, self.told.required()
        assert state.bodies() == required
        said = {body: outcome for body, (outcome, _, _) in self.told.decisions.items()}
        everyone = bool(required) and all(said.get(each) is Outcome.APPROVE for each in required)
        going = self.told.standing == DECIDING and not self.told.narrowed
        assert state.agreed is (going and everyone and not self.told.in_doubt())
        assert state.disputed() == self.told.in_doubt()

    @invariant()
    def each_body_has_its_turn_by_its_own_rule(self) -> None:
        if self.told.standing == DECIDING:
            for body in self.told.required():
                assert self.stream.state.before(body) == self.told.waits_for(body)

    @invariant()
    def whoever_is_waited_for_has_a_clock_and_nobody_else_has(self) -> None:
        if self.told.submitted is None:
            return
        found = {
            who: (each.since, {(h.since, h.until, h.why) for h in each.halts}, each.told,
                  each.called, each.escalated)
            for who, each in self.stream.state.waits.items()
        }  # fmt: skip
        assert found == {
            who: (each.since, each.halts, each.told, each.called, each.escalated)
            for who, each in self.told.waits().items()
        }

    @invariant()
    def a_clock_stands_while_a_question_is_open_or_a_meeting_is_to_come(self) -> None:
        for who, wait in self.stream.state.waits.items():
            asks = who in self.told.questions.values()
            assert wait.stands is (asks or who in self.told.meetings)

    @invariant()
    def a_grant_follows_from_an_acceptance_and_nothing_else(self) -> None:
        accepted = self.stream.of(e.Accepted)
        assert len(accepted) <= 1
        assert (self.stream.state.grant is not None) is bool(accepted)

    @invariant()
    def the_conditions_are_those_that_were_set(self) -> None:
        assert dict(self.stream.state.conditions) == self.told.conditions

    @invariant()
    def a_request_that_is_open_can_still_come_to_an_end(self) -> None:
        """There is always a body to wait for, or something for the applicant to do."""
        if self.stream.state.status is Status.DECIDING:
            assert self.told.required()
        if not self.told.ended and self.told.submitted:
            assert self.stream.state.waits

    def teardown(self) -> None:
        self.stream.check_whole()
        for kind in sorted(self.happened):
            event(kind)


TestRequests = Requests.TestCase
TestRequests.settings = settings(max_examples=220, stateful_step_count=50, deadline=None)
