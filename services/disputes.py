"""Read-backs: what a secretary wrote down in somebody's name, printed for them, with a code.

A person without a computer is not left out (`design.md`, thirteen things, 11): whoever is named
in a record gets it on paper, and can say with the code on it that it is not so. What rested on
the record waits until the body has answered. A code is kept only as a hash.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from policies.codec import written
from policies.refusals import Code, RefusedError
from policies.request import commands as c
from policies.request.state import RequestState, Status
from policies.types import Voice
from services import calendar, clock, credentials
from services.path import Path, Ready, Sent, Sight, words
from services.people import ANYONE, Viewer, acting_for, require_fresh
from services.queries import names
from services.store import streams, texts
from services.store.schema import read_backs
from services.store.session import upsert
from services.store.texts import Audience

_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
"""A code is read from paper and typed, perhaps on a telephone: no vowels, no digits that look
like letters. Sixteen of twenty letters are 69 bits."""


@dataclass(frozen=True)
class ReadBack:
    """What is printed for one person, and the code on it ("" where nothing rests on it)."""

    person: str
    name: str
    code: str
    text: str


class Disputes:
    """Printing read-backs, disputing by their code, and answering."""

    def __init__(self, path: Path) -> None:
        """`path` is the one way that commands go."""
        self._path = path

    async def print(self, viewer: Viewer, request: str, body: str, entry: str) -> list[ReadBack]:
        """Read-backs of the record in `entry`, one for each person named in it.

        Printing again makes new codes, and those printed before open nothing any more.
        """
        codes: dict[str, str] = {}

        def look(sight: Sight) -> list[ReadBack]:
            roles = acting_for(sight.bodies, viewer, body)
            sight.permitted("body:request:record_hui", roles)
            state: RequestState = streams.get(sight.connection, request).state
            if state.status is Status.NONE or body not in state.asked_ever():
                raise RefusedError(Code.NOT_FOUND)
            hui = _hui(sight.connection, request, body, entry)
            called = names.of(sight.connection, sight.bodies, hui["voices"])
            title = _title(sight.connection, state)
            # On a record that an earlier one does not stand nothing rests that could wait.
            coded = hui["stands"] is not False
            codes.update({person: _new_code() if coded else "" for person in hui["voices"]})
            return [
                ReadBack(
                    person,
                    called.get(person, ""),
                    codes[person],
                    _text(
                        called.get(person, ""),
                        called.get(body, ""),
                        title,
                        hui,
                        codes[person],
                        Voice(voice),
                    ),
                )
                for person, voice in sorted(hui["voices"].items())
            ]

        # A code speaks in somebody's name, so it is made only by who has just shown who they are.
        require_fresh(viewer, "body:request:record_hui")
        found: list[ReadBack] = await self._path.look(look)

        def write(connection: Connection) -> None:
            made_at = written(clock.now(connection))
            for each in (each for each in found if each.code):
                row = {
                    "code_hash": credentials.hashed(each.code),
                    "request": request,
                    "entry": entry,
                    "person": each.person,
                    "made_at": made_at,
                }
                upsert(connection, read_backs, row, by=("entry", "person"))

        await self._path.write(write)
        return found

    async def dispute(self, sent: Sent, code: str, said: str) -> dict[str, Any]:
        """Somebody named says, by the code on their read-back, that the record is not so.
        `said` is for the body whose record it is."""
        hashed = credentials.hashed(_plain(code))

        def find(sight: Sight) -> tuple[sa.Row[Any], str]:
            row = sight.connection.execute(
                sa.select(read_backs).where(read_backs.c.code_hash == hashed)
            ).one_or_none()
            if row is None:
                raise RefusedError(
                    Code.NOT_FOUND,
                    sentence="That code is not known, or a newer page was printed for you.",
                    next="Check the letters, or ask the body's secretary for a new page.",
                )
            return row, _body_of(sight.connection, row.request, row.entry)

        row, body = await self._path.look(find)
        named, kept = words(sent, body, Audience.BODY, {"dispute": said})

        def build(sight: Sight) -> Ready:
            rule = sight.permitted("person:request:dispute", (ANYONE,))
            command = c.Dispute(row.entry, named["dispute"])
            return Ready(row.request, command, rule, (), kept)

        person = Viewer.inside(row.person)
        return await self._path.send(person, "person:request:dispute", sent, build)

    async def answer(
        self,
        viewer: Viewer,
        request: str,
        body: str,
        sent: Sent,
        dispute: str,
        stands: bool,
        said: str,
        met: c.Met | None = None,
    ) -> dict[str, Any]:
        """The body answers: the record stands, or it does not and the body decides afresh.
        What it says stays within the body; everybody concerned sees whether the record stands.
        `met` where its secretary writes down what the body said together."""
        named, kept = words(sent, body, Audience.BODY, {"answer": said})

        def build(sight: Sight) -> Ready:
            roles = acting_for(sight.bodies, viewer, body)
            state: RequestState = streams.get(sight.connection, request).state
            if state.status is Status.NONE or body not in state.asked_ever():
                raise RefusedError(Code.NOT_FOUND)
            rule = sight.permitted("body:request:answer_dispute", roles)
            sitting = sight.bodies.sitting(body)
            command = c.AnswerDispute(sitting, dispute, stands, named["answer"], met)
            return Ready(request, command, rule, (body,), kept)

        return await self._path.send(viewer, "body:request:answer_dispute", sent, build)


def _hui(connection: Connection, request: str, body: str, entry: str) -> Mapping[str, Any]:
    """The written record in an entry of this request, if it is this body's."""
    events = _events(connection, request, entry)
    for event in events:
        if event["type"] == "HuiRecorded" and event["data"]["body"] == body:
            also = {e["type"]: e["data"] for e in events}
            answered = also.get("DisputeAnswered")
            about = answered and _hui(connection, request, body, answered["entry"])
            return {
                **event["data"],
                "outcome": also.get("BodyDecided", {}).get("outcome"),
                "stands": answered and answered["stands"],
                "about": about and about["held_on"],
                "entry": entry,
            }
    raise RefusedError(Code.NOT_FOUND)


