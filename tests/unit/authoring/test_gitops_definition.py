"""definitions/10-gitops: both overlays are right, and differ in what the page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from upwell_operator.cli.app import run
from upwell_operator.cli.exits import Code
from upwell_operator.local.manifests import read_manifests

FOLDER = Path(__file__).parents[3] / "definitions" / "10-gitops"


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
