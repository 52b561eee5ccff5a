"""Which partitions an observation is asked to look at."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from builders import NOW, a_ref, an_asset
from partitioned import cut, windows
from upwell.protocol import Env
from upwell_operator.domain.actions import Planned, StartRun
from upwell_operator.domain.decisions import Verb, Why
from upwell_operator.domain.partitions import latest
from upwell_operator.domain.plan import plan
from upwell_operator.domain.snapshot import ObservationJob
from upwell_operator.domain.workloads import job as job_of
from upwell_operator.domain.world import World
from upwell_operator.errors import Stalled
from upwell_operator.resources.meta import Kind, Reason
from upwell_operator.resources.observation_job import PartitionsPolicy
from upwell_operator.resources.pod import RunTemplate
from upwell_operator.settings import Settings

DAYS = windows()
REGIONS = cut(static=["eu", "us"])
DAY = {"timeWindow": {"cron": "@daily", "start": "2026-11-20", "format": "%Y-%m-%d"}}
BOTH = cut(multi={"day": DAY, "region": {"static": ["eu", "us"]}})
LISTS = cut(multi={"shop": {"static": ["a", "b"]}, "region": {"static": ["eu", "us"]}})
OPEN = cut(dynamic={})
NOT_YET = windows(start="2026-11-22")
JOB = ObservationJob(a_ref("look"), "uid-job", ("raw",), request="t1")
LATEST, ALL, KEYS = PartitionsPolicy


def planned(definition: Any, policy: PartitionsPolicy | None = None, keys: tuple[str, ...] = ()) -> Planned:
    world, job = World(), replace(JOB, partitions=policy, keys=keys)
    world.graph.put(an_asset("raw", partitions=definition))
    world.jobs[job.ref] = job
    return plan(world, Kind.OBSERVATION_JOB, job.ref, NOW)


def asked(result: Planned) -> list[str]:
    (start,) = result.actions
    assert isinstance(start, StartRun)
    return list(start.partitions)


CHOSEN: dict[str, tuple[Any, PartitionsPolicy | None, tuple[str, ...], list[str]]] = {
    "the newest window that is over": (DAYS, LATEST, (), ["2026-11-21"]),
    "the window that is going on, where it is a partition": (windows(endOffset=1), LATEST, (), ["2026-11-22"]),
    "the last of a list": (REGIONS, LATEST, (), ["us"]),
    "the newest window with all of a list": (BOTH, LATEST, (), ["2026-11-21|eu", "2026-11-21|us"]),
    "the last of both lists": (LISTS, LATEST, (), ["us|b"]),
    "all windows": (DAYS, ALL, (), ["2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"]),
    "all of a list": (REGIONS, ALL, (), ["eu", "us"]),
    "what is listed": (DAYS, KEYS, ("2026-11-19",), ["2026-11-19"]),
    "what is listed of dynamic ones": (OPEN, KEYS, ("shop-7",), ["shop-7"]),
    "whichever it likes, if nothing is said": (DAYS, None, (), []),
    "all of an asset that is not cut": (None, LATEST, (), []),
}


@pytest.mark.parametrize(("definition", "policy", "keys", "wanted"), CHOSEN.values(), ids=CHOSEN)
def test_a_run_of_a_job_looks_at(
    definition: Any, policy: PartitionsPolicy | None, keys: tuple[str, ...], wanted: list[str]
) -> None:
    assert asked(planned(definition, policy, keys)) == wanted


def test_an_asset_that_has_no_partition_yet_is_left_out() -> None:
    assert planned(NOT_YET, LATEST).actions == ()


def test_what_nobody_knows_beforehand_has_no_latest_partition() -> None:
    assert latest(OPEN, NOW) == []


REFUSED: dict[str, tuple[Any, PartitionsPolicy, tuple[str, ...], str]] = {
    "a key that is none": (REGIONS, KEYS, ("mars",), 'spec.partitions: asset raw: "mars" is not one of the partitions'),
    "a window that is not over": (DAYS, KEYS, ("2026-11-22",), "is not over yet"),
    "the latest of what nobody knows": (OPEN, LATEST, (), "are dynamic, so nobody knows them beforehand"),
    "more than a run can be told": (
        windows("@hourly", "2024-01-01-00", "%Y-%m-%d-%H"), ALL, (), "and a run is told at most 100000; name fewer"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("definition", "policy", "keys", "says"), REFUSED.values(), ids=REFUSED)
def test_a_job_that_asks_for_what_is_not_there_says_so(
    definition: Any, policy: PartitionsPolicy, keys: tuple[str, ...], says: str
) -> None:
    with pytest.raises(Stalled, match=says) as error:
        planned(definition, policy, keys)
    assert error.value.reason == Reason.INVALID_SPEC


def test_a_job_that_names_a_window_too_early_is_looked_at_again_once_the_next_one_is_over() -> None:
    with pytest.raises(Stalled) as error:
        planned(DAYS, KEYS, ("2026-11-22",))
    assert error.value.again == datetime(2026, 11, 23, tzinfo=UTC)


# ---------------------------------------------------------------- by request


def requested(definition: Any, text: str | None) -> Planned:
    world, asset = World(), an_asset("raw", partitions=definition, request="t1", requested_partitions=text)
    world.graph.put(asset)
    return plan(world, Kind.ASSET, asset.ref, NOW)


WORDS: dict[str, tuple[Any, str | None, list[str]]] = {
    "a range": (DAYS, "2026-11-19..2026-11-20", ["2026-11-19", "2026-11-20"]),
    "all": (REGIONS, "*", ["eu", "us"]),
    "dynamic ones by name": (OPEN, "a, b,a", ["a", "b"]),
    "nothing, which leaves it to the function": (DAYS, None, []),
}


@pytest.mark.parametrize(("definition", "text", "wanted"), WORDS.values(), ids=WORDS)
def test_a_request_names(definition: Any, text: str | None, wanted: list[str]) -> None:
    result = requested(definition, text)
    assert asked(result) == wanted
    assert result.handled_request == "t1"


def test_the_record_of_a_request_says_which() -> None:
    (decision,) = requested(REGIONS, "eu").decisions
    assert decision.message == "request t1: partitions eu"


UNASKABLE = {
    "a key that is none": (REGIONS, "mars", '"mars" is no partition'),
    "a dynamic key of two": (OPEN, "a|b", "separates two dimensions"),
    "a range of dynamic ones": (OPEN, "a..b", "takes keys that are known beforehand; name dynamic ones one by one"),
    "a partition of what is not cut": (None, "eu", "the asset has no spec.partitions"),
}


@pytest.mark.parametrize(("definition", "text", "says"), UNASKABLE.values(), ids=UNASKABLE)
def test_a_request_for_what_is_not_there_is_answered_with_a_sentence(definition: Any, text: str, says: str) -> None:
    result = requested(definition, text)
    (decision,) = result.decisions
    assert (result.actions, result.handled_request) == ((), "t1")
    assert (decision.verb, decision.reason) == (Verb.NO_RUN, Why.RUN_REFUSED)
    assert says in decision.message


def test_the_pod_is_told_by_a_variable() -> None:
    (start,) = planned(BOTH, LATEST).actions
    assert isinstance(start, StartRun)
    job = job_of(start, RunTemplate.model_validate({"python": {"function": "m:f"}}), Settings())
    (container,) = job["spec"]["template"]["spec"]["containers"]
    (value,) = (one["value"] for one in container["env"] if one["name"] == Env.PARTITIONS)
    assert json.loads(value) == ["2026-11-21|eu", "2026-11-21|us"]
