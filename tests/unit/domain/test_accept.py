"""From manifests to the values that decisions see, and the index of runs that decisions look into."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from builders import NAMESPACE, NOW, a_ref, a_run
from upwell_operator.domain.accept import accept_asset, accept_job, accept_schedule
from upwell_operator.domain.clocks import Dst
from upwell_operator.domain.partitions import Static
from upwell_operator.domain.schedules import MissedRuns, Rebuild
from upwell_operator.domain.snapshot import (
    AssetKind,
    AutoPolicy,
    Cron,
    Outcome,
    Quarantined,
    Ref,
    Requirement,
    RunDefaults,
)
from upwell_operator.domain.world import Runs
from upwell_operator.errors import Stalled
from upwell_operator.resources.meta import API_VERSION, Kind
from upwell_operator.resources.parsing import parse
from upwell_operator.resources.selection import By, Matching

RUN = {"python": {"function": "m:f"}}


def an_object(kind: Kind, name: str = "x", annotations: dict[str, str] | None = None, **spec: Any) -> dict[str, Any]:
    meta = {
        "name": name,
        "namespace": NAMESPACE,
        "uid": "u1",
        "generation": 3,
        "creationTimestamp": "2026-11-22T12:00:00Z",
        "annotations": annotations or {},
    }
    return {"apiVersion": API_VERSION, "kind": kind.value, "metadata": meta, "spec": spec}


def accepted(status: dict[str, Any] | None = None, annotations: dict[str, str] | None = None, **spec: Any) -> Any:
    obj = an_object(Kind.ASSET, annotations=annotations, **spec)
    return accept_asset(parse(Kind.ASSET, obj), obj["spec"], status or {})


def test_the_parts_say_what_kind_of_asset_it_is() -> None:
    assert accepted(observe=RUN).kind is AssetKind.SOURCE
    assert accepted(materialize=RUN).kind is AssetKind.DERIVED
    assert accepted().kind is AssetKind.EXTERNAL


def test_the_key_is_the_name_unless_it_is_said() -> None:
    assert (accepted().key, accepted(key="raw/orders").key) == ("x", "raw/orders")


def test_partitions_are_read_once_and_a_definition_that_cannot_be_stalls_the_asset() -> None:
    assert accepted(observe=RUN, partitions={"static": ["eu"]}).partitions == Static(("eu",))
    assert accepted(observe=RUN).partitions is None
    with pytest.raises(Stalled, match=r"spec\.partitions\.timeWindow\.start"):
        accepted(partitions={"timeWindow": {"cron": "@daily", "start": "yesterday"}})


def test_everything_a_decision_needs_is_taken_over() -> None:
    asset = accepted(
        {"lastHandledRequest": "t1"},
        {"upwell.dev/requested-at": "t2"},
        deps=[{"name": "a"}, {"name": "b", "namespace": "other"}],
        materialize=RUN,
        autoMaterialize={"policy": "Eager"},
        codeVersion="3",
        freshness={"maximumLag": "26h"},
        history={"successfulRuns": 1, "failedRuns": 2},
        exportTo=["marts"],
        quarantine=[{"dataVersion": "v1", "reason": "half a file"}, {"dataVersion": "v2"}],
        suspend=True,
    )
    assert asset.quarantine == (Quarantined("v1", "half a file"), Quarantined("v2"))
    assert (asset.ref, asset.uid, asset.generation, asset.created_at) == (a_ref("x"), "u1", 3, NOW)
    assert asset.deps == (Ref(NAMESPACE, "a"), Ref("other", "b"))
    assert (asset.policy, asset.code_version, asset.suspended) == (AutoPolicy.EAGER, "3", True)
    assert (asset.request, asset.handled_request) == ("t2", "t1")
    assert (asset.maximum_lag, asset.export_to) == (timedelta(hours=26), ("marts",))
    assert (asset.successful_runs, asset.failed_runs) == (1, 2)
    assert accepted(observe={**RUN, "every": "15m"}).every == timedelta(minutes=15)


def test_a_pace_and_a_line_are_taken_over_with_what_status_remembers() -> None:
    paced = accepted(materialize=RUN, autoMaterialize={"policy": "Eager", "settle": "30s", "minInterval": "10m"})
    assert (paced.settle, paced.min_interval, paced.cron) == (timedelta(seconds=30), timedelta(minutes=10), None)
    line = {"policy": "Cron", "cron": "@daily", "timeZone": "Europe/Lisbon"}
    remembered = {"lastScheduleTime": "2026-11-22T00:00:00Z", "activeSince": "2026-11-01T00:00:00Z"}
    status = {"cron": {**remembered, "observedSchedule": "@daily Europe/Lisbon"}}
    last, since = (datetime.fromisoformat(remembered[name]) for name in ("lastScheduleTime", "activeSince"))
    assert accepted(status, materialize=RUN, autoMaterialize=line).cron == Cron(
        "@daily", "Europe/Lisbon", last, since, "@daily Europe/Lisbon"
    )
    new = accepted(materialize=RUN, autoMaterialize={"policy": "Cron", "cron": "@daily"})
    assert new.cron == Cron("@daily", "UTC")


def test_a_changed_template_is_another_template() -> None:
    first, mended = accepted(materialize=RUN), accepted(materialize={**RUN, "image": "fixed:1"})
    assert first.template != mended.template
    assert first.template == accepted(materialize=RUN, description="only words").template


def test_an_observation_job_is_taken_over() -> None:
    shares = {"concurrencyPolicy": "Replace", "historyLimit": {"failed": 1}, "retries": 0}
    obj = an_object(Kind.OBSERVATION_JOB, assets=["a", "b"], runOnApply=True, suspend=True, **shares)
    job = accept_job(parse(Kind.OBSERVATION_JOB, obj), {"lastHandledRequest": "t", "appliedGeneration": 2})
    assert (job.assets, job.run_on_apply, job.suspended) == (("a", "b"), True, True)
    assert (job.handled_request, job.applied_generation, job.generation) == ("t", 2, 3)
    assert (job.concurrency, job.successful_runs, job.failed_runs) == ("Replace", 3, 1)
    assert job.defaults == RunDefaults(timeout_seconds=None, retries=0)


def test_a_job_by_labels_or_by_a_selection_names_nobody() -> None:
    by_label = {"matchLabels": {"tier": "raw"}, "matchExpressions": [{"key": "old", "operator": "DoesNotExist"}]}
    job = accept_job(parse(Kind.OBSERVATION_JOB, an_object(Kind.OBSERVATION_JOB, selector=by_label)), {})
    assert (job.assets, job.selection) == ((), None)
    assert job.selector == (Requirement("tier", "In", ("raw",)), Requirement("old", "DoesNotExist"))
    job = accept_job(parse(Kind.OBSERVATION_JOB, an_object(Kind.OBSERVATION_JOB, selection="group:raw")), {})
    assert (job.assets, job.selector, job.selection) == ((), None, Matching(By.GROUP, "raw"))


def test_an_asset_is_taken_over_with_what_selections_look_at() -> None:
    said = {"group": "raw", "kinds": ["csv"], "owners": ["team:a"], "tags": {"tier": "gold"}}
    spec = {**said, "observe": {**RUN, "image": "i"}}
    obj = an_object(Kind.ASSET, **spec)
    obj["metadata"]["labels"] = {"b": "2", "a": "1"}
    asset = accept_asset(parse(Kind.ASSET, obj), spec, {})
    assert (asset.group, asset.kinds, asset.owners, asset.tags) == ("raw", ("csv",), ("team:a",), (("tier", "gold"),))
    assert asset.labels == (("a", "1"), ("b", "2"))


def test_a_schedule_of_several_lines_has_them_all() -> None:
    obj = an_object(Kind.SCHEDULE, schedules=["@daily", "0 6 * * *"], job={"name": "j"})
    assert accept_schedule(parse(Kind.SCHEDULE, obj), {}).lines == ("@daily", "0 6 * * *")


def test_a_schedule_is_taken_over_with_what_its_status_remembers() -> None:
    spec = {"schedule": "@daily", "timeZone": "Europe/Lisbon", "job": {"name": "j"}, "startingDeadlineSeconds": 60}
    spec |= {
        "dst": {"repeated": "Both"},
        "missedRuns": {"policy": "All", "onResume": "Last", "max": 3},
        "jitterSeconds": 9,
        "concurrencyPolicy": "Replace",
    }
    obj = an_object(Kind.SCHEDULE, **spec)
    status = {
        "lastScheduleTime": "2026-11-22T12:00:00Z",
        "activeSince": "2026-11-22T12:00:00Z",
        "suspendedSince": "2026-11-21T12:00:00Z",
        "observedSchedule": "s",
    }
    schedule = accept_schedule(parse(Kind.SCHEDULE, obj), status)
    assert (schedule.lines, schedule.time_zone, schedule.job) == (("@daily",), "Europe/Lisbon", "j")
    assert (schedule.last_tick, schedule.active_since, schedule.observed_schedule) == (NOW, NOW, "s")
    assert schedule.concurrency == "Replace"
    assert (schedule.starting_deadline, schedule.jitter) == (timedelta(seconds=60), timedelta(seconds=9))
    assert (schedule.dst, schedule.missed_runs) == (Dst("Both", "RunAfter"), MissedRuns("All", "Last", 3))
    assert schedule.suspended_since == NOW - timedelta(days=1)
    del obj["spec"]["startingDeadlineSeconds"]
    assert accept_schedule(parse(Kind.SCHEDULE, obj), {}).starting_deadline is None


def test_a_schedule_that_materializes_has_no_job() -> None:
    target = {"selection": "group:raw", "onlyStale": False}
    obj = an_object(Kind.SCHEDULE, schedule="@daily", materialize=target)
    schedule = accept_schedule(parse(Kind.SCHEDULE, obj), {"currentTick": "2026-11-22T12:00:00Z"})
    assert (schedule.job, schedule.rebuild) == (None, Rebuild(Matching(By.GROUP, "raw"), only_stale=False))
    assert schedule.current == NOW


class TestRuns:
    """Found by name, by asset and by ObservationJob."""

    MEMBER = a_run("raw-1", asset="raw", kind="observe", observation_job="sources", job_run="r1", fence=2)
    ALONE = a_run("raw-0", asset="raw", kind="observe", outcome=Outcome.CHANGED)

    def runs(self) -> Runs:
        runs = Runs()
        runs.put(self.MEMBER)
        runs.put(self.ALONE)
        return runs

    def test_oldest_first(self) -> None:
        assert self.runs().of(a_ref("raw")) == [self.ALONE, self.MEMBER]
        assert self.runs().of_job(a_ref("sources")) == [self.MEMBER]

    def test_open_are_those_without_an_outcome(self) -> None:
        assert self.runs().open(a_ref("raw")) == [self.MEMBER]

    def test_what_is_removed_is_found_nowhere(self) -> None:
        runs = self.runs()
        assert runs.remove(self.MEMBER.ref) == self.MEMBER
        assert runs.remove(self.ALONE.ref) == self.ALONE
        assert runs.remove(self.ALONE.ref) is None
        assert (runs.of(a_ref("raw")), runs.of_job(a_ref("sources")), list(runs.refs())) == ([], [], [])


def test_names_are_written_as_people_write_them() -> None:
    assert str(a_ref("x")) == f"{NAMESPACE}/x"
    assert str(accepted(key="a/b").id) == f"{NAMESPACE}/a/b"