def _body_of(connection: Connection, request: str, entry: str) -> str:
    """Whose written record an entry of this request holds."""
    events = _events(connection, request, entry)
    return next(str(e["data"]["body"]) for e in events if e["type"] == "HuiRecorded")


def _events(connection: Connection, request: str, entry: str) -> list[dict[str, Any]]:
    found = (each for each in streams.after(connection, request, 0) if each["id"] == entry)
    return next((each["events"] for each in found), [])


_SAID = {
    Voice.APPROVE: "you said yes",
    Voice.DECLINE: "you said no",
    Voice.ABSTAIN: "you were there and said neither yes nor no",
}
_SAID_OF_A_RECORD = {
    Voice.APPROVE: "you said that the body's record of {day} is right",
    Voice.DECLINE: "you said that the body's record of {day} is not right",
    Voice.ABSTAIN: "you were there and said neither that the body's record of {day} is right nor "
    "that it is not",
}
_MET = {"hui": "at a hui", "phone": "on the telephone", "paper": "on paper"}
_CAME_TO = {
    "approve": "The body said yes.",
    "decline": "The body said no.",
    "not_ours": "The body said that this is not its own to decide.",
}
_STANDS = "The body said that its record stands."
_STANDS_NOT = "The body said that its record does not stand. What rested on it is void."


def _title(connection: Connection, state: RequestState) -> str:
    text = state.content.words["title"] if state.content else ""
    return texts.read(connection, [text]).get(text, "")


def _text(name: str, body: str, title: str, hui: Mapping[str, Any], code: str, voice: Voice) -> str:
    day, met = calendar.spelt(hui["held_on"]), _MET.get(hui["method"], "there")
    if hui["stands"] is None:
        said = _SAID[voice]
        came_to = _CAME_TO.get(hui["outcome"] or "", "Nothing was decided by that alone.")
    else:
        said = _SAID_OF_A_RECORD[voice].format(day=calendar.spelt(hui["about"]))
        came_to = _STANDS if hui["stands"] else _STANDS_NOT
    return "\n".join(
        [
            f"{name}",
            "",
            f"The secretary of {body} has written down that, {met} on {day}, {said}. "
            "It was about this request:",
            "",
            f"    {title}",
            "",
            came_to,
            "",
            "If that is right, you need do nothing.",
            *(_how_to_dispute(code) if code else _WITHOUT_A_CODE),
            "",
            f"Record {hui['entry']}",
        ]
    )


def _how_to_dispute(code: str) -> list[str]:
    return [
        "If it is not, say so, with this code, to the secretary or where Accord is read:",
        "",
        f"    {_spaced(code)}",
        "",
        "What rests on this record then waits until the body has answered you.",
    ]


_WITHOUT_A_CODE = ["If it is not, tell the body. Nothing rests on this record."]


def _new_code() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(16))


def _spaced(code: str) -> str:
    return " ".join(code[start : start + 4] for start in range(0, len(code), 4))


def _plain(code: str) -> str:
    return "".join(each for each in code.upper() if each.isalpha())
