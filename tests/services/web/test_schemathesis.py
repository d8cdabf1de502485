"""The API against its own description, by Schemathesis: what it takes and what it refuses.

Each endpoint is tried with values that fit its description and with values that do not, in
the name of the researcher and of a body's secretary (the decision point: of a gateway). What
fits is done, so it has an Accord of its own.
"""

import random
from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from stack import Stack
from web_acts import openapi
from web_scene import Scene
from web_steps import Later

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ROLES = ("researcher", "river-secretary")

SCHEMA = schemathesis.openapi.from_dict(openapi())
SCHEMA.config.generation.update(
    modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE], with_security_parameters=False
)
SCHEMA.config.phases.coverage.enabled = False


@pytest.fixture(scope="module")
def scene() -> Iterator[Scene]:
    """States that ids in addresses lead to: an id made at random is an id of nothing."""
    with Stack() as running:
        yield Scene(running, Later("", "", ""))


def known_ids(scene: Scene) -> dict[str, str | int]:
    return {
        "draft": scene.draft,
        "request": scene.deciding,
        "grant": scene.granted,
        "restriction": scene.restricted,
        "body": scene.river,
        "collection": "example_genome",
        "session": scene.session,
        "item": scene.story,
        "claim": scene.claim_of_hill,
        "search": scene.search,
        "proposal": scene.proposal,
        "pack": scene.writing,
        "version": 1,
    }


@SCHEMA.parametrize()
@settings(
    max_examples=8,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_the_api_is_as_it_says(case: schemathesis.Case, scene: Scene) -> None:
    ids = known_ids(scene)
    chance = random.Random(repr(case.body) + repr(case.query))
    for name in case.path_parameters or {}:
        if chance.random() < 0.7:
            case.path_parameters[name] = ids[name]
    if isinstance(case.body, dict) and isinstance(case.body.get("body"), str):
        # A body's own member is asked further than somebody who is of none.
        case.body = {**case.body, "body": ids["body"]} if chance.random() < 0.7 else case.body
    stack = scene.stack
    senders = [stack.client(role) for role in ROLES]
    if case.operation.path.startswith("/access/"):
        senders = [stack.gateway]
    for sender in senders:
        case.call_and_validate(
            base_url=stack.settings.url,
            headers={"Authorization": sender.headers["Authorization"]},
            checks=CHECKS,
        )
