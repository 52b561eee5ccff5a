"""`upwell compile --from-dagster`: Dagster's definitions in, checked manifests and a report out."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from upwell_operator.authoring.compiling import Compiled, Wanted
from upwell_operator.authoring.dagster_import.importing import imported
from upwell_operator.authoring.dagster_import.leftovers import Leftovers, page
from upwell_operator.authoring.refused import Uncompilable
from upwell_operator.cli.app import run
from upwell_operator.cli.exits import Code
from upwell_operator.local.manifests import read_manifests

pytestmark = pytest.mark.filterwarnings("ignore")  # Dagster warns of itself

NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HEAD = """
import dagster as dg
from datetime import timedelta
A = dg.AutomationCondition
"""
SHOP = (
    HEAD
    + '''
@dg.observable_source_asset(key=["warehouse", "raw_orders"], group_name="raw", tags={"tier": "1"})
def raw_orders():
    return dg.DataVersion("1")


@dg.asset(
    deps=[raw_orders], code_version="3", automation_condition=A.eager(), owners=["team:shop"], kinds={"csv", "file"},
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=26)),
)
def daily():
    """Orders by day."""


report = dg.AssetSpec("report", deps=[daily], description="Somebody else's.")
look = dg.define_asset_job("look_at_raw", [raw_orders.key], description="What others own.")
build = dg.define_asset_job("build", "daily")
defs = dg.Definitions(
    assets=[raw_orders, daily, report],
    jobs=[look, build],
    schedules=[
        dg.ScheduleDefinition(
            job=look, cron_schedule=["0 6 * * 1-5", "0 9 * * 6,0"], execution_timezone="Europe/Lisbon",
            default_status=dg.DefaultScheduleStatus.RUNNING,
        ),
        dg.ScheduleDefinition(name="rebuild", job=build, cron_schedule="@daily"),
    ],
)
'''
)
ASSETS = """\
# Compiled by `upwell compile` from shop.py: change that and compile again, not this file.
# What only one environment has belongs into a kustomize overlay on this folder.
---
# daily in shop.py
apiVersion: upwell.dev/v1alpha1
kind: Asset
metadata:
  name: daily
  namespace: shop
spec:
  key: daily
  description: Orders by day.
  owners:
    - team:shop
  kinds:
    - csv
    - file
  deps:
    - name: warehouse-raw-orders
  codeVersion: "3"
  materialize:
    python:
      function: shop:defs
    image: shop:1
  autoMaterialize:
    policy: Eager
  freshness:
    maximumLag: "1d2h"
---
# report in shop.py
apiVersion: upwell.dev/v1alpha1
kind: Asset
metadata:
  name: report
  namespace: shop
spec:
  key: report
  description: Somebody else's.
  deps:
    - name: daily
---
# warehouse/raw_orders in shop.py
apiVersion: upwell.dev/v1alpha1
kind: Asset
metadata:
  name: warehouse-raw-orders
  namespace: shop
spec:
  key: warehouse/raw_orders
  group: raw
  tags:
    tier: "1"
  observe:
    python:
      function: shop:defs
    image: shop:1
"""
SCHEDULES = """\
---
# schedule look_at_raw_schedule in shop.py
apiVersion: upwell.dev/v1alpha1
kind: Schedule
metadata:
  name: look-at-raw-schedule
  namespace: shop
spec:
  schedules:
    - "0 6 * * 1-5"
    - "0 9 * * 6,0"
  timeZone: Europe/Lisbon
  job:
    name: look-at-raw
---
# schedule rebuild in shop.py
apiVersion: upwell.dev/v1alpha1
kind: Schedule
metadata:
  name: rebuild
  namespace: shop
spec:
  schedule: "@daily"
  materialize:
    selection: key:"daily"
    onlyStale: false
  suspend: true
"""

Module = Callable[..., Path]


@pytest.fixture
def compiled(module: Module) -> Callable[..., Compiled]:
    """Compile a module of Dagster's."""

    def make(source: str, **wanted: Any) -> Compiled:
        return imported(Wanted(str(module(source)), **{"image": "shop:1", **wanted}), NOW)

    return make


Compile = Callable[..., Compiled]


