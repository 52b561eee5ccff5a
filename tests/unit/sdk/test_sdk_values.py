"""Asset keys, data versions, ids and tables: what is taken, and what is refused."""

from __future__ import annotations

import re
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from upwell import (
    AssetKey,
    DataVersion,
    DataVersionsByPartition,
    TableColumn,
    TableColumnDep,
    TableColumnLineage,
    TableRecord,
    TableSchema,
    asset,
)
from upwell.errors import InvalidValue, WrongType
from upwell.ids import UlidFactory, new_ulid, now_rfc3339
from upwell.protocol import InputVersion
from upwell.tables import infer_schema
from upwell.versions import derive
from upwell_operator.domain.event_rules import key_problem
from upwell_operator.domain.versions import derived_version


@asset(key="marts/daily")
def daily() -> None: ...


KEYS = {
    "one part": ("raw", ("raw",)),
    "a slash splits": ("warehouse/raw", ("warehouse", "raw")),
    "a list": (["warehouse", "raw"], ("warehouse", "raw")),
    "spaces inside": ("my data", ("my data",)),
    "unicode": ("größe/日本", ("größe", "日本")),
    "256 characters": ("k" * 256, ("k" * 256,)),
    "a decorated function": (daily, ("marts", "daily")),
    "a key": (AssetKey("a/b"), ("a", "b")),
}


@pytest.mark.parametrize("case", KEYS)
def test_a_key_is_read_from(case: str) -> None:
    given_key, path = KEYS[case]
    assert AssetKey.from_coercible(given_key).path == path


BAD_KEYS: dict[str, tuple[Any, type[Exception], str]] = {
    "empty": ("", InvalidValue, "cannot be empty"),
    "no parts": ([], InvalidValue, "cannot be empty"),
    "leading slash": ("/etc/passwd", InvalidValue, "single slashes"),
    "trailing slash": ("a/", InvalidValue, "single slashes"),
    "double slash": ("a//b", InvalidValue, "single slashes"),
    "parent": ("a/../b", InvalidValue, re.escape("'..'")),
    "dot": ("./a", InvalidValue, "single slashes"),
    "newline": ("a\r\nb", InvalidValue, "cannot be printed"),
    "right to left": ("a\u202eb", InvalidValue, "cannot be printed"),
    "half a surrogate": ("a\ud800", InvalidValue, "cannot be printed"),
    "blank at an end": ("a /b", InvalidValue, "blanks at an end"),
    "two ways to write e": ("cafe\u0301", InvalidValue, "NFC"),
    "257 characters": ("k" * 257, InvalidValue, "at most 256 characters, this one 257"),
    "64 KiB": ("k" * 65536, InvalidValue, "at most 256"),
    "slash in a part": (["a/b"], InvalidValue, "pieces as parts"),
    "number": (3, WrongType, "not int"),
    "None": (None, WrongType, "not NoneType"),
    "number in a list": (["a", 1], WrongType, "not int"),
}


@pytest.mark.parametrize("case", BAD_KEYS)
def test_a_key_is_refused_that_is(case: str) -> None:
    bad, error, text = BAD_KEYS[case]
    with pytest.raises(error, match=text):
        AssetKey.from_coercible(bad)


@settings(deadline=None)
@given(st.text(max_size=300))
def test_a_key_that_is_taken_reads_back_as_it_was_written(text: str) -> None:
    try:
        key = AssetKey(text)
    except InvalidValue:
        return
    assert AssetKey.from_user_string(key.to_user_string()) == key
    assert str(key) == text
    assert key_problem(text) is None, "what the SDK takes, the server takes"
    assert len(text) <= 256


def test_a_key_can_be_prefixed_compared_and_shown() -> None:
    assert AssetKey("raw").with_prefix("lake/eu") == AssetKey(["lake", "eu", "raw"])
    assert sorted([AssetKey("b"), AssetKey("a")]) == [AssetKey("a"), AssetKey("b")]
    assert repr(AssetKey("a/b")) == "AssetKey(['a', 'b'])"
    assert len({AssetKey("a/b"), AssetKey(["a", "b"])}) == 1


VERSIONS: dict[str, tuple[Any, type[Exception], str]] = {
    "empty": ("", InvalidValue, "1 to 512 characters, this one 0"),
    "too long": ("v" * 513, InvalidValue, "this one 513"),
    "int": (3, WrongType, r"not int: 3; wrap it in str"),
    "bytes": (b"abc", WrongType, "not bytes"),
    "None": (None, WrongType, "not NoneType"),
    "half a surrogate": ("\ud800", InvalidValue, "UTF-8"),
}


