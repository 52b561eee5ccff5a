"""What an Asset's status says, from facts alone; and the way back, for when the store has lost them.

The status is a second copy of the newest facts: version, last observation, last materialization with its inputs, last
failure. `remembered_state` reads them back, which is how an emptied Redis is filled again.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from upwell.protocol import InputVersion, RunKind
from upwell_operator.domain.conditions import Condition, merge, readiness, timestamp
from upwell_operator.domain.guard_status import guard_status, remembered_guard
from upwell_operator.domain.partition_status import failures, partition_counts
from upwell_operator.domain.runs import read_time
from upwell_operator.domain.snapshot import (
    Asset,
    AssetKind,
    AssetState,
    Cron,
    Failure,
    Materialization,
    Observation,
    Run,
)
from upwell_operator.domain.staleness import Verdict, causes_for_status, message
from upwell_operator.domain.ticking import activated, following
from upwell_operator.domain.world import World
from upwell_operator.errors import Stalled
from upwell_operator.resources.meta import ConditionType, Reason

Json = dict[str, Any]
SHORT = 12
RUNS_SHOWN = 10


def asset_status(
    world: World,
    asset: Asset,
    previous: Json,
    now: datetime,
    *,
    handled: str | None,
    tick: datetime | None = None,
    error: tuple[Reason, str] | None = None,
) -> Json:
    """Give the whole status of one asset.

    `handled` is the request token answered by now; `tick` one that was answered just now; `error` what went wrong with
    this object in this pass, if a person must act. Sizes are bounded: 10 causes, 10 runs, 1 KiB a message.
    """
    state, verdict = world.state(asset), world.verdicts[asset.ref]
    conditions = [*_ready(world, asset, state, error), *_observed(asset, state), _fresh(verdict), *_held(state)]
    status: Json = {
        "observedGeneration": asset.generation,
        "conditions": merge(previous.get("conditions", ()), conditions, asset.generation, now),
        "key": asset.key,
        "kind": asset.kind.value,
        "staleness": verdict.staleness.value,
        "staleCauses": causes_for_status(verdict),
        "lastHandledRequest": handled,
        "cron": _cron(asset, asset.cron, tick, now) if asset.cron else None,
        "activeRuns": [_active(run) for run in world.runs.open(asset.ref)][:RUNS_SHOWN],
        "partitions": partition_counts(asset, world.graph.node(asset.ref), state, now),
        **_facts(state),
    }
    return {key: value for key, value in status.items() if value not in (None, [], {})}


def refused_status(previous: Json, generation: int, reason: Reason, words: str, now: datetime) -> Json:
    """Give the status of an object that could not be read at all: what was known of its data stays."""
    conditions = merge(previous.get("conditions", ()), readiness(reason, words), generation, now)
    kept = [one for one in previous.get("conditions", ()) if one["type"] in _OF_THE_DATA]
    return {**previous, "observedGeneration": generation, "conditions": [*conditions, *kept]}


_OF_THE_DATA = (ConditionType.FRESH, ConditionType.OBSERVED, ConditionType.HELD)


def _ready(world: World, asset: Asset, state: AssetState, error: tuple[Reason, str] | None) -> list[Condition]:
    problem = world.graph.problem(asset.ref)
    if problem is not None:
        return readiness(problem.reason, problem.message)
    if error is not None:
        return readiness(*error)
    if state.failure is not None:
        what = f"run {state.failure.run} failed to {state.failure.kind.value}: {state.failure.message}"
        return readiness(Reason.RUN_FAILED, f"{what}; see `upwell logs {state.failure.run}`, then request a new run")
    if failed := failures(state):
        return readiness(Reason.RUN_FAILED, f"{failed}, then request these again")
    if asset.suspended:
        return readiness(Reason.SUSPENDED, "suspended: no run is started", status="True")
    return readiness(Reason.READY, "the spec is accepted", status="True")


def _observed(asset: Asset, state: AssetState) -> list[Condition]:
    if asset.kind is not AssetKind.SOURCE:
        return []
    if state.failure is not None:
        return [Condition(ConditionType.OBSERVED, "False", Reason.OBSERVATION_FAILED, state.failure.message)]
    if state.observation is None and state.version is None:
        words = "never observed; request it with `upwell observe`, a Schedule, or spec.observe.every"
        return [Condition(ConditionType.OBSERVED, "Unknown", Reason.NEVER_OBSERVED, words)]
    return [Condition(ConditionType.OBSERVED, "True", Reason.OBSERVED, "the last observation succeeded")]


def _fresh(verdict: Verdict) -> Condition:
    return Condition(ConditionType.FRESH, verdict.fresh, verdict.reason.value, message(verdict))


def _held(state: AssetState) -> list[Condition]:
    if state.arrived is None or not state.arrived.held:
        return []
    return [Condition(ConditionType.HELD, "True", Reason.GUARD_HELD, state.arrived.held)]


def _cron(asset: Asset, cron: Cron, tick: datetime | None, now: datetime) -> Json:
    """Give what must outlive the operator of a line's ticks, in the words of a Schedule."""
    cron = activated(cron, asset, now)
    shown = {
        "lastScheduleTime": _time(tick or cron.last_tick),
        "nextScheduleTime": _next(cron, now),
        "activeSince": _time(cron.active_since),
        "observedSchedule": cron.observed,
    }
    return {key: value for key, value in shown.items() if value is not None}


