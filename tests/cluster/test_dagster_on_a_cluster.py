"""Definitions of Dagster, imported and run by a real kubelet, in an image without Upwell.

Dagster itself comes with the volume of the data, in place of a big image that only this test would need.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from cluster.kubectl import Kubectl
from cluster.plane import ClusterPlane
from dagster_shop import CLAIM, STORY, imported_into
from expectations import play


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")  # Dagster warns of itself
async def test_imported_definitions_are_observed_and_built_on_a_cluster(
    kubectl: Kubectl,
    server: str,
    token_file: Path,
    claim: Callable[[str], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    volume = claim(CLAIM)
    with_dagster(volume / "lib")
    kubectl.apply(persistent_claim())
    kubectl.apply_files(imported_into(tmp_path, "python:3.11-slim"))
    for name in ("orders", "amounts", "total"):
        kubectl.wait("asset", name, "Ready")
    await play(STORY, ClusterPlane(server, token_file, kubectl.namespace, {CLAIM: volume}))


def with_dagster(folder: Path) -> None:
    """Copy Dagster, and what it needs, out of the environment that tests it; a cluster may have no way out."""
    for name in sorted(closure("dagster", set())):
        for file in metadata.files(name) or ():
            if ".." not in file.parts and "__pycache__" not in file.parts:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(str(file.locate()), folder / file)


def closure(name: str, found: set[str]) -> set[str]:
    """Give the packages that a package needs, itself included."""
    if name not in found:
        found.add(name)
        for line in metadata.requires(name) or ():
            needed = Requirement(line)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                closure(needed.name, found)
    return found


def persistent_claim() -> dict[str, object]:
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "16Mi"}}}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": CLAIM}, "spec": spec}
