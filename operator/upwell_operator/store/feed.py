"""Hearing what changed: one stream a shard, read by the operator and by live pages.

Ids of a feed have no gaps, so a reader knows when entries it had not seen were trimmed, or when Redis was emptied or
has lost its end: that is `FellBehind`. After any error the way on is the same: `follow` anew, and read everything when
its first list comes, which is empty and says that from here on nothing is missed.

One server has all shards: one blocking read. A cluster spreads them: one blocking read a shard, concurrently.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import aclosing
from typing import Any

from upwell.protocol import EventType
from upwell_operator.domain.snapshot import AssetId
from upwell_operator.errors import UpwellError
from upwell_operator.store.chapter import Chapter
from upwell_operator.store.failures import mapped
from upwell_operator.store.records import Change, Cursors

BLOCK_SECONDS = 5.0
AT_ONCE = 1000
START = "0-0"

Entry = tuple[int, str, dict[str, str]]
"""Shard, id, fields."""


class FellBehind(UpwellError):  # noqa: N818 -- errors.py's way: what happened, not that it is an error
    """Entries of the feed went before they were read: what changed is not known, so look at everything."""


class Feed(Chapter):
    """The verbs that hear."""

    async def position(self) -> Cursors:
        """Give the end of every feed: take it before a full pass, then follow from there. Raises StoreUnavailable."""
        shards = range(self._keys.shards)
        ends = await self._link.read([("XREVRANGE", self._keys.feed(shard), "+", "-", "COUNT", 1) for shard in shards])
        return {shard: rows[0][0] if rows else START for shard, rows in zip(shards, ends, strict=True)}

    async def changes(self, cursors: Cursors) -> list[Change]:
        """Give what is new since `cursors`, which move on, without waiting. Raises StoreUnavailable, FellBehind."""
        answers = await self._link.read(
            [("XREAD", "COUNT", AT_ONCE, "STREAMS", self._keys.feed(shard), cursors[shard]) for shard in cursors]
        )
        found = _advance(cursors, self._entries(row for answer in answers for row in answer or ()))
        if not found:
            _check_ends(cursors, await self.position())
        return found

    async def follow(self, cursors: Cursors | None = None) -> AsyncGenerator[list[Change], None]:
        """Give lists of changes as they come, for ever; from now on, or from `cursors`, which move on.

        From now on, the first list is empty and comes at once: what is read after it misses nothing.
        Raises StoreUnavailable and FellBehind, and is then over.
        """
        at = await self.position() if cursors is None else cursors
        if cursors is None:
            yield []
        with mapped(self._link.where):
            await self._link.blocking(BLOCK_SECONDS + 5).initialize()
        groups = [[shard] for shard in at] if self._link.clustered else [list(at)]
        readers = [self._listen(group, at) for group in groups]
        async with aclosing(_together(readers)) as heard:
            async for entries in heard:
                if found := _advance(at, entries):
                    yield found

    async def _listen(self, shards: Sequence[int], cursors: Cursors) -> AsyncGenerator[list[Entry], None]:
        """Block on some feeds of one server, again and again."""
        reader = self._link.blocking(BLOCK_SECONDS + 5)
        places = {shard: cursors[shard] for shard in shards}
        streams = [self._keys.feed(shard) for shard in shards]
        command: tuple[str | int, ...] = (
            "XREAD",
            "COUNT",
            AT_ONCE,
            "BLOCK",
            int(BLOCK_SECONDS * 1000),
            "STREAMS",
            *streams,
        )
        while True:
            with mapped(self._link.where):
                answer = await reader.execute_command(*command, *places.values())
            entries = self._entries(answer or ())
            if not entries:
                _check_ends(places, await self.position())
                continue
            places.update({shard: place for shard, place, _ in entries})
            yield entries

    def _entries(self, answer: Iterable[Any]) -> list[Entry]:
        shards = {self._keys.feed(shard): shard for shard in range(self._keys.shards)}
        return [(shards[stream], place, fields) for stream, rows in answer for place, fields in rows]


def _advance(cursors: Cursors, entries: Iterable[Entry]) -> list[Change]:
    """Move cursors over entries and give the changes. Raises FellBehind at a gap."""
    found = []
    for shard, place, fields in entries:
        if not _follows(cursors[shard], place):
            raise FellBehind(f"feed {shard}: entries between {cursors[shard]} and {place} are gone")
        cursors[shard] = place
        namespace, _, key = fields["a"].partition("/")
        data = AssetId(namespace, key)
        found.append(Change(data, fields["c"] == "1", EventType(fields["k"]), fields["r"] or None))
    return found


def _follows(before: str, place: str) -> bool:
    """Say whether no entry can be between two ids: sequence numbers of a feed go up by one."""
    stem, _, number = place.rpartition("-")
    old_stem, _, old_number = before.rpartition("-")
    if before == START:
        return number == "1"
    return stem == old_stem and int(number) == int(old_number) + 1


def _check_ends(cursors: Cursors, ends: Cursors) -> None:
    """Raise FellBehind if a feed ends before the place where we have been: Redis has lost its end."""
    for shard, place in cursors.items():
        if _order(ends[shard]) < _order(place):
            raise FellBehind(f"feed {shard} ends at {ends[shard]}, read up to {place}: Redis has lost its end")


def _order(place: str) -> tuple[int, int]:
    stem, _, number = place.partition("-")
    return int(stem), int(number)


async def _together(readers: Sequence[AsyncGenerator[list[Entry], None]]) -> AsyncGenerator[list[Entry], None]:
    """Give what several readers give, as it comes; the first error ends all."""
    heard: asyncio.Queue[list[Entry] | Exception] = asyncio.Queue(maxsize=2 * len(readers))
    tasks = [asyncio.create_task(_pass_on(reader, heard)) for reader in readers]
    try:
        while True:
            entries = await heard.get()
            if isinstance(entries, Exception):
                raise entries
            yield entries
    finally:
        await _end(tasks)


async def _end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks until they are done: redis-py swallows a cancellation that comes while it takes a connection."""
    while going := [task for task in tasks if not task.done()]:
        for task in going:
            task.cancel()
        await asyncio.wait(going, timeout=0.05)


async def _pass_on(reader: AsyncGenerator[list[Entry], None], heard: asyncio.Queue[list[Entry] | Exception]) -> None:
    """Put what a reader gives, and the error that ends it, where they are waited for."""
    try:
        async with aclosing(reader):
            async for entries in reader:
                await heard.put(entries)
    except Exception as error:  # noqa: BLE001 -- raised again where it is heard
        await heard.put(error)
