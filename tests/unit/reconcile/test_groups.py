"""Assets that share a Job, from the request to what status says of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconcile_objects import NAMESPACE, a_source, an_observation_job, over
from reconcile_world import Bench
from upwell.protocol import EventType
from upwell_operator.domain.runs import INDEX_LABEL, read_runs
from upwell_operator.domain.snapshot import Ref, Run
from upwell_operator.errors import Conflict, Rejected, Stalled
from upwell_operator.reconcile.reporting import reporter
from upwell_operator.resources.meta import Annotation, Label

Json = dict[str, Any]


def a_look(name: str, **observe: Any) -> Json:
    """A source that a function looks at."""
    return a_source(name) | {"spec": {"observe": {"python": {"function": "m:look"}, "image": "shop:1", **observe}}}


@pytest.fixture
async def bench() -> Bench:
    """Three sources that share a Job of two pods, which has just begun."""
    bench = Bench()
    await bench.apply(a_look("a"), a_look("b"), a_look("c"))
    await bench.apply(an_observation_job("all", "a", "b", "c", parallelism=2))
    await bench.settle()
    await bench.request("all", "t1", "observationjobs")
    await bench.settle()
    return bench


async def shared(bench: Bench) -> tuple[Json, list[Run]]:
    """Give the one Job, and its runs."""
    (job,) = (await bench.cluster.list("jobs")).items
    return job, list(read_runs(job))


async def posts(bench: Bench, runs: list[Run], **versions: str | None) -> None:
    """Report as the Job's pods do; None is a failure."""
    for key, version in versions.items():
        kind = EventType.OBSERVATION if version else EventType.OBSERVATION_FAILED
        words = {} if version else {"description": f"no {key}"}
        event = bench.an_event(kind, key, version, result=version is not None, **words)
        await bench.store.append([reporter(runs, None, bench.clock())("pod-0", event)])


async def ends(bench: Bench, job: Json, kind: str = "Complete") -> None:
    await bench.cluster.patch_status(
        "jobs", NAMESPACE, job["metadata"]["name"], {"status": over(kind, "FailedIndexes")}
    )
    await bench.settle()


async def leaves(bench: Bench, job: Json, index: int, code: int, message: Json) -> None:
    """Leave a pod of an index that has ended so."""
    name = f"{job['metadata']['name']}-{index}"
    labels = {Label.RUN.value: job["metadata"]["name"], INDEX_LABEL: str(index)}
    await bench.cluster.create(
        "pods", {"metadata": {"name": name, "namespace": NAMESPACE, "labels": labels}, "spec": {}}
    )
    ended = {"exitCode": code, "message": json.dumps(message)}
    status = {"containerStatuses": [{"name": "run", "state": {"terminated": ended}}]}
    await bench.cluster.patch_status("pods", NAMESPACE, name, {"status": status})
    bench.cluster.logs[name] = f"log of {index}"


async def test_a_job_is_shared_and_its_run_counts_every_asset(bench: Bench) -> None:
    job, runs = await shared(bench)
    assert [run.pod for run in runs] == [0, 0, 1]
    await posts(bench, runs, a="1", b="2", c="3")
    await ends(bench, job)
    status = await bench.status("all", "observationjobs")
    last = status["lastRun"]
    assert (last["phase"], last["observed"], last["changed"], last["failed"]) == ("Succeeded", 3, 3, 0)
    assert "active" not in status
    assert (await bench.status("c"))["dataVersion"] == "3"
    job, runs = await shared(bench)
    assert job["metadata"]["annotations"][Annotation.OUTCOME] == "Changed"
    assert [run.outcome for run in runs] == ["Changed"] * 3


async def test_one_failure_is_its_own_and_the_run_says_whose(bench: Bench) -> None:
    job, runs = await shared(bench)
    assert (await bench.status("all", "observationjobs"))["active"] == [job["metadata"]["name"]]
    await posts(bench, runs, a="1", b=None, c="3")
    await ends(bench, job, "Failed")
    last = (await bench.status("all", "observationjobs"))["lastRun"]
    assert (last["phase"], last["observed"], last["failed"], last["failedAssets"]) == ("Failed", 2, 1, ["b"])
    assert last["message"] == "1 of 3 failed: b: no b"
    assert await bench.condition("a", "Observed") == ("True", "Observed")
    assert await bench.condition("b", "Observed") == ("False", "ObservationFailed")
    recorded = {run.asset.name: run for run in (await bench.store.runs(NAMESPACE)).items}
    assert {name: run.phase for name, run in recorded.items()} == {"a": "Succeeded", "b": "Failed", "c": "Succeeded"}
    assert (recorded["c"].group, recorded["c"].pod) == (job["metadata"]["name"], 1)


