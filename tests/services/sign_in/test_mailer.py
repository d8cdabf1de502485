"""The mailer against a real mail server that goes away, comes back and refuses."""

import asyncio
import logging
import ssl
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.smtp import AuthResult, LoginPassword
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from portal import Sink, until
from stack import settings_on_free_ports

from services import clock, mailer, messages
from services.mailer import AwayError, Mailer
from services.settings import Settings, Smtp
from services.sign_in import known, links
from services.sign_in.keys import DeploymentKey
from services.store import schema
from services.store.session import Store


class Post:
    """One deployment's outbox and mailer."""

    def __init__(self, store: Store, home: Path) -> None:
        self.store, self.home = store, home
        self.key = DeploymentKey(home)
        with store.write() as connection:
            now = clock.now(connection)
            self.people = [
                known.of_address(connection, self.key, "Example", f"person{n}@example.org", now)
                for n in range(3)
            ]

    def mailer(self, smtp: Smtp | None) -> Mailer:
        plain = settings_on_free_ports(self.home, self.store.url)
        return Mailer(self.store, Settings(**{**vars(plain), "smtp": smtp}), self.key)

    def post(self, key: str, kind: str = "digest", person: int | None = 0, **more: Any) -> None:
        """Put a message into the outbox; the body it names has no name here."""
        with self.store.write() as connection:
            messages.post(
                connection, key=key, kind=kind, facts=more.pop("facts", {"body": "body-x"}),
                person=None if person is None else self.people[person],
                at=clock.now(connection), **more,
            )  # fmt: skip

    def advance(self, **by: float) -> None:
        with self.store.write() as connection:
            clock.advance(connection, timedelta(**by))

    def rows(self) -> dict[str, Any]:
        with self.store.read() as connection:
            found = connection.execute(sa.select(schema.messages))
            return {row.key: row for row in found}

    def outcomes(self) -> dict[str, str | None]:
        return {key: row.outcome for key, row in self.rows().items()}


@pytest.fixture
def post(store: Store, tmp_path: Path) -> Post:
    return Post(store, tmp_path)


def ids(sink: Sink) -> list[str]:
    return [str(each["Message-ID"]) for each in sink.got]


# ---- there and away ----


def test_messages_go_out_oldest_first_and_once(post: Post, sink: Sink) -> None:
    for number in range(3):
        post.post(f"key-{number}", person=number)
    sending = post.mailer(sink.smtp())
    assert sending.send_due() == 3
    assert [each["To"] for each in sink.got] == [f"person{n}@example.org" for n in range(3)]
    assert sending.send_due() == 0
    assert len(sink.got) == 3
    assert set(post.outcomes().values()) == {"sent"}
    assert all(row.sent_at for row in post.rows().values())


def test_a_server_that_is_away_for_a_day(post: Post, sink: Sink) -> None:
    """Everything is sent once when it is back, and nothing is thought to be sent before."""
    sending = post.mailer(sink.smtp())
    sink.stop()
    for hour in range(24):
        post.post(f"key-{hour}", person=hour % 3)
        for _ in range(3):
            with pytest.raises(AwayError):
                sending.send_due()
        post.advance(hours=1)
    assert set(post.outcomes().values()) == {None}
    sink.start()
    assert sending.send_due() == 24
    assert sending.send_due() == 0
    assert len(sink.got) == len(set(ids(sink))) == 24
    assert [each["To"] for each in sink.got[:3]] == [f"person{n}@example.org" for n in range(3)]


