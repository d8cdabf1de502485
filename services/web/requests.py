"""Drafts and requests over HTTP. Each endpoint parses, calls one use case, and answers."""

from __future__ import annotations

import uuid
from typing import Any

from fastapi import APIRouter

from policies.codec import encode
from policies.refusals import Code, Refused, RefusedError
from services.path import Sight
from services.preview import Preview
from services.queries import names
from services.queries import requests as queries
from services.requests import request_of
from services.store import drafts, streams
from services.web import fields, shapes
from services.web.signed import PROBLEMS, Built, Person, Recorded

router = APIRouter(prefix="/v1", tags=["requests"], responses=PROBLEMS)
Json = dict[str, Any]


@router.post("/drafts", status_code=201)
async def begin_draft(draft: shapes.SaveDraft, viewer: Person, accord: Built) -> Json:
    """Begin a request. A draft is its author's alone until it is submitted."""
    return await _save("draft-" + str(uuid.uuid4()), draft, viewer, accord)


@router.get("/drafts")
async def list_drafts(viewer: Person, accord: Built) -> list[Json]:
    """Your drafts, newest first."""

    def reading(sight: Sight) -> list[Json]:
        rows = drafts.of(sight.connection, viewer.person)
        gone = streams.states(sight.connection, [request_of(row.id) for row in rows])
        return [
            {"id": row.id, "version": row.version, "updated_at": row.updated_at, **row.content}
            for row in rows
            if request_of(row.id) not in gone
        ]

    found: list[Json] = await accord.path.look(reading)
    return found


@router.get("/drafts/{draft}")
async def read_draft(draft: fields.DraftAtPath, viewer: Person, accord: Built) -> Json:
    """One of your drafts."""

    def reading(sight: Sight) -> Json:
        row = drafts.get(sight.connection, draft, viewer.person)
        request = request_of(draft)
        gone = streams.get(sight.connection, request).sequence
        return {
            "id": row.id,
            "version": row.version,
            "request": request if gone else None,
            **row.content,
        }

    found: Json = await accord.path.look(reading)
    return found


@router.put("/drafts/{draft}")
async def save_draft(
    draft: fields.DraftAtPath, content: shapes.SaveDraft, viewer: Person, accord: Built
) -> Json:
    """Save a draft over the version that you read; another device's later version is not lost."""
    if content.version == 0:
        raise RefusedError(Code.INVALID, field="version")
    return await _save(draft, content, viewer, accord)


@router.get("/drafts/{draft}/preview")
async def preview_draft(draft: fields.DraftAtPath, viewer: Person, accord: Built) -> Json:
    """Before submitting: which bodies must decide and why, what is refused already and by
    which rule, what is missing. The same rules are enforced later."""
    seen = await accord.requests.preview(viewer, draft)
    called = await accord.path.look(lambda sight: names.of(sight.connection, sight.bodies))
    return _preview(seen, called)


@router.post("/drafts/{draft}/submit", status_code=201)
async def submit_draft(
    draft: fields.DraftAtPath, command: shapes.Submit, viewer: Person, accord: Built
) -> Recorded:
    """Send the draft to every body that must decide."""
    entry = await accord.requests.submit(viewer, draft, command.sent(draft=draft), command.version)
    return Recorded.of(entry)


@router.get("/requests")
async def list_requests(viewer: Person, accord: Built) -> list[Json]:
    """Your requests, and those that your bodies are asked about."""
    found: list[Json] = await accord.path.look(lambda sight: queries.listed(sight, viewer))
    return found


@router.get("/requests/{request}")
async def read_request(request: fields.RequestAtPath, viewer: Person, accord: Built) -> Json:
    """One request, as far as it is yours to see."""
    found: Json = await accord.path.look(lambda sight: queries.shown(sight, viewer, request))
    return found


@router.post("/requests/{request}/questions", status_code=201)
async def ask(
    request: fields.RequestAtPath, command: shapes.Question, viewer: Person, accord: Built
) -> Recorded:
    """A body asks the researcher a question."""
    sent = command.sent(request=request)
    return Recorded.of(
        await accord.requests.ask(viewer, request, command.body, sent, command.question)
    )


@router.post("/requests/{request}/answers", status_code=201)
async def answer(
    request: fields.RequestAtPath, command: shapes.Answer, viewer: Person, accord: Built
) -> Recorded:
    """The researcher answers a question."""
    sent = command.sent(request=request)
    return Recorded.of(
        await accord.requests.answer(viewer, request, sent, command.question, command.answer)
    )


