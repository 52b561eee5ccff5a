"""What the page brings along from others is byte for byte what they released, under a licence that lets us ship it."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
VENDOR = ROOT / "operator" / "upwell_operator" / "server" / "ui" / "static" / "vendor"
ENTRIES: list[dict[str, Any]] = json.loads((VENDOR / "modules.json").read_text(encoding="utf8"))
LICENCES = {"MIT": "Permission is hereby granted, free of charge", "Apache-2.0": "Apache License"}
"""Those that we may ship, with words by which one knows their texts."""

each = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["package"])


def digest(name: str) -> str:
    return hashlib.sha256((VENDOR / name).read_bytes()).hexdigest()


@each
def test_a_module_is_as_it_was_released(entry: dict[str, Any]) -> None:
    assert digest(entry["file"]) == entry["sha256"], "never edit it: run `python requirements/vendor.py`"


@each
def test_a_module_has_its_licence_beside_it(entry: dict[str, Any]) -> None:
    assert digest(entry["licenseFile"]) == entry["licenseSha256"]
    assert LICENCES[entry["license"]] in (VENDOR / entry["licenseFile"]).read_text(encoding="utf8")


def test_nothing_else_lies_there() -> None:
    listed = {entry[name] for entry in ENTRIES for name in ("file", "licenseFile")}
    assert {file.name for file in VENDOR.iterdir()} == listed | {"modules.json"}


def test_the_script_that_fetches_them_names_the_same_versions() -> None:
    spec = importlib.util.spec_from_file_location("vendor", ROOT / "requirements" / "vendor.py")
    assert spec
    assert spec.loader
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    assert {(one.package, one.version, one.file) for one in script.MODULES} == {
        (entry["package"], entry["version"], entry["file"]) for entry in ENTRIES
    }
