"""Helm, and the chart rendered: once for each set of values in the chart's folder `ci`, and once with defaults."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from helm_program import helm_program

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts" / "upwell"
HERE = Path(__file__).parent
VALUES = {"default": None} | {file.name.removesuffix("-values.yaml"): file for file in CHART.glob("ci/*.yaml")}
NAMESPACE, KUBERNETES = "upwell-system", "1.34.0"
Json = dict[str, Any]
Rendered = list[Json]
Helm = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever comes first builds Helm, where nobody has yet."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture(scope="session")
def helm() -> Helm:
    """Give a function that runs Helm, and gives how it ended."""
    program = helm_program()
    return lambda *argv: subprocess.run([program, *map(str, argv)], capture_output=True, text=True, check=False)


@pytest.fixture(scope="session")
def template(helm: Helm) -> Callable[..., str]:
    """Give a function that renders the chart with more arguments; it fails with Helm's words where Helm refuses."""

    def render(*argv: str | Path) -> str:
        done = helm("template", "upwell", CHART, "-n", NAMESPACE, "--kube-version", KUBERNETES, *argv)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return render


@pytest.fixture(scope="session")
def rendered(template: Callable[..., str]) -> dict[str, Rendered]:
    """Give the objects of each set of values."""
    return {name: objects(template(*(["-f", file] if file else []))) for name, file in VALUES.items()}


def objects(text: str) -> Rendered:
    """Read what Helm has rendered."""
    return [one for one in yaml.safe_load_all(text) if one]


def of_kind(rendered: Rendered, *kinds: str) -> Rendered:
    """Give the objects of these kinds."""
    return [one for one in rendered if one["kind"] in kinds]
