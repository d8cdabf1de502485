"""A grant over its years: reports in any order, clocks that jump, access at every moment.

`Owed` tells each duty a second time, from what happened alone. Access is asked of
`policies.use.answer` itself, with a rule that lets everything through: what remains
is what no rule pack can switch off.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from builders import PEOPLES, START, sitting
from hypothesis import event, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger_in_memory import Stream

from policies.catalogue import Classification
from policies.consequences import consequences
from policies.enforcer import Enforcer
from policies.grant import commands as c
from policies.grant import events as e
from policies.grant.state import Status
from policies.refusals import Code, Refused
from policies.request import commands as request
from policies.request.events import DutyTerms, Terms
from policies.routing import Item
from policies.rules import EVERY, Pack, Rule
from policies.slices import Slice
from policies.types import SYSTEM, Envelope, TextId
from policies.use import SLICE_OBLIGATION, UseAnswer, UseQuestion, answer

BODIES = ("body-river", "body-hill", "body-island")
ASKS, WITH, OUTSIDER = "person-asks", "person-with", "person-outside"
MEMBERS = {body: f"person-of-{body}" for body in BODIES}
ACTORS = (ASKS, WITH, OUTSIDER, SYSTEM, *MEMBERS.values())
TEXT = TextId("text-1")
WORDS = dict.fromkeys(c.REPORT_WORDS, TEXT)
ENDS = START + timedelta(days=100)
ITEM = Item("survey.sleep", "survey", Classification(frozenset({"health"}), frozenset(PEOPLES)))
PINNED = request.PinnedItem("survey", ITEM.said.classes, frozenset(PEOPLES), frozenset())
ALLOWS = Enforcer([Pack((
    Rule("ALL-1", EVERY, EVERY, EVERY, EVERY, EVERY, EVERY, EVERY, EVERY, "allow", "A test."),
))])  # fmt: skip


@dataclass
class Owed:
    """One duty, told from what happened to it."""

    terms: DutyTerms
    with_readers: bool = False
    in_time: bool = False
    accepted_by: set[str] = field(default_factory=set)
    done: bool = False

    def pauses(self, now: datetime) -> bool:
        """Owed past its day; or filed too late, and not accepted by all yet."""
        if self.done or now < self.terms.due_at:
            return False
        return not (self.with_readers and self.in_time)


def terms(duties: list[DutyTerms]) -> Terms:
    return Terms(
        "request-1", ASKS, (ASKS, WITH), "sleep-study", frozenset({"use.read"}),
        {ITEM.id: PINNED}, Slice(frozenset(PEOPLES)), ENDS, (), {}, tuple(duties),
    )  # fmt: skip


days = st.integers(0, 130).map(lambda n: START + timedelta(days=n))
duties = st.builds(
    DutyTerms,
    st.just("report"),
    days,
    # A reminder may come after its day, when a body has set that day soon.
    st.integers(-30, 130).map(lambda n: START + timedelta(days=n)),
    st.lists(st.sampled_from(BODIES), min_size=1, max_size=3, unique=True).map(tuple),
)
WHICH = st.integers(0, 5)
ACTOR = st.sampled_from(ACTORS)
MISSED = st.sampled_from([0, 0, 0, 1, 2])


class Grants(RuleBasedStateMachine):
    """One grant, its duties, the bodies that read its reports, and the clock."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = Stream("grant", "g")
        self.now = START
        self.number = 0
        self.terms: Terms | None = None
        self.issued_at: datetime | None = None
        self.owed: dict[str, Owed] = {}
        self.acknowledged: set[str] = set()
        self.attested = self.ended = False

    def envelope(self, command: object, actor: str) -> Envelope:
        self.number += 1
        return Envelope(
            f"command-{self.number}", "grant-1", self.stream.sequence, actor, self.now, command
        )

    def send(self, command: object, actor: str, missed: int = 0) -> object:
        return self.carry(self.envelope(command, actor), missed)

    def carry(self, envelope: Envelope, missed: int = 0) -> object:
        before = self.stream.sequence
        found = self.stream.send(envelope, missed)
        if self.stream.sequence > before:
            sent = self.stream.envelopes[-1]
            for sequence, _, each in self.stream.events:
                if sequence == self.stream.sequence:
                    getattr(self, f"_{type(each).__name__}")(each, sent)
        return found

    # What each event must have been.

    def _Issued(self, each, sent) -> None:  # noqa: N802
        assert self.issued_at is None
        assert sent.actor == SYSTEM
        self.issued_at, self.terms = sent.at, each.terms
        self.owed = {f"duty-{n}": Owed(one) for n, one in enumerate(each.terms.duties, 1)}

    def _ReportFiled(self, each, sent) -> None:  # noqa: N802
        duty = self.owed[each.duty]
        assert sent.actor in self.terms.people
        assert not duty.with_readers
        assert not duty.done
        duty.with_readers, duty.in_time = True, sent.at <= duty.terms.due_at
        duty.accepted_by = set()

    def _ReportReturned(self, each, sent) -> None:  # noqa: N802
        self._read_by(each, sent)
        self.owed[each.duty].with_readers = False
        self.owed[each.duty].accepted_by = set()

    def _ReportAccepted(self, each, sent) -> None:  # noqa: N802
        self._read_by(each, sent)
        assert each.body not in self.owed[each.duty].accepted_by
        self.owed[each.duty].accepted_by.add(each.body)

    def _read_by(self, each, sent) -> None:
        duty = self.owed[each.duty]
        assert each.body in duty.terms.recipients, "read by somebody it is not owed to"
        assert sent.actor == MEMBERS[each.body]
        assert sent.actor not in self.terms.people
        assert duty.with_readers
        assert not duty.done

    def _DutyDone(self, each, sent) -> None:  # noqa: N802
        duty = self.owed[each.duty]
        assert duty.accepted_by == set(duty.terms.recipients), "done before all had accepted"
        assert not duty.done
        duty.done = True

    def _DutyReminded(self, each, sent) -> None:  # noqa: N802
        assert sent.actor == SYSTEM
        assert self.owed[each.duty].terms.remind_at <= sent.at
        assert not self.owed[each.duty].done

    def _AccessPaused(self, each, sent) -> None:  # noqa: N802
        assert sent.actor == SYSTEM
        assert self.owed[each.duty].pauses(sent.at)

    def _Ended(self, each, sent) -> None:  # noqa: N802
        assert not self.ended
        if each.reason == "expired":
            assert (sent.actor, sent.at >= ENDS) == (SYSTEM, True)
        else:
            assert sent.actor == ASKS
        self.ended = True

    def _DisposalAttested(self, each, sent) -> None:  # noqa: N802
        assert self.ended
        assert sent.actor in self.terms.people
        self.attested = True

    def _DisposalAcknowledged(self, each, sent) -> None:  # noqa: N802
        assert self.attested
        assert sent.actor == MEMBERS[each.body]
        assert each.body not in self.acknowledged
        self.acknowledged.add(each.body)

    def _Closed(self, each, sent) -> None:  # noqa: N802
        assert self.nothing_is_owed()
        caused = consequences("request-1", [each])
        assert caused == [("request-1", request.Close())]

    def communities(self) -> set[str]:
        return {body for duty in self.owed.values() for body in duty.terms.recipients}

    def nothing_is_owed(self) -> bool:
        return (
            self.ended
            and self.acknowledged >= self.communities()
            and all(duty.done for duty in self.owed.values())
        )

    # What happens.

    @initialize(owed=st.lists(duties, min_size=1, max_size=3), who=ACTOR)
    def a_request_was_accepted(self, owed, who) -> None:
        if who != SYSTEM:
            found = self.send(c.Issue(terms(owed)), who)
            assert isinstance(found, Refused)
            assert found.code is Code.NOT_PERMITTED
        self.is_answered(self.now, yes=False)
        self.send(c.Issue(terms(owed)), SYSTEM)

    @rule()
    def its_acceptance_is_delivered_again(self) -> None:
        assert isinstance(self.send(c.Issue(self.terms), SYSTEM), Refused)

    @rule(n=WHICH, who=st.sampled_from([ASKS, WITH, ASKS, *ACTORS]), whole=st.integers(0, 5),
          missed=MISSED)  # fmt: skip
    def somebody_files(self, n, who, whole, missed) -> None:
        words = WORDS if whole else {"findings": TEXT}
        self.send(c.FileReport(self.duty(n), words), who, missed)

    @rule(n=WHICH, b=WHICH, who=ACTOR, own=st.sampled_from([True, True, False]), missed=MISSED)
    def somebody_returns(self, n, b, who, own, missed) -> None:
        name = self.duty(n)
        body = self.reader(name, b)
        actor = MEMBERS[body] if own else who
        self.send(c.ReturnReport(self.sitting(body), name, TEXT), actor, missed)

    @rule(n=WHICH, b=WHICH, who=ACTOR, own=st.sampled_from([True, True, False]), missed=MISSED)
    def somebody_accepts(self, n, b, who, own, missed) -> None:
        name = self.duty(n)
        body = self.reader(name, b)
        actor = MEMBERS[body] if own else who
        self.send(c.AcceptReport(self.sitting(body), name, TEXT), actor, missed)

    @rule(n=WHICH)
    def all_readers_accept(self, n) -> None:
        name = self.duty(n)
        self.send(c.FileReport(name, WORDS), ASKS)
        for body in BODIES:
            self.send(c.AcceptReport(self.sitting(body), name, TEXT), MEMBERS[body])

    @rule(who=st.sampled_from([ASKS, *ACTORS]), sure=st.integers(0, 4))
    def somebody_ends_it(self, who, sure) -> None:
        if who != ASKS or sure == 4:
            self.send(c.EndEarly(), who)

    @precondition(lambda self: self.ended)
    @rule()
    def all_see_that_the_copies_are_gone(self) -> None:
        self.send(c.AttestDisposal(TEXT), ASKS)
        for body in BODIES:
            self.send(c.AcknowledgeDisposal(self.sitting(body)), MEMBERS[body])

    @rule(who=st.sampled_from([ASKS, *ACTORS]))
    def somebody_attests_disposal(self, who) -> None:
        self.send(c.AttestDisposal(TEXT), who)

    @rule(b=WHICH, who=ACTOR, own=st.sampled_from([True, True, False]))
    def somebody_acknowledges_disposal(self, b, who, own) -> None:
        body = BODIES[b % len(BODIES)]
        actor = MEMBERS[body] if own else who
        self.send(c.AcknowledgeDisposal(self.sitting(body)), actor)

    @rule(by=st.integers(0, 40), hours=st.integers(0, 23))
    def time_passes(self, by, hours) -> None:
        self.now += timedelta(days=by, hours=hours)

    @rule()
    def time_passes_to_the_next_due_instant(self) -> None:
        due = self.stream.machine.next_due(self.stream.state)
        if due is not None:
            self.now = max(self.now, due)

    @rule(who=ACTOR, missed=MISSED)
    def somebody_strikes_the_clock(self, who, missed) -> None:
        found = self.send(c.ClockPassed(), who, missed)
        assert who == SYSTEM or isinstance(found, Refused)

    @rule()
    def the_clock_strikes_until_nothing_is_due(self) -> None:
        """As a worker does that was away for a while: it must come to rest."""
        for _ in range(20):
            due = self.stream.machine.next_due(self.stream.state)
            if due is None or due > self.now:
                return
            assert not isinstance(self.send(c.ClockPassed(), SYSTEM), Refused)
        raise AssertionError("the clock never comes to rest")

    @precondition(lambda self: self.stream.sequence)
    @rule(number=st.integers(0, 60), missed=MISSED)
    def a_command_comes_again(self, number, missed) -> None:
        sent = self.stream.envelopes[number % self.stream.sequence]
        before = self.stream.sequence
        assert self.carry(sent, missed) == self.stream.by_command[sent.id]
        assert self.stream.sequence == before

    def duty(self, n: int) -> str:
        """One of the duties there are, or (seldom) one that there is not."""
        return f"duty-{n % len(self.owed) + 1}" if n < 5 else "duty-9"

    def reader(self, name: str, b: int) -> str:
        """One of those it is owed to, or (seldom) any body."""
        recipients = self.owed[name].terms.recipients if name in self.owed and b < 4 else BODIES
        return recipients[b % len(recipients)]

    def sitting(self, body: str):
        # One who will use the data may be of the body too; they read no report of their own.
        return sitting(body, MEMBERS[body], WITH)

    # What holds at every moment.

    def is_answered(self, now: datetime, yes: bool) -> UseAnswer:
        found = answer(
            ALLOWS,
            UseQuestion(
                WITH, "use.read", ITEM.id, "sleep-study", None, frozenset({SLICE_OBLIGATION})
            ),
            ITEM,
            {"grant-1": self.stream.state},
            now,
        )
        assert found.decision is yes, found.code
        return found

    @invariant()
    def access_is_what_the_terms_and_the_duties_say_whether_or_not_a_timer_has_fired(self) -> None:
        for later in (0, 25, 140):
            now = self.now + timedelta(days=later)
            running = self.issued_at is not None and not self.ended and now < ENDS
            paused = any(duty.pauses(now) for duty in self.owed.values())
            found = self.is_answered(now, running and not paused)
            if found.decision:
                assert now < found.valid_until <= ENDS
                # A yes does not outlive what it rests on.
                just_before = found.valid_until - timedelta(microseconds=1)
                assert not any(duty.pauses(just_before) for duty in self.owed.values())

    @invariant()
    def there_is_no_access_before_it_was_issued(self) -> None:
        if self.issued_at is not None:
            self.is_answered(self.issued_at - timedelta(microseconds=1), yes=False)

    @invariant()
    def a_report_filed_in_time_never_pauses_access_however_long_communities_take(self) -> None:
        for name, duty in self.owed.items():
            if duty.done or (duty.with_readers and duty.in_time):
                held = self.stream.state.duties[name]
                assert not held.overdue(self.now + timedelta(days=3650))

    @invariant()
    def the_next_due_instant_is_never_an_endless_one(self) -> None:
        machine, state = self.stream.machine, self.stream.state
        due = machine.next_due(state)
        if due is None:
            return
        envelope = Envelope("clock", "grant-1", self.stream.sequence, SYSTEM, due, c.ClockPassed())
        decided = self.stream.would(envelope)
        assert not isinstance(decided, Refused), "a timer that fires when due is refused"
        meta = type("At", (), {"entry": "x", "sequence": 0, "at": due})()
        for each in decided:
            state = machine.evolve(state, each, meta)
        following = machine.next_due(state)
        assert following is None or following > due

    @invariant()
    def it_is_closed_exactly_when_nothing_is_owed(self) -> None:
        state = self.stream.state
        assert (state.status is Status.CLOSED) is (bool(self.owed) and self.nothing_is_owed())
        assert len(self.stream.of(e.Closed)) <= 1
        if state.status is Status.CLOSED:
            assert self.stream.machine.next_due(state) is None

    @invariant()
    def every_version_of_a_report_is_kept(self) -> None:
        for name in self.owed:
            versions = [each.version for _, _, each in self.stream.of(e.ReportFiled)
                        if each.duty == name]  # fmt: skip
            assert versions == list(range(1, len(versions) + 1))

    def teardown(self) -> None:
        self.stream.check_whole()
        for kind in sorted({type(each).__name__ for _, _, each in self.stream.events}):
            event(kind)