def spec(found: Compiled, name: str) -> dict[str, Any]:
    (obj,) = (one.obj for one in found.made if one.obj["metadata"]["name"] == name)
    return obj["spec"]


def rows(found: Compiled, heading: str) -> list[tuple[str, str]]:
    """Give what stands below a heading of the report: what, and where."""
    assert found.report is not None
    if f"## {heading}" not in found.report:
        return []
    section = found.report.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line.split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    return [(cells[0].removeprefix("| "), cells[1]) for cells in lines]


LEFT, DIFFERS, INSIDE = "Has no counterpart", "Works differently", "Works inside the runs, and in no manifest"

# ------------------------------------------------------------- the whole


def test_definitions_become_manifests_with_a_report_beside_them(module: Module, tmp_path: Path) -> None:
    module(SHOP)
    command = ["compile", "--from-dagster", "shop.py", "--image", "shop:1", "-n", "shop", "-o", "base"]
    assert run(command) == Code.DONE
    assert (tmp_path / "base/assets.yaml").read_text() == ASSETS
    assert (tmp_path / "base/schedules.yaml").read_text().split("folder.\n", 1)[1] == SCHEDULES
    assert "assets:\n    - warehouse-raw-orders" in (tmp_path / "base/jobs.yaml").read_text()
    report = (tmp_path / "base/dagster-import.md").read_text()
    assert "Written: 3 Assets, 1 ObservationJob, 2 Schedules." in report
    assert len(read_manifests([tmp_path / "base"]).objects) == 6
    assert run([*command, "--check"]) == Code.DONE, "the same definitions give the same bytes"


def test_without_a_folder_the_report_goes_to_standard_error(module: Module, capsys: pytest.CaptureFixture[str]) -> None:
    module(SHOP)
    assert run(["compile", "shop.py", "--from-dagster", "--image", "shop:1", "-n", "shop"]) == Code.DONE
    said = capsys.readouterr()
    assert said.out.startswith(ASSETS)
    assert "# What became of shop.py" in said.err


def test_the_code_may_come_along_beside_an_image(compiled: Compile) -> None:
    found = compiled(SHOP, with_code=True)
    assert spec(found, "daily")["materialize"]["code"] == {"configMap": "shop-code"}
    assert found.code
    assert [file.name for file in found.code.files] == ["shop.py"]


def test_what_is_told_is_in_order_and_fits_into_a_table() -> None:
    told = Leftovers()
    told.left_out("b", "x|y", "two\nlines", "nothing")
    told.left_out("a", "x", "why", "nothing")
    text = page("shop.py", "1 Asset", told)
    assert text.endswith("| a | x | why | nothing |\n| b | x\\|y | two lines | nothing |\n")
    assert page("shop.py", "1 Asset", Leftovers()).endswith("\nEverything has a counterpart.\n")


# ------------------------------------------------------------- one asset


def asset(arguments: str) -> str:
    """A module with an asset that has these arguments."""
    return f"{HEAD}@dg.asset({arguments})\ndef one(context): ...\ndefs = dg.Definitions(assets=[one])\n"


def cut(partitions: str, mapping: str | None = None, up: str = "None") -> str:
    deps = f'[dg.AssetDep("up", partition_mapping={mapping})]' if mapping else '["up"]'
    return f"""{HEAD}
DAYS, CITIES = dg.DailyPartitionsDefinition("2026-01-01"), dg.StaticPartitionsDefinition(["eu", "us"])
BOTH = dg.MultiPartitionsDefinition({{"day": DAYS, "city": CITIES}})

@dg.asset(partitions_def={up})
def up(): ...

@dg.asset(deps={deps}, partitions_def={partitions})
def one(context): ...

defs = dg.Definitions(assets=[one, up])
"""


BY_DAY = 'partitions_def=dg.DailyPartitionsDefinition("2026-01-01")'
WINDOWS = {"timeWindow": {"cron": "0 0 * * *", "start": "2026-01-01"}}


