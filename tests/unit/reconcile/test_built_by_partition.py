"""Partitions from end to end but for the pods: reported, judged, built by Jobs of their own, and said in status."""

from __future__ import annotations

import asyncio

import pytest

from reconcile_objects import NAMESPACE, RUNS, a_manifest, a_source, asset_key
from reconcile_world import Bench
from upwell.protocol import Env, EventType
from upwell_operator.domain.partitions import written
from upwell_operator.domain.snapshot import AssetId, Run
from upwell_operator.reconcile.reporting import entry
from upwell_operator.resources.meta import Annotation
from upwell_operator.store import Append

REGIONS = {"static": ["eu", "us", "asia"]}
CUT = written({"partitions": REGIONS})


@pytest.fixture
async def bench() -> Bench:
    bench = Bench()
    spec = {"deps": [{"name": "raw"}], "materialize": RUNS, "autoMaterialize": {"policy": "Eager"}}
    await bench.apply(
        a_source("raw", partitions=REGIONS), a_manifest("Asset", "clean", {**spec, "partitions": REGIONS})
    )
    await bench.settle()
    return bench


async def report(bench: Bench, **versions: str) -> None:
    """Report versions of partitions of the source."""
    event = bench.an_event(EventType.OBSERVATION, "raw", partitions=versions)
    await bench.store.append([Append(AssetId(NAMESPACE, "raw"), event, versions=versions, last=True)])
    await bench.settle()


async def end(bench: Bench, run: Run, *, failed: bool = False) -> None:
    """End a run as a pod does that built its partition, without a word about which that is."""
    if not failed:
        event = bench.an_event(EventType.MATERIALIZATION, run.asset_key, result=True)
        await bench.store.append([entry(run, None, event, CUT, bench.clock())])
    await bench.ends(run, "Failed" if failed else "Complete")
    await bench.settle()


async def counts(bench: Bench) -> dict[str, object]:
    found: dict[str, object] = (await bench.status("clean"))["partitions"]
    return found


async def test_each_partition_is_built_by_a_job_of_its_own_that_knows_its_key(bench: Bench) -> None:
    await report(bench, eu="a", us="b")
    runs = await bench.open_runs("clean")
    assert sorted(run.partition or "" for run in runs) == ["eu", "us"]
    job = await bench.cluster.get("jobs", *runs[0].ref)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert {"name": Env.PARTITION.value, "value": runs[0].partition} in container["env"]
    for run in runs:
        await end(bench, run)
    assert await bench.open_runs("clean") == []
    assert await counts(bench) == {
        "total": 3,
        "known": 2,
        "fresh": 2,
        "stale": 0,
        "missing": 1,
        "unknown": 0,
        "failed": 0,
        "stalePartitions": ["asia"],
    }
    assert await bench.condition("clean", "Fresh") == ("False", "NeverMaterialized")


async def test_one_change_makes_one_run_and_when_all_are_built_the_asset_is_fresh(bench: Bench) -> None:
    await report(bench, eu="a", us="b", asia="c")
    for run in await bench.open_runs("clean"):
        await end(bench, run)
    assert await bench.condition("clean", "Fresh") == ("True", "UpToDate")
    before = (await bench.status("clean"))["dataVersion"]
    await report(bench, us="B")
    (run,) = await bench.open_runs("clean")
    assert run.partition == "us"
    assert await bench.condition("clean", "Fresh") == ("False", "UpstreamDataChanged")
    await end(bench, run)
    assert await bench.condition("clean", "Fresh") == ("True", "UpToDate")
    assert (await bench.status("clean"))["dataVersion"] != before


async def test_a_partition_that_failed_says_so_on_the_asset_and_is_built_on_request(bench: Bench) -> None:
    await report(bench, eu="a", us="b", asia="c")
    for run in await bench.open_runs("clean"):
        await end(bench, run, failed=run.partition == "eu")
    assert await bench.condition("clean", "Ready") == ("False", "RunFailed")
    assert (await counts(bench))["failed"] == 1
    patch = {Annotation.REQUESTED_AT.value: "again", Annotation.REQUESTED_PARTITIONS.value: "eu"}
    await bench.cluster.patch("assets", NAMESPACE, "clean", {"metadata": {"annotations": patch}})
    await bench.settle()
    (run,) = await bench.open_runs("clean")
    assert (run.partition, run.request) == ("eu", "again")
    await end(bench, run)
    assert await bench.condition("clean", "Ready") == ("True", "Ready")
    assert (await bench.status("clean"))["lastHandledRequest"] == "again"