TestGrants = Grants.TestCase
TestGrants.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


# Told one by one.


def issued(*due: DutyTerms) -> Grants:
    told = Grants()
    told.send(c.Issue(terms(list(due))), SYSTEM)
    return told


def report(due: int, *recipients: str) -> DutyTerms:
    due_at = START + timedelta(days=due)
    return DutyTerms("report", due_at, due_at - timedelta(days=14), recipients or ("body-river",))


def read(told: Grants, body: str, command: type) -> object:
    return told.send(command(told.sitting(body), "duty-1", TEXT), MEMBERS[body])


def test_a_report_filed_at_its_very_instant_is_in_time() -> None:
    told = issued(report(30))
    told.now = START + timedelta(days=30)
    told.is_answered(told.now, yes=False)
    told.send(c.FileReport("duty-1", WORDS), ASKS)
    told.is_answered(told.now, yes=True)
    told.is_answered(told.now + timedelta(days=60), yes=True)


def test_a_report_filed_late_brings_access_back_when_all_have_accepted() -> None:
    told = issued(report(30, "body-river", "body-hill"))
    told.now = START + timedelta(days=31)
    told.is_answered(told.now, yes=False)
    told.send(c.FileReport("duty-1", WORDS), ASKS)
    told.is_answered(told.now, yes=False)
    read(told, "body-river", c.AcceptReport)
    told.is_answered(told.now, yes=False)
    read(told, "body-hill", c.AcceptReport)
    told.is_answered(told.now, yes=True)


