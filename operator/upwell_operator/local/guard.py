"""The watchdog: a tiny process that ends what we started when we are gone, however we went.

`upwell dev` starts one, holds the other end of its standard input, and tells it each process group: `+123`, and
`-123` once it has ended. End of input means that the parent is gone, also by `kill -9`; then every group left gets
SIGTERM and, five seconds later, SIGKILL. Runs as a script, on the standard library alone, on Linux and macOS. Limits:
a process that leaves its group is not followed.
"""

from __future__ import annotations

import os
import signal
import sys
import time

GRACE = 5.0
_STEP = 0.05


def tell(groups: set[int], line: str) -> None:
    """Take one line of the parent: a group more, or a group less."""
    sign, number = line[:1], line[1:].strip()
    if number.isdigit():
        (groups.add if sign == "+" else groups.discard)(int(number))


def send(group: int, number: int) -> bool:
    """Signal a process group; False when nothing is left of it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def end(groups: set[int], grace: float = GRACE) -> None:
    """Ask every group to end, then make it."""
    left = {group for group in groups if send(group, signal.SIGTERM)}
    deadline = time.monotonic() + grace
    while left and time.monotonic() < deadline:
        time.sleep(_STEP)
        left = {group for group in left if send(group, 0)}
    for group in left:
        send(group, signal.SIGKILL)


def main() -> None:
    """Listen until the parent is gone, then clean up."""
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        tell(groups, line)
    end(groups)


if __name__ == "__main__":
    main()
