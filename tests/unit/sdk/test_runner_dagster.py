"""A run whose function is the `Definitions` of Dagster: its asset is executed, and reported as any other."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from upwell.errors import WrongType
from upwell.pod.attempt import attempt
from upwell.pod.dagster_run import repository_of
from upwell.pod.dagster_values import value_of

pytestmark = pytest.mark.filterwarnings("ignore")  # Dagster warns of itself

Attempt = Callable[..., dict[str, Any]]
HEAD = "import dagster as dg\nfrom datetime import datetime\nfrom pathlib import Path\n"
SOURCES = (
    HEAD
    + """
@dg.observable_source_asset(key=["warehouse", "raw"])
def raw():
    return dg.ObserveResult(data_version=dg.DataVersion("v1"), metadata={"rows": 3}, tags={"tier": "1"})

@dg.observable_source_asset(partitions_def=dg.StaticPartitionsDefinition(["eu", "us"]))
def cut():
    return dg.DataVersionsByPartition({"eu": "1", "us": "2"})

@dg.multi_observable_source_asset(specs=[dg.AssetSpec("one"), dg.AssetSpec("two")])
def both(context):
    context.log_event(dg.AssetObservation("one", metadata={"seen": True}, description="on the way"))
    yield dg.ObserveResult(asset_key="one", data_version=dg.DataVersion("1"))
    yield dg.ObserveResult(asset_key="two", data_version=dg.DataVersion("2"))

external = dg.AssetSpec("external")
defs = dg.Definitions(assets=[raw, cut, both, external])
"""
)
BUILT = (
    HEAD
    + """
@dg.asset
def numbers(): return [1, 2, 3]

@dg.asset(code_version="7")
def total(context, numbers: list):
    context.log_event(dg.AssetMaterialization("total", metadata={"part": 1}))
    context.log_event(dg.AssetMaterialization("elsewhere"))
    context.log_event(dg.AssetObservation("numbers", metadata={"sum": sum(numbers)}, partition="p"))
    return dg.MaterializeResult(metadata={"sum": sum(numbers)})

@dg.asset_check(asset=total, blocking=True)
def positive(): return dg.AssetCheckResult(passed=not Path("fails").exists())

@dg.multi_asset(specs=[dg.AssetSpec("left"), dg.AssetSpec("right")])
def pair():
    yield dg.MaterializeResult(asset_key="left", data_version=dg.DataVersion("mine"), tags={"a": "b"})
    yield dg.MaterializeResult(asset_key="right")

@dg.multi_asset_check(specs=[dg.AssetCheckSpec("fine", asset="left"), dg.AssetCheckSpec("fine", asset="right")])
def fine():
    yield dg.AssetCheckResult(asset_key="left", check_name="fine", passed=True)
    yield dg.AssetCheckResult(asset_key="right", check_name="fine", passed=True)

@dg.asset(output_required=False)
def sometimes():
    if False: yield

DAYS, CITIES = dg.DailyPartitionsDefinition("2026-01-01"), dg.DynamicPartitionsDefinition(name="cities")

@dg.asset(partitions_def=DAYS)
def daily(context): return dg.MaterializeResult(metadata={"day": context.partition_key})

@dg.asset(partitions_def=dg.MultiPartitionsDefinition({"day": DAYS, "city": CITIES}))
def by_both(context): return dg.MaterializeResult(metadata=dict(context.partition_key.keys_by_dimension))

@dg.asset(partitions_def=CITIES)
def by_city(context): return 1

@dg.asset
def all_cities(by_city): ...

@dg.asset(deps=[by_city])
def reads_itself(): ...

@dg.asset
def slow():
    print("ready", flush=True)
    __import__("time").sleep(60)

@dg.asset
def lost(): return open("/nowhere/at/all")

defs = dg.Definitions(
    assets=[numbers, total, pair, sometimes, daily, by_both, by_city, all_cities, reads_itself, slow, lost],
    asset_checks=[positive, fine],
)

@dg.definitions
def lazily(): return defs

@dg.repository
def repo(): return [numbers]
"""
)


@pytest.fixture
def run(environ: dict[str, str], module: Callable[..., str], result: Any, monkeypatch: Any, tmp_path: Path) -> Attempt:
    """Make an attempt in a folder of its own; gives what the result file holds, and the exit code as `code`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))

    def make(source: str, key: str, kind: str = "materialize", name: str = "defs", **more: str) -> dict[str, Any]:
        function = f"{module(source)}:{name}"
        code = attempt({**environ, "UPWELL_KIND": kind, "UPWELL_ASSET_KEY": key, "UPWELL_FUNCTION": function, **more})
        return {"code": code, **(result() or {})}

    return make


