"""`python -m upwell.runner`: what a run's container executes.

The whole of it is `upwell.pod.attempt`; here is only what belongs to a process: output that is not held back, and an
end that always comes.
"""

from __future__ import annotations

import io
import os
import sys

from upwell.pod.attempt import attempt
from upwell.pod.signals import leave


def main() -> None:
    """Run one attempt and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(line_buffering=True)
    leave(attempt(os.environ))


if __name__ == "__main__":
    main()
