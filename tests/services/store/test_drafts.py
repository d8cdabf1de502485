"""Drafts: the owner's alone, and never overwritten by another of the owner's devices."""

from datetime import UTC, datetime
from typing import Any

import pytest

from policies.refusals import Code, RefusedError
from services.store import drafts
from services.store.session import Store

NOW = datetime(2026, 11, 23, tzinfo=UTC)
OWNER = "person-1"


def save(store: Store, version: int, content: dict[str, Any], owner: str = OWNER) -> int:
    with store.write() as connection:
        return drafts.save(connection, "draft-1", owner, version, content, NOW)


def test_a_draft_is_saved_over_the_version_that_was_seen(store: Store) -> None:
    assert save(store, 0, {"title": "one"}) == 1
    assert save(store, 1, {"title": "two"}) == 2
    with pytest.raises(RefusedError) as raised:
        save(store, 1, {"title": "three", "why": "x"})
    assert raised.value.refused.code is Code.STALE
    assert raised.value.refused.facts == {"version": "2", "differs": "title,why"}
    with store.read() as connection:
        assert drafts.get(connection, "draft-1", OWNER).content == {"title": "two"}


def test_the_same_once_more_is_no_other_device(store: Store) -> None:
    """The answer was lost on its way, and the same is sent again."""
    for version, content in ((0, {"title": "one"}), (1, {"title": "two"})):
        assert save(store, version, content) == version + 1
        assert save(store, version, content) == version + 1
    with pytest.raises(RefusedError) as raised:
        save(store, 1, {"title": "two"}, "person-2")
    assert raised.value.refused.code is Code.NOT_FOUND
    assert save(store, 2, {"title": "three"}) == 3


def test_a_draft_is_its_owners_alone(store: Store) -> None:
    save(store, 0, {})
    with pytest.raises(RefusedError) as raised:
        save(store, 1, {}, "person-2")
    assert raised.value.refused.code is Code.NOT_FOUND
    with store.read() as connection:
        assert drafts.of(connection, "person-2") == []
        with pytest.raises(RefusedError):
            drafts.get(connection, "draft-1", "person-2")


@pytest.mark.parametrize("version", [0, 1])
def test_of_two_devices_at_once_the_second_is_told(
    store: Store, in_thread: Any, version: int
) -> None:
    if version:
        save(store, 0, {"title": "nothing"})
    with store.write() as connection:
        drafts.save(connection, "draft-1", OWNER, version, {"title": "first"}, NOW)
        second = in_thread(lambda: save(store, version, {"title": "second"}))
        second.join(0.1)
    with pytest.raises(RefusedError) as raised:
        second.result()
    assert raised.value.refused.code is Code.STALE
    assert raised.value.refused.facts == {"version": str(version + 1), "differs": "title"}
    with store.read() as connection:
        assert drafts.get(connection, "draft-1", OWNER).content == {"title": "first"}
