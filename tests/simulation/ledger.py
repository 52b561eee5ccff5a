"""What was done, kept beside the product: every Job that was ever created, and what was true at that moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from simulation.trace import Trace
from upwell.protocol import RunKind
from upwell_operator.domain.runs import read_run, read_runs
from upwell_operator.domain.snapshot import AssetId, Run, RunPhase, TriggerType
from upwell_operator.local.memory import MemoryCluster
from upwell_operator.store import Store

Json = dict[str, Any]
OWNERS = ("assets", "observationjobs")


@dataclass
class Created:
    """One Job, as it was created."""

    run: Run
    owner: str
    """uid of the asset; of a run that shares a Job, that of its ObservationJob and the asset's name."""
    template: str
    at: float
    replaced: str | None
    """Run of the asset's current materialization at that moment."""
    by: str
    stillborn: bool = False
    """Asked for by one of several operators while its asset was there, and made when it was gone: Kubernetes collects
    it, and nobody can keep a call that is under way from taking effect.
    """


@dataclass
class Ledger:
    """All Jobs that operators created, with the promises that can be held against each at once."""

    cluster: MemoryCluster
    store: Store
    trace: Trace
    alone: bool
    """One operator at a time: then at most one materialization of an asset is open."""
    slots: int
    """Materializations that may go on at once; 0: any number."""
    forgiven: Callable[[Created], bool]
    """Says whether somebody else caused a second Job: deleted the first by hand, or emptied Redis."""
    created: list[Created] = field(default_factory=list)

    async def made(self, by: str, result: Json) -> None:
        """Take note of a Job that an operator has created."""
        runs = read_runs(result)
        if not runs:
            self.trace.broken(f"{by} created a Job that is no run: {result['metadata']['name']}")
        for run in runs:
            await self._made(by, run, result)

    async def _made(self, by: str, run: Run, result: Json) -> None:
        uid = result["metadata"]["ownerReferences"][0]["uid"]
        owner = uid if run.group is None else f"{uid}/{run.asset.name}"
        state = (await self.store.states([AssetId(run.ref.namespace, run.asset_key)])).get(
            AssetId(run.ref.namespace, run.asset_key)
        )
        made = state.materialization.run if state and state.materialization else None
        template = str(result["spec"]["template"]["spec"]["containers"][0].get("image"))
        gone = uid not in {obj["metadata"]["uid"] for kind in OWNERS for obj in self.cluster._shelf.all(kind)}
        stillborn = gone and not self.alone
        one = Created(run, owner, template, asyncio.get_running_loop().time(), made, by, stillborn)
        if run.kind is RunKind.MATERIALIZE and not stillborn:
            self._check(one)
            self._check_open(one)
            self._check_slots(one)
        self.created.append(one)

    def _check(self, one: Created) -> None:
        """Never two Jobs for one set of consumed versions between two materializations."""
        if one.run.trigger.type is not TriggerType.EAGER:
            return
        for other in self.created:
            if _same(one, other) and not self.forgiven(other):
                self.trace.broken(
                    f"two Jobs for one set of versions: {other.run.ref.name} at {other.at:.3f} by {other.by}, "
                    f"{one.run.ref.name} now by {one.by}; both on top of {one.replaced}"
                )

    def _check_open(self, one: Created) -> None:
        if not self.alone:
            return
        for job in self.cluster._shelf.all("jobs"):
            other = read_run(job)
            if other and _rivals(one.run, other) and job["metadata"]["ownerReferences"][0]["uid"] == one.owner:
                self.trace.broken(f"two open materializations of {one.run.asset}: {other.ref.name}, {one.run.ref.name}")

    def _check_slots(self, one: Created) -> None:
        """Never more materializations at once than there are slots."""
        runs = filter(None, map(read_run, self.cluster._shelf.all("jobs")))
        going = [run for run in runs if run.kind is RunKind.MATERIALIZE and run.phase is RunPhase.ACTIVE]
        if self.alone and self.slots and len(going) > self.slots:
            self.trace.broken(f"{len(going)} runs go on, {self.slots} are allowed: {one.run.ref.name} is the last one")


def _same(one: Created, other: Created) -> bool:
    return other.run.trigger.type is TriggerType.EAGER and (
        other.owner,
        other.run.inputs,
        other.run.code_version,
        other.template,
        other.replaced,
    ) == (one.owner, one.run.inputs, one.run.code_version, one.template, one.replaced)


def _rivals(one: Run, other: Run) -> bool:
    return other.asset == one.asset and other.ref != one.ref and other.kind is one.kind and other.outcome is None
