"""What the store remembers, as JSON: events in the wire format with what the server added, versions, decisions, runs.

Limits: pure; names are camelCase as everywhere on the wire, what is absent is left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from pydantic import TypeAdapter

from upwell.protocol import Event, InputVersion
from upwell_operator.domain.decisions import Decision
from upwell_operator.domain.snapshot import Run
from upwell_operator.store import Change, PartitionVersion, StoredEvent, Use, VersionSpan

Json = dict[str, Any]
_EVENT: Final = TypeAdapter(Event)


def present(**fields: Any) -> Json:
    """Give the fields that say something."""
    return {name: value for name, value in fields.items() if value is not None and value not in ((), [])}


def event_json(stored: StoredEvent) -> Json:
    """Write one event of an asset's history."""
    wire: Json = _EVENT.dump_python(stored.event, by_alias=True, exclude_none=True)
    if not wire["partitions"]:
        del wire["partitions"]
    return wire | present(
        run=stored.run,
        attempt=stored.attempt,
        changed=stored.changed,
        superseded=stored.superseded,
        inputs=inputs_json(stored.inputs),
        codeVersion=stored.code_version,
        partitionsSeen=stored.partitions_seen or None,
        partitionsChanged=stored.partitions_changed or None,
    )


def inputs_json(inputs: Sequence[InputVersion]) -> list[Json]:
    """Write consumed versions."""
    return [present(name=one.name, key=one.key, dataVersion=one.data_version) for one in inputs]


def span_json(span: VersionSpan) -> Json:
    """Write how long an asset had one version."""
    return present(
        dataVersion=span.version,
        current=span.current,
        firstSeen=span.first_seen,
        lastSeen=span.last_seen,
        times=span.times,
        run=span.run,
    )


def use_json(use: Use, *, current: bool) -> Json:
    """Write what one materialization made of a version; `current` if that is what the asset is now."""
    return present(
        namespace=use.id.namespace,
        key=use.id.key,
        dataVersion=use.version,
        input={"namespace": use.input.namespace, "key": use.input.key, "dataVersion": use.consumed},
        time=use.time,
        run=use.run,
        depth=use.depth,
        current=current,
    )


def partition_json(key: str, known: PartitionVersion | None) -> Json:
    """Write what is known of one partition."""
    return present(partition=key, dataVersion=known and known.version, changedAt=known and known.since)


def decision_json(decision: Decision) -> Json:
    """Write why something ran, or did not."""
    return present(
        time=decision.time,
        kind=decision.kind,
        namespace=decision.ref.namespace,
        name=decision.ref.name,
        decision=decision.verb,
        reason=decision.reason,
        message=decision.message,
        run=decision.run,
    )


def run_json(run: Run) -> Json:
    """Write what is known of a run."""
    return present(
        namespace=run.ref.namespace,
        name=run.ref.name,
        asset=run.asset.name,
        assetKey=run.asset_key,
        kind=run.kind,
        phase=run.phase,
        outcome=run.outcome,
        trigger={"type": run.trigger.type, "detail": run.trigger.detail},
        inputs=inputs_json(run.inputs),
        codeVersion=run.code_version,
        partition=run.partition,
        request=run.request,
        observationJob=run.observation_job,
        sharedJob=run.group,
        fence=run.fence,
        createdAt=run.created_at,
        endedAt=run.ended_at,
        message=run.message or None,
    )


def change_json(change: Change) -> Json:
    """Write one change, as the stream sends it."""
    return present(
        namespace=change.id.namespace,
        key=change.id.key,
        type=change.kind.value,
        dataVersionChanged=change.changed,
        run=change.run,
    )
