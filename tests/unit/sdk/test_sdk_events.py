"""Observations, materializations, results, their tags, and how they travel."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import TypeAdapter

from upwell import AssetKey, AssetMaterialization, AssetObservation, DataVersion, MaterializeResult, ObserveResult
from upwell.errors import InvalidValue, PermanentError, WrongType
from upwell.protocol import Batch, Event, EventType, MetadataEntry, Result
from upwell.wire import dumps, encode, event_of, to_wire


def test_an_observation_takes_what_dagsters_takes() -> None:
    observation = AssetObservation("a/b", "seen", {"rows": 3}, "2026-01-01", {"team": "x"})
    assert observation.asset_key == AssetKey("a/b")
    assert event_of(observation).metadata == {"rows": MetadataEntry("int", 3)}
    assert (observation.description, observation.tags) == ("seen", {"team": "x"})
    assert event_of(observation).partition == observation.partition == "2026-01-01"


def test_events_are_equal_when_what_they_say_is_equal() -> None:
    assert AssetObservation("a", metadata={"n": 1}) == AssetObservation(["a"], metadata={"n": 1})
    assert AssetObservation("a") != AssetMaterialization("a")


def test_dagsters_tag_for_a_version_is_the_data_version() -> None:
    assert AssetObservation("a", tags={"dagster/data_version": "v 1"}).data_version == DataVersion("v 1")
    result = ObserveResult(tags={"dagster/data_version": "v", "x": "y"})
    assert (result.data_version, result.tags) == (DataVersion("v"), {"x": "y"})
    assert ObserveResult(data_version=DataVersion("v"), tags={"dagster/data_version": "v"}).data_version == DataVersion(
        "v"
    )


BAD: dict[str, tuple[Any, type[PermanentError], str]] = {
    "an empty version in the tag": (
        lambda: AssetObservation("a", tags={"dagster/data_version": ""}),
        InvalidValue,
        "1 to 512",
    ),
    "two versions": (
        lambda: ObserveResult(data_version=DataVersion("a"), tags={"dagster/data_version": "b"}),
        InvalidValue,
        "two data versions: 'a' as data_version, 'b' as tag",
    ),
    "a version that is text": (lambda: MaterializeResult(data_version="v"), WrongType, r"write DataVersion\(…\)"),
    "a description that is no text": (lambda: AssetObservation("a", 3), WrongType, "not int"),
    "tags that are a list": (lambda: AssetObservation("a", tags=["x"]), WrongType, "not list"),
    "a tag with a space": (lambda: AssetObservation("a", tags={"x y!": "z"}), InvalidValue, "'x y!'"),
    "a tag key that is an int": (lambda: AssetObservation("a", tags={1: "z"}), InvalidValue, "tag key 1"),
    "a tag value that is an int": (lambda: AssetObservation("a", tags={"x": 1}), WrongType, "tag 'x': a value is text"),
    "a tag value with a space": (lambda: AssetObservation("a", tags={"x": "a b"}), InvalidValue, "at most 63"),
    "a tag value of 64": (lambda: AssetObservation("a", tags={"x": "a" * 64}), InvalidValue, "at most 63"),
    "257 tags": (lambda: AssetObservation("a", tags={f"t{n}": "x" for n in range(257)}), InvalidValue, "257 tags"),
    "a partition that is a day": (lambda: AssetObservation("a", partition=20260101), WrongType, r"wrap it in str\(…\)"),
    "a partition of two lines": (lambda: AssetObservation("a", partition="x\ny"), InvalidValue, r"partition 'x\\ny'"),
    "a partition without a name": (lambda: AssetObservation("a", partition=""), InvalidValue, "1 to 256 characters"),
    "a bad key": (lambda: ObserveResult(asset_key="../a"), InvalidValue, "'..'"),
}


@pytest.mark.parametrize("case", BAD)
def test_is_refused(case: str) -> None:
    make, error, text = BAD[case]
    with pytest.raises(error, match=text):
        make()


def test_an_event_says_on_the_wire_only_what_it_has_to_say() -> None:
    event = Event("1", EventType.OBSERVATION, "a/b", "2026-01-01T00:00:00Z")
    assert to_wire(event) == {"id": "1", "type": "AssetObservation", "assetKey": "a/b", "time": "2026-01-01T00:00:00Z"}


def test_empty_and_false_values_of_metadata_are_said() -> None:
    metadata = {"no": MetadataEntry("bool", False), "none": MetadataEntry("null"), "empty": MetadataEntry("json", {})}
    event = Event("1", EventType.OBSERVATION, "a", "t", metadata=metadata)
    assert to_wire(event)["metadata"] == {
        "no": {"type": "bool", "value": False},
        "none": {"type": "null"},
        "empty": {"type": "json", "value": {}},
    }


def test_a_batch_is_read_by_the_server_as_it_was_written() -> None:
    record = AssetMaterialization("a/b", "made", {"n": 1, "j": {"snake_case": [None]}}, tags={"team": "x"})
    batch = Batch([event_of(record), event_of(AssetObservation("c"))], attempt="pod-1")
    assert TypeAdapter(Batch).validate_json(dumps(to_wire(batch))) == batch


def test_a_result_is_read_by_the_operator_as_it_was_written() -> None:
    result = Result(events=[event_of(AssetObservation("c", tags={"dagster/data_version": "v"}))], error="no")
    assert TypeAdapter(Result).validate_json(dumps(to_wire(result))) == result


def test_an_encoded_event_is_compact_utf_8() -> None:
    text = encode(event_of(AssetObservation("a", "größe ☃")))
    assert "größe ☃" in text
    assert ", " not in text
    assert json.loads(text)["description"] == "größe ☃"
