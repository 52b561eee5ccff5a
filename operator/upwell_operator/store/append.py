"""Taking events, and the state they add up to.

What an event does is decided here from its type; when it counts (fence, idempotence, changed or not) is decided in
`append.lua`, in one place with the write:

    observation with a version    the asset's one current version, and its last observation
    … with versions of partitions these partitions' versions; together they are the asset's one version
    materialization               the asset's one current version, and its last materialization
    … of a partition              the partition's, and its version with those of the others the asset's
    …Failed                       the asset's failure, or the partition's, until a success of the same kind
    anything else                 an event, and nothing more

An observation that says nothing new (same version, same metadata as the one before) makes no feed entry. Who must know
that it was made, learns it otherwise: the operator sees the run's Job end, reads the state and refreshes `status`; a
report without a run reaches `status` with the next full pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from upwell.protocol import Event, EventType, InputVersion, RunKind
from upwell_operator.domain.snapshot import AssetId, AssetState, Failure, Materialization, Outcome
from upwell_operator.domain.versions import by_data
from upwell_operator.store import keys
from upwell_operator.store.chapter import Chapter
from upwell_operator.store.link import Call
from upwell_operator.store.packing import (
    STATE_FIELDS,
    moment,
    pack_accepted,
    pack_entry,
    pack_failure,
    pack_materialization,
    pack_restore,
    pack_versions,
    timestamp,
    unpack_state,
)
from upwell_operator.store.records import Append, Appended, Status
from upwell_operator.store.uses import kept_uses

FEED_ENTRIES = 100_000
"""Most entries of all feeds together; a shard has its part, and never fewer than a thousand."""

ANSWERS = (
    Appended(Status.DUPLICATE),
    Appended(Status.SUPERSEDED),
    Appended(Status.STORED),
    Appended(Status.STORED, changed=True),
)
"""What the numbers mean that `append.lua` gives."""

FAILED_KIND = {
    EventType.OBSERVATION_FAILED: RunKind.OBSERVE,
    EventType.MATERIALIZATION_FAILED: RunKind.MATERIALIZE,
}


class Appending(Chapter):
    """The verbs that write and read what is known of assets' data."""

    async def append(self, entries: Sequence[Append]) -> list[Appended]:
        """Take events, in one round trip; each is one atomic call, acknowledged when it is as durable as settings say.

        Gives an answer per entry, in order. Safe to repeat: an id taken before is a duplicate. Raises ValueError for an
        event that cannot be kept (nothing is written), StoreUnavailable (some may have been written: repeat), Fenced.
        """
        calls = [self._append(entry) for entry in entries]
        return [ANSWERS[answer] for answer in await self._link.calls(calls)]

    async def states(self, ids: Iterable[AssetId]) -> dict[AssetId, AssetState]:
        """Give what is known of assets' data, in one round trip; an asset of which nothing is known is left out.

        States are read in the order given (on a Redis Cluster: within a shard). Raises StoreUnavailable.
        """
        wanted = list(ids)
        rows = await self._link.read([("HMGET", self._keys.state(each), *STATE_FIELDS) for each in wanted])
        found = ((each, unpack_state(row)) for each, row in zip(wanted, rows, strict=True))
        return {each: state for each, state in found if state is not None}

    async def outcome(self, id: AssetId, run: str) -> Outcome | None:  # noqa: A002 -- the word everywhere else
        """Say what a run came to, if its own result was taken. `run` is its uid, if it was reported with one.

        Raises StoreUnavailable.
        """
        (word,) = await self._link.read([("HGET", self._keys.seen(id, run), keys.OUTCOME)])
        return Outcome(word) if word else None

    async def restore(self, items: Sequence[tuple[AssetId, AssetState]]) -> int:
        """Fill in what is absent from what the resources' status remembers, and set the marker that `is_empty` misses.

        Gives how many assets were filled in. Raises StoreUnavailable, Fenced, Stalled (another number of shards).
        """
        filled = await self._link.calls([self._restore(id_, state) for id_, state in items])
        await self._link.claim()
        await self._link.read([("HSET", keys.META, keys.RESTORED, timestamp(datetime.now(UTC)))])
        return sum(filled)

    async def accept(self, id: AssetId, newest: str, state: AssetState) -> bool:  # noqa: A002 -- the word everywhere else
        """Keep what a guard has accepted, `state.version`; or, if the state is not `accepted`, that there is no guard.

        Says no, and keeps nothing, if the newest version is another one by now. Raises StoreUnavailable, Fenced.
        """
        at = self._keys.asset(id)
        call = Call("accept", (at.state, at.epoch), (self._epoch, newest, *pack_accepted(state)))
        (kept,) = await self._link.calls([call])
        return bool(kept)

    async def is_empty(self) -> bool:
        """Say whether no `restore` has been made since Redis was last empty. Raises StoreUnavailable."""
        (marker,) = await self._link.read([("HGET", keys.META, keys.RESTORED)])
        return marker is None

    def _append(self, entry: Append) -> Call:
        at, event = self._keys.asset(entry.id), entry.event
        act, version, detail = _meaning(entry)
        text, digest = pack_entry(entry)
        consumed = self._consumed(entry.id, entry.inputs) if act == "m" else {}
        return Call(
            "append",
            (
                at.state,
                at.events,
                at.unchanged,
                at.versions,
                self._keys.seen(entry.id, entry.uid or entry.run),
                at.feed,
                at.registry,
                at.epoch,
                *at.of_partitions,
                *consumed,
            ),
            (
                self._epoch,
                "" if entry.fence is None else entry.fence,
                event.id,
                act,
                version,
                text,
                event.time,
                entry.run or "",
                digest,
                detail,
                _outcome(entry, act),
                str(entry.id),
                entry.id.key,
                event.type.value,
                max(1000, FEED_ENTRIES // self._keys.shards),
                kept_uses(self._keys),
                pack_versions(entry.versions),
                "1" if entry.last else "",
                _built(entry, act),
                *consumed.values(),
            ),
        )

    def _consumed(self, id: AssetId, inputs: Iterable[InputVersion]) -> dict[str, str]:  # noqa: A002
        """Give the consumed versions by the key in the asset's own shard under which their use is noted."""
        shard, then = self._keys.shard(id), by_data(inputs, id.namespace)
        known = ((AssetId(*data), version) for data, version in then.items() if version is not None)
        return {self._keys.uses(shard, data): version for data, version in known}

    def _restore(self, id: AssetId, state: AssetState) -> Call:  # noqa: A002 -- the word everywhere else
        at = self._keys.asset(id)
        return Call("restore", (at.state, at.registry, at.epoch), (self._epoch, id.key, *pack_restore(state)))


def _meaning(entry: Append) -> tuple[str, str, str]:
    """Give what `append.lua` is to do, the version and the detail. Raises ValueError for a time or version it needs."""
    event = entry.event
    version = entry.version or event.data_version or ""
    time = moment(event.time)
    if event.type is EventType.OBSERVATION and (version or entry.versions):
        return "o", "" if entry.versions else version, ""
    if event.type is EventType.MATERIALIZATION:
        if not version:
            raise ValueError(f"materialization {event.id} of {entry.id} has no version: derive one before it is stored")
        made = Materialization(time, version, entry.code_version, entry.run, entry.inputs)
        return "m", version, pack_materialization(made)
    if event.type in FAILED_KIND:
        failure = Failure(time, FAILED_KIND[event.type], entry.run or "", _first_words(event))
        return "f", "", pack_failure(failure)
    return "e", "", ""


def _built(entry: Append, act: str) -> str:
    """Give the partition that a run built, or could not."""
    return entry.event.partition or "" if act in ("m", "f") else ""


def _outcome(entry: Append, act: str) -> str:
    """Give the word for what this event makes of its run; nothing if it is not the run's own result.

    What a function logs about its own asset while it runs counts as history and state, but does not end its run.
    """
    ours = {"o": RunKind.OBSERVE, "m": RunKind.MATERIALIZE}.get(act, entry.kind)
    if not (entry.event.result or act == "f") or entry.kind not in (None, ours):
        return ""
    return {"o": "Observed", "m": Outcome.MATERIALIZED.value, "f": Outcome.FAILED.value}.get(act, "")


def _first_words(event: Event) -> str:
    return event.description or "it failed without saying why"
