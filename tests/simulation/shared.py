"""Jobs that several assets share: a pod for each index, which observes its members one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from upwell.protocol import EXIT_PERMANENT, Event, EventType
from upwell_operator.domain.runs import INDEX_LABEL
from upwell_operator.domain.snapshot import Run

if TYPE_CHECKING:
    from simulation.kubelet import Kubelet

Json = dict[str, Any]
KILLED = 137
LONGEST = 8.0
WAYS = {"posts": 8, "leaves": 3, "fails": 2}
"""What comes of one asset, and how often."""


async def observe(kubelet: Kubelet, job: Json, runs: Sequence[Run]) -> bool:
    """Run all indexes; say whether every one of them is complete."""
    indexes = range(job["spec"]["completions"])
    limit = job["spec"]["backoffLimitPerIndex"]
    ends = [_index(kubelet, index, [run for run in runs if run.pod == index], limit) for index in indexes]
    return all(await asyncio.gather(*ends))


async def _index(kubelet: Kubelet, index: int, runs: Sequence[Run], limit: int) -> bool:
    failed = 0
    while True:
        code = await _Pod(kubelet, index, runs).go()
        if code == 0:
            return True
        failed += 1
        if code == EXIT_PERMANENT or failed > limit:
            return False
        await asyncio.sleep(kubelet.dice.uniform(1, 5))


class _Pod:
    """One pod of an index; killed on the way now and then."""

    def __init__(self, kubelet: Kubelet, index: int, runs: Sequence[Run]) -> None:
        self.kubelet, self.index, self.runs = kubelet, index, runs
        self.name = f"{runs[0].job_ref.name}-{index}-{kubelet.dice.randrange(16**5):05x}"
        self.left: list[Event] = []

    async def go(self) -> int:
        kubelet, dice = self.kubelet, self.kubelet.dice
        kubelet._alive(self.runs[0])
        await kubelet.cluster.create("pods", kubelet.pod(self.name, self.runs[0], {INDEX_LABEL: str(self.index)}))
        kubelet.trace(f"pod {self.name}: observes {[run.asset_key for run in self.runs]}")
        end = dice.randrange(len(self.runs)) if dice.random() < 0.2 else None
        failed = False
        for place, run in enumerate(self.runs):
            if place == end:
                return await kubelet.exit(self.name, run, KILLED)
            failed |= await self._observe(run)
        code = EXIT_PERMANENT if failed else 0
        return await kubelet.exit(self.name, self.runs[0], code, kubelet.result(self.left) if self.left else None)

    async def _observe(self, run: Run) -> bool:
        """Observe one asset; say whether it failed."""
        kubelet, dice = self.kubelet, self.kubelet.dice
        version = kubelet.look(run.asset_key)
        await asyncio.sleep(dice.uniform(0.1, LONGEST))
        way = dice.choices(list(WAYS), list(WAYS.values()))[0]
        fails = way == "fails"
        kind = EventType.OBSERVATION_FAILED if fails else EventType.OBSERVATION
        time = kubelet.cluster.now().isoformat()
        event = Event(kubelet.next_id(), kind, run.asset_key, time, None if fails else version, result=not fails)
        if way == "leaves" or not await kubelet.post(self.runs, self.name, [event]):
            self.left.append(event)
        return fails
