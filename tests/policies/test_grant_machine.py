"""A grant over its years: reports in any order, clocks that jump, access at every moment.

`Owed` tells each duty a second time, from what happened alone. Access is asked of
`policies.use.answer` itself, with a rule that lets everything through: what remains
is what no rule pack can switch off.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from builders import PEOPLES, START, sitting
from hypothesis import event, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger_in_memory import Stream

from policies.catalogue.classification import Classification
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
from policies.use import SLICE_OBLIGATION, Unsettled, UseAnswer, UseQuestion, answer

BODIES = ("body-river", "body-hill", "body-island")
ASKS, WITH, OUTSIDER = "person-asks", "person-with", "person-outside"
MEMBERS = {body: f"person-of-{body}" for body in BODIES}
ACTORS = (ASKS, WITH, OUTSIDER, SYSTEM, *MEMBERS.values())
TEXT = TextId("text-1")
WORDS = dict.fromkeys(c.REPORT_WORDS, TEXT)
SETTLED = Unsettled()
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


DECIDED = {body: f"entry-{body}" for body in BODIES}
RESTS_ON = frozenset({*DECIDED.values(), "entry-advice"})


def terms(duties: list[DutyTerms], lapses: dict[str, datetime] | None = None) -> Terms:
    return Terms(
        "request-1", ASKS, (ASKS, WITH), "sleep-study", frozenset({"use.read"}),
        {ITEM.id: PINNED}, Slice(frozenset(PEOPLES)), ENDS, (), DECIDED, tuple(duties),
        lapses=lapses or {}, rests_on=RESTS_ON,
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
lapses = st.dictionaries(
    st.sampled_from(BODIES),
    st.integers(0, 130).map(lambda n: START + timedelta(days=n)),
    max_size=2,
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
        self.lapses: dict[str, datetime] = {}
        self.told_of: set[tuple[str, datetime]] = set()
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
        self.lapses = dict(each.terms.lapses)
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

    def _LapsePassed(self, each, sent) -> None:  # noqa: N802
        assert sent.actor == SYSTEM
        lapses = self.lapses[each.body]
        assert lapses <= sent.at
        assert (each.body, lapses) not in self.told_of, "told twice of the same lapse"
        self.told_of.add((each.body, lapses))
        assert not self.ended

    def _RenewedElsewhere(self, each, sent) -> None:  # noqa: N802
        assert sent.command.sitting.body == each.body
        assert sent.actor == each.verified_by == MEMBERS[each.body]
        assert each.expires_at > max(sent.at, self.lapses[each.body])
        assert not self.ended
        self.lapses[each.body] = each.expires_at

    def _Ended(self, each, sent) -> None:  # noqa: N802
        assert not self.ended
        if isinstance(sent.command, c.Void):
            assert sent.actor == SYSTEM
            assert sent.command.entry in RESTS_ON
        elif each.reason == "expired":
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

    @initialize(owed=st.lists(duties, min_size=1, max_size=3), letters=lapses, who=ACTOR)
    def a_request_was_accepted(self, owed, letters, who) -> None:
        if who != SYSTEM:
            found = self.send(c.Issue(terms(owed, letters)), who)
            assert isinstance(found, Refused)
            assert found.code is Code.NOT_PERMITTED
        self.is_answered(self.now, yes=False)
        self.send(c.Issue(terms(owed, letters)), SYSTEM)

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

    @rule(b=WHICH, who=ACTOR, own=st.sampled_from([True, True, False]),
          days=st.integers(-30, 200), missed=MISSED)  # fmt: skip
    def a_letter_is_renewed(self, b, who, own, days, missed) -> None:
        names = sorted(self.lapses) if b < 4 and self.lapses else list(BODIES)
        body = names[b % len(names)]
        letter = c.RenewElsewhere(
            self.sitting(body), TEXT, TEXT, "0" * 64, self.now + timedelta(days=days)
        )
        found = self.send(letter, MEMBERS[body] if own else who, missed)
        later = body in self.lapses and letter.expires_at > max(self.now, self.lapses[body])
        if later and own and not self.ended:
            assert not isinstance(found, Refused)

    @rule(entry=st.sampled_from([*sorted(RESTS_ON), "entry-other", "entry-other"]), who=ACTOR,
          sure=st.integers(0, 4))  # fmt: skip
    def a_record_does_not_stand(self, entry, who, sure) -> None:
        if who == SYSTEM and entry in RESTS_ON and sure < 4:
            return
        found = self.send(c.Void(BODIES[0], entry), who)
        assert who == SYSTEM or isinstance(found, Refused)

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
        return sitting(body, MEMBERS[body], WITH, secretaries=(MEMBERS[body], WITH))

    # What holds at every moment.

    def is_answered(self, now: datetime, yes: bool, unsettled: Unsettled = SETTLED) -> UseAnswer:
        found = answer(
            ALLOWS,
            UseQuestion(
                WITH, "use.read", ITEM.id, "sleep-study", None, frozenset({SLICE_OBLIGATION})
            ),
            ITEM,
            {"grant-1": self.stream.state},
            now,
            unsettled,
        )
        assert found.decision is yes, found.code
        return found

    @invariant()
    def access_is_what_the_terms_and_the_duties_say_whether_or_not_a_timer_has_fired(self) -> None:
        for later in (0, 25, 140):
            now = self.now + timedelta(days=later)
            running = self.issued_at is not None and not self.ended and now < ENDS
            paused = any(duty.pauses(now) for duty in self.owed.values())
            lapsed = any(at <= now for at in self.lapses.values())
            found = self.is_answered(now, running and not paused and not lapsed)
            if running and (paused or lapsed):
                assert found.code is (Code.DUTY_OVERDUE if paused else Code.LAPSED)
            if found.decision:
                assert now < found.valid_until <= ENDS
                # A yes does not outlive what it rests on.
                just_before = found.valid_until - timedelta(microseconds=1)
                assert not any(duty.pauses(just_before) for duty in self.owed.values())
                assert all(at > just_before for at in self.lapses.values())

    @invariant()
    def a_record_in_dispute_rests_it_and_nothing_is_written_down_for_that(self) -> None:
        now = self.now
        running = self.issued_at is not None and not self.ended and now < ENDS
        paused = any(duty.pauses(now) for duty in self.owed.values())
        lapsed = any(at <= now for at in self.lapses.values())
        if running and not paused and not lapsed:
            for entry in sorted(RESTS_ON):
                unsettled = Unsettled(disputed=frozenset({entry}))
                assert self.is_answered(now, yes=False, unsettled=unsettled).code is Code.DISPUTED
            self.is_answered(now, True, Unsettled(disputed=frozenset({"entry-other"})))

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


def issued(*due: DutyTerms, **letters: datetime) -> Grants:
    told = Grants()
    lapses = {f"body-{name}": at for name, at in letters.items()}
    told.send(c.Issue(terms(list(due), lapses)), SYSTEM)
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


# Decisions made elsewhere, and records that do not stand.

LAPSES = START + timedelta(days=20)


def renewal(told: Grants, body: str = BODIES[0], days: int = 90) -> c.RenewElsewhere:
    expires_at = LAPSES + timedelta(days=days)
    return c.RenewElsewhere(told.sitting(body), TEXT, TEXT, "0" * 64, expires_at)


def test_what_lapses_rests_until_it_is_renewed() -> None:
    told = issued(report(90), river=LAPSES)
    told.now = LAPSES - timedelta(microseconds=1)
    told.is_answered(told.now, yes=True)
    told.now = LAPSES
    # Whether or not any timer has fired.
    assert told.is_answered(LAPSES, yes=False).code is Code.LAPSED
    told.the_clock_strikes_until_nothing_is_due()
    assert len(told.stream.of(e.LapsePassed)) == 1
    assert told.stream.state.status is Status.ACTIVE
    told.now += timedelta(days=30)
    assert not isinstance(told.send(renewal(told, days=60), MEMBERS[BODIES[0]]), Refused)
    told.is_answered(told.now, yes=True)
    # And lapses again on its new day, of which it is told again.
    told.now = LAPSES + timedelta(days=60)
    told.is_answered(told.now, yes=False)
    told.the_clock_strikes_until_nothing_is_due()
    assert len(told.stream.of(e.LapsePassed)) == 2


def test_it_may_be_renewed_before_it_lapses_and_is_told_once_of_each_day() -> None:
    told = issued(report(90), river=LAPSES)
    assert told.stream.machine.next_due(told.stream.state) == LAPSES
    told.send(renewal(told, days=10), MEMBERS[BODIES[0]])
    told.now = LAPSES
    told.is_answered(told.now, yes=True)
    told.the_clock_strikes_until_nothing_is_due()
    assert told.stream.of(e.LapsePassed) == []
    told.now = LAPSES + timedelta(days=10)
    told.the_clock_strikes_until_nothing_is_due()
    assert len(told.stream.of(e.LapsePassed)) == 1


@pytest.mark.parametrize(
    ("body", "who", "days", "refused"),
    [
        (BODIES[0], MEMBERS[BODIES[0]], 1, None),
        (BODIES[0], MEMBERS[BODIES[0]], 0, Code.INVALID),
        (BODIES[0], MEMBERS[BODIES[0]], -5, Code.INVALID),
        (BODIES[0], MEMBERS[BODIES[1]], 1, Code.NOT_PERMITTED),
        (BODIES[0], ASKS, 1, Code.NOT_PERMITTED),
        (BODIES[0], WITH, 1, Code.APPLICANT),
        (BODIES[1], MEMBERS[BODIES[1]], 1, Code.NOT_ASKED),
        ("body-other", OUTSIDER, 1, Code.NOT_ASKED),
    ],
    ids=["later", "the same day", "an earlier day", "another body's secretary", "the researcher",
         "a secretary who uses the data", "a body that decided here", "a body that was not asked"],
)  # fmt: skip
def test_a_renewal_is_by_the_body_and_for_longer(body, who, days, refused) -> None:
    told = issued(report(90), river=LAPSES)
    letter = replace(renewal(told, days=days), sitting=sitting(
        body, WITH, secretaries=(MEMBERS.get(body, OUTSIDER), WITH)
    ))  # fmt: skip
    found = told.send(letter, who)
    assert (found.code if isinstance(found, Refused) else None) is refused


@pytest.mark.parametrize(("days", "refused"), [(29, True), (30, True), (31, False)])
def test_a_renewal_that_has_lapsed_by_now_is_none(days, refused) -> None:
    told = issued(report(90), river=LAPSES)
    told.now = LAPSES + timedelta(days=30)
    found = told.send(renewal(told, days=days), MEMBERS[BODIES[0]])
    assert isinstance(found, Refused) is refused


def test_what_has_ended_is_not_renewed() -> None:
    told = issued(report(90), river=LAPSES)
    told.send(c.EndEarly(), ASKS)
    assert told.send(renewal(told), MEMBERS[BODIES[0]]).code is Code.WRONG_TIME


@pytest.mark.parametrize(
    ("who", "entry", "refused"),
    [
        (SYSTEM, DECIDED[BODIES[0]], None),
        (SYSTEM, "entry-advice", None),
        (SYSTEM, "entry-of-a-round-that-is-over", Code.NOT_ASKED),
        (ASKS, DECIDED[BODIES[0]], Code.NOT_PERMITTED),
        (MEMBERS[BODIES[0]], DECIDED[BODIES[0]], Code.NOT_PERMITTED),
    ],
)
def test_a_record_that_does_not_stand_ends_the_grants_that_rest_on_it(who, entry, refused) -> None:
    told = issued(report(90))
    found = told.send(c.Void(BODIES[0], entry), who)
    assert (found.code if isinstance(found, Refused) else None) is refused
    told.is_answered(told.now, yes=refused is not None)
    if refused is None:
        # What is owed is owed all the same.
        assert told.stream.state.status is Status.ENDED
        assert told.send(c.Void(BODIES[0], entry), who).code is Code.ALREADY_DONE
        assert not isinstance(told.send(c.AttestDisposal(TEXT), ASKS), Refused)


def test_what_ends_a_grant_may_be_delivered_before_what_begins_it() -> None:
    """The outbox carries several at once; what is refused as stale comes again."""
    told = Grants()
    void = told.envelope(c.Void(BODIES[0], DECIDED[BODIES[0]]), SYSTEM)
    assert told.stream.send(void).code is Code.STALE
    assert told.send(c.FileReport("duty-1", WORDS), ASKS).code is Code.NOT_FOUND
    told.send(c.Issue(terms([report(90)])), SYSTEM)
    assert not isinstance(told.carry(void), Refused)
    told.is_answered(told.now, yes=False)
