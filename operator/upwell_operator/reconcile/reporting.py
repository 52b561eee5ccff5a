"""From an event of a run to an entry of the store: what a run may report, whichever way the report comes.

Rule: anything about its own asset; about other assets of its namespace only observations without a data version,
because a version is a promise that only the asset's own run can keep. The server calls this for HTTP, `recording` for
termination messages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from upwell.protocol import Event, EventType
from upwell_operator.domain.partitions import Partitions, versions
from upwell_operator.domain.snapshot import AssetId, Run
from upwell_operator.domain.versions import derived_version
from upwell_operator.errors import Forbidden
from upwell_operator.store.records import Append

FAILURES = frozenset({EventType.OBSERVATION_FAILED, EventType.MATERIALIZATION_FAILED})
Reporter = Callable[[str | None, Event], Append]
"""From an attempt and its event to the entry of the store. Raises Forbidden."""


def reporter(runs: Sequence[Run], cut: Partitions | None, now: datetime) -> Reporter:
    """Give who judges the events of a Job's pods: each event is its asset's run's, of those that share the Job.

    About assets that are none of theirs they may say as much as any run, as a group. `cut` is as for `entry`: an asset
    that is cut into partitions never shares its Job.
    """
    by_key = {run.asset_key: run for run in runs}
    group = replace(runs[0], ref=runs[0].job_ref)
    return lambda attempt, event: entry(by_key.get(event.asset_key, group), attempt, event, cut, now)


def entry(run: Run, attempt: str | None, event: Event, cut: Partitions | None, now: datetime) -> Append:
    """Give the entry for one event of a run's attempt; `cut` is the asset's definition of partitions.

    Raises Forbidden for another asset's version, Rejected for what is no partition.
    """
    if event.asset_key != run.asset_key:
        return _about_another(run, attempt, event)
    event = _of_its_partition(run, event)
    unnamed = event.data_version is None and event.type is EventType.MATERIALIZATION
    version = derived_version(run.code_version, run.ref.name, run.inputs) if unnamed else event.data_version
    return Append(
        id=AssetId(run.ref.namespace, run.asset_key),
        event=event,
        run=run.ref.name,
        attempt=attempt,
        fence=run.fence,
        inputs=run.inputs,
        code_version=run.code_version,
        version=version if event.partition is None or event.type is EventType.MATERIALIZATION else None,
        kind=run.kind,
        uid=run.report_id or None,
        versions={} if event.type in FAILURES else versions(cut, replace(event, data_version=version), now),
        last=event.result or event.type in FAILURES,
    )


def _of_its_partition(run: Run, event: Event) -> Event:
    """Give the event as one about the partition that the run builds. Raises Forbidden for another one."""
    if run.partition is None or event.partition == run.partition:
        return event
    if event.partition is not None or event.partitions:
        raise Forbidden(f"partition: the run {run.ref.name} builds {run.partition!r}, and reports of no other.")
    return replace(event, partition=run.partition)


def named(event: Event) -> str | None:
    """Give the version that an event names for the asset as a whole."""
    return None if event.partition is not None else event.data_version


def _about_another(run: Run, attempt: str | None, event: Event) -> Append:
    if event.type is not EventType.OBSERVATION or event.data_version is not None or event.partitions:
        raise Forbidden(
            f"assetKey: the run {run.ref.name} is about {run.asset_key!r}; about {event.asset_key!r} it may report "
            "only an AssetObservation without a dataVersion."
        )
    data = AssetId(run.ref.namespace, event.asset_key)
    return Append(id=data, event=event, run=run.ref.name, attempt=attempt, uid=run.report_id or None)
