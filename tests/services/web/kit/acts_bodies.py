"""What a body says of itself and of what is held, what all share, and running it."""

from __future__ import annotations

from collections.abc import Callable

import stack as steps
import web_steps as also
from stack import GENOME, Json, command
from web_act import ANYBODY, MEMBER, OPERATOR, SECRETARY, Act, Made, at, nothing, river, sent
from web_scene import Scene


def _enter(scene: Scene) -> Json:
    return command(
        name="Example other body",
        mandate={"capacities": ["people"]},
        document="Invented.",
        kawa={"rule": "majority"},
        members=[{"person": scene.stack.people["outsider"], "roles": ["secretary", "member"]}],
    )


def _mandate(scene: Scene) -> Json:
    stated = {"capacities": ["people", "place"], "peoples": [also.RIVER_PEOPLE],
              "places": ["example-river-valley"]}  # fmt: skip
    return command(mandate=stated, document="Invented, anew.")


def _member(scene: Scene) -> Json:
    return command(member={"person": scene.staying, "roles": ["member"]})


def _korero(scene: Scene) -> Json:
    return command(person=scene.stack.people["outsider"], held_on="2026-01-15")


def _delegating(scene: Scene) -> Json:
    # The member whose voice it is, or the secretary, may.
    return scene.delegating("river-member-1", "island-b-member-3")


def _word(scene: Scene) -> Made:
    return {"proposal": scene.proposal}, scene.hui("decline", body=scene.river)


def _shipped(scene: Scene) -> Made:
    return {"pack": "draft", "version": "1"}, None


def _writing(scene: Scene) -> Made:
    return {"pack": scene.writing, "version": "1"}, None


def _fork(scene: Scene) -> Json:
    return command(body=scene.river, name="Example fork", pack="draft")


def _adoption(scene: Scene) -> Json:
    return steps.adoption(scene.stack, SECRETARY, scene.river, "example")


OWN = (
    Act("POST /v1/bodies", ANYBODY, sent(_enter)),
    Act("GET /v1/bodies/{body}", MEMBER, river(lambda s: None)),
    Act("GET /v1/bodies/{body}/ledger", SECRETARY, river(lambda s: None)),
    Act("POST /v1/bodies/{body}/people", SECRETARY,
        river(lambda s: command(name="Example new person", email="new-person@example.org"))),
    Act("POST /v1/bodies/{body}/members", SECRETARY, river(_member)),
    Act("POST /v1/bodies/{body}/departures", SECRETARY, river(lambda s: command(person=s.staying)),
        "staying"),
    Act("POST /v1/bodies/{body}/kawa", SECRETARY,
        river(lambda s: command(kawa=also.KAWA["river"]))),
    Act("POST /v1/bodies/{body}/mandate", SECRETARY, river(_mandate)),
    Act("POST /v1/bodies/{body}/delegations", MEMBER, river(_delegating)),
    Act("POST /v1/bodies/{body}/delegations/ended", SECRETARY,
        river(lambda s: command(delegation=s.delegation)), "delegation",
        about="of another member's"),
    Act("POST /v1/bodies/{body}/calendar", SECRETARY, river(lambda s: command(closures=[]))),
    Act("POST /v1/bodies/{body}/pauses", MEMBER,
        river(lambda s: command(kind="mourning", first="2199-01-01", last="2199-01-02"))),
    Act("POST /v1/bodies/{body}/pauses/ended", MEMBER, river(lambda s: command(pause=s.pause)),
        "pause"),
    Act("POST /v1/bodies/{body}/reminders", SECRETARY, river(lambda s: command(days=[10, 20]))),
    Act("POST /v1/bodies/{body}/korero", MEMBER, river(_korero)),
    # Packs: what comes with Accord is anyone's to read, and what a body is writing its own.
    Act("GET /v1/packs", ANYBODY, nothing),
    Act("GET /v1/packs/{pack}", ANYBODY, lambda s: ({"pack": "draft"}, None), about="shipped"),
    Act("GET /v1/packs/{pack}", MEMBER, at("pack", "writing"), about="being written"),
    Act("GET /v1/packs/{pack}/versions/{version}", ANYBODY, _shipped, about="shipped"),
    Act("GET /v1/packs/{pack}/versions/{version}", MEMBER, _writing, about="being written"),
    Act("GET /v1/packs/{pack}/versions/{version}/export", ANYBODY, _shipped, about="shipped"),
    Act("GET /v1/packs/{pack}/versions/{version}/export", MEMBER, _writing,
        about="being written"),
    Act("POST /v1/packs", SECRETARY, sent(_fork)),
    Act("POST /v1/packs/{pack}/versions", SECRETARY,
        lambda s: ({"pack": s.writing}, s.edit())),
    Act("GET /v1/bodies/{body}/adoption-preview/{pack}", MEMBER,
        lambda s: ({"body": s.river, "pack": "example"}, None)),
    Act("GET /v1/bodies/{body}/adoptions", ANYBODY, river(lambda s: None)),
    Act("POST /v1/bodies/{body}/adoptions", SECRETARY, river(_adoption)),
    Act("POST /v1/bodies/{body}/pack-withdrawals", SECRETARY,
        river(lambda s: command(pack=s.adopted)), "adopted"),
    # What all share.
    Act("POST /v1/proposals", SECRETARY, sent(lambda s: command(body=s.river, why="Invented.",
                                                                **s.change()))),
    Act("POST /v1/proposals/{proposal}/words", SECRETARY, _word, "proposal"),
)  # fmt: skip


def _confirm(scene: Scene) -> Json:
    return command(
        body=scene.river,
        items=[GENOME],
        classes=["genomic", "taonga_species"],
        places=["example-river-valley"],
        whole=True,
    )


def _history(body: str) -> Callable[[Scene], Made]:
    return lambda scene: (
        {"collection": "example_genome"},
        command(body=scene.stack.bodies.get(body, "body-deployment"), history="Invented."),
    )


CATALOGUE = (
    Act("POST /v1/confirmations", MEMBER, sent(_confirm)),
    Act("POST /v1/confirmations/list", MEMBER, sent(_confirm)),
    Act("POST /v1/collections/{collection}/history", SECRETARY, _history("river"),
        about="for the asked body"),
    Act("POST /v1/claims", SECRETARY, sent(lambda s: s.claim("river"))),
    Act("POST /v1/claims/{claim}/withdrawal", SECRETARY,
        lambda s: ({"claim": s.claim_of_river}, command(body=s.river)), "claim_of_river"),
    Act("POST /v1/claims/{claim}/agreement", SECRETARY,
        lambda s: ({"claim": s.claim_of_hill}, command(body=s.river)), "claim_of_hill"),
    Act("POST /v1/searches", SECRETARY, sent(lambda s: s.searching())),
    Act("POST /v1/searches/{search}/end", SECRETARY,
        lambda s: ({"search": s.search}, command(body=s.river, words="Invented.")), "search"),
    Act("POST /v1/items/{item}/wishes", SECRETARY,
        lambda s: ({"item": s.story}, command(body=s.river, wishes="Tell it whole.",
                                              context="By the river."))),
)  # fmt: skip

RUNNING = (
    Act("POST /v1/collections/{collection}/history", OPERATOR, _history("deployment"),
        about="for the deployment"),
    Act("POST /v1/names", OPERATOR,
        sent(lambda s: command(peoples={"example-newcomer-people": "Example newcomer people"}))),
    Act("POST /v1/gateways", OPERATOR, sent(lambda s: command(collections=["example_genome"]))),
    Act("GET /v1/ledger/export", OPERATOR, nothing),
)  # fmt: skip
