"""The part of kustomize that is read on a laptop is read as kubectl's own kustomize reads it."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from upwell_operator.local.manifests import read_manifests

DEFINITIONS = Path(__file__).parents[2] / "definitions"
FOLDERS = sorted(file.parent for file in DEFINITIONS.rglob("kustomization.yaml"))


@pytest.mark.usefixtures("cluster")  # for its kubectl
@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(DEFINITIONS)))
def test_a_kustomization_gives_the_same_objects(folder: Path) -> None:
    built = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=True).stdout
    theirs = [without_hashes(one, built) for one in yaml.safe_load_all(built)]
    found = read_manifests([folder])
    assert found.problems == []
    ours = [{**one.obj, "metadata": without_namespace(one.obj["metadata"])} for one in found.objects]
    assert in_order(ours) == in_order(theirs)


def without_hashes(obj: dict[str, Any], text: str) -> Any:
    """Give an object with the names of generated ConfigMaps as they stand in the kustomization."""
    names = re.findall(r"^  name: (\S+)-[a-z0-9]{10}$", text, re.MULTILINE)
    written = json.dumps(obj)
    for name in names:
        written = re.sub(rf'"{name}-[a-z0-9]{{10}}"', f'"{name}"', written)
    return json.loads(written)


def without_namespace(meta: dict[str, Any]) -> dict[str, Any]:
    """Leave out the namespace that objects are put into on a laptop if they name none."""
    return {name: value for name, value in meta.items() if name != "namespace"}


def in_order(objects: list[Any]) -> list[Any]:
    return sorted(objects, key=lambda one: (one["kind"], one["metadata"]["name"]))
