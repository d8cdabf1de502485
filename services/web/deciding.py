"""What bodies, their secretaries and the desk do with a request, over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from services.queries import letters
from services.web import fields, letter_shapes, shapes
from services.web.signed import PROBLEMS, Built, Person, Recorded

router = APIRouter(prefix="/v1", tags=["deciding"], responses=PROBLEMS)
Json = dict[str, Any]
_LETTER_KINDS = {
    "text/plain": "txt", "application/pdf": "pdf", "image/png": "png", "image/jpeg": "jpg",
}  # fmt: skip
_FILE = {"schema": {"type": "string", "format": "binary"}}
_LETTERS: dict[int | str, Json] = {
    200: {"description": "The letter.", "content": dict.fromkeys(_LETTER_KINDS, _FILE)}
}


@router.post("/requests/{request}/questions", status_code=201)
async def ask(
    request: fields.RequestAtPath, command: shapes.Question, viewer: Person, accord: Built
) -> Recorded:
    """A body asks the researcher a question."""
    sent = command.sent(request=request)
    return Recorded.of(
        await accord.deciding.ask(viewer, request, command.body, sent, command.question)
    )


@router.post("/requests/{request}/stand-aside", status_code=201)
async def stand_aside(
    request: fields.RequestAtPath, command: shapes.ForBody, viewer: Person, accord: Built
) -> Recorded:
    """Take no part in your body's decision. No reason is asked."""
    sent = command.sent(request=request)
    return Recorded.of(await accord.deciding.stand_aside(viewer, request, command.body, sent))


@router.post("/requests/{request}/voices", status_code=201)
async def speak(
    request: fields.RequestAtPath, command: shapes.Speak, viewer: Person, accord: Built
) -> Recorded:
    """Say what you think, within your body."""
    sent = command.sent(request=request)
    return Recorded.of(
        await accord.deciding.speak(viewer, request, command.body, sent, command.voice)
    )


@router.post("/requests/{request}/conditions", status_code=201)
async def set_condition(
    request: fields.RequestAtPath, command: shapes.Condition, viewer: Person, accord: Built
) -> Recorded:
    """Your body sets a condition, from the library or in its own words."""
    sent = command.sent(request=request)
    return Recorded.of(
        await accord.deciding.set_condition(
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
        await accord.deciding.conclude(viewer, request, command.body, sent, command.ruling())
    )


@router.post("/requests/{request}/hui", status_code=201)
async def record_hui(
    request: fields.RequestAtPath, command: shapes.HuiForBody, viewer: Person, accord: Built
) -> Recorded:
    """The secretary writes up a decision made at a hui, by telephone or on paper."""
    sent = command.sent(request=request)
    return Recorded.of(
        await accord.deciding.record_hui(
            viewer, request, command.body, sent, command.ruling(), command.hui()
        )
    )


@router.post("/requests/{request}/letters", status_code=201)
async def record_elsewhere(
    request: fields.RequestAtPath, command: letter_shapes.Elsewhere, viewer: Person, accord: Built
) -> Recorded:
    """The secretary writes down what the body decided in its own system, with its letter."""
    sent = command.sent(request=request)
    return Recorded.of(
        await accord.deciding.record_elsewhere(viewer, request, command.body, sent, command.read())
    )


@router.get("/requests/{request}/letters/{body}", response_class=Response, responses=_LETTERS)
async def read_letter(
    request: fields.RequestAtPath, body: fields.BodyAtPath, viewer: Person, accord: Built
) -> Response:
    """A body's letter, for whoever asks and for that body: a yes in principle, to print, or the
    file that came from the body's own system."""
    found = await accord.path.look(lambda sight: letters.letter(sight, viewer, request, body))
    kind = found.media_type.partition(";")[0]
    answer = Response(found.content, headers={"Content-Type": found.media_type})
    answer.headers["Content-Disposition"] = f'attachment; filename="letter.{_LETTER_KINDS[kind]}"'
    # What somebody sent in is never to be run as a page of ours.
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.post("/requests/{request}/meetings", status_code=201)
async def ask_to_meet(
    request: fields.RequestAtPath, command: shapes.AskToMeet, viewer: Person, accord: Built
) -> Recorded:
    """Your body wishes to meet before it decides: wānanga first, or meet us."""
    sent = command.sent(request=request)
    return Recorded.of(
        await accord.deciding.ask_to_meet(
            viewer, request, command.body, sent, command.meeting, command.words.strip()
        )
    )


@router.post("/requests/{request}/meetings/held", status_code=201)
async def record_meeting(
    request: fields.RequestAtPath, command: shapes.MeetingDay, viewer: Person, accord: Built
) -> Recorded:
    """The meeting that your body asked for was held."""
    sent = command.sent(request=request)
    return Recorded.of(
        await accord.deciding.record_meeting(viewer, request, command.body, sent, command.held_on)
    )


@router.post("/requests/{request}/forwarding", status_code=201)
async def forward(
    request: fields.RequestAtPath, command: shapes.ForBody, viewer: Person, accord: Built
) -> Recorded:
    """The desk finds everything there; the bodies are asked."""
    sent = command.sent(request=request)
    return Recorded.of(await accord.deciding.forward(viewer, request, command.body, sent))


@router.post("/requests/{request}/returns", status_code=201)
async def send_back(
    request: fields.RequestAtPath, command: shapes.Missing, viewer: Person, accord: Built
) -> Recorded:
    """The desk finds something missing. It cannot decline."""
    sent = command.sent(request=request)
    return Recorded.of(
        await accord.deciding.send_back(viewer, request, command.body, sent, command.missing)
    )


@router.post("/requests/{request}/read-backs", status_code=201)
async def print_read_backs(
    request: fields.RequestAtPath, command: shapes.ReadBacks, viewer: Person, accord: Built
) -> list[Json]:
    """What is printed for each person named in a record, with a code to dispute it. Printing
    again makes new codes; those printed before open nothing any more."""
    found = await accord.disputes.print(viewer, request, command.body, command.entry)
    return [vars(each) for each in found]


@router.post("/requests/{request}/dispute-answers", status_code=201)
async def answer_dispute(
    request: fields.RequestAtPath, command: shapes.AnswerDispute, viewer: Person, accord: Built
) -> Recorded:
    """Your body answers whoever disputes its record: it stands, or the body decides afresh."""
    sent = command.sent(request=request)
    return Recorded.of(
        await accord.disputes.answer(
            viewer,
            request,
            command.body,
            sent,
            command.dispute,
            command.stands,
            command.answer,
            command.met.read() if command.met else None,
        )
    )


@router.post("/disputes", status_code=201)
async def dispute(command: shapes.Dispute, accord: Built) -> Recorded:
    """By the code on a printed read-back, without signing in: that is not what I said."""
    return Recorded.of(await accord.disputes.dispute(command.sent(), command.code, command.words))
