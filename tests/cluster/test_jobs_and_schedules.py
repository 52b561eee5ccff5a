"""ObservationJobs and Schedules end to end: applied, asked for, or due; real pods look, and status counts them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cluster.kubectl import Json, Kubectl, until
from cluster.manifests import asset, config_map, job, python, result, runs, schedule, shell, version

pytestmark = pytest.mark.usefixtures("upwell")
SAME = shell(result('{"dataVersion": "1"}'))
NEW = shell('echo "{\\"dataVersion\\": \\"$(date +%s%N)\\"}" > $UPWELL_RESULT')
FAILS = shell("echo no such bucket >&2; exit 1")
SEVERAL = """
from upwell import AssetSpec, DataVersion, ObserveResult, multi_observable_source_asset, observable_source_asset

@observable_source_asset
def alone(): return DataVersion("a1")

@observable_source_asset
def broken(): raise ValueError("no such table")

@multi_observable_source_asset(specs=[AssetSpec("orders"), AssetSpec("customers")])
def tables(context):
    together = len(context.selected_asset_keys)
    for key in context.selected_asset_keys:
        yield ObserveResult(asset_key=key, data_version=DataVersion(f"of-{together}"))
"""


def last_run(kubectl: Kubectl, name: str, *, after: str = "") -> Json:
    """Wait until the newest run of a job is over, and is another than one; give what status tells of it."""

    def over() -> Json | None:
        last: Json = kubectl.get("observationjob", name).get("status", {}).get("lastRun", {})
        return last if last and last["phase"] != "Active" and last["name"] != after else None

    found: Json = until(over, 120)
    return found


def readiness(kubectl: Kubectl, name: str, reason: str) -> str:
    """Wait until a job's Ready has this reason; give its message."""
    until(lambda: kubectl.condition("observationjob", name, "Ready").get("reason") == reason, 30)
    message: str = kubectl.condition("observationjob", name, "Ready")["message"]
    return message


def figures(run: Json) -> dict[str, int]:
    """Give the counts of a run."""
    return {key: run[key] for key in ("observed", "changed", "unchanged", "failed")}


def time(text: str) -> datetime:
    """Read a time of status."""
    return datetime.fromisoformat(text)


def test_a_job_runs_when_it_is_applied_and_whenever_it_is_asked(kubectl: Kubectl) -> None:
    sources = ("same", "new")
    kubectl.apply(asset("same", observe=SAME), asset("new", observe=NEW), job("both", *sources, runOnApply=True))
    applied = last_run(kubectl, "both")
    assert applied["phase"] == "Succeeded"
    assert figures(applied) == {"observed": 2, "changed": 2, "unchanged": 0, "failed": 0}

    kubectl.annotate("observationjob", "both", requested_at="1")
    asked = last_run(kubectl, "both", after=applied["name"])
    assert figures(asked) == {"observed": 2, "changed": 1, "unchanged": 1, "failed": 0}
    status = kubectl.get("observationjob", "both")["status"]
    assert status["lastHandledRequest"] == "1"
    assert status["lastSuccessfulTime"] == asked["end"]
    assert [len(runs(kubectl, name)) for name in sources] == [2, 2]
    for name in sources:
        assert {run["metadata"]["labels"]["upwell.dev/job-run"] for run in runs(kubectl, name)} == {
            applied["name"],
            asked["name"],
        }


def test_a_selection_is_looked_up_anew_for_each_run(kubectl: Kubectl) -> None:
    raw = {"observe": SAME, "group": "raw"}
    kubectl.apply(asset("one", **raw), asset("other", **raw), asset("draft", kinds=["draft"], **raw))
    kubectl.apply(job("selected", selection="group:raw and not kind:draft"))
    kubectl.annotate("observationjob", "selected", requested_at="1")
    first = last_run(kubectl, "selected")
    assert figures(first) == {"observed": 2, "changed": 2, "unchanged": 0, "failed": 0}

    kubectl.apply(asset("another", **raw))
    until(lambda: kubectl.get("observationjob", "selected")["status"]["assets"]["count"] == 3, 30)
    kubectl.annotate("observationjob", "selected", requested_at="2")
    assert figures(last_run(kubectl, "selected", after=first["name"]))["observed"] == 3

    kubectl.apply(asset("built", group="raw", deps=[{"name": "one"}], materialize=SAME))
    assert "cannot observe: built (no observe function)" in readiness(kubectl, "selected", "MixedSelection")


def test_a_selection_that_cannot_be_read_is_shown_with_the_place(kubectl: Kubectl) -> None:
    kubectl.apply(job("selected", selection="group:raw adn kind:csv"))
    said = readiness(kubectl, "selected", "InvalidSpec")
    assert said.startswith('spec.selection: "adn" cannot stand here: and, or, + or the end is expected')
    assert said.endswith("group:raw adn kind:csv\n            ^")