@pytest.mark.parametrize(
    ("partitions", "written"),
    [
        ('dg.StaticPartitionsDefinition(["b", "a"])', {"static": ["b", "a"]}),
        ('dg.DailyPartitionsDefinition("2026-01-01")', WINDOWS),
        (
            'dg.HourlyPartitionsDefinition("2026-01-01-00:00", timezone="Europe/Lisbon", end_offset=1)',
            {
                "timeWindow": {
                    "cron": "0 * * * *",
                    "start": "2026-01-01-00:00",
                    "timeZone": "Europe/Lisbon",
                    "format": "%Y-%m-%d-%H:%M",
                    "endOffset": 1,
                }
            },
        ),
        (
            'dg.MonthlyPartitionsDefinition("2026-01-01", end_date="2027-01-01")',
            {"timeWindow": {"cron": "0 0 1 * *", "start": "2026-01-01", "end": "2027-01-01"}},
        ),
        ('dg.DynamicPartitionsDefinition(name="cities")', {"dynamic": {}}),
        (
            'dg.MultiPartitionsDefinition({"day": DAYS, "city": dg.DynamicPartitionsDefinition(name="cities")})',
            {"multi": {"city": {"dynamic": {}}, "day": WINDOWS}},
        ),
    ],
    ids=["static", "daily", "hourly", "monthly with an end", "dynamic", "multi"],
)
def test_partitions_are_cut_alike(compiled: Compile, partitions: str, written: dict[str, Any]) -> None:
    found = compiled(cut(partitions))
    assert spec(found, "one")["partitions"] == written
    dynamic = ("dynamic partitions", "asset one") in rows(found, DIFFERS)
    assert dynamic == ("Dynamic" in partitions), "assets do not share its keys"


@pytest.mark.parametrize(
    "partitions",
    [
        'dg.DailyPartitionsDefinition("2026-01-01", hour_offset=6)',
        'dg.DailyPartitionsDefinition("2026-01-01", exclusions=["0 0 * * 0"])',
        'dg.DynamicPartitionsDefinition(lambda _: ["a"])',
        'dg.MultiPartitionsDefinition({"Day": DAYS, "city": CITIES})',
    ],
    ids=["a key does not tell its beginning", "exclusions", "keys by code", "a dimension in capitals"],
)
def test_what_is_cut_otherwise_is_external_and_told(compiled: Compile, partitions: str) -> None:
    found = compiled(cut(partitions))
    assert spec(found, "one") == {"key": "one", "deps": [{"name": "up"}]}
    assert ("partitions definition", "asset one") in rows(found, LEFT)


@pytest.mark.parametrize(
    ("partitions", "mapping", "up", "written"),
    [
        ("DAYS", "dg.AllPartitionMapping()", "CITIES", {"type": "All"}),
        ("DAYS", "dg.LastPartitionMapping()", "DAYS", {"type": "Last"}),
        ("CITIES", "dg.IdentityPartitionMapping()", "CITIES", {"type": "Identity"}),
        (
            "DAYS",
            "dg.TimeWindowPartitionMapping(start_offset=-6)",
            "DAYS",
            {"type": "TimeWindow", "startOffset": -6},
        ),
        (
            "CITIES",
            'dg.StaticPartitionMapping({"de": "eu", "fr": ["eu"], "ny": {"us", "eu"}})',
            'dg.StaticPartitionsDefinition(["de", "fr", "ny"])',
            {"type": "Static", "static": {"de": ["eu"], "fr": ["eu"], "ny": ["eu", "us"]}},
        ),
        (
            "BOTH",
            'dg.MultiToSingleDimensionPartitionMapping("city")',
            "CITIES",
            {"type": "Dimension", "dimension": "city"},
        ),
    ],
    ids=["all", "last", "identity", "windows", "static", "one dimension"],
)
def test_partition_mappings_are_written(
    compiled: Compile, partitions: str, mapping: str, up: str, written: dict[str, Any]
) -> None:
    found = compiled(cut(partitions, mapping, up))
    assert spec(found, "one")["deps"] == [{"name": "up", "partitionMapping": written}]
    assert "partition mapping" not in dict(rows(found, DIFFERS))