def test_a_return_asks_all_readers_again() -> None:
    told = issued(report(30, "body-river", "body-hill"))
    told.send(c.FileReport("duty-1", WORDS), ASKS)
    read(told, "body-river", c.AcceptReport)
    read(told, "body-hill", c.ReturnReport)
    assert read(told, "body-river", c.AcceptReport).code is Code.WRONG_TIME
    told.send(c.FileReport("duty-1", WORDS), ASKS)
    read(told, "body-hill", c.AcceptReport)
    assert not told.owed["duty-1"].done
    read(told, "body-river", c.AcceptReport)
    assert told.owed["duty-1"].done


def test_somebody_who_uses_the_data_reads_no_report_of_their_own() -> None:
    told = issued(report(30))
    told.send(c.FileReport("duty-1", WORDS), ASKS)
    own = told.send(c.AcceptReport(told.sitting("body-river"), "duty-1", TEXT), WITH)
    assert isinstance(own, Refused)
    assert own.code is Code.APPLICANT


@pytest.mark.parametrize(
    ("missing", "code"), [("findings", Code.INVALID), ("harms", Code.INVALID), (None, None)]
)
def test_a_report_has_all_its_parts(missing, code) -> None:
    told = issued(report(30))
    words = {name: text for name, text in WORDS.items() if name != missing}
    found = told.send(c.FileReport("duty-1", words), ASKS)
    assert (found.code if isinstance(found, Refused) else None) is code


