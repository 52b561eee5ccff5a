"""`upwell compile`: Python in, checked manifests out, the same bytes each time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from upwell_operator.authoring.compiling import Wanted, compiled
from upwell_operator.authoring.naming import names_of, resource_name
from upwell_operator.authoring.refused import Uncompilable
from upwell_operator.authoring.writing import as_yaml
from upwell_operator.cli.app import run
from upwell_operator.cli.exits import Code
from upwell_operator.local.manifests import read_manifests

Module = Callable[..., Path]
NOW = datetime(2026, 11, 26, 12, tzinfo=UTC)
HEAD = "from upwell import *\n"
SHOP = (
    HEAD
    + '''
@observable_source_asset(
    key="warehouse/raw_orders", group_name="raw", owners=["team:shop"], kinds={"file", "csv"}, tags={"tier": "1"}
)
def raw_orders():
    """Orders as the shop exports them.

    Every night.
    """
    return DataVersion("1")


@asset(deps=[raw_orders], code_version="3", auto_materialize_policy=AutoMaterializePolicy.eager())
def daily(): ...


look = define_asset_job("look_at_raw", [raw_orders], description="What others own.")
nightly = ScheduleDefinition(
    job=look,
    cron_schedule=["0 6 * * 1-5", "0 9 * * 6,0"],
    execution_timezone="Europe/Lisbon",
    default_status=DefaultScheduleStatus.STOPPED,
)
'''
)
COMPILED = """\
# Compiled by `upwell compile` from shop.py: change that and compile again, not this file.
# What only one environment has belongs into a kustomize overlay on this folder.
---
# raw_orders in shop.py
apiVersion: upwell.dev/v1alpha1
kind: Asset
metadata:
  name: warehouse-raw-orders
  namespace: shop
spec:
  key: warehouse/raw_orders
  description: |-
    Orders as the shop exports them.

    Every night.
  group: raw
  owners:
    - team:shop
  tags:
    tier: "1"
  kinds:
    - csv
    - file
  observe:
    python:
      function: shop:raw_orders
    image: registry.example/shop:1.4
---
# daily in shop.py
apiVersion: upwell.dev/v1alpha1
kind: Asset
metadata:
  name: daily
  namespace: shop
spec:
  key: daily
  deps:
    - name: warehouse-raw-orders
  codeVersion: "3"
  materialize:
    python:
      function: shop:daily
    image: registry.example/shop:1.4
  autoMaterialize:
    policy: Eager
---
# job look_at_raw in shop.py
apiVersion: upwell.dev/v1alpha1
kind: ObservationJob
metadata:
  name: look-at-raw
  namespace: shop
  annotations:
    kubernetes.io/description: What others own.
spec:
  assets:
    - warehouse-raw-orders
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
  suspend: true
