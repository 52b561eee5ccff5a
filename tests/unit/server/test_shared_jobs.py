"""A pod that several assets share: it may report exactly these, and each of their runs is found."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from server_world import AUDIENCE, NAMESPACE, World, a_job_object, a_pod_object, an_event
from upwell_operator.domain.runs import INDEX_LABEL, read_runs
from upwell_operator.domain.snapshot import AssetId, Ref
from upwell_operator.resources.meta import Annotation

JOB, PODS = "all-0123", ("all-0123-0", "all-0123-1")


def a_member(key: str, pod: int) -> dict[str, Any]:
    return {"run": f"{key}-1", "asset": key, "key": key, "fence": 1, "pod": pod}


@pytest.fixture
async def token(world: World) -> str:
    """The token of the first of two pods, which observes `a` and `b`; the second observes `c`."""
    members = json.dumps([a_member("a", 0), a_member("b", 0), a_member("c", 1)])
    obj = a_job_object(JOB, **{Annotation.MEMBERS.value: members})
    obj["metadata"]["annotations"].pop(Annotation.ASSET.value)
    job = await world.cluster.create("jobs", obj)
    for index, name in enumerate(PODS):
        pod = a_pod_object(job, name)
        pod["metadata"]["labels"][INDEX_LABEL] = str(index)
        await world.cluster.create("pods", pod)
    return world.cluster.issue_token(NAMESPACE, PODS[0], AUDIENCE, timedelta(hours=1))


async def test_its_pod_reports_each_of_them_as_the_run_that_it_is(world: World, token: str) -> None:
    events = [an_event(assetKey=key, dataVersion=f"{key}1", result=True) for key in "ab"]
    assert (await world.report(events, run=JOB, token=token)).json()["accepted"] == 2
    (stored,) = (await world.store.events(AssetId(NAMESPACE, "b"))).items
    assert (stored.run, stored.attempt) == ("b-1", PODS[0])


async def test_it_may_report_no_other_assets_version(world: World, token: str) -> None:
    answer = await world.report([an_event(assetKey="x", dataVersion="1")], run=JOB, token=token)
    assert answer.status_code == 403
    assert f"the run {JOB} is about" in answer.json()["detail"]
    seen = await world.report([an_event(assetKey="x")], run=JOB, token=token)
    assert seen.status_code == 200, "what it saw of another it may say, as any run"


async def test_a_run_is_found_in_the_job_that_it_shares(world: World, token: str) -> None:
    for run in read_runs(await world.cluster.get("jobs", NAMESPACE, JOB)):
        await world.store.record_run(run)
    found = (await world.get(f"/v1/runs/{NAMESPACE}/c-1")).json()
    assert (found["name"], found["asset"], found["sharedJob"], found["phase"]) == ("c-1", "c", JOB, "Active")
    await world.cluster.delete("jobs", NAMESPACE, JOB)
    assert (await world.get(f"/v1/runs/{NAMESPACE}/c-1")).json()["sharedJob"] == JOB


async def test_its_log_is_that_of_the_pod_that_observes_it(world: World, token: str) -> None:
    for run in read_runs(await world.cluster.get("jobs", NAMESPACE, JOB)):
        await world.store.record_run(run)

    async def log(_namespace: str, pod: str, _bytes: int) -> str:
        return f"log of {pod}"

    world.cluster.log_reader = log
    assert (await world.get(f"/v1/runs/{NAMESPACE}/c-1/log")).text == f"log of {PODS[1]}"
    await world.store.put_log(Ref(NAMESPACE, f"{JOB}-1"), "kept")
    assert (await world.get(f"/v1/runs/{NAMESPACE}/c-1/log")).text == "kept"
    assert (await world.get(f"/v1/runs/{NAMESPACE}/a-1/log")).text == f"log of {PODS[0]}"
