"""Brings in a catalogue file: the whole file is judged first, then staged out of sight,
then published by one entry of the catalogue's stream that carries the file's hash.

A newer file of the same holder adds what is new in it. What the catalogue has already
stays as it is, with everything that bodies have confirmed of it; nothing is removed.
"""

from __future__ import annotations

import asyncio
import pathlib
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection

from policies.body.commands import DEPLOYMENT
from policies.catalogue.commands import Import
from policies.codec import encode
from policies.refusals import Code, RefusedError
from services.catalogue import staging
from services.catalogue.csvlines import Fault, TooLarge
from services.catalogue.incoming import Incoming
from services.catalogue.proposals import Rule
from services.path import Path, Ready, Sent, Sight
from services.people import Viewer, acting_for
from services.store import streams
from services.store.projections import CATALOGUE

ACT = "deployment:catalogue:import"
MAX_RULE_ID = 60
"""Characters in a proposing rule's id: its column is indexed with the item's."""

Progress = Callable[[int, int], None]
"""Told how much is done and how much there is, in bytes; the file is read twice."""


@dataclass(frozen=True)
class Report:
    """What an import came to.

    `rows` counts items added, `known` those that the catalogue had already, `proposed`
    the added ones for which a rule proposes a class. `collections` are the ids that are
    new. With `faults` and no `entry` (the ledger entry's id), nothing was kept.
    """

    rows: int
    known: int
    proposed: int
    collections: tuple[str, ...]
    faults: tuple[Fault, ...]
    entry: str | None

    @property
    def published(self) -> bool:
        """Whether readers see it now."""
        return self.entry is not None


async def import_file(
    path: Path,
    viewer: Viewer,
    file: pathlib.Path,
    rules: tuple[Rule, ...] = (),
    *,
    keep_good: bool = False,
    progress: Progress = lambda done, total: None,
) -> Report:
    """Import the catalogue in `file`.

    Args:
        viewer: an operator of the deployment.
        rules: propose classes for what is new; a proposal binds nobody.
        keep_good: leave out the lines that have faults and keep the others. A file that
            could not be read to its end is never kept in part.
        progress: called after each step; what it raises ends the import.

    Raises:
        RefusedError: `not_permitted` or `not_found` to others than operators;
            `already_done` for a file that was imported before; `too_large`; `stale` when
            the file changed under the reading or another import began.
    """
    if any(len(rule.id) > MAX_RULE_ID for rule in rules):
        raise RefusedError(
            Code.INVALID,
            field="rules",
            sentence=f"A proposing rule has an id of more than {MAX_RULE_ID} characters.",
            next="Shorten it.",
        )
    work = Incoming(path.store, file, rules)

    def permitted(sight: Sight) -> str:
        return sight.permitted(ACT, acting_for(sight.bodies, viewer, DEPLOYMENT))

    def done_before(sight: Sight) -> bool:
        return work.sha256 in streams.get(sight.connection, CATALOGUE).state.files

    def still_there(connection: Connection, entry: str) -> None:
        staging.still_there(connection, work.batch, "published")

    def ready(sight: Sight) -> Ready:
        rule = permitted(sight)
        return Ready(CATALOGUE, _command(work), rule, (DEPLOYMENT,), (), still_there)

    await path.look(permitted)
    try:
        await _run(work.check(), work, progress)
    except TooLarge as large:
        raise RefusedError(
            Code.TOO_LARGE, sentence=str(large), next="Split the file by collection."
        ) from large
    if await path.look(done_before):
        raise RefusedError(
            Code.ALREADY_DONE,
            sha256=work.sha256,
            sentence="This very file was imported before.",
            next="Nothing more is needed; a newer list may be imported the same way.",
        )
    if not work.good or (work.faults and not (keep_good and work.whole)):
        return Report(0, 0, 0, (), tuple(work.faults), None)
    try:
        await _run(work.stage(), work, progress)
        sent = Sent(str(uuid.uuid4()), content=encode(_command(work)))
        entry = await path.send(viewer, ACT, sent, ready)
    except Exception:
        # Nothing half-done stays. (What a killed process leaves, the next import erases.)
        await asyncio.to_thread(staging.give_up, path.store, work.batch)
        raise
    return Report(
        work.staged.rows, work.staged.known, work.staged.proposed, work.staged.collections,
        tuple(work.faults), entry["id"],
    )  # fmt: skip


def _command(work: Incoming) -> Import:
    staged = work.staged
    return Import(work.batch, work.sha256, staged.rows, tuple(sorted(staged.collections)))


async def _run(steps: Iterator[int], work: Incoming, progress: Progress) -> None:
    """Walk `steps`, each off the event loop; between two of them the import can be cancelled."""
    while (done := await asyncio.to_thread(next, steps, None)) is not None:
        progress(done, 2 * work.size)
