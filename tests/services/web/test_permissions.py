"""Who may do what: every endpoint as every role, measured, against `docs/permissions.md`.

When an endpoint or a rule has changed, write the table anew, read it as somebody who
means harm would, and commit it:

    ACCORD_REWRITE_PERMISSIONS=1 python3 tests -n 0 tests/services/web/test_permissions.py
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from stack import Stack
from web_act import ANONYMOUS, ANYBODY, DESK, GATEWAY, REVIEWER, Act, client
from web_acts import ACTS, operations
from web_scene import Scene
from web_steps import Later

TABLE = Path(__file__).resolve().parents[3] / "docs" / "permissions.md"
REWRITE = bool(os.environ.get("ACCORD_REWRITE_PERMISSIONS"))

ROLES = {
    "anonymous": ANONYMOUS,
    "outsider": ANYBODY,
    "gateway": GATEWAY,
    "reviewer": REVIEWER,
    "member of another body": DESK,
    "researcher": "researcher",
    "participant": "research-assistant",
    "member": "river-member-1",
    "secretary": "river-secretary",
    "operator": "operator",
}
"""In the order in which they are tried, those who may do least first."""

HEAD = """\
# Who may do what

Every endpoint of the API, as each role is answered. This page is written by
`tests/services/web/test_permissions.py`, which asks a running Accord; the same test fails when
an answer differs from what stands here, or when an endpoint is missing.

- **401**: nobody whom Accord knows. **404**: it is not theirs, so for them it does not exist.
  **403**: they may know of it, and the rules in force do not let them do it.
- Everybody here has signed in within the last ten minutes. Whoever has not is answered 401 where
  something is done in a body's name (`policies/stepping_up.py`), before anything else is looked at.
- **allowed**: done, or refused only because of how things stand.
- **anonymous**: no token. **outsider**: signed in, and party to nothing. **gateway**: a
  custodian's gateway with its own credential. **reviewer**: whom the bodies named to look at a
  holder's silence. **researcher**: who applied; **participant**: who is named in the request
  beside them. **member** and **secretary**: of the body that is asked,
  or whose restriction, membership or pack it is (in the example its secretary is no member, so
  has no voice). **operator**: who runs this deployment.
- "allowed" to read a list (`GET /v1/requests`, `GET /v1/drafts`) means one's own part of it.

"""


def measured(scene: Scene, act: Act) -> dict[str, str]:
    """How each role is answered."""
    return {role: _answered(scene, act, person) for role, person in ROLES.items()}


def _answered(scene: Scene, act: Act, person: str) -> str:
    path, sent = act.call(scene)
    answer = client(scene.stack, person).request(act.method, path, json=sent)
    if answer.is_success and act.spends:
        scene.spend(act.spends)
    if answer.is_success or answer.status_code in (409, 422):
        return "allowed"
    assert answer.status_code in (401, 403, 404), f"{person}: {answer.status_code} {answer.text}"
    return str(answer.status_code)


def line(act: Act, row: dict[str, str]) -> str:
    cells = [row[role] if row[role] != "allowed" else "**allowed**" for role in ROLES]
    called = f"`{act.endpoint}`" + (f" ({act.about})" if act.about else "")
    return f"| {called} | {' | '.join(cells)} |"


def written() -> dict[str, dict[str, str]]:
    """The committed table."""
    found: dict[str, dict[str, str]] = {}
    for each in TABLE.read_text(encoding="utf-8").splitlines():
        if each.startswith("| `"):
            called, *cells = [cell.strip() for cell in each.strip("|").split("|")]
            row = [cell.strip("*") for cell in cells]
            found[called.replace("`", "")] = dict(zip(ROLES, row, strict=True))
    return found


@pytest.fixture(scope="module")
def scene(stack: Stack, later: Later) -> Iterator[Scene]:
    """States to try things in. What would change another test's is put back."""
    made = Scene(stack, later)
    yield made
    made.put_back()


def test_every_endpoint_is_in_the_table(scene: Scene) -> None:
    """Written anew where that is asked for, and only then."""
    served = {name for name, _ in operations()}
    assert served == {act.endpoint for act in ACTS}
    if REWRITE:
        lines = [
            f"| | {' | '.join(ROLES)} |",
            f"| --- |{' --- |' * len(ROLES)}",
            *(line(act, measured(scene, act)) for act in ACTS),
        ]
        TABLE.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    assert list(written()) == [act.name for act in ACTS]
    assert TABLE.read_text(encoding="utf-8").startswith(HEAD)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: act.name)
def test_each_role_is_answered_as_the_table_says(scene: Scene, act: Act) -> None:
    assert measured(scene, act) == written()[act.name]
