"""What runs of one ObservationJob do to each other, and how many of them keep their Jobs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from builders import NOW, a_ref, a_run, an_asset
from upwell_operator.domain.actions import Action, EndRun, PruneRun, StartRun
from upwell_operator.domain.concurrency import ending
from upwell_operator.domain.decisions import Verb, Why
from upwell_operator.domain.plan import plan
from upwell_operator.domain.schedules import Schedule
from upwell_operator.domain.snapshot import ConcurrencyPolicy, ObservationJob, Outcome, Run
from upwell_operator.domain.world import World
from upwell_operator.resources.meta import Kind

RAW = an_asset("raw")
JOB = ObservationJob(a_ref("sources"), "uid-job", ("raw",), request="t1")
HOURLY = Schedule(a_ref("hourly"), "uid-hourly", ("0 * * * *",), "sources", created_at=NOW - timedelta(days=1))
ALLOW, FORBID, REPLACE = ConcurrencyPolicy.ALLOW, ConcurrencyPolicy.FORBID, ConcurrencyPolicy.REPLACE


def member(job_run: str, *, outcome: Outcome | None = None, minutes: int = 0, **fields: Any) -> Run:
    """Make the observation of `raw` in a run of the job."""
    fields |= {"observation_job": "sources", "job_run": job_run, "outcome": outcome}
    name = fields.pop("name", f"raw-{job_run}")
    return a_run(name, asset="raw", kind="observe", created_at=NOW + timedelta(minutes=minutes), **fields)


def a_world(job: ObservationJob, *runs: Run) -> World:
    world = World()
    world.graph.put(RAW)
    world.jobs[job.ref] = job
    world.schedules[HOURLY.ref] = HOURLY
    for run in runs:
        world.runs.put(run)
    return world


def of(actions: tuple[Action, ...], kind: type) -> list[Any]:
    return [one for one in actions if isinstance(one, kind)]


BESIDE = {
    "Forbid waits": (FORBID, "Active", (), 0),
    "Allow begins beside it": (ALLOW, "Active", (), 1),
    "Replace ends it and begins": (REPLACE, "Active", ("raw-r0",), 1),
    "Replace lets a Job that is over tell its result": (REPLACE, "Succeeded", (), 1),
}


@pytest.mark.parametrize(("policy", "phase", "ended", "started"), BESIDE.values(), ids=BESIDE.keys())
def test_a_request_comes_while_a_run_goes_on(
    policy: ConcurrencyPolicy, phase: str, ended: tuple[str, ...], started: int
) -> None:
    world = a_world(replace(JOB, concurrency=policy), member("r0", phase=phase))
    planned = plan(world, Kind.OBSERVATION_JOB, JOB.ref, NOW)
    assert tuple(run.ref.name for one in of(planned.actions, EndRun) for run in one.runs) == ended
    assert len(of(planned.actions, StartRun)) == started
    assert planned.decisions[0].verb is (Verb.RUN if started else Verb.WAIT)


def test_a_replaced_run_is_ended_before_the_other_begins_and_both_records_name_the_other() -> None:
    world = a_world(replace(JOB, concurrency=REPLACE), member("r0"))
    planned = plan(world, Kind.OBSERVATION_JOB, JOB.ref, NOW)
    end, start = planned.actions
    assert isinstance(end, EndRun)
    assert isinstance(start, StartRun)
    assert end.message == f"replaced by run {start.job_run} of sources (concurrencyPolicy Replace)"
    assert planned.decisions[0].message == "request t1; ends run r0 (concurrencyPolicy Replace)"


def test_a_tick_that_is_looked_at_again_ends_nothing_of_itself() -> None:
    job = replace(JOB, request=None, concurrency=REPLACE)
    first = plan(a_world(job), Kind.SCHEDULE, HOURLY.ref, NOW)
    assert first.job_run is not None
    again = plan(a_world(job, member(first.job_run)), Kind.SCHEDULE, HOURLY.ref, NOW)
    assert of(again.actions, EndRun) == []
    assert [one.ref for one in of(again.actions, StartRun)] == [one.ref for one in of(first.actions, StartRun)]


@pytest.mark.parametrize("policy", [FORBID, REPLACE])
def test_what_is_decided_counts_before_a_job_of_it_is_seen(policy: ConcurrencyPolicy) -> None:
    world = a_world(replace(JOB, concurrency=policy))
    world.starting[JOB.ref] = {"r0"}
    asked, due = (
        plan(world, kind, ref, NOW) for kind, ref in ((Kind.OBSERVATION_JOB, JOB.ref), (Kind.SCHEDULE, HOURLY.ref))
    )
    assert (asked.actions, due.actions) == ((), ())
    assert asked.decisions[0].message == "run r0 begins at this moment"
    assert due.skipped is not None
    assert due.skipped.reason == Why.FORBIDDEN.value


def test_ending_nothing_is_not_worth_a_word() -> None:
    assert ending(()) == ""


class TestHistory:
    """Runs of the job keep their Jobs, the newest of each outcome."""

    def pruned(self, *runs: Run, job: ObservationJob = JOB) -> list[str]:
        quiet = replace(job, request=None)
        actions = plan(a_world(quiet, *runs), Kind.OBSERVATION_JOB, quiet.ref, NOW).actions
        return [one.run.ref.name for one in of(actions, PruneRun)]

    def test_the_newest_of_each_outcome_are_kept(self) -> None:
        good = [member(f"g{n}", outcome=Outcome.UNCHANGED, minutes=n) for n in range(3)]
        bad = [member(f"b{n}", outcome=Outcome.FAILED, minutes=n) for n in range(3)]
        limits = replace(JOB, successful_runs=2, failed_runs=1)
        assert self.pruned(*good, *bad, job=limits) == ["raw-g0", "raw-b0", "raw-b1"]

    def test_a_run_goes_whole_and_what_failed_goes_last(self) -> None:
        failed = member("r", outcome=Outcome.FAILED)
        seen = replace(member("r", outcome=Outcome.CHANGED, name="other-r"), asset=a_ref("other"))
        assert self.pruned(failed, seen, job=replace(JOB, failed_runs=0)) == ["other-r", "raw-r"]

    def test_a_run_of_which_a_result_is_not_recorded_is_kept_whole(self) -> None:
        runs = (member("r", outcome=Outcome.CHANGED), member("r", phase="Succeeded", name="other-r"))
        assert self.pruned(*runs, job=replace(JOB, successful_runs=0)) == []

    def test_the_limits_of_the_asset_do_not_count_for_it(self) -> None:
        world = a_world(replace(JOB, request=None), member("r", outcome=Outcome.CHANGED))
        world.graph.put(replace(RAW, successful_runs=0))
        assert plan(world, Kind.ASSET, RAW.ref, NOW).actions == ()
        del world.jobs[JOB.ref]
        assert len(of(plan(world, Kind.ASSET, RAW.ref, NOW).actions, PruneRun)) == 1
