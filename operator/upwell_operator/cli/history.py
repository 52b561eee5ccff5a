"""`upwell events`, `runs` and `logs`: what has happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import typer

from upwell_operator.cli import assets as of
from upwell_operator.cli.client import Api, connect
from upwell_operator.cli.options import Connection
from upwell_operator.cli.output import age, columns, emit, utc_now
from upwell_operator.domain.sorts import Sort

SHOWN_CHARS = 60
EVENT_HEAD = ("AGE", "TYPE", "VERSION", "METADATA", "RUN")
PARTITION_HEAD = ("PARTITION", "VERSION", "CHANGED")
RUN_HEAD = ("RUN", "ASSET", "KIND", "PHASE", "OUTCOME", "TRIGGER", "STARTED", "TOOK")


async def show_events(
    to: Connection,
    name: str,
    limit: int,
    sorts: list[Sort] | None = None,
    since: str | None = None,
    partition: str | None = None,
) -> None:
    """Print the newest events of an asset: all, or of some sorts, or recorded since some time, or of one partition."""
    async with connect(to) as api:
        (asset,) = await of.find(api, to.namespace, [name])
        found = await api.pages(
            f"{of.path_of(asset)}/events", limit, type=sorts or None, since=since, partition=partition
        )
    emit(to.output, {"items": found}, lambda: event_table(found, utc_now(), partition) or ["No events."])


def event_table(events: Sequence[Mapping[str, Any]], now: datetime, partition: str | None = None) -> list[str]:
    """Give a line an event; of one that is about many partitions, the version of the one that was asked for."""
    rows = [
        (
            age(event.get("time"), now),
            str(event.get("type", "")).removeprefix("Asset"),
            str(event.get("dataVersion") or (event.get("partitions") or {}).get(partition) or "")[:12],
            described(event),
            event.get("run"),
        )
        for event in events
    ]
    return columns(EVENT_HEAD, rows)


async def show_partitions(to: Connection, name: str, limit: int) -> None:
    """Print the partitions of an asset."""
    async with connect(to) as api:
        (asset,) = await of.find(api, to.namespace, [name])
        found = await api.pages(f"{of.path_of(asset)}/partitions", limit)
    emit(to.output, {"items": found}, lambda: partition_table(found, utc_now()) or ["No partitions."])


def partition_table(partitions: Sequence[Mapping[str, Any]], now: datetime) -> list[str]:
    """Give a line a partition."""
    rows = [
        (one["partition"], str(one.get("dataVersion") or "-")[:12], age(one.get("changedAt"), now))
        for one in partitions
    ]
    return columns(PARTITION_HEAD, rows)


def described(event: Mapping[str, Any]) -> str:
    """Give an event's partition and metadata in one line, each value by its type; or its description, without these."""
    metadata: Mapping[str, Mapping[str, Any]] = event.get("metadata") or {}
    pairs = [f"partition {event['partition']}"] if event.get("partition") else []
    if event.get("partitionsSeen"):
        pairs.append(f"{event.get('partitionsChanged', 0)} of {event['partitionsSeen']} partitions changed")
    pairs += [f"{label}={value_text(entry)}" for label, entry in metadata.items() if label != "traceback"]
    return ", ".join(pairs) or str(event.get("description") or "")


def value_text(entry: Mapping[str, Any]) -> str:
    """Give a metadata value in a few characters; what has structure is counted, not spread out."""
    kind, value = entry.get("type"), entry.get("value")
    if kind == "table" and isinstance(value, Mapping):
        return f"<{len(value.get('records') or [])} rows>"
    if isinstance(value, (Mapping, list)):
        return f"<{kind}>"
    text = " ".join(str(value).split())
    return text if len(text) <= SHOWN_CHARS else text[: SHOWN_CHARS - 1] + "…"


async def show_runs(to: Connection, name: str | None, limit: int, *, everywhere: bool) -> None:
    """Print the newest runs, of one asset or of all."""
    async with connect(to) as api:
        asset = (await of.find(api, to.namespace, [name]))[0] if name else None
        found = await newest_runs(api, None if everywhere else to.namespace, asset, limit)
    emit(to.output, {"items": found}, lambda: run_table(found, utc_now()) or ["No runs."])


async def newest_runs(api: Api, namespace: str | None, asset: of.Object | None, limit: int) -> list[of.Object]:
    """Give the newest runs: those that go on now, from the assets' status, and those that are recorded."""
    assets = [asset] if asset else await of.all_of(api, namespace)
    ended = await api.pages("/v1/runs", None if asset else limit, namespace=namespace)
    if asset:
        ended = [run for run in ended if run.get("asset") == of.name_of(asset)]
    known = {(run["namespace"], run["name"]) for run in ended}
    active = [run for one in assets for run in active_runs(one) if (run["namespace"], run["name"]) not in known]
    return sorted([*active, *ended], key=lambda run: str(run.get("createdAt", "")), reverse=True)[:limit]


def active_runs(asset: of.Object) -> list[of.Object]:
    """Give an asset's runs that go on now, as far as its status tells."""
    return [
        {
            "namespace": of.namespace_of(asset), "name": run["name"], "asset": of.name_of(asset), "phase": "Active",
            "kind": run.get("kind"), "createdAt": run.get("startedAt"),
        }
        for run in of.status_of(asset).get("activeRuns") or []
    ]  # fmt: skip


def run_table(runs: Sequence[Mapping[str, Any]], now: datetime) -> list[str]:
    """Give a line a run."""
    rows = [
        (
            run.get("name"), run.get("asset"), run.get("kind"), run.get("phase"), run.get("outcome"),
            trigger_text(run.get("trigger")), age(run.get("createdAt"), now), age_between(run, now),
        )
        for run in runs
    ]  # fmt: skip
    return columns(RUN_HEAD, rows)


def trigger_text(trigger: object) -> str:
    """Give why a run was started."""
    return str(trigger.get("type", "")) if isinstance(trigger, Mapping) else str(trigger or "")


def age_between(run: Mapping[str, Any], now: datetime) -> str:
    """Give how long a run took, or has taken so far."""
    end = run.get("endedAt")
    return age(run.get("createdAt"), datetime.fromisoformat(end) if end else now)


async def show_log(to: Connection, run: str) -> None:
    """Print the end of a run's log."""
    async with connect(to) as api:
        text = await api.text(f"/v1/runs/{to.namespace}/{run}/log")
    typer.echo(text, nl=not text.endswith("\n"))
