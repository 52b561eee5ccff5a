"""Typed metadata values: what an event can say about data besides its version.

| type | Python value | value on the wire |
|---|---|---|
| `text`, `md`, `path`, `url`, `notebook` | str | text, at most 64 KiB |
| `int` | int of any size | number; decimal text beyond ±(2**53 - 1), which JavaScript would round |
| `float` | float | number; the text `NaN`, `Infinity` or `-Infinity` |
| `bool`, `null` | bool, None | the same |
| `json` | dict, list … | the same; NaN and infinities inside as the texts above |
| `timestamp` | seconds since 1970, float | number |
| `asset` | AssetKey | the key as text |
| `run` | name of a run | text |
| `job` | dict | `{"jobName", "locationName", "repositoryName"}`, the latter two if given |
| `table` | dict of records and schema | `{"records": [{column: value}], "schema"}` |
| `table_schema` | TableSchema | `{"columns": [{"name", "type", "description", "constraints", "tags"}], …}` |
| `table_column_lineage` | TableColumnLineage | `{"depsByColumn": {column: [{"assetKey", "columnName"}]}}` |

Plain Python values are understood as in Dagster, and a `datetime` too. Limits: values are checked where they are made;
that a whole event fits is checked in `wire`.
"""

from __future__ import annotations

import builtins
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Mapping, Sequence, Union

from upwell.errors import InvalidValue, WrongType, type_name
from upwell.keys import AssetKey
from upwell.plain import checked_float, checked_int, checked_text, jsonable

if TYPE_CHECKING:
    from datetime import datetime

    from upwell.tables import TableColumnLineage, TableRecord, TableSchema


@dataclass(frozen=True)
class MetadataValue:
    """One typed value; made by the methods below, which raise WrongType and InvalidValue."""

    type: str
    value: Any = None

    @staticmethod
    def text(text: str) -> MetadataValue:
        """Plain text."""
        return _text("text", text)

    @staticmethod
    def md(data: str) -> MetadataValue:
        """Text in Markdown, rendered where it is shown."""
        return _text("md", data)

    @staticmethod
    def url(url: str) -> MetadataValue:
        """A URL; shown as a link if it is http or https."""
        return _text("url", url)

    @staticmethod
    def path(path: Union[str, os.PathLike[str]]) -> MetadataValue:
        """A path in a file system or object store."""
        return _text("path", os.fspath(path) if isinstance(path, os.PathLike) else path)

    @staticmethod
    def notebook(path: Union[str, os.PathLike[str]]) -> MetadataValue:
        """The path of a notebook."""
        return _text("notebook", os.fspath(path) if isinstance(path, os.PathLike) else path)

    @staticmethod
    def json(data: Any) -> MetadataValue:
        """Anything that JSON can say: dict, list, text, numbers, bool, None."""
        return MetadataValue("json", jsonable(data))

    @staticmethod
    def int(value: builtins.int) -> MetadataValue:
        """An integer of any size."""
        if isinstance(value, bool) or not isinstance(value, int):
            raise WrongType(f"MetadataValue.int takes an int, not {type_name(value)}")
        return MetadataValue("int", checked_int(value))

    @staticmethod
    def float(value: builtins.float) -> MetadataValue:
        """A float; NaN and infinities survive."""
        return MetadataValue("float", checked_float("float", value))

    @staticmethod
    def bool(value: builtins.bool) -> MetadataValue:
        """True or False."""
        if not isinstance(value, bool):
            raise WrongType(f"MetadataValue.bool takes a bool, not {type_name(value)}")
        return MetadataValue("bool", value)

    @staticmethod
    def timestamp(value: Union[builtins.float, datetime]) -> MetadataValue:
        """A moment: seconds since 1970, or a datetime with a time zone."""
        from datetime import datetime  # noqa: PLC0415 - its import is felt in the start of every pod

        if not isinstance(value, datetime):
            return MetadataValue("timestamp", checked_float("timestamp", value))
        if value.tzinfo is None:
            raise InvalidValue(f"{value!r} has no time zone, so it names no moment; add one, e.g. tzinfo=timezone.utc")
        return MetadataValue("timestamp", value.timestamp())

    @staticmethod
    def asset(asset_key: Any) -> MetadataValue:
        """A reference to an asset, by its key or its decorated function."""
        return MetadataValue("asset", AssetKey.from_coercible(asset_key))

    @staticmethod
    def job(
        job_name: str, location_name: Union[str, None] = None, *, repository_name: Union[str, None] = None
    ) -> MetadataValue:
        """A reference to a job."""
        given = {"jobName": job_name, "locationName": location_name, "repositoryName": repository_name}
        return MetadataValue("job", {name: checked_text(value) for name, value in given.items() if value is not None})

    @staticmethod
    def run(run: str) -> MetadataValue:
        """A reference to a run, by its name."""
        return _text("run", run)

    dagster_run = run

    @staticmethod
    def table(
        records: Sequence[Union[TableRecord, Mapping[str, Any]]], schema: Union[TableSchema, None] = None
    ) -> MetadataValue:
        """Records to show, each a TableRecord or a mapping; the schema is that of the first one if none is given."""
        from upwell.tables import TableRecord, TableSchema, infer_schema  # noqa: PLC0415 - few functions need tables

        rows = [row if isinstance(row, TableRecord) else TableRecord(row) for row in records]
        if schema is not None and not isinstance(schema, TableSchema):
            raise WrongType(f"the schema of a table is a TableSchema, not {type_name(schema)}")
        return MetadataValue("table", {"records": rows, "schema": schema or infer_schema(rows)})

    @staticmethod
    def table_schema(schema: TableSchema) -> MetadataValue:
        """The columns of a table."""
        from upwell.tables import TableSchema  # noqa: PLC0415 - few functions need tables

        if not isinstance(schema, TableSchema):
            raise WrongType(f"MetadataValue.table_schema takes a TableSchema, not {type_name(schema)}")
        return MetadataValue("table_schema", schema)

    @staticmethod
    def column_lineage(lineage: TableColumnLineage) -> MetadataValue:
        """For each column the columns that it is made of."""
        from upwell.tables import TableColumnLineage  # noqa: PLC0415 - few functions need tables

        if not isinstance(lineage, TableColumnLineage):
            raise WrongType(f"MetadataValue.column_lineage takes a TableColumnLineage, not {type_name(lineage)}")
        return MetadataValue("table_column_lineage", lineage)

    @staticmethod
    def null() -> MetadataValue:
        """Nothing, said on purpose."""
        return MetadataValue("null")


def _text(kind: str, value: Any) -> MetadataValue:
    """Make a value of a kind that is text."""
    return MetadataValue(kind, checked_text(value))
