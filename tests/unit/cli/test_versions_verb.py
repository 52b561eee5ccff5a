"""`upwell versions`: a line a version, a line a build, and what is not shown."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from upwell_operator.cli import versions
from upwell_operator.cli.client import Api
from upwell_operator.cli.options import Connection

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
TO = Connection(server="http://upwell.test", namespace="shop")
RAW = {"metadata": {"namespace": "shop", "name": "raw"}, "spec": {"quarantine": [{"dataVersion": "v1" * 9}]}}


def a_build(key: str, *, namespace: str = "shop", current: bool = True) -> dict[str, Any]:
    above = {"namespace": "shop", "key": "raw", "dataVersion": "v1" * 9}
    made = {"namespace": namespace, "key": key, "dataVersion": "m" * 64, "time": "2026-11-22T11:00:00Z", "run": "r1"}
    return {**made, "input": above, "current": current, "depth": 1}


def a_version(version: str, *built: dict[str, Any], current: bool = False, builds: int | None = None) -> dict[str, Any]:
    times = {"firstSeen": "2026-11-22T10:00:00Z", "lastSeen": "2026-11-22T11:00:00Z", "times": 7}
    count = len(built) if builds is None else builds
    return {"dataVersion": version, "current": current, **times, "built": list(built), "builds": count}


def cells(lines: list[str]) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("   ") if cell.strip()] for line in lines[1:]]


def test_a_version_says_when_it_was_seen_and_what_came_of_it() -> None:
    found = [a_version("v2", current=True), a_version("v1" * 9, a_build("clean"), a_build("x", namespace="sales"))]
    assert cells(versions.table(found, {"v1" * 9}, "shop", NOW)) == [
        ["v2", "current", "2h", "1h", "7", "-", "-"],
        ["v1v1v1v1v1v1", "quarantined", "2h", "1h", "7", "clean, sales/x", "-"],
    ]


def test_a_version_that_is_held_says_so() -> None:
    found = [a_version("v2"), a_version("v1", current=True)]
    lines = versions.table(found, set(), "shop", NOW, held="v2")
    assert [row[:2] for row in cells(lines)] == [["v2", "held"], ["v1", "current"]]


NAMES = {
    "none": (a_version("v1"), ""),
    "one that was built twice": (a_version("v1", a_build("a"), a_build("a")), "a"),
    "more than a cell holds": (a_version("v1", *(a_build(name) for name in "abcde")), "a, b, c, 2 more"),
    "more than the server shows": (a_version("v1", a_build("a"), builds=21), "a, 20 more"),
}


@pytest.mark.parametrize(("version", "text"), NAMES.values(), ids=NAMES)
def test_a_cell_names_three_assets_and_counts_the_others(version: dict[str, Any], text: str) -> None:
    assert versions.names(version, "shop") == text


def test_a_build_says_from_what_it_was_made_and_whether_the_asset_is_still_that() -> None:
    lines = versions.built_table([a_build("clean", current=False)], "shop", NOW)
    assert cells(lines) == [["clean", "m" * 12, "raw v1v1v1v1v1v1", "no", "1h", "r1"]]


@pytest.mark.parametrize(("hidden", "early", "notes"), [(0, False, 0), (3, False, 1), (3, True, 2)])
def test_what_is_missing_is_said_beside_the_table(hidden: int, early: bool, notes: int) -> None:
    assert len(versions.notes({"hidden": hidden, "endedEarly": early})) == notes


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Put a server behind the verb; give what it is asked."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        if request.url.path.endswith("/built-from"):
            return httpx.Response(200, json={"items": [], "hidden": 2, "endedEarly": False})
        listed = [a_version("v1" * 9)] if request.url.path.endswith("/versions") else [RAW]
        return httpx.Response(200, json={"items": listed})

    api = Api(httpx.AsyncClient(base_url=TO.server, transport=httpx.MockTransport(answer)))
    monkeypatch.setattr(versions, "connect", lambda _: nullcontext(api))
    return seen


async def test_versions_are_listed(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    await versions.show(TO, "raw", 20)
    assert asked[-1] == "http://upwell.test/v1/assets/shop/raw/versions?limit=20"
    assert "quarantined" in capsys.readouterr().out


async def test_the_whole_version_is_asked_for(asked: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    await versions.show_built_from(TO, "raw", "v1v")
    assert asked[-1] == f"http://upwell.test/v1/assets/shop/raw/built-from?version={'v1' * 9}"
    said = capsys.readouterr()
    assert said.out == "Nothing is known to be built from raw v1v1v1v1v1v1.\n"
    assert said.err == "2 more in namespaces whose assets you may not list\n"
