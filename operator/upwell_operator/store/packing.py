"""Values to the texts that Redis keeps, and back.

JSON is compact, keys are short where ten thousand are read at once. Times are kept as RFC 3339 in UTC. Absent is
absent: an empty text in a script's argument, no field in a hash.

Limits: nothing here talks to Redis; the meaning of fields is documented in `keys.py`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from pydantic_core import from_json, to_json

from upwell.protocol import Event, EventType, InputVersion, MetadataEntry, RunKind
from upwell_operator.domain.snapshot import Arrived, AssetState, Failure, Materialization, Observation
from upwell_operator.domain.versions import pair_hash
from upwell_operator.store.records import Append, PartitionVersion, StoredEvent

STATE_FIELDS = ("v", "vt", "ov", "ot", "or", "os", "oc", "m", "f", "fence", "pn", "ps", "pw", "gv", "gt", "gm")
"""What `unpack_state` wants, in its order."""

MAX_MESSAGE = 1024
"""Characters of a failure's message in the state; the event has all of it."""


def dumps(value: Any) -> str:
    """Write compact JSON; a lone surrogate, which UTF-8 cannot carry, is escaped."""
    try:
        return to_json(value, inf_nan_mode="constants").decode()
    except ValueError:  # a lone surrogate, or deeper than pydantic goes
        return json.dumps(value, separators=(",", ":"))


def loads(text: str) -> Any:
    """Read what `dumps` wrote; in half the time of the standard library, which reads what pydantic refuses to."""
    try:
        return from_json(text)
    except ValueError:  # a lone surrogate, or deeper than pydantic goes
        return json.loads(text)


