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
    NOT_WELCOME_YET = "not_welcome_yet"
    NOT_A_MEMBER = "not_a_member"
    CONFLICT = "conflict"
    NOT_YET = "not_yet"
    NOT_YET_ITS_TURN = "not_yet_its_turn"
    SUBCOMMITTEE_FIRST = "subcommittee_first"
    IN_PERSON = "in_person"
    KORERO_FIRST = "korero_first"
    MEETING_FIRST = "meeting_first"
    PAUSED = "paused"
    TOO_SOON = "too_soon"
    NOT_JOINTLY = "not_jointly"
    NOT_ELSEWHERE = "not_elsewhere"
    LAWFUL_REASON = "lawful_reason"
    OUTCOME_DIFFERS = "outcome_differs"
    NOT_WITHIN = "not_within"
    CONDITIONS_CHANGED = "conditions_changed"
    CONDITIONS_CONFLICT = "conditions_conflict"
    UNCONFIRMED = "unconfirmed"
    UNROUTABLE = "unroutable"
    CONTESTED = "contested"
    NO_HOLDER = "no_holder"
    ORDER_CYCLE = "order_cycle"
    TOO_BROAD = "too_broad"
    ONE_AT_A_TIME = "one_at_a_time"
    NOTHING_LEFT = "nothing_left"
    RESTRICTED = "restricted"
    NO_RULE = "no_rule"
    NO_GRANT = "no_grant"
    OTHER_PURPOSE = "other_purpose"
    OTHER_SLICE = "other_slice"
    NOT_BY_NAME = "not_by_name"
    LAPSED = "lapsed"
    DISPUTED = "disputed"
    OBLIGATION = "obligation_unsupported"
    DUTY_OVERDUE = "duty_overdue"
    UNAVAILABLE = "unavailable"
    EXAMPLE_ONLY = "example_only"
    TOO_LARGE = "too_large"
    STEP_UP = "step_up"
    OTHER_SITE = "other_site"
    SIGN_IN_AWAY = "sign_in_away"
    SIGN_IN_FAILED = "sign_in_failed"
    LINK_SPENT = "link_spent"
    TOO_MANY = "too_many"


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
    Code.NOT_WELCOME_YET: (
        "The bodies that are here do not all know this body yet.",
        "It speaks once each of them has said so; ask them.",
    ),
    Code.CONFLICT: (
        "Somebody who works where the request comes from does not decide about it.",
        "The others of the body decide.",
    ),
    Code.NOT_YET_ITS_TURN: (
        "By its own rule this body decides after others, which have not decided yet.",
        "It is told when its turn comes.",
    ),
    Code.SUBCOMMITTEE_FIRST: (
        "The body's subcommittee looks at this first.",
        "The body speaks once the subcommittee has come to its advice.",
    ),
    Code.IN_PERSON: (
        "This body decides only face to face.",
        "Its secretary writes up the hui.",
    ),
    Code.KORERO_FIRST: (
        "This body meets whoever asks before any request.",
        "Introduce yourself to the body, and meet; then send the request.",
    ),
    Code.MEETING_FIRST: (
        "The body has asked to meet before it decides.",
        "Record the meeting once it has been held.",
    ),
    Code.PAUSED: (
        "The body keeps a pause, in which it decides nothing.",
        "Its secretary can end the pause when it is over.",
    ),
    Code.TOO_SOON: (
        "The body gives itself more days before it decides.",
        "Wait until those days have passed.",
    ),
    Code.NOT_JOINTLY: (
        "These bodies have not both chosen to sit together.",
        "Each of them can say so in its kawa; or record what your own body decided.",
    ),
    Code.NOT_ELSEWHERE: (
        "This body decides here, not in a system of its own.",
        "Record its hui; or let its kawa say that it decides elsewhere.",
    ),
    Code.LAWFUL_REASON: (
        "A holder that says no gives its lawful reason.",
        "Write the reason, and send it again.",
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
    Code.CONTESTED: (
        "Whose this is has been contested, so it stays closed until that is settled.",
        "The bodies concerned settle it among themselves.",
    ),
    Code.NO_HOLDER: (
        "Nobody answers here for the holder of this data yet.",
        "Ask the holder to enter, or write to it in its own system.",
    ),
    Code.ORDER_CYCLE: (
        "These bodies each decide after the other, so none could begin.",
        "They must agree who begins; ask them.",
    ),
    Code.TOO_BROAD: (
        "This purpose says too little about what will be done.",
        "Say what will be found out, with which data, and for whom.",
    ),
    Code.ONE_AT_A_TIME: (
        "This is sensitive, so it is looked at one by one.",
        "Send it alone.",
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
    Code.NOT_BY_NAME: (
        "This use was not asked for and allowed by that name.",
        "Use exactly what the grant names, or ask for this.",
    ),
    Code.LAPSED: (
        "A decision that this rests on has lapsed.",
        "The body that made it can renew it.",
    ),
    Code.DISPUTED: (
        "Somebody named in a record that this rests on disputes it.",
        "Access returns when the body has answered.",
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
    Code.STEP_UP: (
        "For this step you need to show again that it is you.",
        "Sign in again, and do it within ten minutes.",
    ),
    Code.OTHER_SITE: (
        "This came from somewhere other than Accord's own pages, so nothing was done.",
        "Open Accord at its own address and do it there.",
    ),
    Code.SIGN_IN_AWAY: (
        "Your sign-in provider does not answer.",
        "Try again in a minute.",
    ),
    Code.SIGN_IN_FAILED: (
        "This sign-in was not completed, and nobody was signed in.",
        "Begin again from the sign-in page, in the same browser.",
    ),
    Code.LINK_SPENT: (
        "This link was used before, is too old, or was asked for in another browser.",
        "Ask for a new link, and open it in the browser in which you asked.",
    ),
    Code.TOO_MANY: (
        "Too many sign-in links were asked for in the last hour.",
        "Use the newest one that came, or ask again in an hour.",
    ),
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
