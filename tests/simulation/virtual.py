"""Virtual time: an event loop whose clock jumps to the next timer, and a Redis whose clock is that loop's.

Nothing waits: when no task is ready, time is what the next timer says. So an hour takes as long as its work does, and
with hashes fixed (PYTHONHASHSEED) one seed is one history. Limits: no threads, no sockets, no files; a loop in which
nothing will ever happen is an error.
"""

from __future__ import annotations

import asyncio
import functools
import selectors
from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import fakeredis
import fakeredis._helpers
import fakeredis._socket._base
import fakeredis.commands_mixins.server_mixin
import fakeredis.model._stream
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from upwell_operator.store import link

EPOCH = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
INSTANT = 1e-6
"""Time jumps so far beyond a timer: no rounding of a datetime then finds it not due yet."""
COLLECT_EVERY = 500
"""Scripts between two collections of Lua's garbage; fakeredis collects after every script: half of its time."""


class _NeverReady(selectors.BaseSelector):
    """A selector that waits for nothing: it moves the clock on."""

    def __init__(self) -> None:
        self.now = 0.0
        self._keys: dict[Any, selectors.SelectorKey] = {}

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        """Remember the loop's own pipe, which never has anything."""
        number = fileobj if isinstance(fileobj, int) else fileobj.fileno()
        self._keys[fileobj] = selectors.SelectorKey(fileobj, number, events, data)
        return self._keys[fileobj]

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        """Forget it."""
        return self._keys.pop(fileobj)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Move the clock on. Raises RuntimeError when there is no timer to wait for."""
        if timeout is None:
            raise RuntimeError("nothing will ever happen: every task waits for another one")
        if timeout > 0:
            self.now += timeout + INSTANT
        return []

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        """Give what is registered."""
        return self._keys


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, which begins at 0."""

    def __init__(self) -> None:
        self._virtual = _NeverReady()
        super().__init__(self._virtual)
        self._clock_resolution = INSTANT / 10
        self.troubles: list[str] = []
        self.set_exception_handler(self._trouble)

    def time(self) -> float:
        """Give the virtual time in seconds."""
        return self._virtual.now

    def now(self) -> datetime:
        """Give the virtual time as the world's."""
        return EPOCH + timedelta(seconds=self._virtual.now)

    def _write_to_self(self) -> None:
        """Nobody sleeps, so nobody has to be woken."""

    def _trouble(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.troubles.append(f"{context.get('message')}: {context.get('exception')!r}")


def run(main: Coroutine[Any, Any, None], loop: VirtualLoop) -> None:
    """Run a coroutine in virtual time; what it left behind is cancelled."""
    asyncio.set_event_loop(loop)
    try:
        loop.run_until_complete(main)
        left = asyncio.all_tasks(loop)
        for task in left:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        loop.run_until_complete(loop.shutdown_asyncgens())
    finally:
        asyncio.set_event_loop(None)
        loop.close()


class _RedisClock:
    """Stands for the module `time` inside fakeredis."""

    loop: VirtualLoop | None = None

    def time(self) -> float:
        return (self.loop.now() if self.loop else EPOCH).timestamp()

    def monotonic(self) -> float:
        return self.loop.time() if self.loop else 0.0


_CLOCK = _RedisClock()
_TELL_TIME = (
    fakeredis._helpers,
    fakeredis._socket._base,
    fakeredis.commands_mixins.server_mixin,
    fakeredis.model._stream,
)


def redis_server(loop: VirtualLoop) -> fakeredis.FakeServer:
    """Give an empty Redis that lives in the loop's time and compiles each script once."""
    _CLOCK.loop = loop
    for module in _TELL_TIME:
        module.time = _CLOCK  # type: ignore[attr-defined]
    return fakeredis.FakeServer(version=(7,))


link._read = functools.cache(link._read)  # a life begins with reading scripts; they are always the same


def redis_client(server: fakeredis.FakeServer) -> fakeredis.FakeAsyncRedis:
    """Give one process' connection to it."""
    return fakeredis.FakeAsyncRedis(
        server=server,
        decode_responses=True,
        socket_timeout=None,
        socket_connect_timeout=None,
        retry=Retry(NoBackoff(), 0),
    )


class _Lua:
    """A Lua runtime that compiles a script once and collects garbage seldom."""

    def __init__(self, runtime: Any) -> None:
        self._runtime, self._compiled, self._calls = runtime, {}, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runtime, name)

    def execute(self, text: bytes | str, *args: Any) -> Any:
        """Run a chunk."""
        if text == "collectgarbage()":
            self._calls += 1
            if self._calls % COLLECT_EVERY:
                return None
        chunk = self._compiled.get(text)
        if chunk is None:
            chunk = self._compiled[text] = self._runtime.compile(text)
        return chunk(*args)


def quick_scripts(server: fakeredis.FakeServer) -> None:
    """Wrap the server's Lua runtime, once it has one."""
    runtime = getattr(server, "_lua_runtime", None)
    if runtime is not None and not isinstance(runtime, _Lua):
        server._lua_runtime = _Lua(runtime)
