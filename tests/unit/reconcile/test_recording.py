"""What becomes of a finished run's result, whichever way it travelled, and however often it is looked at."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reconcile_objects import NAMESPACE, a_derived, a_source
from reconcile_world import Bench
from upwell.protocol import EventType
from upwell_operator.domain.snapshot import AssetId, Outcome, Ref, Run
from upwell_operator.errors import NotFound, Rejected, StoreUnavailable
from upwell_operator.store import StoredEvent

RAW, CLEAN = AssetId(NAMESPACE, "raw"), AssetId(NAMESPACE, "clean")
SAW_V1 = '{"dataVersion": "v1", "metadata": {"rows": 3}}'


@pytest.fixture
async def bench() -> Bench:
    bench = Bench()
    await bench.apply(a_source("raw"), a_derived("clean", "raw"))
    await bench.settle()
    return bench


async def observing(bench: Bench, asked: str = "t1") -> Run:
    """Give an observation that runs."""
    await bench.request("raw", asked)
    await bench.settle()
    (run,) = await bench.open_runs("raw")
    return run


async def building(bench: Bench) -> Run:
    """Give a materialization that runs."""
    await bench.observed("raw", "v1", "t0")
    await bench.request("clean", "t1")
    await bench.settle()
    (run,) = await bench.open_runs("clean")
    return run


async def outcome(bench: Bench, run: Run) -> Outcome | None:
    """Give what stands on the run's Job."""
    return next(one.outcome for one in await bench.runs() if one.ref == run.ref)


async def events(bench: Bench, data: AssetId = RAW) -> list[StoredEvent]:
    return list((await bench.store.events(data)).items)


def types(stored: list[StoredEvent]) -> list[str]:
    return [one.event.type.value for one in stored]


def an_event_left(version: str | None = "v1", *, key: str = "raw", **fields: Any) -> dict[str, Any]:
    """Give an event as the SDK's runner leaves it in $UPWELL_RESULT."""
    base = {"id": "left-1", "type": "AssetObservation", "assetKey": key, "time": "2026-11-22T12:00:00Z"}
    return {**base, "dataVersion": version, "result": True, **fields}


# ---------------------------------------------------------------- good ends


async def test_a_result_that_came_by_http_is_only_marked_on_the_job(bench: Bench) -> None:
    run = await observing(bench)
    await bench.finishes(run, "v1")
    await bench.settle()
    assert await outcome(bench, run) is Outcome.CHANGED
    assert types(await events(bench)) == ["AssetObservation"]


async def test_a_second_look_at_the_same_version_is_unchanged(bench: Bench) -> None:
    await bench.observed("raw", "v1", "t1")
    run = await bench.observed("raw", "v1", "t2")
    assert await outcome(bench, run) is Outcome.UNCHANGED
    assert (await bench.status("raw"))["lastObservation"]["count"] == 2


async def test_a_container_may_leave_its_result_as_json(bench: Bench) -> None:
    run = await observing(bench)
    pod = await bench.leaves(run, SAW_V1)
    await bench.ends(run)
    await bench.settle()
    assert await outcome(bench, run) is Outcome.CHANGED
    (event,) = await events(bench)
    assert (event.event.data_version, event.event.metadata["rows"].value) == ("v1", 3)
    assert (event.run, event.attempt) == (run.ref.name, pod)


async def test_what_the_runner_could_not_post_is_taken_with_its_own_ids(bench: Bench) -> None:
    run = await observing(bench)
    left = {"events": [an_event_left(None, id="note-1", result=False, key="elsewhere"), an_event_left()]}
    await bench.leaves(run, json.dumps(left))
    await bench.ends(run)
    await bench.settle()
    assert await outcome(bench, run) is Outcome.CHANGED
    assert types(await events(bench, AssetId(NAMESPACE, "elsewhere"))) == ["AssetObservation"]


async def test_a_result_that_came_both_ways_counts_once(bench: Bench) -> None:
    run = await observing(bench)
    await bench.reports(run, "v1", id="left-1")
    await bench.leaves(run, json.dumps({"events": [an_event_left()]}))
    await bench.ends(run)
    await bench.settle()
    assert len(await events(bench)) == 1
    assert (await bench.status("raw"))["lastObservation"]["count"] == 1


async def test_a_run_that_is_looked_at_again_after_a_crash_is_recorded_once(bench: Bench) -> None:
    run = await observing(bench)
    await bench.leaves(run, SAW_V1)
    bench.cluster.refusals["patch"] = [RuntimeError("crashed before the Job was marked")]
    await bench.ends(run)
    await bench.settle()
    assert await outcome(bench, run) is None
    bench.mind = bench.a_mind()
    await bench.looks()
    assert await outcome(bench, run) is Outcome.CHANGED
    assert len(await events(bench)) == 1


