"""Work beside the workflows that goes on whatever happens."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TypeVar

LOG = logging.getLogger("accord.worker")
T = TypeVar("T")


async def careful(name: str, work: Callable[[], T]) -> T | None:
    """Run `work` in a thread; trouble is logged and tried again, never fatal: a database
    that is away for a while must not end the worker."""
    try:
        return await asyncio.to_thread(work)
    except Exception as trouble:
        LOG.error("%s: %s", name, type(trouble).__name__)
        await asyncio.sleep(1)
        return None
