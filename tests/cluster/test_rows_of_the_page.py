"""Dagster's page "Asset Observations", row by row, on a real cluster; docs/reference/the-page.md has the rows.

The definition is 04-asset-observations, the page's own Python, compiled. It is applied and played once; the tests look
at it in the order of the rows, and change what is theirs. Limits: where a row speaks of a web page,
the test asks the HTTP API and the command line, and says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest

from cluster import tenant
from cluster.kubectl import Json, Kubectl, port_forward, until
from cluster.manifests import asset, config_map, job, python, runs, schedule, version
from upwell_operator.cli.app import run

DEFINITION = Path(__file__).parents[2] / "definitions" / "04-asset-observations"
OPS = ("observation-op", "observes-dataset-op", "partitioned-dataset-op")
DATA = {
    "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "observations-data"}}],
    "volumeMounts": [{"name": "data", "mountPath": "/data"}],
}
SLOW = """
import time
from pathlib import Path
from upwell import AssetObservation, asset

@asset
def slow(context):
    context.log_event(AssetObservation("observation_asset", metadata={"while": "it runs"}))
    context.log_event(AssetObservation("defined_later", metadata={"rows": 7}))
    while not Path("/data/go").exists():
        time.sleep(0.1)
"""
MIXED = """
from upwell import DataVersion, asset, define_asset_job, observable_source_asset

@observable_source_asset
def source(): return DataVersion("1")

@asset(deps=[source])
def report(): ...

mixed = define_asset_job("mixed", [source, report])
"""


@dataclass(frozen=True)
class Page:
    """The definition, applied and played in a namespace, and the ways to look at it."""

    kubectl: Kubectl
    server: str
    token_file: Path
    folder: Path

    def upwell(self, *arguments: str, code: int = 0) -> str:
        """Run a command of `upwell` against the server, and give what it printed."""
        said = StringIO()
        to = ["--server", self.server, "--token-file", str(self.token_file), "-n", self.kubectl.namespace]
        with redirect_stdout(said), redirect_stderr(said):
            ended = run([*arguments, *to])
        assert ended == code, f"upwell {' '.join(arguments)} ended with {ended}: {said.getvalue()}"
        return said.getvalue()

    def get(self, path: str, **params: Any) -> httpx.Response:
        """Ask the HTTP API."""
        return httpx.get(f"{self.server}/v1/{path}", params=params, headers=self._headers, timeout=20)

    def report(self, name: str, **event: Any) -> None:
        """Report an event from outside, by default an observation."""
        path = f"{self.server}/v1/assets/{self.kubectl.namespace}/{name}/events"
        body = {"protocol": "1", "events": [{"type": "AssetObservation", **event}]}
        httpx.post(path, json=body, headers=self._headers, timeout=20).raise_for_status()

    def events(self, name: str, **params: Any) -> list[Json]:
        """Give the events of an asset by its name, or of a key that no asset has; the newest first."""
        answer = self.get(f"assets/{self.kubectl.namespace}/{name}/events", **params)
        found: list[Json] = answer.raise_for_status().json()["items"]
        return found

    def observed_with(self, label: str) -> Json:
        """Wait for an observation of `observation_asset` with this label."""
        found: Json = until(lambda: next((e for e in self.events("observation-asset") if label in e["metadata"]), None))
        return found

    def write(self, text: str) -> str:
        """Change the page's file; give the data version that it has now."""
        (self.folder / "some_file.txt").write_text(text)
        return sha256(text.encode()).hexdigest()

    def reason(self, name: str) -> str:
        """Give the reason of an asset's Fresh."""
        return str(self.kubectl.condition("asset", name, "Fresh").get("reason"))

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token_file.read_text().strip()}"}


@pytest.fixture(scope="module")
def kubectl(cluster: Kubectl) -> Iterator[Kubectl]:
    """Give kubectl in the namespace of all tests here."""
    with tenant.namespace(cluster) as own:
        yield own


