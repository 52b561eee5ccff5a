"""Manifests in the cluster: applied, changed, removed, and kept while their file is broken."""

from __future__ import annotations

import asyncio
import importlib.util
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from upwell_operator.errors import NotFound
from upwell_operator.local import reload
from upwell_operator.local.memory import MemoryCluster
from upwell_operator.local.problems import Problem
from upwell_operator.local.refusals import steps_of
from upwell_operator.local.reload import Definitions

ASSET = "apiVersion: upwell.dev/v1alpha1\nkind: Asset\nmetadata: {name: NAME}\nspec:\n  description: a file\n"


def asset(name: str = "raw", more: str = "") -> str:
    return ASSET.replace("NAME", name) + more


async def names(cluster: MemoryCluster) -> list[str]:
    return [item["metadata"]["name"] for item in (await cluster.list("assets")).items]


async def test_what_is_in_the_files_is_in_the_cluster(tmp_path: Path) -> None:
    cluster = MemoryCluster()
    definitions = Definitions(cluster, [tmp_path])
    (tmp_path / "a.yaml").write_text(asset("a") + "---\n" + asset("b"))
    assert await definitions.load() == []
    assert await names(cluster) == ["a", "b"]
    (tmp_path / "a.yaml").write_text(asset("b", "  group: other\n"))
    await definitions.load()
    assert await names(cluster) == ["b"]
    assert (await cluster.get("assets", "default", "b"))["spec"]["group"] == "other"


async def test_unchanged_files_write_nothing(tmp_path: Path) -> None:
    cluster = MemoryCluster()
    definitions = Definitions(cluster, [tmp_path])
    (tmp_path / "a.yaml").write_text(asset())
    await definitions.load()
    before = cluster.resource_version
    await definitions.load()
    assert cluster.resource_version == before


async def test_what_stands_in_a_broken_file_stays_and_the_problem_is_said_once(tmp_path: Path) -> None:
    cluster, said = MemoryCluster(), list[Problem]()
    definitions = Definitions(cluster, [tmp_path], said.append)
    (tmp_path / "a.yaml").write_text(asset("a"))
    (tmp_path / "b.yaml").write_text(asset("b"))
    await definitions.load()
    (tmp_path / "a.yaml").write_text("a: [")
    (tmp_path / "b.yaml").unlink()
    await definitions.load()
    await definitions.load()
    assert await names(cluster) == ["a"]
    assert len(said) == 1


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (
            "  descripton: x\n",
            "a.yaml:6: Asset default/raw: spec.descripton: there is no such field; did you mean description?",
        ),
        (
            "  deps: [{name: raw}]\n",
            "a.yaml:6: Asset default/raw: spec.deps: the asset lists itself; remove its own name",
        ),
        (
            "  suspend: maybe\n",
            'a.yaml:6: Asset default/raw: spec.suspend: "maybe" is not true or false, without quotes',
        ),
    ],
)
async def test_what_the_cluster_refuses_is_told_with_its_line(tmp_path: Path, more: str, says: str) -> None:
    (tmp_path / "a.yaml").write_text(asset(more=more))
    (problem,) = await Definitions(MemoryCluster(), [tmp_path]).load()
    assert says in str(problem)


async def test_a_refused_change_leaves_the_object_as_it_was(tmp_path: Path) -> None:
    cluster = MemoryCluster()
    definitions = Definitions(cluster, [tmp_path])
    (tmp_path / "a.yaml").write_text(asset())
    await definitions.load()
    (tmp_path / "a.yaml").write_text(asset(more="  nonsense: 1\n"))
    assert len(await definitions.load()) == 1
    assert "nonsense" not in (await cluster.get("assets", "default", "raw"))["spec"]


@pytest.mark.parametrize("watching", ["watchfiles", "polling"])
@pytest.mark.parametrize("named", ["the folder", "the file"])
async def test_a_changed_file_is_applied(
    tmp_path: Path, watching: str, named: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if watching == "polling":
        monkeypatch.setattr(reload, "_POLL_SECONDS", 0.02)
        monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    path, cluster = tmp_path / "a.yaml", MemoryCluster()
    path.write_text(asset())
    definitions = Definitions(cluster, [tmp_path if named == "the folder" else path])
    await definitions.load()
    following = asyncio.create_task(definitions.follow())
    try:
        await asyncio.wait_for(until_changed(cluster, path), 20)
    finally:
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following


async def until_changed(cluster: MemoryCluster, path: Path) -> None:
    """Write until it is heard: a watch that has just begun may miss the first write."""
    watch = cluster.watch("assets", cluster.resource_version)
    heard: asyncio.Task[Any] = asyncio.ensure_future(anext(watch))
    number = 0
    while not heard.done():
        number += 1
        await asyncio.to_thread(path.write_text, asset(more=f"  group: g{number}\n"))
        await asyncio.wait([heard], timeout=0.4)
    assert heard.result()[1]["spec"]["group"].startswith("g")


async def test_a_deleted_objects_file_that_comes_back_makes_it_anew(tmp_path: Path) -> None:
    cluster = MemoryCluster()
    definitions = Definitions(cluster, [tmp_path])
    (tmp_path / "a.yaml").write_text(asset())
    await definitions.load()
    (tmp_path / "a.yaml").unlink()
    await definitions.load()
    with pytest.raises(NotFound):
        await cluster.get("assets", "default", "raw")
    (tmp_path / "a.yaml").write_text(asset())
    await definitions.load()
    assert await names(cluster) == ["raw"]


@pytest.mark.parametrize(
    ("field", "steps"),
    [("spec.deps[0].name", ("spec", "deps", 0, "name")), ("kind", ("kind",)), ("a[b].c", ("a", "b", "c"))],
)
def test_a_fields_name_is_read_as_steps(field: str, steps: tuple[str | int, ...]) -> None:
    assert steps_of(field) == steps
