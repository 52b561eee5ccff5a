"""What is known of partitions: each one's version and, of what Upwell builds, its last materialization and failure.

Whoever keeps a copy asks what has `moved` since: the names of what changed are kept for a thousand writes, so that ten
changes among a million partitions are read as ten rows. Who was away for longer, or Redis, reads them all, in portions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from upwell_operator.domain.snapshot import AssetId, Failure, Materialization
from upwell_operator.store.chapter import Chapter
from upwell_operator.store.packing import loads, unpack_failure, unpack_materialization, unpack_partition
from upwell_operator.store.records import PartitionVersion

AT_ONCE = 10_000
"""Partitions that one command asks for."""


@dataclass(slots=True)
class Moved:
    """What has changed since somebody looked: rows of the partitions in `names`; of all, if that is None."""

    serial: str
    names: list[str] | None
    versions: dict[str, str] = field(default_factory=dict)
    made: dict[str, Materialization] = field(default_factory=dict)
    failures: dict[str, Failure] = field(default_factory=dict)


class Partitions(Chapter):
    """The verbs about partitions."""

    async def partitions(self, id: AssetId, keys: Sequence[str]) -> dict[str, PartitionVersion]:  # noqa: A002 -- the word everywhere else
        """Give what is known of some partitions of an asset. Raises StoreUnavailable."""
        rows = await self._of(self._keys.asset(id).partitions, keys)
        return {key: unpack_partition(row) for key, row in rows}

    async def partition_keys(self, id: AssetId) -> list[str]:  # noqa: A002 -- the word everywhere else
        """Give the keys of all partitions that have a version, sorted. Raises StoreUnavailable."""
        (found,) = await self._link.read([("HKEYS", self._keys.asset(id).partitions)])
        return sorted(found)

    async def moved(self, id: AssetId, since: str = "") -> Moved:  # noqa: A002 -- the word everywhere else
        """Give what has changed of an asset's partitions since `serial` was that; "" for all. Raises StoreUnavailable.

        A row may be newer than the serial that is given: it is then given again the next time.
        """
        at = self._keys.asset(id)
        serial, entries = await self._link.read(
            [("HGET", at.state, "ps"), ("XRANGE", at.moved, f"({since}" if since else "-", "+")]
        )
        found = Moved(serial or "", _names(entries, since, serial or "") if since else None)
        for name, row in await self._rows_of(at.partitions, found.names):
            found.versions[name] = unpack_partition(row).version
        for name, row in await self._rows_of(at.made, found.names):
            found.made[name] = unpack_materialization(row.partition(" ")[2])
        for name, row in await self._rows_of(at.failed, found.names):
            found.failures[name] = unpack_failure(row)
        return found

    async def _rows_of(self, key: str, names: Sequence[str] | None) -> list[tuple[str, str]]:
        if names is not None:
            return await self._of(key, names)
        return [row async for row in self._all(key)]

    async def _of(self, key: str, names: Sequence[str]) -> list[tuple[str, str]]:
        portions = [names[i : i + AT_ONCE] for i in range(0, len(names), AT_ONCE)]
        rows = await self._link.read([("HMGET", key, *portion) for portion in portions])
        pairs = zip(names, (row for some in rows for row in some), strict=True)
        return [(name, row) for name, row in pairs if row is not None]

    async def _all(self, key: str) -> AsyncIterator[tuple[str, str]]:
        cursor = "0"
        while True:
            ((cursor, some),) = await self._link.read([("HSCAN", key, cursor, "COUNT", AT_ONCE)])
            for row in some.items():
                yield row
            if str(cursor) == "0":
                return


def _names(entries: Sequence[tuple[str, dict[str, Any]]], since: str, serial: str) -> list[str] | None:
    """Give what changed between two serials, each name once; None if not all of it is known any more."""
    found: dict[str, None] = {}
    for place, fields in entries:
        if fields["p"] != since or not fields["k"]:
            return None
        since = place
        found.update(dict.fromkeys(loads(fields["k"])))
    return list(found) if since == serial else None
