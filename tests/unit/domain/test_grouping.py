"""Which assets of a job's run share a Job, what that Job is, and back from it to their runs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from builders import NOW, a_ref, a_run, an_asset
from upwell.protocol import EXIT_PERMANENT
from upwell_operator.domain import grouping
from upwell_operator.domain.accept import pod_digest
from upwell_operator.domain.actions import PruneRun, StartGroup, StartRun
from upwell_operator.domain.group_workloads import group_job
from upwell_operator.domain.grouping import shares
from upwell_operator.domain.plan import plan
from upwell_operator.domain.runs import log_ref, observed_by, outcomes_json, read_runs
from upwell_operator.domain.snapshot import Asset, ObservationJob, Outcome, Ref, RunDefaults, RunPhase
from upwell_operator.domain.world import Runs, World
from upwell_operator.resources.meta import Annotation, Kind, Label
from upwell_operator.resources.pod import RunTemplate
from upwell_operator.settings import Settings

Json = dict[str, Any]
SETTINGS = Settings(server_url="http://server:8080/", image="upwell:test")
JOB = ObservationJob(a_ref("sources"), "uid-job", request="t1", parallelism=2, defaults=RunDefaults(retries=1))


def a_source(name: str, pod: str = "same", function: str = "m:look", **fields: Any) -> Asset:
    return an_asset(name, pod=pod, function=function, **fields)


def a_world(job: ObservationJob, *assets: Asset) -> World:
    world = World()
    for asset in assets:
        world.graph.put(asset)
    world.jobs[job.ref] = replace(job, assets=tuple(asset.ref.name for asset in assets))
    return world


def planned(*assets: Asset, job: ObservationJob = JOB) -> list[tuple[str, ...]]:
    """Give who shares a Job with whom; one that has its own is alone."""
    return [named(one) for one in plan(a_world(job, *assets), Kind.OBSERVATION_JOB, JOB.ref, NOW).actions]


def named(action: Any) -> tuple[str, ...]:
    return tuple(one.asset.ref.name for one in getattr(action, "members", (action,)))


def a_group(*assets: Asset, job: ObservationJob = JOB) -> StartGroup:
    (group,) = plan(a_world(job, *assets), Kind.OBSERVATION_JOB, JOB.ref, NOW).actions
    assert isinstance(group, StartGroup)
    return group


class TestWhoShares:
    """Pods that are alike, as many as the job says."""

    def test_without_parallelism_nobody_does(self) -> None:
        assert planned(a_source("a"), a_source("b"), job=replace(JOB, parallelism=None)) == [("a",), ("b",)]

    def test_those_whose_pods_are_alike_do_and_a_container_never_does(self) -> None:
        assets = (a_source("a"), a_source("b", pod="other"), a_source("c"), a_source("d", pod=""))
        assert planned(*assets) == [("d",), ("a", "c"), ("b",)]

    def test_assets_of_one_function_are_neighbours(self) -> None:
        assets = (a_source("a", function="m:x"), a_source("b", function="m:y"), a_source("c", function="m:x"))
        assert planned(*assets) == [("a", "c", "b")]

    def test_a_list_that_would_be_too_long_is_cut(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(grouping, "MEMBERS_BYTES", 300)
        assert planned(*map(a_source, "abcde")) == [("a", "b"), ("c", "d"), ("e",)]

    def test_the_bytes_that_are_counted_are_never_fewer_than_those_written(self) -> None:
        assets = [a_source(f"a{n}" * 20, code_version="7", key=f"käse/{n}") for n in range(40)]
        group = a_group(*assets)
        written = made(group)["metadata"]["annotations"][Annotation.MEMBERS]
        assert len(written.encode()) <= sum(map(grouping._bytes, group.members)) * 1.3

    def test_the_name_of_the_job_is_its_run_and_its_assets(self) -> None:
        first = a_group(a_source("a"), a_source("b"))
        assert a_group(a_source("b"), a_source("a")).ref == first.ref
        assert a_group(a_source("a")).ref != first.ref
        assert a_group(a_source("a"), a_source("b"), job=replace(JOB, request="t2")).ref != first.ref

    def test_what_has_begun_is_not_begun_again_in_other_company(self) -> None:
        world = a_world(JOB, a_source("a"), a_source("b"))
        (group,) = plan(world, Kind.OBSERVATION_JOB, JOB.ref, NOW).actions
        for run in read_runs(living(made(group))):
            world.runs.put(run)
        world.graph.put(a_source("c"))
        world.jobs[JOB.ref] = replace(world.jobs[JOB.ref], assets=("a", "b", "c"))
        again = plan(world, Kind.OBSERVATION_JOB, JOB.ref, NOW)
        assert [named(one) for one in again.actions] == [("c",)]
        assert again.handled_request == "t1"

    @pytest.mark.parametrize(
        ("members", "pods", "wanted"),
        [(1, 1, [0]), (4, 2, [0, 0, 1, 1]), (5, 3, [0, 0, 1, 1, 2]), (3, 3, [0, 1, 2])],
    )
    def test_neighbours_share_a_pod_and_no_pod_is_left_out(self, members: int, pods: int, wanted: list[int]) -> None:
        assert list(shares(members, pods)) == wanted


SAME = {
    "function, retries, timeout and interval": (
        {"python": {"function": "m:a"}, "image": "i", "retries": 1, "every": "1h"},
        {"python": {"function": "m:b"}, "image": "i", "timeoutSeconds": 9},
        True,
    ),
    "another image": ({"python": {"function": "m:a"}, "image": "i"}, {"python": {"function": "m:a"}}, False),
}


@pytest.mark.parametrize(("one", "other", "same"), SAME.values(), ids=SAME.keys())
def test_pods_are_told_apart_by_what_the_runner_cannot_see_to(one: Json, other: Json, same: bool) -> None:
    assert (pod_digest(one) == pod_digest(other)) is same


def test_a_container_has_no_pod_to_share() -> None:
    assert pod_digest({"container": {"image": "i"}}) == pod_digest({}) == ""


TEMPLATES = {
    "a": {"python": {"function": "m:a"}, "retries": 3, "timeoutSeconds": 10},
    "b": {"python": {"function": "m:b"}},
    "c": {"python": {"function": "m:c"}, "timeoutSeconds": 20},
}


def made(group: StartGroup, templates: Json | None = None) -> Json:
    given = templates or {}
    default = {"python": {"function": "m:look"}}
    parsed = {
        one.asset.ref: RunTemplate.model_validate(given.get(one.asset.ref.name, default)) for one in group.members
    }
    return group_job(group, parsed, SETTINGS)


def living(job: Json, **annotations: str) -> Json:
    """Give a Job as the API server has it."""
    meta = {**job["metadata"], "uid": "uid-1", "creationTimestamp": "2026-11-22T12:00:00Z"}
    meta["annotations"] = meta["annotations"] | {f"upwell.dev/{name}": value for name, value in annotations.items()}
    return {**job, "metadata": meta}


class TestItsJob:
    """One Indexed Job."""

    GROUP = a_group(a_source("a", function="m:a"), a_source("b", function="m:b"), a_source("c", function="m:c"))
    JOB = made(GROUP, TEMPLATES)

    def env(self) -> Json:
        return {one["name"]: one for one in self.JOB["spec"]["template"]["spec"]["containers"][0]["env"]}

    def test_it_belongs_to_its_observation_job(self) -> None:
        (owner,) = self.JOB["metadata"]["ownerReferences"]
        assert (owner["kind"], owner["name"], owner["uid"]) == ("ObservationJob", "sources", "uid-job")
        labels = self.JOB["metadata"]["labels"]
        assert (labels[Label.RUN], labels[Label.JOB_RUN]) == (self.GROUP.ref.name, self.GROUP.job_run)
        assert labels == self.JOB["spec"]["template"]["metadata"]["labels"]

    def test_every_index_fails_and_is_tried_again_by_itself(self) -> None:
        spec = self.JOB["spec"]
        assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 2, 2)
        assert (spec["backoffLimitPerIndex"], "backoffLimit" in spec) == (3, False)
        permanent = spec["podFailurePolicy"]["rules"][0]
        assert (permanent["action"], permanent["onExitCodes"]["values"]) == ("FailIndex", [EXIT_PERMANENT])

    def test_it_may_take_what_the_pod_with_most_to_do_may_take(self) -> None:
        assert self.JOB["spec"]["activeDeadlineSeconds"] == 10 + 3600 + 300

    def test_it_may_not_take_more_than_a_week(self) -> None:
        slow = {name: {**template, "timeoutSeconds": 604800} for name, template in TEMPLATES.items()}
        assert made(self.GROUP, slow)["spec"]["activeDeadlineSeconds"] == 604800

    def test_its_pods_are_told_who_they_observe(self) -> None:
        members = json.loads(self.env()["UPWELL_MEMBERS"]["value"])
        assert [(one["key"], one["function"], one["pod"], one["retries"]) for one in members] == [
            ("a", "m:a", 0, 3), ("b", "m:b", 0, 1), ("c", "m:c", 1, 1)
        ]  # fmt: skip
        assert self.env()["UPWELL_RUN"]["value"] == self.GROUP.ref.name
        assert "UPWELL_FUNCTION" not in self.env()
        path = self.env()["UPWELL_FAILURES"]["valueFrom"]["fieldRef"]["fieldPath"]
        assert path == "metadata.annotations['batch.kubernetes.io/job-index-failure-count']"

    def test_a_container_that_slipped_in_has_no_function(self) -> None:
        job = made(a_group(a_source("a")), {"a": {"container": {"image": "i"}}})
        assert json.loads(job["metadata"]["annotations"][Annotation.MEMBERS])[0]["function"] == ""


class TestItsRuns:
    """Read back from the Job."""

    GROUP = a_group(a_source("a"), a_source("b", code_version="2"))

    def runs(self, status: Json | None = None, **annotations: str) -> list[Any]:
        return list(read_runs({**living(made(self.GROUP), **annotations), "status": status or {}}))

    def test_each_asset_has_its_run(self) -> None:
        a, b = self.runs()
        assert [run.ref for run in (a, b)] == [one.ref for one in self.GROUP.members]
        assert (a.asset, a.asset_key, a.group, a.pod, b.pod) == (a_ref("a"), "a", self.GROUP.ref.name, 0, 1)
        assert (a.job_ref, a.job_run, a.observation_job) == (self.GROUP.ref, self.GROUP.job_run, "sources")
        assert (a.fence, a.phase, a.outcome, b.code_version) == (1, RunPhase.ACTIVE, None, "2")
        assert (a.report_id, b.report_id) == (f"uid-1/{a.ref.name}", f"uid-1/{b.ref.name}")
        assert a_run("x").report_id == "uid-x"

    def test_each_has_its_outcome_whatever_the_job_came_to(self) -> None:
        failed = {"conditions": [{"type": "Failed", "status": "True", "reason": "FailedIndexes"}]}
        a, b = self.runs(failed, outcome="Failed", outcomes=outcomes_json([Outcome.CHANGED, Outcome.FAILED]))
        assert (a.outcome, a.phase) == (Outcome.CHANGED, RunPhase.SUCCEEDED)
        assert (b.outcome, b.phase) == (Outcome.FAILED, RunPhase.FAILED)
        assert {run.phase for run in self.runs(failed)} == {RunPhase.FAILED}

    DAMAGED = {"no list": "x", "too little": '[{"run": "a"}]', "of something else": "[1]"}

    @pytest.mark.parametrize("members", DAMAGED.values(), ids=DAMAGED.keys())
    def test_a_damaged_list_is_no_run(self, members: str) -> None:
        assert self.runs(members=members) == []

    def test_a_job_that_is_not_ours_has_none(self) -> None:
        assert read_runs({"metadata": {"name": "x", "namespace": "shop"}}) == ()

    def test_its_pods_are_those_of_its_index(self) -> None:
        a, b = self.runs()
        pods = [{"metadata": {"labels": {"batch.kubernetes.io/job-completion-index": str(n)}}} for n in (0, 1)]
        assert (observed_by(a, pods), observed_by(b, pods)) == ([pods[0]], [pods[1]])
        assert observed_by(a_run("x"), pods) == pods
        assert (log_ref(b).name, log_ref(a_run("x")).name) == (f"{self.GROUP.ref.name}-1", "x")

    def test_they_are_found_by_their_job_until_it_is_gone(self) -> None:
        runs = Runs()
        for run in self.runs():
            runs.put(run)
        assert [run.asset.name for run in runs.carried(self.GROUP.ref)] == ["a", "b"]
        runs.put(a_run("alone"))
        assert [run.ref.name for run in runs.carried(a_ref("alone"))] == ["alone"]
        for run in self.runs():
            assert runs.carried(run.ref) == []
            runs.remove(run.ref)
        assert runs.carried(self.GROUP.ref) == []

    def test_their_job_is_pruned_once_and_by_the_limits_of_their_job(self) -> None:
        done = self.runs(outcome="Changed", outcomes=outcomes_json([Outcome.CHANGED, Outcome.UNCHANGED]))
        job = replace(JOB, request=None, successful_runs=0)
        world = a_world(job, a_source("a", successful_runs=0), a_source("b"))
        for run in done:
            world.runs.put(run)
        (prune,) = plan(world, Kind.OBSERVATION_JOB, JOB.ref, NOW + timedelta(days=1)).actions
        assert isinstance(prune, PruneRun)
        assert prune.run.job_ref == self.GROUP.ref
        del world.jobs[JOB.ref]
        assert plan(world, Kind.ASSET, Ref("shop", "a"), NOW).actions == ()


def test_a_start_of_its_own_stays_one() -> None:
    (start,) = plan(a_world(JOB, a_source("a", pod="")), Kind.OBSERVATION_JOB, JOB.ref, NOW).actions
    assert isinstance(start, StartRun)
