"""Event ids and times: ULIDs that sort in the order in which one process made them, and RFC 3339 in UTC.

Limits: monotonic within a process only. A clock that steps back does not make an id go back.
"""

from __future__ import annotations

import os
import time
from threading import Lock
from typing import Callable

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_RANDOM_BITS = 80
_RANDOM_MASK = (1 << _RANDOM_BITS) - 1
_LENGTH = 26


class UlidFactory:
    """Makes ULIDs, each greater than the one before, from a clock in nanoseconds and a source of random bytes."""

    def __init__(
        self, clock: Callable[[], int] = time.time_ns, randomness: Callable[[int], bytes] = os.urandom
    ) -> None:
        self._clock = clock
        self._randomness = randomness
        self._lock = Lock()
        self._last = 0

    def __call__(self) -> str:
        """Give the next id: 48 bits of milliseconds, 80 random bits; within a millisecond the last one plus one."""
        fresh = (self._clock() // 1_000_000) << _RANDOM_BITS | int.from_bytes(self._randomness(10), "big")
        with self._lock:
            same_or_earlier = fresh >> _RANDOM_BITS <= self._last >> _RANDOM_BITS
            self._last = self._last + 1 if same_or_earlier else fresh
            return _base32(self._last)


def _base32(number: int) -> str:
    """Spell 130 bits in Crockford's base 32, most significant first."""
    return "".join(_ALPHABET[number >> 5 * place & 31] for place in range(_LENGTH - 1, -1, -1))


new_ulid = UlidFactory()
"""The process's own factory."""


def now_rfc3339() -> str:
    """Give the present time in UTC with milliseconds, as events carry it: `2026-11-22T10:00:00.123Z`."""
    nanoseconds = time.time_ns()
    seconds = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(nanoseconds // 1_000_000_000))
    return f"{seconds}.{nanoseconds // 1_000_000 % 1000:03d}Z"
