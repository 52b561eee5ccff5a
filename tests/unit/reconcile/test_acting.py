"""Actions: done once, also when they were done before, or cannot be done."""

from __future__ import annotations

import pytest

from builders import an_asset
from reconcile_objects import NAMESPACE, a_derived, a_job, a_source, asset_key
from reconcile_world import Bench
from upwell.protocol import RunKind
from upwell_operator.domain.actions import PruneRun, StartRun
from upwell_operator.domain.runs import read_run
from upwell_operator.domain.snapshot import Ref, Trigger, TriggerType
from upwell_operator.errors import NotFound, Rejected, Stalled
from upwell_operator.reconcile.acting import Actor
from upwell_operator.resources.meta import Reason
from upwell_operator.settings import Settings

RAW = an_asset("raw")


def start(name: str = "raw-1", asset: str = "raw") -> StartRun:
    return StartRun(
        Ref(NAMESPACE, name), an_asset(asset, uid="u"), RunKind.OBSERVE, 1, Trigger(TriggerType.REQUEST, "t")
    )


@pytest.fixture
async def bench() -> Bench:
    bench = Bench()
    await bench.apply(a_source("raw"), a_derived("clean", "raw"))
    await bench.settle()
    return bench


@pytest.fixture
def actor(bench: Bench) -> Actor:
    return bench.mind._pass._hands.actor


async def owned(bench: Bench, run: StartRun) -> StartRun:
    """Give the start with the uid that the asset has in the cluster, so that its Job is not collected."""
    asset = bench.mind.world.graph.get(run.asset.ref)
    return StartRun(run.ref, asset, run.kind, run.fence, run.trigger)


async def test_a_started_run_is_a_job(bench: Bench, actor: Actor) -> None:
    job = await actor.act(await owned(bench, start()))
    assert read_run(job).ref == Ref(NAMESPACE, "raw-1")
    assert [run.ref.name for run in await bench.runs("raw")] == ["raw-1"]


async def test_starting_a_run_that_is_there_already_is_success(bench: Bench, actor: Actor) -> None:
    first = await actor.act(await owned(bench, start()))
    assert await actor.act(await owned(bench, start())) == first
    assert len(await bench.runs()) == 1


@pytest.mark.parametrize(
    "job",
    [
        pytest.param(a_job("raw-1", asset="clean"), id="of another asset"),
        pytest.param(a_job("raw-1", fence="not a number"), id="damaged"),
        pytest.param({"metadata": {"name": "raw-1", "namespace": NAMESPACE}}, id="of somebody else"),
    ],
)
async def test_a_namesake_that_is_not_ours_is_for_a_person_to_remove(bench: Bench, actor: Actor, job: dict) -> None:
    pod = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}
    await bench.cluster.create("jobs", {**job, "spec": {"template": {"spec": pod}}})
    with pytest.raises(Stalled, match="raw-1 exists and is not ours; delete it") as stalled:
        await actor.act(await owned(bench, start()))
    assert stalled.value.reason == Reason.INVALID_POD_TEMPLATE


async def test_a_namesake_that_goes_while_we_look_is_not_found(bench: Bench, actor: Actor) -> None:
    await actor.act(await owned(bench, start()))
    bench.cluster.refusals["get"] = [NotFound("gone")]
    with pytest.raises(NotFound):
        await actor.act(await owned(bench, start()))


async def test_a_job_that_the_api_server_refuses_is_the_specs_fault(bench: Bench, actor: Actor) -> None:
    bench.cluster.refusals["create"] = [Rejected("spec.template: no such volume")]
    with pytest.raises(Stalled, match=r"the Job is refused: .*no such volume; mend spec\.observe") as stalled:
        await actor.act(await owned(bench, start()))
    assert stalled.value.reason == Reason.INVALID_POD_TEMPLATE


async def test_an_asset_that_says_no_longer_what_to_run_is_stalled(bench: Bench) -> None:
    actor = Actor(bench.cluster, Settings(), lambda _: {"description": "external now"})
    with pytest.raises(Stalled, match="neither observe nor materialize"):
        await actor.act(start())


async def test_a_pruned_run_has_no_job_and_pruning_twice_is_pruning_once(bench: Bench, actor: Actor) -> None:
    run = read_run(await actor.act(await owned(bench, start())))
    assert await actor.act(PruneRun(run)) is None
    await actor.act(PruneRun(run))
    assert await bench.runs() == []


async def test_a_namesake_of_a_pruned_run_stays(bench: Bench, actor: Actor) -> None:
    run = read_run(await actor.act(await owned(bench, start())))
    await actor.act(PruneRun(run))
    await actor.act(await owned(bench, start()))
    await actor.act(PruneRun(run))
    assert len(await bench.runs()) == 1


async def test_the_job_is_built_from_the_spec_as_it_was_last_seen(bench: Bench, actor: Actor) -> None:
    assert "observe" in bench.mind.mirror.spec(asset_key("raw"))
    job = await actor.act(await owned(bench, start()))
    main = next(one for one in job["spec"]["template"]["spec"]["containers"] if one["name"] == "run")
    assert main["image"] == "registry.example/shop:1"
