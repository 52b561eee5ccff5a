"""Level, not edge: what happens during a run is looked at when it is over, by what is true then. Real pods, no mock."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from cluster.kubectl import Kubectl, until
from cluster.manifests import SHELL, asset, runs, version

WAITS = 'until [ -e /gate/open ]; do sleep 0.2; done; echo "{\\"dataVersion\\": \\"$UPWELL_RUN\\"}" > $UPWELL_RESULT'


class Outside:
    """A system that makes a source's data, and tells."""

    def __init__(self, server: str, namespace: str, token: str) -> None:
        self.url = f"{server}/v1/assets/{namespace}/source/events"
        self.headers = {"Authorization": f"Bearer {token}"}

    def tells(self, *versions: str) -> None:
        """Report versions, one after another."""
        for one in versions:
            event = {"type": "AssetObservation", "dataVersion": one}
            httpx.post(self.url, json={"events": [event]}, headers=self.headers, timeout=20).raise_for_status()


@pytest.fixture
def outside(server: str, kubectl: Kubectl, token_file: Path) -> Outside:
    return Outside(server, kubectl.namespace, token_file.read_text().strip())


@pytest.fixture
def gate(kubectl: Kubectl, claim: Callable[[str], Path]) -> Path:
    """An Eager asset whose runs last until a file is there; gives the file."""
    folder = claim("gate")
    access = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}, "storageClassName": ""}
    claimed = {"volumes": [{"name": "gate", "persistentVolumeClaim": {"claimName": "gate"}}]}
    run = {"container": {"image": SHELL, "command": ["sh", "-c", WAITS]}, **claimed}
    run |= {"volumeMounts": [{"name": "gate", "mountPath": "/gate"}]}
    kubectl.apply({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "gate"}, "spec": access})
    kubectl.apply(
        asset("source"),
        asset("built", deps=[{"name": "source"}], materialize=run, autoMaterialize={"policy": "Eager"}),
    )
    kubectl.wait("asset", "built", "Ready", 30)
    return folder / "open"


def inputs(kubectl: Kubectl) -> list[str]:
    """Give what the runs of the asset consumed, the oldest first."""
    jobs = sorted(runs(kubectl, "built"), key=lambda run: int(run["metadata"]["annotations"]["upwell.dev/fence"]))
    return [run["metadata"]["annotations"]["upwell.dev/inputs"] for run in jobs]


def started(kubectl: Kubectl) -> None:
    """Wait until a run of the asset has its container."""
    until(lambda: any(run["status"].get("ready") for run in runs(kubectl, "built")), 60)


def test_ten_changes_during_one_run_lead_to_one_more_run_of_the_newest(
    kubectl: Kubectl, gate: Path, outside: Outside
) -> None:
    outside.tells("1")
    started(kubectl)
    outside.tells(*map(str, range(2, 12)))
    until(lambda: version(kubectl, "source") == "11", 30)
    assert len(runs(kubectl, "built")) == 1
    gate.touch()
    until(lambda: len(runs(kubectl, "built")) == 2, 60)
    kubectl.wait("asset", "built", "Fresh", 60)
    first, second = inputs(kubectl)
    assert '"dataVersion":"1"' in first.replace(" ", "")
    assert '"dataVersion":"11"' in second.replace(" ", "")


def test_a_change_that_was_undone_is_fresh_again_without_a_run(kubectl: Kubectl, gate: Path, outside: Outside) -> None:
    outside.tells("1")
    started(kubectl)
    outside.tells("2", "1")
    gate.touch()
    kubectl.wait("asset", "built", "Fresh", 60)
    assert len(inputs(kubectl)) == 1


def test_an_asset_that_waits_to_be_asked_is_fresh_again_when_a_change_is_undone(
    kubectl: Kubectl, gate: Path, outside: Outside
) -> None:
    gate.touch()
    outside.tells("1")
    kubectl.wait("asset", "built", "Fresh", 60)
    kubectl.run("patch", "asset", "built", "--type=merge", "-p", '{"spec": {"autoMaterialize": {"policy": "Never"}}}')
    outside.tells("2")
    kubectl.wait("asset", "built", "Fresh=False", 30)
    assert kubectl.condition("asset", "built", "Fresh")["reason"] == "UpstreamDataChanged"
    outside.tells("1")
    kubectl.wait("asset", "built", "Fresh", 30)
    assert len(inputs(kubectl)) == 1
