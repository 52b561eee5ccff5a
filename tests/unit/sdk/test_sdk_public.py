"""The public face of the SDK: exactly these names, no dependency, and the page's example."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import upwell

PUBLIC = {
    "observable_source_asset",
    "asset",
    "op",
    "Config",
    "OpExecutionContext",
    "DataVersion",
    "DataVersionsByPartition",
    "ObserveResult",
    "MaterializeResult",
    "AssetKey",
    "AssetObservation",
    "AssetSpec",
    "multi_observable_source_asset",
    "AssetMaterialization",
    "MetadataValue",
    "AutoMaterializePolicy",
    "AssetExecutionContext",
    "ExecuteInProcessResult",
    "observe",
    "materialize",
    "define_asset_job",
    "AssetJobDefinition",
    "AssetSelection",
    "DefaultScheduleStatus",
    "PartitionsDefinition",
    "StaticPartitionsDefinition",
    "DynamicPartitionsDefinition",
    "TimeWindowPartitionsDefinition",
    "HourlyPartitionsDefinition",
    "DailyPartitionsDefinition",
    "WeeklyPartitionsDefinition",
    "MonthlyPartitionsDefinition",
    "MultiPartitionsDefinition",
    "Definitions",
    "ScheduleDefinition",
    "TableRecord",
    "TableSchema",
    "TableColumn",
    "TableColumnConstraints",
    "TableConstraints",
    "TableColumnLineage",
    "TableColumnDep",
}
SOURCES = sorted(Path(upwell.__file__).parent.rglob("*.py"))

PAGE_EXAMPLE = """
from hashlib import sha256

from {library} import DataVersion, observable_source_asset


def read_some_file():
    return "some content"


@observable_source_asset
def foo_source_asset():
    content = read_some_file()
    hash_sig = sha256()
    hash_sig.update(bytearray(content, "utf8"))
    return DataVersion(hash_sig.hexdigest())
"""


def test_the_public_names_are_exactly_these() -> None:
    assert set(upwell.__all__) == PUBLIC
    assert upwell.__all__ == sorted(upwell.__all__)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_every_public_name_can_be_imported_and_has_a_docstring(name: str) -> None:
    assert getattr(upwell, name).__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="TableCloth"):
        _ = upwell.TableCloth  # type: ignore[attr-defined]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_the_sdk_imports_the_standard_library_only(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names = [name for name in names if (path.stem, name) != ("dagster_run", "dagster")]  # the image's, when needed
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            assert name.split(".")[0] in {*sys.stdlib_module_names, "upwell"}, f"{path.name} imports {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_the_sdk_is_written_in_the_syntax_of_python_3_9(path: Path) -> None:
    ast.parse(path.read_text(encoding="utf-8"), feature_version=(3, 9))


def test_the_runner_imports_nothing_heavy() -> None:
    heavy = [
        "asyncio",
        "logging",
        "http.client",
        "email",
        "ssl",
        "datetime",
        "traceback",
        "upwell.tables",
        "upwell.config",
        "upwell.partition_definitions",
        "upwell.execution",
    ]
    code = f"import sys, json, upwell.runner; print(json.dumps([name for name in {heavy} if name in sys.modules]))"
    done = subprocess.run([sys.executable, "-S", "-c", code], check=True, capture_output=True, env=clean_env())
    assert json.loads(done.stdout) == []


def clean_env() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(upwell.__file__).parents[1])}


def test_the_pages_example_runs_with_only_its_import_line_changed() -> None:
    scope: dict[str, object] = {}
    exec(PAGE_EXAMPLE.format(library="upwell"), scope)  # noqa: S102 - the example as text is the point
    source = scope["foo_source_asset"]

    result = upwell.observe([source])

    assert result.success
    [event] = result.events
    assert event.type.value == "AssetObservation"
    assert event.asset_key == "foo_source_asset"
    assert event.data_version == "290f493c44f5d63d06b374d0a5abd292fae38b92cab2fae5efefe1b0e9347f56"
