"""What stands beside the assets in a Definitions: sensors, resources, checks, executor and loggers.

Limits: told, not translated: sensors are code that polls, and the rest works inside the pods.
"""

from __future__ import annotations

from upwell_operator.authoring.dagster_import.assets import defined, key_text
from upwell_operator.authoring.dagster_import.leftovers import Leftovers
from upwell_operator.authoring.dagster_import.reading import Dagsters

_DEFAULT_SENSOR = "default_automation_condition_sensor"
_IO_MANAGER = "io_manager"


def tell(dagsters: Dagsters, leftovers: Leftovers) -> None:
    """Tell of everything that is not an asset, a job or a schedule."""
    for sensor in dagsters.repository.sensor_defs:
        if sensor.name != _DEFAULT_SENSOR:
            why, instead = _SENSORS.get(sensor.sensor_type.name, _POLLING)
            leftovers.left_out("sensor", f"sensor {sensor.name}", why, instead)
    _resources(dagsters, leftovers)
    _checks(dagsters, leftovers)
    _stubs(dagsters, leftovers)
    if getattr(dagsters.definitions, "executor", None):
        leftovers.left_out("executor", "Definitions", "a run is one pod, with one process", "nothing")
    if getattr(dagsters.definitions, "metadata", None):
        leftovers.left_out("metadata", "Definitions", "nothing is about all assets together", "nothing")
    if getattr(dagsters.definitions, "loggers", None):
        leftovers.left_out("loggers", "Definitions", "they belong to jobs", "read a run's output with upwell logs")


_POLLING = (
    "code that polls has no counterpart: Upwell looks at data, not for events",
    "make an observable source asset of what it looks at, and set autoMaterialize: {policy: Eager} on what follows",
)
_RUN_STATUS = ("Upwell has no code that follows runs", "alert on upwell's metrics, or on events of the Asset")
_SENSORS = {
    "ASSET": ("what follows an asset depends on it", "name it in deps, and set autoMaterialize: {policy: Eager}"),
    "MULTI_ASSET": (
        "what follows assets depends on them",
        "name them in deps, and set autoMaterialize: {policy: Eager}",
    ),
    "RUN_STATUS": _RUN_STATUS,
    "FRESHNESS_POLICY": ("Fresh is a condition of the Asset", "alert on it: kubectl wait, or upwell's metrics"),
    "AUTOMATION": ("the operator decides about every asset all the time", "nothing"),
    "AUTO_MATERIALIZE": ("the operator decides about every asset all the time", "nothing"),
}


def _resources(dagsters: Dagsters, leftovers: Leftovers) -> None:
    names = sorted(dagsters.repository.get_top_level_resources())
    for name in names:
        if name == _IO_MANAGER or name.endswith(_IO_MANAGER):
            why = "values go from one asset to another through it, and each run is a pod of its own"
            instead = "let it store outside of the pod: in a database, a bucket, or a volume that all runs have"
        else:
            why, instead = "a run makes it anew", "set the variables that it reads in --template"
        leftovers.in_pod("resource", f"resource {name}", why, instead)
    if _IO_MANAGER not in names and any(node.is_materializable for node in defined(dagsters.repository)):
        leftovers.in_pod(
            "default IO manager",
            "Definitions",
            "it keeps what functions return in $DAGSTER_HOME/storage; without DAGSTER_HOME that goes with the pod",
            "where assets take others as arguments: mount a volume in --template, and set DAGSTER_HOME to it",
        )


def _checks(dagsters: Dagsters, leftovers: Leftovers) -> None:
    graph = dagsters.repository.asset_graph
    for key in graph.asset_check_keys:
        where = f"check {key.name} of {key_text(key.asset_key)}"
        if graph.has(key.asset_key) and graph.get(key.asset_key).is_executable:
            leftovers.in_pod(
                "asset check",
                where,
                "it is executed with its asset, and whether it passed is metadata of the result; a blocking one that"
                " fails fails the run",
                "nothing; its own metadata and severity are in the log only",
            )
        else:
            leftovers.left_out(
                "asset check", where, "nothing runs this asset", "make the asset observable, or check in what follows"
            )


def _stubs(dagsters: Dagsters, leftovers: Leftovers) -> None:
    """Tell of assets that are named and not defined."""
    here = {node.key for node in defined(dagsters.repository)}
    for node in defined(dagsters.repository):
        for key in node.parent_keys - here:
            leftovers.left_out(
                "asset that is named only",
                f"asset {key_text(key)}, of {key_text(node.key)}",
                "it is defined elsewhere, and no manifest is written",
                "apply that asset too, or define it here: dagster.AssetSpec(…)",
            )
