"""A version with too few rows on a real cluster: nothing below is touched by it before a person releases it."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest

from cluster.kubectl import Json, Kubectl, until
from cluster.manifests import asset, result, runs, shell, version

BUILDS = shell('echo "{\\"dataVersion\\": \\"of-$UPWELL_RUN\\"}" > $UPWELL_RESULT')
GUARD = {"holdWhen": "new.rows < 0.5 * old.rows"}


def observes(data_version: str, rows: int) -> Json:
    """Give the source as it is when an observation sees this version with so many rows."""
    look = shell(result(json.dumps({"dataVersion": data_version, "metadata": {"rows": rows}})))
    return asset("raw", observe=look, guard=GUARD, requested=data_version)


def held(kubectl: Kubectl) -> str:
    """Give the version that is held; nothing when none is."""
    status = kubectl.get("asset", "raw").get("status") or {}
    return str((status.get("held") or {}).get("version", ""))


def clean(kubectl: Kubectl) -> tuple[int, str]:
    """Give how often clean was built, and whether it is fresh."""
    return len(runs(kubectl, "clean")), kubectl.condition("asset", "clean", "Fresh").get("reason", "")


def events(kubectl: Kubectl) -> list[str]:
    found = json.loads(kubectl.run("get", "events", "-o", "json"))["items"]
    return [one["message"] for one in found if one["reason"] == "GuardHeld"]


@pytest.fixture
def suspicious(upwell: Kubectl, kubectl: Kubectl) -> Kubectl:
    """Build clean from raw v1, which has 100 rows; then v2 comes, with 40."""
    kubectl.apply(
        observes("v1", 100),
        asset("clean", deps=[{"name": "raw"}], materialize=BUILDS, autoMaterialize={"policy": "Eager"}),
    )
    until(lambda: clean(kubectl) == (1, "UpToDate"), 120)
    kubectl.apply(observes("v2", 40))
    until(lambda: held(kubectl) == "v2", 60)
    return kubectl


def test_a_held_version_is_built_from_once_it_is_released(suspicious: Kubectl, server: str, token_file: Path) -> None:
    said = suspicious.condition("asset", "raw", "Held")
    assert (said["status"], said["reason"]) == ("True", "GuardHeld")
    assert "version v2 is held: new.rows < 0.5 * old.rows is true (rows 40, before 100)" in said["message"]
    assert (version(suspicious, "raw"), clean(suspicious)) == ("v1", (1, "UpToDate"))
    until(lambda: len(events(suspicious)) == 1, 30)

    headers = {"Authorization": f"Bearer {token_file.read_text().strip()}"}
    path = f"{server}/v1/assets/{suspicious.namespace}/raw/held/release"
    other = httpx.post(path, params={"version": "v9"}, headers=headers, timeout=20)
    assert (other.status_code, "it holds 'v2'" in other.json()["detail"]) == (404, True)
    assert clean(suspicious) == (1, "UpToDate")
    httpx.post(path, params={"version": "v2"}, headers=headers, timeout=20).raise_for_status()
    until(lambda: version(suspicious, "raw") == "v2" and clean(suspicious) == (2, "UpToDate"), 120)
    assert (held(suspicious), suspicious.condition("asset", "raw", "Held")) == ("", {})
    made = suspicious.get("asset", "clean")["status"]["lastMaterialization"]["inputs"]
    assert [one["dataVersion"] for one in made] == ["v2"]


def test_a_held_version_is_rejected_by_a_quarantine_and_the_next_is_judged(suspicious: Kubectl) -> None:
    rejected = observes("v2", 40)
    rejected["spec"]["quarantine"] = [{"dataVersion": "v2", "reason": "half a file"}]
    suspicious.apply(rejected)
    suspicious.wait("asset", "raw", "Fresh=False")
    until(lambda: held(suspicious) == "", 30)
    assert (version(suspicious, "raw"), clean(suspicious)) == ("v1", (1, "UpToDate"))
    suspicious.apply(observes("v3", 90))
    until(lambda: version(suspicious, "raw") == "v3" and clean(suspicious) == (2, "UpToDate"), 120)


def test_a_guard_that_does_not_compile_is_said_by_the_operator(upwell: Kubectl, kubectl: Kubectl) -> None:
    kubectl.apply(asset("raw", guard={"holdWhen": "new.rows <"}))
    kubectl.wait("asset", "raw", "Stalled")
    said = kubectl.condition("asset", "raw", "Ready")
    assert said["reason"] == "InvalidSpec"
    assert said["message"].startswith('spec.guard.holdWhen: "new.rows <" cannot be used: it is no expression in CEL')
