"""A small project of Dagster's, imported, and its story: played on a laptop and on a cluster."""

from __future__ import annotations

from pathlib import Path

import yaml

from expectations import Story
from upwell_operator.cli.app import run
from upwell_operator.cli.exits import Code

CLAIM = "shop-data"
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
env: [{name: PYTHONPATH, value: /data/lib}, {name: DATA_DIR, value: /data}, {name: DAGSTER_HOME, value: /data}]
volumes: [{name: data, persistentVolumeClaim: {claimName: shop-data}}]
volumeMounts: [{name: data, mountPath: /data}]
"""
_STORY = """
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
STORY = Story.model_validate(yaml.safe_load(_STORY))


def imported_into(folder: Path, image: str) -> Path:
    """Write the project into a folder that is the current one and on Python's path; gives the folder of manifests."""
    (folder / "dagster_shop_project.py").write_text(SHOP)
    (folder / "run.yaml").write_text(TEMPLATE)
    wanted = ["--image", image, "--code", "--template", "run.yaml", "--output", "base"]
    assert run(["compile", "--from-dagster", "dagster_shop_project.py", *wanted]) == Code.DONE
    return folder / "base"
