"""Passes: what one error means for one object, and for nobody else; nothing decided on what is no longer true."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from reconcile_objects import (
    NAMESPACE,
    START,
    a_derived,
    a_manifest,
    a_schedule,
    a_source,
    an_observation_job,
    asset_key,
    job_key,
    run_key,
    schedule_key,
)
from reconcile_world import Bench
from upwell_operator.domain.decisions import Decision
from upwell_operator.domain.snapshot import AssetId, AssetState
from upwell_operator.errors import (
    ClusterUnavailable,
    Conflict,
    Fenced,
    Forbidden,
    NotFound,
    Rejected,
    StoreUnavailable,
)
from upwell_operator.reconcile import passing
from upwell_operator.resources.meta import Annotation, Kind

RAW, CLEAN = asset_key("raw"), asset_key("clean")


@pytest.fixture
async def bench() -> Bench:
    """An observed source and an Eager asset that has been built from it."""
    bench = Bench()
    bench.freeze()
    await bench.apply(a_source("raw"), a_derived("clean", "raw", eager=True))
    await bench.settle()
    await bench.observed("raw", "v1", "t1")
    await bench.runs_through("clean", "c1")
    return bench


async def decisions(bench: Bench, name: str, kind: Kind = Kind.ASSET) -> list[Decision]:
    return list((await bench.store.decisions(kind, asset_key(name).ref)).items)


# ---------------------------------------------------------------- errors


async def test_after_a_conflict_the_object_is_read_again_and_decided_again(bench: Bench) -> None:
    bench.cluster.refusals["patch_status"] = [Conflict("somebody wrote first")]
    await bench.outside("raw", "v2")
    await bench.settle()
    assert (await bench.status("raw"))["dataVersion"] == "v2"


async def test_what_is_read_again_after_a_conflict_concerns_others_too(bench: Bench) -> None:
    """The watch's own news of it comes too late then: it is what has been read already."""
    await bench.apply(an_observation_job("look", "raw"))
    await bench.settle()
    await bench.apply(a_manifest("Asset", "raw", {}))
    watch = bench._ears["assets"]
    while watch.pending():  # nobody hears of it
        await anext(watch)
    await bench.outside("raw", "v2")
    await bench.settle()
    assert await bench.condition("look", "Ready", "observationjobs") == ("False", "MixedSelection")


async def test_an_object_that_turns_out_to_be_gone_is_forgotten(bench: Bench) -> None:
    bench.cluster.refusals |= {"patch_status": [NotFound("gone")], "get": [NotFound("gone")]}
    await bench.outside("raw", "v2")
    await bench.settle()
    assert bench.mind.mirror.get(RAW) is None
    assert await bench.condition("clean", "Ready") == ("False", "DependencyNotFound")
    assert bench.mind.queue.idle


async def test_an_api_server_that_asks_for_a_pause_gets_one(bench: Bench) -> None:
    bench.cluster.refusals["patch_status"] = [ClusterUnavailable("429")]
    await bench.outside("raw", "v2")
    await bench.settle()
    assert (await bench.status("raw"))["dataVersion"] == "v1"
    await bench.later()
    assert (await bench.status("raw"))["dataVersion"] == "v2"


async def test_an_api_server_that_goes_away_while_we_read_again_gets_a_pause_as_well(bench: Bench) -> None:
    bench.cluster.refusals |= {"patch_status": [Conflict("first")], "get": [ClusterUnavailable("503")]}
    await bench.outside("raw", "v2")
    await bench.settle()
    await bench.later()
    assert (await bench.status("raw"))["dataVersion"] == "v2"


async def test_what_nobody_expected_is_logged_with_its_trace_and_tried_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.cluster.refusals["patch_status"] = [Forbidden("the ClusterRole lacks assets/status")]
    await bench.outside("raw", "v2")
    await bench.settle()
    (line,) = (one for one in caplog.records if "went wrong" in one.message)
    assert line.exc_info
    assert "Asset shop/raw went wrong; it is tried again in 0.5 s" in line.message
    await bench.later()
    assert (await bench.status("raw"))["dataVersion"] == "v2"


