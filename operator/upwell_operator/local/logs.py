"""Logs of pods as files: `<data>/logs/<namespace>/<pod>.log`; and the termination message, by kubelet's rules.

Limits: the newest 1,000 logs are kept, older ones go when `upwell dev` starts.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from upwell.protocol import MAX_RESULT_BYTES
from upwell_operator.cluster.port import Object

KEPT = 1000
_FALLBACK_BYTES, _FALLBACK_LINES = 2048, 80


class Logs:
    """The folder of logs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, namespace: str, pod: str) -> Path:
        """Give the file of a pod's log, and make its folder."""
        folder = self._folder / namespace
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{pod}.log"

    async def read(self, namespace: str, pod: str, tail_bytes: int) -> str:
        """Give the end of a pod's log; empty when there is none."""
        return await asyncio.to_thread(tail, self._folder / namespace / f"{pod}.log", tail_bytes)

    def prune(self) -> None:
        """Delete all but the newest logs."""
        files = sorted(self._folder.glob("*/*.log"), key=lambda path: path.stat().st_mtime)
        for path in files[:-KEPT]:
            path.unlink(missing_ok=True)


def tail(path: Path, size: int) -> str:
    """Give the last bytes of a file as text; empty when there is no such file."""
    try:
        with path.open("rb") as file:
            file.seek(max(file.seek(0, 2) - size, 0))
            return file.read().decode(errors="replace")
    except OSError:
        return ""


def termination_message(container: Object, code: int, result: Path, log: Path) -> str:
    """Give what kubelet would: the end of the result file, else, after a failure and if asked for, of the log."""
    message = tail(result, MAX_RESULT_BYTES)
    if message or code == 0 or container.get("terminationMessagePolicy") != "FallbackToLogsOnError":
        return message
    return "\n".join(tail(log, _FALLBACK_BYTES).splitlines()[-_FALLBACK_LINES:])
