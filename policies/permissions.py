"""The grammar of permissions: ``scope:resource:action``, as rules write it in their *act* column.

- *scope* says in whose standing somebody acts: `person` (anybody who has signed in, for
  themselves), `own` (in one's own request or grant), `body` (as one of a body's people, for that
  body), `deployment` (as the operator), `gateway` (a custodian's), `system` (the clock, and what
  one stream causes in another).
- *resource* is the kind of stream or of thing that is acted on.
- *action* is what is done, in the imperative: the command's own name.

So ``body:request:record_hui`` is what a secretary does who writes up a hui for her body. The
uses of data (``use.read``, …) are no permissions: what a grant lets somebody do is asked of the
decision point, about an item and a slice. `docs/permissions.md` shows what comes of all this.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum


class Scope(StrEnum):
    """In whose standing somebody acts."""

    PERSON = "person"
    OWN = "own"
    BODY = "body"
    DEPLOYMENT = "deployment"
    GATEWAY = "gateway"
    SYSTEM = "system"


def _each(scope: Scope, resource: str, actions: str) -> dict[tuple[str, str], Scope]:
    return {(resource, action): scope for action in actions.split()}


SCOPES: Mapping[tuple[str, str], Scope] = {
    **_each(Scope.PERSON, "request", "submit dispute record_review"),
    **_each(Scope.OWN, "request", "resubmit answer rejustify accept withdraw"),
    **_each(
        Scope.BODY, "request", "forward return ask stand_aside speak set_condition conclude "
        "record_hui ask_to_meet record_meeting record_elsewhere answer_dispute",
    ),
    **_each(Scope.SYSTEM, "request", "remind close"),
    **_each(Scope.OWN, "grant", "file_report end_early attest_disposal"),
    **_each(
        Scope.BODY, "grant", "return_report accept_report acknowledge_disposal renew_elsewhere"
    ),
    **_each(Scope.SYSTEM, "grant", "issue clock_passed void"),
    **_each(Scope.BODY, "restriction", "place speak conclude record_hui"),
    **_each(Scope.SYSTEM, "restriction", "review_passed"),
    **_each(Scope.PERSON, "body", "enter introduce"),
    **_each(
        Scope.BODY, "body", "add_member end_membership set_kawa restate_mandate delegate "
        "revoke_delegation set_calendar begin_pause end_pause set_reminders record_korero "
        "propose say",
    ),
    **_each(Scope.DEPLOYMENT, "body", "add_gateway"),
    **_each(Scope.SYSTEM, "body", "welcome"),
    **_each(Scope.BODY, "pack", "fork edit adopt withdraw"),
    **_each(Scope.SYSTEM, "pack", "supersede"),
    **_each(
        Scope.BODY, "catalogue", "confirm write_history claim withdraw_claim settle_claim "
        "search end_search write_wishes",
    ),
    **_each(Scope.DEPLOYMENT, "catalogue", "import name"),
    **_each(Scope.SYSTEM, "access", "answer"),
}  # fmt: skip
"""Every command of every stream, by its resource and action, and whose it is to give."""

OTHER_ACTS = frozenset(
    {
        "person:draft:write", "person:catalogue:search", "person:rules:try",
        "deployment:ledger:export", "body:ledger:export", "deployment:clock:advance",
        "gateway:decision:ask",
        "person:history:ask", "body:history:ask", "deployment:history:ask",
    }
)  # fmt: skip
"""What people and gateways do that is no command of a stream."""

COMMAND_ACTS = frozenset(
    f"{scope}:{resource}:{action}" for (resource, action), scope in SCOPES.items()
)
"""Every command of every stream, as rules speak of it."""

GRAMMAR = re.compile(rf"(?:{'|'.join(Scope)}):[a-z_]+:[a-z_]+")
"""What a permission looks like."""


def act_of(resource: str, command: str) -> str:
    """The permission that a command needs: ``body:request:record_hui`` for a request's
    `RecordHui`. Raises KeyError for a command that nobody was given."""
    action = re.sub(r"(?<!^)(?=[A-Z])", "_", command).lower()
    return f"{SCOPES[resource, action]}:{resource}:{action}"
