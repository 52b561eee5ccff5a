"""One pass: from dirty keys to plans, and from plans to what is done about them.

Before a run is started because data changed, what it would consume is read once more, inputs before the asset itself:
so nobody decides on a state that is older than the Jobs that he has seen. If it differs, the plan is made again.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from upwell.protocol import RunKind
from upwell_operator.cluster.leased import AFTER_SECONDS
from upwell_operator.domain.actions import Action, EndRun, Planned, StartGroup, StartRun
from upwell_operator.domain.decisions import Decision, Verb, Why
from upwell_operator.domain.plan import follow, plan
from upwell_operator.domain.slots import admit
from upwell_operator.domain.snapshot import AssetId, Ref
from upwell_operator.domain.world import World
from upwell_operator.errors import Conflict, Fenced, NotFound, Stalled, StoreUnavailable, Waiting
from upwell_operator.reconcile.acting import Actor
from upwell_operator.reconcile.diary import Diary
from upwell_operator.reconcile.gathering import Gatherer
from upwell_operator.reconcile.mirror import Mirror
from upwell_operator.reconcile.queue import Key, Queue, Subject
from upwell_operator.reconcile.recording import Recorder
from upwell_operator.reconcile.writing import PLURALS, Writer
from upwell_operator.resources.meta import Kind

Json = dict[str, Any]
log = logging.getLogger(__name__)
LOOKS = 3
"""How often a plan is made again because the store had moved on; then the keys simply come again."""


@dataclass(frozen=True, slots=True)
class Hands:
    """Those who do what a plan says."""

    actor: Actor
    writer: Writer
    recorder: Recorder
    diary: Diary


class Pass:
    """Passes over the world. `may_write` is asked before each: an operator without its Lease decides nothing."""

    def __init__(
        self,
        world: World,
        mirror: Mirror,
        queue: Queue,
        gatherer: Gatherer,
        hands: Hands,
        clock: Callable[[], datetime],
        concurrency: int,
        may_write: Callable[[], bool],
    ) -> None:
        self._world, self._mirror, self._queue, self._gatherer = world, mirror, queue, gatherer
        self._hands, self._clock, self._may_write = hands, clock, may_write
        self._concurrency, self._busy = concurrency, 0
        self._waiting: deque[Callable[[], Awaitable[None]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._fenced: Fenced | None = None

    async def run(self, keys: set[Key]) -> None:
        """Look at these keys, and at whatever they change. Raises Fenced."""
        if self._fenced:
            raise self._fenced
        if not self._may_write():
            self._put_off(keys)
            return
        runs = {key for key in keys if key.subject is Subject.RUN}
        for key in self._queue.claim(runs):
            self._start(partial(self._record, key))
        await self._look(keys - runs)

    async def drain(self) -> None:
        """Wait for the actions in flight, and for the Events about them."""
        while self._tasks:
            await asyncio.wait(self._tasks)
        await self._hands.writer.told()

    def _put_off(self, keys: set[Key]) -> None:
        """Have keys looked at later: a Lease in doubt may turn out to be held, and nothing tells of them again."""
        soon = asyncio.get_running_loop().time() + AFTER_SECONDS
        for key in keys:
            self._queue.add_at(key, soon)

    # ------------------------------------------------------------- plan

    async def _look(self, keys: set[Key]) -> None:
        self._gatherer.read_again(self._running_out(_refs(keys)))
        changed = await self._gatherer.gather(_refs(keys))
        wanted = keys | self._moved(_refs(keys) | changed) | _assets(changed)
        plans: dict[Key, tuple[Planned, Stalled | None]] = {}
        for _ in range(LOOKS):
            again = {key for key in plans if key in wanted}
            wanted = self._queue.claim(wanted - again) | again
            plans = {key: made for key, made in plans.items() if key not in again} | self._plans(wanted)
            changed = await self._gatherer.read(list(dict.fromkeys(self._consumed(plans))))
            if not changed:
                break
            wanted = self._moved(changed) | _assets(changed) | {key for key in plans if _starts(plans[key][0])}
        else:
            plans = {key: (Planned(), None) if _starts(made[0]) else made for key, made in plans.items()}
            self._queue.add(*plans)
        plans = self._admitted(plans)
        await self._hands.diary.note([why for planned, _ in plans.values() for why in planned.decisions])
        for key, (planned, error) in plans.items():
            self._start(partial(self._carry_out, key, planned, error))

    def _running_out(self, refs: Iterable[Ref]) -> list[AssetId]:
        """Give the data of those whose `maximumLag` is over as far as we know.

        Who has seen the same version once more is not told of (it changes nothing below), and may have been young again
        for a while.
        """
        now, verdicts = self._clock(), self._world.verdicts
        known = (verdicts[ref] for ref in refs if ref in verdicts)
        return [one.data for one in known if one.expires_at is not None and one.expires_at <= now]

    def _moved(self, refs: Iterable[Ref]) -> set[Key]:
        """Follow a change downstream; give all whose verdict, or whose waiting for an input, is another now."""
        return _assets(follow(self._world, refs, self._clock()))

    def _plans(self, keys: set[Key]) -> dict[Key, tuple[Planned, Stalled | None]]:
        """Plan each key by itself: one that cannot be planned waits out a backoff, and harms no other."""
        now, plans = self._clock(), {}
        for key in sorted(keys):
            try:
                plans[key] = self._plan(key, now)
            except Exception:
                delay = self._queue.failed(key)
                log.exception("%s %s could not be planned; it is tried again in %.1f s", key.subject, key.ref, delay)
        return plans

    def _plan(self, key: Key, now: datetime) -> tuple[Planned, Stalled | None]:
        seen = self._mirror.get(key)
        if seen is None or seen.error is not None:
            return Planned(), None
        try:
            planned = plan(self._world, Kind(key.subject.value), key.ref, now)
        except Stalled as error:
            return Planned(wake=error.again), error
        for job, run in _job_runs(planned):
            self._world.starting.setdefault(job, set()).add(run)  # whoever is planned after this one knows of it
        return planned, None

    def _admitted(self, plans: dict[Key, tuple[Planned, Stalled | None]]) -> dict[Key, tuple[Planned, Stalled | None]]:
        """Have runs wait that have no slot; whoever is next while there are slots is looked at in the next pass."""
        slots = self._world.slots
        if not slots.are_limited:
            return plans
        by_ref = {key.ref: planned for key, (planned, _) in plans.items() if key.subject is Subject.ASSET}
        admitted = admit(self._world, by_ref, self._clock())
        self._queue.add(*_assets(slots.next_up(self._world.runs)))
        return plans | {key: (admitted[key.ref], plans[key][1]) for key in _assets(admitted)}

    def _consumed(self, plans: dict[Key, tuple[Planned, Stalled | None]]) -> Iterable[AssetId]:
        """Give the data that runs would be started on: inputs first, so that the asset's own state is never older.

        A request for whatever partitions are not fresh is looked at as a start, since it may find none too early.
        """
        starting = [start.asset for planned, _ in plans.values() for start in _starts(planned)]
        answered = [self._world.graph.get(key.ref) for key, (planned, _) in plans.items() if planned.handled_request]
        starting += [asset for asset in answered if asset and asset.partitions and asset.deps]
        for asset in starting:
            yield from (dep.id for ref in asset.deps if (dep := self._world.graph.get(ref)))
        yield from (asset.id for asset in starting)

    # ------------------------------------------------------------- act

    def _start(self, work: Callable[[], Awaitable[None]]) -> None:
        """Have it done when its turn comes. A task for each of ten thousand would hold 30 MB."""
        self._waiting.append(work)
        if self._busy < self._concurrency:
            self._busy += 1
            task = asyncio.get_running_loop().create_task(self._take_turns())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _take_turns(self) -> None:
        try:
            while self._waiting:
                await self._waiting.popleft()()
        finally:
            self._busy -= 1  # at once: a task that is over counts among `_tasks` for one turn of the loop more

    async def _carry_out(self, key: Key, planned: Planned, error: Stalled | None) -> None:
        try:
            await self._guarded(key, self._do(key, planned, error))
        finally:
            self._begun(key, planned)
        self._wake(key, planned)

    def _begun(self, key: Key, planned: Planned) -> None:
        """Count what was started by its Jobs from now on: an ObservationJob's run, and who takes a slot."""
        if _starts(planned):
            self._world.slots.release(key.ref)
            self._queue.add(*_assets(self._world.slots.next_up(self._world.runs)))
        for job, run in _job_runs(planned):
            starting = self._world.starting.get(job, set())
            starting.discard(run)
            if not starting:
                self._world.starting.pop(job, None)

    async def _do(self, key: Key, planned: Planned, error: Stalled | None) -> None:
        try:
            for action in planned.actions:
                await self._make_sure(action)
                if isinstance(action, EndRun):
                    await self._hands.diary.ended(action.runs, action.message, self._clock())
                job = await self._hands.actor.act(action)
                if job is not None:
                    self._queue.add(*self._mirror.saw("jobs", "ADDED", job))
                    await self._hands.diary.started(job)
        except Stalled as refused:
            await self._hands.diary.note(self._refused(key, refused))
            planned, error = Planned(), refused
        self._queue.add(*await self._hands.writer.write(key, planned, error))
        self._queue.add(*self._want(key, planned))

    def _want(self, key: Key, planned: Planned) -> set[Key]:
        """Take over what a Schedule's tick wants built, now that its status names the tick; give the assets."""
        if planned.wanted:
            self._world.wanted[key.ref] = dict(planned.wanted)
        elif key.subject is Subject.SCHEDULE:
            self._world.wanted.pop(key.ref, None)
        return _assets(ref for ref, _ in planned.wanted)

    async def _make_sure(self, action: Action) -> None:
        """Start no run again whose Job was collected with its owner: of the two, the Job may be heard of first.

        Raises NotFound or Conflict when the asset, or the ObservationJob of a group, is gone or another one now.
        """
        if not isinstance(action, StartRun | StartGroup) or not self._mirror.vanished(action.ref):
            return
        if isinstance(action, StartGroup):
            key, uid = Key(Subject.OBSERVATION_JOB, action.job.ref), action.job.uid
        else:
            key, uid = Key(Subject.ASSET, action.asset.ref), action.asset.uid
        obj = await self._read_again(key)
        if obj["metadata"].get("uid", "") != uid:
            raise Conflict(f"{key.ref} is another one now")

    def _refused(self, key: Key, error: Stalled) -> list[Decision]:
        asset = self._world.graph.get(key.ref) if key.subject is Subject.ASSET else None
        kind = Kind(key.subject.value)
        return [
            Decision(
                kind, key.ref, Verb.NO_RUN, Why.RUN_REFUSED, str(error), self._clock(), asset.id if asset else None
            )
        ]

    async def _record(self, key: Key) -> None:
        await self._guarded(key, self._record_run(key))

    async def _record_run(self, key: Key) -> None:
        runs = self._world.runs.carried(key.ref)
        if all(run.outcome for run in runs):
            return
        job = await self._hands.recorder.record(runs)
        self._gatherer.read_again([AssetId(run.ref.namespace, run.asset_key) for run in runs])
        if job is not None:
            self._queue.add(*self._mirror.saw("jobs", "MODIFIED", job))
        self._queue.add(*_assets(run.asset for run in runs))

    async def _guarded(self, key: Key, work: Awaitable[None]) -> None:
        """Give every error its meaning: who tries again, when, and who does not."""
        try:
            await work
        except (Conflict, NotFound):
            await self._see_again(key)
        except Waiting as error:
            if isinstance(error, StoreUnavailable):
                self._gatherer.lost_store(error)
            self._queue.failed(key, error.after)
        except Fenced as error:
            self._fenced = error
            self._queue.failed(key)
        except Exception:
            delay = self._queue.failed(key)
            log.exception("%s %s went wrong; it is tried again in %.1f s", key.subject, key.ref, delay)
        else:
            self._queue.done(key)

    async def _see_again(self, key: Key) -> None:
        """Somebody wrote first, or deleted it: read the object as it is now, and decide again."""
        if key.subject is Subject.RUN:
            self._queue.done(key)
            return
        try:
            await self._read_again(key)
        except NotFound:
            self._queue.forget(key)
        except Waiting as error:
            self._queue.failed(key, error.after)
        else:
            self._queue.add(key)
            self._queue.done(key)

    async def _read_again(self, key: Key) -> Json:
        """Read an object as it is now, and have whoever it concerns looked at. Raises NotFound, ClusterUnavailable."""
        try:
            obj = await self._hands.writer.fetch(key)
        except NotFound:
            self._queue.add(*self._mirror.lost(key))
            raise
        self._queue.add(*self._mirror.saw(PLURALS[key.subject], "MODIFIED", obj))
        return obj

    def _wake(self, key: Key, planned: Planned) -> None:
        verdict = self._world.verdicts.get(key.ref) if key.subject is Subject.ASSET else None
        times = [time for time in (planned.wake, verdict and verdict.expires_at) if time]
        if times:
            delay = (min(times) - self._clock()).total_seconds()
            self._queue.add_at(key, asyncio.get_running_loop().time() + max(0.0, delay))


def _starts(planned: Planned) -> list[StartRun]:
    """Give the materializations among a plan's actions."""
    return [one for one in planned.actions if isinstance(one, StartRun) and one.kind is RunKind.MATERIALIZE]


def _job_runs(planned: Planned) -> set[tuple[Ref, str]]:
    """Give the runs of ObservationJobs among a plan's actions, each with its job."""
    starts = [one for one in planned.actions if isinstance(one, StartRun) and one.observation_job and one.job_run]
    alone = {(Ref(one.ref.namespace, one.observation_job or ""), one.job_run or "") for one in starts}
    return alone | {(one.job.ref, one.job_run) for one in planned.actions if isinstance(one, StartGroup)}


def _refs(keys: Iterable[Key]) -> set[Ref]:
    return {key.ref for key in keys if key.subject is Subject.ASSET}


def _assets(refs: Iterable[Ref]) -> set[Key]:
    return {Key(Subject.ASSET, ref) for ref in refs}