def final(ended: dict[str, Any]) -> dict[str, Any]:
    """Give the event of the run's own result, without what differs each time."""
    assert ended["code"] == 0, ended
    (own,) = (event for event in ended["events"] if event.get("result"))
    return {name: value for name, value in own.items() if name not in {"id", "time", "result"}}


def plain(event: dict[str, Any]) -> dict[str, Any]:
    return {label: entry["value"] for label, entry in event["metadata"].items()}


def test_an_observable_source_gives_its_version_its_metadata_and_its_tags(run: Attempt) -> None:
    assert final(run(SOURCES, "warehouse/raw", "observe")) == {
        "type": "AssetObservation",
        "assetKey": "warehouse/raw",
        "dataVersion": "v1",
        "metadata": {"rows": {"type": "int", "value": 3}},
        "tags": {"tier": "1"},
    }


def test_versions_by_partition_are_one_event(run: Attempt) -> None:
    assert final(run(SOURCES, "cut", "observe"))["partitions"] == {"eu": "1", "us": "2"}


def test_of_sources_that_are_observed_together_a_run_reports_its_own_and_what_was_logged(run: Attempt) -> None:
    ended = run(SOURCES, "two", "observe")
    assert final(ended)["dataVersion"] == "2"
    logged = [(event["assetKey"], event.get("description")) for event in ended["events"] if not event.get("result")]
    assert logged == [("one", "on the way"), ("one", None)]
    assert "dataVersion" not in ended["events"][1], "a run says nothing of another asset's version"


def test_an_asset_loads_what_another_run_has_stored(run: Attempt, capsys: pytest.CaptureFixture[str]) -> None:
    assert "dataVersion" not in final(run(BUILT, "numbers"))
    ended = run(BUILT, "total")
    assert plain(final(ended)) == {"sum": 6, "check positive": True}
    logged = [(event["assetKey"], event["type"]) for event in ended["events"] if not event.get("result")]
    assert sorted(logged) == [("numbers", "AssetObservation"), ("total", "AssetMaterialization")]
    assert "elsewhere was materialized too" in capsys.readouterr().err


def test_without_a_place_that_runs_share_the_input_is_missed_by_name(run: Attempt, monkeypatch: Any) -> None:
    monkeypatch.delenv("DAGSTER_HOME")
    ended = run(BUILT, "total")
    assert ended["code"] == 1
    assert ended["error"].startswith("the value of an input is not there (")
    assert "Set DAGSTER_HOME to a volume that all runs share" in ended["error"]


def test_a_file_that_the_assets_own_code_misses_is_its_own_failure(run: Attempt) -> None:
    assert run(BUILT, "lost")["error"] == "FileNotFoundError: [Errno 2] No such file or directory: '/nowhere/at/all'"


def test_a_blocking_check_that_fails_fails_the_run(run: Attempt, tmp_path: Path) -> None:
    run(BUILT, "numbers")
    (tmp_path / "fails").touch()
    ended = run(BUILT, "total")
    assert ended["code"] == 1
    assert "positive" in ended["error"]


def test_of_assets_that_are_built_together_a_run_reports_its_own(
    run: Attempt, capsys: pytest.CaptureFixture[str]
) -> None:
    event = final(run(BUILT, "left"))
    assert (event["dataVersion"], event["tags"], plain(event)) == ("mine", {"a": "b"}, {"check fine": True})
    assert "right was materialized too; only a run of its own tells Upwell" in capsys.readouterr().err


def test_the_runs_partition_is_the_assets(run: Attempt) -> None:
    event = final(run(BUILT, "daily", UPWELL_PARTITION="2026-01-05"))
    assert (event["partition"], plain(event)) == ("2026-01-05", {"day": "2026-01-05"})


def test_a_partition_of_a_dynamic_definition_exists_because_the_run_builds_it(run: Attempt) -> None:
    event = final(run(BUILT, "by_both", UPWELL_PARTITION="lisbon|2026-01-05"))
    assert plain(event) == {"city": "lisbon", "day": "2026-01-05"}


@pytest.mark.parametrize("name", ["lazily", "repo"])
def test_definitions_may_be_lazy_or_a_repository(run: Attempt, name: str) -> None:
    assert final(run(BUILT, "numbers", name=name))["assetKey"] == "numbers"


@pytest.mark.parametrize(
    ("key", "kind", "name", "said"),
    [
        ("nobody", "observe", "defs", "defines no asset nobody; it has cut, one, two, warehouse/raw"),
        ("external", "observe", "defs", "external of user_code:defs cannot observe itself in Dagster"),
        ("cut", "materialize", "defs", "cut of user_code:defs cannot materialize itself in Dagster"),
        ("cut", "observe", "external", "AssetSpec; name the variable that holds the Definitions"),
    ],
    ids=["no such asset", "an external asset", "the other kind of run", "no Definitions"],
)
def test_what_cannot_be_executed_fails_for_good(run: Attempt, key: str, kind: str, name: str, said: str) -> None:
    ended = run(SOURCES, key, kind, name)
    assert (ended["code"], said in ended["error"]) == (78, True), ended


