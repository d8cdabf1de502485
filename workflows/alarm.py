"""How a run waits: until the recorder has replied to something, or until an instant is due."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from workflows.contracts import MANNER


class Alarm:
    """One run's. Which replies set its timer anew is part of the run's history: what is due
    after an entry must stay what it was."""

    def __init__(self) -> None:
        """Nothing was heard yet, and no timer is set."""
        self.manner = MANNER
        """The run's own (`contracts.Start`)."""
        self.replies = 0
        """How often the recorder has replied."""
        self._stirred = asyncio.Event()
        self._set: tuple[datetime, asyncio.Task[None]] | None = None

    def replied(self) -> None:
        """Tell of a reply of the recorder's."""
        self.replies += 1
        self._stirred.set()

    async def next_reply(self) -> None:
        """Wait for a reply, however long: nothing is due."""
        seen = self.replies
        self._unset()
        await self._stirring(lambda: self.replies != seen)

    async def fell_due(self, due: datetime, left: timedelta) -> bool:
        """Wait `left`, until `due`; False when a reply came before that."""
        seen = self.replies
        if self.manner == 1:
            return not await self._reply_within(left, "due")
        if self._set is None or self._set[0] != due:
            self._unset()
            self._set = (due, asyncio.create_task(self._wake(left)))
        timer = self._set[1]
        await self._stirring(lambda: self.replies != seen or timer.done())
        if timer.done():
            self._set = None
        return self.replies == seen

    async def pause(self, at_most: timedelta) -> None:
        """Wait for a reply, but no longer than this."""
        await self._reply_within(at_most, "refused")

    async def _reply_within(self, left: timedelta, summary: str) -> bool:
        seen = self.replies
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self.replies != seen, timeout=left, timeout_summary=summary
            )
            return True
        return False

    async def _wake(self, after: timedelta) -> None:
        await workflow.sleep(after, summary="due")
        self._stirred.set()

    async def _stirring(self, enough: Callable[[], bool]) -> None:
        """Wait until a reply or the timer brings about what is `enough`. (An event costs less
        than a condition, which the SDK looks at whenever anything happens.)"""
        if self.manner == 1:
            await workflow.wait_condition(enough)
        while not enough():
            self._stirred.clear()
            await self._stirred.wait()

    def _unset(self) -> None:
        if self._set is not None:
            self._set[1].cancel()
        self._set = None
