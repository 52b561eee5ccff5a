"""One status patch per object and pass, or none; an Event where a condition turned."""

from __future__ import annotations

import logging

import pytest

from reconcile_objects import NAMESPACE, a_derived, a_schedule, a_source, an_observation_job, asset_key
from reconcile_world import Bench
from upwell_operator.domain.actions import Planned
from upwell_operator.errors import Forbidden
from upwell_operator.reconcile.writing import turned

RAW = asset_key("raw")


@pytest.fixture
async def bench() -> Bench:
    bench = Bench()
    await bench.apply(a_source("raw"), a_derived("clean", "raw"))
    await bench.settle()
    return bench


async def test_a_status_that_would_say_the_same_is_not_written(bench: Bench) -> None:
    written = len(bench.cluster.written)
    await bench.looks()
    await bench.looks()
    assert len(bench.cluster.written) == written


async def test_the_patch_names_the_version_that_was_decided_on(bench: Bench) -> None:
    before = (await bench.cluster.get("assets", NAMESPACE, "raw"))["metadata"]["resourceVersion"]
    await bench.outside("raw", "v1")
    await bench.settle()
    bodies = [body for verb, name, body in bench.cluster.written if (verb, name) == ("patch_status", "raw")]
    assert bodies[-1]["metadata"] == {"resourceVersion": before}


async def test_only_what_differs_is_in_the_patch(bench: Bench) -> None:
    await bench.outside("raw", "v1")
    await bench.settle()
    bench.clock.forward(seconds=5)
    await bench.outside("raw", "v2")
    await bench.settle()
    patch = bench.cluster.patches("raw")[-1]
    assert {"dataVersion", "shortVersion", "dataVersionChangedAt", "lastObservation"} <= set(patch)
    assert not {"key", "kind", "staleness", "observedGeneration"} & set(patch)


async def test_what_is_true_no_longer_is_taken_out(bench: Bench) -> None:
    await bench.request("raw", "t1")
    await bench.settle()
    assert (await bench.status("raw"))["activeRuns"]
    await bench.runs_through("raw", "v1")
    assert bench.cluster.patches("raw")[-1]["activeRuns"] is None
    assert "activeRuns" not in await bench.status("raw")


async def test_nothing_but_the_status_of_an_object_is_written(bench: Bench) -> None:
    await bench.observed("raw", "v1", "t1")
    raw = await bench.cluster.get("assets", NAMESPACE, "raw")
    assert set(raw["metadata"]) == {
        "name", "namespace", "uid", "generation", "resourceVersion", "creationTimestamp", "annotations"
    }  # fmt: skip
    assert raw["spec"]["observe"] == a_source("raw")["spec"]["observe"]


async def test_all_three_kinds_get_a_status_of_their_generation(bench: Bench) -> None:
    await bench.apply(an_observation_job("nightly", "raw"), a_schedule("daily", "nightly", "@daily"))
    await bench.settle()
    for resource, name in (("assets", "raw"), ("observationjobs", "nightly"), ("schedules", "daily")):
        assert await bench.condition(name, "Ready", resource) == ("True", "Ready")
        assert (await bench.status(name, resource))["observedGeneration"] == 1


async def test_what_is_wrong_with_a_job_is_in_its_status(bench: Bench) -> None:
    await bench.apply(an_observation_job("nightly", "raw", "clean"), a_schedule("daily", "missing", "@daily"))
    await bench.settle()
    assert await bench.condition("nightly", "Ready", "observationjobs") == ("False", "MixedSelection")
    assert await bench.condition("daily", "Ready", "schedules") == ("False", "JobNotFound")


async def test_an_object_that_cannot_be_read_is_told_so_and_what_was_known_of_its_data_stays(bench: Bench) -> None:
    await bench.outside("raw", "v1")
    await bench.settle()
    await spoil(bench, "raw")
    assert await bench.condition("raw", "Ready") == ("False", "InvalidSpec")
    assert await bench.condition("raw", "Stalled") == ("True", "InvalidSpec")
    assert await bench.condition("raw", "Observed") == ("True", "Observed")
    assert (await bench.status("raw"))["dataVersion"] == "v1"


