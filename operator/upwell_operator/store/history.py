"""Reading back what happened to an asset: events, versions, decisions; and forgetting it in time.

Pages are newest first. A cursor is the place of the last item of a page and stays good while history grows or is
trimmed.

Limits: a page filtered by type or partition looks at no more than `MAX_LOOK` entries; it may then have fewer items than
asked for, and still a cursor, and says so (`ended_early`). An observation of many partitions is an event of those that
it names: a hundred of those that had changed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from heapq import merge
from itertools import islice

from upwell.protocol import Event, EventType
from upwell_operator.domain.decisions import Decision, Verb
from upwell_operator.domain.snapshot import AssetId, Ref
from upwell_operator.resources.meta import Kind
from upwell_operator.store.chapter import Chapter
from upwell_operator.store.link import Call
from upwell_operator.store.packing import dumps, loads, moment, timestamp, unpack_entry
from upwell_operator.store.records import Page, StoredEvent, VersionSpan

MAX_LOOK = 10_000
AT_ONCE = 1000
"""Partitions that one command reads."""
KEPT_DECISIONS = 200
DECISION_SECONDS = 90 * 86400

Row = tuple[str, Mapping[str, str]]
"""An entry of a stream: its id and its fields."""


class History(Chapter):
    """The verbs that read and trim what was, and record what was decided."""

    async def events(
        self,
        id: AssetId,  # noqa: A002 -- the word everywhere else
        cursor: str | None = None,
        limit: int = 50,
        types: Collection[EventType] = (),
        since: datetime | None = None,
        partition: str | None = None,
    ) -> Page[StoredEvent]:
        """Give a page of an asset's events, of some types or of one partition; `since` is when they were recorded.

        Raises StoreUnavailable.
        """
        found: list[StoredEvent] = []
        looked, step = 0, max(limit, 200) if types or partition is not None else limit
        oldest = "-" if since is None else str(max(0, int(since.timestamp() * 1000)))
        while True:
            rows, more = await self._rows(id, cursor, step, oldest)
            for row in rows:
                cursor = row[0]
                event = unpack_entry(id.key, *row)
                if _wanted(event.event, types, partition):
                    found.append(event)
                if len(found) == limit:
                    return Page(tuple(found), cursor if more or row is not rows[-1] else None)
            looked += len(rows)
            if not more or looked >= MAX_LOOK:
                return Page(tuple(found), cursor if more else None, more)

    async def versions(
        self,
        id: AssetId,  # noqa: A002 -- the word everywhere else
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page[VersionSpan]:
        """Give a page of the versions an asset has had, the newest first. Raises StoreUnavailable.

        The newest is the current one; with a guard, that is the newest span of the version that was
        accepted last, if the first page has it.
        """
        at = self._keys.asset(id)
        (*newest, accepted), rows = await self._link.read(
            [("HMGET", at.state, "v", "vt", "vl", "vn", "vr", "gv"), _newest(at.versions, cursor, limit + 1)]
        )
        spans = [(place, _span([fields[name] for name in "vabnr"])) for place, fields in rows]
        if cursor is None and newest[0] is not None:
            spans = _marked([("+", _span(newest)), *spans], accepted or newest[0])
        shown = spans[:limit]
        return Page(tuple(span for _, span in shown), shown[-1][0] if len(spans) > limit else None)

    async def decisions(self, kind: Kind, ref: Ref, cursor: str | None = None, limit: int = 50) -> Page[Decision]:
        """Give a page of what was decided about a resource, and why. Raises StoreUnavailable."""
        (rows,) = await self._link.read([_newest(self._keys.decisions(kind.value, ref), cursor, limit + 1)])
        shown = tuple(_unpack_decision(kind, ref, fields) for _, fields in rows[:limit])
        return Page(shown, rows[limit - 1][0] if len(rows) > limit else None)

    async def decide(self, records: Sequence[Decision]) -> None:
        """Record decisions, each only if it differs from the newest of its subject. Raises StoreUnavailable, Fenced."""
        await self._link.calls([self._decide(record) for record in records])

    async def trim(
        self,
        id: AssetId,  # noqa: A002 -- the word everywhere else
        events: int,
        age: timedelta,
        *,
        defined: bool = True,
    ) -> int:
        """Forget what is older than `age` or beyond `events`, now and with later appends; what is current stays.

        Of data that no Asset defines, nothing stays once its last event is older than `age`. Gives the number of
        entries that went. Raises StoreUnavailable, Fenced.
        """
        at = self._keys.asset(id)
        call = Call(
            "trim",
            (at.state, at.events, at.unchanged, at.versions, at.registry, at.epoch, *at.of_partitions),
            (self._epoch, events, int(age.total_seconds() * 1000), id.key, "1" if defined else "0"),
        )
        (gone,) = await self._link.calls([call])
        return int(gone)

    async def known(self) -> list[AssetId]:
        """Give all data of which anything is kept. It walks over all keys there are. Raises StoreUnavailable."""
        registries = sorted(await self._link.names(self._keys.registries()))
        members = await self._link.read([("SMEMBERS", registry) for registry in registries])
        namespaces = (registry.split(":keys:", 1)[1] for registry in registries)
        pairs = zip(namespaces, members, strict=True)
        return sorted(AssetId(namespace, key) for namespace, some in pairs for key in some)

    async def undefined(self, namespace: str, defined: Collection[str] = ()) -> list[str]:
        """Give the keys of a namespace that something was reported about, without those defined. Sorted.

        Raises StoreUnavailable.
        """
        shards = range(self._keys.shards)
        members = await self._link.read([("SMEMBERS", self._keys.registry(shard, namespace)) for shard in shards])
        return sorted({key for some in members for key in some} - set(defined))

    async def _rows(self, id: AssetId, cursor: str | None, count: int, oldest: str) -> tuple[list[Row], bool]:  # noqa: A002
        """Give the newest entries before a place, of both streams in their one order, and whether there are more."""
        at, many = self._keys.asset(id), count + 1
        both = await self._link.read([_newest(stream, cursor, many, oldest) for stream in (at.events, at.unchanged)])
        rows = list(islice(merge(*both, key=lambda row: _place(row[0]), reverse=True), count + 1))
        return rows[:count], len(rows) > count

    def _decide(self, record: Decision) -> Call:
        what = [record.verb.value, record.reason, record.message, record.run, record.id and record.id.key]
        return Call(
            "decide",
            (self._keys.decisions(record.kind.value, record.ref), self._keys.epoch(self._keys.shard(record.ref))),
            (self._epoch, dumps(what), timestamp(record.time), KEPT_DECISIONS, DECISION_SECONDS),
        )


def _wanted(event: Event, types: Collection[EventType], partition: str | None) -> bool:
    named = partition in (None, event.partition) or partition in event.partitions
    return named and (not types or event.type in types)


def _newest(stream: str, cursor: str | None, count: int, oldest: str = "-") -> tuple[str | int, ...]:
    start = "+" if cursor in (None, "+") else f"({cursor}"
    return ("XREVRANGE", stream, start, oldest, "COUNT", count)


def _place(entry_id: str) -> tuple[int, int]:
    ms, _, sequence = entry_id.partition("-")
    return int(ms), int(sequence)


def _marked(spans: list[tuple[str, VersionSpan]], current: str) -> list[tuple[str, VersionSpan]]:
    """Mark the newest span of a version as what the asset is now."""
    now = next((place for place, span in spans if span.version == current), "")
    return [(place, replace(span, current=place == now)) for place, span in spans]


def _span(values: Sequence[str | None]) -> VersionSpan:
    """Read a version's time from its version, first seen, last seen, times, run; a rebuilt state lacks some."""
    version, first, last, times, run = values
    since = first or last or "1970-01-01T00:00:00Z"
    return VersionSpan(version or "", moment(since), moment(last or since), int(times or 1), run or None)


def _unpack_decision(kind: Kind, ref: Ref, fields: Mapping[str, str]) -> Decision:
    verb, reason, message, run, key = loads(fields["d"])
    data = AssetId(ref.namespace, key) if key is not None else None
    return Decision(kind, ref, Verb(verb), reason, message, moment(fields["t"]), data, run)
