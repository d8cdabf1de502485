"""Grants, what is given back, and restrictions."""

from __future__ import annotations

import web_steps as also
from stack import Json, command
from web_act import (
    MEMBER,
    RESEARCHER,
    SECRETARY,
    Act,
    Made,
    at,
    grant,
    grant_for_river,
    restriction,
    sent,
)
from web_scene import REPORT, Scene


def _place(scene: Scene) -> Json:
    return command(
        body=scene.river,
        scope={"slice": {"peoples": [also.RIVER_PEOPLE]}, "acts": ["use.offshore"]},
        words="Invented.",
        authority="Invented.",
    )


def _renew(scene: Scene) -> Made:
    # Later at each call: a decision is renewed for longer than it held.
    until = also.instant(scene.stack, days=20 + scene.number())
    letter = {"media_type": "text/plain", "content": "S8SBIHBhaSB0xIF0b3Uu"}
    return {"grant": scene.lapsing}, command(
        body=scene.river, reference="2026/18", letter=letter, expires_at=until
    )


USING = (
    Act("GET /v1/grants/{grant}", RESEARCHER, at("grant", "granted")),
    Act("POST /v1/grants/{grant}/renewals", SECRETARY, _renew),
    Act("POST /v1/grants/{grant}/reports", RESEARCHER,
        grant("granted", duty="duty-1", words=dict.fromkeys(REPORT, "Invented.")), "granted"),
    Act("POST /v1/grants/{grant}/report-returns", MEMBER,
        grant_for_river("reported", duty="duty-1", question="And then?"), "reported"),
    Act("POST /v1/grants/{grant}/report-acceptances", MEMBER,
        grant_for_river("reported", duty="duty-1", reply="Invented."), "reported"),
    Act("POST /v1/grants/{grant}/end", RESEARCHER, grant("granted"), "granted"),
    Act("POST /v1/grants/{grant}/disposal", RESEARCHER, grant("ended", attestation="Invented."),
        "ended"),
    Act("POST /v1/grants/{grant}/disposal-acknowledgements", MEMBER, grant_for_river("attested"),
        "attested"),
    # Restricting.
    Act("POST /v1/restrictions", MEMBER, sent(_place)),
    Act("POST /v1/restrictions/{restriction}/voices", MEMBER,
        restriction(lambda s: command(voice="decline"))),
    Act("POST /v1/restrictions/{restriction}/conclusions", MEMBER,
        restriction(lambda s: command(outcome="approve")), "restricted"),
    Act("POST /v1/restrictions/{restriction}/hui", SECRETARY, restriction(lambda s: s.hui()),
        "restricted"),
)  # fmt: skip
