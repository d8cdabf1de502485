"""What anyone may read, and what whoever asks does."""

from __future__ import annotations

import stack as steps
import web_steps as also
from stack import GENOME, Json, command, ok
from web_act import (
    ANYBODY,
    DESK,
    GATEWAY,
    MEMBER,
    OPERATOR,
    RESEARCHER,
    REVIEWER,
    Act,
    Made,
    at,
    nothing,
    request,
    sent,
)
from web_scene import Scene


def _answer(scene: Scene, name: str) -> Json:
    return command(question=scene.questioned[1], answer="Because.")


def _save(scene: Scene) -> Made:
    content = steps.draft_content(scene.stack, items=[GENOME])
    return {"draft": scene.draft}, {**content, "version": _version(scene)}


def _submit(scene: Scene) -> Made:
    return {"draft": scene.draft}, command(version=_version(scene))


def _version(scene: Scene) -> int:
    return int(ok(scene.stack.client(RESEARCHER).get(f"/v1/drafts/{scene.draft}"))["version"])


def _past(scene: Scene, who: str) -> Json:
    asked = steps.question(scene.stack, GENOME)
    asked["subject"]["id"] = scene.stack.people[who]
    return {**asked, "at": also.now(scene.stack).isoformat()}


def _letter(scene: Scene) -> Made:
    return {"request": scene.in_principle, "body": scene.river}, None


def _questions(scene: Scene) -> Json:
    asked = steps.question(scene.stack)
    item = {"resource": asked.pop("resource")}
    return {**asked, "evaluations": [item], "options": {"evaluations_semantic": "execute_all"}}


READING = (
    Act("GET /health", ANYBODY, nothing),
    Act("GET /.well-known/authzen-configuration", ANYBODY, nothing),
    Act("POST /access/v1/evaluation", GATEWAY, sent(lambda s: steps.question(s.stack))),
    Act("POST /access/v1/evaluations", GATEWAY, sent(_questions)),
    Act("GET /v1/example/people", ANYBODY, nothing),
    Act("POST /v1/example/tokens", ANYBODY, sent(lambda s: {"person": "outsider"})),
    Act("POST /v1/example/clock", OPERATOR, sent(lambda s: {"days": 0.0001})),
    Act("GET /v1/me", ANYBODY, nothing),
    Act("GET /v1/sessions", ANYBODY, nothing),
    Act("DELETE /v1/sessions/{session}", RESEARCHER, at("session", "session"), "session"),
    Act("POST /v1/sign-out", ANYBODY, nothing),
    # What anyone may read.
    Act("GET /v1/names", ANYBODY, nothing),
    Act("GET /v1/bodies", ANYBODY, nothing),
    Act("GET /v1/collections", ANYBODY, nothing),
    Act(
        "GET /v1/collections/{collection}/history",
        ANYBODY,
        lambda s: ({"collection": "example_genome"}, None),
    ),
    Act("GET /v1/claims", ANYBODY, nothing),
    Act("GET /v1/searches", ANYBODY, nothing),
    Act("GET /v1/proposals", ANYBODY, nothing),
    Act("GET /v1/desk", ANYBODY, nothing),
    Act("GET /v1/grants", ANYBODY, nothing),
    Act("GET /v1/reports", ANYBODY, nothing),
    Act("GET /v1/restrictions", ANYBODY, nothing),
    Act("GET /v1/restrictions/{restriction}", ANYBODY, at("restriction", "restricted"),
        about="shown"),
    Act("GET /v1/restrictions/{restriction}", MEMBER, at("restriction", "hidden"), about="hidden"),
    Act("GET /v1/ledger/head", ANYBODY, nothing),
)  # fmt: skip

ASKING = (
    Act("GET /v1/items", ANYBODY, nothing),
    Act("POST /v1/rules/try", ANYBODY, sent(lambda s: {"item": GENOME})),
    Act("GET /v1/items/{item}/history", ANYBODY, lambda s: ({"item": GENOME}, None)),
    Act("POST /v1/history/evaluation", RESEARCHER, sent(lambda s: _past(s, RESEARCHER)),
        about="of the researcher, and data of the asked body's"),
    Act("POST /v1/bodies/{body}/introductions", ANYBODY,
        lambda s: ({"body": s.river}, command(introduction="I would like to meet you."))),
    Act("POST /v1/drafts", RESEARCHER,
        sent(lambda s: steps.draft_content(s.stack, items=[GENOME]))),
    Act("GET /v1/drafts", RESEARCHER, nothing),
    Act("GET /v1/drafts/{draft}", RESEARCHER, at("draft", "draft")),
    Act("PUT /v1/drafts/{draft}", RESEARCHER, _save, "draft"),
    Act("GET /v1/drafts/{draft}/preview", RESEARCHER, at("draft", "draft")),
    Act("POST /v1/drafts/{draft}/revision", RESEARCHER, at("draft", "draft")),
    Act("GET /v1/drafts/{draft}/changes", RESEARCHER, at("draft", "revised")),
    Act("POST /v1/drafts/{draft}/submit", RESEARCHER, _submit, "draft"),
    Act("GET /v1/requests", RESEARCHER, nothing),
    Act("GET /v1/requests/{request}", RESEARCHER, at("request", "deciding"), about="being decided"),
    Act("GET /v1/requests/{request}", DESK, at("request", "at_desk"),
        about="at the desk, which is another body"),
    Act("GET /v1/requests/{request}", REVIEWER, lambda s: ({"request": s.later.referred}, None),
        about="referred to the reviewer; that other body was the desk"),
    Act("GET /v1/requests/{request}/letters/{body}", RESEARCHER, _letter),
    Act("POST /v1/requests/{request}/answers", RESEARCHER, request("questioned", _answer),
        "questioned"),
    Act("POST /v1/requests/{request}/resubmission", RESEARCHER,
        request("returned", lambda s, r: command(draft=s.returned[1], version=1)), "returned"),
    Act("POST /v1/requests/{request}/justifications", RESEARCHER,
        request("declined", lambda s, r: command(seen=s.seen(r), justification="Invented.")),
        "declined"),
    Act("POST /v1/requests/{request}/acceptance", RESEARCHER,
        request("agreed", lambda s, r: command(seen=s.seen(r), conditions=[])), "agreed"),
    Act("POST /v1/requests/{request}/withdrawal", RESEARCHER,
        request("deciding", lambda s, r: command(seen=s.seen(r))), "deciding"),
    Act("POST /v1/requests/{request}/review", REVIEWER,
        lambda s: ({"request": s.later.referred}, command(finding="Invented."))),
)  # fmt: skip
"""What whoever asks does; and the reviewer, who decides nothing either."""