def test_the_whole_life_of_a_grant() -> None:
    told = issued(report(30, "body-river", "body-hill"))
    told.the_clock_strikes_until_nothing_is_due()
    told.now = START + timedelta(days=16)
    told.the_clock_strikes_until_nothing_is_due()
    told.all_readers_accept(0)
    told.now = ENDS
    told.is_answered(ENDS, yes=False)
    told.the_clock_strikes_until_nothing_is_due()
    told.somebody_attests_disposal(ASKS)
    for body in ("body-river", "body-hill"):
        assert told.stream.state.status is Status.ENDED
        told.send(c.AcknowledgeDisposal(told.sitting(body)), MEMBERS[body])
    assert told.stream.state.status is Status.CLOSED
    assert [type(each).__name__ for _, _, each in told.stream.events] == [
        "Issued", "DutyReminded", "ReportFiled", "ReportAccepted", "ReportAccepted", "DutyDone",
        "Ended", "DisposalAttested", "DisposalAcknowledged", "DisposalAcknowledged", "Closed",
    ]  # fmt: skip


@given(st.lists(duties, min_size=1, max_size=3), st.lists(st.integers(0, 200), max_size=8))
def test_however_the_clock_jumps_it_ends_where_it_would_have_ended(owed, jumps) -> None:
    """A worker that slept through everything comes to the same state as one that did not."""
    often, seldom = issued(*owed), issued(*owed)
    for jump in sorted(jumps):
        often.now = START + timedelta(days=jump)
        often.the_clock_strikes_until_nothing_is_due()
    for told in (often, seldom):
        told.now = START + timedelta(days=200)
        told.the_clock_strikes_until_nothing_is_due()
    assert often.stream.state == seldom.stream.state
