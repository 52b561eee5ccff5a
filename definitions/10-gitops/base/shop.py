"""Dagster's page "Asset Observations", from the source to its schedule, and a report that is built from the source."""

import os
from hashlib import sha256
from pathlib import Path

from upwell import (
    AutoMaterializePolicy,
    DataVersion,
    MaterializeResult,
    ScheduleDefinition,
    asset,
    define_asset_job,
    observable_source_asset,
)

FILE = Path(os.environ.get("DATA_DIR", "/data")) / "some_file.txt"


def read_some_file() -> str:
    """Give the text that somebody else owns and may change at any time."""
    return FILE.read_text(encoding="utf8")


@observable_source_asset
def foo_source_asset():
    """A text file that somebody else owns; its SHA-256 is the data version."""
    content = read_some_file()
    hash_sig = sha256()
    hash_sig.update(bytearray(content, "utf8"))
    return DataVersion(hash_sig.hexdigest())


@asset(deps=[foo_source_asset], code_version="1", auto_materialize_policy=AutoMaterializePolicy.eager())
def foo_report():
    """How many words the file has, rebuilt whenever it has changed."""
    words = len(read_some_file().split())
    FILE.with_name("report.txt").write_text(f"{words} words\n", encoding="utf8")
    return MaterializeResult(metadata={"words": words})


observation_job = define_asset_job("observation_job", [foo_source_asset])

# schedule that will run the observation on foo_source_asset every day
observation_schedule = ScheduleDefinition(
    name="observation_schedule",
    cron_schedule="@daily",
    job=observation_job,
)
