"""A bounded cache whose look-ups are shared: a hundred callers that ask for one key at once cost one question.

Each value says how long it lives, so that a refusal is kept briefly and a token never past its end. An error is not
kept: whoever waited for it gets it, the next one asks again.

Limits: for one event loop. Eviction is by age of insertion or last use, whichever is later.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Cached(Generic[K, V]):
    """Values by key, at most `size`, each until the moment its loader named (seconds of `now`)."""

    def __init__(self, size: int, now: Callable[[], float]) -> None:
        self._size, self._now = size, now
        self._values: OrderedDict[K, tuple[V, float]] = OrderedDict()
        self._asked: dict[K, asyncio.Task[V]] = {}

    def __len__(self) -> int:
        return len(self._values)

    async def get(self, key: K, load: Callable[[], Awaitable[tuple[V, float]]]) -> V:
        """Give the value of a key, loading it (value, end of life) if need be; raises what the loader raises."""
        held = self._values.get(key)
        if held is not None and held[1] > self._now():
            self._values.move_to_end(key)
            return held[0]
        asked = self._asked.get(key)
        if asked is None:
            asked = self._asked[key] = asyncio.ensure_future(self._load(key, load))
            asked.add_done_callback(lambda task: self._forget(key, task))
        # One caller that goes away must not take the answer from the others.
        return await asyncio.shield(asked)

    async def _load(self, key: K, load: Callable[[], Awaitable[tuple[V, float]]]) -> V:
        value, until = await load()
        self._values[key] = (value, until)
        self._values.move_to_end(key)
        while len(self._values) > self._size:
            self._values.popitem(last=False)
        return value

    def _forget(self, key: K, task: asyncio.Task[V]) -> None:
        self._asked.pop(key, None)
        if not task.cancelled():
            task.exception()  # looked at, so that an error nobody waits for any more is not logged as unseen
