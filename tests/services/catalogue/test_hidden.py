"""What a body hides is read for its own people alone: chosen by the database, on both of them."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from policies.request.state import RequestState
from policies.restriction.commands import Place, Scope, Visibility
from policies.slices import Slice
from policies.types import Authorisation, Envelope, TextId
from services import waiting
from services.queries import register
from services.store import texts
from services.store.texts import Audience, Words


def place(house: Any, visibility: Visibility) -> str:
    """The river body places a restriction; no workflow runs here that would carry it."""
    body, viewer = house.river
    sent = house.sent()
    name, words = f"restriction-{sent.id}", TextId(f"text-{sent.id}")
    with house.store.write() as connection:
        said = Words(words, body, Audience.BODY, b"Not for now.")
        texts.save(connection, viewer.person, [said], datetime.now(UTC))
    sitting = house.look(lambda sight: sight.bodies.sitting(body))
    scope = Scope(Slice(peoples=frozenset({"river"})))
    command = Place(sitting, scope, words, words, visibility, frozenset({"river"}), frozenset())
    house.recorder.carry(
        Envelope(sent.id, name, 0, viewer.person, datetime.now(UTC), command,
                 Authorisation("set-up", {}))
    )  # fmt: skip
    return name


def statements(house: Any, reading: Any) -> tuple[int, Any]:
    """How many statements `reading` takes, and what it finds."""
    counted: list[str] = []

    def note(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        counted.append(statement)

    sa.event.listen(house.store.engine, "before_cursor_execute", note)
    try:
        found = house.look(reading)
    finally:
        sa.event.remove(house.store.engine, "before_cursor_execute", note)
    return len(counted), found


def test_a_hidden_restriction_is_listed_for_its_own_people(house: Any) -> None:
    house.river = house.for_peoples("river-body", "river")
    hill = house.for_peoples("hill-body", "hill")

    def listed(who: Any) -> tuple[int, list[str]]:
        count, found = statements(house, lambda sight: register.restriction_list(sight, who))
        return count, [each["id"] for each in found]

    def clocks() -> int:
        return statements(
            house, lambda sight: waiting.look(sight.connection, RequestState(), sight.now)
        )[0]

    nobody, before = listed(None), clocks()
    hidden = place(house, Visibility.HIDDEN)
    assert listed(None) == nobody == (nobody[0], [])
    assert listed(hill[1])[1] == []
    assert listed(house.river[1])[1] == [hidden]
    assert clocks() == before
    shown = place(house, Visibility.SHOWN)
    assert listed(None)[1] == listed(hill[1])[1] == [shown]
    assert set(listed(house.river[1])[1]) == {hidden, shown}
    assert clocks() == before
