"""Options of the simulation: how many seeds, and from which on."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --seeds and --first."""
    parser.addoption("--seeds", type=int, default=300, help="seeds of the simulation")
    parser.addoption("--first", type=int, default=0, help="the first of them")
