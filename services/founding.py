"""The first thing in every deployment: it enters as a body, and adopts the house's rules.

Nothing could authorise this, since no rule is in force before it; the entries say
``founding`` where others name their rule.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection

from policies import pack as p
from policies.body import commands as b
from policies.body.state import BodyState
from policies.types import Authorisation, Envelope, Kawa, KawaRule, TextId, derived_id
from services import clock
from services.adopting import HOUSE
from services.pack_documents import Document, keep, shipped_content, stream_of
from services.packs import put_in_force
from services.recorder import Recorder
from services.sign_in import known
from services.store import streams, texts
from services.store.session import Store
from services.store.texts import Audience, Words

FOUNDING = Authorisation("founding")


def found(store: Store, recorder: Recorder) -> str:
    """Found the deployment once; returns the operator's person id."""
    with store.read() as connection:
        there = streams.get(connection, b.DEPLOYMENT)
        now = clock.now(connection)
    if there.sequence:
        state: BodyState = there.state
        return next(person for person, each in state.members.items() if "operator" in each.roles)
    operator = add_person(store, "Operator", key=None)
    name = TextId("text-" + derived_id(b.DEPLOYMENT, "name"))
    with store.write() as connection:
        words = Words(name, b.DEPLOYMENT, Audience.PUBLIC, b"This deployment")
        texts.save(connection, operator, [words], now)
    enter = b.Enter(
        name,
        b.Mandate(frozenset()),
        Kawa(KawaRule.CONSENSUS),
        (b.Member(operator, frozenset({"operator", "secretary"})),),
    )
    recorder.carry(_envelope(b.DEPLOYMENT, operator, now, enter, "enter"))
    house = Document(HOUSE, 1, shipped_content(HOUSE))
    adopted = house.lines.adopted_by_the_deployment(b.DEPLOYMENT)

    def write(connection: Connection, entry: str) -> None:
        keep(connection, house, entry)
        put_in_force(connection, HOUSE, b.DEPLOYMENT, adopted, entry)

    adopt = p.Adopt(b.DEPLOYMENT, house.version, house.sha256)
    recorder.carry(_envelope(stream_of(HOUSE), operator, now, adopt, "adopt"), write)
    return operator


def add_person(store: Store, name: str, key: str | None) -> str:
    """A person with a random id; `key` is what an invented one of the example signs in by."""
    with store.write() as connection:
        return known.add_person(connection, name, clock.now(connection), key)


def _envelope(stream: str, actor: str, now: datetime, command: object, step: str) -> Envelope:
    name = derived_id(stream, "founding", step)
    return Envelope(name, stream, 0, actor, now, command, FOUNDING, digest=name)
