"""One seed from beginning to end: a storm of some minutes, calm, quiet, and the reckoning."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from simulation import invariants, virtual
from simulation.kubelet import Kubelet
from simulation.ledger import Created, Ledger
from simulation.lives import Life, owned_task
from simulation.outside import Outside
from simulation.trace import Alarm, Trace
from simulation.weather import Storm, Weather, forecast
from upwell_operator.local.memory import MemoryCluster
from upwell_operator.settings import Settings
from upwell_operator.store import Store, feed

Json = dict[str, Any]
FOR_EVER = 10**6
SAFETY_NET = 30
"""Seconds between full passes where watch events get lost; where none does, there is no safety net."""
STILL = 8.0
"""Seconds without a write that count as quiet."""
LONGEST_CALM = 4000.0
DEADLINES = 4
"""How often that is waited for, since one may wait for the other, before what is wrong is wrong."""
STORM_MINUTES = 3.0
feed.BLOCK_SECONDS = 300.0  # an idle reader costs nothing here


@dataclass
class Outcome:
    """What came of a seed."""

    seed: int
    weather: Weather
    trace: Trace
    jobs: int = 0

    @property
    def ok(self) -> bool:
        """Say whether every promise was kept."""
        return not self.trace.violations


def simulate(seed: int) -> Outcome:
    """Run one seed."""
    weather, trace = forecast(Random(f"{seed}: weather")), Trace()
    outcome, loop, alarm = Outcome(seed, weather, trace), virtual.VirtualLoop(), Alarm(trace)
    loop.set_task_factory(owned_task)  # type: ignore[arg-type]
    logger = logging.getLogger("upwell_operator")
    logger.addHandler(alarm)
    logger.propagate = False
    try:
        virtual.run(_Bed(seed, weather, trace, loop).run(outcome), loop)
    except RuntimeError as error:
        trace.violations.append(repr(error))
    finally:
        logger.removeHandler(alarm)
    trace.violations += [f"event loop: {trouble}" for trouble in loop.troubles]
    return outcome


class _Bed:
    def __init__(self, seed: int, weather: Weather, trace: Trace, loop: virtual.VirtualLoop) -> None:
        self._seed, self._weather, self._trace, self._loop = seed, weather, trace, loop
        self._server = virtual.redis_server(loop)
        self._lives: list[Life] = []
        self._names = 0
        self._flushed_at = -1.0

    def _dice(self, what: str) -> Random:
        return Random(f"{self._seed}: {what}")

    async def run(self, outcome: Outcome) -> None:
        """Storm, calm, quiet, reckoning."""
        self._storm = Storm(self._weather)
        self._trace(f"seed {self._seed}: {self._weather}")
        self._cluster = MemoryCluster(self._loop.now, seed=str(self._seed))
        self._store = Store(Settings(), virtual.redis_client(self._server))
        await self._store.open()
        await self._store.raise_epoch()  # runs a script, so that there is a runtime to make quick
        self._store.epoch = None
        virtual.quick_scripts(self._server)
        outside, habits = self._dice("outside"), self._dice("habits")
        self._outside = Outside(self._cluster, self._storm, outside, habits, self._trace, STORM_MINUTES)
        self._kubelet = Kubelet(
            self._cluster, self._store, self._storm, self._dice("kubelet"), self._trace, self._outside.look
        )
        alone = self._weather.operators == 1 and not self._weather.fenced
        self._ledger = Ledger(self._cluster, self._store, self._trace, alone, self._weather.slots, self._forgiven)
        await self._weathered()
        await self._reckon()
        outcome.jobs = len(self._ledger.created)

    async def _weathered(self) -> None:
        work = [self._loop.create_task(self._kubelet.work())]
        work += [self._loop.create_task(self._operator(place)) for place in range(self._weather.operators)]
        work += [self._loop.create_task(self._outages()), self._loop.create_task(self._flushes())]
        await self._outside.begin()
        await self._outside.live()
        self._trace("the storm is over")
        self._storm.over = True
        self._storm.gone.clear()
        # a watch may have lost the last word, and an emptied Redis is noticed when a reader's turn is over
        await self._quiet(65 + SAFETY_NET * bool(self._weather.drop) + feed.BLOCK_SECONDS * self._weather.flushes)

    # ------------------------------------------------------------- what happens to operators and Redis

    async def _operator(self, place: int) -> None:
        """Keep one operator alive: after each death there is a new one, some time later."""
        dice = self._dice(f"operator {place}")
        await asyncio.sleep(dice.choice((0, 0, 20)))
        while True:
            life = self._born(f"op{place}", dice)
            limit = dice.uniform(60, 300) if self._weather.fenced else FOR_EVER
            await self._wait_for_end(life, limit)
            await asyncio.sleep(0.1 if self._storm.over else dice.choice((0.5, 2, 15, 60)))

    async def _wait_for_end(self, life: Life, limit: float) -> None:
        """With fencing, a successor may start while this one goes on: as if its Lease had run out unnoticed."""
        try:
            async with asyncio.timeout(limit):
                await life.over.wait()
        except TimeoutError:
            if self._storm.over:
                await life.over.wait()

    def _born(self, name: str, dice: Random) -> Life:
        self._names += 1
        name = f"{name}.{self._names}"
        self._trace(f"{name} starts")
        seconds, slots = SAFETY_NET if self._weather.drop else FOR_EVER, self._weather.slots
        settings = Settings(full_pass_seconds=seconds, leader_election=False, max_concurrent_runs=slots)
        chance = self._dice(name)
        life = Life(name, self._cluster, self._server, settings, self._storm, chance, self._trace, self._ledger.made)
        self._lives = [one for one in self._lives if not one.dead] + [life]
        return life

    async def _outages(self) -> None:
        dice = self._dice("outages")
        for _ in range(self._weather.outages):
            await asyncio.sleep(dice.uniform(20, STORM_MINUTES * 50))
            if self._storm.over:
                return
            self._trace("the store goes away")
            self._storm.gone.set()
            await asyncio.sleep(dice.uniform(5, 60))
            self._trace("the store is back")
            self._storm.gone.clear()

    async def _flushes(self) -> None:
        dice = self._dice("flushes")
        for _ in range(self._weather.flushes):
            await asyncio.sleep(dice.uniform(60, STORM_MINUTES * 55))
            self._trace("Redis is emptied")
            self._flushed_at = self._loop.time()
            client = virtual.redis_client(self._server)
            await client.flushall()
            await client.aclose()

    def _forgiven(self, other: Created) -> bool:
        return other.run.job_ref.name in self._outside.deleted_jobs or other.at <= self._flushed_at

    # ------------------------------------------------------------- quiet

    async def _quiet(self, least: float) -> None:
        """Wait until nothing moves any more."""
        start, seen, since = self._loop.time(), "", self._loop.time()
        await asyncio.sleep(least)
        while self._loop.time() < start + LONGEST_CALM:
            moving = self._kubelet.running or not all(life.idle for life in self._lives if not life.dead)
            if moving or self._cluster.resource_version != seen or self._storm.gone.is_set():
                seen, since = self._cluster.resource_version, self._loop.time()
            elif self._loop.time() - since >= STILL:
                self._trace("all is quiet")
                return
            await asyncio.sleep(2)
        self._trace.broken(f"it never becomes quiet: {self._restless()}")

    def _restless(self) -> str:
        busy = [life.name for life in self._lives if not life.dead and not life.idle]
        return f"running {sorted(self._kubelet.running)}, busy {busy}"

    # ------------------------------------------------------------- reckoning

    async def _reckon(self) -> None:
        wrong = await self._wrong()
        for _ in range(DEADLINES):
            if not wrong or not self._has_deadlines():
                break
            await self._quiet(invariants.LONGEST_PACE)  # a moment may have come since, or somebody waits for one
            wrong = await self._wrong()
        for sentence in wrong:
            self._trace.broken(sentence)

    def _has_deadlines(self) -> bool:
        specs = [one["spec"] for one in self._outside.manifests.values()]
        return any("freshness" in spec or len(spec.get("autoMaterialize", {})) > 1 for spec in specs)

    async def _wrong(self) -> list[str]:
        keys = {one.run.asset_key for one in self._ledger.created} | {
            name for kind, name in self._outside.manifests if kind == "assets"
        }
        quiet = await invariants.look(self._cluster, self._store, self._loop.now(), keys)
        return list(self._checks(quiet))

    def _checks(self, quiet: invariants.Quiet) -> Iterator[str]:
        outside, ledger = self._outside, self._ledger
        yield from invariants.freshness(quiet)
        yield from invariants.facts(quiet)
        yield from invariants.eagerness(quiet, emptied=self._flushed_at >= 0)
        yield from invariants.history(quiet, self._kubelet, self._flushed_at)
        if not self._weather.flushes:
            yield from invariants.fences(quiet, ledger)
        yield from invariants.recorded(quiet)
        yield from invariants.requests(quiet, outside, ledger)
        yield from invariants.ticks(quiet, ledger, outside)
        yield from invariants.open_ticks(quiet)
        yield from invariants.decided(quiet, ledger, self._weather)
        yield from invariants.untouched(quiet, outside)
        yield from invariants.statuses(quiet)
