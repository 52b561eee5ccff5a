"""What metadata can say about tables: sample records, a schema, and which columns a column is made of.

Names and arguments are Dagster's. Limits: descriptions only; nothing here reads a table.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Sequence

from upwell.errors import WrongType, type_name
from upwell.keys import AssetKey

_CELL = (str, int, float, bool, type(None))


@dataclass(frozen=True)
class TableRecord:
    """One row: values of columns by name, each text, a number, a bool or None. Raises WrongType."""

    data: Mapping[str, Any]

    def __post_init__(self) -> None:
        if not isinstance(self.data, Mapping):
            raise WrongType(f"a table record is a mapping of column names to values, not {type_name(self.data)}")
        for column, value in self.data.items():
            if not isinstance(column, str):
                raise WrongType(f"a column name is text, not {type_name(column)}: {column!r:.100}")
            if not isinstance(value, _CELL):
                raise WrongType(f"column {column!r}: a value is str, int, float, bool or None, not {type_name(value)}")


@dataclass(frozen=True)
class TableConstraints:
    """Constraints of a whole table, each in words."""

    other: Sequence[str] = ()


@dataclass(frozen=True)
class TableColumnConstraints:
    """Constraints of one column."""

    nullable: bool = True
    unique: bool = False
    other: Sequence[str] = ()


@dataclass(frozen=True)
class TableColumn:
    """One column of a schema; `type` is free text."""

    name: str
    type: str = "string"
    description: str | None = None
    constraints: TableColumnConstraints = field(default_factory=TableColumnConstraints)
    tags: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for part, value in (("name", self.name), ("type", self.type)):
            if not isinstance(value, str):
                raise WrongType(f"the {part} of a table column is text, not {type_name(value)}")


@dataclass(frozen=True)
class TableSchema:
    """The columns of a table. Raises WrongType for other than TableColumns."""

    columns: Sequence[TableColumn]
    constraints: TableConstraints = field(default_factory=TableConstraints)

    def __post_init__(self) -> None:
        for column in self.columns:
            if not isinstance(column, TableColumn):
                raise WrongType(f"a table schema consists of TableColumns, not {type_name(column)}")

    @classmethod
    def from_name_type_dict(cls, columns: Mapping[str, str]) -> TableSchema:
        """Take column names and their types."""
        return cls([TableColumn(name, kind) for name, kind in columns.items()])


@dataclass(frozen=True, init=False)
class TableColumnDep:
    """A column of another asset, which a column is made of."""

    asset_key: AssetKey
    column_name: str

    def __init__(self, asset_key: Any, column_name: str) -> None:
        if not isinstance(column_name, str):
            raise WrongType(f"a column name is text, not {type_name(column_name)}")
        object.__setattr__(self, "asset_key", AssetKey.from_coercible(asset_key))
        object.__setattr__(self, "column_name", column_name)


@dataclass(frozen=True)
class TableColumnLineage:
    """For each column the columns that it is made of."""

    deps_by_column: Mapping[str, Sequence[TableColumnDep]]

    def __post_init__(self) -> None:
        for column, deps in self.deps_by_column.items():
            for dep in deps:
                if not isinstance(dep, TableColumnDep):
                    raise WrongType(f"column {column!r}: lineage consists of TableColumnDeps, not {type_name(dep)}")


_TYPE_NAMES = {bool: "bool", int: "int", float: "float"}


def infer_schema(records: Sequence[TableRecord]) -> TableSchema:
    """Give the schema of the first record, as Dagster does; of no record, a schema without columns."""
    first = records[0].data if records else {}
    return TableSchema([TableColumn(name, _TYPE_NAMES.get(type(value), "string")) for name, value in first.items()])