async def test_a_materialization_without_a_word_is_a_success(bench: Bench) -> None:
    run = await building(bench)
    await bench.ends(run)
    await bench.settle()
    assert await outcome(bench, run) is Outcome.MATERIALIZED
    assert await bench.condition("clean", "Fresh") == ("True", "UpToDate")
    assert (await bench.status("clean"))["lastMaterialization"]["inputs"] == [
        {"name": "raw", "key": "raw", "dataVersion": "v1"}
    ]


# ---------------------------------------------------------------- bad ends


async def test_an_observation_without_a_result_is_a_failure_that_says_what_to_do(bench: Bench) -> None:
    run = await observing(bench)
    await bench.leaves(run, "")
    await bench.ends(run)
    await bench.settle()
    assert await outcome(bench, run) is Outcome.FAILED
    assert await bench.condition("raw", "Observed") == ("False", "ObservationFailed")
    assert "left no result: return a DataVersion" in (await bench.status("raw"))["lastFailure"]["message"]


@pytest.mark.parametrize(
    ("message", "words"),
    [
        pytest.param('{"dataVersion": ', "cannot be read", id="half a JSON"),
        pytest.param('{"dataVersion": 5}', "dataVersion", id="a number for a version"),
        pytest.param('{"metadata": {}}', "names no dataVersion", id="no version"),
        pytest.param('{"dataVersion": ""}', "must have 1 to 512", id="an empty version"),
        pytest.param(json.dumps({"dataVersion": "v" * 513}), "must have 1 to 512", id="an endless version"),
        pytest.param("it went well!", "cannot be read", id="prose"),
        pytest.param(json.dumps({"events": [an_event_left(id="a b")]}), "id: must be", id="an id with a blank"),
        pytest.param(
            json.dumps({"events": [an_event_left(time="2099-01-01T00:00:00Z")]}), "ahead", id="a time to come"
        ),
        pytest.param(
            json.dumps({"events": [an_event_left("forged", key="clean")]}), "it may report only", id="another's version"
        ),
        pytest.param(
            json.dumps({"events": [an_event_left(None, key="clean", type="AssetMaterialization")]}),
            "it may report only",
            id="another's materialization",
        ),
    ],
)
async def test_a_result_that_cannot_be_taken_fails_the_run_and_says_why(bench: Bench, message: str, words: str) -> None:
    run = await observing(bench)
    await bench.leaves(run, message)
    await bench.ends(run)
    await bench.settle()
    assert await outcome(bench, run) is Outcome.FAILED
    assert words in (await bench.status("raw"))["lastFailure"]["message"]
    assert await events(bench, CLEAN) == []
    assert "dataVersion" not in await bench.status("clean")


async def test_a_materialization_with_a_result_that_cannot_be_taken_is_a_failure(bench: Bench) -> None:
    run = await building(bench)
    await bench.leaves(run, '{"dataVersion": 5}')
    await bench.ends(run)
    await bench.settle()
    assert await outcome(bench, run) is Outcome.FAILED
    assert await bench.condition("clean", "Ready") == ("False", "RunFailed")


async def test_a_failed_run_says_what_its_last_pod_said(bench: Bench) -> None:
    run = await observing(bench)
    await bench.leaves(run, "Traceback\nFileNotFoundError: /data/orders.csv\n", code=1)
    await bench.ends(run, "Failed", "BackoffLimitExceeded")
    await bench.settle()
    assert await outcome(bench, run) is Outcome.FAILED
    assert "FileNotFoundError: /data/orders.csv" in (await bench.status("raw"))["lastFailure"]["message"]


async def test_a_failed_run_whose_pods_are_gone_says_what_its_job_says(bench: Bench) -> None:
    run = await observing(bench)
    await bench.ends(run, "Failed", "DeadlineExceeded", "Job was active longer than specified deadline")
    await bench.settle()
    assert "raise it, or make the run faster" in (await bench.status("raw"))["lastFailure"]["message"]


async def test_a_failed_observation_keeps_the_version_it_had(bench: Bench) -> None:
    await bench.observed("raw", "v1", "t1")
    run = await observing(bench, "t2")
    await bench.ends(run, "Failed", "BackoffLimitExceeded")
    await bench.settle()
    assert (await bench.status("raw"))["dataVersion"] == "v1"
    assert await bench.condition("clean", "Fresh") != ("True", "UpToDate")


async def test_what_a_failed_attempt_wanted_to_say_is_kept_as_history(bench: Bench) -> None:
    run = await observing(bench)
    attempt = an_event_left(None, type="AttemptFailed", result=False, description="ValueError: half a file")
    await bench.leaves(run, json.dumps({"events": [attempt], "error": "ValueError: half a file"}), code=1, pod="first")
    await bench.leaves(run, SAW_V1, pod="second")
    await bench.ends(run)
    await bench.settle()
    assert await outcome(bench, run) is Outcome.CHANGED
    assert sorted(types(await events(bench))) == ["AssetObservation", "AttemptFailed"]
    assert "lastFailure" not in await bench.status("raw")