async def test_an_object_whose_planning_raises_stops_no_other(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = passing.plan

    def treacherous(world: Any, kind: Kind, ref: Any, now: Any) -> Any:
        if ref.name == "raw":
            raise ZeroDivisionError
        return plan(world, kind, ref, now)

    monkeypatch.setattr(passing, "plan", treacherous)
    await bench.apply(a_source("other"))
    await bench.outside("raw", "v2")
    await bench.outside("other", "o1")
    await bench.settle()
    assert (await bench.status("other"))["dataVersion"] == "o1"
    assert (await bench.status("raw"))["dataVersion"] == "v1"
    assert any("Asset shop/raw could not be planned; it is tried again in 0.5 s" in line for line in caplog.messages)
    monkeypatch.setattr(passing, "plan", plan)
    await bench.later()
    assert (await bench.status("raw"))["dataVersion"] == "v2"


async def test_a_job_that_is_refused_is_the_specs_fault_and_is_told_and_recorded(bench: Bench) -> None:
    bench.cluster.refusals["create"] = [Rejected("no such volume")]
    await bench.request("raw", "t2")
    await bench.settle()
    assert await bench.condition("raw", "Ready") == ("False", "InvalidPodTemplate")
    assert (await decisions(bench, "raw"))[0].reason == "RunRefused"
    assert (await bench.status("raw"))["lastHandledRequest"] == "t1"


async def test_a_refused_job_of_an_observation_job_is_told_there(bench: Bench) -> None:
    await bench.apply(an_observation_job("nightly", "raw"))
    await bench.settle()
    bench.cluster.refusals["create"] = [Rejected("no such volume")]
    await bench.request("nightly", "t1", "observationjobs")
    await bench.settle()
    assert await bench.condition("nightly", "Ready", "observationjobs") == ("False", "InvalidPodTemplate")
    assert (await decisions(bench, "nightly", Kind.OBSERVATION_JOB))[0].reason == "RunRefused"


async def test_a_run_that_is_replaced_is_ended_and_its_record_says_so(bench: Bench) -> None:
    await bench.apply(an_observation_job("nightly", "raw", concurrencyPolicy="Replace"))
    await bench.request("nightly", "t1", "observationjobs")
    await bench.settle()
    (first,) = await bench.open_runs("raw")
    await bench.request("nightly", "t2", "observationjobs")
    await bench.settle()
    (second,) = await bench.open_runs("raw")
    recorded = await bench.store.run(NAMESPACE, first.ref.name)
    assert (recorded.phase, recorded.outcome) == ("Failed", "Failed")
    assert recorded.message == f"replaced by run {second.job_run} of nightly (concurrencyPolicy Replace)"
    assert (await bench.status("nightly", "observationjobs"))["lastRun"]["name"] == second.job_run


@pytest.mark.parametrize(("policy", "begun"), [("Forbid", 1), ("Replace", 1), ("Allow", 2)])
async def test_of_a_request_and_a_tick_in_one_pass_the_policy_lets_one_or_both_begin(
    bench: Bench, policy: str, begun: int
) -> None:
    await bench.apply(an_observation_job("nightly", "raw", concurrencyPolicy=policy))
    await bench.apply(a_schedule("often", "nightly", "* * * * *"))
    await bench.settle()
    bench.clock.forward(minutes=1)
    await bench.request("nightly", "t1", "observationjobs")
    await bench.looks()
    assert len({run.job_run for run in await bench.open_runs("raw")}) == begun


async def test_whoever_is_fenced_off_by_an_action_ends_with_the_next_pass(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fenced(_: object) -> None:
        raise Fenced("epoch 2 writes now")

    monkeypatch.setattr(bench.store, "record_run", fenced)
    await bench.request("raw", "t2")
    await bench.settle()
    with pytest.raises(Fenced, match="epoch 2"):
        await bench.later()


async def test_whoever_is_fenced_off_while_deciding_ends_at_once(bench: Bench) -> None:
    old = await bench.store.raise_epoch()
    await bench.store.raise_epoch()
    bench.store.epoch = old
    await bench.request("raw", "t2")
    with pytest.raises(Fenced):
        await bench.settle()


async def test_a_store_that_goes_away_under_an_action_is_known_to_be_away(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object) -> None:
        raise StoreUnavailable("no memory")

    await bench.request("raw", "t2")
    await bench.settle()
    (run,) = await bench.open_runs("raw")
    monkeypatch.setattr(bench.store, "outcome", away)
    await bench.ends(run)
    await bench.settle()
    assert not bench.mind.world.store_reachable


# ---------------------------------------------------------------- who may decide


async def test_an_operator_without_its_lease_decides_and_writes_nothing(bench: Bench) -> None:
    bench.leads = False
    written = len(bench.cluster.written)
    await bench.request("raw", "t2")
    await bench.outside("raw", "v2")
    await bench.settle()
    assert len(bench.cluster.written) == written


@pytest.mark.parametrize("verb", ["create", "patch_status"])
async def test_what_a_leader_had_planned_is_not_done_when_another_leads(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    """The Lease is lost between a plan and what is done about it, as in a process that was frozen there."""
    note = bench.mind._diary.note

    async def noted_and_frozen(decided: Sequence[Decision]) -> None:
        await note(decided)
        bench.leads = False

    monkeypatch.setattr(bench.mind._diary, "note", noted_and_frozen)
    written = len(bench.cluster.written)
    await (bench.request("raw", "t2") if verb == "create" else bench.outside("raw", "v2"))
    await bench.settle()
    assert await decisions(bench, "raw" if verb == "create" else "clean"), "there was a plan"
    assert bench.cluster.written[written:] == []


async def test_what_was_heard_while_the_lease_was_in_doubt_is_done_when_it_is_held(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.request("raw", "t2")
    await bench.settle()
    (run,) = await bench.open_runs("raw")
    bench.leads = False
    await bench.finishes(run, "v2")
    await bench.settle()
    bench.leads = True
    await bench.later()
    assert {run.outcome for run in await bench.runs("raw")} == {"Changed"}
    assert (await bench.status("raw"))["dataVersion"] == "v2"


# ---------------------------------------------------------------- what is true now


async def test_a_run_is_not_started_on_versions_that_have_moved_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the first look and the last the source changes again: the plan is made again from what is true."""
    moves = ["v3", "v4"]
    versions = await moving(bench, monkeypatch, moves)
    await bench.outside("raw", "v2")
    await bench.settle()
    (run,) = await bench.open_runs("clean")
    assert [one.data_version for one in run.inputs] == ["v4"]
    assert versions == []


async def test_a_store_that_never_stands_still_delays_runs_but_not_statuses(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await moving(bench, monkeypatch, [f"v{number}" for number in range(3, 3 + passing.LOOKS)])
    await bench.outside("raw", "v2")
    bench.mind._heard(await bench.store.changes(bench._place))
    await bench.step(await bench.mind.queue.take())
    assert await bench.open_runs("clean") == []
    await bench.settle()
    assert len(await bench.open_runs("clean")) == 1


async def test_an_asset_that_cannot_be_planned_a_second_time_is_not_done_as_planned_before(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    plan, planned = passing.plan, []

    def once(world: Any, kind: Kind, ref: Any, now: Any) -> Any:
        if ref.name == "clean" and planned:
            raise ZeroDivisionError
        planned.extend(["clean"] * (ref.name == "clean"))
        return plan(world, kind, ref, now)

    await moving(bench, monkeypatch, ["v3"])
    monkeypatch.setattr(passing, "plan", once)
    await bench.outside("raw", "v2")
    await bench.settle()
    assert await bench.open_runs("clean") == []
    assert any("clean could not be planned" in line for line in caplog.messages)


async def moving(bench: Bench, monkeypatch: pytest.MonkeyPatch, moves: list[str]) -> list[str]:
    """Let the source change whenever the inputs of a run are read once more."""
    read = bench.store.states

    async def states(ids: Sequence[AssetId]) -> dict[AssetId, AssetState]:
        if AssetId(NAMESPACE, "clean") in ids and moves:
            await bench.outside("raw", moves.pop(0))
        return await read(ids)

    monkeypatch.setattr(bench.store, "states", states)
    return moves


async def test_a_change_follows_the_graph_as_far_as_it_changes_anything(bench: Bench) -> None:
    await bench.apply(a_derived("report", "clean"), a_derived("letter", "report"))
    await bench.settle()
    await bench.outside("raw", "v2")
    await bench.settle()
    assert await bench.condition("clean", "Fresh") == ("False", "UpstreamDataChanged")
    assert await bench.condition("report", "Fresh") == ("False", "NeverMaterialized")
    await bench.runs_through("clean", "c2")
    assert await bench.condition("clean", "Fresh") == ("True", "UpToDate")


async def test_so_many_actions_go_on_at_once_and_all_are_done(bench: Bench) -> None:
    going, most, done = 0, 0, []

    async def act(number: int) -> None:
        nonlocal going, most
        going += 1
        most = max(most, going)
        await asyncio.sleep(0)
        going -= 1
        done.append(number)
        if number == 0:
            bench.mind._pass._start(partial(act, 100))  # while others end

    bench.mind._pass._concurrency = 3
    for number in range(10):
        bench.mind._pass._start(partial(act, number))
    await bench.mind._pass.drain()
    assert (most, sorted(done)) == (3, [*range(10), 100])
    bench.mind._pass._start(partial(act, 200))
    await bench.mind._pass.drain()
    assert done[-1] == 200


async def test_an_asset_that_goes_between_plan_and_act_is_no_error(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    await bench.request("raw", "t2")
    await bench._hears()
    bench.mind._pass._concurrency = 0  # nobody acts yet
    await bench.mind._pass.run(await bench.mind.queue.take())
    await bench.cluster.delete("assets", NAMESPACE, "raw")
    await bench._hears()
    bench.mind._pass._concurrency = 1
    bench.mind._pass._start(partial(asyncio.sleep, 0))
    await bench.mind._pass.drain()
    await bench.settle()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert await bench.open_runs("raw") == []


async def test_a_run_that_was_collected_with_its_asset_is_not_started_again(bench: Bench) -> None:
    await bench.outside("raw", "v2")
    await bench.settle()
    (run,) = await bench.open_runs("clean")
    await bench.cluster.delete("assets", NAMESPACE, "clean")
    bench.cluster.written.clear()
    await bench.hears("jobs")  # of the asset nothing is heard yet
    await bench.step(await bench.mind.queue.take())
    assert bench.cluster.written == []
    assert bench.mind.mirror.get(CLEAN) is None
    assert bench.mind.mirror.vanished(run.ref)
    await bench.settle()


async def test_a_run_of_an_asset_that_was_made_anew_is_decided_anew(bench: Bench) -> None:
    await bench.outside("raw", "v2")
    await bench.settle()
    (run,) = await bench.open_runs("clean")
    await bench.cluster.delete("assets", NAMESPACE, "clean")
    await bench.apply(a_derived("clean", "raw", eager=True))
    await bench.hears("jobs")
    await bench.settle()
    (again,) = await bench.open_runs("clean")
    assert again.ref != run.ref, "another asset, another run"


async def test_a_run_whose_job_somebody_deleted_is_started_again(bench: Bench) -> None:
    await bench.outside("raw", "v2")
    await bench.settle()
    (run,) = await bench.open_runs("clean")
    await bench.cluster.delete("jobs", *run.ref)
    await bench.settle()
    (again,) = await bench.open_runs("clean")
    assert (again.ref, again.inputs) == (run.ref, run.inputs)
    assert again.uid != run.uid


async def test_a_run_that_is_gone_before_it_could_be_recorded_is_no_error(bench: Bench) -> None:
    await bench.step({run_key("never-was")})
    assert bench.mind.queue.idle


async def test_a_run_whose_pods_cannot_be_found_is_left_to_the_next_look(bench: Bench) -> None:
    await bench.request("raw", "t2")
    await bench.settle()
    (run,) = await bench.open_runs("raw")
    bench.cluster.refusals["list"] = [NotFound("no such namespace any more")]
    await bench.ends(run)
    await bench.settle()
    assert bench.mind.queue.idle


async def test_a_key_that_somebody_is_busy_with_is_planned_when_he_is_done(bench: Bench) -> None:
    assert bench.mind.queue.claim({RAW}) == {RAW}
    await bench.outside("raw", "v2")
    await bench.settle()
    assert (await bench.status("raw"))["dataVersion"] == "v1"
    bench.mind.queue.done(RAW)
    await bench.settle()
    assert (await bench.status("raw"))["dataVersion"] == "v2"


# ---------------------------------------------------------------- slots


async def test_what_has_no_slot_waits_and_starts_when_one_is_free_whoever_had_it() -> None:
    bench = Bench(max_concurrent_runs=1)
    await bench.apply(a_source("raw"), *(a_derived(name, "raw", eager=True) for name in ("a", "b", "c")))
    await bench.outside("raw", "v1")
    await bench.settle()
    assert [run.asset.name for run in await bench.open_runs()] == ["a"]
    assert (await decisions(bench, "b"))[0].reason == "MaxConcurrentRuns"
    await bench.runs_through("a", "a1")
    (second,) = await bench.open_runs()
    assert second.asset.name == "b"
    await bench.cluster.delete("assets", NAMESPACE, "b")
    await bench.cluster.delete("jobs", *second.ref)
    await bench.settle()
    assert [run.asset.name for run in await bench.open_runs()] == ["c"]


async def test_a_slot_that_came_to_nothing_goes_to_the_next() -> None:
    bench = Bench(max_concurrent_runs=1)
    await bench.apply(a_source("raw"), *(a_derived(name, "raw", eager=True) for name in ("a", "b")))
    await bench.outside("raw", "v1")
    bench.cluster.refusals["create"] = [Rejected("spec.template: Invalid value")]
    await bench.settle()
    assert [run.asset.name for run in await bench.open_runs()] == ["b"]
    assert (await bench.condition("a", "Ready"))[1] == "InvalidPodTemplate"


# ---------------------------------------------------------------- time


async def test_an_asset_is_looked_at_again_when_its_freshness_runs_out(bench: Bench) -> None:
    await bench.apply(a_source("lagging", freshness={"maximumLag": "1h"}))
    await bench.settle()
    await bench.outside("lagging", "l1")
    await bench.settle()
    due = bench.mind.queue._due[asset_key("lagging")]
    assert 3500 < due - asyncio.get_running_loop().time() <= 3600
    bench.clock.forward(minutes=61)
    bench.mind.queue.add(asset_key("lagging"))
    await bench.settle()
    assert await bench.condition("lagging", "Fresh") == ("False", "FreshnessExpired")


async def test_an_asset_that_was_seen_unchanged_meanwhile_does_not_run_out(bench: Bench) -> None:
    """An unchanged observation makes no entry in the feed, so the moment itself has the store asked."""
    await bench.apply(a_source("lagging", freshness={"maximumLag": "1h"}), a_derived("below", "lagging"))
    await bench.settle()
    await bench.outside("lagging", "l1")
    await bench.settle()
    bench.clock.forward(minutes=50)
    await bench.outside("lagging", "l1")
    await bench.settle()
    bench.clock.forward(minutes=11)
    bench.mind.queue.add(asset_key("lagging"))
    await bench.settle()
    assert await bench.condition("lagging", "Fresh") == ("True", "UpToDate")
    bench.clock.forward(minutes=49)
    bench.mind.queue.add(asset_key("lagging"))
    await bench.settle()
    assert await bench.condition("lagging", "Fresh") == ("False", "FreshnessExpired")


async def test_another_operator_knows_when_an_asset_runs_out_and_eager_builds_it_then(bench: Bench) -> None:
    await bench.apply(a_derived("daily", "raw", eager=True, freshness={"maximumLag": "1h"}))
    await bench.settle()
    first = await bench.runs_through("daily", "d1")
    bench.clock.forward(minutes=20)
    bench.mind = bench.a_mind()
    await bench.looks()
    due = bench.mind.queue._due[asset_key("daily")]
    assert 2300 < due - asyncio.get_running_loop().time() <= 2400
    bench.clock.forward(minutes=40)
    bench.mind.queue.add(asset_key("daily"))
    await bench.settle()
    assert await bench.condition("daily", "Fresh") == ("False", "FreshnessExpired")
    second = await bench.runs_through("daily", "d1")
    assert (second.trigger.detail, second.inputs) == ("FreshnessExpired", first.inputs)
    assert await bench.condition("daily", "Fresh") == ("True", "UpToDate")


async def test_a_paced_asset_is_looked_at_again_when_its_inputs_have_rested_also_by_another_operator(
    bench: Bench,
) -> None:
    paced = {"autoMaterialize": {"policy": "Eager", "settle": "30s"}}
    await bench.apply(a_derived("paced", "raw", **paced))
    await bench.outside("raw", "v2")
    await bench.settle()
    assert await bench.runs("paced") == []
    due = bench.mind.queue._due[asset_key("paced")]
    assert 29 < due - asyncio.get_running_loop().time() <= 30
    bench.mind = bench.a_mind()
    await bench.looks()
    assert asset_key("paced") in bench.mind.queue._due
    bench.clock.forward(seconds=30)
    bench.mind.queue.add(asset_key("paced"))
    await bench.settle()
    assert [one.inputs[0].data_version for one in await bench.runs("paced")] == ["v2"]


async def test_an_asset_is_built_at_its_tick_once_and_another_operator_knows_that(bench: Bench) -> None:
    await bench.apply(a_derived("nightly", "raw", autoMaterialize={"policy": "Cron", "cron": "30 12 * * *"}))
    await bench.settle()
    assert await bench.runs("nightly") == []
    due = bench.mind.queue._due[asset_key("nightly")]
    assert 1700 < due - asyncio.get_running_loop().time() <= 1800
    bench.clock.forward(minutes=30)
    bench.mind.queue.add(asset_key("nightly"))
    await bench.settle()
    await bench.runs_through("nightly", "n1")
    assert (await bench.status("nightly"))["cron"]["lastScheduleTime"] == "2026-11-22T12:30:00Z"
    await bench.outside("raw", "v9")
    bench.mind = bench.a_mind()
    await bench.looks()
    assert await bench.condition("nightly", "Fresh") == ("False", "UpstreamDataChanged")
    assert len(await bench.runs("nightly")) == 1


async def test_a_schedule_is_looked_at_again_at_its_next_tick(bench: Bench) -> None:
    await bench.apply(an_observation_job("nightly", "raw"), a_schedule("hourly", "nightly", "30 * * * *"))
    await bench.settle()
    due = bench.mind.queue._due[schedule_key("hourly")]
    assert 1700 < due - asyncio.get_running_loop().time() <= 1800
    assert START.minute == 0


async def test_a_job_refused_for_a_window_too_early_is_looked_at_again_when_that_is_over(bench: Bench) -> None:
    days = {"timeWindow": {"cron": "@daily", "start": f"{START:%Y-%m-%d}"}}
    await bench.apply(
        a_source("days", partitions=days),
        an_observation_job("early", "days", partitions={"policy": "Keys", "keys": [f"{START:%Y-%m-%d}"]}),
    )
    await bench.settle()
    assert (await bench.condition("early", "Ready", "observationjobs"))[:2] == ("False", "InvalidSpec")
    due = bench.mind.queue._due[job_key("early")]
    tomorrow = START.replace(hour=0, minute=0) + timedelta(days=1)
    wait = due - asyncio.get_running_loop().time()
    assert wait == pytest.approx((tomorrow - START).total_seconds(), abs=100)


# ---------------------------------------------------------------- history


async def test_recorded_runs_beyond_the_limits_are_pruned_and_stay_listed(bench: Bench) -> None:
    names = [(await bench.observed("raw", f"v{number}", f"t{number}")).ref.name for number in range(2, 8)]
    assert [run.ref.name for run in await bench.runs("raw")] == names[-3:]
    assert len((await bench.store.runs(NAMESPACE, limit=100)).items) > len(await bench.runs())


async def test_an_answered_request_is_not_answered_again(bench: Bench) -> None:
    runs = len(await bench.runs("raw"))
    await bench.looks()
    bench.mind = bench.a_mind()
    await bench.looks()
    assert len(await bench.runs("raw")) == runs
    raw = await bench.cluster.get("assets", NAMESPACE, "raw")
    assert raw["metadata"]["annotations"] == {Annotation.REQUESTED_AT.value: "t1"}


async def test_a_job_that_is_gone_lets_its_selection_be_judged_again(bench: Bench) -> None:
    await bench.apply(an_observation_job("nightly", "raw", "other"))
    await bench.settle()
    assert await bench.condition("nightly", "Ready", "observationjobs") == ("False", "AssetNotFound")
    await bench.apply(a_source("other"))
    await bench.settle()
    assert await bench.condition("nightly", "Ready", "observationjobs") == ("True", "Ready")
    assert bench.mind.mirror.get(job_key("nightly")).error is None


async def test_a_first_run_that_failed_is_tried_again_when_its_input_changes(bench: Bench) -> None:
    """Its verdict stays what it was, never materialized: only the plan is another."""
    await bench.apply(a_derived("never", "raw", eager=True))
    await bench.settle()
    (first,) = await bench.open_runs("never")
    await bench.ends(first, "Failed")
    await bench.settle()
    assert await bench.open_runs("never") == []
    await bench.outside("raw", "v2")
    await bench.settle()
    (again,) = await bench.open_runs("never")
    assert [one.data_version for one in again.inputs] == ["v2"]
