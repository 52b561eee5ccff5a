"""Memory, kept from growing and from being walked over: Python's collector, and the heap below it.

Reading ten thousand objects makes the collector count millions of new things, and look at all of them, the more often
the more there are: a quarter of the time of a start. Nothing of it can be collected. So full collections wait until the
world is there, and then leave out what is there. What is dropped of it later is freed by its reference count, as ever.

A wave of ten thousand statuses leaves holes in the C library's heap, which keeps them; in a rest they are given back.

Limits: one for the whole process. What was part of a cycle when it was left out is never freed. Where the C library
has no `malloc_trim` (musl, macOS), it keeps what it has.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import os
from collections.abc import Callable
from pathlib import Path

USUAL = gc.get_threshold()
WHILE_READING = (50_000, 20, 1_000)
"""Young things are looked at every 50,000; full collections practically never."""
REST_SECONDS = 0.5
GROWN_BYTES = 4 * 2**20
"""By how much the process must have grown before holes are looked for: that takes a few milliseconds."""

TRIM: Callable[[int], object] | None = getattr(ctypes.CDLL(None), "malloc_trim", None)


def put_off() -> None:
    """Put full collections off until `leave_out`."""
    gc.set_threshold(*WHILE_READING)


def leave_out() -> None:
    """Collect once, leave out all that is there from now on, and collect as usual."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*USUAL)


def resident() -> int:
    """Give the bytes of memory that this process holds, as Linux counts them."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def give_back(
    at_rest: Callable[[], bool],
    trim: Callable[[int], object] | None = TRIM,
    held: Callable[[], int] = resident,
) -> None:
    """Give the heap's holes back whenever the process rests after it has grown; for ever, or at once where none can."""
    least = 0
    while trim is not None:
        await asyncio.sleep(REST_SECONDS)
        if at_rest() and held() > least + GROWN_BYTES:
            trim(0)
            least = held()