@pytest.mark.parametrize(
    ("partitions", "mapping", "up", "deps"),
    [
        ("DAYS", 'dg.SpecificPartitionsPartitionMapping(["eu"])', "CITIES", {"partitionMapping": {"type": "All"}}),
        (
            "CITIES",
            'dg.StaticPartitionMapping({str(n): "eu" for n in range(101)})',
            "dg.StaticPartitionsDefinition([str(n) for n in range(101)])",
            {"partitionMapping": {"type": "All"}},
        ),
        ("None", "dg.LastPartitionMapping()", "DAYS", {}),
        ("DAYS", None, "CITIES", {"partitionMapping": {"type": "All"}}),
        ("DAYS", "dg.IdentityPartitionMapping()", "CITIES", {"partitionMapping": {"type": "All"}}),
        (
            "DAYS",
            "dg.TimeWindowPartitionMapping()",
            'dg.DailyPartitionsDefinition("2026-01-01", hour_offset=6)',
            {"partitionMapping": {"type": "All"}},
        ),
    ],
    ids=[
        "single keys",
        "a list that is too long",
        "of what is not cut",
        "none between unlike ones",
        "the same key of unlike ones",
        "an input that cannot be cut",
    ],
)
def test_a_mapping_without_a_counterpart_takes_the_whole_input(
    compiled: Compile, partitions: str, mapping: str | None, up: str, deps: dict[str, Any]
) -> None:
    found = compiled(cut(partitions, mapping, up))
    assert spec(found, "one")["deps"] == [{"name": "up", **deps}]
    assert ("partition mapping", "asset one, of up") in rows(found, DIFFERS)


@pytest.mark.parametrize(
    ("condition", "written", "told"),
    [
        ("automation_condition=A.eager()", {"policy": "Eager"}, None),
        ("auto_materialize_policy=dg.AutoMaterializePolicy.eager()", {"policy": "Eager"}, None),
        ('automation_condition=A.on_cron("@daily")', {"policy": "Cron", "cron": "@daily"}, "on_cron()"),
        (
            'automation_condition=A.on_cron("0 6 * * *", "Europe/Lisbon")',
            {"policy": "Cron", "cron": "0 6 * * *", "timeZone": "Europe/Lisbon"},
            "on_cron()",
        ),
        (
            f'{BY_DAY}, automation_condition=A.on_cron("@daily")',
            {"policy": "Cron", "cron": "@daily"},
            "on_cron(), by partition",
        ),
    ],
    ids=["eager", "the older eager", "cron", "cron in a zone", "cron by partition"],
)
def test_ready_made_conditions_are_policies(
    compiled: Compile, condition: str, written: dict[str, Any], told: str | None
) -> None:
    found = compiled(asset(condition))
    assert spec(found, "one")["autoMaterialize"] == written
    assert (told in dict(rows(found, DIFFERS))) == bool(told)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("automation_condition=A.on_missing()", "automation condition"),
        ("automation_condition=A.eager().without(A.in_latest_time_window())", "automation condition"),
        ('automation_condition=A.on_cron("@daily") | A.on_missing()', "automation condition"),
        ("auto_materialize_policy=dg.AutoMaterializePolicy.lazy()", "automation condition"),
        (
            'freshness_policy=dg.FreshnessPolicy.cron(deadline_cron="@daily", lower_bound_delta=timedelta(hours=1))',
            "freshness policy with a cron line",
        ),
        (
            'legacy_freshness_policy=dg.LegacyFreshnessPolicy(maximum_lag_minutes=60, cron_schedule="@daily")',
            "freshness policy with a cron line",
        ),
        ('metadata={"url": "http://a"}', "metadata of a definition"),
        ('pool="db"', "concurrency pool"),
        ('op_tags={"dagster-k8s/config": {}}', "op tag"),
        ('op_tags={"team": "shop"}', "op tag"),
        ('config_schema={"size": int}', "required run configuration"),
        ('deps=["elsewhere"]', "asset that is named only"),
    ],
    ids=[
        "on_missing", "eager, changed", "two conditions", "lazy", "freshness by cron",
        "older freshness by cron", "metadata", "pool", "kubernetes", "another op tag", "configuration", "a stub",
    ],
)  # fmt: skip
def test_what_has_no_counterpart_is_told(compiled: Compile, arguments: str, told: str) -> None:
    found = compiled(asset(arguments))
    assert [what for what, _ in rows(found, LEFT)] == [told]
    assert {"autoMaterialize", "freshness"}.isdisjoint(spec(found, "one"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            f"{BY_DAY}, automation_condition=A.eager()",
            "eager(), by partition",
        ),
        (
            'partitions_def=dg.DailyPartitionsDefinition("2026-01-01"), backfill_policy=dg.BackfillPolicy.single_run()',
            "backfill policy",
        ),
        ("output_required=False", "output that is not required"),
        ("is_virtual=True", "virtual asset"),
        (
            f"{BY_DAY}, freshness_policy=dg.FreshnessPolicy.time_window(fail_window=timedelta(hours=1))",
            "freshness policy, by partition",
        ),
    ],
    ids=["eager by partition", "backfills", "no output", "virtual", "freshness by partition"],
)
def test_what_is_not_the_same_is_told(compiled: Compile, arguments: str, told: str) -> None:
    assert [what for what, _ in rows(compiled(asset(arguments)), DIFFERS)] == [told]