"""


def objects(target: str, **wanted: Any) -> list[dict[str, Any]]:
    return [one.obj for one in compiled(Wanted(target, **{"image": "shop:1", **wanted}), NOW).made]


def test_definitions_become_manifests_that_say_where_they_come_from(
    module: Module, capsys: pytest.CaptureFixture[str]
) -> None:
    module(SHOP)
    assert run(["compile", "shop.py", "--image", "registry.example/shop:1.4", "-n", "shop"]) == Code.DONE
    said = capsys.readouterr()
    assert (said.out, said.err) == (COMPILED, "")


def test_the_same_definitions_give_the_same_bytes_in_every_process(module: Module) -> None:
    module(SHOP)
    command = [sys.executable, "-c", "import sys; from upwell_operator.cli.app import run; sys.exit(run())"]
    arguments = ["compile", "shop.py", "--image", "registry.example/shop:1.4", "-n", "shop"]
    outputs = {
        subprocess.run(
            [*command, *arguments], check=True, capture_output=True, env={**os.environ, "PYTHONHASHSEED": seed}
        ).stdout
        for seed in ("1", "2")
    }
    assert outputs == {COMPILED.encode()}


@pytest.mark.parametrize("target", ["shop.py", "shop", "shop:defs", "./shop.py"])
def test_a_file_a_module_and_a_definitions_object_are_named_alike(module: Module, target: str) -> None:
    module(SHOP + "\ndefs = Definitions(assets=[raw_orders])\nother = 3\n")
    assert [one["metadata"]["name"] for one in objects(target)] == ["warehouse-raw-orders"]


def test_a_package_is_compiled_with_the_names_of_its_modules(module: Module) -> None:
    module(HEAD + "from shop.sources import raw\n", "shop/__init__.py")
    module(HEAD + "@observable_source_asset\ndef raw(): ...\n", "shop/sources.py")
    found = compiled(Wanted("shop", image="shop:1"), NOW)
    assert found.made[0].origin == "raw in shop/sources.py"
    assert found.made[0].obj["spec"]["observe"]["python"] == {"function": "shop.sources:raw"}


def test_a_function_that_a_factory_made_is_found_by_the_name_that_it_has_in_the_module(module: Module) -> None:
    module(
        HEAD
        + """
        def made(name):
            @observable_source_asset(name=name)
            def look(): ...
            return look

        first, second = made("a"), made("b")
        """.replace("\n        ", "\n")
    )
    functions = [one["spec"]["observe"]["python"]["function"] for one in objects("shop.py")]
    assert functions == ["shop:first", "shop:second"]


def test_a_job_that_selects_keeps_its_selection(module: Module) -> None:
    module(SHOP + 'every = define_asset_job("every", AssetSelection.groups("raw").roots())\n')
    assert {"selection": "roots(group:raw)"} in [one["spec"] for one in objects("shop.py")]


@pytest.mark.parametrize(
    ("said", "written"),
    [('"Latest"', {"policy": "Latest"}), ('["2026-01-31"]', {"policy": "Keys", "keys": ["2026-01-31"]})],
)
def test_a_job_keeps_the_partitions_that_it_looks_at(module: Module, said: str, written: object) -> None:
    module(SHOP + f'newest = define_asset_job("newest", [raw_orders], partitions={said})\n')
    assert written in [one["spec"].get("partitions") for one in objects("shop.py")]


def test_an_asset_is_cut_as_its_function_says(module: Module) -> None:
    module(
        HEAD
        + """
        both = MultiPartitionsDefinition(
            {"region": StaticPartitionsDefinition(["eu", "us"]), "date": DailyPartitionsDefinition("2026-01-01")}
        )

        @observable_source_asset(partitions_def=both)
        def sales(): ...
        """.replace("\n        ", "\n")
    )
    (asset,) = objects("shop.py")
    assert asset["spec"]["partitions"] == {
        "multi": {
            "date": {"timeWindow": {"cron": "0 0 * * *", "start": "2026-01-01"}},
            "region": {"static": ["eu", "us"]},
        }
    }


def test_what_all_runs_have_comes_from_a_template(module: Module, tmp_path: Path) -> None:
    module(SHOP)
    text = 'env: [{name: DATA_DIR, value: /data}]\nretries: 0\nimage: "other:1"\n'
    (tmp_path / "run.yaml").write_text(text)
    source, derived, *_ = objects("shop.py", template=tmp_path / "run.yaml")
    for run_of in (source["spec"]["observe"], derived["spec"]["materialize"]):
        assert run_of["env"] == [{"name": "DATA_DIR", "value": "/data"}]
        assert (run_of["retries"], run_of["image"]) == (0, "shop:1")


# The folder


def test_without_an_image_the_code_goes_along_and_the_folder_is_a_base_for_kustomize(
    module: Module, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module("import helper\n" + SHOP, helper="X = 1\n", unused="")
    assert run(["compile", "shop.py", "-o", "base"]) == Code.DONE
    assert [line.partition("/")[2] for line in capsys.readouterr().out.splitlines()] == [
        "assets.yaml", "jobs.yaml", "schedules.yaml", "kustomization.yaml", "kustomizeconfig.yaml",
        "code/helper.py", "code/shop.py",
    ]  # fmt: skip
    found = read_manifests([tmp_path / "base"])
    assert not found.problems
    config_map, asset, *_ = (one.obj for one in found.objects)
    assert set(config_map["data"]) == {"helper.py", "shop.py"}
    assert (
        asset["spec"]["observe"]["code"] == {"configMap": config_map["metadata"]["name"]} == {"configMap": "shop-code"}
    )
    assert "image" not in asset["spec"]["observe"]


def test_code_that_stands_in_the_folder_is_not_copied(module: Module, tmp_path: Path) -> None:
    module(SHOP)
    assert run(["compile", "shop.py", "-o", ".", "--image", "python:3.11-slim", "--code", "-n", "eu"]) == Code.DONE
    kustomization = yaml.safe_load((tmp_path / "kustomization.yaml").read_text())
    assert kustomization["configMapGenerator"] == [{"name": "shop-code", "files": ["shop.py"]}]
    assert kustomization["namespace"] == "eu"
    assert not (tmp_path / "code").exists()


def test_what_is_as_it_should_be_is_left_alone_and_a_difference_is_found(
    module: Module, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module(SHOP)
    command = ["compile", "shop.py", "--image", "shop:1", "-o", "base"]
    assert run([*command, "--check"]) == Code.FAILED
    assert run(command) == Code.DONE
    capsys.readouterr()
    assert run(command) == run([*command, "--check"]) == Code.DONE
    assert capsys.readouterr().out == ""
    (tmp_path / "base" / "jobs.yaml").write_text("mine")
    assert run([*command, "--check"]) == Code.FAILED
    assert "not as compiled: jobs.yaml in base; compile again" in capsys.readouterr().err


def test_files_that_somebody_wrote_are_not_overwritten(
    module: Module, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    module(SHOP)
    (tmp_path / "assets.yaml").write_text("mine")
    assert run(["compile", "shop.py", "-o", "."]) == Code.FAILED
    assert "was not compiled, and holds assets.yaml; give --output another folder" in capsys.readouterr().err
    assert (tmp_path / "assets.yaml").read_text() == "mine"


# What is told


def test_what_is_not_defined_here_and_what_is_left_out_is_told(
    module: Module, capsys: pytest.CaptureFixture[str]
) -> None:
    module(HEAD + '@asset(deps=["raw"], metadata={"rows": 1})\ndef daily(): ...\n')
    assert run(["compile", "shop.py", "--image", "shop:1"]) == Code.DONE
    said = capsys.readouterr()
    assert said.err.splitlines() == [
        "note: daily in shop.py: metadata 'rows' of the definition is left out; results carry metadata, Assets do not",
        "note: daily depends on raw, which is not defined here; apply that asset too",
    ]
    assert "# Left out, since no field holds it: metadata 'rows'." in said.out


MIX = SHOP + 'mix = define_asset_job("mix", [raw_orders, daily])\n'
REFUSED: dict[str, tuple[str, str]] = {
    "a job with a mix": (MIX, "cannot observe: daily (no observe function)"),
    "a job that selects a mix": (
        SHOP + 'mix = define_asset_job("mix")\n',
        "shop.py:1: ObservationJob default/mix: spec.selection: cannot observe: daily",
    ),
    "a selection that cannot be read": (
        SHOP + 'bad = define_asset_job("bad", "group:a adn b")\n',
        '"adn" cannot stand',
    ),
    "a job of assets that are not here": (SHOP + 'bad = define_asset_job("bad", ["gone"])\n', "no such asset: gone"),
    "a line that never fires": (
        SHOP + 's = ScheduleDefinition(job=look, cron_schedule="0 0 31 2 *", name="s")\n',
        'Schedule default/s: spec.schedule: "0 0 31 2 *"',
    ),
    "a schedule of a job that is not here": (
        SHOP + 's = ScheduleDefinition(job_name="gone", cron_schedule="@daily")\n',
        'no ObservationJob "gone"',
    ),
    "a cycle": (
        HEAD + '@asset(deps=["b"])\ndef a(): ...\n@asset(deps=["a"])\ndef b(): ...\n',
        "shop.py:2: Asset default/a: spec.deps makes this asset depend on itself: a → b → a",
    ),
    "a key that manifests cannot have": (HEAD + '@asset(key="a b")\ndef a(): ...\n', 'spec.key: "a b" cannot be used'),
    "two keys of one name": (
        HEAD + '@asset(key="a/b")\ndef a(): ...\n@asset(key="a_b")\ndef b(): ...\n',
        "the keys 'a/b' and 'a_b' both come to the name 'a-b'; give one another name",
    ),
    "two assets of one key": (HEAD + "@asset\ndef a(): ...\n@asset(key='a')\ndef b(): ...\n", "two assets called a"),
    "a function that nobody can find": (
        HEAD + "def f():\n    @asset\n    def a(): ...\n    return a\ndefs = Definitions(assets=[f()])\n",
        "a: a pod could not find its function: no variable of module shop",
    ),
    "a zone that is none": (
        HEAD
        + 'days = DailyPartitionsDefinition("2026-01-01", timezone="Mars")\n'
        + "@observable_source_asset(partitions_def=days)\ndef a(): ...\n",
        'shop.py:3: Asset default/a: spec.partitions.timeWindow.timeZone: "Mars" is not a time zone',
    ),
    "windows of a minute": (
        HEAD
        + 'now = TimeWindowPartitionsDefinition("2026-01-01 00:00", "%Y-%m-%d %H:%M", cron_schedule="* * * * *")\n'
        + "@observable_source_asset(partitions_def=now)\ndef a(): ...\n",
        'spec.partitions.timeWindow.cron: "* * * * *" makes windows shorter than an hour',
    ),
    "a start that is none": (
        HEAD + 'days = DailyPartitionsDefinition("1.1.2026")\n',
        "the start '1.1.2026' is not written as fmt '%Y-%m-%d' says",
    ),
    "nothing": ("x = 1\n", "shop defines nothing: no function decorated with"),
    "several Definitions": (
        HEAD + "a = Definitions()\nb = Definitions()\n",
        "shop has several Definitions: a, b; name one, as shop:a",
    ),
    "a module that fails": (
        "x = 1\ny = 1 / 0\n",
        "cannot be imported: ZeroDivisionError: division by zero (shop.py, line 2)",
    ),
    "a module that ends": ("raise SystemExit\n", "shop.py cannot be imported: SystemExit (shop.py, line 1)"),
    "a module that cannot be read": ("def\n", "cannot be imported: SyntaxError"),
    "a wrong argument": (
        HEAD + "@asset(ower='x')\ndef a(): ...\n",
        "unexpected keyword argument 'ower' (shop.py, line 2)",
    ),
    "a library that is not here": (
        "import nowhere\n",
        "imports 'nowhere', which is not installed here (shop.py, line 1)",
    ),
}


@pytest.mark.parametrize(("source", "says"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_compiled_is_a_sentence(
    module: Module, source: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    module(source)
    assert run(["compile", "shop.py", "--image", "shop:1"]) == Code.FAILED
    said = capsys.readouterr()
    assert says in said.err
    assert said.out == ""
    assert "Traceback" not in said.err


TARGETS: dict[str, tuple[list[str], Code, str]] = {
    "a file that is not there": (["gone.py"], Code.FAILED, "no such file: gone.py"),
    "a module that is not there": (["gone"], Code.FAILED, "no module 'gone' below"),
    "a folder that is no package": (["folder"], Code.FAILED, "folder is a folder and no package"),
    "a name that Python has already": (["json.py"], Code.FAILED, "Python finds another module 'json' first"),
    "a name that Python cannot have": (["my-shop.py"], Code.FAILED, "'my-shop' is not a name that Python can import"),
    "an attribute that is none": (["shop:look"], Code.FAILED, "shop:look is no Definitions; it is AssetJobDefinition"),
    "code without a folder": (["shop.py", "--code"], Code.USAGE, "code in a ConfigMap needs a folder"),
    "a check without a folder": (["shop.py", "--check"], Code.USAGE, "--check compares a folder"),
    "a template that is none": (["shop.py", "--template", "shop.py"], Code.FAILED, "shop.py"),
}


@pytest.mark.parametrize(("arguments", "code", "says"), TARGETS.values(), ids=TARGETS)
def test_what_cannot_be_found_is_a_sentence(
    module: Module, tmp_path: Path, arguments: list[str], code: Code, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    module(SHOP, json="", **{"my-shop": ""})
    (tmp_path / "folder").mkdir()
    image = [] if "--code" in arguments else ["--image", "shop:1"]
    assert run(["compile", *arguments, *image]) == code
    assert says in capsys.readouterr().err


def test_packages_belong_into_an_image(module: Module, capsys: pytest.CaptureFixture[str]) -> None:
    module(HEAD + "@asset\ndef a(): ...\n", "shop/__init__.py")
    assert run(["compile", "shop", "-o", "base"]) == Code.FAILED
    assert "shop: packages do not fit into a ConfigMap" in capsys.readouterr().err


def test_more_code_than_a_config_map_holds_belongs_into_an_image(
    module: Module, capsys: pytest.CaptureFixture[str]
) -> None:
    module(SHOP + "#" * 1024 * 1024)
    assert run(["compile", "shop.py", "-o", "base"]) == Code.FAILED
    assert "a ConfigMap holds 1 MiB; put it into an image" in capsys.readouterr().err


# Names and texts

NAMES = {
    "warehouse/raw_orders": "warehouse-raw-orders",
    "Raw.Orders": "raw-orders",
    "_a__b_": "a-b",
    "größe": "gr-e",
    "x" * 70: f"{'x' * 48}-",
}


@pytest.mark.parametrize(("key", "name"), NAMES.items(), ids=NAMES)
def test_a_key_becomes_a_dns_label(key: str, name: str) -> None:
    assert resource_name(key).startswith(name)
    assert len(resource_name(key)) <= 63


def test_a_key_without_a_letter_is_refused() -> None:
    with pytest.raises(Uncompilable, match="no letter or digit"):
        resource_name("___")


def test_one_key_has_one_name_however_often_it_is_asked_for() -> None:
    assert names_of("the keys", ["a_b", "a_b", "c"]) == {"a_b": "a-b", "c": "c"}


@pytest.mark.parametrize(
    "text", ["1e3", "0x1F", "1_000", "y", "on", "null", "2026-01-01", "-", "", "a: b", "é", "~", "a\nb"]
)
def test_text_stays_text_for_every_reader_of_yaml(text: str) -> None:
    written = as_yaml({"value": text})
    assert yaml.safe_load(written) == {"value": text}
    plain = written.removeprefix("value: ").strip()
    assert plain[:1] in "\"'|"
