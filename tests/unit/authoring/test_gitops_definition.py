"""definitions/10-gitops: what is committed is what is compiled, and both overlays are right."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from upwell_operator.cli.app import run
from upwell_operator.cli.exits import Code
from upwell_operator.local.manifests import read_manifests

FOLDER = Path(__file__).parents[3] / "definitions" / "10-gitops"
COMPILE = "compile shop.py --image python:3.11-slim --code --template ../run.yaml --output ."


def test_the_base_is_as_compiled() -> None:
    upwell = [sys.executable, "-c", "import sys; from upwell_operator.cli.app import run; sys.exit(run())"]
    command = [*upwell, *COMPILE.split(), "--check"]
    done = subprocess.run(command, cwd=FOLDER / "base", capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_page_says_how_it_was_compiled() -> None:
    assert f"upwell {COMPILE}" in (FOLDER / "README.md").read_text()


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_an_overlay_is_right(overlay: str) -> None:
    assert run(["lint", str(FOLDER / "overlays" / overlay), "-n", f"shop-{overlay}"]) == Code.DONE


def test_the_overlays_differ_in_what_the_page_says() -> None:
    specs = [
        {one.obj["metadata"]["name"]: one.obj["spec"] for one in read_manifests([FOLDER / "overlays" / name]).objects
         if "spec" in one.obj}
        for name in ("staging", "production")
    ]  # fmt: skip
    staging, production = specs
    assert staging["observation-schedule"]["suspend"] is True
    assert production["observation-schedule"]["schedule"] == "0 * * * *"
    assert production["foo-source-asset"]["observe"]["image"] == "python:3.12-slim"
    assert production["foo-report"]["freshness"] == {"maximumLag": "26h"}
