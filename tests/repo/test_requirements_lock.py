"""What the image installs is what pyproject.toml asks for: a dependency that is added there is locked too."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

LOCKS = Path(__file__).parents[2] / "requirements"
FILES = ["runtime.txt", "build.txt"]


def the_script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("requirements_lock", LOCKS / "lock.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def lines_of(file: str) -> list[str]:
    return (LOCKS / file).read_text(encoding="utf8").splitlines()


@pytest.mark.parametrize("file", FILES)
def test_the_lock_is_of_what_is_asked_for(file: str) -> None:
    script = the_script()
    assert lines_of(file)[0] == script.first_line(script.asked_for()[file]), "run `python requirements/lock.py`"


@pytest.mark.parametrize("file", FILES)
def test_the_lock_names_hashes_and_no_address(file: str) -> None:
    lines = lines_of(file)
    pinned = [line for line in lines if "==" in line and not line.lstrip().startswith("#")]
    assert pinned
    assert sum("--hash=sha256:" in line for line in lines) >= len(pinned)
    assert not [line for line in lines if "://" in line or line.startswith(("--", "-f", "-i"))]