async def test_another_operator_comes_to_the_same_verdicts_and_starts_nothing_again(bench: Bench) -> None:
    await report(bench, eu="a", us="b", asia="c")
    first, *_ = await bench.open_runs("clean")
    await end(bench, first)
    runs = {run.ref for run in await bench.runs("clean")}
    bench.mind.world.states.clear()
    bench.mind.world.graph.node(first.asset).cut = None
    await bench.looks()
    assert {run.ref for run in await bench.runs("clean")} == runs
    assert (await counts(bench))["fresh"] == 1


async def test_after_redis_was_emptied_partitions_are_unknown_and_not_built_again(bench: Bench) -> None:
    await report(bench, eu="a", us="b", asia="c")
    for run in await bench.open_runs("clean"):
        await end(bench, run)
    runs = len(await bench.runs("clean"))
    await bench.store._link.client.flushall()
    bench._place = {0: "0-0"}
    await bench.looks()
    assert await bench.condition("clean", "Fresh") == ("Unknown", "PartitionsUnknown")
    assert len(await bench.runs("clean")) == runs
    assert await bench.open_runs("clean") == []


async def test_a_mapping_that_does_not_fit_holds_the_asset_back_with_a_sentence(bench: Bench) -> None:
    days = {"timeWindow": {"cron": "@daily", "start": "2026-01-01"}}
    await bench.apply(a_manifest("Asset", "days", {"deps": [{"name": "raw"}], "materialize": RUNS, "partitions": days}))
    await bench.settle()
    assert await bench.condition("days", "Ready") == ("False", "PartitionsDoNotFit")
    assert await bench.condition("days", "Stalled") == ("True", "PartitionsDoNotFit")


@pytest.mark.parametrize(
    ("partitions", "words"),
    [
        pytest.param(None, "not built by partition any more", id="the asset is cut no more"),
        pytest.param({"static": ["asia"]}, '"eu" is not one of the partitions: asia', id="it has lost the key"),
    ],
)
async def test_a_run_whose_partition_is_gone_by_its_end_is_a_failure_and_is_over(
    bench: Bench, partitions: object, words: str
) -> None:
    await report(bench, eu="a")
    (run,) = await bench.open_runs("clean")
    spec = {"deps": [{"name": "raw"}], "materialize": RUNS, **({"partitions": partitions} if partitions else {})}
    await bench.apply(a_manifest("Asset", "clean", spec))
    await bench.ends(run)
    await bench.settle()
    (recorded,) = await bench.runs("clean")
    assert recorded.outcome == "Failed"
    events = (await bench.store.events(AssetId(NAMESPACE, "clean"))).items
    assert words in (events[0].event.description or "")


async def test_the_windows_of_a_source_are_read_and_waited_for_though_nothing_is_built_from_it() -> None:
    bench = Bench()
    days = {"timeWindow": {"cron": "@daily", "start": "2026-11-20", "format": "%Y-%m-%d"}}
    await bench.apply(a_source("days", partitions=days, freshness={"maximumLag": "13h"}))
    event = bench.an_event(EventType.OBSERVATION, "days", partitions={"2026-11-20": "a"})
    await bench.store.append([Append(AssetId(NAMESPACE, "days"), event, versions={"2026-11-20": "a"}, last=True)])
    await bench.settle()
    assert await bench.condition("days", "Fresh") == ("True", "UpToDate")
    due = bench.mind.queue._due[asset_key("days")]
    assert 3500 < due - asyncio.get_running_loop().time() <= 3600, "the 21st was over twelve hours ago"
    bench.clock.forward(hours=1)
    bench.mind.queue.add(asset_key("days"))
    await bench.settle()
    assert await bench.condition("days", "Fresh") == ("False", "FreshnessExpired")
    assert (await bench.status("days"))["partitions"]["late"] == 1


async def test_a_request_for_what_is_not_fresh_hears_of_what_was_reported_a_moment_before(bench: Bench) -> None:
    spec = {"deps": [{"name": "raw"}], "materialize": RUNS, "partitions": REGIONS}
    await bench.apply(a_manifest("Asset", "asked", spec))
    await report(bench, eu="a")
    await bench.request("asked", "1")
    await bench.settle()
    for run in await bench.open_runs():
        await end(bench, run)
    event = bench.an_event(EventType.OBSERVATION, "raw", partitions={"eu": "b"})
    await bench.store.append([Append(AssetId(NAMESPACE, "raw"), event, versions={"eu": "b"}, last=True)])
    await bench.request("asked", "2")
    assert await bench.hears("assets")
    await bench.step({asset_key("asked")})
    assert [run.partition for run in await bench.open_runs("asked")] == ["eu"], "nobody has read the feed yet"
