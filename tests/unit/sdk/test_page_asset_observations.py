"""The examples of Dagster's page "Asset Observations": they stand in definitions/04 as on the page, and run locally."""

from __future__ import annotations

import importlib
import re
import sys
from hashlib import sha256
from pathlib import Path
from types import ModuleType

import pytest

from upwell import materialize, observe

BASE = Path(__file__).parents[3] / "definitions" / "04-asset-observations" / "base"
PAGE = """
def observation_op(context):
    df = read_df()
        AssetObservation(asset_key="observation_asset", metadata={"num_rows": len(df)})
    return 5

def observes_dataset_op(context):
    df = read_df()
    remote_storage_path = persist_to_storage(df)
                "text_metadata": "Text-based metadata for this event",
                "path": MetadataValue.path(remote_storage_path),
                "dashboard_url": MetadataValue.url(
                "size (bytes)": calculate_bytes(df),
    return remote_storage_path

class MyOpConfig(Config):
    date: str

def partitioned_dataset_op(context, config: MyOpConfig):
    partition_date =
    df = read_df_for_date(partition_date)
        AssetObservation(asset_key="my_partitioned_dataset", partition=partition_date)
    return df

def foo_source_asset():
    content = read_some_file()
    hash_sig = sha256()
    hash_sig.update(bytearray(content, "utf8"))
    return DataVersion(hash_sig.hexdigest())

observation_job = define_asset_job("observation_job", [foo_source_asset])

# schedule that will run the observation on foo_source_asset every day
observation_schedule = ScheduleDefinition(
"""
"""The page's lines of Python but for the imports, as its text has them; what is missing between them it left out."""
IMPORTED = (
    "AssetMaterialization AssetObservation Config DataVersion MetadataValue OpExecutionContext ScheduleDefinition"
    " define_asset_job observable_source_asset op"
)
"""What the page imports from `dagster`, and the class whose method it names."""


@pytest.fixture
def page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The page's module, with data."""
    (tmp_path / "some_file.txt").write_text("one two three")
    (tmp_path / "dataset.csv").write_text("date,item\n2026-11-29,tea\n2026-11-30,cup\n")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    monkeypatch.syspath_prepend(str(BASE))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    for name in ("dataset", "asset_observations"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return importlib.import_module("asset_observations")


def bare(text: str) -> str:
    """Leave out spaces and line ends, which a formatter moves."""
    return re.sub(r"\s+", "", text)


def test_every_line_of_the_page_stands_in_the_definition_in_its_order() -> None:
    text, at = bare((BASE / "asset_observations.py").read_text("utf-8")), 0
    for line in filter(None, map(bare, PAGE.splitlines())):
        assert line in text[at:], line
        at = text.index(line, at) + len(line)


@pytest.mark.parametrize("name", IMPORTED.split())
def test_what_the_page_imports_is_there(name: str) -> None:
    assert hasattr(importlib.import_module("upwell"), name)


def test_the_ops_log_what_they_observe(page: ModuleType, tmp_path: Path) -> None:
    day = {"ops": {"partitioned_dataset_op": {"config": {"date": "2026-11-30"}}}}
    ops = [page.observation_op, page.observes_dataset_op, page.partitioned_dataset_op]
    done = materialize(ops, run_config=day)
    first, second = done.events_of("observation_asset")
    assert {key: one.value for key, one in first.metadata.items()} == {"num_rows": 2}
    assert {key: (one.type, one.value) for key, one in second.metadata.items()} == {
        "text_metadata": ("text", "Text-based metadata for this event"),
        "path": ("path", str(tmp_path / "copy.csv")),
        "dashboard_url": ("url", "http://mycoolsite.com/url_for_my_data"),
        "size (bytes)": ("int", 26),
    }
    assert [one.partition for one in done.events_of("my_partitioned_dataset")] == ["2026-11-30"]


def test_the_source_is_observed_and_what_is_downstream_is_built(page: ModuleType) -> None:
    version = sha256(b"one two three").hexdigest()
    assert observe([page.foo_source_asset]).data_version("foo_source_asset") == version
    done = materialize([page.foo_source_asset, page.foo_report, page.foo_index])
    assert [done.events_of(key)[-1].metadata["words"].value for key in ("foo_report", "foo_index")] == [3, 3]


def test_the_job_and_its_schedule_are_the_pages(page: ModuleType) -> None:
    assert page.observation_job.name == "observation_job"
    assert (page.observation_schedule.job, page.observation_schedule.cron_schedule) == (
        page.observation_job,
        ("@daily",),
    )
