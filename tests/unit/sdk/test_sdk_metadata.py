"""Metadata: every type survives the wire, plain values are understood, and what cannot be recorded says why."""

from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from upwell import (
    AssetKey,
    AssetObservation,
    MetadataValue,
    TableColumn,
    TableColumnConstraints,
    TableColumnDep,
    TableColumnLineage,
    TableConstraints,
    TableRecord,
    TableSchema,
)
from upwell.errors import InvalidValue, PermanentError, WrongType
from upwell.inference import typed
from upwell.protocol import Event, MetadataEntry
from upwell.reading import value_of
from upwell.wire import dumps, encode, entry_of, event_of, to_wire
from upwell_operator.domain.event_rules import check_event

SCHEMA = TableSchema(
    [
        TableColumn(
            "id",
            "int",
            "the key",
            TableColumnConstraints(nullable=False, unique=True, other=["positive"]),
            {"pii": "no"},
        ),
        TableColumn("name"),
    ],
    TableConstraints(["id is dense"]),
)
LINEAGE = TableColumnLineage({"id": [TableColumnDep("warehouse/raw", "order_id"), TableColumnDep(AssetKey("b"), "id")]})

VALUES = {
    "text": MetadataValue.text("hello ☃"),
    "md": MetadataValue.md("# Title"),
    "url": MetadataValue.url("https://example.org/?a=1"),
    "path": MetadataValue.path("/data/x.csv"),
    "path of pathlib": MetadataValue.path(Path("/data/x.csv")),
    "notebook": MetadataValue.notebook(Path("n.ipynb")),
    "int": MetadataValue.int(-7),
    "int beyond JavaScript": MetadataValue.int(2**53),
    "int beyond 64 bits": MetadataValue.int(2**70),
    "float": MetadataValue.float(0.1),
    "infinity": MetadataValue.float(math.inf),
    "minus infinity": MetadataValue.float(-math.inf),
    "bool": MetadataValue.bool(False),
    "json": MetadataValue.json({"a": [1, 2.5, None, True, "x"], "empty": {}, "1": []}),
    "timestamp": MetadataValue.timestamp(datetime(2026, 1, 2, tzinfo=UTC)),
    "timestamp of a number": MetadataValue.timestamp(12),
    "asset": MetadataValue.asset("warehouse/raw"),
    "job": MetadataValue.job("daily", "shop", repository_name="r"),
    "job by name": MetadataValue.job("daily"),
    "run": MetadataValue.run("raw-123"),
    "dagster_run": MetadataValue.dagster_run("raw-123"),
    "null": MetadataValue.null(),
    "table_schema": MetadataValue.table_schema(SCHEMA),
    "column_lineage": MetadataValue.column_lineage(LINEAGE),
    "table": MetadataValue.table([TableRecord({"id": 1, "name": "a"}), {"id": 2, "name": None}], SCHEMA),
}


@pytest.mark.parametrize("case", VALUES)
def test_every_type_survives_the_wire_and_the_servers_validation(case: str) -> None:
    observation = AssetObservation("a", metadata={"x": VALUES[case]})
    event = check_event(TypeAdapter(Event).validate_json(encode(event_of(observation))), datetime.now(UTC))
    assert plain(value_of(event.metadata["x"])) == plain(VALUES[case])


def plain(value: MetadataValue) -> object:
    """Sequences that are equal in value are equal, list or tuple."""
    return json.loads(dumps(to_wire(entry_of(value)))), value.type


def test_a_schema_and_a_lineage_read_back_as_the_same_objects() -> None:
    read = value_of(entry_of(MetadataValue.table_schema(SCHEMA))).value
    assert read.columns[0] == SCHEMA.columns[0]
    assert read.columns[1].constraints.nullable
    assert read.constraints == SCHEMA.constraints
    assert value_of(entry_of(MetadataValue.column_lineage(LINEAGE))).value == LINEAGE


def test_nan_survives_as_text_that_float_reads() -> None:
    entry = entry_of(MetadataValue.float(math.nan))
    assert entry == MetadataEntry("float", "NaN")
    assert math.isnan(value_of(entry).value)


@settings(deadline=None)
@given(st.integers())
def test_ints_of_any_size_survive(number: int) -> None:
    entry = json.loads(dumps(to_wire(entry_of(MetadataValue.int(number)))))
    assert int(entry["value"]) == number
    assert isinstance(entry["value"], str) == (abs(number) >= 2**53)


def test_wire_names_are_the_documented_ones() -> None:
    assert {value.type for value in VALUES.values()} == {
        *("text", "md", "url", "path", "notebook", "int", "float", "bool", "json", "timestamp", "asset", "job", "run"),
        *("null", "table", "table_schema", "table_column_lineage"),
    }
    assert to_wire(LINEAGE) == {
        "depsByColumn": {
            "id": [{"assetKey": "warehouse/raw", "columnName": "order_id"}, {"assetKey": "b", "columnName": "id"}]
        }
    }
    assert to_wire(entry_of(VALUES["job"]))["value"] == {
        "jobName": "daily",
        "locationName": "shop",
        "repositoryName": "r",
    }


def test_nan_inside_json_and_tables_is_text() -> None:
    assert MetadataValue.json([math.nan, math.inf]).value == ["NaN", "Infinity"]
    table = MetadataValue.table([{"a": math.nan, "b": -math.inf, "c": 1}])
    assert entry_of(table).value["records"] == [{"a": "NaN", "b": "-Infinity", "c": 1}]


