"""Python's garbage collector, kept from walking again and again over a world that is no garbage.

Reading ten thousand objects makes the collector count millions of new things, and look at all of them, the more often
the more there are: a quarter of the time of a start. Nothing of it can be collected. So full collections wait until the
world is there, and then leave out what is there. What is dropped of it later is freed by its reference count, as ever.

Limits: one for the whole process. What was part of a cycle when it was left out is never freed.
"""

from __future__ import annotations

import gc

USUAL = gc.get_threshold()
WHILE_READING = (50_000, 20, 1_000)
"""Young things are looked at every 50,000; full collections practically never."""


def put_off() -> None:
    """Put full collections off until `leave_out`."""
    gc.set_threshold(*WHILE_READING)


def leave_out() -> None:
    """Collect once, leave out all that is there from now on, and collect as usual."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*USUAL)
