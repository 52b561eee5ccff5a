"""The health checks for Flux and Argo CD, evaluated: they judge a status as kstatus does, and old data is healthy.

The statuses are those that the operator writes, for every reason that Ready can have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cel
import pytest
import yaml
from lupa.lua51 import LuaRuntime

from builders import NOW, a_failure, a_graph, a_materialized, a_state, an_asset
from upwell_operator.domain.asset_status import asset_status
from upwell_operator.domain.conditions import merge, readiness
from upwell_operator.domain.staleness import propagate
from upwell_operator.domain.world import World
from upwell_operator.resources.meta import POLARITY, ConditionType, Kind, Reason

Json = dict[str, Any]
HEALTH = Path(__file__).parents[2] / "definitions" / "10-gitops" / "health"
FLUX = yaml.safe_load((HEALTH / "flux.yaml").read_text())["spec"]["healthCheckExprs"]
CUSTOMIZATIONS = yaml.safe_load((HEALTH / "argo-cd.yaml").read_text())["data"]["resource.customizations"]
LUA = yaml.safe_load(CUSTOMIZATIONS)["upwell.dev/*"]["health.lua"]
ARGO = {"Current": "Healthy", "InProgress": "Progressing", "Failed": "Degraded"}
"""Argo CD's words for those of kstatus."""


def obj(status: Json | None, generation: int = 2, kind: str = "Asset") -> Json:
    made: Json = {
        "apiVersion": "upwell.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": "raw", "generation": generation},
    }
    return made if status is None else {**made, "status": status}


def ready(reason: Reason, status: str) -> Json:
    return {"observedGeneration": 2, "conditions": merge((), readiness(reason, "words", status=status), 2, NOW)}


def of_an_asset(name: str) -> Json:
    """Give what the operator writes: raw is observed, daily old, late never built, broken failed, lost has no dep."""
    deps = {"daily": ["raw"], "late": ["raw"], "lost": ["nowhere"]}
    assets = {
        one: an_asset(one, deps=deps.get(one, ()), generation=2) for one in ("raw", "daily", "late", "broken", "lost")
    }
    world = World(graph=a_graph(*assets.values()))
    world.states = {
        assets["raw"].id: a_state("v2"),
        assets["daily"].id: a_materialized("d1", {"raw": "v1"}),
        assets["broken"].id: a_state(None, failure=a_failure()),
    }
    propagate(world.graph, world.states, world.verdicts, world.graph.refs(), NOW)
    return asset_status(world, assets[name], {}, NOW, handled=None)


READY = [
    (reason, says.status) for reason, all_of in POLARITY.items() for says in all_of if says.type is ConditionType.READY
]
CASES: dict[str, tuple[Json, str]] = {
    "an asset that is observed": (obj(of_an_asset("raw")), "Current"),
    "old data": (obj(of_an_asset("daily")), "Current"),
    "data that was never built": (obj(of_an_asset("late")), "Current"),
    "a run that failed": (obj(of_an_asset("broken")), "Failed"),
    "a dependency that is not there yet": (obj(of_an_asset("lost")), "InProgress"),
    "nothing written yet": (obj(None), "InProgress"),
    "an empty status": (obj({}), "InProgress"),
    "a status of the generation before": (obj(of_an_asset("raw"), generation=3), "InProgress"),
    "a failure of the generation before": (obj(of_an_asset("broken"), generation=3), "InProgress"),
    "conditions without Ready": (obj({"observedGeneration": 2, "conditions": []}), "InProgress"),
    "suspended": (obj(ready(Reason.SUSPENDED, "True")), "Current"),
    "a mixed selection": (obj(ready(Reason.MIXED_SELECTION, "False"), kind="ObservationJob"), "Failed"),
    "a job that is not there yet": (obj(ready(Reason.JOB_NOT_FOUND, "False"), kind="Schedule"), "InProgress"),
}
EVERY = {**CASES, **{f"{reason}={status}": (obj(ready(reason, status)), "") for reason, status in READY}}


def kstatus(one: Json) -> str:
    """Judge as kubernetes-sigs/cli-utils does: generation, then Stalled, then Ready."""
    status = one.get("status", {})
    conditions = {condition["type"]: condition["status"] for condition in status.get("conditions", ())}
    if status.get("observedGeneration") != one["metadata"]["generation"]:
        return "InProgress"
    if conditions.get("Stalled") == "True":
        return "Failed"
    return "Current" if conditions.get("Ready") == "True" else "InProgress"


def flux(one: Json) -> str:
    """Judge as Flux does: the first expression that holds; one that cannot be evaluated means to wait."""
    (exprs,) = [each for each in FLUX if (each["apiVersion"], each["kind"]) == (one["apiVersion"], one["kind"])]
    try:
        return next(
            verdict
            for verdict, word in (("InProgress", "inProgress"), ("Failed", "failed"), ("Current", "current"))
            if cel.evaluate(exprs[word], one)
        )
    except (RuntimeError, StopIteration):
        return "InProgress"


def argo(one: Json) -> Any:
    """Judge as Argo CD does: the script, with the object as `obj`."""
    lua = LuaRuntime()
    lua.globals().obj = lua.table_from(one, recursive=True)
    return lua.execute(LUA)


@pytest.mark.parametrize(("one", "health"), CASES.values(), ids=CASES)
def test_health_is_what_a_person_would_say(one: Json, health: str) -> None:
    assert (kstatus(one), flux(one), argo(one).status) == (health, health, ARGO[health])


@pytest.mark.parametrize(("one", "_"), EVERY.values(), ids=EVERY)
def test_both_tools_judge_every_reason_as_kstatus_does(one: Json, _: str) -> None:
    assert (flux(one), argo(one).status) == (kstatus(one), ARGO[kstatus(one)])


@pytest.mark.parametrize("kind", list(Kind))
def test_there_are_expressions_for_every_kind(kind: Kind) -> None:
    assert flux(obj(ready(Reason.READY, "True"), kind=kind.value)) == "Current"


def test_argo_cd_shows_the_reason_and_what_to_do() -> None:
    assert argo(obj(ready(Reason.MIXED_SELECTION, "False"))).message == "MixedSelection: words"