def test_the_worker_sends_when_it_is_back(
    post: Post, sink: Sink, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(mailer, "LOOK_SECONDS", 0.02)
    sending = post.mailer(sink.smtp())
    sink.stop()
    post.post("key-1")

    async def work() -> None:
        task = asyncio.create_task(sending.run())
        await asyncio.to_thread(until, lambda: "the mail server is away" in caplog.text)
        sink.start()
        await asyncio.to_thread(until, lambda: "the mail server is back" in caplog.text)
        post.post("key-2")
        await asyncio.to_thread(until, lambda: len(sink.got) == 2)
        task.cancel()

    with caplog.at_level(logging.WARNING):
        asyncio.run(work())
    assert len(set(ids(sink))) == 2
    assert "person0" not in caplog.text


def test_a_server_that_closes_in_the_middle(post: Post, sink: Sink) -> None:
    post.post("key-1")
    post.post("key-2")
    sending, said = post.mailer(sink.smtp()), ["250 OK", "421 closing", "250 OK"]
    sink.after_data = lambda: said.pop(0)
    with pytest.raises(AwayError):
        sending.send_due()
    assert post.outcomes() == {"key-1": "sent", "key-2": None}
    assert sending.send_due() == 0
    post.advance(minutes=1)
    assert sending.send_due() == 1
    assert len(set(ids(sink))) == len(sink.got) == 2


def test_a_message_that_ends_conversations_is_passed_by(post: Post, sink: Sink) -> None:
    post.post("poison", person=0)
    post.post("good", person=1)
    sink.refuse = lambda address: "421 go away" if address.startswith("person0") else None
    sending = post.mailer(sink.smtp())
    with pytest.raises(AwayError):
        sending.send_due()
    assert sending.send_due() == 1
    assert post.outcomes() == {"poison": None, "good": "sent"}


def test_killed_between_the_servers_yes_and_the_mark(
    post: Post, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes out again, and can be known again by its Message-ID."""
    post.post("key-1")
    sending = post.mailer(sink.smtp())
    with monkeypatch.context() as patched:
        patched.setattr(sending, "_done", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            sending.send_due()
    # Nobody else takes it up before it is certain that the first is dead.
    assert post.mailer(sink.smtp()).send_due() == 0
    post.advance(minutes=2)
    assert post.mailer(sink.smtp()).send_due() == 1
    assert len(sink.got) == 2
    assert len(set(ids(sink))) == 1


def test_several_workers_send_each_message_once(post: Post, sink: Sink) -> None:
    for number in range(40):
        post.post(f"key-{number}", person=number % 3)
    workers = [post.mailer(sink.smtp()) for _ in range(4)]

    def work(each: Mailer) -> None:
        while each.send_due():
            pass

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(work, workers))
    assert len(sink.got) == len(set(ids(sink))) == 40


# ---- not this one, not now ----


def test_what_the_server_refuses_is_tried_for_a_day(post: Post, sink: Sink) -> None:
    post.post("key-1")
    sink.refuse = lambda address: "550 no such mailbox"
    sending, tries = post.mailer(sink.smtp()), 0
    with post.store.read() as connection:
        began = clock.now(connection)
    while post.outcomes()["key-1"] is None:
        before = post.rows()["key-1"].tries
        sending.send_due()
        tries += post.rows()["key-1"].tries - before
        post.advance(minutes=30)
    with post.store.read() as connection:
        lasted = clock.now(connection) - began
    assert post.outcomes() == {"key-1": "refused"}
    assert post.rows()["key-1"].sent_at is None
    assert tries == mailer.MOST_REFUSALS
    assert timedelta(hours=20) < lasted < timedelta(hours=36)


def test_what_the_server_puts_off_is_never_given_up(post: Post, sink: Sink) -> None:
    post.post("key-1")
    sink.after_data = lambda: "451 later"
    sending = post.mailer(sink.smtp())
    for _ in range(40):
        sending.send_due()
        post.advance(hours=6)
    assert post.outcomes() == {"key-1": None}
    sink.after_data = lambda: "250 OK"
    assert sending.send_due() == 1
    assert len(sink.got) == 1


def test_what_cannot_be_sent_hinders_nothing(post: Post, sink: Sink) -> None:
    post.post("nobody", person=None)
    post.post("no kind", kind="unheard_of")
    post.post("no fact", kind=links.KIND, facts={})
    post.post("no day", kind="duty_due", facts={"due": "2026-99-99"})
    with post.store.write() as connection:
        now = clock.now(connection)
        known.set_address(connection, post.key, post.people[1], "no-domain@" + "x" * 64, now)
        known.set_address(connection, post.key, post.people[2], "ōtene@example.org", now)
    post.post("no domain", person=1)
    post.post("letters", person=2)
    post.post("good")
    assert post.mailer(sink.smtp()).send_due() == 7
    kept = post.outcomes()
    assert {key for key, outcome in kept.items() if outcome == "sent"} == {"letters", "good"}
    assert [each.rcpt_tos for each in sink.envelopes] == [
        ["ōtene@example.org"], ["person0@example.org"]
    ]  # fmt: skip


def test_letters_that_a_server_does_not_carry(post: Post, tmp_path: Path) -> None:
    sink = Sink(enable_SMTPUTF8=False).start()
    try:
        with post.store.write() as connection:
            now = clock.now(connection)
            known.set_address(connection, post.key, post.people[0], "ōtene@example.org", now)
        post.post("letters", person=0)
        post.post("good", person=1)
        assert post.mailer(sink.smtp()).send_due() == 1
        assert post.outcomes() == {"letters": None, "good": "sent"}
    finally:
        sink.stop()


def test_a_message_waits_for_its_time(post: Post, sink: Sink) -> None:
    with post.store.read() as connection:
        now = clock.now(connection)
    post.post("later", not_before=now + timedelta(days=3))
    sending = post.mailer(sink.smtp())
    assert sending.send_due() == 0
    post.advance(days=3)
    assert sending.send_due() == 1


def test_a_link_goes_before_the_rest_and_never_too_late(post: Post, sink: Sink) -> None:
    post.post("older")
    with post.store.write() as connection:
        links.ask(connection, post.key, "person1@example.org", "b", clock.now(connection))
    sending = post.mailer(sink.smtp())
    assert sending.send_due() == 2
    assert sink.got[0]["Subject"] == "Sign in to Accord"
    with post.store.write() as connection:
        links.ask(connection, post.key, "person1@example.org", "b", clock.now(connection))
    post.advance(minutes=15)
    assert sending.send_due() == 1
    assert len(sink.got) == 2
    assert sorted(filter(None, post.outcomes().values())) == ["dropped", "sent", "sent"]


def test_without_a_mail_server_everything_waits(post: Post) -> None:
    post.post("key-1")
    assert post.mailer(None).send_due() == 0
    assert post.outcomes() == {"key-1": None}


# ---- encrypted and signed in ----


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A certificate for this machine, which the machine trusts for the length of a test."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, private)
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    return context


def test_starttls_and_a_password(
    post: Post, authority: ssl.SSLContext, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = tmp_path / "password"
    password.write_text("kupu-huna\n", encoding="utf-8")

    def check(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> Any:
        right = data == LoginPassword(b"accord", b"kupu-huna")
        return AuthResult(success=right, handled=False)

    sink = Sink(
        tls_context=authority, require_starttls=True, auth_required=True, authenticator=check
    ).start()
    safe = sink.smtp(host="localhost", security="starttls", user="accord", password_file=password)
    try:
        post.post("key-1")
        assert post.mailer(safe).send_due() == 1
        assert sink.envelopes
        post.post("key-2")
        # A password that is wrong, a conversation that anybody can hear, a certificate that
        # nobody vouches for: the message waits.
        password.write_text("another", encoding="utf-8")
        with pytest.raises(AwayError):
            post.mailer(safe).send_due()
        with pytest.raises(AwayError):
            post.mailer(sink.smtp(host="localhost")).send_due()
        post.advance(minutes=1)
        monkeypatch.delenv("SSL_CERT_FILE")
        password.write_text("kupu-huna", encoding="utf-8")
        with pytest.raises(AwayError):
            post.mailer(safe).send_due()
        assert post.outcomes() == {"key-1": "sent", "key-2": None}
    finally:
        sink.stop()


def test_a_server_that_offers_no_encryption_gets_nothing(post: Post, sink: Sink) -> None:
    post.post("key-1")
    with pytest.raises(AwayError):
        post.mailer(sink.smtp(host="localhost", security="starttls")).send_due()
    assert sink.got == []
