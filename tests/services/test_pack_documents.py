"""Packs where the software has gone on since: kept readings, older adoptions, bounds. On each of
the two databases, without the web."""

from __future__ import annotations

import asyncio
import hashlib
import io
import uuid
import zipfile
from collections.abc import Coroutine, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from policies import pack as p
from policies.body import commands as b
from policies.refusals import Code, Refused, RefusedError
from policies.rules import FaultsError, Pack, read_pack
from policies.types import Authorisation, Capacity, Envelope, Kawa, KawaRule
from services import clock, founding, pack_preview, pack_reading, packs
from services.adopting import Wanted
from services.bodies import Bodies
from services.dispatcher import Dispatcher
from services.pack_documents import Document, keep, packed, shipped_content, shipped_names
from services.packs import Adopting, Packs, put_in_force
from services.path import Path, Sent
from services.people import Viewer
from services.queries import packs as told
from services.recorder import Recorder
from services.rulebook import Rulebook
from services.store import in_force, schema, versions
from services.store.session import Store, upsert
from services.store.streams import Json
from workflows.envelopes import envelope_of

RULES = "id,role,act,collection,item,class,purpose,level,slice,from,until,effect,because\n"
LINE = "{},role:grantee,use.read,*,*,open,*,*,*,*,*,allow,Because we said so.\n"


class House:
    """A deployment that was founded, with one body that its operator wrote down."""

    def __init__(self, store: Store) -> None:
        rulebook = Rulebook()
        self.store = store
        self.recorder = Recorder(store, rulebook)
        self.path = Path(store, rulebook, Dispatcher(None, self.recorder))
        self.packs = Packs(self.path)
        self.operator = Viewer.inside(founding.found(store, self.recorder))
        self.secretary = Viewer.inside("person-secretary")
        with store.write() as connection:
            upsert(connection, schema.persons, {"id": self.secretary.person, "name": "text-x"})
        member = b.Member(self.secretary.person, frozenset({"secretary", "member"}))
        entered = self.run(
            Bodies(self.path).enter(
                self.operator, sent(), "Example body", b.Mandate(frozenset({Capacity.ETHICS})),
                "Invented.", Kawa(KawaRule.CONSENSUS), (member,),
            )
        )  # fmt: skip
        self.body = str(entered["stream"])

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run(work)

    def refused(self, work: Coroutine[Any, Any, Any]) -> Refused:
        with pytest.raises(RefusedError) as caught:
            self.run(work)
        assert len(caught.value.refused.sentence.split()) <= 25
        return caught.value.refused

    def look(self, reading: Any) -> Any:
        return self.run(self.path.look(reading))

    def preview(self, pack: str, body: str = "", **wanted: Any) -> Json:
        viewer = self.operator if body == b.DEPLOYMENT else self.secretary
        found: Json = self.look(
            lambda sight: pack_preview.preview(
                sight, viewer, body or self.body, Wanted(pack, **wanted)
            )
        )
        return found

    def adopt(self, pack: str, body: str = "", **wanted: Any) -> Json:
        """As the preview shows it."""
        viewer = self.operator if body == b.DEPLOYMENT else self.secretary
        shown = self.preview(pack, body, **wanted)["confirm"]
        other = shown.pop("instead_of")
        also = {"instead_of": other["pack"], "instead_of_sha256": other["sha256"]} if other else {}
        found: Json = self.run(
            self.packs.adopt(viewer, body or self.body, sent(), Adopting(**shown, **also))
        )
        return found

    def fork(self, pack: str = "draft") -> str:
        made = self.packs.fork(self.secretary, self.body, sent(), "Our rules", pack, None)
        return str(self.run(made)["stream"])

    def edit(self, pack: str, based_on: int, *ids: str) -> Json:
        rules = (RULES + "".join(map(LINE.format, ids))).encode()
        found: Json = self.run(
            self.packs.edit(self.secretary, sent(), pack, based_on, {"rules.csv": rules})
        )
        return found

    def adopted_before(self, pack: str, document: Document | None, version: int = 2) -> None:
        """The body adopted a pack that came with an earlier Accord: with its `document`, or as it
        was written before documents were kept (`version` 1 of the event)."""
        lines = read_pack({"rules.csv": (RULES + LINE.format("OLD-1")).encode()})
        ours = lines.adopted_by(self.body, own=False)
        with self.store.write() as connection:
            now = clock.now(connection)
        sha256 = document.sha256 if document else "1" * 64
        command = p.Adopt(self.body, 1, sha256)

        def write(connection: sa.Connection, entry: str) -> None:
            if document:
                keep(connection, document, entry)
            put_in_force(connection, pack, self.body, ours)

        name = str(uuid.uuid4())
        self.recorder.carry(
            Envelope(name, f"pack-{pack}", 0, self.secretary.person, now, command,
                     Authorisation("test"), digest=name),
            write,
        )  # fmt: skip

    def in_force(self) -> list[str]:
        """The ids of the body's lines in force."""
        query = sa.select(schema.rules.c.id).where(schema.rules.c.owner == self.body)
        with self.store.read() as connection:
            return sorted(each.partition("@")[0] for each in connection.execute(query).scalars())

    def deliver(self) -> None:
        """What one stream caused in another; no worker runs here."""
        with self.store.read() as connection:
            waiting = list(connection.execute(sa.select(schema.outbox.c.envelope)).scalars())
        for each in waiting:
            self.recorder.carry(envelope_of(each))