def _next(cron: Cron, now: datetime) -> str | None:
    with suppress(Stalled):  # said by the condition Ready
        return _time(following(cron, now))
    return None


def _active(run: Run) -> Json:
    shown = {
        "name": run.ref.name,
        "kind": run.kind.value,
        "startedAt": timestamp(run.created_at) if run.created_at else None,
    }
    return {key: value for key, value in shown.items() if value is not None}


def _facts(state: AssetState) -> Json:
    return {
        "dataVersion": state.version,
        "shortVersion": state.version and state.version[:SHORT],
        "dataVersionChangedAt": _time(state.version_changed_at),
        **guard_status(state),
        "lastObservation": _observation(state.observation),
        "lastMaterialization": _materialization(state.materialization),
        "lastFailure": _failure(state.failure),
    }


def _observation(last: Observation | None) -> Json | None:
    if last is None:
        return None
    shown = {
        "time": _time(last.time),
        "dataVersion": last.version,
        "run": last.run,
        "unchangedSince": _time(last.unchanged_since),
        "count": last.count,
    }
    return {key: value for key, value in shown.items() if value is not None}


def _materialization(last: Materialization | None) -> Json | None:
    if last is None:
        return None
    shown = {
        "time": _time(last.time),
        "dataVersion": last.version,
        "codeVersion": last.code_version,
        "run": last.run,
        "inputs": [_input(one) for one in last.inputs],
    }
    return {key: value for key, value in shown.items() if value is not None}


def _input(one: InputVersion) -> Json:
    shown = {"name": one.name, "key": one.key, "dataVersion": one.data_version}
    return {key: value for key, value in shown.items() if value is not None}


def _failure(last: Failure | None) -> Json | None:
    if last is None:
        return None
    return {"time": _time(last.time), "kind": last.kind.value, "run": last.run, "message": last.message[:1024]}


def _time(time: datetime | None) -> str | None:
    return timestamp(time) if time else None


def remembered_state(status: Json) -> AssetState:
    """Give the state that a status remembers: the other direction of the facts above. The fence is lost, and may be."""
    seen, made, failed = (status.get(name) for name in ("lastObservation", "lastMaterialization", "lastFailure"))
    return AssetState(
        version=status.get("dataVersion"),
        version_changed_at=read_time(status.get("dataVersionChangedAt")),
        observation=_remembered_observation(seen) if seen else None,
        materialization=_remembered_materialization(made) if made else None,
        failure=Failure(_at(failed), RunKind(failed["kind"]), failed["run"], failed["message"]) if failed else None,
        partitions=(status.get("partitions") or {}).get("known", 0),
        **remembered_guard(status),
    )


def _remembered_observation(seen: Json) -> Observation:
    since = read_time(seen.get("unchangedSince"))
    return Observation(_at(seen), seen["dataVersion"], seen.get("run"), since, seen.get("count", 1))


def _remembered_materialization(made: Json) -> Materialization:
    inputs = tuple(InputVersion(one["name"], one["key"], one.get("dataVersion")) for one in made.get("inputs", ()))
    return Materialization(_at(made), made["dataVersion"], made.get("codeVersion"), made.get("run"), inputs)


def _at(entry: Json) -> datetime:
    return datetime.fromisoformat(entry["time"])
