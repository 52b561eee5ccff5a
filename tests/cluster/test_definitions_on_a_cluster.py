"""Every definition's story comes true on a real cluster, from the same manifests and the same story as on a laptop."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.kubectl import Kubectl
from cluster.plane import ClusterPlane
from expectations import Story, play

DEFINITIONS = sorted(file.parent for file in (Path(__file__).parents[2] / "definitions").glob("*/expect.yaml"))
FILES = ("write", "append", "replace", "remove")


@pytest.mark.timeout(600)
@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda folder: folder.name)
async def test_the_story_of_a_definition_comes_true_on_a_cluster(
    definition: Path, kubectl: Kubectl, server: str, token_file: Path, claim: Callable[[str], Path]
) -> None:
    story = Story.of(definition)
    volumes = {name: claim(name) for name in sorted(claims_of(story))}
    kubectl.apply_files(definition)
    for asset in kubectl.list("assets"):
        kubectl.wait("asset", asset["metadata"]["name"], "Ready")
    await play(story, ClusterPlane(server, token_file, kubectl.namespace, volumes))


def claims_of(story: Story) -> set[str]:
    changes = (getattr(step, verb) for step in story.steps for verb in FILES)
    return {change.volume for change in changes if change}
