"""What happened, in virtual time; and what should not have happened."""

from __future__ import annotations

import asyncio
import logging
import traceback

MOST = 12


class Trace:
    """The log of one seed, and the list of broken promises."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, str]] = []
        self.violations: list[str] = []

    def __call__(self, text: str) -> None:
        """Note what happens."""
        self.lines.append((asyncio.get_running_loop().time(), text))

    def broken(self, text: str) -> None:
        """Note what must not happen."""
        self(f"!!! {text}")
        if len(self.violations) < MOST:
            self.violations.append(f"{asyncio.get_running_loop().time():.3f}: {text}")

    def exception(self, error: BaseException) -> None:
        """Note where it came from."""
        self("".join(traceback.format_exception(error)))

    def text(self) -> str:
        """Give the log for a person."""
        return "\n".join(f"{time:10.3f}  {line}" for time, line in self.lines)


class Alarm(logging.Handler):
    """Takes what the product logs as an error for what it is: a bug."""

    def __init__(self, trace: Trace) -> None:
        super().__init__(logging.ERROR)
        self._trace = trace

    def emit(self, record: logging.LogRecord) -> None:
        """Note an error that the product caught and logged."""
        self._trace.broken(f"logged: {record.getMessage()}")
        if record.exc_info and record.exc_info[1]:
            self._trace.exception(record.exc_info[1])
