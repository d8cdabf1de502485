"""A deployment with the house's rules in force and an operator: what imports start from."""

import asyncio
from collections.abc import Coroutine
from datetime import UTC, date, datetime
from pathlib import Path as File
from typing import Any

import pytest
import sqlalchemy as sa

from policies.body import commands as b
from policies.refusals import Refused, RefusedError
from policies.types import (
    Authorisation,
    Capacity,
    Envelope,
    Kawa,
    KawaRule,
    Outcome,
    TextId,
    Voice,
)
from services.bodies import Bodies
from services.catalogue.claiming import Claims
from services.catalogue.confirming import Catalogue
from services.catalogue.importer import Report, import_file
from services.catalogue.search import Found, search
from services.dispatcher import Dispatcher
from services.packs import put_in_force, shipped
from services.path import Path, Sent
from services.people import Viewer
from services.recorder import Recorder
from services.rulebook import Rulebook
from services.sharing import Sharing, Word
from services.store import schema, texts, versions
from services.store.session import Store, upsert
from services.store.texts import Audience, Words
from workflows.envelopes import envelope_of

HEADER = "agency,collection,schema,table,variable"


class House:
    """One deployment, and short ways to do in it what these tests do over and over."""

    operator = Viewer.inside("person-operator")

    def __init__(self, store: Store, folder: File) -> None:
        rulebook = Rulebook()
        self.store = store
        self.folder = folder
        self.recorder = Recorder(store, rulebook)
        self.path = Path(store, rulebook, Dispatcher(None, self.recorder))
        self.catalogue = Catalogue(self.path)
        self.claims = Claims(self.path)
        self.here: list[tuple[str, Viewer]] = []
        """The bodies that are welcome, each with its one person."""
        self._numbers = iter(range(1, 1_000_000))

    def set_up(self) -> None:
        """The house's rules, and the deployment's own body with its operator."""
        now = datetime.now(UTC)
        of_all = shipped("house")[0].adopted_by_the_deployment(b.DEPLOYMENT)
        name = TextId("text-deployment")
        with self.store.write() as connection:
            put_in_force(connection, "house", b.DEPLOYMENT, of_all)
            versions.raise_(connection, versions.RULES)
            words = Words(name, b.DEPLOYMENT, Audience.PUBLIC, b"Example deployment")
            texts.save(connection, self.operator.person, [words], now)
        member = b.Member(self.operator.person, frozenset({"operator", "secretary"}))
        command = b.Enter(
            name, b.Mandate(frozenset({Capacity.HOLDER})), Kawa(KawaRule.CONSENSUS), (member,)
        )
        self.recorder.carry(
            Envelope("command-set-up", b.DEPLOYMENT, 0, self.operator.person, now, command,
                     Authorisation("set-up", {}))
        )  # fmt: skip

    def sent(self) -> Sent:
        """A command id of its own."""
        return Sent(f"command-{next(self._numbers)}")

    def enter(
        self, name: str, mandate: b.Mandate, *others: b.Member, known: bool = True
    ) -> tuple[str, Viewer]:
        """A body with one person who is its member and its secretary; both are returned. It is
        welcome, unless it is not to be `known`."""
        viewer = Viewer.inside(f"person-{name}")
        member = b.Member(viewer.person, frozenset({"member", "secretary"}))
        # A mandate names only peoples and places that are known, a body only known people.
        self.know(*sorted(mandate.peoples), places=tuple(sorted(mandate.places)))
        self.meet(*(each.person for each in (member, *others)))
        entry = self.run(
            Bodies(self.path).enter(
                self.operator, self.sent(), name, mandate, "Our mandate", Kawa(KawaRule.CONSENSUS),
                (member, *others),
            )
        )  # fmt: skip
        body = str(entry["stream"])
        if self.here and known:
            self._welcome(body)
        if known:
            self.here.append((body, viewer))
        return body, viewer

    def _welcome(self, body: str) -> None:
        """Every body that is here says that it knows the new one."""
        sharing, sent = Sharing(self.path), self.sent()
        change = b.Change("welcome", body)
        self.run(sharing.propose(self.here[0][1], self.here[0][0], sent, change, "Invented."))
        for other, viewer in self.here:
            said = Word(
                Outcome.APPROVE, {viewer.person: Voice.APPROVE}, date(2026, 1, 15), "hui", "x"
            )
            self.run(sharing.say(viewer, other, self.sent(), sent.id, said))
        with self.store.read() as connection:
            query = sa.select(schema.outbox.c.envelope).where(schema.outbox.c.target == body)
            [envelope] = connection.execute(query).scalars()
        # No worker runs here that would deliver it.
        self.recorder.carry(envelope_of(envelope))

    def meet(self, *people: str) -> None:
        """Make the deployment know these people."""
        with self.store.write() as connection:
            for each in people:
                upsert(connection, schema.persons, {"id": each, "name": f"text-{each}"})

    def look(self, reading: Any) -> Any:
        """What `reading` finds on one snapshot."""
        return self.run(self.path.look(reading))

    def for_peoples(self, name: str, *peoples: str) -> tuple[str, Viewer]:
        """A body that speaks for these peoples."""
        return self.enter(name, b.Mandate(frozenset({Capacity.PEOPLE}), frozenset(peoples)))

    def know(self, *peoples: str, places: tuple[str, ...] = ()) -> None:
        """Make the deployment know these ids."""
        self.run(
            self.catalogue.name(
                self.operator, self.sent(), {each: each for each in peoples},
                {each: each for each in places},
            )
        )  # fmt: skip

    def file(self, *lines: str, name: str = "list.csv") -> File:
        """A catalogue file of these lines under the right header."""
        path = self.folder / name
        path.write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")
        return path

    def bring(self, file: File, **options: Any) -> Report:
        """Import `file` as the operator."""
        return self.run(import_file(self.path, self.operator, file, **options))

    def search(self, words: str = "", **options: Any) -> list[Found]:
        """Search on a snapshot of its own."""
        with self.store.read() as connection:
            return search(connection, words, **options)

    def ids(self, words: str = "", **options: Any) -> list[str]:
        """The ids of what a search finds."""
        return [each.id for each in self.search(words, **options)]

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Wait for `work`."""
        return asyncio.run(work)

    def refused(self, work: Coroutine[Any, Any, Any]) -> Refused:
        """The refusal that `work` ends in; its sentence keeps to 25 words."""
        with pytest.raises(RefusedError) as caught:
            self.run(work)
        refused = caught.value.refused
        assert len(refused.sentence.split()) <= 25
        return refused


@pytest.fixture
def house(store: Store, tmp_path: File) -> House:
    """A house on each of the two databases."""
    made = House(store, tmp_path)
    made.set_up()
    return made