async def test_a_failed_attempt_that_left_prose_or_no_events_is_no_problem(bench: Bench) -> None:
    run = await observing(bench)
    await bench.leaves(run, "Segmentation fault", code=139, pod="first")
    await bench.leaves(run, '{"error": "ValueError: half a file"}', code=1, pod="second")
    await bench.leaves(run, SAW_V1, pod="third")
    await bench.ends(run)
    await bench.settle()
    assert await outcome(bench, run) is Outcome.CHANGED


async def test_a_pod_that_never_ran_has_nothing_to_say(bench: Bench) -> None:
    run = await observing(bench)
    meta = {"name": "pending", "namespace": NAMESPACE, "labels": {"upwell.dev/run": run.ref.name}}
    await bench.cluster.create("pods", {"metadata": meta, "spec": {}})
    await bench.ends(run, "Failed", "DeadlineExceeded")
    await bench.settle()
    assert await outcome(bench, run) is Outcome.FAILED


async def test_a_run_that_a_later_one_overtook_counts_as_failed_and_changes_nothing(bench: Bench) -> None:
    run = await building(bench)
    later = Run(**{name: getattr(run, name) for name in run.__slots__} | {"fence": 9, "ref": Ref(NAMESPACE, "later")})
    await bench.reports(later, "c9")
    await bench.leaves(run, '{"dataVersion": "c1"}')
    await bench.ends(run)
    await bench.settle()
    assert await outcome(bench, run) is not None
    assert (await bench.status("clean"))["dataVersion"] == "c9"


# ---------------------------------------------------------------- what is kept


async def test_the_end_of_the_newest_attempts_log_is_kept(bench: Bench) -> None:
    run = await observing(bench)
    bench.cluster.logs = {"first": "old", "second": "looked at 3 rows\n"}
    for pod, code in (("first", 1), ("second", 0)):
        await bench.leaves(run, SAW_V1 if code == 0 else "no", code=code, pod=pod)
        bench.clock.forward(seconds=1)
    await bench.ends(run)
    await bench.settle()
    assert await bench.store.log(*run.ref) == "looked at 3 rows\n"


@pytest.mark.parametrize("error", [NotFound("pod gone"), Rejected("container has not started")])
async def test_a_log_that_cannot_be_had_is_no_reason_not_to_record(bench: Bench, error: Exception) -> None:
    run = await observing(bench)
    bench.cluster.logs = {"first": error}
    await bench.leaves(run, SAW_V1, pod="first")
    await bench.ends(run)
    await bench.settle()
    assert await outcome(bench, run) is Outcome.CHANGED
    assert await bench.store.log(*run.ref) is None


async def test_the_run_is_listed_with_its_end(bench: Bench) -> None:
    run = await observing(bench)
    listed = await bench.store.run(*run.ref)
    assert listed.outcome is None
    await bench.finishes(run, "v1")
    await bench.settle()
    assert (await bench.store.run(*run.ref)).outcome is Outcome.CHANGED


async def test_a_job_that_went_while_it_was_recorded_is_recorded_all_the_same(bench: Bench) -> None:
    run = await observing(bench)
    await bench.reports(run, "v1")
    bench.cluster.refusals["patch"] = [NotFound("the Job is gone")]
    await bench.ends(run)
    await bench.settle()
    assert (await bench.store.run(*run.ref)).outcome is Outcome.CHANGED
    assert (await bench.status("raw"))["dataVersion"] == "v1"


async def test_while_the_store_is_away_a_finished_run_waits_and_is_lost_to_nobody(bench: Bench) -> None:
    run = await observing(bench)
    await bench.leaves(run, SAW_V1)
    bench.freeze()
    bench.redis.connected = False
    await bench.ends(run)
    await bench.settle()
    assert await outcome(bench, run) is None
    bench.redis.connected = True
    bench.mind.gatherer.found_store()
    await bench.later()
    assert await outcome(bench, run) is Outcome.CHANGED


async def test_a_result_whose_acknowledgement_was_lost_is_found_and_not_stored_twice(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await observing(bench)
    await bench.leaves(run, SAW_V1)
    append, tries = bench.store.append, []

    async def unsure(entries: Any) -> Any:
        answers = await append(entries)
        tries.append(answers[0].status.value)
        if len(tries) == 1:
            raise StoreUnavailable("no answer")
        return answers

    monkeypatch.setattr(bench.store, "append", unsure)
    bench.freeze()
    await bench.ends(run)
    await bench.settle()
    bench.mind.gatherer.found_store()
    await bench.later()
    assert await outcome(bench, run) is Outcome.CHANGED
    assert tries == ["stored"]
    assert len(await events(bench)) == 1


async def test_a_failure_is_closed_by_one_event_however_often_it_is_recorded(bench: Bench) -> None:
    run = await observing(bench)
    await bench.ends(run, "Failed", "BackoffLimitExceeded")
    await bench.settle()
    (run,) = await bench.runs("raw")
    await bench.mind._pass._hands.recorder.record([run])
    assert types(await events(bench)) == [EventType.OBSERVATION_FAILED.value]
