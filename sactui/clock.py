"""The one source of time.

Everything that needs the time takes it from here, so that tests, snapshots and
recorded demos can hold it still. Seconds are float seconds since the epoch
(:func:`now`) or of a clock that never jumps (:func:`monotonic`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager

_frozen: float | None = None


def now() -> float:
    """Seconds since the epoch, or the frozen time."""
    return time.time() if _frozen is None else _frozen


def monotonic() -> float:
    """Seconds of a clock that never jumps; for intervals and timeouts."""
    return time.monotonic() if _frozen is None else _frozen


async def woken(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event, at most so long; False when it did not come.

    Not ``asyncio.wait_for``: before Python 3.12 that swallows a cancellation which
    arrives together with the event, and the task it should end runs on for ever.
    """
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True


@contextmanager
def frozen(at: float) -> Iterator[None]:
    """Hold the clock at ``at`` (seconds since the epoch) inside the block."""
    global _frozen
    previous, _frozen = _frozen, at
    try:
        yield
    finally:
        _frozen = previous