def test_what_would_load_partitions_that_nobody_lists_is_refused(run: Attempt) -> None:
    """Dagster would load none of them, and call it a success."""
    ended = run(BUILT, "all_cities")
    assert (ended["code"], "all_cities would be given no partition of by_city" in ended["error"]) == (78, True), ended
    assert final(run(BUILT, "by_city", UPWELL_PARTITION="lisbon"))["partition"] == "lisbon"
    assert final(run(BUILT, "reads_itself"))["assetKey"] == "reads_itself"


def test_a_run_that_is_asked_to_stop_says_so(
    environ: dict[str, str], module: Callable[..., str], result: Any, tmp_path: Path
) -> None:
    told = {"UPWELL_KIND": "materialize", "UPWELL_ASSET_KEY": "slow", "UPWELL_FUNCTION": f"{module(BUILT)}:defs"}
    places = {"PYTHONPATH": str(tmp_path / "code"), "DAGSTER_HOME": str(tmp_path)}
    command = [sys.executable, "-W", "ignore", "-m", "upwell.runner"]
    process = subprocess.Popen(
        command, env={**os.environ, **environ, **told, **places}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout
    with process.stdout:
        assert process.stdout.readline() == b"ready\n"
        process.terminate()
        assert process.wait(30) == 143
    assert result()["error"] == "the run was asked to stop (SIGTERM)"


def test_an_interruption_that_dagster_turns_into_its_own_is_upwells_again(run: Attempt, monkeypatch: Any) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise dg.DagsterExecutionInterruptedError

    monkeypatch.setattr(dg.JobDefinition, "execute_in_process", interrupted)
    assert run(BUILT, "numbers")["code"] == 143


def test_an_output_that_did_not_come_is_no_success(run: Attempt) -> None:
    ended = run(BUILT, "sometimes")
    assert (ended["code"], "recorded no materialize of it" in ended["error"]) == (78, True), ended


SCHEMA = dg.TableSchema(
    [dg.TableColumn("id", "int", "the id", dg.TableColumnConstraints(nullable=False), {"pii": "no"})],
    dg.TableConstraints(["id > 0"]),
)


@pytest.mark.parametrize(
    ("value", "type_", "held"),
    [
        (dg.MetadataValue.text("a"), "text", "a"),
        (dg.MetadataValue.md("*a*"), "md", "*a*"),
        (dg.MetadataValue.url("http://a"), "url", "http://a"),
        (dg.MetadataValue.path("/a"), "path", "/a"),
        (dg.MetadataValue.notebook("/a.ipynb"), "notebook", "/a.ipynb"),
        (dg.MetadataValue.json({"a": [1]}), "json", {"a": [1]}),
        (dg.MetadataValue.int(2**70), "int", 2**70),
        (dg.MetadataValue.float(1.5), "float", 1.5),
        (dg.MetadataValue.bool(True), "bool", True),
        (dg.MetadataValue.null(), "null", None),
        (dg.MetadataValue.timestamp(1.0), "timestamp", 1.0),
        (dg.MetadataValue.dagster_run("r"), "run", "r"),
        (dg.MetadataValue.job("j", "here"), "job", {"jobName": "j", "locationName": "here"}),
        (dg.MetadataValue.python_artifact(json.dumps), "text", "json:dumps"),
        (dg.MetadataValue.pool("p"), "text", "p"),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "value") else "",
)
def test_metadata_keeps_its_type(value: Any, type_: str, held: Any) -> None:
    ours = value_of(value)
    assert (ours.type, ours.value) == (type_, held)


def test_metadata_about_assets_and_tables_keeps_its_parts() -> None:
    assert str(value_of(dg.MetadataValue.asset(dg.AssetKey(["a", "b"]))).value) == "a/b"
    schema = value_of(dg.MetadataValue.table_schema(SCHEMA)).value
    assert (schema.columns[0].constraints.nullable, schema.constraints.other) == (False, ["id > 0"])
    table = value_of(dg.MetadataValue.table([dg.TableRecord({"id": 1})], SCHEMA)).value
    assert (table["records"][0].data, table["schema"]) == ({"id": 1}, schema)
    deps = {"id": [dg.TableColumnDep(dg.AssetKey("raw"), "no")]}
    lineage = value_of(dg.MetadataValue.column_lineage(dg.TableColumnLineage(deps))).value
    assert [(str(one.asset_key), one.column_name) for one in lineage.deps_by_column["id"]] == [("raw", "no")]


def test_what_is_not_dagsters_is_no_definitions() -> None:
    with pytest.raises(WrongType, match="x:y is no Definitions but int"):
        repository_of("x:y", 1)