async def test_what_could_not_be_posted_is_read_from_the_pods_and_silence_has_its_own_pods_reason(bench: Bench) -> None:
    job, _ = await shared(bench)
    event = {"id": "e1", "type": "AssetObservation", "assetKey": "a", "time": bench.clock().isoformat()}
    await leaves(
        bench, job, 0, 78, {"error": "1 of 2 failed: b", "events": [{**event, "dataVersion": "1", "result": True}]}
    )
    await leaves(bench, job, 1, 1, {"error": "the disk is full"})
    await ends(bench, job, "Failed")
    assert (await bench.status("a"))["dataVersion"] == "1"
    last = (await bench.status("all", "observationjobs"))["lastRun"]
    assert last["message"] == "2 of 3 failed: b: 1 of 2 failed: b; c: the disk is full"
    name = job["metadata"]["name"]
    assert [await bench.store.log(NAMESPACE, f"{name}-{index}") for index in (0, 1)] == ["log of 0", "log of 1"]


async def test_what_a_pod_leaves_about_a_stranger_is_not_taken(bench: Bench) -> None:
    job, _ = await shared(bench)
    event = {"id": "e1", "type": "AssetObservation", "assetKey": "x", "time": bench.clock().isoformat()}
    await leaves(bench, job, 0, 0, {"events": [{**event, "dataVersion": "1", "result": True}]})
    await ends(bench, job)
    assert (
        f"the run {job['metadata']['name']} is about"
        in (await bench.status("all", "observationjobs"))["lastRun"]["message"]
    )


async def test_a_job_that_was_made_before_a_crash_is_not_made_twice(bench: Bench) -> None:
    job, _ = await shared(bench)
    other = bench.a_mind()
    bench.mind = other
    await bench.cluster.patch_status("observationjobs", NAMESPACE, "all", {"status": {"lastHandledRequest": None}})
    await bench.looks()
    assert (await shared(bench))[0]["metadata"]["uid"] == job["metadata"]["uid"]


async def started(bench: Bench) -> Any:
    """Give the action that made the Job."""
    world = bench.mind.world
    job = world.jobs[Ref(NAMESPACE, "all")]
    for run in (await shared(bench))[1]:
        world.runs.remove(run.ref)
    from dataclasses import replace  # noqa: PLC0415

    from upwell_operator.domain.observing import job_starts  # noqa: PLC0415

    run = (await shared(bench))[1][0].job_run
    (group,) = job_starts(world, replace(job, handled_request=None), run, "request t1", bench.clock())
    return group


async def test_a_job_that_is_there_already_is_taken_and_a_namesake_is_not(bench: Bench) -> None:
    job, _ = await shared(bench)
    actor, group = bench.mind._pass._hands.actor, await started(bench)
    assert (await actor.act(group))["metadata"]["uid"] == job["metadata"]["uid"]
    notes = {"metadata": {"annotations": {Annotation.MEMBERS.value: "[]"}}}
    await bench.cluster.patch("jobs", NAMESPACE, job["metadata"]["name"], notes)
    with pytest.raises(Stalled, match="exists and is not ours; delete it"):
        await actor.act(group)


async def test_a_job_that_is_refused_names_whose_pod_it_is(bench: Bench) -> None:
    actor, group = bench.mind._pass._hands.actor, await started(bench)
    bench.cluster.refusals["create"] = [Rejected("no such volume")]
    with pytest.raises(Stalled, match=r"no such volume; mend spec\.observe of a and those that share its pod"):
        await actor.act(group)


async def test_an_asset_whose_pod_changed_meanwhile_is_looked_at_again(bench: Bench) -> None:
    group = await started(bench)
    await bench.apply(a_look("b", env=[{"name": "A", "value": "1"}]))
    await bench.hears("assets")
    with pytest.raises(Conflict, match="shop/b has another pod now"):
        await bench.mind._pass._hands.actor.act(group)


async def test_a_job_that_goes_with_its_observation_job_is_not_made_again(bench: Bench) -> None:
    group = await started(bench)
    job, runs = await shared(bench)
    for run in runs:
        bench.mind.world.runs.put(run)
    await bench.cluster.delete("jobs", NAMESPACE, job["metadata"]["name"])
    await bench.hears("jobs")
    await bench.cluster.delete("observationjobs", NAMESPACE, "all")
    await bench.apply(an_observation_job("all", "a"))
    with pytest.raises(Conflict, match="shop/all is another one now"):
        await bench.mind._pass._make_sure(group)


async def test_a_replaced_run_ends_its_job_once_and_every_record_says_so(bench: Bench) -> None:
    await bench.apply(an_observation_job("all", "a", "b", "c", parallelism=2, concurrencyPolicy="Replace"))
    await bench.settle()
    _, before = await shared(bench)
    await bench.request("all", "t2", "observationjobs")
    await bench.settle()
    _, after = await shared(bench)
    assert after[0].job_run != before[0].job_run
    for run in before:
        recorded = await bench.store.run(NAMESPACE, run.ref.name)
        assert recorded is not None
        assert recorded.message == f"replaced by run {after[0].job_run} of all (concurrencyPolicy Replace)"
