"""In what standing somebody sees a request, and what of it they see in that.

A researcher sees what each body decided, and never who said what within it. A body's people
see the request, everybody's questions and their own body's affairs, and never how others
decided, or what others wait for. The desk sees the request as it was until it went on, and the
named reviewer what was referred to them. To anybody else a request does not exist.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from policies.body.commands import DEPLOYMENT
from policies.machines import MACHINES
from policies.request.commands import APPLICANT
from policies.request.state import RequestState, Status
from policies.request.waiting import DESK
from services.path import Sight
from services.people import Viewer

Json = dict[str, Any]

AT_THE_DESK = (Status.AT_DESK, Status.RETURNED)

_OF_A_BODY = {"Spoken", "StoodAside", "HuiRecorded", "Advised", "DelegateCalled"}
"""What stays within the body it happened in."""
_TO_ALL_PARTIES = {"Submitted", "QuestionAsked", "QuestionAnswered", "Rejustified", "Narrowed",
                   "BodiesAdded", "Withdrawn", "Declined", "Closed", "Forwarded", "Returned",
                   "Resubmitted", "Escalated", "ReviewRecorded"}  # fmt: skip
_TO_THE_REVIEWER = {"Submitted", "Forwarded", "Rejustified", "Withdrawn", "Declined", "Closed",
                    "Escalated", "ReviewRecorded"}  # fmt: skip

_WORDS = ("text", "justification", "minutes", "reasons", "missing", "finding", "reference")
"""The fields of events that hold words for those who see the event. (A letter is a file, and
is read by itself.)"""
_WORDS_OF: Mapping[str, tuple[str, ...]] = {"MeetingAsked": ("words",)}
_OWN_WORDS_OF: Mapping[str, tuple[str, ...]] = {
    "Disputed": ("words",),
    "DisputeAnswered": ("answer",),
}
"""What somebody named in a record says of it, and is answered, is within the body."""


@dataclass(frozen=True)
class Standing:
    """`own` are the viewer's bodies that are asked, `desk` whether they are of the desk,
    `reviews` the holders whose silence was referred to them."""

    researcher: bool
    own: frozenset[str]
    desk: bool
    reviews: frozenset[str]

    @property
    def any(self) -> bool:
        """False for somebody to whom the request does not exist."""
        return self.researcher or bool(self.own) or self.desk or bool(self.reviews)

    @property
    def parties(self) -> bool:
        """Whether they ask, or their body is asked."""
        return self.researcher or bool(self.own)

    @property
    def only_desk(self) -> bool:
        """Whether the desk is all that they are here."""
        return self.desk and not (self.researcher or self.own or self.reviews)

    def knows_of(self, body: str) -> bool:
        """Whether they may see what this body decided."""
        return self.researcher or body in self.own or body in self.reviews

    def waits_for(self, who: str) -> bool:
        """Whether they may see that this one is waited for. The desk's waits are everybody's
        to see, and so is what whoever asked has to do."""
        return self.knows_of(who) or who in (DESK, APPLICANT)


def standing(sight: Sight, viewer: Viewer, state: RequestState) -> Standing:
    """The viewer's standing in a request, from its state."""
    if state.status is Status.NONE:
        return Standing(False, frozenset(), False, frozenset())
    bodies = frozenset(sight.bodies.of(viewer.person)) - {DEPLOYMENT}
    asked = frozenset[str]() if state.status in AT_THE_DESK else state.asked_ever()
    desk = state.pinned.desk if state.pinned else None
    return Standing(
        viewer.person in state.applicants, bodies & asked, desk in bodies,
        referred(sight, viewer, state),
    )  # fmt: skip


def referred(sight: Sight, viewer: Viewer, state: RequestState) -> frozenset[str]:
    """The holders whose silence was referred to the viewer, as the named reviewer. Once they
    have answered, their reason is the reviewer's to read as well."""
    if viewer.person != sight.bodies.states[DEPLOYMENT].reviewer:
        return frozenset()
    return state.referred


def as_the_desk_left_it(entries: list[Json]) -> tuple[RequestState, list[Json]]:
    """The state and the entries up to the last thing that the desk did: of what the bodies
    came to, nothing shows in it, not even by what is left."""
    machine = MACHINES["request"]
    state: RequestState = machine.initial
    kept: list[Json] = []
    for entry in entries:
        state = machine.fold(state, entry)
        kept.append(entry)
        if state.status is not Status.AT_DESK and state.status is not Status.RETURNED:
            break
    return state, kept


def told(entry: Json, seen: Standing, questions: Mapping[str, str]) -> list[Json]:
    """The events of an entry that the viewer may see, each with the texts it names.

    `questions` maps each question to the body that asked it.
    """
    found = []
    for event in entry["events"]:
        kind, data = event["type"], event["data"]
        body = data.get("body") or (data.get("condition") or {}).get("body")
        ours = body in seen.own
        if not _may_see(kind, data, body, seen, questions):
            continue
        named = (*_WORDS, *_WORDS_OF.get(kind, ()), *(_OWN_WORDS_OF.get(kind, ()) if ours else ()))
        found.append(
            {
                "at": entry["at"],
                "entry": entry["id"],
                "event": kind,
                # Whose no took records out is between that body and the researcher.
                "body": body if ours or seen.researcher or kind != "Narrowed" else None,
                "question": data.get("question") if kind.startswith("Question") else None,
                "outcome": data.get("outcome"),
                "letter_sha256": data.get("letter_sha256"),
                "slice": data.get("slice"),
                "texts": [value for value in map(data.get, named) if value],
            }
        )
    return found


def _may_see(
    kind: str, data: Json, body: str | None, seen: Standing, questions: Mapping[str, str]
) -> bool:
    if body in seen.own:
        return True
    if kind in _OF_A_BODY or kind == "ConditionSet":
        return False
    if seen.researcher:
        return True
    about = body or questions.get(data.get("question", ""))
    if kind in _OWN_WORDS_OF:
        # That a record is disputed is for the researcher, whose grant rests on it, and its body.
        return False
    if seen.reviews and (kind in _TO_THE_REVIEWER or about in seen.reviews):
        return True
    return bool(seen.own or seen.desk) and kind in _TO_ALL_PARTIES
