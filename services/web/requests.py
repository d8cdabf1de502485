"""Drafts and requests over HTTP. Each endpoint parses, calls one use case, and answers."""

from __future__ import annotations

import uuid
from typing import Any

from fastapi import APIRouter

from policies import explain
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


@router.post("/requests/{request}/answers", status_code=201)
async def answer(
    request: fields.RequestAtPath, command: shapes.Answer, viewer: Person, accord: Built
) -> Recorded:
    """The researcher answers a question."""
    sent = command.sent(request=request)
    return Recorded.of(
        await accord.requests.answer(viewer, request, sent, command.question, command.answer)
    )


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


@router.post("/requests/{request}/resubmission", status_code=201)
async def resubmit(
    request: fields.RequestAtPath, command: shapes.Resubmit, viewer: Person, accord: Built
) -> Recorded:
    """Send the draft again, completed, after the desk returned it."""
    sent = command.sent(request=request)
    return Recorded.of(
        await accord.requests.resubmit(viewer, request, sent, command.draft, command.version)
    )


@router.post("/requests/{request}/review", status_code=201)
async def record_review(
    request: fields.RequestAtPath, command: shapes.Review, viewer: Person, accord: Built
) -> Recorded:
    """The reviewer whom the bodies named says what was found. It decides nothing."""
    sent = command.sent(request=request)
    return Recorded.of(await accord.requests.record_review(viewer, request, sent, command.finding))


@router.post("/drafts/{draft}/revision", status_code=201)
async def revise(draft: fields.DraftAtPath, viewer: Person, accord: Built) -> Json:
    """Begin a new draft from one that was refused at preview, or whose request was declined.
    The new one says what it revises, and shows what has changed."""
    return await accord.requests.revise(viewer, draft, "draft-" + str(uuid.uuid4()))


@router.get("/drafts/{draft}/changes")
async def read_changes(draft: fields.DraftAtPath, viewer: Person, accord: Built) -> Json:
    """What differs from the draft that this one revises."""
    return await accord.requests.changes(viewer, draft)


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
                "because": [seen.route.lines[rule].because for rule in entry.rules],
                "lines": [explain.routing_line(seen.route.lines[rule]) for rule in entry.rules],
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
                "bodies": list(each.bodies),
                "help": each.help,
                "lines": explain.lines(each.matched, each.decided),
                "for_a_yes": [vars(one) for one in explain.for_a_yes(each.code, each.matched)],
            }
            for each in seen.refused
        ],
        "missing": list(seen.missing),
    }
