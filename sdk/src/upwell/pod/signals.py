"""SIGTERM: while the function runs it is interrupted; afterwards the report is hurried. And every process ends.

Limits: Python delivers signals between two of its own instructions, so C code that does not come back is ended by
kubelet. Used in the main thread of a process.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import contextmanager
from threading import Thread, Timer
from types import TracebackType
from typing import Any, Callable, Iterator, NoReturn

from upwell.errors import Terminated, TimedOut

EXIT_STUCK = 1
EXIT_TERMINATED = 128 + signal.SIGTERM
STUBBORN_SECONDS = 20.0
"""For user code that swallows the interruption; kubelet kills after 30 by default."""
LEFTOVER_SECONDS = 10.0
"""For threads that user code left running when its function returned."""


def say(text: str) -> None:
    """Tell the pod's log something of our own."""
    sys.stderr.write(f"upwell: {text}\n")


def end_after(seconds: float, code: int, last_words: Callable[[], None]) -> None:
    """End the process with `code` in `seconds`, whatever it is doing then, unless it has ended by itself before."""

    def wait() -> None:
        time.sleep(seconds)
        try:
            last_words()
        finally:
            os._exit(code)

    Thread(target=wait, name="upwell-watchdog", daemon=True).start()


@contextmanager
def time_limit(seconds: float, stuck: Callable[[], None]) -> Iterator[None]:
    """Raise TimedOut in the main thread after so many seconds.

    What does not come back even then ends the process, some seconds later, after `stuck` was called.
    """

    def end() -> None:
        stuck()
        os._exit(EXIT_STUCK)

    watch = Timer(seconds + STUBBORN_SECONDS, end)
    watch.daemon = True
    watch.start()

    def over(_number: int, _frame: Any) -> None:
        raise TimedOut(f"it took longer than timeoutSeconds allows ({seconds:g} s)")

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, max(seconds, 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        watch.cancel()


def leave(code: int) -> NoReturn:
    """End the process as Python does, but not later than a few seconds from now."""
    end_after(LEFTOVER_SECONDS, code, lambda: say("ended, although threads of the function still run"))
    sys.exit(code)


class Interruptible:
    """While it is entered, SIGTERM raises Terminated in the main thread; afterwards it calls `late`.

    `last_words` is called before the process is ended hard because user code swallowed the interruption.
    """

    def __init__(self, late: Callable[[], None], last_words: Callable[[], None]) -> None:
        self._process = os.getpid()
        self._late = late
        self._last_words = last_words

    def __enter__(self) -> None:
        signal.signal(signal.SIGTERM, self._interrupt)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.signal(signal.SIGTERM, self._hurry)

    def _hurry(self, _number: int, _frame: Any) -> None:
        if self._is_ours():
            self._late()

    def _interrupt(self, _number: int, _frame: Any) -> None:
        if not self._is_ours():
            return
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        end_after(STUBBORN_SECONDS, EXIT_TERMINATED, self._last_words)
        raise Terminated("the run was asked to stop (SIGTERM) before its function had returned")

    def _is_ours(self) -> bool:
        """Tell this process from one that user code forked (a pool's worker), which dies as it would without us."""
        if os.getpid() == self._process:
            return True
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)
        return False
