"""Where Helm is: the one that the cluster's tests build from its Go module, else the installed one.

None at all: skip on a laptop, fail in CI.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CLUSTER = Path(__file__).parent / "cluster" / "cluster.py"


def helm_program() -> str:
    """Give the path of Helm; built if there is Go and nobody has built it yet."""
    program = _built() or shutil.which("helm")
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(
            "needs Helm: install it, or Go, with which `tests/cluster/cluster.py helm` builds it"
        )
    return program


def _built() -> str | None:
    if not shutil.which("go"):
        return None
    command = [sys.executable, CLUSTER, "helm"]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
