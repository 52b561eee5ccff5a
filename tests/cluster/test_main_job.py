"""The main job on a real cluster: manifests are applied, a pod looks, what is downstream is built, kubectl tells it.

The definition is 03-any-language: no Python in its pods, so what travels is the file in `$UPWELL_RESULT`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster.kubectl import Kubectl, until

ROOT = Path(__file__).parents[2]
DEFINITION = ROOT / "definitions" / "03-any-language"
OURS = ("upwell.dev/", "kopf.")


@pytest.fixture
def prices(upwell: Kubectl, kubectl: Kubectl, claim: Callable[[str], Path]) -> Path:
    """Apply the definition, and give the file that it looks at."""
    file = claim("any-language-data") / "prices.csv"
    file.write_text("item,price\ntea,2.50\ncup,4.00\n")
    kubectl.apply_files(DEFINITION)
    for asset in ("prices", "total"):
        kubectl.wait("asset", asset, "Ready")
    return file


def jobs_of(kubectl: Kubectl, asset: str) -> list[dict[str, Any]]:
    return kubectl.list("jobs", f"upwell.dev/asset={asset}")


def test_data_that_changes_is_seen_and_built_upon(kubectl: Kubectl, prices: Path) -> None:
    kubectl.annotate("asset", "prices", requested_at="1")
    kubectl.wait("asset", "prices", "Observed", 60)
    kubectl.wait("asset", "total", "Fresh", 90)
    first = kubectl.get("asset", "total")["status"]["dataVersion"]
    assert (len(jobs_of(kubectl, "prices")), len(jobs_of(kubectl, "total"))) == (1, 1)

    kubectl.annotate("asset", "prices", requested_at="2")
    until(lambda: kubectl.get("asset", "prices")["status"]["lastHandledRequest"] == "2", 30)
    until(lambda: all("succeeded" in job["status"] for job in jobs_of(kubectl, "prices")), 60)
    assert len(jobs_of(kubectl, "total")) == 1, "unchanged data costs nothing downstream"

    prices.write_text("item,price\ntea,2.50\ncup,4.50\n")
    kubectl.annotate("asset", "prices", requested_at="3")
    until(lambda: len(jobs_of(kubectl, "total")) == 2, 60)
    until(lambda: kubectl.get("asset", "total")["status"]["dataVersion"] != first, 90)
    kubectl.wait("asset", "total", "Fresh", 60)


def test_kubectl_shows_the_table_that_is_promised(kubectl: Kubectl, prices: Path) -> None:
    kubectl.annotate("asset", "prices", requested_at="1")
    kubectl.wait("asset", "total", "Fresh", 90)
    header, *rows = kubectl.run("get", "assets").splitlines()
    assert header.split()[:6] == ["NAME", "KEY", "KIND", "VERSION", "FRESH", "REASON"]
    assert {row.split()[2] for row in rows} == {"Source", "Derived"}
    assert all("UpToDate" in row for row in rows)


def test_nothing_of_ours_is_written_to_what_users_wrote(kubectl: Kubectl, prices: Path) -> None:
    before = {asset["metadata"]["name"]: asset["spec"] for asset in kubectl.list("assets")}
    kubectl.annotate("asset", "prices", requested_at="1")
    kubectl.wait("asset", "total", "Fresh", 90)
    for asset in kubectl.list("assets"):
        meta = asset["metadata"]
        assert asset["spec"] == before[meta["name"]]
        assert not meta.get("finalizers")
        assert not meta.get("labels")
        assert [key for key in meta.get("annotations", {}) if key.startswith(OURS)] in ([], ["upwell.dev/requested-at"])