def sent() -> Sent:
    return Sent(str(uuid.uuid4()))


@pytest.fixture
def house(store: Store) -> House:
    return House(store)


OLDER = packed({"rules.csv": (RULES + LINE.format("OLD-1")).encode()})


def test_the_same_files_make_the_same_bytes() -> None:
    """Whoever made one keeps the hash; it must be the same in years."""
    files = {"rules.csv": b"a\n", "routing.csv": "ʻāina\n".encode()}
    made = packed(files)
    assert made == packed(dict(reversed(files.items())))
    assert hashlib.sha256(made).hexdigest() == (
        "1c8196b435c759922341edf7864873eb025fdc29b218725e027268ca67bdc224"
    )
    with zipfile.ZipFile(io.BytesIO(made)) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == files


def test_each_shipped_pack_is_a_document(house: House) -> None:
    assert {"house", "draft", "example"} <= set(shipped_names())
    for name in shipped_names():
        assert Document(name, 1, shipped_content(name)).lines != Pack()


def test_the_founding_keeps_the_document_of_the_house(house: House) -> None:
    seen = house.look(lambda sight: pack_reading.look(sight, None, "house"))
    assert seen.numbers == (1,)
    assert seen.unkept is None
    kept = house.look(lambda sight: pack_reading.document(sight, seen, 1))
    assert kept.content == shipped_content("house")


def test_an_update_of_the_software_alters_nothing_and_is_shown(house: House) -> None:
    house.adopted_before("draft", Document("draft", 1, OLDER))
    assert house.in_force() == ["OLD-1"]
    [standing] = house.look(lambda s: told.adoptions(s, None, house.body))
    assert (standing["version"], standing["newer"], standing["until"]) == (1, True, None)
    shown = house.look(lambda s: told.told(s, None, "draft"))
    assert [(e["version"], e["kept"]) for e in shown["versions"]] == [(1, True), (2, False)]
    assert shown["adopted"][0]["newer"]
    seen = house.preview("draft")
    rules = seen["changes"]["rules.csv"]
    assert [each["id"] for each in rules["removed"]] == ["OLD-1"]
    new = Document("draft", 2, shipped_content("draft")).lines
    assert rules["counts"]["added"] == len(new.rules)
    assert (seen["version"], seen["in_force"]["version"]) == (2, 1)
    assert house.in_force() == ["OLD-1"]
    house.adopt("draft")
    assert "OLD-1" not in house.in_force()
    # What was in force on a past day is read again, and can be in force again.
    assert (
        house.look(
            lambda s: pack_reading.document(s, pack_reading.look(s, None, "draft"), 1)
        ).content
        == OLDER
    )
    house.adopt("draft", version=1)
    assert house.in_force() == ["OLD-1"]


def test_an_adoption_without_a_document_is_told_as_far_as_it_is_known(house: House) -> None:
    """As an Accord before this one recorded it."""
    house.adopted_before("draft", None)
    with house.store.write() as connection:
        where = schema.streams.c.id == "pack-draft"
        state = connection.execute(sa.select(schema.streams.c.state).where(where)).scalar_one()
        old = {**state["adopted"][house.body], "version": None, "rules": ["OLD-1@" + house.body]}
        state = {**state, "versions": [], "adopted": {house.body: old}}
        connection.execute(sa.update(schema.streams).where(where).values(state=state))
    seen = house.preview("draft")
    assert (seen["version"], seen["in_force"]) == (1, {"version": None, "sha256": "1" * 64})
    # What is in force is known from the lines themselves.
    assert [each["id"] for each in seen["changes"]["rules.csv"]["removed"]] == ["OLD-1"]
    house.adopt("draft")
    assert "OLD-1" not in house.in_force()


