"""Grants, their reports and restrictions over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from policies.restriction.commands import Scope
from services.queries import register
from services.restrictions import Placing
from services.web import fields, grant_shapes, letter_shapes, shapes
from services.web.signed import PROBLEMS, Built, MaybePerson, Person, Recorded

router = APIRouter(prefix="/v1", responses=PROBLEMS)
Json = dict[str, Any]


@router.get("/grants", tags=["grants"])
async def list_grants(viewer: Person, accord: Built) -> list[Json]:
    """Every grant, for whoever has signed in: for what, which slice, until when, decided by
    whom. What the public sees of a people's data is for its body to say, and it will."""
    found: list[Json] = await accord.path.look(register.grant_list)
    return found


@router.get("/reports", tags=["public"])
async def list_reports(accord: Built) -> list[Json]:
    """Every report that its communities accepted, their replies beside it, for anyone."""
    found: list[Json] = await accord.path.look(register.reports)
    return found


@router.get("/restrictions", tags=["public"])
async def list_restrictions(viewer: MaybePerson, accord: Built) -> list[Json]:
    """The restrictions that bodies show; members see their own body's hidden ones too."""
    found: list[Json] = await accord.path.look(
        lambda sight: register.restriction_list(sight, viewer)
    )
    return found


@router.get("/restrictions/{restriction}", tags=["public"])
async def read_restriction(
    restriction: fields.RestrictionAtPath, viewer: MaybePerson, accord: Built
) -> Json:
    """One restriction."""
    found: Json = await accord.path.look(
        lambda sight: register.restriction_shown(sight, viewer, restriction)
    )
    return found


@router.get("/grants/{grant}", tags=["grants"])
async def read_grant(grant: fields.GrantAtPath, viewer: Person, accord: Built) -> Json:
    """A grant with its conditions and duties, for its parties."""
    found: Json = await accord.path.look(lambda sight: register.grant_shown(sight, viewer, grant))
    return found


@router.post("/grants/{grant}/reports", status_code=201, tags=["grants"])
async def file_report(
    grant: fields.GrantAtPath, command: grant_shapes.FileReport, viewer: Person, accord: Built
) -> Recorded:
    """The researcher files a benefit report."""
    sent = command.sent(grant=grant)
    return Recorded.of(
        await accord.grants.file_report(viewer, grant, sent, command.duty, command.words)
    )


@router.post("/grants/{grant}/report-returns", status_code=201, tags=["grants"])
async def return_report(
    grant: fields.GrantAtPath, command: grant_shapes.ReturnReport, viewer: Person, accord: Built
) -> Recorded:
    """A body sends the report back with its questions."""
    sent = command.sent(grant=grant)
    return Recorded.of(
        await accord.grants.return_report(
            viewer, grant, command.body, sent, command.duty, command.question
        )
    )


@router.post("/grants/{grant}/report-acceptances", status_code=201, tags=["grants"])
async def accept_report(
    grant: fields.GrantAtPath, command: grant_shapes.AcceptReport, viewer: Person, accord: Built
) -> Recorded:
    """A body accepts the report; its reply stands beside it."""
    sent = command.sent(grant=grant)
    return Recorded.of(
        await accord.grants.accept_report(
            viewer, grant, command.body, sent, command.duty, command.reply
        )
    )


@router.post("/grants/{grant}/end", status_code=201, tags=["grants"])
async def end_early(
    grant: fields.GrantAtPath, command: shapes.CommandShape, viewer: Person, accord: Built
) -> Recorded:
    """The researcher gives the access back."""
    return Recorded.of(await accord.grants.end_early(viewer, grant, command.sent(grant=grant)))


@router.post("/grants/{grant}/disposal", status_code=201, tags=["grants"])
async def attest_disposal(
    grant: fields.GrantAtPath, command: grant_shapes.Attest, viewer: Person, accord: Built
) -> Recorded:
    """The researcher says what became of every copy."""
    sent = command.sent(grant=grant)
    return Recorded.of(
        await accord.grants.attest_disposal(viewer, grant, sent, command.attestation)
    )


@router.post("/grants/{grant}/disposal-acknowledgements", status_code=201, tags=["grants"])
async def acknowledge_disposal(
    grant: fields.GrantAtPath, command: shapes.ForBody, viewer: Person, accord: Built
) -> Recorded:
    """A body has seen the attestation."""
    sent = command.sent(grant=grant)
    return Recorded.of(await accord.grants.acknowledge_disposal(viewer, grant, command.body, sent))


@router.post("/grants/{grant}/renewals", status_code=201, tags=["grants"])
async def renew_elsewhere(
    grant: fields.GrantAtPath, command: letter_shapes.Renewal, viewer: Person, accord: Built
) -> Recorded:
    """The secretary writes down that the body renewed, in its own system, a decision that
    lapses. Access returns with it."""
    sent = command.sent(grant=grant)
    return Recorded.of(
        await accord.grants.renew_elsewhere(
            viewer, grant, command.body, sent, command.read_letter(), command.expires_at
        )
    )


@router.post("/restrictions", status_code=201, tags=["restrictions"])
async def place_restriction(command: grant_shapes.Place, viewer: Person, accord: Built) -> Recorded:
    """A body places a restriction over what is its own. It binds at once."""
    scope = Scope(
        command.scope.slice.read(),
        frozenset(command.scope.items),
        frozenset(command.scope.collections),
        frozenset(command.scope.acts),
    )
    placing = Placing(
        scope, command.words, command.authority, command.hidden, command.review_on,
        command.held_on, command.method,
    )  # fmt: skip
    return Recorded.of(
        await accord.restrictions.place(viewer, command.body, command.sent(), placing)
    )


@router.post("/restrictions/{restriction}/voices", status_code=201, tags=["restrictions"])
async def speak_about_lifting(
    restriction: fields.RestrictionAtPath,
    command: grant_shapes.RestrictionVoice,
    viewer: Person,
    accord: Built,
) -> Recorded:
    """Say whether the restriction should be lifted."""
    sent = command.sent(restriction=restriction)
    return Recorded.of(await accord.restrictions.speak(viewer, restriction, sent, command.voice))


@router.post("/restrictions/{restriction}/conclusions", status_code=201, tags=["restrictions"])
async def conclude_lifting(
    restriction: fields.RestrictionAtPath,
    command: grant_shapes.RestrictionOutcome,
    viewer: Person,
    accord: Built,
) -> Recorded:
    """Record that the body has come to lift it (approve) or to keep it (decline)."""
    sent = command.sent(restriction=restriction)
    return Recorded.of(
        await accord.restrictions.conclude(viewer, restriction, sent, command.outcome)
    )


@router.post("/restrictions/{restriction}/hui", status_code=201, tags=["restrictions"])
async def record_lifting_hui(
    restriction: fields.RestrictionAtPath, command: grant_shapes.Hui, viewer: Person, accord: Built
) -> Recorded:
    """The secretary writes up a hui about lifting."""
    sent = command.sent(restriction=restriction)
    return Recorded.of(
        await accord.restrictions.record_hui(
            viewer, restriction, sent, command.held_on, command.method, command.voices,
            command.outcome, command.minutes,
        )
    )  # fmt: skip
