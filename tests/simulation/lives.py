"""Operators that live and die: the real Reconciler behind a port and a store that fail, stall, and kill it.

Every call of the port and of the store is a place where an operator may die before the effect or after it, where the
answer may be lost, or where it may stand still for a minute. A dead operator does nothing more: its tasks are
cancelled, and a call that it had begun never returns. A new life knows nothing of the one before.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from random import Random
from typing import Any

import fakeredis

from simulation import virtual
from simulation.trace import Trace
from simulation.weather import Storm
from upwell_operator.domain.decisions import Decision
from upwell_operator.domain.snapshot import Run
from upwell_operator.errors import ClusterUnavailable, Conflict, Fenced, StoreUnavailable
from upwell_operator.local.memory import MemoryCluster
from upwell_operator.local.watching import Change, Deliver
from upwell_operator.reconcile import Reconciler
from upwell_operator.settings import Settings
from upwell_operator.store import Append, Store

Json = dict[str, Any]
OWNER: contextvars.ContextVar[Life | None] = contextvars.ContextVar("owner", default=None)
HEARD = ("assets", "observationjobs", "schedules", "jobs")
OURS = frozenset(HEARD[:3])
INTERLEAVED = 0.5
"""How often something else can happen before a call takes effect, and again before its answer is there."""
READS = frozenset({"get", "list", "states", "outcome", "is_empty", "position", "pod_log"})


def owned_task(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **options: Any) -> asyncio.Task[Any]:
    """Make a task that ends with the operator which started it: the loop's task factory."""
    task = asyncio.Task(work, loop=loop, **options)
    given = options.get("context")
    owner = (contextvars.copy_context() if given is None else given).get(OWNER)  # an empty context is falsy
    if owner is not None:
        owner.tasks[task] = None
        task.add_done_callback(lambda done: owner.tasks.pop(done, None))
    return task