def test_only_the_deployment_adopts_the_house_and_nothing_else(house: House) -> None:
    for body, pack in ((house.body, "house"), (b.DEPLOYMENT, "draft")):
        with pytest.raises(RefusedError) as caught:
            house.preview(pack, body)
        assert caught.value.refused.code is Code.NOT_PERMITTED
    with pytest.raises(FaultsError, match="speak of uses"):
        house.fork("house")
    assert house.refused(
        house.packs.fork(house.operator, b.DEPLOYMENT, sent(), "Ours", "draft", None)
    ).code is Code.NOT_PERMITTED  # fmt: skip


def test_the_house_is_adopted_anew_as_anything_is(house: House) -> None:
    """An older house is in force; the operator looks at what this Accord's says, and adopts it."""
    files = dict(Document("house", 1, shipped_content("house")).files)
    *first, last = files["rules.csv"].decode().splitlines(keepends=True)
    older = Document("house", 2, packed({**files, "rules.csv": "".join(first).encode()}))
    lines = older.lines.adopted_by_the_deployment(b.DEPLOYMENT)
    now = house.look(lambda sight: sight.now)

    def write(connection: sa.Connection, entry: str) -> None:
        keep(connection, older, entry)
        put_in_force(connection, "house", b.DEPLOYMENT, lines)

    present = house.preview("house", b.DEPLOYMENT)["confirm"]["in_force"]
    command = p.Adopt(b.DEPLOYMENT, 2, older.sha256, present)
    house.recorder.carry(
        Envelope("c-older", "pack-house", 1, house.operator.person, now, command,
                 Authorisation("test"), digest="c"),
        write,
    )  # fmt: skip
    seen = house.preview("house", b.DEPLOYMENT)
    assert seen["version"] == 1
    assert [e["id"] for e in seen["changes"]["rules.csv"]["added"]] == [last.partition(",")[0]]
    house.adopt("house", b.DEPLOYMENT)
    assert not house.look(lambda s: told.adoptions(s, None, b.DEPLOYMENT))[-1]["newer"]


def test_one_pack_takes_the_place_of_another_in_one_step(house: House) -> None:
    house.adopt("draft")
    fork = house.fork()
    before = house.in_force()
    with pytest.raises(RefusedError) as caught:
        house.preview(fork)
    assert caught.value.refused.code is Code.INVALID
    assert caught.value.refused.facts["taken_by"] == "draft"
    # With what it takes the place of, nothing is another.
    seen = house.preview(fork, instead_of="draft")
    assert all(not each["counts"]["added"] for each in seen["changes"].values())
    house.adopt(fork, instead_of="draft")
    assert house.in_force() == before
    history = house.look(lambda s: told.adoptions(s, house.secretary, house.body))
    assert [(e["pack"], e["until"] is None) for e in history] == [("draft", False), (fork, True)]
    assert history[0]["until"] == history[1]["since"]
    house.deliver()
    house.deliver()
    stream = house.look(lambda sight: pack_reading.look(sight, None, "draft"))
    assert stream.state.adopted == {}
    # The draft's own is let go of; the fork's lines stay.
    assert house.in_force() == before
    house.edit(fork, 1, "MINE-1")
    house.adopt(fork)
    assert house.in_force() == ["MINE-1"]
    house.run(house.packs.withdraw(house.secretary, house.body, sent(), fork))
    assert house.in_force() == []
    house.adopt("draft")


def test_what_it_takes_the_place_of_must_be_in_force_as_shown(house: House) -> None:
    fork = house.fork()
    with pytest.raises(RefusedError) as caught:
        house.preview(fork, instead_of="example")
    assert caught.value.refused.code is Code.INVALID
    house.adopt("draft")
    shown = house.preview(fork, instead_of="draft")["confirm"]
    wrong = Adopting(fork, 1, shown["sha256"], None, "draft", "2" * 64)
    refused = house.refused(house.packs.adopt(house.secretary, house.body, sent(), wrong))
    assert refused.code is Code.STALE


