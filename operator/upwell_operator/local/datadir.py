"""The data folder of `upwell dev` belongs to one process at a time.

Idea: a lock on a file that the kernel drops with its last holder. The Redis server inherits it, so that after a `kill
-9` nobody starts a second server on the same files while the first is still ending. Limits: POSIX; not for network
folders.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from upwell_operator.errors import UpwellError

_PATIENCE = 6.0
"""Longer than the watchdog takes to end what a killed `upwell dev` left."""
_STEP = 0.1


class DataInUseError(UpwellError):
    """Another `upwell dev` works in this data folder."""


class DataDir:
    """The folder, held while the context lasts. `fd` is the lock, for a child to inherit."""

    def __init__(self, path: Path, patience: float = _PATIENCE) -> None:
        self.path = path.absolute()
        self._patience = patience
        self._file: IO[str] | None = None

    @property
    def fd(self) -> int:
        """Give the file descriptor that holds the lock."""
        if self._file is None:
            raise DataInUseError(f"{self.path} is not held")
        return self._file.fileno()

    async def __aenter__(self) -> Self:
        """Make the folder and take the lock. Raises DataInUseError naming the other process."""
        try:
            self._file = await asyncio.to_thread(_opened, self.path)
        except OSError as error:
            raise UpwellError(
                f"the data folder {self.path} cannot be used: {error}; choose another with --data"
            ) from error
        deadline = asyncio.get_running_loop().time() + self._patience
        while not self._locked():
            if asyncio.get_running_loop().time() > deadline:
                raise self._refusal()
            await asyncio.sleep(_STEP)
        self._say_who()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of it."""
        if self._file is not None:
            self._file.close()

    def _locked(self) -> bool:
        try:
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _say_who(self) -> None:
        if self._file is not None:
            self._file.truncate(0)
            self._file.write(str(os.getpid()))
            self._file.flush()

    def _refusal(self) -> DataInUseError:
        who = ""
        if self._file is not None:
            self._file.seek(0)
            who = self._file.read().strip()
            self._file.close()
        other = f"another `upwell dev` (process {who})" if who else "another `upwell dev`"
        return DataInUseError(
            f"{other} is using {self.path}; stop it, or give this one a folder of its own with --data"
        )


def _opened(folder: Path) -> IO[str]:
    folder.mkdir(parents=True, exist_ok=True)
    ignored = folder / ".gitignore"
    if not ignored.exists():
        ignored.write_text("*\n")
    return (folder / "lock").open("a+")
