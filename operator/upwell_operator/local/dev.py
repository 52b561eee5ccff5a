"""`upwell dev`: memory cluster, processes, Valkey and manifests, under the operator and server that a cluster has.

Idea: only what stands behind the ports differs from a cluster; `reconcile`, `domain`, `store` and `server` are the
same code. Everything is composed here and nothing is decided here. Limits: one process, one user, loopback only.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from upwell_operator.errors import UpwellError
from upwell_operator.local.datadir import DataDir
from upwell_operator.local.groups import Groups
from upwell_operator.local.memory import MemoryCluster, utc_now
from upwell_operator.local.processes import Processes
from upwell_operator.local.redis import RedisServer
from upwell_operator.local.reload import Definitions
from upwell_operator.reconcile.reconciler import Reconciler
from upwell_operator.resources.meta import Kind
from upwell_operator.server.app import create_app
from upwell_operator.server.serving import Serving, serving
from upwell_operator.settings import Settings
from upwell_operator.store import Store

LOOPBACK = "127.0.0.1"
HEARD = (*(kind.plural for kind in Kind), "jobs")
"""What the reconciler hears of, as kopf's handlers hear of it in a cluster."""


def say_ready(url: str) -> None:
    """Say the URL in one line on standard output: whoever started us may wait for it."""
    sys.stdout.write(f"upwell is ready: {url}\n")
    sys.stdout.flush()


async def dev(
    paths: Sequence[Path],
    *,
    data: Path,
    port: int,
    settings: Settings,
    redis: str | None = None,
    ready: Callable[[str], None] = say_ready,
) -> None:
    """Run the control plane on this machine until SIGINT or SIGTERM; `ready` gets the URL once everything stands.

    `redis` is the URL of a server of one's own; without it one is started in `data`. Raises UpwellError with a sentence
    for whoever started it: data folder in use, port taken, no Redis server to start, Redis ended.
    """
    async with contextlib.AsyncExitStack() as stack:
        folder = await stack.enter_async_context(DataDir(data))
        listening = stack.enter_context(_listen(port))
        groups = await stack.enter_async_context(Groups())
        own = None if redis else await stack.enter_async_context(RedisServer(folder, groups))
        url = f"http://{LOOPBACK}:{listening.getsockname()[1]}"
        chosen = _local(settings, url, own.url if own else str(redis))
        store = await stack.enter_async_context(_store(chosen))
        plane = Plane(paths, chosen, store, groups, folder.path)
        await plane.run(listening, lambda: ready(url), own.ended if own else None)


class Plane:
    """The parts that run together: cluster, operator, server and processes."""

    def __init__(self, paths: Sequence[Path], settings: Settings, store: Store, groups: Groups, data: Path) -> None:
        self._cluster = MemoryCluster(utc_now)
        self._reconciler = Reconciler(self._cluster, store, settings, utc_now)
        self._definitions = Definitions(self._cluster, paths)
        self._processes = Processes(self._cluster, groups, data)
        self._server = _Server(create_app(self._cluster, store, settings), settings)

    async def run(
        self, listening: socket.socket, ready: Callable[[], None], trouble: Callable[[], Awaitable[str]] | None
    ) -> None:
        """Run until a signal, or until a part ends; pods end first, while the server still hears their last words."""
        async with _tasks() as start:
            served = start(self._server.serve([listening]))
            working = [start(self._hear(resource)) for resource in HEARD]
            working += [start(self._reconciler.run()), *([start(_raised(trouble))] if trouble else [])]
            async with self._processes:
                await self._definitions.load()
                working.append(start(self._definitions.follow()))
                await _first([start(self._server.up.wait()), served])
                ready()
                await _first([start(_signalled()), served, *working])
            self._server.should_exit = True
            await served
            self._reconciler.stop()

    async def _hear(self, resource: str) -> None:
        async for event, obj in self._cluster.watch(resource):
            self._reconciler.hear(resource, event, obj)


class _Server(Serving):
    """The server without hands on signals, which are ours, and with an event that says that it listens."""

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        super().__init__(serving(app, settings).config)
        self.up = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start as uvicorn does, and say so."""
        await super().startup(sockets)
        self.up.set()


def _local(settings: Settings, url: str, redis_url: str) -> Settings:
    """Give the settings of a laptop: on loopback, without tokens for people, without election."""
    changed = {"bind": LOOPBACK, "anonymous": True, "leader_election": False, "server_url": url, "redis_url": redis_url}
    return settings.model_copy(update=changed)


def _listen(port: int) -> socket.socket:
    try:
        return socket.create_server((LOOPBACK, port))
    except OSError as error:
        raise UpwellError(
            f"port {port} of {LOOPBACK} cannot be used: {error.strerror}; choose another with --port (0: any free one)"
        ) from error


@contextlib.asynccontextmanager
async def _store(settings: Settings) -> AsyncIterator[Store]:
    store = Store(settings)
    try:
        await store.open()
        yield store
    finally:
        await store.close()


@contextlib.asynccontextmanager
async def _tasks() -> AsyncIterator[Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]]:
    """Give a function that starts tasks; what still runs at the end is cancelled and waited for."""
    started: list[asyncio.Task[Any]] = []

    def start(work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        started.append(asyncio.create_task(work))
        return started[-1]

    try:
        yield start
    finally:
        for task in started:
            task.cancel()
        await asyncio.gather(*started, return_exceptions=True)


async def _first(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Wait for the first of some tasks to end; raises what it raised."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _raised(trouble: Callable[[], Awaitable[str]]) -> None:
    raise UpwellError(await trouble())


async def _signalled() -> None:
    """Wait for SIGINT or SIGTERM."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    try:
        await stop.wait()
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