INFERRED: dict[str, tuple[Any, MetadataValue]] = {
    "a MetadataValue": (MetadataValue.md("x"), MetadataValue.md("x")),
    "str": ("x", MetadataValue.text("x")),
    "int": (3, MetadataValue.int(3)),
    "huge int": (2**70, MetadataValue.int(2**70)),
    "float": (1.5, MetadataValue.float(1.5)),
    "bool": (True, MetadataValue.bool(True)),
    "None": (None, MetadataValue.null()),
    "dict": ({"a": 1, 2: "b"}, MetadataValue.json({"a": 1, "2": "b"})),
    "list": ([1, (2, 3)], MetadataValue.json([1, [2, 3]])),
    "path": (Path("/x"), MetadataValue.path("/x")),
    "AssetKey": (AssetKey("a/b"), MetadataValue.asset("a/b")),
    "TableSchema": (SCHEMA, MetadataValue.table_schema(SCHEMA)),
    "TableColumnLineage": (LINEAGE, MetadataValue.column_lineage(LINEAGE)),
    "datetime": (
        datetime(2026, 1, 1, tzinfo=UTC),
        MetadataValue.timestamp(datetime(2026, 1, 1, tzinfo=UTC).timestamp()),
    ),
}


@pytest.mark.parametrize("case", INFERRED)
def test_a_plain_value_is_understood(case: str) -> None:
    value, expected = INFERRED[case]
    assert typed({"x": value}) == {"x": expected}


REFUSED: dict[str, tuple[Any, type[PermanentError], str]] = {
    "set": ({"a"}, WrongType, "no metadata type for set"),
    "tuple": ((1,), WrongType, "no metadata type for tuple"),
    "bytes": (b"x", WrongType, "no metadata type for bytes"),
    "date": (date(2026, 1, 1), WrongType, "datetime.date"),
    "Decimal": (Decimal(1), WrongType, "decimal.Decimal"),
    "naive datetime": (datetime(2026, 1, 1), InvalidValue, "has no time zone"),  # noqa: DTZ001 - the point
    "too much text": ("x" * 65537, InvalidValue, "65,537 bytes of text, the limit is 65,536"),
    "too much text in UTF-8": ("☃" * 22000, InvalidValue, "66,000 bytes"),
    "half a surrogate": ("\ud800", InvalidValue, "UTF-8"),
    "an object in json": ({"a": object()}, WrongType, "no word for object"),
    "a tuple as a key in json": ({(1, 2): 1}, WrongType, "text is expected, not tuple"),
    "a bool as a key in json": ({True: 1}, WrongType, "text is expected, not bool"),
    "an int of 5000 digits": (10**5000, InvalidValue, "the limit is 14,000"),
    "an int of 5000 digits in json": ([10**5000], InvalidValue, "the limit is 14,000"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_value_is_refused_with_its_label(case: str) -> None:
    value, error, text = REFUSED[case]
    with pytest.raises(error, match=f"metadata 'the label': .*{text}"):
        typed({"the label": value})


def test_json_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(InvalidValue, match="holds itself"):
        typed({"x": endless})


LABELS: dict[str, tuple[Any, str]] = {
    "no mapping": ([1], "not list"),
    "a label that is an int": ({1: "x"}, "label is text, not int"),
    "an empty label": ({"": "x"}, "1 to 256 printable"),
    "a label with a newline": ({"a\nb": "x"}, "1 to 256 printable"),
    "a label of 257": ({"a" * 257: "x"}, "1 to 256 printable"),
    "257 entries": ({str(n): n for n in range(257)}, "257 metadata entries, the limit is 256"),
}


@pytest.mark.parametrize("case", LABELS)
def test_metadata_is_refused_with(case: str) -> None:
    metadata, text = LABELS[case]
    with pytest.raises((InvalidValue, WrongType), match=text):
        typed(metadata)


WRONG = {
    "text": lambda: MetadataValue.text(1),  # type: ignore[arg-type]
    "int of bool": lambda: MetadataValue.int(True),
    "int of text": lambda: MetadataValue.int("1"),  # type: ignore[arg-type]
    "float of bool": lambda: MetadataValue.float(True),
    "float of text": lambda: MetadataValue.float("1"),  # type: ignore[arg-type]
    "bool of int": lambda: MetadataValue.bool(1),  # type: ignore[arg-type]
    "timestamp of text": lambda: MetadataValue.timestamp("now"),  # type: ignore[arg-type]
    "job of int": lambda: MetadataValue.job(1),  # type: ignore[arg-type]
    "table with a dict as schema": lambda: MetadataValue.table([], {}),  # type: ignore[arg-type]
    "table_schema of dict": lambda: MetadataValue.table_schema({}),  # type: ignore[arg-type]
    "column_lineage of dict": lambda: MetadataValue.column_lineage({}),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", WRONG)
def test_a_constructor_refuses_the_wrong_type(case: str) -> None:
    with pytest.raises(WrongType):
        WRONG[case]()


def test_a_float_of_an_int_that_no_float_holds_says_to_use_int() -> None:
    with pytest.raises(InvalidValue, match=r"use MetadataValue\.int"):
        MetadataValue.float(10**400)


def test_an_event_beyond_1_mib_names_its_biggest_entry_and_the_limit() -> None:
    observation = AssetObservation("a", metadata={"small": 1, "big": [["x" * 60_000] * 20]})
    with pytest.raises(InvalidValue, match=r"the limit is 1,048,576; its biggest metadata entry is 'big'"):
        encode(event_of(observation))


def test_a_type_of_a_later_version_stays_as_it_is() -> None:
    assert value_of(MetadataEntry("hologram", {"a": 1})) == MetadataValue("hologram", {"a": 1})
