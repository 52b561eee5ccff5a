"""What is packed comes back, whatever it says."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upwell.protocol import Event, EventType, InputVersion, MetadataEntry, RunKind
from upwell_operator.domain.snapshot import AssetId, Failure, Materialization
from upwell_operator.store import Append, packing

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
MOMENTS = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9999, 1, 1)).map(  # noqa: DTZ001 -- made aware next
    lambda moment: moment.replace(tzinfo=UTC)
)
ANY_TEXT = st.text(st.characters(), max_size=40)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | ANY_TEXT, st.lists, max_leaves=8)
INPUTS = st.lists(st.builds(InputVersion, TEXT, TEXT, st.none() | TEXT), max_size=3).map(tuple)


@given(st.builds(Materialization, MOMENTS, TEXT, st.none() | TEXT, st.none() | TEXT, INPUTS))
def test_a_materialization_comes_back(made: Materialization) -> None:
    assert packing.unpack_materialization(packing.pack_materialization(made)) == made


@given(st.builds(Failure, MOMENTS, st.sampled_from(RunKind), TEXT, TEXT))
def test_a_failure_comes_back_and_names_its_kind_first(failure: Failure) -> None:
    text = packing.pack_failure(failure)
    assert packing.unpack_failure(text) == failure
    assert text.startswith(f"{failure.kind.value} ")


@given(JSON)
def test_any_json_can_be_sent_as_utf8_and_read_again(value: object) -> None:
    text = packing.dumps(value)
    text.encode()
    assert json.loads(text) == value


def entry(**said: Any) -> Append:
    event = Event("01J", EventType.OBSERVATION, "orders", "2026-03-01T12:00:00Z", "v1", **said)
    return Append(AssetId("shop", "orders"), event, run="r1", inputs=(InputVersion("a", "a", None),))


@given(
    st.dictionaries(ANY_TEXT, st.builds(MetadataEntry, TEXT, JSON), max_size=3),
    st.dictionaries(TEXT, ANY_TEXT, max_size=2),
    st.none() | ANY_TEXT,
    st.none() | TEXT.filter(bool),
)
def test_an_event_comes_back_whatever_it_says(
    metadata: Any, tags: Any, description: str | None, partition: str | None
) -> None:
    given_ = entry(metadata=metadata, tags=tags, description=description, partition=partition)
    text, _ = packing.pack_entry(given_)
    found = packing.unpack_entry("orders", "1-0", {"f": "", "j": text})
    assert (found.event, found.run, found.inputs) == (given_.event, given_.run, given_.inputs)


def test_the_digest_is_of_what_an_event_says_and_not_of_when_or_which_it_is() -> None:
    said = entry(description="well")
    later = replace(said, event=replace(said.event, id="02J", time="2026-03-02T12:00:00Z", data_version="v2"))
    assert packing.pack_entry(said)[1] == packing.pack_entry(later)[1]
    assert packing.pack_entry(said)[1] != packing.pack_entry(entry(description="ill"))[1]
    assert packing.pack_entry(entry())[1] == ""


def test_what_is_too_deep_or_not_finite_for_one_encoder_is_written_by_the_other() -> None:
    deep: list[Any] = []
    for _ in range(400):
        deep = [deep]
    assert json.loads(packing.dumps(deep)) == deep
    assert packing.dumps([float("nan"), float("inf")]) == "[NaN,Infinity]"


@pytest.mark.parametrize(
    "text",
    ["2026-03-01T12:00:00Z", "2026-03-01T12:00:00+00:00", "2026-03-01T14:00:00+02:00"],
    ids=["Z", "offset zero", "another offset"],
)
def test_times_are_read_as_utc_whatever_their_offset(text: str) -> None:
    moment = packing.moment(text)
    assert moment == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert moment.tzinfo is UTC


def test_a_time_without_an_offset_is_refused_with_the_remedy() -> None:
    with pytest.raises(ValueError, match="has no offset: write it in UTC"):
        packing.moment("2026-03-01T12:00:00")


def test_times_are_written_in_utc() -> None:
    east = timezone(timedelta(hours=2))
    assert packing.timestamp(datetime(2026, 3, 1, 14, tzinfo=east)) == "2026-03-01T12:00:00Z"


def test_nothing_known_is_no_state() -> None:
    assert packing.unpack_state([None] * len(packing.STATE_FIELDS)) is None
