"""A busy hour at the decision point, and every answer of it given again from the record."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import httpx
import stack as steps
import web_steps as also
from stack import INCOME, SMALL, SURVEY, Json, Stack, command, ok

from services.answered import Again, Checking, Recorded, gateways, read
from services.past_rules import PastRules, begins
from services.store import streams
from services.store.session import Store

PURPOSE = "example-busy"
ALL = ["slice/1", "story/1", "apart/1"]


def questions(stack: Stack) -> list[Json]:
    """What gateways ask, each with its own reason for a yes or a no."""
    narrow = {"peoples": [also.RIVER_PEOPLE], "level": "aggregate"}
    whole = steps.question(stack, purpose=PURPOSE, obligations_supported=ALL)
    somebody_else = steps.question(stack, purpose=PURPOSE)
    somebody_else["subject"] = {"type": "person", "id": stack.people["outsider"]}
    linked = steps.question(stack, purpose=PURPOSE, obligations_supported=ALL, named="Mere.Example")
    linked["action"] = {"name": "use.link"}
    return [
        whole,
        steps.question(stack, purpose=PURPOSE, slice=narrow),
        # A place that no grant names, in grants for any.
        steps.question(stack, purpose=PURPOSE, slice={**narrow, "places": ["example-town"]}),
        steps.question(stack, purpose=PURPOSE, slice={"peoples": [*SMALL, "Mere.Example"]}),
        steps.question(stack, purpose=PURPOSE, slice={"peoples": []}),
        steps.question(stack, purpose=PURPOSE, obligations_supported=[]),
        steps.question(stack, purpose="example-other"),
        steps.question(stack, INCOME, purpose=PURPOSE),
        steps.question(stack, "example_survey.people.not_there", purpose=PURPOSE),
        somebody_else,
        linked,
    ]


@contextmanager
def asking(stack: Stack) -> Iterator[None]:
    """With a gateway that asks all of it, again and again."""
    stop = threading.Event()
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            with httpx.Client(
                base_url=stack.settings.url, headers=stack.gateway.headers, timeout=60, verify=False
            ) as client:
                while not stop.is_set():
                    for each in questions(stack):
                        steps.ask(stack, each, client)
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
    assert not failed, failed


def live(stack: Stack, request: str, grant: str, alone: bool) -> Iterator[str]:
    """Everything that an answer can turn on, once: rules, restrictions, what an item is and whose,
    a record that is disputed, and in the end the grant. What cannot be put back, a narrower
    mandate, only where nobody else needs this Accord (`alone`); otherwise there is a grant for
    another purpose as well. Tells after each change the code of the answer now."""
    yield "allowed"
    for hidden, code in ((False, "restricted"), (True, "not_permitted_now")):
        placed = steps.place(stack, hidden=hidden)
        yield code
        steps.lift(stack, placed)
        yield "allowed"
    _newcomers(stack, "pack-withdrawals")
    yield "not_permitted_now"
    steps.adopt(stack, "ethics-secretary", stack.bodies["ethics"], "example-newcomers")
    yield "allowed"
    for claimed in ({"items": [SURVEY]}, {"peoples": [also.RIVER_PEOPLE]}):
        claim = _claim(stack, claimed)
        yield "contested"
        _withdraw(stack, claim)
        yield "allowed"
    said = {"peoples": [also.RIVER_PEOPLE], "body": stack.bodies["river"], "items": [SURVEY]}
    for classes, code in ((["health", "voice"], "allowed"), (["health"], "allowed")):
        _post(stack, "river-member-1", "/v1/confirmations", **said, classes=classes)
        yield code
    dispute = _dispute(stack, request)
    yield "disputed"
    ok(also.at(stack, "river-member-4", request, "dispute-answers", body=stack.bodies["river"],
               dispute=dispute, stands=True, answer="We asked again."))  # fmt: skip
    yield "allowed"
    if alone:
        mandate = {"capacities": ["people", "place"], "places": ["example-river-valley"]}
        river = f"/v1/bodies/{stack.bodies['river']}/mandate"
        _post(stack, "river-secretary", river, mandate=mandate, document="Invented.")
        yield "not_permitted_now"
    _post(stack, "researcher", f"/v1/grants/{grant}/end")
    yield "no_grant" if alone else "other_purpose"


def _newcomers(stack: Stack, what: str) -> None:
    ethics = f"/v1/bodies/{stack.bodies['ethics']}/{what}"
    _post(stack, "ethics-secretary", ethics, pack="example-newcomers")


def _claim(stack: Stack, subjects: Json) -> str:
    against = {"against": stack.bodies["river"]} if "peoples" in subjects else {}
    sent = _post(stack, "hill-secretary", "/v1/claims", body=stack.bodies["hill"],
                 subjects=subjects, statement="Ours too.", **against)  # fmt: skip
    return str(sent["command"])


def _withdraw(stack: Stack, claim: str) -> None:
    path = f"/v1/claims/{claim}/withdrawal"
    _post(stack, "hill-secretary", path, body=stack.bodies["hill"])


def _dispute(stack: Stack, request: str) -> str:
    river = stack.bodies["river"]
    history = steps.read_request(stack, request, "river-secretary")["history"]
    entry = next(each["entry"] for each in history if each["event"] == "HuiRecorded")
    path = f"/v1/requests/{request}/read-backs"
    printed = _post(stack, "river-secretary", path, body=river, entry=entry)
    person = stack.people["river-member-1"]
    code = next(each["code"] for each in printed if each["person"] == person)
    sent = command(code=code, words="It was otherwise.")
    ok(stack.anonymous.post("/v1/disputes", json=sent))
    return str(sent["command_id"])


def _post(stack: Stack, who: str, path: str, **fields: Any) -> Any:
    return ok(stack.client(who).post(path, json=command(**fields)))


def every_answer_again(database: str) -> list[tuple[Recorded, Again]]:
    """Every recorded answer, in the order in which they were given, with what the record comes to
    now."""
    store = Store(database)
    try:
        with store.read() as connection:
            checking = Checking(connection, begins(connection), PastRules(connection))
            every = [
                read(entry)
                for gateway in gateways(connection)
                for entry in streams.after(connection, f"access-{gateway}", 0)
            ]
            return [(each, checking.again(each)) for each in sorted(every, key=_at)]
    finally:
        store.close()


def _at(each: Recorded) -> datetime:
    return each.at