def timestamp(moment: datetime) -> str:
    """Write a moment as RFC 3339 in UTC."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """Read RFC 3339, as aware UTC. Raises ValueError with the text if it is none, or has no offset."""
    parsed = datetime.fromisoformat(text)
    if parsed.tzinfo is None:
        raise ValueError(f"time {text!r} has no offset: write it in UTC, like 2026-01-31T12:00:00Z")
    return parsed if parsed.tzinfo is UTC else parsed.astimezone(UTC)


def moment_or_none(text: str | None) -> datetime | None:
    """Read RFC 3339, or nothing."""
    return moment(text) if text else None


def pack_inputs(inputs: Iterable[InputVersion]) -> list[list[str | None]]:
    """Write inputs as rows of name, key, version."""
    return [[each.name, each.key, each.data_version] for each in inputs]


def unpack_inputs(rows: Sequence[Sequence[Any]]) -> tuple[InputVersion, ...]:
    """Read what `pack_inputs` wrote."""
    return tuple(InputVersion(name, key, version) for name, key, version in rows) if rows else ()


def pack_materialization(made: Materialization) -> str:
    """Write a materialization: t time, v version, c code version, r run, i inputs."""
    return dumps(
        {
            "t": timestamp(made.time),
            "v": made.version,
            "c": made.code_version,
            "r": made.run,
            "i": pack_inputs(made.inputs),
        }
    )


def unpack_materialization(text: str) -> Materialization:
    """Read what `pack_materialization` wrote."""
    it = loads(text)
    return Materialization(moment(it["t"]), it["v"], it["c"], it["r"], unpack_inputs(it["i"]))


def pack_failure(failure: Failure) -> str:
    """Write a failure: its kind first, so that a script sees which success clears it without reading JSON."""
    row = [timestamp(failure.time), failure.run, failure.message[:MAX_MESSAGE]]
    return f"{failure.kind.value} {dumps(row)}"


def unpack_failure(text: str) -> Failure:
    """Read what `pack_failure` wrote."""
    kind, row = text.split(" ", 1)
    time, run, message = loads(row)
    return Failure(moment(time), RunKind(kind), run, message)


def unpack_state(values: Sequence[str | None]) -> AssetState | None:
    """Read a state from the values of `STATE_FIELDS`; None if nothing is known."""
    version, since, seen, at, run, seen_since, count, made, failed, fence, partitions, serial, before, *guarded = values
    if version is None and seen is None and made is None and failed is None and fence is None:
        return None
    observation = None
    if seen is not None and at:
        observation = Observation(moment(at), seen, run or None, moment_or_none(seen_since), int(count or 1))
    state = AssetState(
        version=version,
        version_changed_at=moment_or_none(since),
        observation=observation,
        materialization=unpack_materialization(made) if made else None,
        failure=unpack_failure(failed) if failed else None,
        fence=int(fence or 0),
        partitions=int(partitions or 0),
        lost=int(before or 0) > int(partitions or 0),
        serial=serial or "",
    )
    return _as_accepted(state, *guarded)


def _as_accepted(state: AssetState, version: str | None, since: str | None, figures: str | None) -> AssetState:
    """Give a state as those below see it: where a guard has accepted a version, that is the current one."""
    if version is None:
        return state
    arrived = Arrived(state.version, state.version_changed_at) if state.version not in (None, version) else None
    changed = moment_or_none(since)
    return replace(
        state, version=version, version_changed_at=changed, accepted=True, figures=figures or "", arrived=arrived
    )


def pack_restore(state: AssetState) -> list[str]:
    """Write a state as the arguments of `restore.lua` from the version on."""
    seen, newest = state.observation, state.arrived or Arrived(state.version or "", state.version_changed_at)
    observed = ["", "", "", "", ""]
    if seen:
        since = seen.unchanged_since or seen.time
        observed = [seen.version, timestamp(seen.time), seen.run or "", timestamp(since), str(seen.count)]
    return [
        newest.version,
        timestamp(newest.since) if newest.since else "",
        *observed,
        pack_materialization(state.materialization) if state.materialization else "",
        pack_failure(state.failure) if state.failure else "",
        str(state.fence),
        str(state.partitions),
        *pack_accepted(state),
    ]


def pack_accepted(state: AssetState) -> list[str]:
    """Write what a guard has accepted: version, since when, figures; nothing where there is no guard."""
    if not state.accepted:
        return ["", "", ""]
    since = timestamp(state.version_changed_at) if state.version_changed_at else ""
    return [state.version or "", since, state.figures]


def pack_versions(versions: Mapping[str, str]) -> str:
    """Write versions by partition, each behind a hash of both, of which the digest of them all is made."""
    if not versions:
        return ""
    return dumps({partition: f"{pair_hash(partition, version)} {version}" for partition, version in versions.items()})


def unpack_partition(row: str) -> PartitionVersion:
    """Read what is kept of one partition."""
    _, since, version = row.split(" ", 2)
    return PartitionVersion(version, moment(since))


def _said(event: Event) -> dict[str, Any]:
    """Give what an event says beside its version, without what is empty."""
    said: dict[str, Any] = {}
    if event.metadata:
        said["metadata"] = {label: [entry.type, entry.value] for label, entry in event.metadata.items()}
    if event.tags:
        said["tags"] = event.tags
    if event.description is not None:
        said["description"] = event.description
    return said


def pack_entry(entry: Append) -> tuple[str, str]:
    """Write an event as the history keeps it, and a digest of what it says beside its version and time.

    What it says is the longest part: it is written once, for the digest, and put behind the rest as it is.
    """
    head, said = dumps(_head(entry)), _said(entry.event)
    if not said:
        return head, ""
    text = dumps(said)
    return f"{head[:-1]},{text[1:]}", blake2b(text.encode(), digest_size=6).hexdigest()


def _head(entry: Append) -> dict[str, Any]:
    event = entry.event
    head: dict[str, Any] = {"id": event.id, "type": event.type, "time": event.time}
    optional = {
        "result": event.result,
        "dataVersion": entry.version or event.data_version,
        "partition": event.partition,
        "seen": len(event.partitions),
        "run": entry.run,
        "attempt": entry.attempt,
        "codeVersion": entry.code_version,
        "inputs": entry.inputs and pack_inputs(entry.inputs),
    }
    head.update({name: value for name, value in optional.items() if value})
    return head


def unpack_entry(key: str, place: str, fields: Mapping[str, str]) -> StoredEvent:
    """Read one entry of an asset's history."""
    body, flags = loads(fields["j"]), fields["f"]
    changed, partitions = loads(fields["p"]) if "p" in fields else (0, {})
    event = Event(
        id=body["id"],
        type=EventType(body["type"]),
        asset_key=key,
        time=body["time"],
        data_version=body.get("dataVersion"),
        metadata={label: MetadataEntry(*pair) for label, pair in body.get("metadata", {}).items()},
        tags=body.get("tags", {}),
        description=body.get("description"),
        result=body.get("result", False),
        partition=body.get("partition"),
        partitions=partitions if body.get("seen") else {},
    )
    return StoredEvent(
        id=place,
        event=event,
        run=body.get("run"),
        attempt=body.get("attempt"),
        changed="c" in flags,
        superseded="s" in flags,
        inputs=unpack_inputs(body.get("inputs", [])),
        code_version=body.get("codeVersion"),
        partitions_seen=body.get("seen", 0),
        partitions_changed=changed,
    )
