"""The main job, whole: a running operator over the embedded cluster and real Valkey; the tests are pods and server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from reconcile_objects import NAMESPACE, a_derived, a_source, an_observation_job
from reconcile_world import Clock, Plane, living, until
from redis_servers import Backend, running
from upwell_operator.domain.snapshot import AssetId
from upwell_operator.resources.meta import Kind
from upwell_operator.settings import Settings
from upwell_operator.store import Store, feed


@pytest.fixture(scope="module")
def valkey() -> Iterator[Backend]:
    with running("valkey") as backend:
        yield backend


@pytest.fixture
async def plane(valkey: Backend, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Plane]:
    monkeypatch.setattr(feed, "BLOCK_SECONDS", 0.2)
    valkey.empty()
    store = Store(valkey.settings)
    async with living(Plane(store, Settings(leader_election=False), Clock())) as plane:
        yield plane
    await store.close()


async def story(plane: Plane) -> None:
    """A source, an Eager asset on it, and an asset on that which nobody builds by itself; all built from v1."""
    await plane.apply(
        a_source("raw", key="warehouse/raw"), a_derived("clean", "raw", eager=True), a_derived("report", "clean")
    )
    await plane.says("raw", "Observed", "NeverObserved")
    await plane.observed("raw", "v1", "first")
    run = await plane.run_of("clean")
    await plane.finishes(run, "c1")
    await plane.recorded(run)
    await plane.says("clean", "Fresh", "UpToDate")


async def test_an_observation_changes_builds_what_is_eager_and_labels_what_is_not(plane: Plane) -> None:
    await story(plane)
    assert await plane.condition("report", "Fresh") == ("False", "NeverMaterialized")
    await plane.request("report", "build")
    await plane.finishes(await plane.run_of("report"), "r1")
    await plane.says("report", "Fresh", "UpToDate")

    await plane.observed("raw", "v2", "second")
    rebuild = await plane.run_of("clean")
    assert [(one.name, one.key, one.data_version) for one in rebuild.inputs] == [("raw", "warehouse/raw", "v2")]
    await plane.says("clean", "Fresh", "UpstreamDataChanged")
    await plane.says("report", "Fresh", "UpstreamStale")
    await plane.finishes(rebuild, "c2")
    await plane.says("clean", "Fresh", "UpToDate")
    message = await plane.says("report", "Fresh", "UpstreamDataChanged")
    assert "clean" in message
    await plane.quiet()
    assert len(await plane.runs("report")) == 1
    assert await plane.condition("report", "Ready") == ("True", "Ready")


async def test_every_decision_of_the_main_job_has_a_record(plane: Plane) -> None:
    await story(plane)
    await plane.quiet()
    ref = (await plane.runs("clean"))[0].asset
    decided = [(one.verb, one.reason) for one in (await plane.store.decisions(Kind.ASSET, ref)).items]
    assert ("Run", "Stale") in decided
    assert decided[0] == ("NoRun", "Fresh")
    listed = (await plane.store.runs(NAMESPACE)).items
    assert {run.ref for run in listed} == {run.ref for run in await plane.runs()}


async def test_an_unchanged_observation_starts_nothing_and_writes_nothing_downstream(plane: Plane) -> None:
    await story(plane)
    await plane.quiet()
    before = len(plane.cluster.patches("clean")) + len(plane.cluster.patches("report"))
    runs = len(await plane.runs("clean"))
    await plane.observed("raw", "v1", "again")

    async def counted() -> bool:
        return (await plane.status("raw"))["lastObservation"]["count"] == 2

    await until(counted, "the second look is counted")
    await plane.quiet()
    assert len(await plane.runs("clean")) == runs
    assert len(plane.cluster.patches("clean")) + len(plane.cluster.patches("report")) == before


async def test_a_change_that_is_undone_is_fresh_again_without_a_run(plane: Plane) -> None:
    await plane.apply(a_source("raw"), a_derived("report", "raw"))
    await plane.observed("raw", "v1", "first")
    await plane.request("report", "build")
    await plane.finishes(await plane.run_of("report"), "r1")
    await plane.says("report", "Fresh", "UpToDate")
    await plane.observed("raw", "v2", "second")
    await plane.says("report", "Fresh", "UpstreamDataChanged")
    await plane.observed("raw", "v1", "third")
    await plane.says("report", "Fresh", "UpToDate")
    await plane.quiet()
    assert len(await plane.runs("report")) == 1


async def test_ten_changes_during_one_run_lead_to_exactly_one_more_with_the_newest_version(plane: Plane) -> None:
    await story(plane)
    await plane.observed("raw", "v2", "start")
    running = await plane.run_of("clean")
    for number in range(3, 13):
        await plane.observed("raw", f"v{number}", f"t{number}")
    assert [run.ref for run in await plane.open_runs("clean")] == [running.ref]
    await plane.finishes(running, "c2")
    await plane.recorded(running)
    last = await plane.run_of("clean")
    assert [one.data_version for one in last.inputs] == ["v12"]
    assert last.fence > running.fence
    await plane.finishes(last, "c12")
    await plane.says("clean", "Fresh", "UpToDate")
    await plane.quiet()
    listed = [run for run in (await plane.store.runs(NAMESPACE, limit=100)).items if run.asset.name == "clean"]
    assert len(listed) == 3


async def test_a_diamond_is_built_once_from_both_of_its_sides(plane: Plane) -> None:
    await plane.apply(
        a_source("raw"),
        a_derived("left", "raw", eager=True),
        a_derived("right", "raw", eager=True),
        a_derived("both", "left", "right", eager=True),
    )
    for version in ("1", "2"):
        await plane.observed("raw", f"v{version}", f"t{version}")
        left, right = await plane.run_of("left"), await plane.run_of("right")
        await plane.finishes(left, f"l{version}")
        await plane.recorded(left)
        await plane.quiet()
        assert await plane.open_runs("both") == []
        await plane.finishes(right, f"r{version}")
        both = await plane.run_of("both")
        assert {one.data_version for one in both.inputs} == {f"l{version}", f"r{version}"}
        await plane.finishes(both, f"b{version}")
        await plane.says("both", "Fresh", "UpToDate")
    await plane.quiet()
    assert len(await plane.runs("both")) == 2


async def test_a_request_is_answered_once_however_often_it_is_seen(plane: Plane) -> None:
    await plane.apply(a_source("raw"))
    await plane.observed("raw", "v1", "only")
    for _ in range(3):
        plane.look_again()
        await plane.quiet()
    assert (await plane.status("raw"))["lastHandledRequest"] == "only"
    assert len(await plane.runs("raw")) == 1
    await plane.observed("raw", "v1", "another")
    assert len(await plane.runs("raw")) == 2


async def test_a_failed_materialization_is_not_repeated_until_something_changes(plane: Plane) -> None:
    await story(plane)
    await plane.observed("raw", "v2", "second")
    run = await plane.run_of("clean")
    await plane.leaves(run, "ValueError: half a table", code=1)
    await plane.ends(run, "Failed", "BackoffLimitExceeded")
    assert "half a table" in await plane.says("clean", "Ready", "RunFailed")
    plane.look_again()
    await plane.quiet()
    assert await plane.open_runs("clean") == []
    await plane.observed("raw", "v3", "third")
    await plane.finishes(await plane.run_of("clean"), "c3")
    await plane.says("clean", "Ready", "Ready")
    await plane.says("clean", "Fresh", "UpToDate")


async def test_a_failed_observation_keeps_the_version_and_leaves_what_is_below_unknown(plane: Plane) -> None:
    await story(plane)
    await plane.request("raw", "second")
    run = await plane.run_of("raw")
    await plane.ends(run, "Failed", "BackoffLimitExceeded")
    await plane.says("raw", "Observed", "ObservationFailed")
    await plane.says("clean", "Fresh", "ObservationFailed")
    assert (await plane.status("raw"))["dataVersion"] == "v1"
    assert await plane.open_runs("clean") == []


async def test_a_wrong_object_harms_nobody_beside_it(plane: Plane) -> None:
    await story(plane)
    good = await plane.cluster.get("assets", NAMESPACE, "raw")
    wrong = {**good, "metadata": {**good["metadata"], "name": "wrong", "uid": "u-wrong"}, "spec": {"deps": 5}}
    plane.cluster._shelf.put("assets", wrong)
    await plane.apply(a_derived("lonely", "nobody"), a_derived("ping", "pong"), a_derived("pong", "ping"))
    assert "spec.deps" in await plane.says("wrong", "Ready", "InvalidSpec")
    await plane.says("lonely", "Ready", "DependencyNotFound")
    await plane.says("ping", "Ready", "DependencyCycle")
    await plane.observed("raw", "v2", "second")
    await plane.finishes(await plane.run_of("clean"), "c2")
    await plane.says("clean", "Fresh", "UpToDate")


async def test_an_asset_that_is_created_again_knows_the_data_that_outlived_it(plane: Plane) -> None:
    await story(plane)
    await plane.cluster.delete("assets", NAMESPACE, "raw")
    await plane.says("clean", "Ready", "DependencyNotFound")
    assert await plane.runs("raw") == []
    await plane.apply(a_source("raw", key="warehouse/raw"))
    await plane.says("clean", "Fresh", "UpToDate")
    await plane.says("raw", "Observed", "Observed")
    assert (await plane.status("raw"))["dataVersion"] == "v1"
    await plane.observed("raw", "v2", "first")  # the token of its former life
    assert len(await plane.runs("raw")) == 1
    assert [one.data_version for one in (await plane.run_of("clean")).inputs] == ["v2"]


async def test_a_new_operator_goes_on_where_the_last_one_died(plane: Plane, valkey: Backend) -> None:
    await story(plane)
    await plane.observed("raw", "v2", "second")
    run = await plane.run_of("clean")
    await plane.quiet()
    plane.mind.stop()
    await plane.reports(run, "c2")
    await plane.ends(run)
    store = Store(valkey.settings)
    next_life = Plane(store, plane.settings, plane.clock)
    next_life.cluster = plane.cluster
    next_life.mind = next_life.a_mind()
    async with living(next_life):
        await next_life.says("clean", "Fresh", "UpToDate")
        await next_life.quiet()
        assert len(await next_life.runs("clean")) == 2
    await store.close()


async def test_what_was_reported_before_its_asset_existed_is_known_when_it_comes(plane: Plane) -> None:
    await plane.outside("raw", "v7")
    await plane.apply(a_source("raw"))
    await plane.says("raw", "Observed", "Observed")
    assert (await plane.status("raw"))["dataVersion"] == "v7"
    assert (await plane.store.states([AssetId(NAMESPACE, "raw")]))[AssetId(NAMESPACE, "raw")].version == "v7"


# ---------------------------------------------------------------- ObservationJobs


async def test_an_observation_job_observes_its_assets_and_counts_what_came_of_it(plane: Plane) -> None:
    await plane.apply(a_source("a"), a_source("b"), a_source("c"), an_observation_job("nightly", "a", "b", "c"))
    await plane.observed("a", "v1", "t1")
    await plane.request("nightly", "now", "observationjobs")
    await plane.finishes(await plane.run_of("a"), "v1")
    await plane.finishes(await plane.run_of("b"), "v1")
    await plane.ends(await plane.run_of("c"), "Failed", "BackoffLimitExceeded")

    async def over() -> dict | None:
        last = (await plane.status("nightly", "observationjobs")).get("lastRun", {})
        return last if last.get("phase") == "Failed" else None

    last = await until(over, "the run of the job is over")
    assert {name: last[name] for name in ("observed", "changed", "unchanged", "failed")} == {
        "observed": 2, "changed": 1, "unchanged": 1, "failed": 1
    }  # fmt: skip
    await plane.quiet()
    assert (await plane.status("nightly", "observationjobs"))["lastHandledRequest"] == "now"
    assert [len(await plane.runs(name)) for name in "abc"] == [2, 1, 1]


async def test_an_observation_job_may_run_because_it_was_applied(plane: Plane) -> None:
    await plane.apply(a_source("a"), an_observation_job("at-once", "a", runOnApply=True))
    await plane.finishes(await plane.run_of("a"), "v1")

    async def succeeded() -> bool:
        return (await plane.status("at-once", "observationjobs")).get("lastRun", {}).get("phase") == "Succeeded"

    await until(succeeded, "the run of the job is over")
    await plane.quiet()
    assert len(await plane.runs("a")) == 1


async def test_a_mixed_selection_runs_nothing_and_names_what_cannot_be_observed(plane: Plane) -> None:
    await plane.apply(a_source("a"), a_derived("made", "a"), an_observation_job("mixed", "a", "made"))
    await plane.request("mixed", "now", "observationjobs")
    message = await plane.says("mixed", "Ready", "MixedSelection", "observationjobs")
    assert "made" in message
    assert "observable source assets only" in message
    await plane.quiet()
    assert await plane.runs() == []
    await plane.apply(an_observation_job("mixed", "a"))
    await plane.run_of("a")
