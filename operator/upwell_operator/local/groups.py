"""Processes of ours, each in a group of its own, none of which outlives us.

Limits: POSIX only; a process that starts a session of its own escapes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Self

from upwell_operator.local import guard


class Groups:
    """Starts processes in groups of their own and ends them; a watchdog does when we cannot. A context manager."""

    def __init__(self) -> None:
        self._guard: asyncio.subprocess.Process | None = None
        self._running: dict[int, asyncio.subprocess.Process] = {}

    async def __aenter__(self) -> Self:
        """Start the watchdog."""
        self._guard = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-S", str(Path(guard.__file__)), stdin=asyncio.subprocess.PIPE, start_new_session=True
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        """End every process, then the watchdog."""
        await asyncio.gather(*(self.end(process, grace=guard.GRACE) for process in tuple(self._running.values())))
        if self._guard is not None and self._guard.stdin is not None:
            self._guard.stdin.close()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                await self._guard.stdin.wait_closed()
            await self._guard.wait()

    async def start(
        self,
        argv: Sequence[str],
        *,
        output: IO[bytes] | int,
        env: Mapping[str, str] | None = None,
        folder: str | None = None,
        pass_fds: Sequence[int] = (),
        stdin: int = asyncio.subprocess.DEVNULL,
    ) -> asyncio.subprocess.Process:
        """Start a process whose output goes to a file. Raises OSError as `exec` does."""
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=stdin,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            env=env,
            cwd=folder,
            pass_fds=tuple(pass_fds),
            start_new_session=True,
        )
        self._running[process.pid] = process
        self._tell(f"+{process.pid}\n")
        return process

    async def wait(self, process: asyncio.subprocess.Process) -> int:
        """Wait for a process; what it left running in its group is killed, as the rest of a container would be."""
        code = await process.wait()
        guard.send(process.pid, signal.SIGKILL)
        self._running.pop(process.pid, None)
        self._tell(f"-{process.pid}\n")
        return code

    async def end(self, process: asyncio.subprocess.Process, grace: float) -> int:
        """Ask a process group to end (SIGTERM), make it after `grace` seconds (SIGKILL), and give the exit code."""
        if process.returncode is None:
            guard.send(process.pid, signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(self.wait(process), grace)
        guard.send(process.pid, signal.SIGKILL)
        return await self.wait(process)

    def _tell(self, line: str) -> None:
        if self._guard is not None and self._guard.stdin is not None and not self._guard.stdin.is_closing():
            self._guard.stdin.write(line.encode())


def exit_code(returncode: int) -> int:
    """Give a container's exit code: 128 and the signal's number for one that a signal ended."""
    return returncode if returncode >= 0 else 128 - returncode


def inherited() -> dict[str, str]:
    """Give our environment for users' processes: without `UPWELL_*`, our interpreter's folder first on PATH."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("UPWELL_")}
    return env | {"PATH": os.pathsep.join((str(Path(sys.executable).parent), env.get("PATH", os.defpath)))}
