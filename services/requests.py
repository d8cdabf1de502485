"""Requests: from a draft that is its author's alone to the acceptance of all conditions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

from policies.body.commands import DEPLOYMENT
from policies.refusals import Code, RefusedError
from policies.request import commands as c
from policies.request.state import RequestState, Status
from policies.routing import Route, route
from policies.slices import Slice
from policies.types import TextId, derived_id
from policies.use import asked_of, purposes_of, rules_refuse
from services import calendar, facts
from services.path import Path, Ready, Sent, Sight, words
from services.people import ANYONE, Viewer
from services.preview import Draft, Preview, drafted, preview
from services.queries.differences import differences
from services.queries.standing import referred
from services.store import drafts, streams
from services.store.texts import Audience, Words

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
            rule = sight.permitted("person:request:submit", (ANYONE,))
            content, pinned, said = _finished(sight, viewer, sent, request, drafted(row.content))
            return Ready(request, c.Submit(content, pinned), rule, facts.RELIED_ON_BY_ROUTES, said)

        return await self._path.send(viewer, "person:request:submit", sent, build)

    async def resubmit(
        self, viewer: Viewer, request: str, sent: Sent, draft: str, version: int
    ) -> dict[str, Any]:
        """Send the draft again, completed, after the desk found something missing in it."""

        def build(sight: Sight) -> Ready:
            row = drafts.get(sight.connection, draft, viewer.person)
            if request_of(draft) != request:
                raise RefusedError(Code.NOT_FOUND)
            if row.version != version:
                raise RefusedError(Code.STALE, version=str(row.version))
            state: RequestState = streams.get(sight.connection, request).state
            rule = sight.permitted("own:request:resubmit", _researcher_roles(sight, viewer, state))
            content, pinned, said = _finished(sight, viewer, sent, request, drafted(row.content))
            if pinned.desk is None and state.pinned is not None:
                # There is no desk any more: the one that returned it still looks at it.
                pinned = replace(pinned, desk=state.pinned.desk)
            return Ready(
                request, c.Resubmit(content, pinned), rule, facts.RELIED_ON_BY_ROUTES, said
            )

        return await self._path.send(viewer, "own:request:resubmit", sent, build)

    async def revise(self, viewer: Viewer, draft: str, new: str) -> dict[str, Any]:
        """Begin the draft `new` from `draft`: one that was refused at preview, or whose request
        was declined, withdrawn or ended. It says what it revises."""

        def look(sight: Sight) -> tuple[dict[str, Any], datetime]:
            sight.permitted("person:draft:write", (ANYONE,))
            row = drafts.get(sight.connection, draft, viewer.person)
            state: RequestState = streams.get(sight.connection, request_of(draft)).state
            if state.status is not Status.NONE and state.open:
                raise RefusedError(Code.WRONG_TIME)
            return {**row.content, "revises": draft}, sight.now

        content, now = await self._path.look(look)
        version: int = await self._path.write(
            lambda connection: drafts.save(connection, new, viewer.person, 0, content, now)
        )
        return {"id": new, "version": version, "revises": draft}

    async def changes(self, viewer: Viewer, draft: str) -> dict[str, Any]:
        """What differs from the draft that this one revises, field by field."""

        def look(sight: Sight) -> dict[str, Any]:
            row = drafts.get(sight.connection, draft, viewer.person)
            revised = row.content.get("revises")
            if not revised:
                raise RefusedError(Code.NOT_FOUND)
            before = drafts.get(sight.connection, revised, viewer.person)
            return {"revises": revised, "changes": differences(before.content, row.content)}

        found: dict[str, Any] = await self._path.look(look)
        return found

    async def answer(
        self, viewer: Viewer, request: str, sent: Sent, question: str, answer: str
    ) -> dict[str, Any]:
        """The researcher answers the question made by the command `question`."""
        named, said = words(sent, request, Audience.PARTIES, {"answer": answer})
        return await self._for_researcher(
            viewer, request, "own:request:answer", sent, said,
            lambda sight: c.Answer(question, named["answer"]),
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

    async def record_review(
        self, viewer: Viewer, request: str, sent: Sent, finding: str
    ) -> dict[str, Any]:
        """The reviewer whom the bodies named says what was found; it decides nothing."""
        named, said = words(sent, request, Audience.PARTIES, {"finding": finding})

        def build(sight: Sight) -> Ready:
            state: RequestState = streams.get(sight.connection, request).state
            # To the reviewer as to anybody, a request that was not referred does not exist.
            if not referred(sight, viewer, state):
                raise RefusedError(Code.NOT_FOUND)
            rule = sight.permitted("person:request:record_review", (ANYONE,))
            command = c.RecordReview(named["finding"], viewer.person)
            return Ready(request, command, rule, (DEPLOYMENT,), said)

        return await self._path.send(viewer, "person:request:record_review", sent, build)

    async def withdraw(self, viewer: Viewer, request: str, sent: Sent) -> dict[str, Any]:
        """Take the request back."""
        return await self._for_researcher(
            viewer, request, "own:request:withdraw", sent, (), lambda sight: c.Withdraw()
        )

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
    """Nothing is written any more into what was submitted, unless the desk returned it."""
    request = request_of(draft)
    stream = streams.get(sight.connection, request)
    if stream.sequence and stream.state.status is not Status.RETURNED:
        raise RefusedError(Code.ALREADY_DONE, request=request)


def _finished(
    sight: Sight, viewer: Viewer, sent: Sent, request: str, asked: Draft
) -> tuple[c.Content, c.Pinned, tuple[Words, ...]]:
    """A draft as it is submitted: its content, what is pinned with it, and its words.
    Raises RefusedError for what the preview refuses."""
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
        {act: asked.named[act] for act in sorted(asked.acts & asked.named.keys())},
        asked.area,
        asked.use_kind,
        asked.for_body,
        asked.revises,
        asked.institutions,
    )
    known = facts.known(sight.connection, sight.bodies)
    desk = sight.bodies.states[DEPLOYMENT].desk
    pinned = c.Pinned(seen.route.items, known.peoples, known.places, seen.route.entries, desk)
    return content, pinned, said


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
        facts_of_it = {"item": first.item, "rule": first.rule, "next": first.help}
        raise RefusedError(first.code, **{k: v for k, v in facts_of_it.items() if v})
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
    way = route(enforcer, found, state.slice, known, sight.now, state.content.for_body)
    if way.refused:
        raise RefusedError(way.refused[0].code, item=way.refused[0].item)
    for item in found:
        for act in sorted(state.content.acts):
            purposes = purposes_of(state.content.purpose, state.content.area)
            asked = asked_of(item, act, purposes, state.slice, way.items[item.id])
            answer = rules_refuse(enforcer, asked, sight.now)
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
    asked = state.concerned() - {DEPLOYMENT}
    if asked & set(sight.bodies.of(viewer.person)):
        return (ANYONE,)
    raise RefusedError(Code.NOT_FOUND)
