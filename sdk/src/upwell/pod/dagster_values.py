"""Dagster's metadata and tags in Upwell's words, for `dagster_run`.

Upwell's metadata types are Dagster's, so nearly all go over as they are. Limits: types are told apart by the names of
their classes, so that nothing of Dagster is imported here; one that Upwell has no word for becomes text.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping

from upwell.keys import AssetKey
from upwell.metadata import MetadataValue
from upwell.tables import (
    TableColumn,
    TableColumnConstraints,
    TableColumnDep,
    TableColumnLineage,
    TableConstraints,
    TableRecord,
    TableSchema,
)

SYSTEM = "dagster/"
"""How the names of tags begin that are Dagster's own notes."""


def key_of(key: Any) -> AssetKey:
    """Give the key as Upwell's. Raises InvalidValue."""
    return AssetKey(list(key.path))


def tags_of(tags: Mapping[str, str] | None) -> dict[str, str]:
    """Give the tags that a user has set."""
    return {name: value for name, value in (tags or {}).items() if not name.startswith(SYSTEM)}


def metadata_of(metadata: Mapping[str, Any]) -> dict[str, MetadataValue]:
    """Give typed metadata. Raises InvalidValue and WrongType for what is beyond Upwell's limits."""
    return {label: value_of(value) for label, value in metadata.items()}


def value_of(value: Any) -> MetadataValue:
    """Give one value."""
    rule = _RULES.get(type(value).__name__)
    return rule(value) if rule else MetadataValue.text(str(value.value))


def _job(value: Any) -> MetadataValue:
    return MetadataValue.job(value.job_name, value.location_name, repository_name=value.repository_name)


def _table(value: Any) -> MetadataValue:
    return MetadataValue.table([TableRecord(row.data) for row in value.records], _schema(value.schema))


def _schema(schema: Any) -> TableSchema:
    columns = [_column(column) for column in schema.columns]
    return TableSchema(columns, TableConstraints(list(schema.constraints.other)))


def _column(column: Any) -> TableColumn:
    rules = column.constraints
    constraints = TableColumnConstraints(rules.nullable, rules.unique, list(rules.other or ()))
    return TableColumn(column.name, column.type, column.description, constraints, dict(column.tags or {}))


def _lineage(value: Any) -> MetadataValue:
    deps = value.column_lineage.deps_by_column
    return MetadataValue.column_lineage(
        TableColumnLineage({
            column: [TableColumnDep(key_of(dep.asset_key), dep.column_name) for dep in several]
            for column, several in deps.items()
        })
    )  # fmt: skip


_RULES: dict[str, Callable[[Any], MetadataValue]] = {
    "TextMetadataValue": lambda one: MetadataValue.text(one.value),
    "MarkdownMetadataValue": lambda one: MetadataValue.md(one.value),
    "UrlMetadataValue": lambda one: MetadataValue.url(one.value),
    "PathMetadataValue": lambda one: MetadataValue.path(one.value),
    "NotebookMetadataValue": lambda one: MetadataValue.notebook(one.value),
    "JsonMetadataValue": lambda one: MetadataValue.json(one.data),
    "IntMetadataValue": lambda one: MetadataValue.int(one.value),
    "FloatMetadataValue": lambda one: MetadataValue.float(one.value),
    "BoolMetadataValue": lambda one: MetadataValue.bool(one.value),
    "NullMetadataValue": lambda _: MetadataValue.null(),
    "TimestampMetadataValue": lambda one: MetadataValue.timestamp(one.value),
    "DagsterAssetMetadataValue": lambda one: MetadataValue.asset(key_of(one.asset_key)),
    "DagsterRunMetadataValue": lambda one: MetadataValue.run(one.run_id),
    "DagsterJobMetadataValue": _job,
    "TableMetadataValue": _table,
    "TableSchemaMetadataValue": lambda one: MetadataValue.table_schema(_schema(one.schema)),
    "TableColumnLineageMetadataValue": _lineage,
    "PythonArtifactMetadataValue": lambda one: MetadataValue.text(f"{one.module}:{one.name}"),
}
