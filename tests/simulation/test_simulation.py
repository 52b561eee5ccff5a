"""Upwell under a seeded adversary: every promise is kept, whatever goes wrong.

Each chunk is a process of its own, with hashes fixed, so that a seed is the same history here and on the command line:

    PYTHONPATH=tests python -m simulation --only 136

More of them by hand: `pytest tests/simulation --seeds 5000 --first 1000`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CHUNKS = 10


def simulated(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run seeds as one does by hand."""
    env = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": str(HERE.parent)}
    command = [sys.executable, "-m", "simulation", *arguments]
    return subprocess.run(command, env=env, cwd=HERE.parents[1], capture_output=True, text=True, check=False)


def known_seeds() -> list[str]:
    """Give the seeds that once found something."""
    lines = (line.partition("#")[0].strip() for line in (HERE / "seeds.txt").read_text("utf-8").splitlines())
    return [line for line in lines if line]


@pytest.mark.timeout(300)
def test_seeds_that_once_broke_a_promise_keep_it_now() -> None:
    done = simulated("--only", *known_seeds())
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_every_promise_is_kept(chunk: int, pytestconfig: pytest.Config) -> None:
    seeds, first = pytestconfig.getoption("--seeds", 300), pytestconfig.getoption("--first", 0)
    share = seeds // CHUNKS
    done = simulated("--seeds", str(share), "--first", str(first + chunk * share))
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr


def test_one_seed_is_one_history() -> None:
    first, second = (simulated("--only", "4", "--trace").stdout.splitlines()[:-1] for _ in range(2))
    assert first == second
    assert len(first) > 50