@pytest.mark.parametrize("mapping", [None, "dg.MultiToSingleDimensionPartitionMapping()"], ids=["none", "inferred"])
def test_an_evident_mapping_need_not_be_written(compiled: Compile, mapping: str | None) -> None:
    found = compiled(cut("BOTH", mapping, "CITIES"))
    assert (spec(found, "one")["deps"], rows(found, DIFFERS)) == ([{"name": "up"}], [])


def test_a_definition_that_is_wrong_in_itself_is_refused_once(compiled: Compile) -> None:
    with pytest.raises(Uncompilable, match="end: no window begins between start and end"):
        compiled(cut('dg.MonthlyPartitionsDefinition("2026-01-02", end_date="2026-01-20")'))


def test_freshness_is_the_age_at_which_it_fails(compiled: Compile) -> None:
    policy = "dg.FreshnessPolicy.time_window(fail_window=timedelta(minutes=90), warn_window=timedelta(hours=1))"
    found = compiled(asset(f"freshness_policy={policy}"))
    assert spec(found, "one")["freshness"] == {"maximumLag": "1h30m"}
    assert rows(found, LEFT) == [("warn_window of a freshness policy", "asset one")]


def test_an_older_freshness_policy_is_an_age_too(compiled: Compile) -> None:
    found = compiled(asset("legacy_freshness_policy=dg.LegacyFreshnessPolicy(maximum_lag_minutes=60)"))
    assert spec(found, "one")["freshness"] == {"maximumLag": "1h"}


SOURCES = f"""{HEAD}
@dg.observable_source_asset(automation_condition=A.on_missing(), metadata={{"a": 1}})
def looked_at(): return dg.DataVersion("1")

often = dg.SourceAsset("often", observe_fn=lambda: dg.DataVersion("1"), auto_observe_interval_minutes=15)
plain = dg.SourceAsset("plain", description="Not looked at.")
spec = dg.AssetSpec("spec", code_version="1")

@dg.multi_observable_source_asset(specs=[dg.AssetSpec("left"), dg.AssetSpec("right")])
def both(): ...

defs = dg.Definitions(assets=[looked_at, often, plain, spec, both])
"""


def test_sources_are_observed_and_what_nothing_runs_is_external(compiled: Compile) -> None:
    found = compiled(SOURCES)
    run_ = {"python": {"function": "shop:defs"}, "image": "shop:1"}
    assert spec(found, "often") == {"key": "often", "observe": {**run_, "every": "15m"}}
    assert spec(found, "looked-at")["observe"] == run_
    assert (spec(found, "plain"), spec(found, "spec")) == (
        {"key": "plain", "description": "Not looked at."},
        {"key": "spec"},
    )
    assert "observe" in spec(found, "left")
    assert rows(found, DIFFERS) == [
        ("assets that are made together", "asset left"),
        ("assets that are made together", "asset right"),
    ]
    assert rows(found, LEFT) == [
        ("automation condition", "asset looked_at"),
        ("code version", "asset spec"),
        ("metadata of a definition", "asset looked_at"),
    ]