class Life:
    """One life of one operator."""

    def __init__(
        self,
        name: str,
        cluster: MemoryCluster,
        server: fakeredis.FakeServer,
        settings: Settings,
        storm: Storm,
        dice: Random,
        trace: Trace,
        watcher: Callable[[str, Json], Coroutine[Any, Any, None]],
    ) -> None:
        self.name, self.storm, self.dice, self.trace = name, storm, dice, trace
        self.tasks: dict[asyncio.Task[Any], None] = {}
        self.dead = False
        self.over = asyncio.Event()
        self.in_flight = 0
        self._cluster, self._watcher = cluster, watcher
        every = storm.weather.crash_calls
        self._calls_left = dice.randint(1, 2 * every) if every else -1
        loop = asyncio.get_running_loop()
        self.store = FaultyStore(self, Store(settings, virtual.redis_client(server)))
        self.mind = Reconciler(FaultyCluster(self, cluster), self.store, settings, loop.now)  # type: ignore[arg-type, attr-defined]
        context = contextvars.copy_context()
        context.run(OWNER.set, self)
        self._main = loop.create_task(self._live(), context=context)

    def die(self, why: str) -> None:
        """Die here and now."""
        if not self.dead:
            self.trace(f"{self.name} dies: {why}")
            self.dead = True
            self.over.set()
            for task in list(self.tasks):
                task.cancel()

    @property
    def idle(self) -> bool:
        """Say whether nothing is under way, heard but not looked at, or on its way here."""
        return self.in_flight == 0 and self.mind.queue.idle

    async def _live(self) -> None:
        for resource in HEARD:
            asyncio.get_running_loop().create_task(self._hear(resource))
        try:
            if self.storm.weather.fenced:
                await self._take_epoch()
            await self.mind.run()
        except Fenced:
            self.trace(f"{self.name} is fenced off")
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever ends an operator is a broken promise
            self.trace.broken(f"{self.name} ended with {error!r}")
            self.trace.exception(error)
        self.die("its loop ended")

    async def _take_epoch(self) -> None:
        while True:
            try:
                await self.store.raise_epoch(0)
            except StoreUnavailable:
                await asyncio.sleep(2)
            else:
                self.trace(f"{self.name} took an epoch")
                return

    async def _hear(self, resource: str) -> None:
        post = _Post(self)
        async for event, obj in self._cluster.watch(resource, through=post.take):
            if self.dead:
                return
            self.mind.hear(resource, event, obj)

    # ------------------------------------------------------------- calls

    async def call(self, room: str, verb: str, work: Callable[[], Awaitable[Any]], about: str) -> Any:
        """Make one call, with whatever goes wrong before and after it."""
        self.in_flight += 1
        try:
            await self._before(room, verb, about)
            result = await work()
            await self._after(room, verb, about)
        finally:
            self.in_flight -= 1
        return result

    async def _before(self, room: str, verb: str, about: str) -> None:
        weather, dice = self.storm.now, self.dice
        await self._latency()
        if weather.pause and dice.random() < weather.pause:
            await asyncio.sleep(dice.uniform(1, 60))
        await self._perhaps_die(f"before {verb} {about}")
        if room == "store" and self.storm.store_down:
            raise StoreUnavailable("the store is away", after=dice.uniform(0.5, 3))
        self._perhaps_fail(room, verb, about, "before")
        if verb == "patch_status" and weather.conflicts and dice.random() < weather.conflicts:
            self.trace(f"{self.name} is told of a conflict: {about}")
            raise Conflict("somebody else wrote first (simulated)")

    async def _after(self, room: str, verb: str, about: str) -> None:
        if verb not in READS:
            self.trace(f"{self.name} {verb} {about}")
        await self._latency()
        await self._perhaps_die(f"after {verb} {about}")
        if verb not in READS:
            self._perhaps_fail(room, verb, about, "after")

    async def _latency(self) -> None:
        """Take some milliseconds, or none: then nobody comes between."""
        if self.dice.random() < INTERLEAVED:
            await asyncio.sleep(self.dice.random() * 0.04)

    def _perhaps_fail(self, room: str, verb: str, about: str, when: str) -> None:
        weather = self.storm.now
        chance = weather.store_fails if room == "store" else weather.cluster_fails
        if chance and self.dice.random() < chance:
            self.trace(f"{self.name} gets no answer to {verb} {about} ({when} its effect)")
            kind = StoreUnavailable if room == "store" else ClusterUnavailable
            raise kind("no answer (simulated)", after=self.dice.uniform(0.5, 5))

    async def _perhaps_die(self, where: str) -> None:
        if self.dead:
            await asyncio.get_running_loop().create_future()
        if self._calls_left > 0 and not self.storm.over:
            self._calls_left -= 1
            if self._calls_left == 0:
                self.die(where)
                await asyncio.get_running_loop().create_future()


class FaultyCluster:
    """The port, as an operator in this weather has it."""

    def __init__(self, life: Life, cluster: MemoryCluster) -> None:
        self._life, self._cluster = life, cluster

    def __getattr__(self, verb: str) -> Callable[..., Awaitable[Any]]:
        """Give a verb of the port."""
        work = getattr(self._cluster, verb)

        async def call(*args: Any, **options: Any) -> Any:
            _check_write(self._life, verb, args)

            async def effect() -> Any:
                result = await work(*args, **options)
                if verb == "create" and args[0] == "jobs":  # noted by a task that does not die with the operator
                    note = self._life._watcher(self._life.name, result)
                    asyncio.get_running_loop().create_task(note, context=contextvars.Context())
                return result

            return await self._life.call("cluster", verb, effect, _about(args))

        return call


