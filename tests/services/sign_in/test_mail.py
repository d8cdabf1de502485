"""What a message says, and that it arrives spelt as it was written."""

import email
import hashlib
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
import sqlalchemy as sa

from policies.types import TextId
from services import mail, messages
from services.sign_in import links
from services.sign_in.keys import DeploymentKey
from services.store import schema, texts
from services.store.session import Store

NOW = datetime(2026, 11, 23, 1, 2, 3, tzinfo=UTC)
BODY, NAME = "body-river", "Example rōpū ʻo Ōʻa"
FACTS = {"body": BODY, "request": "request-1", "due": "2026-12-01"}
KEY = "entry-1.person-1"


@pytest.fixture
def built(store: Store, tmp_path: Path):
    """Builds a message as a mail program reads it."""
    with store.write() as connection:
        words = texts.Words(TextId("text-name"), BODY, texts.Audience.PUBLIC, NAME.encode())
        texts.save(connection, "person-1", [words], NOW)
        connection.execute(sa.insert(schema.bodies).values(id=BODY, name="text-name"))

    def build(
        kind: str, facts: dict[str, str] = FACTS, to: str = "person@example.org"
    ) -> EmailMessage:
        with store.read() as connection:
            desk = mail.Desk(connection, DeploymentKey(tmp_path), "https://accord.example", NOW)
            made = mail.build(desk, key=KEY, kind=kind, facts=facts, to=to, sender="a@example.org")
        assert made is not None
        found = email.message_from_bytes(made.as_bytes(), policy=default)
        assert isinstance(found, EmailMessage)
        return found

    return build


@pytest.mark.parametrize("kind", sorted(set(mail.KINDS) - {links.KIND}))
def test_what_every_message_says_and_does_not(built, kind: str) -> None:
    message = built(kind)
    said = message["Subject"] + "\n" + message.get_content()
    assert "https://accord.example/" in said
    if kind not in ("duty_due", "request_waits"):
        assert NAME in message["Subject"]
        assert NAME in message.get_content()
    assert "request-1" not in said
    assert "someone" not in said
    assert len(message["Subject"]) < 80
    assert message["Message-ID"] == (
        f"<{hashlib.sha256(KEY.encode()).hexdigest()[:40]}@accord.example>"
    )
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Date"].datetime == NOW
    assert message["From"] == "Accord <a@example.org>"
    assert message.get_content_charset() == "utf-8"


def test_the_day_is_written_out(built) -> None:
    assert "by 1 December 2026." in built("duty_due").get_content()
    assert "is due.\r\n" in built("duty_due", {}).get_content()


def test_a_body_whose_name_was_erased(built, store: Store) -> None:
    with store.write() as connection:
        texts.erase(connection, "text-name")
    assert built("digest")["Subject"] == "This week for a body in Accord"


def test_a_name_stays_in_its_line(built, store: Store) -> None:
    with store.write() as connection:
        words = "Rōpū\n\nBcc: x@example.org\r\u202eevil"
        connection.execute(sa.update(schema.texts).values(content=words.encode()))
    message = built("digest")
    assert message["Subject"] == "This week for Rōpū Bcc: x@example.org evil"
    assert message["Bcc"] is None
    assert len(message.get_content().splitlines()) == 3


def test_addresses_as_people_write_them(built) -> None:
    assert built("digest", to="someone@taputapuātea.example")["To"] == (
        "someone@xn--taputaputea-qjb.example"
    )
    for nothing in (
        "someone",
        "@example.org",
        "someone@",
        "someone@" + "x" * 64 + ".org",
        "a\n@b.org",
    ):
        with pytest.raises(ValueError, match=r"."):
            built("digest", to=nothing)


def test_facts_are_ids_alone(store: Store) -> None:
    with store.write() as connection:
        for wrong in ("Example pērehona", "person@example.org", "", "Because of that", "x" * 100):
            with pytest.raises(ValueError, match="no id"):
                messages.post(
                    connection, key="k", person="p", kind="digest", facts={"a": wrong}, at=NOW
                )
        for right in (BODY, "body-deployment", "2026-11-23", "12",
                      "request-1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"):  # fmt: skip
            assert messages.post(
                connection, key=right, person="p", kind="digest", facts={"a": right}, at=NOW
            )


def test_a_key_is_posted_once(store: Store) -> None:
    def post(at: datetime) -> bool:
        with store.write() as connection:
            return messages.post(
                connection, key=KEY, person="p", kind="digest", facts={"body": BODY}, at=at
            )

    assert [post(NOW), post(NOW), post(NOW + timedelta(days=400))] == [True, False, False]


def test_a_post_goes_with_what_caused_it(store: Store) -> None:
    def fail(connection: sa.Connection) -> None:
        messages.post(connection, key=KEY, person="p", kind="digest", facts={}, at=NOW)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), store.write() as connection:
        fail(connection)
    with store.read() as connection:
        assert list(connection.execute(sa.select(schema.messages))) == []


def test_only_messages_with_random_keys_are_forgotten(store: Store) -> None:
    with store.write() as connection:
        for kind in (links.KIND, "digest"):
            for outcome in ("sent", None):
                key = f"{kind}-{outcome}"
                messages.post(connection, key=key, person="p", kind=kind, facts={}, at=NOW)
                row = schema.messages.c.key == key
                connection.execute(sa.update(schema.messages).where(row).values(outcome=outcome))
        later = NOW + messages.KEPT_FOR + timedelta(seconds=1)
        assert messages.sweep(connection, NOW, links.KIND) == 0
        assert messages.sweep(connection, later, links.KIND) == 1
        left = set(connection.execute(sa.select(schema.messages.c.key)).scalars())
    assert left == {"sign_in_link-None", "digest-sent", "digest-None"}