def test_sources_that_are_observed_by_a_cron_line_share_a_job(compiled: Compile) -> None:
    found = compiled(f"""{HEAD}
@dg.multi_observable_source_asset(specs=[
    dg.AssetSpec("one", automation_condition=A.on_cron("@daily")),
    dg.AssetSpec("two", automation_condition=A.on_cron("@daily")),
    dg.AssetSpec("three", automation_condition=A.on_cron("0 6 * * *", "Europe/Lisbon")),
], can_subset=True)
def several(): ...

@dg.asset(automation_condition=A.on_cron("@daily"))
def built(): ...

defs = dg.Definitions(assets=[several, built])
""")
    others = [one.obj for one in found.made if one.obj["kind"] != "Asset"]
    assert [one["spec"] for one in others] == [
        {"assets": ["three"]},
        {"schedule": "0 6 * * *", "timeZone": "Europe/Lisbon", "job": {"name": others[0]["metadata"]["name"]}},
        {"assets": ["one", "two"]},
        {"schedule": "@daily", "job": {"name": others[2]["metadata"]["name"]}},
    ]
    assert rows(found, LEFT) == []


def test_an_asset_made_from_its_own_past_does_not_list_itself(compiled: Compile) -> None:
    mapping = "dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)"
    source = asset(
        'partitions_def=dg.DailyPartitionsDefinition("2026-01-01"),'
        f' deps=[dg.AssetDep("one", partition_mapping={mapping})]'
    )
    found = compiled(source)
    assert "deps" not in spec(found, "one")
    assert rows(found, LEFT) == [("dependency of an asset on itself", "asset one")]


def test_an_input_whose_partitions_nobody_lists_is_told(compiled: Compile) -> None:
    found = compiled(
        cut("None", up='dg.DynamicPartitionsDefinition(name="cities")').replace(
            'deps=["up"], partitions_def=None)\ndef one(context)', ")\ndef one(up)"
        )
    )
    assert rows(found, LEFT) == [("loading of dynamic partitions", "asset one, of up")]


# ------------------------------------------------------------- around the assets

AROUND = f"""{HEAD}
class Store(dg.ConfigurableResource): ...

@dg.success_hook
def done(context): ...

@dg.asset(retry_policy=dg.RetryPolicy(max_retries=2), hooks={{done}})
def one(store: Store): ...

external = dg.AssetSpec("external")

@dg.asset_check(asset=one, blocking=True)
def positive(): return dg.AssetCheckResult(passed=True)

@dg.asset_check(asset="external")
def alive(): return dg.AssetCheckResult(passed=True)

@dg.op
def step(): ...
@dg.job
def steps(): step()

@dg.sensor(job=steps)
def polls(): ...
@dg.asset_sensor(asset_key=dg.AssetKey("one"), job=steps)
def follows(): ...
@dg.run_failure_sensor
def alerts(): ...

defs = dg.Definitions(
    assets=[one, external], asset_checks=[positive, alive], sensors=[polls, follows, alerts],
    jobs=[
        steps,
        dg.define_asset_job("hooked", "one", hooks={{done}}, tags={{"a": "b"}}, op_retry_policy=dg.RetryPolicy(),
                            metadata={{"a": 1}}, owners=["team:a"],
                            config={{"loggers": {{"console": {{"config": {{"log_level": "INFO"}}}}}}}}),
    ],
    schedules=[dg.ScheduleDefinition(job=steps, cron_schedule="@daily")],
    resources={{"store": Store(), "io_manager": dg.FilesystemIOManager()}},
    executor=dg.in_process_executor, metadata={{"a": 1}}, loggers={{"console": dg.colored_console_logger}},
)
"""


def test_what_stands_beside_the_assets_is_told(compiled: Compile) -> None:
    found = compiled(AROUND)
    assert [one.obj["metadata"]["name"] for one in found.made] == ["external", "one"]
    assert rows(found, LEFT) == [
        ("asset check", "check alive of external"),
        ("executor", "Definitions"),
        ("hooks of a job", "job hooked"),
        ("job of ops", "job steps"),
        ("job of ops", "schedule steps_schedule"),
        ("loggers", "Definitions"),
        ("metadata", "Definitions"),
        ("metadata of a job", "job hooked"),
        ("owners of a job", "job hooked"),
        ("retry policy of a job", "job hooked"),
        ("run configuration of a job", "job hooked"),
        ("sensor", "sensor alerts"),
        ("sensor", "sensor follows"),
        ("sensor", "sensor polls"),
        ("tags of a job", "job hooked"),
    ]
    assert rows(found, DIFFERS) == [("job that builds assets", "job hooked")]
    assert rows(found, INSIDE) == [
        ("asset check", "check positive of one"),
        ("hooks", "asset one"),
        ("resource", "resource io_manager"),
        ("resource", "resource store"),
        ("retry policy", "asset one"),
    ]