def test_a_label_selector_takes_assets_in_and_out(kubectl: Kubectl) -> None:
    kubectl.apply(asset("one", observe=SAME), job("labelled", selector={"matchLabels": {"tier": "raw"}}))
    readiness(kubectl, "labelled", "NothingSelected")
    kubectl.run("label", "asset", "one", "tier=raw")
    readiness(kubectl, "labelled", "Ready")
    assert kubectl.get("observationjob", "labelled")["status"]["assets"] == {"count": 1, "names": ["one"]}
    kubectl.run("label", "asset", "one", "tier-")
    readiness(kubectl, "labelled", "NothingSelected")


def test_a_member_that_fails_fails_the_run_and_stops_no_other(kubectl: Kubectl) -> None:
    kubectl.apply(
        asset("same", observe=SAME), asset("fails", observe=FAILS), job("both", "same", "fails", requested="1")
    )
    last = last_run(kubectl, "both")
    assert last["phase"] == "Failed"
    assert figures(last) == {"observed": 1, "changed": 1, "unchanged": 0, "failed": 1}
    assert "no such bucket" in kubectl.condition("asset", "fails", "Observed")["message"]
    assert kubectl.condition("asset", "same", "Observed")["status"] == "True"


def test_assets_that_share_a_pod_keep_each_its_own_result(kubectl: Kubectl) -> None:
    functions = {"alone": "alone", "broken": "broken", "orders": "tables", "customers": "tables"}
    kubectl.apply(
        config_map("code", several=SEVERAL),
        *(asset(name, observe=python(f"several:{function}", "code")) for name, function in functions.items()),
        job("shared", *functions, parallelism=1, requested="1"),
    )
    last = last_run(kubectl, "shared")
    assert last["phase"] == "Failed"
    assert figures(last) == {"observed": 3, "changed": 3, "unchanged": 0, "failed": 1}
    assert [version(kubectl, name) for name in functions] == ["a1", None, "of-2", "of-2"]
    assert "no such table" in kubectl.condition("asset", "broken", "Observed")["message"]
    (carrier,) = kubectl.list("jobs", f"upwell.dev/job-run={last['name']}")
    assert carrier["spec"]["completionMode"] == "Indexed"
    assert len(kubectl.list("pods", f"upwell.dev/job-run={last['name']}")) == 1


def test_a_job_that_is_suspended_starts_nothing_until_it_is_resumed(kubectl: Kubectl) -> None:
    kubectl.apply(asset("same", observe=SAME), job("held", "same", requested="1", suspend=True))
    until(lambda: kubectl.condition("observationjob", "held", "Ready").get("reason") == "Suspended", 30)
    assert runs(kubectl, "same") == []
    kubectl.apply(job("held", "same", requested="1"))
    assert figures(last_run(kubectl, "held"))["observed"] == 1


@pytest.mark.timeout(300)
def test_a_schedule_fires_at_the_minute_and_not_while_it_is_suspended(kubectl: Kubectl) -> None:
    kubectl.apply(asset("same", observe=SAME), job("look", "same"), schedule("minute", "* * * * *", "look"))
    kubectl.apply(schedule("asleep", "* * * * *", "look", suspend=True))
    status = until(lambda: kubectl.get("schedule", "minute").get("status", {}).get("nextScheduleTime"), 30)
    tick = time(status)
    assert tick.second == 0
    assert timedelta(0) <= tick - datetime.now(UTC) + timedelta(seconds=5) <= timedelta(seconds=65)

    last = last_run(kubectl, "look")
    (run,) = runs(kubectl, "same")
    created = time(run["metadata"]["creationTimestamp"])
    assert timedelta(0) <= created - tick < timedelta(seconds=15)
    assert figures(last) == {"observed": 1, "changed": 1, "unchanged": 0, "failed": 0}
    fired = kubectl.get("schedule", "minute")["status"]
    assert (time(fired["lastScheduleTime"]), time(fired["nextScheduleTime"])) == (tick, tick + timedelta(minutes=1))
    assert "missedTicks" not in fired

    kubectl.apply(schedule("minute", "* * * * *", "look", suspend=True))
    until(lambda: kubectl.condition("schedule", "minute", "Ready").get("reason") == "Suspended", 30)
    until(lambda: datetime.now(UTC) > tick + timedelta(seconds=64), 90, every=1)
    assert len(runs(kubectl, "same")) == 1, "a tick has passed, and nobody heard it"
    asleep = kubectl.get("schedule", "asleep")["status"]
    assert "nextScheduleTime" not in asleep
    assert "lastScheduleTime" not in asleep


def test_a_schedule_that_ends_leaves_its_runs(kubectl: Kubectl) -> None:
    kubectl.apply(asset("same", observe=SAME), job("look", "same", runOnApply=True))
    kubectl.apply(schedule("daily", "@daily", "look", timeZone="Europe/Lisbon"))
    kubectl.wait("schedule", "daily", "Ready", 30)
    last_run(kubectl, "look")
    kubectl.run("delete", "schedule", "daily")
    assert len(runs(kubectl, "same")) == 1
