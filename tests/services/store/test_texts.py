"""Words: pending until an entry names them, committed to for ever, erasable at any time."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from policies.refusals import Code, RefusedError
from policies.types import TextId
from services.ledger.verify import commitment_matches, verify
from services.store import schema, texts
from services.store.texts import Audience, Words

REQUEST = "request-1"
TITLE = f"text-title-{REQUEST}"


def row(house: Any, text: str) -> Any:
    found = house.rows(sa.select(schema.texts).where(schema.texts.c.id == text))
    return found[0] if found else None


def refused(work: Any) -> Code:
    with pytest.raises(RefusedError) as raised:
        work()
    return raised.value.refused.code


def test_an_entry_claims_the_words_that_it_names(house: Any) -> None:
    envelope = house.submit(REQUEST)
    assert row(house, TITLE).entry is None
    (entry,) = house.carried(envelope)
    assert sorted(entry["commitments"]) == [f"text-title-{REQUEST}", f"text-why-{REQUEST}"]
    for text in entry["commitments"]:
        kept = row(house, text)
        assert kept.entry == entry["id"]
        salt, content = bytes(kept.salt), bytes(kept.content)
        assert commitment_matches(entry, text, salt, content)
        assert not commitment_matches(entry, text, salt, content + b".")
        assert not commitment_matches(entry, text, bytes(32), content)
        # The record holds a commitment, and nothing of the words.
        assert content not in b"".join(house.exported())


def test_words_named_again_stay_with_their_first_entry(house: Any) -> None:
    first, second = house.enter("body-a"), house.enter("body-b")
    named = first.command.name
    again = type(second)(
        **{
            **{f: getattr(second, f) for f in second.__dataclass_fields__},
            "command": type(second.command)(
                named, second.command.mandate, second.command.kawa, second.command.members
            ),
        }
    )
    one, two = house.carried(first, again)
    kept = row(house, named)
    assert kept.entry == one["id"]
    for entry in (one, two):
        assert commitment_matches(entry, named, bytes(kept.salt), bytes(kept.content))


def test_nobody_claims_the_pending_words_of_another(house: Any) -> None:
    envelope = house.submit(REQUEST)
    house.do("UPDATE texts SET author = 'person-other' WHERE id = :id", id=TITLE)
    assert refused(lambda: house.carried(envelope)) is Code.UNKNOWN_TEXT
    # Nothing else of the command was claimed either.
    assert row(house, f"text-why-{REQUEST}").entry is None
    assert house.stream(REQUEST) == []


def test_words_that_are_gone_are_not_committed_to(house: Any) -> None:
    envelope = house.submit(REQUEST)
    house.do("DELETE FROM texts WHERE id = :id", id=TITLE)
    assert refused(lambda: house.carried(envelope)) is Code.UNKNOWN_TEXT
    assert house.stream(REQUEST) == []


def test_words_are_erased_and_the_record_still_verifies(house: Any) -> None:
    house.carried(house.submit(REQUEST), house.hui(REQUEST, "body-a"))
    house.sequenced()
    before = house.exported()
    with house.store.write() as connection:
        assert texts.erase(connection, TITLE)
        assert not texts.erase(connection, TITLE)
    assert row(house, TITLE) is None
    after = house.exported()
    assert verify(after).verified
    assert after[1:] == before[1:]
    with house.store.read() as connection:
        assert texts.read(connection, [TITLE, f"text-why-{REQUEST}"]) == {
            f"text-why-{REQUEST}": f"The words of text-why-{REQUEST}"
        }


def test_a_sweep_erases_what_nobody_claimed_for_a_day(house: Any) -> None:
    now = house.now()
    house.carried(house.submit(REQUEST))
    house.do("UPDATE texts SET created_at = '2020-01-01T00:00:00.000000Z'")
    day = timedelta(days=1)
    house.words("person-1", "text-old", at=now - day - timedelta(seconds=1))
    house.words("person-1", "text-young", at=now - day + timedelta(seconds=1))
    with house.store.write() as connection:
        assert texts.sweep(connection, now) == 1
        assert texts.sweep(connection, now) == 0
    assert row(house, "text-old") is None
    assert row(house, "text-young") is not None
    assert row(house, TITLE) is not None


def test_a_sweep_follows_the_service_clock(house: Any) -> None:
    house.words("person-1", "text-1")
    house.do("UPDATE deployment SET offset_seconds = 86401")
    with house.store.write() as connection:
        assert texts.sweep(connection, house.now()) == 1


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_sweep_does_not_take_what_is_being_claimed(house: Any, in_thread: Any) -> None:
    """Otherwise an entry would commit to words that are gone when it is read."""
    envelope = house.submit(REQUEST)

    def sweep() -> int:
        with house.store.write() as connection:
            return texts.sweep(connection, house.now() + timedelta(days=2))

    with house.held_open(envelope) as finish:
        sweeping = in_thread(sweep)
        sweeping.join(0.2)
        finish()
    assert sweeping.result() == 0
    assert row(house, TITLE) is not None


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_what_is_being_swept_is_not_claimed(house: Any, in_thread: Any) -> None:
    envelope = house.submit(REQUEST)
    # The last that is claimed: looked at before the sweep commits, it would seem to be there.
    house.do("UPDATE texts SET created_at = '2020' WHERE id = :id", id=f"text-why-{REQUEST}")
    with house.store.write() as connection:
        assert texts.sweep(connection, house.now()) == 1
        claiming = in_thread(lambda: house.carried(envelope))
        claiming.join(0.2)
    assert refused(claiming.result) is Code.UNKNOWN_TEXT
    assert house.stream(REQUEST) == []


def words(content: bytes) -> Words:
    return Words(TextId("text-1"), "body-a", Audience.BODY, content)


def test_saving_the_same_words_again_is_no_error(house: Any) -> None:
    house.words("person-1", "text-1")
    salt = row(house, "text-1").salt
    house.words("person-1", "text-1")
    assert row(house, "text-1").salt == salt

    def save(author: str, content: bytes) -> None:
        with house.store.write() as connection:
            texts.save(connection, author, [words(content)], house.now())

    for author, content in (("person-1", b"Other"), ("person-2", b"The words of text-1")):
        assert refused(lambda a=author, c=content: save(a, c)) is Code.COMMAND_REUSED


@pytest.mark.parametrize("content", [b"Kia ora", "Tālofa".encode()])
def test_two_clicks_at_once_save_once(house: Any, in_thread: Any, content: bytes) -> None:
    now = house.now()

    def save(said: bytes) -> None:
        with house.store.write() as connection:
            texts.save(connection, "person-1", [words(said)], now)

    with house.store.write() as connection:
        texts.save(connection, "person-1", [words(b"Kia ora")], now)
        second = in_thread(lambda: save(content))
        second.join(0.1)
    if content == b"Kia ora":
        second.result()
    else:
        assert refused(second.result) is Code.COMMAND_REUSED
    assert bytes(row(house, "text-1").content) == b"Kia ora"