def scheduled(assets: str, schedule: str, before: str = "") -> str:
    return f"""{HEAD}
@dg.observable_source_asset
def source(): return dg.DataVersion("1")
@dg.asset(deps=[source])
def whole(): ...
@dg.asset(partitions_def=dg.DailyPartitionsDefinition("2026-01-01"))
def daily(): ...
many = [dg.AssetSpec(f"{{'m' * 40}}{{n}}") for n in range(40)]
@dg.multi_asset(specs=many, can_subset=True)
def lots(): ...
job = dg.define_asset_job("job", {assets})
{before}
defs = dg.Definitions(assets=[source, whole, daily, lots], jobs=[job], schedules=[{schedule}])
"""


PLAIN = 'dg.ScheduleDefinition(job=job, cron_schedule="@daily")'


def kinds(found: Compiled) -> list[tuple[str, str]]:
    return [(one.obj["kind"], one.obj["metadata"]["name"]) for one in found.made if one.obj["kind"] != "Asset"]


def test_a_job_that_observes_and_builds_has_two_schedules(compiled: Compile) -> None:
    found = compiled(scheduled('dg.AssetSelection.assets("source", "whole")', PLAIN))
    assert kinds(found) == [
        ("ObservationJob", "job"), ("Schedule", "job-schedule"), ("Schedule", "job-schedule-build")
    ]  # fmt: skip
    assert spec(found, "job") == {"assets": ["source"]}
    assert ("schedule that observes and builds", "schedule job_schedule") in rows(found, DIFFERS)


@pytest.mark.parametrize(
    ("schedule", "cron", "told"),
    [
        (PLAIN, "@daily", []),
        (
            'dg.build_schedule_from_partitioned_job(job, hour_of_day=3, tags={"a": "b"})',
            "0 3 * * *",
            [("tags of a schedule", "schedule job_schedule")],
        ),
    ],
    ids=["plain", "from the partitions"],
)
def test_a_schedule_builds_the_partitions_that_are_not_fresh(
    compiled: Compile, schedule: str, cron: str, told: list[tuple[str, str]]
) -> None:
    found = compiled(scheduled('"daily"', schedule))
    zone = {} if cron == "@daily" else {"timeZone": "UTC"}
    what = {"materialize": {"selection": 'key:"daily"', "onlyStale": True}}
    assert spec(found, "job-schedule") == {"schedule": cron, **zone, **what, "suspend": True}
    assert ("schedule of partitioned assets", "schedule job_schedule") in rows(found, DIFFERS)
    assert rows(found, LEFT) == told


@pytest.mark.parametrize(
    "config",
    [
        '{"loggers": {"console": {"config": {"log_level": "INFO"}}}}',
        "dg.PartitionedConfig(daily.partitions_def, run_config_for_partition_key_fn=lambda _: {})",
    ],
    ids=["the same for all", "by code"],
)
def test_a_configuration_by_partition_is_told(compiled: Compile, config: str) -> None:
    found = compiled(scheduled(f'"daily", config={config}', PLAIN))
    assert rows(found, LEFT) == [("run configuration of a job", "job job")]


def test_what_a_schedule_and_its_job_say_about_runs_is_told(compiled: Compile) -> None:
    schedule = """dg.ScheduleDefinition(
        job=job, cron_schedule="@daily", tags={"a": "b"}, run_config={"ops": {}}, metadata={"a": 1},
        environment_vars={"a": "b"}, owners=["team:a"],
    )"""
    found = compiled(scheduled('"whole", executor_def=dg.in_process_executor', schedule))
    assert rows(found, LEFT) == [
        ("environment variables of a schedule", "schedule job_schedule"),
        ("executor of a job", "job job"),
        ("metadata of a schedule", "schedule job_schedule"),
        ("owners of a schedule", "schedule job_schedule"),
        ("run configuration of a schedule", "schedule job_schedule"),
        ("tags of a schedule", "schedule job_schedule"),
    ]