def _check_write(life: Life, verb: str, args: tuple[Any, ...]) -> None:
    """Nothing but the status of users' objects is ever written."""
    if verb in ("create", "update", "patch", "delete") and args[0] in OURS:
        life.trace.broken(f"{life.name} calls {verb} on a user's object: {_about(args)}")
    if (
        verb == "patch_status"
        and args[0] in OURS
        and set(args[3]) | set(args[3]["metadata"])
        != {
            "metadata",
            "status",
            "resourceVersion",
        }
    ):
        life.trace.broken(f"{life.name} patches more than a status: {_about(args)}: {sorted(args[3])}")


def _about(args: tuple[Any, ...]) -> str:
    if len(args) > 1 and isinstance(args[1], dict):
        meta = args[1].get("metadata", {})
        return f"{args[0]} {meta.get('name')}"
    return " ".join(_short(arg) for arg in args)


def _short(arg: Any) -> str:
    """Say an argument in the trace's few words."""
    if isinstance(arg, list):
        return "; ".join(_short(one) for one in arg)
    if isinstance(arg, Decision):
        return f"{arg.ref.name}: {arg.verb} {arg.reason} ({arg.message})"
    if isinstance(arg, Append):
        return f"{arg.id.key} {arg.event.type.value} {arg.version} of {arg.run} (id {arg.event.id}, fence {arg.fence})"
    if isinstance(arg, Run):
        return f"{arg.ref.name} {arg.phase} {arg.outcome}"
    return str(arg)[:700]


class FaultyStore:
    """The store, as an operator in this weather has it."""

    def __init__(self, life: Life, store: Store) -> None:
        self._life, self._store = life, store

    def __getattr__(self, verb: str) -> Callable[..., Awaitable[Any]]:
        """Give a verb of the store."""
        work = getattr(self._store, verb)

        async def call(*args: Any, **options: Any) -> Any:
            about = " ".join(_short(arg) for arg in args) if verb not in READS else ""
            return await self._life.call("store", verb, lambda: work(*args, **options), about)

        return call

    async def follow(self, cursors: Any) -> AsyncIterator[Any]:
        """Follow the feed until the store goes away."""
        await self._life.call("store", "position", _nothing, "")
        heard, loop = self._store.follow(cursors), asyncio.get_running_loop()
        gone = loop.create_task(self._life.storm.gone.wait())
        step: asyncio.Task[Any] = gone
        try:
            while True:
                step = loop.create_task(anext(heard))  # type: ignore[arg-type]
                await asyncio.wait([step, gone], return_when=asyncio.FIRST_COMPLETED)
                if gone.done():
                    raise StoreUnavailable("the store went away")
                yield step.result()
        finally:
            step.cancel()
            gone.cancel()
            await asyncio.gather(step, gone, return_exceptions=True)
            await heard.aclose()


async def _nothing() -> None:
    return None


class _Post:
    """One watch: late, doubled, dropped or out of order, as the weather says."""

    def __init__(self, life: Life) -> None:
        self._life, self._last = life, 0.0

    def take(self, change: Change, deliver: Deliver) -> None:
        """Deliver a change some time, in order unless the weather is bad."""
        life, weather, dice = self._life, self._life.storm.now, self._life.dice
        if life.dead:
            return
        loop = asyncio.get_running_loop()
        if weather.drop and dice.random() < weather.drop:
            life.trace(f"{life.name} never hears of {_name(change)}")
            return
        if weather.late and dice.random() < weather.late:
            self._deliver_at(loop.time() + dice.uniform(0.1, 40), change, deliver)
            return
        self._last = max(self._last, loop.time() + dice.random() * 0.05)
        self._deliver_at(self._last, change, deliver)
        if weather.double and dice.random() < weather.double:
            self._deliver_at(self._last + dice.uniform(0, 10), change, deliver)

    def _deliver_at(self, when: float, change: Change, deliver: Deliver) -> None:
        self._life.in_flight += 1

        def arrive() -> None:
            self._life.in_flight -= 1
            deliver(change)

        asyncio.get_running_loop().call_at(when, arrive)


def _name(change: Change) -> str:
    return f"{change.type} {change.resource} {change.object['metadata']['name']} at {change.version}"
