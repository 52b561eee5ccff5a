"""From the wire back to typed metadata: the inverse of `wire.entry_of`.

Limits: for readers in Python; the values are trusted to be what `wire` wrote or the server let in.
"""

from __future__ import annotations

from typing import Any, Callable, Mapping

from upwell.keys import AssetKey
from upwell.metadata import MetadataValue
from upwell.protocol import MetadataEntry
from upwell.tables import (
    TableColumn,
    TableColumnConstraints,
    TableColumnDep,
    TableColumnLineage,
    TableConstraints,
    TableRecord,
    TableSchema,
)


def value_of(entry: MetadataEntry) -> MetadataValue:
    """Read one value as it was made; a type that this version does not know stays as it is."""
    read = _READ.get(entry.type)
    return MetadataValue(entry.type, read(entry.value) if read else entry.value)


def _table(value: Mapping[str, Any]) -> dict[str, Any]:
    return {"records": [TableRecord(row) for row in value["records"]], "schema": _schema(value["schema"])}


def _schema(value: Mapping[str, Any]) -> TableSchema:
    constraints = TableConstraints(**value.get("constraints", {}))
    return TableSchema([_column(column) for column in value["columns"]], constraints)


def _column(value: Mapping[str, Any]) -> TableColumn:
    # The wire leaves out what is False, and `nullable` is True where nothing is said in Python.
    constraints = TableColumnConstraints(**{"nullable": False, **value.get("constraints", {})})
    return TableColumn(**{**value, "constraints": constraints})


def _lineage(value: Mapping[str, Any]) -> TableColumnLineage:
    return TableColumnLineage(
        {
            column: [TableColumnDep(dep["assetKey"], dep["columnName"]) for dep in deps]
            for column, deps in value.get("depsByColumn", {}).items()
        }
    )


_READ: dict[str, Callable[[Any], Any]] = {
    "int": int,
    "float": float,
    "timestamp": float,
    "asset": AssetKey,
    "table": _table,
    "table_schema": _schema,
    "table_column_lineage": _lineage,
}