@router.post("/requests/{request}/stand-aside", status_code=201)
async def stand_aside(
    request: fields.RequestAtPath, command: shapes.ForBody, viewer: Person, accord: Built
) -> Recorded:
    """Take no part in your body's decision. No reason is asked."""
    sent = command.sent(request=request)
    return Recorded.of(await accord.requests.stand_aside(viewer, request, command.body, sent))


@router.post("/requests/{request}/voices", status_code=201)
async def speak(
    request: fields.RequestAtPath, command: shapes.Speak, viewer: Person, accord: Built
) -> Recorded:
    """Say what you think, within your body."""
    sent = command.sent(request=request)
    return Recorded.of(
        await accord.requests.speak(viewer, request, command.body, sent, command.voice)
    )


@router.post("/requests/{request}/conditions", status_code=201)
async def set_condition(
    request: fields.RequestAtPath, command: shapes.Condition, viewer: Person, accord: Built
) -> Recorded:
    """Your body sets a condition, from the library or in its own words."""
    sent = command.sent(request=request)
    return Recorded.of(
        await accord.requests.set_condition(
            viewer, request, command.body, sent, command.read(), command.words.strip()
        )
    )


@router.post("/requests/{request}/conclusions", status_code=201)
async def conclude(
    request: fields.RequestAtPath, command: shapes.Conclude, viewer: Person, accord: Built
) -> Recorded:
    """Record what your body's voices have come to, by its own kawa."""
    sent = command.sent(request=request)
    return Recorded.of(
        await accord.requests.conclude(viewer, request, command.body, sent, command.outcome)
    )


@router.post("/requests/{request}/hui", status_code=201)
async def record_hui(
    request: fields.RequestAtPath, command: shapes.HuiForBody, viewer: Person, accord: Built
) -> Recorded:
    """The secretary writes up a decision made at a hui, by telephone or on paper."""
    sent = command.sent(request=request)
    return Recorded.of(
        await accord.requests.record_hui(
            viewer, request, command.body, sent, command.held_on, command.method,
            command.voices, command.outcome, command.minutes,
        )
    )  # fmt: skip


@router.post("/requests/{request}/justifications", status_code=201)
async def rejustify(
    request: fields.RequestAtPath, command: shapes.Rejustify, viewer: Person, accord: Built
) -> Recorded:
    """After a decline: justify what is left. Every body then decides afresh."""
    sent = command.sent(request=request)
    narrower = command.slice.read() if command.slice else None
    return Recorded.of(
        await accord.requests.rejustify(viewer, request, sent, command.justification, narrower)
    )


@router.post("/requests/{request}/acceptance", status_code=201)
async def accept(
    request: fields.RequestAtPath, command: shapes.Accept, viewer: Person, accord: Built
) -> Recorded:
    """Accept all the conditions, exactly as shown. The grant follows."""
    sent = command.sent(request=request)
    return Recorded.of(
        await accord.requests.accept(viewer, request, sent, frozenset(command.conditions))
    )


@router.post("/requests/{request}/withdrawal", status_code=201)
async def withdraw(
    request: fields.RequestAtPath, command: shapes.CommandShape, viewer: Person, accord: Built
) -> Recorded:
    """Take the request back."""
    return Recorded.of(
        await accord.requests.withdraw(viewer, request, command.sent(request=request))
    )


async def _save(draft: str, content: shapes.SaveDraft, viewer: Person, accord: Built) -> Json:
    version = await accord.requests.save(viewer, draft, content.version, content.content())
    return {"id": draft, "version": version}


def _preview(seen: Preview, called: dict[str, str]) -> Json:
    return {
        "ready": seen.ready,
        "slice": seen.route.slice.to_json(),
        "must_decide": [
            {
                **encode(entry),
                "name": called.get(entry.body),
                "because": [seen.route.because[rule] for rule in entry.rules],
            }
            for entry in seen.route.entries
        ],
        "refused": [
            {
                "item": each.item,
                "act": each.act,
                "code": str(each.code),
                "sentence": Refused(each.code).sentence,
                "next": Refused(each.code).next_step,
                "rule": each.rule,
                "because": each.because,
                "peoples": list(each.peoples),
                "places": list(each.places),
            }
            for each in seen.refused
        ],
        "missing": list(seen.missing),
    }
