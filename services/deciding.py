"""What bodies do with a request: ask, kōrero, set conditions, decide, record; and the desk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from policies.conditions import Condition
from policies.refusals import Code, RefusedError
from policies.request import commands as c
from policies.request.state import RequestState, Status
from policies.types import Meeting, Outcome, TextId, Voice
from services.letters import Elsewhere, letter_words
from services.path import Path, Ready, Sent, Sight, words
from services.people import Viewer, acting_for
from services.store import streams
from services.store.texts import Audience, Words


@dataclass(frozen=True)
class Ruling:
    """What a body comes to. `reasons` ("" for none) are for the researcher; `struck` are items
    that an approval leaves out; `depends_on` is for a yes in principle."""

    outcome: Outcome
    reasons: str = ""
    struck: frozenset[str] = frozenset()
    depends_on: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Hui:
    """A meeting as its secretary writes it up; `joint_with` are bodies that sat with this one."""

    held_on: date
    method: str
    voices: Mapping[str, Voice]
    minutes: str
    joint_with: frozenset[str] = frozenset()


class Deciding:
    """What bodies do with requests."""

    def __init__(self, path: Path) -> None:
        """`path` is the one way that commands go."""
        self._path = path

    async def ask(
        self, viewer: Viewer, request: str, body: str, sent: Sent, question: str
    ) -> dict[str, Any]:
        """A body asks the researcher a question."""
        named, said = words(sent, request, Audience.PARTIES, {"question": question})
        return await self._for_body(
            viewer, request, body, "body:request:ask", sent, said,
            lambda sight: c.Ask(sight.bodies.sitting(body), named["question"]),
        )  # fmt: skip

    async def stand_aside(
        self, viewer: Viewer, request: str, body: str, sent: Sent
    ) -> dict[str, Any]:
        """The viewer takes no part in this body's decision."""
        return await self._for_body(
            viewer,
            request,
            body,
            "body:request:stand_aside",
            sent,
            (),
            lambda sight: c.StandAside(sight.bodies.sitting(body)),
        )

    async def speak(
        self, viewer: Viewer, request: str, body: str, sent: Sent, voice: Voice
    ) -> dict[str, Any]:
        """The viewer says what they think, within the body."""
        return await self._for_body(
            viewer, request, body, "body:request:speak", sent, (),
            lambda sight: c.Speak(sight.bodies.sitting(body), voice),
        )  # fmt: skip

    async def set_condition(
        self, viewer: Viewer, request: str, body: str, sent: Sent, condition: Condition, own: str
    ) -> dict[str, Any]:
        """The body sets a condition, from the library or in its `own` words ("" for none)."""
        named, said = words(sent, body, Audience.PARTIES, {"condition": own} if own else {})
        worded = replace(condition, words=named.get("condition"))
        return await self._for_body(
            viewer, request, body, "body:request:set_condition", sent, said,
            lambda sight: c.SetCondition(sight.bodies.sitting(body), worded),
        )  # fmt: skip

    async def conclude(
        self, viewer: Viewer, request: str, body: str, sent: Sent, ruling: Ruling
    ) -> dict[str, Any]:
        """Record that the body's voices have come to this by its kawa."""
        named, said = self._reasons(sent, request, ruling)
        return await self._for_body(
            viewer, request, body, "body:request:conclude", sent, said,
            lambda sight: c.Conclude(
                sight.bodies.sitting(body), ruling.outcome, named, ruling.struck,
                ruling.depends_on,
            ),
        )  # fmt: skip

    async def record_hui(
        self, viewer: Viewer, request: str, body: str, sent: Sent, ruling: Ruling, hui: Hui
    ) -> dict[str, Any]:
        """The secretary writes up a decision made away from any screen."""
        named, kept = words(sent, body, Audience.BODY, {"minutes": hui.minutes})
        reasons, said = self._reasons(sent, request, ruling)

        def command(sight: Sight) -> c.RecordHui:
            willing = {
                other: sight.bodies.sitting(other).kawa.joint_with
                for other in sorted(hui.joint_with)
            }
            return c.RecordHui(
                sight.bodies.sitting(body), hui.held_on, hui.method, hui.voices, ruling.outcome,
                named["minutes"], reasons, ruling.struck, ruling.depends_on, willing,
            )  # fmt: skip

        return await self._for_body(
            viewer, request, body, "body:request:record_hui", sent, kept + said, command,
            tuple(sorted(hui.joint_with)),
        )  # fmt: skip

    async def record_elsewhere(
        self, viewer: Viewer, request: str, body: str, sent: Sent, decided: Elsewhere
    ) -> dict[str, Any]:
        """The secretary writes down what the body decided in a system of its own."""
        named, said = letter_words(sent, request, decided.letter)
        return await self._for_body(
            viewer, request, body, "body:request:record_elsewhere", sent, said,
            lambda sight: c.RecordElsewhere(
                sight.bodies.sitting(body), decided.outcome, named["reference"], named["letter"],
                decided.letter.sha256, decided.decided_on, decided.expires_at,
            ),
        )  # fmt: skip

    async def ask_to_meet(
        self, viewer: Viewer, request: str, body: str, sent: Sent, meeting: Meeting, said: str
    ) -> dict[str, Any]:
        """Wānanga first, or meet us; `said` is for the researcher ("" for nothing)."""
        named, kept = words(sent, request, Audience.PARTIES, {"meeting": said} if said else {})
        return await self._for_body(
            viewer, request, body, "body:request:ask_to_meet", sent, kept,
            lambda sight: c.AskToMeet(
                sight.bodies.sitting(body), meeting, named.get("meeting")
            ),
        )  # fmt: skip

    async def record_meeting(
        self, viewer: Viewer, request: str, body: str, sent: Sent, held_on: date
    ) -> dict[str, Any]:
        """They met; the body goes on."""
        return await self._for_body(
            viewer, request, body, "body:request:record_meeting", sent, (),
            lambda sight: c.RecordMeeting(sight.bodies.sitting(body), held_on),
        )  # fmt: skip

    async def forward(self, viewer: Viewer, request: str, body: str, sent: Sent) -> dict[str, Any]:
        """The desk finds everything there."""
        return await self._for_body(
            viewer, request, body, "body:request:forward", sent, (),
            lambda sight: c.Forward(sight.bodies.sitting(body)),
        )  # fmt: skip

    async def send_back(
        self, viewer: Viewer, request: str, body: str, sent: Sent, missing: str
    ) -> dict[str, Any]:
        """The desk finds something missing, and says what."""
        named, said = words(sent, request, Audience.PARTIES, {"missing": missing})
        return await self._for_body(
            viewer, request, body, "body:request:return", sent, said,
            lambda sight: c.Return(sight.bodies.sitting(body), named["missing"]),
        )  # fmt: skip

    def _reasons(
        self, sent: Sent, request: str, ruling: Ruling
    ) -> tuple[TextId | None, tuple[Words, ...]]:
        """A body need give no reasons; those that it gives are for the researcher."""
        if not ruling.reasons:
            return None, ()
        named, said = words(sent, request, Audience.PARTIES, {"reasons": ruling.reasons})
        return named["reasons"], said

    async def _for_body(
        self,
        viewer: Viewer,
        request: str,
        body: str,
        act: str,
        sent: Sent,
        said: tuple[Words, ...],
        command: Callable[[Sight], Any],
        also: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """`also` are other bodies that the command relies on, as they are."""

        def build(sight: Sight) -> Ready:
            roles = acting_for(sight.bodies, viewer, body)
            state: RequestState = streams.get(sight.connection, request).state
            if state.status is Status.NONE or body not in state.concerned():
                raise RefusedError(Code.NOT_FOUND)
            rule = sight.permitted(act, roles)
            return Ready(request, command(sight), rule, (body, *also), said)

        return await self._path.send(viewer, act, sent, build)