def test_an_older_house_lets_nobody_adopt_one_pack_instead_of_another(house: House) -> None:
    """Its system could not end the other adoption, which would stand for ever."""
    house.adopt("draft")
    fork = house.fork()
    shown = house.preview(fork, instead_of="draft")["confirm"]
    other = shown.pop("instead_of")
    lines = packs.shipped("house")[0]
    older = tuple(each for each in lines.rules if each.id != "HOUSE-SYSTEM-SUPERSEDE")
    adopted = replace(lines, rules=older).adopted_by_the_deployment(b.DEPLOYMENT)
    with house.store.write() as connection:
        put_in_force(connection, "house", b.DEPLOYMENT, adopted)
        versions.raise_(connection, versions.RULES)
    adopting_it = Adopting(**shown, instead_of=other["pack"], instead_of_sha256=other["sha256"])
    refused = house.refused(house.packs.adopt(house.secretary, house.body, sent(), adopting_it))
    assert refused.code is Code.NOT_PERMITTED


def test_there_is_a_bound_for_all_lines_in_force(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with house.store.read() as connection:
        there = connection.execute(
            sa.select(sa.func.count()).select_from(schema.rules)
        ).scalar_one()
    fork = house.fork()
    house.edit(fork, 1, "MINE-1", "MINE-2")
    monkeypatch.setattr(in_force, "MOST", there + 1)
    with pytest.raises(RefusedError) as caught:
        house.preview(fork)
    refused = caught.value.refused
    assert (refused.code, refused.facts["most"]) == (Code.TOO_LARGE, str(there + 1))
    monkeypatch.setattr(in_force, "MOST", there + 2)
    house.adopt(fork)
    # What it replaces is not counted beside it.
    house.edit(fork, 2, "MINE-3", "MINE-4")
    house.adopt(fork)


def test_there_is_a_bound_for_the_packs_of_a_body(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packs, "MOST_PACKS", 2)
    house.fork()
    house.fork()
    refused = house.refused(
        house.packs.fork(house.secretary, house.body, sent(), "Our rules", "draft", None)
    )
    assert refused.code is Code.TOO_LARGE


def test_a_document_that_is_not_what_was_recorded_is_not_used(house: House) -> None:
    fork = house.fork()
    with house.store.write() as connection:
        # As somebody could who may drop the triggers.
        if connection.dialect.name == "sqlite":
            connection.execute(sa.text("DROP TRIGGER pack_documents_never_change"))
        else:
            connection.execute(sa.text("ALTER TABLE pack_documents DISABLE TRIGGER ALL"))
        connection.execute(sa.update(schema.pack_documents).values(content=OLDER))
    with pytest.raises(RefusedError) as caught:
        house.preview(fork)
    assert caught.value.refused.code is Code.UNAVAILABLE


def test_a_draft_raises_no_version_of_the_rules(house: House) -> None:
    """What is in force nowhere makes nobody look again."""

    def raised() -> int:
        query = sa.select(schema.versions.c.value).where(schema.versions.c.name == "rules")
        with house.store.read() as connection:
            return int(connection.execute(query).scalar_one())

    before = raised()
    fork = house.fork()
    house.edit(fork, 1, "MINE-1")
    assert raised() == before
    house.adopt(fork)
    assert raised() == before + 1


def test_what_was_in_force_then(house: House) -> None:
    """By the record, and with the documents as they were."""
    fork = house.fork()
    house.edit(fork, 1, "MINE-1")
    house.adopt(fork, version=2)
    instants = [house.look(lambda sight: sight.now)]
    house.edit(fork, 2, "MINE-2")
    house.adopt(fork, version=3)
    instants.append(house.look(lambda sight: sight.now))
    house.run(house.packs.withdraw(house.secretary, house.body, sent(), fork))
    instants.append(house.look(lambda sight: sight.now))

    def then(at: Any) -> Iterator[int]:
        for each in house.look(lambda s: told.adoptions(s, None, house.body, at)):
            yield each["version"]

    assert [list(then(at)) for at in instants] == [[2], [3], []]
    assert list(then(instants[0] - timedelta(days=9))) == []
    found = house.look(lambda s: pack_reading.document(s, pack_reading.look(s, None, fork), 2))
    assert [each.id for each in found.lines.rules] == ["MINE-1"]
    # Nobody else's to see: who recorded it.
    assert house.look(lambda s: told.adoptions(s, None, house.body))[0]["by"] is None
    own = house.look(lambda s: told.adoptions(s, house.secretary, house.body))
    assert own[0]["by"]["person"] == house.secretary.person


def test_nothing_of_a_pack_is_in_the_ledger_but_its_hash(house: House) -> None:
    fork = house.fork()
    house.edit(fork, 1, "MINE-1")
    with house.store.read() as connection:
        written = b"".join(
            bytes(each)
            for each in connection.execute(sa.select(schema.entries.c.canonical)).scalars()
        )
    assert b"Because we said so" not in written
    assert b"Our rules" not in written