def test_a_schedule_may_name_assets_without_a_job(compiled: Compile) -> None:
    schedule = 'dg.ScheduleDefinition("look", target="source", cron_schedule="@daily", tags={"a": "b"})'
    found = compiled(scheduled('"whole"', schedule))
    assert [name for kind, name in kinds(found) if kind == "Schedule"] == ["look"]
    (job,) = (name for kind, name in kinds(found) if kind == "ObservationJob")
    assert spec(found, "look")["job"] == {"name": job}
    assert spec(found, job) == {"assets": ["source"]}


@pytest.mark.parametrize(
    ("assets", "schedule", "before", "told"),
    [
        ("dg.AssetSelection.assets(*[m.key for m in many])", PLAIN, "",
         "schedule of many assets"),
        ('"whole"', "by_code", '@dg.schedule(job=job, cron_schedule="@daily")\ndef by_code(): return {}',
         "schedule with code of its own"),
        ('"whole"', 'dg.ScheduleDefinition(job=job, cron_schedule="@daily", should_execute=lambda _: True)', "",
         "schedule with code of its own"),
    ],
    ids=["a long selection", "a function", "a condition"],
)  # fmt: skip
def test_a_schedule_that_no_manifest_can_hold_is_told(
    compiled: Compile, assets: str, schedule: str, before: str, told: str
) -> None:
    found = compiled(scheduled(assets, schedule, before))
    assert "Schedule" not in dict(kinds(found))
    assert told in dict(rows(found, LEFT))


# ------------------------------------------------------------- what cannot be read


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import dagster as dg\n", "holds no Definitions of Dagster"),
        ("import dagster as dg\na = dg.Definitions()\nb = dg.Definitions()\n", "several Definitions: a, b; name one"),
        ("import dagster as dg\ndefs = dg.Definitions()\n", "shop:defs defines no asset"),
        (f"{HEAD}@dg.asset\ndef one(missing): ...\ndefs = dg.Definitions([one], jobs=[dg.define_asset_job('j', 'no')])",
         "Dagster cannot load shop:defs: "),
        (f"{HEAD}defs = dg.Definitions([dg.AssetSpec('a b')])\n", "a key is letters, digits"),
        (f"{HEAD}defs = dg.Definitions([dg.AssetSpec('a_b'), dg.AssetSpec('a-b')])\n", "both come to the name 'a-b'"),
    ],
    ids=["none", "several", "nothing in it", "Dagster's own refusal", "a key with a blank", "one name for two keys"],
)  # fmt: skip
def test_what_is_wrong_is_one_sentence(compiled: Compile, source: str, said: str) -> None:
    with pytest.raises(Uncompilable, match=said):
        compiled(source)


def test_one_of_several_definitions_can_be_named(module: Module) -> None:
    module(f"{HEAD}a = dg.Definitions([dg.AssetSpec('x')])\nb = dg.Definitions([dg.AssetSpec('y')])\nc = 1\n")
    found = imported(Wanted("shop:b", "shop:1"), NOW)
    assert [one.obj["metadata"]["name"] for one in found.made] == ["y"]
    for name, said in {"d": "shop has no 'd'", "c": "shop:c is no Definitions but int"}.items():
        with pytest.raises(Uncompilable, match=said):
            imported(Wanted(f"shop:{name}", "shop:1"), NOW)


def test_definitions_may_be_lazy(compiled: Compile) -> None:
    found = compiled(f"{HEAD}@dg.definitions\ndef defs(): return dg.Definitions([dg.AssetSpec('x')])\n")
    assert [one.obj["metadata"]["name"] for one in found.made] == ["x"]


def test_an_image_is_needed_because_upwells_has_no_dagster(module: Module, capsys: Any) -> None:
    module(SHOP)
    assert run(["compile", "shop.py", "--from-dagster"]) == Code.FAILED
    assert "Upwell's own image has no Dagster; give --image" in capsys.readouterr().err


def test_without_dagster_it_says_what_to_install(module: Module, monkeypatch: Any, capsys: Any) -> None:
    module(SHOP)
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert run(["compile", "shop.py", "--from-dagster", "--image", "shop:1"]) == Code.FAILED
    assert "pip install 'upwell-operator[dagster]'" in capsys.readouterr().err