@pytest.fixture(scope="module")
def page(upwell: Kubectl, kubectl: Kubectl, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """Apply the definition, run its ops and its job once, and build what is downstream."""
    token_file = tenant.token(kubectl, tmp_path_factory.mktemp("page") / "token")
    with tenant.claims(kubectl) as claim, port_forward(upwell, "service/upwell-server", 8080) as server:
        page = Page(kubectl, server, token_file, claim("observations-data"))
        page.write("one two three\n")
        (page.folder / "dataset.csv").write_text("date,item\n2026-11-29,tea\n2026-11-30,cup\n")
        kubectl.apply_files(DEFINITION)
        kubectl.apply(config_map("slow", slow=SLOW), asset("slow", materialize=python("slow:slow", "slow", **DATA)))
        for name in (*OPS, "slow"):
            kubectl.annotate("asset", name, requested_at="1")
        kubectl.annotate("observationjob", "observation-job", requested_at="1")
        kubectl.wait("asset", "foo-source-asset", "Observed", 90)
        kubectl.annotate("asset", "foo-report", requested_at="1")
        for name in ("foo-report", "foo-index", *OPS):
            kubectl.wait("asset", name, "Fresh", 120)
        yield page


def test_row_01_an_observation_records_metadata_and_moves_nothing_downstream(page: Page) -> None:
    """AssetObservation: metadata recorded about an asset, which does not mean that the asset was changed."""
    names = ("foo-source-asset", "foo-report", "foo-index")
    before = [(version(page.kubectl, name), len(runs(page.kubectl, name))) for name in names]
    page.report("foo-source-asset", metadata={"looked": {"type": "text", "value": "twice"}})
    newest = page.events("foo-source-asset")[0]
    assert (newest["type"], newest["metadata"]["looked"]["value"]) == ("AssetObservation", "twice")
    assert newest.get("dataVersion") is None
    page.kubectl.annotate("asset", "foo-source-asset", requested_at="looked")  # a pass that has seen what was reported
    until(lambda: page.kubectl.get("asset", "foo-source-asset")["status"].get("lastHandledRequest") == "looked")
    until(lambda: page.events("foo-source-asset")[0].get("dataVersion") == before[0][0], 90)
    assert [page.reason(name) for name in names] == ["UpToDate"] * 3
    after = [(version(page.kubectl, name), len(runs(page.kubectl, name))) for name in names]
    assert after[1:] == before[1:]
    assert after[0][0] == before[0][0]


def test_row_02_a_key_is_a_path_and_by_default_the_name(page: Page) -> None:
    """AssetKey: `spec.key` is a path, and where it is left out the resource's name."""
    page.kubectl.apply(asset("raw-orders", key="warehouse/raw_orders"), asset("plain"))
    for name in ("raw-orders", "plain"):
        page.kubectl.wait("asset", name, "Ready")
    page.report("raw-orders", metadata={"rows": {"type": "int", "value": 98}})
    assert "rows=98" in until(lambda: "rows=" in (said := page.upwell("events", "warehouse/raw_orders")) and said)
    assert page.events("raw-orders")[0]["assetKey"] == "warehouse/raw_orders"
    keys = [line.split()[0] for line in page.upwell("status").splitlines()]
    assert {"warehouse/raw_orders", "plain"} <= set(keys)


def test_row_03_an_observation_is_visible_while_the_function_still_runs(page: Page) -> None:
    """`context.log_event` in any op or asset: the page's op has logged, and an asset logs while it runs."""
    assert page.observed_with("num_rows")["metadata"]["num_rows"]["value"] == 2
    page.observed_with("while")
    (going,) = runs(page.kubectl, "slow")
    assert not going["status"].get("succeeded"), "it waits for a file that nobody has written"
    (page.folder / "go").touch()
    page.kubectl.wait("asset", "slow", "Fresh", 90)


def test_row_04_events_of_an_unknown_key_are_shown_once_it_is_defined_or_built(page: Page) -> None:
    """Observations are displayed for assets that are defined, or that have been materialized; all are kept."""
    listed = page.get("assets", namespace=page.kubectl.namespace).json()
    assert "defined_later" in json.dumps(listed["undefined"])
    assert page.get(f"assets/{page.kubectl.namespace}/defined_later/events").status_code == 404
    page.kubectl.apply(asset("defined-later", key="defined_later"))
    page.kubectl.wait("asset", "defined-later", "Ready")
    assert [one["metadata"]["rows"]["value"] for one in page.events("defined-later")] == [7]

    page.report("built_elsewhere", metadata={"rows": {"type": "int", "value": 8}})
    assert page.get(f"assets/{page.kubectl.namespace}/built_elsewhere/events").status_code == 404
    page.report("built_elsewhere", type="AssetMaterialization")
    assert [one["type"] for one in page.events("built_elsewhere")] == ["AssetMaterialization", "AssetObservation"]


def test_row_05_metadata_keeps_its_types(page: Page) -> None:
    """MetadataValue: text, path, url and number of the page. Plots of numbers belong to the web page, not built yet."""
    seen = page.observed_with("text_metadata")["metadata"]
    assert {label: (one["type"], one["value"]) for label, one in seen.items()} == {
        "text_metadata": ("text", "Text-based metadata for this event"),
        "path": ("path", "/data/copy.csv"),
        "dashboard_url": ("url", "http://mycoolsite.com/url_for_my_data"),
        "size (bytes)": ("int", 26),
    }
    assert "size (bytes)=26" in page.upwell("events", "observation_asset")


def test_row_06_the_event_log_is_read_by_command_and_by_http(page: Page) -> None:
    """Event log and Asset Activity: `upwell events` and the HTTP API. The page of an asset is not built yet."""
    page.observed_with("num_rows")
    header, *lines = page.upwell("events", "observation_asset").splitlines()
    assert header.split() == ["AGE", "TYPE", "VERSION", "METADATA", "RUN"]
    assert {line.split()[1] for line in lines} == {"Observation"}
    assert json.loads(page.upwell("events", "observation_asset", "-o", "json"))["items"]
    everything = page.events("observation-asset")
    path = f"assets/{page.kubectl.namespace}/observation-asset/events"
    first = page.get(path, limit=1).json()
    second = page.get(path, limit=1, cursor=first["metadata"]["continue"]).json()
    assert [*first["items"], *second["items"]] == everything[:2]
    report = {one["type"] for one in page.events("foo-report")}
    assert report == {"AssetMaterialization"}


def test_row_07_an_observation_is_of_one_partition_and_each_has_its_state(page: Page) -> None:
    """`partition` on an observation: the page's op, and a state for each partition of the four sorts.

    Builds by partition are in test_built_by_partition.py.
    """
    (seen,) = page.events("my-partitioned-dataset", partition="2026-11-30")
    assert (seen["partition"], seen.get("dataVersion")) == ("2026-11-30", None)
    days = {"timeWindow": {"cron": "@daily", "start": "2026-11-28"}}
    regions = {"static": ["eu", "us"]}
    both = {"multi": {"day": days, "region": regions}}
    sorts = {
        "by-region": (regions, "eu"),
        "by-day": (days, "2026-11-29"),
        "by-customer": ({"dynamic": {}}, "acme"),
        "by-both": (both, "2026-11-29|eu"),
    }
    page.kubectl.apply(*(asset(name, partitions=cut) for name, (cut, _) in sorts.items()))
    for name, (_, key) in sorts.items():
        page.kubectl.wait("asset", name, "Ready")
        page.report(name, partitions={key: "v1"})
        listed = page.get(f"assets/{page.kubectl.namespace}/{name}/partitions").raise_for_status().json()["items"]
        assert [one["partition"] for one in listed if one.get("dataVersion") == "v1"] == [key]


def test_row_08_each_run_of_a_source_is_an_observation_with_its_version(page: Page) -> None:
    """A function that returns a DataVersion: the page's file hash, and the same again when nothing has changed."""
    wanted = sha256((page.folder / "some_file.txt").read_bytes()).hexdigest()
    assert version(page.kubectl, "foo-source-asset") == wanted
    seen = len(observations(page))
    page.upwell("observe", "foo_source_asset")
    assert observations(page) == [wanted] * (seen + 1)
    assert len(runs(page.kubectl, "foo-index")) == 1, "unchanged data builds nothing"


def observations(page: Page) -> list[str]:
    """Give the versions that the page's source was observed to have, the newest first."""
    return [one["dataVersion"] for one in page.events("foo-source-asset") if one.get("dataVersion")]


@pytest.fixture(scope="module")
def changed(page: Page) -> str:
    """Change the page's file and observe it; give its new version."""
    new = page.write("one two three four\n")
    page.upwell("observe", "foo_source_asset")
    until(lambda: version(page.kubectl, "foo-source-asset") == new)
    return new


def test_row_09_a_source_with_a_newer_version_labels_its_downstream(page: Page, changed: str) -> None:
    """The label: a condition on the resource, in `kubectl get assets`, and what the web page will read by HTTP."""
    until(lambda: page.reason("foo-report") == "UpstreamDataChanged", 30)
    fresh = page.kubectl.condition("asset", "foo-report", "Fresh")
    assert (fresh["status"], changed[:8] in fresh["message"]) == ("False", True)
    assert page.kubectl.condition("asset", "foo-report", "Ready")["status"] == "True"
    (line,) = [row for row in page.kubectl.run("get", "assets").splitlines() if row.startswith("foo-report ")]
    assert "UpstreamDataChanged" in line
    assert "UpstreamDataChanged" in page.upwell("status", "foo_report")
    assert "foo_source_asset" in page.upwell("why", "foo_report")
    node = next(one for one in graph(page)["nodes"] if one["name"] == "foo-report")
    assert (node["fresh"], node["reason"]) == ("False", "UpstreamDataChanged")


def test_row_10_a_policy_builds_once_for_each_set_of_versions(page: Page, changed: str) -> None:
    """AutoMaterializePolicy: one Job for each version of the file, and none besides."""
    until(lambda: len(runs(page.kubectl, "foo-index")) == 2, 60)
    page.kubectl.wait("asset", "foo-index", "Fresh", 90)
    made = runs(page.kubectl, "foo-index")
    (old, new) = sorted(
        (json.loads(one["metadata"]["annotations"]["upwell.dev/inputs"]) for one in made),
        key=lambda inputs: bool(inputs[0]["dataVersion"] == changed),
    )
    assert new[0]["dataVersion"] == changed != old[0]["dataVersion"]
    assert len(runs(page.kubectl, "foo-report")) == 1, "it has no policy"


def graph(page: Page, **params: str) -> Json:
    found: Json = page.get("graph", namespace=page.kubectl.namespace, **params).raise_for_status().json()
    return found


def test_row_11_sources_are_observed_on_request_if_there_are_any(page: Page) -> None:
    """Observing sources: the button's rule by HTTP, `upwell observe`, the annotation. The button is not built yet."""
    whole = graph(page)
    assert whole["observable"] is True
    assert [one["name"] for one in whole["nodes"] if one["observable"]] == ["foo-source-asset"]
    assert graph(page, selection="key:foo_report")["observable"] is False
    assert "foo_source_asset" in page.upwell("graph")
    refused = page.upwell("observe", "foo_source_asset", "foo_report", code=2)
    assert "cannot observe: foo_report" in refused

    seen = len(observations(page))
    page.kubectl.annotate("asset", "foo-source-asset", requested_at="from-git")
    until(lambda: page.kubectl.get("asset", "foo-source-asset")["status"]["lastHandledRequest"] == "from-git", 30)
    until(lambda: len(observations(page)) == seen + 1, 60)


def test_row_12_a_job_observes_on_a_schedule(page: Page) -> None:
    """`define_asset_job` and `ScheduleDefinition`, compiled; daily fires at midnight, and another line meanwhile."""
    kubectl = page.kubectl
    kubectl.wait("schedule", "observation-schedule", "Ready", 30)
    due = datetime.fromisoformat(kubectl.get("schedule", "observation-schedule")["status"]["nextScheduleTime"])
    assert (due.hour, due.minute, due.second) == (0, 0, 0)
    assert timedelta(0) < due - datetime.now(UTC) <= timedelta(days=1)

    before = kubectl.get("observationjob", "observation-job")["status"]["lastRun"]["name"]
    kubectl.apply(schedule("often", "*/5 * * * * *", "observation-job"))
    until(lambda: kubectl.get("schedule", "often").get("status", {}).get("lastScheduleTime"), 30)
    kubectl.run("delete", "schedule", "often")

    def over() -> Json | None:
        last: Json = kubectl.get("observationjob", "observation-job")["status"]["lastRun"]
        return last if last["name"] != before and last["phase"] != "Active" else None

    last = until(over, 90)
    assert (last["phase"], last["observed"], last["failed"]) == ("Succeeded", 1, 0)


def test_row_13_a_job_that_mixes_sources_with_others_is_refused(page: Page, tmp_path: Path) -> None:
    """A mix is an error that names what cannot be observed: on the resource, and before, when Python is compiled."""
    page.kubectl.apply(job("mixed", "foo-source-asset", "foo-report", requested="1"))
    until(lambda: page.kubectl.condition("observationjob", "mixed", "Ready").get("reason") == "MixedSelection", 30)
    ready = page.kubectl.condition("observationjob", "mixed", "Ready")
    assert (ready["status"], "cannot observe: foo-report" in ready["message"]) == ("False", True)
    assert "lastRun" not in page.kubectl.get("observationjob", "mixed")["status"]

    (tmp_path / "mixed_job.py").write_text(MIXED)
    said = StringIO()
    with redirect_stdout(said), redirect_stderr(said):
        assert run(["compile", str(tmp_path / "mixed_job.py"), "--image", "localhost/none:1"]) != 0
    assert "report" in said.getvalue()
