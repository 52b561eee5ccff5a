"""Definitions of Dagster, imported and played on `upwell dev`: Dagster's code runs, Upwell says when."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from expectations import Story, play
from local_plane import local_plane, need_a_server_for_the_data
from upwell_operator.cli.app import run
from upwell_operator.cli.exits import Code

SHOP = """
import hashlib
import os
from pathlib import Path

import dagster as dg

ORDERS = Path(os.environ.get("DATA_DIR", "."), "orders.csv")


@dg.observable_source_asset
def orders():
    return dg.DataVersion(hashlib.sha256(ORDERS.read_bytes()).hexdigest())


@dg.asset(deps=[orders], automation_condition=dg.AutomationCondition.eager())
def amounts():
    return [int(line) for line in ORDERS.read_text().split()]


@dg.asset(automation_condition=dg.AutomationCondition.eager())
def total(amounts: list):
    return dg.MaterializeResult(metadata={"sum": sum(amounts)}, data_version=dg.DataVersion(str(sum(amounts))))


@dg.asset_check(asset=total, blocking=True)
def not_negative():
    return dg.AssetCheckResult(passed=True)


look = dg.define_asset_job("look", [orders.key])
defs = dg.Definitions([orders, amounts, total], asset_checks=[not_negative], jobs=[look])
"""
TEMPLATE = """
env: [{name: DATA_DIR, value: /data}, {name: DAGSTER_HOME, value: /data}]
volumes: [{name: data, persistentVolumeClaim: {claimName: shop-data}}]
volumeMounts: [{name: data, mountPath: /data}]
"""
STORY = """
steps:
  - say: Dagster's source looks at a file.
    write: {volume: shop-data, path: orders.csv, text: "1 2 3"}
  - run: look
  - say: What follows is built by Dagster's code; a value goes from one run to the next through its IO manager.
    expect:
      - {asset: total, dataVersion: "6"}
      - {asset: total, condition: Fresh, status: "True", reason: UpToDate}
      - {asset: total, metadata: sum, value: 6}
      - {asset: total, metadata: check not_negative, value: true}
  - say: The file changes.
    write: {volume: shop-data, path: orders.csv, text: "1 2 3 4"}
  - observe: [orders]
  - expect:
      - {asset: total, dataVersion: "10"}
      - {asset: total, condition: Fresh, status: "True", reason: UpToDate}
  - say: The file was looked at again, and is what it was; nothing is built.
    observe: [orders]
  - runs: {asset: amounts, kind: materialize, count: 2}
  - runs: {asset: total, kind: materialize, count: 2}
"""


@pytest.fixture
def compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the import writes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    Path("dagster_shop.py").write_text(SHOP)
    Path("run.yaml").write_text(TEMPLATE)
    wanted = ["--image", "shop:1", "--code", "--template", "run.yaml", "--output", "base"]
    assert run(["compile", "--from-dagster", "dagster_shop.py", *wanted]) == Code.DONE
    return tmp_path / "base"


@pytest.mark.timeout(180)
@pytest.mark.filterwarnings("ignore")  # Dagster warns of itself
async def test_imported_definitions_are_observed_and_built(compiled: Path, tmp_path: Path) -> None:
    need_a_server_for_the_data()
    async with local_plane(compiled, tmp_path / "data") as driver:
        await play(Story.model_validate(yaml.safe_load(STORY)), driver)
