"""Requests: from a draft that is its author's alone to the acceptance of all conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from policies.body import DEPLOYMENT
from policies.conditions import Condition
from policies.refusals import Code, RefusedError
from policies.request import commands as c
from policies.request.state import RequestState, Status
from policies.routing import Route, route
from policies.slices import Slice
from policies.types import Outcome, Sitting, TextId, Voice, derived_id
from policies.use import rules_refuse
from services import calendar, facts
from services.path import Path, Ready, Sent, Sight, words
from services.people import ANYONE, Viewer, acting_for
from services.preview import Draft, Preview, drafted, preview
from services.store import drafts, streams
from services.store.texts import Audience, Words

REMIND_AFTER_WORKING_DAYS = 10
REPORT_AFTER = timedelta(days=365)
MOST_ITEMS = 500


class Requests:
    """What people do with requests."""

    def __init__(self, path: Path) -> None:
        """`path` is the one way that commands go."""
        self._path = path

    async def preview(self, viewer: Viewer, draft: str) -> Preview:
        """Which bodies must decide and why, what is refused already, what is missing."""

        def reading(sight: Sight) -> Preview:
            row = drafts.get(sight.connection, draft, viewer.person)
            return preview(sight, viewer, drafted(row.content))

        found: Preview = await self._path.look(reading)
        return found

    async def save(self, viewer: Viewer, draft: str, version: int, content: dict[str, Any]) -> int:
        """Save a draft over `version`; returns the new version. Raises RefusedError."""

        def look(sight: Sight) -> datetime:
            sight.permitted("person:draft:write", (ANYONE,))
            if version:
                drafts.get(sight.connection, draft, viewer.person)
            _still_a_draft(sight, draft)
            return sight.now

        now: datetime = await self._path.look(look)
        saved: int = await self._path.write(
            lambda connection: drafts.save(connection, draft, viewer.person, version, content, now)
        )
        return saved

    async def submit(self, viewer: Viewer, draft: str, sent: Sent, version: int) -> dict[str, Any]:
        """Send the draft, as it was read at `version`, to every body that must decide.

        The request's id derives from the draft's, so that one draft becomes one request.
        """
        request = request_of(draft)

        def build(sight: Sight) -> Ready:
            row = drafts.get(sight.connection, draft, viewer.person)
            _still_a_draft(sight, draft)
            if row.version != version:
                raise RefusedError(Code.STALE, version=str(row.version))
            asked = drafted(row.content)
            rule = sight.permitted("person:request:submit", (ANYONE,))
            seen = preview(sight, viewer, asked)
            _all_there(seen)
            named, said = _words(sent, request, asked)
            content = c.Content(
                asked.purpose,
                tuple(c.Participant(*each) for each in sorted(asked.people.items())),
                {item: named[f"why.{item}"] for item in seen.route.items},
                seen.route.slice,
                calendar.end_of(asked.ends_on or date.min),
                asked.acts,
                {name: named[name] for name in c.WORDS},
            )
            known = facts.known(sight.connection, sight.bodies)
            pinned = c.Pinned(seen.route.items, known.peoples, known.places, seen.route.entries)
            remind_at = calendar.working_days_after(sight.now, REMIND_AFTER_WORKING_DAYS)
            return Ready(
                request,
                c.Submit(content, pinned, remind_at),
                rule,
                facts.RELIED_ON_BY_ROUTES,
                said,
            )

        return await self._path.send(viewer, "person:request:submit", sent, build)

    async def ask(
        self, viewer: Viewer, request: str, body: str, sent: Sent, question: str
    ) -> dict[str, Any]:
        """A body asks the researcher a question."""
        named, said = words(sent, request, Audience.PARTIES, {"question": question})
        return await self._for_body(
            viewer, request, body, "body:request:ask", sent, said,
            lambda sitting: c.Ask(sitting, named["question"]),
        )  # fmt: skip

    async def answer(
        self, viewer: Viewer, request: str, sent: Sent, question: str, answer: str
    ) -> dict[str, Any]:
        """The researcher answers the question made by the command `question`."""
        named, said = words(sent, request, Audience.PARTIES, {"answer": answer})
        return await self._for_researcher(
            viewer, request, "own:request:answer", sent, said,
            lambda sight: c.Answer(question, named["answer"]),
        )  # fmt: skip

    async def stand_aside(
        self, viewer: Viewer, request: str, body: str, sent: Sent
    ) -> dict[str, Any]:
        """The viewer takes no part in this body's decision."""
        return await self._for_body(
            viewer, request, body, "body:request:stand_aside", sent, (), c.StandAside
        )

    async def speak(
        self, viewer: Viewer, request: str, body: str, sent: Sent, voice: Voice
    ) -> dict[str, Any]:
        """The viewer says what they think, within the body."""
        return await self._for_body(
            viewer, request, body, "body:request:speak", sent, (),
            lambda sitting: c.Speak(sitting, voice),
        )  # fmt: skip

    async def set_condition(
        self, viewer: Viewer, request: str, body: str, sent: Sent, condition: Condition, own: str
    ) -> dict[str, Any]:
        """The body sets a condition, from the library or in its `own` words ("" for none)."""
        named, said = words(sent, body, Audience.PARTIES, {"condition": own} if own else {})
        worded = replace(condition, words=named.get("condition"))
        return await self._for_body(
            viewer, request, body, "body:request:set_condition", sent, said,
            lambda sitting: c.SetCondition(sitting, worded),
        )  # fmt: skip

    async def conclude(
        self, viewer: Viewer, request: str, body: str, sent: Sent, outcome: Outcome
    ) -> dict[str, Any]:
        """Record that the body's voices have come to `outcome` by its kawa."""
        return await self._for_body(
            viewer, request, body, "body:request:conclude", sent, (),
            lambda sitting: c.Conclude(sitting, outcome),
        )  # fmt: skip

    async def record_hui(
        self,
        viewer: Viewer,
        request: str,
        body: str,
        sent: Sent,
        held_on: date,
        method: str,
        voices: Mapping[str, Voice],
        outcome: Outcome,
        minutes: str,
    ) -> dict[str, Any]:
        """The secretary writes up a decision made away from any screen."""
        named, said = words(sent, body, Audience.BODY, {"minutes": minutes})
        return await self._for_body(
            viewer, request, body, "body:request:record_hui", sent, said,
            lambda sitting: c.RecordHui(
                sitting, held_on, method, voices, outcome, named["minutes"]
            ),
        )  # fmt: skip

    async def rejustify(
        self, viewer: Viewer, request: str, sent: Sent, justification: str, narrower: Slice | None
    ) -> dict[str, Any]:
        """Justify what a decline left, perhaps for less."""
        named, said = words(sent, request, Audience.PARTIES, {"justification": justification})
        return await self._for_researcher(
            viewer, request, "own:request:rejustify", sent, said,
            lambda sight: c.Rejustify(named["justification"], narrower),
        )  # fmt: skip

    async def accept(
        self, viewer: Viewer, request: str, sent: Sent, conditions: frozenset[str]
    ) -> dict[str, Any]:
        """Accept exactly these conditions. The route is computed again by today's rules."""

        def command(sight: Sight) -> c.Accept:
            state: RequestState = streams.get(sight.connection, request).state
            found = _route_again(sight, state)
            return c.Accept(conditions, found.entries, sight.now + REPORT_AFTER)

        return await self._for_researcher(
            viewer, request, "own:request:accept", sent, (), command, facts.RELIED_ON_BY_ROUTES
        )

    async def withdraw(self, viewer: Viewer, request: str, sent: Sent) -> dict[str, Any]:
        """Take the request back."""
        return await self._for_researcher(
            viewer, request, "own:request:withdraw", sent, (), lambda sight: c.Withdraw()
        )

    async def _for_body(
        self,
        viewer: Viewer,
        request: str,
        body: str,
        act: str,
        sent: Sent,
        said: tuple[Words, ...],
        command: Callable[[Sitting], Any],
    ) -> dict[str, Any]:
        def build(sight: Sight) -> Ready:
            roles = acting_for(sight.bodies, viewer, body)
            state: RequestState = streams.get(sight.connection, request).state
            if state.status is Status.NONE or body not in state.asked_ever():
                raise RefusedError(Code.NOT_FOUND)
            rule = sight.permitted(act, roles)
            return Ready(request, command(sight.bodies.sitting(body)), rule, (body,), said)

        return await self._path.send(viewer, act, sent, build)

    async def _for_researcher(
        self,
        viewer: Viewer,
        request: str,
        act: str,
        sent: Sent,
        said: tuple[Words, ...],
        command: Callable[[Sight], Any],
        relies_on: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        def build(sight: Sight) -> Ready:
            state: RequestState = streams.get(sight.connection, request).state
            roles = _researcher_roles(sight, viewer, state)
            rule = sight.permitted(act, roles)
            return Ready(request, command(sight), rule, relies_on, said)

        return await self._path.send(viewer, act, sent, build)


def request_of(draft: str) -> str:
    """The request that a draft becomes, or has become."""
    return "request-" + derived_id(draft, "request")


def _still_a_draft(sight: Sight, draft: str) -> None:
    request = request_of(draft)
    if streams.get(sight.connection, request).sequence:
        raise RefusedError(Code.ALREADY_DONE, request=request)


def _all_there(seen: Preview) -> None:
    """Refuse to submit what the preview refuses, with the first reason."""
    if seen.missing and seen.missing[0].startswith("people."):
        raise RefusedError(
            Code.INVALID,
            field=seen.missing[0],
            sentence="A person named here is not known, or is of a body that must decide.",
            next="Whoever is of a body that decides asks for themselves, and then stands aside.",
        )
    if seen.missing:
        raise RefusedError(
            Code.INVALID,
            field=seen.missing[0],
            sentence="Something that a request needs is missing.",
            next="Complete every field that the preview lists as missing.",
        )
    if seen.refused:
        first = seen.refused[0]
        rule = {"rule": first.rule} if first.rule else {}
        raise RefusedError(first.code, item=first.item, **rule)
    if not seen.route.entries:
        raise RefusedError(Code.UNROUTABLE)


def _words(
    sent: Sent, request: str, draft: Draft
) -> tuple[Mapping[str, TextId], tuple[Words, ...]]:
    said = {**draft.words, **{f"why.{item}": why for item, why in draft.why.items()}}
    return words(sent, request, Audience.PARTIES, said)


def _route_again(sight: Sight, state: RequestState) -> Route:
    """The route of what is left, by the rules, bodies and classifications of today."""
    if state.content is None:
        raise RefusedError(Code.NOT_FOUND)
    found = facts.read_items(sight.connection, state.items)
    enforcer = sight.path.rulebook.at(sight.connection).enforcer
    known = facts.known(sight.connection, sight.bodies)
    way = route(enforcer, found, state.slice, known, sight.now)
    if way.refused:
        raise RefusedError(way.refused[0].code, item=way.refused[0].item)
    for item in found:
        for act in sorted(state.content.acts):
            answer = rules_refuse(enforcer, item, act, state.content.purpose, state.slice)
            if answer is not None:
                raise RefusedError(answer.code or Code.NO_RULE, item=item.id)
    return way


def _researcher_roles(sight: Sight, viewer: Viewer, state: RequestState) -> tuple[str, ...]:
    if state.status is Status.NONE:
        raise RefusedError(Code.NOT_FOUND)
    if viewer.person == state.applicant:
        return ("role:applicant",)
    if viewer.person in state.applicants:
        return ("role:participant",)
    # A body that is asked knows of the request, and is told that this is not its step.
    asked = state.asked_ever() - {DEPLOYMENT}
    if asked & set(sight.bodies.of(viewer.person)):
        return (ANYONE,)
    raise RefusedError(Code.NOT_FOUND)
