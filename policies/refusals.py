"""The one refusal type: a closed set of codes, each with a plain sentence and a next step.

`services/web/errors.py` maps it outward once. A sentence has at most 25 words,
names no person and gives no reason that a body keeps to itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Code(StrEnum):
    """Why something was refused."""

    NOT_FOUND = "not_found"
    NOT_PERMITTED = "not_permitted"
    NOT_PERMITTED_NOW = "not_permitted_now"
    STALE = "stale"
    COMMAND_REUSED = "command_reused"
    UNKNOWN_TEXT = "unknown_text"
    INVALID = "invalid"
    WRONG_TIME = "wrong_time"
    ENDED = "ended"
    ALREADY_DONE = "already_done"
    NOT_ASKED = "not_asked"
    STOOD_ASIDE = "stood_aside"
    APPLICANT = "applicant"
    NOT_A_MEMBER = "not_a_member"
    NOT_YET = "not_yet"
    OUTCOME_DIFFERS = "outcome_differs"
    NOT_WITHIN = "not_within"
    CONDITIONS_CHANGED = "conditions_changed"
    CONDITIONS_CONFLICT = "conditions_conflict"
    UNCONFIRMED = "unconfirmed"
    UNROUTABLE = "unroutable"
    NOTHING_LEFT = "nothing_left"
    RESTRICTED = "restricted"
    NO_RULE = "no_rule"
    NO_GRANT = "no_grant"
    OTHER_PURPOSE = "other_purpose"
    OTHER_SLICE = "other_slice"
    OBLIGATION = "obligation_unsupported"
    DUTY_OVERDUE = "duty_overdue"
    UNAVAILABLE = "unavailable"
    EXAMPLE_ONLY = "example_only"
    TOO_LARGE = "too_large"


SENTENCES: Mapping[Code, tuple[str, str]] = {
    Code.NOT_FOUND: (
        "There is nothing here under that name, or it is not yours to see.",
        "Check the id, or ask the body that it belongs to.",
    ),
    Code.NOT_PERMITTED: (
        "The rules in force do not let you do this.",
        "The body concerned can tell you who may.",
    ),
    Code.NOT_PERMITTED_NOW: (
        "This may not be done at present.",
        "Ask again later, or ask the bodies that decide about this data.",
    ),
    Code.STALE: (
        "Something that this relied on has changed in the meantime.",
        "Load it again, look at what changed, and send it once more.",
    ),
    Code.COMMAND_REUSED: (
        "That command id was already used for something else.",
        "Send it again with a new id.",
    ),
    Code.UNKNOWN_TEXT: (
        "The words that belong to this are not there any more.",
        "Write them again and send it with a new command id.",
    ),
    Code.INVALID: (
        "What was sent cannot be read.",
        "Correct what is named and send it again.",
    ),
    Code.WRONG_TIME: (
        "This step does not come now.",
        "Look at where things stand; the page says whose turn it is.",
    ),
    Code.ENDED: ("This has ended; nothing more can be done in it.", "Begin a new one if needed."),
    Code.ALREADY_DONE: ("This was done before.", "Nothing more is needed."),
    Code.NOT_ASKED: (
        "That body has not been asked to decide about this.",
        "Its own requests are on its own page.",
    ),
    Code.STOOD_ASIDE: (
        "Somebody who has stood aside does not speak in this decision.",
        "The others of the body decide.",
    ),
    Code.APPLICANT: (
        "Somebody who applied, or would use the data, does not decide about it.",
        "The others of the body decide.",
    ),
    Code.NOT_A_MEMBER: (
        "Only people who are members of the body today speak in its decisions.",
        "Its secretary keeps the list of members.",
    ),
    Code.NOT_YET: (
        "By the body's own kawa this is not decided yet.",
        "It waits until those who must speak have spoken.",
    ),
    Code.OUTCOME_DIFFERS: (
        "What was said does not come to that outcome by the body's kawa.",
        "Record the outcome that the voices give, or go on speaking.",
    ),
    Code.NOT_WITHIN: (
        "A request can be made narrower here, never wider.",
        "For more, begin a new request.",
    ),
    Code.CONDITIONS_CHANGED: (
        "The conditions are not the ones that you were shown.",
        "Read them again and accept them as they are now.",
    ),
    Code.CONDITIONS_CONFLICT: (
        "Two bodies' conditions cannot both be kept.",
        "Both have been told; it can be accepted when they agree.",
    ),
    Code.UNCONFIRMED: (
        "No body concerned has confirmed yet what this item is.",
        "The bodies concerned can confirm it; until then it is not open to requests.",
    ),
    Code.UNROUTABLE: (
        "Nobody speaks for some of the people or places concerned yet.",
        "Leave them out of the request, or wait until a body of theirs has entered.",
    ),
    Code.NOTHING_LEFT: (
        "Nothing is left of what was asked.",
        "Choose items and records for which a body can be asked.",
    ),
    Code.RESTRICTED: (
        "A restriction placed by a body covers this.",
        "It is lifted by that body's own rule; ask the body.",
    ),
    Code.NO_RULE: (
        "No rule in force allows this, and what no rule allows is refused.",
        "The bodies concerned can adopt a rule for it.",
    ),
    Code.NO_GRANT: (
        "No grant in force covers this person and this item.",
        "Ask for it with a request to the bodies concerned.",
    ),
    Code.OTHER_PURPOSE: (
        "The grant is for another purpose.",
        "Use it for its own purpose, or ask for this one.",
    ),
    Code.OTHER_SLICE: (
        "The grant does not cover all the records that were asked for.",
        "Ask within the grant's slice.",
    ),
    Code.OBLIGATION: (
        "The gateway did not say that it can apply the slice.",
        "Its keeper must support the obligation slice/1.",
    ),
    Code.DUTY_OVERDUE: (
        "A report owed to the communities is overdue, so access is paused as agreed.",
        "File the report; access returns when it is accepted.",
    ),
    Code.UNAVAILABLE: (
        "Accord cannot answer just now, so the answer is no.",
        "Try again in a minute.",
    ),
    Code.EXAMPLE_ONLY: (
        "This exists only where the invented example is loaded.",
        "Sign in the way your deployment does.",
    ),
    Code.TOO_LARGE: ("This is larger than Accord takes.", "Send less at a time."),
}


@dataclass(frozen=True)
class Refused:
    """A no: its code, and facts that help (ids, field names, sequences; never words)."""

    code: Code
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def sentence(self) -> str:
        """What is refused, in at most 25 plain words."""
        return self.facts.get("sentence") or SENTENCES[self.code][0]

    @property
    def next_step(self) -> str:
        """What the reader can do about it."""
        return self.facts.get("next") or SENTENCES[self.code][1]


class RefusedError(Exception):
    """A refusal on its way out of a use case."""

    def __init__(self, code: Code, **facts: str) -> None:
        """`facts` as in `Refused`."""
        self.refused = Refused(code, facts)
        super().__init__(str(code))

    @classmethod
    def of(cls, refused: Refused) -> RefusedError:
        """The same refusal, raised."""
        return cls(refused.code, **dict(refused.facts))