@pytest.mark.parametrize("case", VERSIONS)
def test_a_data_version_is_refused_that_is(case: str) -> None:
    value, error, text = VERSIONS[case]
    with pytest.raises(error, match=text):
        DataVersion(value)


def test_a_data_version_is_any_text_of_1_to_512_characters() -> None:
    assert DataVersion("v" * 512).value == "v" * 512
    assert DataVersion("two\nlines ☃") == DataVersion("two\nlines ☃")


def test_a_derived_version_depends_on_code_and_inputs_in_key_order_only() -> None:
    one = derive("1", "run-a", {"a": "x", "b": None})
    assert one == derive("1", "run-b", {"b": None, "a": "x"})
    assert len({one, derive("2", "run-a", {"a": "x", "b": None}), derive("1", "run-a", {"a": "y", "b": None})}) == 3
    assert derive(None, "run-a", {}) != derive(None, "run-b", {})


@settings(deadline=None)
@given(st.none() | st.text(), st.text(), st.dictionaries(st.text(), st.none() | st.text()))
def test_a_laptop_derives_the_version_that_a_cluster_derives(code: Any, run: str, inputs: dict[str, Any]) -> None:
    consumed = [InputVersion(key, key, version) for key, version in inputs.items()]
    assert derive(code, run, inputs) == derived_version(code, run, consumed)


def test_ulids_of_one_process_grow_even_when_the_clock_goes_back() -> None:
    times = iter([5_000_000, 5_000_000, 1_000_000, 9_000_000])
    factory = UlidFactory(lambda: next(times), lambda count: b"\x01" * count)
    made = [factory() for _ in range(4)]
    assert made == sorted(made)
    assert len(set(made)) == 4


def test_ulids_are_26_characters_of_crockfords_alphabet_and_unique_over_threads() -> None:
    made: list[str] = []
    threads = [threading.Thread(target=lambda: made.extend(new_ulid() for _ in range(500))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 2000
    assert all(re.fullmatch("[0-7][0-9A-HJKMNP-TV-Z]{25}", one) for one in made)


def test_times_are_rfc_3339_in_utc_with_milliseconds() -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", now_rfc3339())


TABLES: dict[str, tuple[Any, str]] = {
    "a record that is no mapping": (lambda: TableRecord([1]), "mapping"),  # type: ignore[arg-type]
    "a record with a column 1": (lambda: TableRecord({1: 1}), "column name is text"),  # type: ignore[dict-item]
    "a record with a list": (lambda: TableRecord({"a": [1]}), "column 'a'"),
    "a column named 1": (lambda: TableColumn(1), "name of a table column"),  # type: ignore[arg-type]
    "a schema of text": (lambda: TableSchema(["a"]), "TableColumns, not str"),  # type: ignore[list-item]
    "lineage of text": (lambda: TableColumnLineage({"a": ["b"]}), "TableColumnDeps, not str"),  # type: ignore[list-item]
    "a dep on column 1": (lambda: TableColumnDep("a", 1), "column name is text"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("case", TABLES)
def test_table_metadata_refuses(case: str) -> None:
    make, text = TABLES[case]
    with pytest.raises(WrongType, match=text):
        make()


def test_a_schema_is_that_of_the_first_record() -> None:
    schema = infer_schema([TableRecord({"a": "x", "b": 1, "c": 1.5, "d": True, "e": None})])
    assert [column.type for column in schema.columns] == ["string", "int", "float", "bool", "string"]
    assert infer_schema([]).columns == []
    assert TableSchema.from_name_type_dict({"a": "int"}) == TableSchema([TableColumn("a", "int")])


BAD_PARTITIONS: dict[str, tuple[Any, type[Exception], str]] = {
    "a list": (["eu"], WrongType, "a mapping of partition to version, not list"),
    "a partition that is a number": ({1: "a"}, WrongType, "a partition is named by text, not int"),
    "a partition without a name": ({"": "a"}, InvalidValue, "partition ''"),
    "a version that is a number": ({"eu": 1}, WrongType, r"partition 'eu': a data version is text, not int"),
    "an empty version": ({"eu": ""}, InvalidValue, "partition 'eu': a data version has 1 to 512"),
}


@pytest.mark.parametrize(("given_versions", "error", "text"), BAD_PARTITIONS.values(), ids=BAD_PARTITIONS)
def test_versions_by_partition_are_refused(given_versions: Any, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        DataVersionsByPartition(given_versions)
