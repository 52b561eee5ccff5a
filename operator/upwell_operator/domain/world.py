"""The world as the operator knows it: what a pass reads, and what `plan` decides from.

Mutable, and owned by one reconciler; a pass changes it only between decisions. Everything in it is a value of
`snapshot`, so that a decision can be tested with a world of three lines.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from upwell.protocol import RunKind
from upwell_operator.domain.graph import Graph
from upwell_operator.domain.schedules import Schedule
from upwell_operator.domain.slots import Slots
from upwell_operator.domain.snapshot import (
    UNKNOWN_STATE,
    Asset,
    AssetId,
    AssetState,
    ObservationJob,
    Ref,
    Run,
    RunPhase,
    Wanted,
)
from upwell_operator.domain.staleness import Verdict


class Runs:
    """All runs whose Jobs exist, found by name, by asset and by ObservationJob."""

    def __init__(self) -> None:
        self._by_ref: dict[Ref, Run] = {}
        self._by_asset: dict[Ref, set[Ref]] = {}
        self._by_job: dict[Ref, set[Ref]] = {}
        self._building: dict[str, set[Ref]] = {}
        self._by_group: dict[Ref, set[Ref]] = {}

    def put(self, run: Run) -> None:
        """Take in a run, new or changed."""
        self._by_ref[run.ref] = run
        if run.group:
            self._by_group.setdefault(run.job_ref, set()).add(run.ref)
        self._by_asset.setdefault(run.asset, set()).add(run.ref)
        if run.kind is RunKind.MATERIALIZE and run.phase is RunPhase.ACTIVE:
            self._building.setdefault(run.ref.namespace, set()).add(run.ref)
        else:
            self._building.get(run.ref.namespace, _NONE).discard(run.ref)
        if run.observation_job:
            self._by_job.setdefault(Ref(run.ref.namespace, run.observation_job), set()).add(run.ref)

    def remove(self, ref: Ref) -> Run | None:
        """Forget a run whose Job is gone; give what was known of it."""
        run = self._by_ref.pop(ref, None)
        if run is not None:
            _discard(self._by_asset, run.asset, ref)
            self._building.get(ref.namespace, _NONE).discard(ref)
            if run.group:
                _discard(self._by_group, run.job_ref, ref)
            if run.observation_job:
                _discard(self._by_job, Ref(run.ref.namespace, run.observation_job), ref)
        return run

    def get(self, ref: Ref) -> Run | None:
        """Give a run by its name."""
        return self._by_ref.get(ref)

    def carried(self, job: Ref) -> list[Run]:
        """Give the runs that a Job (batch/v1) carries: the one of its own name, or those that share it."""
        found = (self._by_ref.get(ref) for ref in sorted(self._by_group.get(job, {job})))
        return [run for run in found if run is not None and run.job_ref == job]

    def refs(self) -> Iterable[Ref]:
        """Give the names of all runs."""
        return self._by_ref.keys()

    def of(self, asset: Ref) -> list[Run]:
        """Give an asset's runs, oldest fence first."""
        refs = self._by_asset.get(asset)
        return sorted((self._by_ref[ref] for ref in refs), key=_by_fence) if refs else []

    def of_job(self, job: Ref) -> list[Run]:
        """Give the runs that belong to runs of an ObservationJob, oldest first."""
        return sorted((self._by_ref[ref] for ref in self._by_job.get(job, ())), key=_by_fence)

    def building(self, namespace: str | None = None) -> Iterable[Ref]:
        """Give the materializations whose Jobs are not over, in one namespace or in all."""
        if namespace is not None:
            return self._building.get(namespace, _NONE)
        return (ref for refs in self._building.values() for ref in refs)

    def open(self, asset: Ref) -> list[Run]:
        """Give an asset's runs whose result is not recorded yet, running or just ended."""
        return [run for run in self.of(asset) if run.outcome is None]


_NONE: set[Ref] = set()
"""Of a namespace in which nothing was ever built; nobody adds to it."""


def _discard(index: dict[Ref, set[Ref]], owner: Ref, run: Ref) -> None:
    index[owner].discard(run)
    if not index[owner]:  # owners come and go for years
        del index[owner]


def _by_fence(run: Run) -> tuple[int, Ref]:
    return (run.fence, run.ref)


@dataclass(slots=True)
class World:
    """Everything a decision may look at."""

    graph: Graph = field(default_factory=Graph)
    states: dict[AssetId, AssetState] = field(default_factory=dict)
    verdicts: dict[Ref, Verdict] = field(default_factory=dict)
    runs: Runs = field(default_factory=Runs)
    jobs: dict[Ref, ObservationJob] = field(default_factory=dict)
    schedules: dict[Ref, Schedule] = field(default_factory=dict)
    wanted: dict[Ref, dict[Ref, Wanted]] = field(default_factory=dict)
    """What the current tick of each Schedule wants built now, by asset."""
    pending: set[Ref] = field(default_factory=set)
    """Assets that Upwell is rebuilding, or will rebuild by itself: whoever builds on them waits."""
    starting: dict[Ref, set[str]] = field(default_factory=dict)
    """Runs of ObservationJobs that are decided and whose Jobs are not seen yet: they count as going on."""
    slots: Slots = field(default_factory=Slots)
    """How many of them may go on at once, and who is next."""
    store_reachable: bool = True

    def state(self, asset: Asset) -> AssetState:
        """Give what is known of an asset's data."""
        return self.states.get(asset.id, UNKNOWN_STATE)

    def schedules_of(self, job: Ref) -> list[Schedule]:
        """Give the Schedules that fire an ObservationJob."""
        return [one for one in self.schedules.values() if one.job and Ref(one.ref.namespace, one.job) == job]

    def rebuilding(self, namespace: str) -> list[Schedule]:
        """Give the Schedules that materialize assets of a namespace."""
        return [one for one in self.schedules.values() if one.rebuild and one.ref.namespace == namespace]

    def wanted_by_clock(self, asset: Ref) -> list[Wanted]:
        """Give the builds of an asset that ticks want now, by the name of their Schedule."""
        return [builds[asset] for _, builds in sorted(self.wanted.items()) if asset in builds]
