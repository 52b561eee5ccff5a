"""Every definition's story comes true on `upwell dev`."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from expectations import Story, play
from local_plane import local_plane, need, need_a_server_for_the_data

DEFINITIONS = sorted(file.parent for file in (Path(__file__).parents[2] / "definitions").glob("*/expect.yaml"))


@pytest.mark.timeout(180)
@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda folder: folder.name)
async def test_the_story_of_a_definition_comes_true(definition: Path, tmp_path: Path) -> None:
    need_a_server_for_the_data()
    story = Story.of(definition)
    for package in {step.write.package for step in story.steps if step.write and step.write.package}:
        if not importlib.util.find_spec(package):
            need(f"the data of this story comes with the package {package}: pip install --no-deps {package}")
    async with local_plane(definition, tmp_path / "data") as driver:
        await play(story, driver)


def test_every_definition_has_a_page_manifests_and_a_story() -> None:
    folders = sorted(path for path in DEFINITIONS[0].parent.iterdir() if path.name[:2].isdigit())
    assert folders == DEFINITIONS
    for folder in folders:
        assert {"README.md", "kustomization.yaml"} <= {file.name for file in folder.iterdir()}
        assert list(folder.rglob("assets.yaml"))
