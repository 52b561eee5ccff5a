"""Definitions whose manifests are compiled: what is committed is what is compiled, as their pages say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DEFINITIONS = Path(__file__).parents[3] / "definitions"
MODULES = {"04-asset-observations": "asset_observations.py", "10-gitops": "shop.py"}
COMPILE = "compile {} --image python:3.11-slim --code --template ../run.yaml --output ."


@pytest.mark.parametrize("folder", MODULES)
def test_the_base_is_as_compiled(folder: str) -> None:
    upwell = [sys.executable, "-c", "import sys; from upwell_operator.cli.app import run; sys.exit(run())"]
    command = [*upwell, *COMPILE.format(MODULES[folder]).split(), "--check"]
    base = DEFINITIONS / folder / "base"
    done = subprocess.run(command, cwd=base, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("folder", MODULES)
def test_the_page_says_how_it_was_compiled(folder: str) -> None:
    assert f"upwell {COMPILE.format(MODULES[folder])}" in (DEFINITIONS / folder / "README.md").read_text("utf-8")
