"""Bodies: mandate, people, kawa, times, over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from policies import codec
from policies.body.commands import DEPLOYMENT, Delegation, Pause, Reminders
from policies.refusals import Code, RefusedError
from policies.types import Kawa
from services.path import Sight
from services.people import Viewer
from services.queries import names
from services.store import streams, texts
from services.web import body_shapes, fields
from services.web.signed import PROBLEMS, Built, MaybePerson, Person, Recorded

router = APIRouter(prefix="/v1", responses=PROBLEMS)
Json = dict[str, Any]


@router.get("/bodies", tags=["public"])
async def list_bodies(viewer: MaybePerson, accord: Built) -> list[Json]:
    """Every body, for whom it speaks, on which document, and how it decides; who its members are
    is its own. Those of bodies see as well who has entered and is not known by all yet."""

    def reading(sight: Sight) -> list[Json]:
        called = names.of(sight.connection, sight.bodies)
        own = set(sight.bodies.of(viewer.person)) if viewer else set()
        there = {
            body: state
            for body, state in sorted(sight.bodies.states.items())
            if body != DEPLOYMENT and (state.welcome or own)
        }
        documents = [each.mandate.document for each in there.values() if each.mandate.document]
        said = texts.read(sight.connection, documents)
        return [
            {
                "id": body,
                "name": called.get(body),
                "mandate": codec.encode(state.mandate),
                "document": said.get(state.mandate.document or ""),
                "kawa": _for_anyone(state.kawa),
                "welcome": state.welcome,
            }
            for body, state in there.items()
        ]

    found: list[Json] = await accord.path.look(reading)
    return found


@router.get("/bodies/{body}", tags=["bodies"])
async def read_body(body: fields.BodyAtPath, viewer: Person, accord: Built) -> Json:
    """A body as its own members see it."""

    def reading(sight: Sight) -> Json:
        if not sight.bodies.roles(viewer.person, body):
            raise RefusedError(Code.NOT_FOUND)
        state = sight.bodies.states[body]
        called = names.of(sight.connection, sight.bodies, state.members)
        said = texts.read(
            sight.connection, [state.mandate.document] if state.mandate.document else []
        )
        return {
            "id": body,
            "name": called.get(body),
            "sequence": sight.bodies.versions[body],
            "mandate": codec.encode(state.mandate),
            "document": next(iter(said.values()), None),
            "kawa": codec.encode(state.kawa),
            "welcome": state.welcome,
            "region": state.region,
            "closures": codec.encode(state.closures),
            "pauses": codec.encode(state.pauses),
            "reminders": codec.encode(state.reminders),
            "delegations": codec.encode(state.delegations),
            "introductions": _introductions(sight, body),
            "korero": codec.encode(state.korero),
            "members": [
                {**codec.encode(each), "name": called.get(person)}
                for person, each in sorted(state.members.items())
            ],
            "history": [
                {"at": entry["at"], "entry": entry["id"], "event": event["type"]}
                for entry in streams.after(sight.connection, body, 0)
                for event in entry["events"]
            ],
        }

    found: Json = await accord.path.look(reading)
    return found


@router.post("/bodies", status_code=201, tags=["bodies"])
async def enter(command: body_shapes.Enter, viewer: Person, accord: Built) -> Recorded:
    """A body enters by its own statement of mandate."""
    return Recorded.of(
        await accord.bodies.enter(
            viewer, command.sent(), command.name, command.mandate.read(), command.document,
            command.kawa.read(), tuple(each.read() for each in command.members),
        )
    )  # fmt: skip


@router.post("/bodies/{body}/members", status_code=201, tags=["bodies"])
async def add_member(
    body: fields.BodyAtPath, command: body_shapes.AddMember, viewer: Person, accord: Built
) -> Recorded:
    """A person joins, or their roles or term change."""
    sent = command.sent(body=body)
    return Recorded.of(await accord.bodies.add_member(viewer, body, sent, command.member.read()))


@router.post("/bodies/{body}/departures", status_code=201, tags=["bodies"])
async def end_membership(
    body: fields.BodyAtPath, command: body_shapes.EndMembership, viewer: Person, accord: Built
) -> Recorded:
    """A person leaves. Nobody who has left is counted from here on."""
    sent = command.sent(body=body)
    return Recorded.of(await accord.bodies.end_membership(viewer, body, sent, command.person))


@router.post("/bodies/{body}/kawa", status_code=201, tags=["bodies"])
async def set_kawa(
    body: fields.BodyAtPath, command: body_shapes.SetKawa, viewer: Person, accord: Built
) -> Recorded:
    """The body changes how it decides, from now on."""
    sent = command.sent(body=body)
    return Recorded.of(await accord.bodies.set_kawa(viewer, body, sent, command.kawa.read()))


@router.post("/bodies/{body}/mandate", status_code=201, tags=["bodies"])
async def restate_mandate(
    body: fields.BodyAtPath, command: body_shapes.RestateMandate, viewer: Person, accord: Built
) -> Recorded:
    """The body states its mandate anew: narrower, longer, on another document."""
    sent = command.sent(body=body)
    return Recorded.of(
        await accord.bodies.restate_mandate(
            viewer, body, sent, command.mandate.read(), command.document
        )
    )


@router.post("/bodies/{body}/delegations", status_code=201, tags=["bodies"])
async def delegate(
    body: fields.BodyAtPath, command: body_shapes.Delegate, viewer: Person, accord: Built
) -> Recorded:
    """A member lets somebody speak for them, until a day."""
    sent = command.sent(body=body)
    return Recorded.of(
        await accord.bodies.delegate(
            viewer, body, sent, Delegation(command.person, command.to, command.until)
        )
    )


@router.post("/bodies/{body}/delegations/ended", status_code=201, tags=["bodies"])
async def revoke_delegation(
    body: fields.BodyAtPath, command: body_shapes.RevokeDelegation, viewer: Person, accord: Built
) -> Recorded:
    """A delegation ends at once."""
    sent = command.sent(body=body)
    return Recorded.of(
        await accord.bodies.revoke_delegation(viewer, body, sent, command.delegation)
    )


@router.post("/bodies/{body}/calendar", status_code=201, tags=["bodies"])
async def set_calendar(
    body: fields.BodyAtPath, command: body_shapes.SetCalendar, viewer: Person, accord: Built
) -> Recorded:
    """Whose regional holidays count for the body, and when it is closed."""
    sent = command.sent(body=body)
    return Recorded.of(
        await accord.bodies.set_calendar(viewer, body, sent, command.region, command.read())
    )


@router.post("/bodies/{body}/pauses", status_code=201, tags=["bodies"])
async def begin_pause(
    body: fields.BodyAtPath, command: body_shapes.BeginPause, viewer: Person, accord: Built
) -> Recorded:
    """The body keeps a pause: it decides nothing, and no clock runs against it."""
    sent = command.sent(body=body)
    return Recorded.of(
        await accord.bodies.begin_pause(
            viewer, body, sent, Pause(command.kind, command.first, command.last)
        )
    )


@router.post("/bodies/{body}/pauses/ended", status_code=201, tags=["bodies"])
async def end_pause(
    body: fields.BodyAtPath, command: body_shapes.EndPause, viewer: Person, accord: Built
) -> Recorded:
    """The pause is over, as of today."""
    sent = command.sent(body=body)
    return Recorded.of(await accord.bodies.end_pause(viewer, body, sent, command.pause))


@router.post("/bodies/{body}/reminders", status_code=201, tags=["bodies"])
async def set_reminders(
    body: fields.BodyAtPath, command: body_shapes.SetReminders, viewer: Person, accord: Built
) -> Recorded:
    """How the body wishes to be told that it is waited for."""
    sent = command.sent(body=body)
    return Recorded.of(
        await accord.bodies.set_reminders(
            viewer,
            body,
            sent,
            Reminders(tuple(command.days), command.then, command.then_after, command.digest),
        )
    )


@router.post("/bodies/{body}/introductions", status_code=201, tags=["bodies"])
async def introduce(
    body: fields.BodyAtPath, command: body_shapes.Introduce, viewer: Person, accord: Built
) -> Recorded:
    """Introduce yourself to a body. Where kōrero comes first, that is how a request begins."""
    sent = command.sent(body=body)
    return Recorded.of(await accord.bodies.introduce(viewer, body, sent, command.introduction))


@router.post("/bodies/{body}/korero", status_code=201, tags=["bodies"])
async def record_korero(
    body: fields.BodyAtPath, command: body_shapes.RecordKorero, viewer: Person, accord: Built
) -> Recorded:
    """The body has met somebody, who may now ask it."""
    sent = command.sent(body=body)
    return Recorded.of(
        await accord.bodies.record_korero(
            viewer, body, sent, command.person, command.held_on, command.method
        )
    )


@router.post("/gateways", status_code=201, tags=["operator"])
async def add_gateway(command: body_shapes.AddGateway, viewer: Person, accord: Built) -> Json:
    """The operator gives a gateway its credential, shown this once."""
    gateway, credential = await accord.bodies.add_gateway(
        viewer, command.sent(), frozenset(command.collections)
    )
    return {"gateway": gateway, "credential": credential}


@router.get("/me", tags=["people"])
async def me(viewer: Person, accord: Built) -> Json:
    """Who the token belongs to, and the bodies they are of today."""

    def reading(sight: Sight) -> Json:
        return _me(sight, viewer)

    found: Json = await accord.path.look(reading)
    return found


def _for_anyone(kawa: Kawa) -> Json:
    """How a body decides, without the people whom its kawa names: who they are is its own."""
    told: Json = codec.encode(kawa)
    for people in ("named", "present", "delegate", "first"):
        del told[people]
    return {**told, "first": kawa.first is not None}


def _introductions(sight: Sight, body: str) -> list[Json]:
    """Who introduced herself to the body, in her own words."""
    found = [
        event["data"]
        for entry in streams.after(sight.connection, body, 0)
        for event in entry["events"]
        if event["type"] == "Introduced"
    ]
    said = texts.read(sight.connection, [each["words"] for each in found])
    called = names.of(sight.connection, sight.bodies, [each["person"] for each in found])
    return [
        {
            "person": each["person"],
            "name": called.get(each["person"]),
            "words": said.get(each["words"]),
        }
        for each in found
    ]


def _me(sight: Sight, viewer: Viewer) -> Json:
    called = names.of(sight.connection, sight.bodies, [viewer.person])
    return {
        "person": viewer.person,
        "name": called.get(viewer.person),
        "bodies": [
            {
                "id": body,
                "name": called.get(body),
                "roles": [r.removeprefix("role:") for r in sight.bodies.roles(viewer.person, body)],
            }
            for body in sight.bodies.of(viewer.person)
        ],
    }
