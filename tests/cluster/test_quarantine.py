"""A version that may not be built from, on a real cluster: who is stale, what waits, and what is built afterwards."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from cluster.kubectl import Json, Kubectl, until
from cluster.manifests import asset, result, runs, shell, version

BUILDS = shell('echo "{\\"dataVersion\\": \\"of-$UPWELL_RUN\\"}" > $UPWELL_RESULT')


def condition(kubectl: Kubectl, name: str) -> Json:
    """Give the condition Fresh of an asset."""
    found: list[Json] = (kubectl.get("asset", name).get("status") or {}).get("conditions", [])
    return next((one for one in found if one["type"] == "Fresh"), {})


def reasons(kubectl: Kubectl, *names: str) -> list[str]:
    return [condition(kubectl, name).get("reason", "") for name in names]


@pytest.fixture
def chain(upwell: Kubectl, kubectl: Kubectl) -> Kubectl:
    """Build raw (v1) → clean → mart, and `once`, which was built from v1 and builds nothing by itself."""
    eager = {"materialize": BUILDS, "autoMaterialize": {"policy": "Eager"}}
    kubectl.apply(
        asset("raw", observe=shell(result('{"dataVersion": "v1"}')), requested="1"),
        asset("clean", deps=[{"name": "raw"}], **eager),
        asset("mart", deps=[{"name": "clean"}], **eager),
        asset("once", deps=[{"name": "raw"}], materialize=BUILDS),
    )
    until(lambda: reasons(kubectl, "raw", "clean", "mart") == ["UpToDate"] * 3, 120)
    kubectl.annotate("asset", "once", requested_at="1")
    until(lambda: reasons(kubectl, "once") == ["UpToDate"], 60)
    return kubectl


def observed(kubectl: Kubectl, data_version: str, **spec: object) -> None:
    """Have the source observed as this version."""
    look = shell(result(f'{{"dataVersion": "{data_version}"}}'))
    kubectl.apply(asset("raw", observe=look, requested=data_version, **spec))
    until(lambda: version(kubectl, "raw") == data_version, 60)


def test_a_bad_version_is_barred_in_the_spec_and_the_next_one_is_built(chain: Kubectl) -> None:
    observed(chain, "v2")
    until(lambda: len(runs(chain, "mart")) == 2 and reasons(chain, "clean", "mart") == ["UpToDate"] * 2, 120)

    observed(chain, "v2", quarantine=[{"dataVersion": "v2", "reason": "half a file"}])
    until(lambda: reasons(chain, "raw", "clean", "mart") == ["VersionQuarantined"] * 3, 60)
    assert condition(chain, "mart")["message"] == "built from quarantined data: clean → raw, raw v2 (half a file)"
    assert condition(chain, "once")["reason"] == "UpToDate", "it was built from v1"
    assert "passed over, as quarantined: raw v2" in condition(chain, "once")["message"]
    chain.annotate("asset", "clean", requested_at="now")
    until(lambda: chain.get("asset", "clean")["status"].get("lastHandledRequest") == "now", 30)
    assert [len(runs(chain, name)) for name in ("clean", "mart", "once")] == [2, 2, 1]

    observed(chain, "v3", quarantine=[{"dataVersion": "v2", "reason": "half a file"}])
    until(lambda: reasons(chain, "raw", "clean", "mart") == ["UpToDate"] * 3, 120)
    until(lambda: reasons(chain, "once") == ["UpstreamDataChanged"], 30)
    assert [len(runs(chain, name)) for name in ("clean", "mart", "once")] == [3, 3, 1]


def test_who_may_patch_an_asset_may_bar_a_version_over_http(chain: Kubectl, server: str, token_file: Path) -> None:
    headers = {"Authorization": f"Bearer {token_file.read_text().strip()}"}
    path = f"{server}/v1/assets/{chain.namespace}/raw"
    answer = httpx.get(f"{path}/built-from", params={"version": "v1"}, headers=headers, timeout=20)
    assert {one["key"] for one in answer.json()["items"]} == {"clean", "mart", "once"}
    params = {"version": "v1", "reason": "a bad file"}
    httpx.post(f"{path}/quarantine", params=params, headers=headers, timeout=20).raise_for_status()
    until(lambda: reasons(chain, "raw", "clean", "mart", "once") == ["VersionQuarantined"] * 4, 60)
    httpx.post(f"{path}/release", params={"version": "v1"}, headers=headers, timeout=20).raise_for_status()
    until(lambda: reasons(chain, "raw", "clean", "mart", "once") == ["UpToDate"] * 4, 60)
