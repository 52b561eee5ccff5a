"""Every manifest of `definitions/` is one that the models accept; users copy them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from upwell_operator.resources.meta import API_VERSION, Kind
from upwell_operator.resources.parsing import parse

ROOT = Path(__file__).parents[3]
OURS = [
    (file, obj)
    for file in sorted((ROOT / "definitions").rglob("*.yaml"))
    for obj in yaml.safe_load_all(file.read_text())
    if isinstance(obj, dict) and obj.get("apiVersion") == API_VERSION
]


@pytest.mark.parametrize(("file", "obj"), OURS, ids=[f"{file.parent.name}/{obj['kind']}" for file, obj in OURS])
def test_a_manifest_of_the_definitions_is_accepted(file: Path, obj: dict[str, object]) -> None:
    assert parse(Kind(str(obj["kind"])), obj)