async def test_an_object_that_is_gone_is_not_written(bench: Bench) -> None:
    await bench.cluster.delete("assets", NAMESPACE, "raw")
    written = len(bench.cluster.written)
    bench.mind.mirror.lost(RAW)
    assert await bench.mind._pass._hands.writer.write(RAW, Planned(), None) == set()
    assert len(bench.cluster.written) == written


async def test_an_asset_that_no_verdict_stands_for_yet_keeps_its_status(bench: Bench) -> None:
    del bench.mind.world.verdicts[RAW.ref]
    assert await bench.mind._pass._hands.writer.write(RAW, Planned(), None) == set()


# ---------------------------------------------------------------- Events


async def test_an_event_is_posted_where_a_condition_turned_and_not_again(bench: Bench) -> None:
    assert ("Normal", "NeverMaterialized") in await bench.cluster.told("clean")
    told = len(await bench.cluster.told("clean"))
    await bench.looks()
    assert len(await bench.cluster.told("clean")) == told


async def test_that_all_is_well_at_first_sight_is_no_event(bench: Bench) -> None:
    assert await bench.cluster.told("raw") == []


async def test_what_a_person_must_mend_is_a_warning(bench: Bench) -> None:
    await bench.apply(an_observation_job("nightly", "clean"))
    await bench.settle()
    assert await bench.cluster.told("nightly") == [("Warning", "MixedSelection")]


async def test_an_event_that_is_refused_does_not_undo_the_status(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    bench.cluster.refusals["post_event"] = [Forbidden("no rights to post events")]
    await bench.apply(an_observation_job("nightly", "clean"))
    await bench.settle()
    assert await bench.condition("nightly", "Ready", "observationjobs") == ("False", "MixedSelection")
    assert any("was not posted: no rights" in line for line in caplog.messages)


def condition(kind: str, status: str, reason: str) -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason}


@pytest.mark.parametrize(
    ("before", "after", "tells"),
    [
        pytest.param([], [condition("Ready", "True", "Ready")], [], id="well at first sight"),
        pytest.param([], [condition("Fresh", "Unknown", "UpstreamUnobserved")], [], id="unknown at first sight"),
        pytest.param([], [condition("Fresh", "False", "NeverMaterialized")], ["NeverMaterialized"], id="first and bad"),
        pytest.param(
            [condition("Fresh", "False", "CodeChanged")],
            [condition("Fresh", "True", "UpToDate")],
            ["UpToDate"],
            id="mended",
        ),
        pytest.param(
            [condition("Fresh", "False", "CodeChanged")],
            [condition("Fresh", "False", "UpstreamDataChanged")],
            ["UpstreamDataChanged"],
            id="another reason for the same",
        ),
        pytest.param(
            [condition("Observed", "True", "Observed")], [condition("Observed", "True", "Observed")], [], id="the same"
        ),
        pytest.param([], [condition("Held", "True", "GuardHeld")], ["GuardHeld"], id="Held is there only while True"),
        pytest.param([], [condition("Stalled", "True", "InvalidSpec")], [], id="Stalled repeats Ready"),
    ],
)
def test_conditions_that_turned_are_told(before: list, after: list, tells: list[str]) -> None:
    assert [one["reason"] for one in turned({"conditions": before}, {"conditions": after})] == tells


async def spoil(bench: Bench, name: str) -> None:
    """Spoil an object past all admission, as an older CRD had let it in."""
    obj = await bench.cluster.get("assets", NAMESPACE, name)
    bench.cluster._shelf.put("assets", {**obj, "spec": {**obj["spec"], "deps": 5}})
    await bench.settle()
