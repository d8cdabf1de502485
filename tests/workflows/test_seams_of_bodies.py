"""The plug is pulled where bodies' decisions cause something elsewhere: between a record that does
not stand and the end of the grant that rests on it; between the last yes of all and a body's
welcome; between the parts of a joint sitting.

Afterwards, every time: nothing is lost, nothing is doubled, streams and workflows agree.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa
from agreement import disagreements
from household import MEMBER, Household, again, grant_of
from seams import WITHIN, Home, Scene, begun, insist

from policies.body import commands as b
from policies.refusals import Code, RefusedError
from policies.request import commands as asking
from policies.types import Capacity, Envelope, Kawa, KawaRule, Outcome, Voice
from services import facts, founding
from services.packs import Adopting
from services.path import Sent
from services.people import Viewer
from services.sharing import Word
from services.store.schema import messages
from workflows.contracts import Json

RIVER, HILL = "body-river", "body-hill"


async def between_an_answer_and_the_end_it_brings(home: Home) -> None:
    """From the body's answer on nothing is open that rests on the record, however long the end
    of the grant takes to come; and it comes once."""
    async with home.opened() as house:
        for seam in ("delivering", "committed", "delivered"):
            request = (await insist(house, house.submit()))["stream"]
            hui = await insist(house, house.hui(request))
            await insist(house, house.accept(request, 2))
            await house.until_happened(grant_of(request), "Issued", within=30)
            (said, answered) = house.words(MEMBER, "dispute", "answer")
            disputed = house.envelope(request, MEMBER, asking.Dispute(hui["id"], said), seen=3)
            await insist(house, disputed)
            with house.store.read() as connection:
                assert hui["id"] in facts.unsettled(connection).disputed
            no = asking.AnswerDispute(house.sitting(), disputed.id, False, answered)
            answer = house.envelope(request, MEMBER, no, seen=4)
            answering = await home.die_at(seam, "Void", insist(house, answer))
            assert ("Ended" in house.events(grant_of(request))) == (seam != "delivering")
            with house.store.read() as connection:
                assert hui["id"] in facts.unsettled(connection).disputed
            home.pull_the_plug()
            await house.until_happened(grant_of(request), "Ended", within=30)
            assert await insist(house, answer) == await answering
            assert await disagreements(house.store, house.temporal, within=30) == []
            assert house.events(grant_of(request)) == ["Issued", "Ended"]


async def between_the_last_yes_and_the_welcome(home: Home) -> None:
    """A body is welcome once, and adopts no rules before; whoever was to be told that it waits
    for a word was told once."""
    async with home.opened() as house:
        founder = await _entered(house, Viewer.inside(_operator(house)))
        known = {founder[0]: founder[1]}
        for seam in ("delivering", "committed", "delivered"):
            body, secretary = await _entered(house)
            proposal = await _proposed(house, known, body)
            *first, last = sorted(known)
            for each in first:
                await _says_yes(house, each, known[each], proposal)
            yes = _says_yes(house, last, known[last], proposal)
            settled = await home.die_at(seam, "Welcome", yes)
            assert house.stream(body).state.welcome == (seam != "delivering")
            if seam == "delivering":
                never = Adopting("example", 1, "0" * 64)
                with pytest.raises(RefusedError) as refusal:
                    await house.accord.packs.adopt(secretary, body, _sent(), never)
                assert refusal.value.refused.code is Code.NOT_WELCOME_YET
            home.pull_the_plug()
            await house.until_happened(body, "Welcomed", within=30)
            assert (await settled)["command"]
            assert await disagreements(house.store, house.temporal, within=30) == []
            assert house.events(body) == ["Entered", "Welcomed"]
            with house.store.read() as connection:
                told = sa.select(sa.func.count()).where(messages.c.key.startswith(proposal))
                assert connection.execute(told).scalar_one() == len(known)
            known[body] = secretary


async def between_the_parts_of_a_joint_sitting(home: Home) -> None:
    """Two bodies sat together; the worker dies when one has recorded its part, with Temporal.
    The other's part stands for nobody but itself, and both are there once."""
    async with home.opened() as house:
        request = (await insist(house, house.submit(bodies=(RIVER, HILL))))["stream"]
        mine, theirs = _joint(house, request, RIVER, HILL), _joint(house, request, HILL, RIVER)
        sending = await home.die_at("committed", mine.id, insist(house, mine))
        assert house.events(request) == ["Submitted", "HuiRecorded", "BodyDecided"]
        home.pull_the_plug()
        assert (await sending)["command"] == mine.id
        assert house.stream(request).state.waiting_for() == {HILL}
        assert (await insist(house, theirs))["sequence"] == 3
        assert await insist(house, again(mine, at=house.now())) == await sending
        assert house.events(request)[1:] == ["HuiRecorded", "BodyDecided"] * 2
        assert await disagreements(house.store, house.temporal, within=30) == []


def _joint(house: Household, request: str, body: str, other: str) -> Envelope:
    hui = house.hui(request, body)
    sitting = house.sitting(body)
    sitting = replace(sitting, kawa=replace(sitting.kawa, joint_with=frozenset({other})))
    willing = {other: frozenset({body})}
    return replace(hui, command=replace(hui.command, sitting=sitting, joint_with=willing))


def _sent() -> Sent:
    name = str(uuid.uuid4())
    return Sent(name, 0, {"name": name})


def _operator(house: Household) -> str:
    return founding.found(house.store, house.recorder)


async def _entered(house: Household, by: Viewer | None = None) -> tuple[str, Viewer]:
    """A body of one, and its secretary; until the others know it, it speaks for nobody."""
    person = founding.add_person(house.store, "Example secretary", None)
    secretary = Viewer.inside(person)
    members = (b.Member(person, frozenset({"secretary", "member"})),)
    entry = await house.accord.bodies.enter(
        by or secretary, _sent(), "Example body", b.Mandate(frozenset({Capacity.ETHICS})),
        "Invented.", Kawa(KawaRule.CONSENSUS), members,
    )  # fmt: skip
    return str(entry["stream"]), secretary


async def _proposed(house: Household, known: dict[str, Viewer], body: str) -> str:
    by, secretary = next(iter(known.items()))
    change = b.Change("welcome", body)
    entry = await house.accord.sharing.propose(secretary, by, _sent(), change, "Invented.")
    return str(entry["id"])


async def _says_yes(house: Household, body: str, secretary: Viewer, proposal: str) -> Json:
    voices = {secretary.person: Voice.APPROVE}
    word = Word(Outcome.APPROVE, voices, date(2026, 1, 15), "hui", "Invented.")
    said: Json = await house.accord.sharing.say(
        secretary, body, _sent(), _command_of(house, proposal), word
    )
    return said


def _command_of(house: Household, entry: str) -> str:
    """A proposal is called by the command that made it."""
    return next(each["command"] for each in house.entries(b.DEPLOYMENT) if each["id"] == entry)


SCENES: tuple[Scene, ...] = (
    between_an_answer_and_the_end_it_brings,
    between_the_last_yes_and_the_welcome,
    between_the_parts_of_a_joint_sitting,
)


@pytest.fixture(scope="module", autouse=True)
def scenes(
    prepared_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[None]]]:
    with begun(SCENES, prepared_home, tmp_path_factory) as futures:
        yield futures


@pytest.mark.parametrize("scene", [each.__name__ for each in SCENES])
def test_at_the_seam(scenes: dict[str, Future[None]], scene: str) -> None:
    scenes[scene].result(WITHIN * 2)
