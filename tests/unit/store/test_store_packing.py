"""What is packed comes back, whatever it says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upwell.protocol import InputVersion, RunKind
from upwell_operator.domain.snapshot import Failure, Materialization
from upwell_operator.store import packing

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
MOMENTS = st.datetimes(min_value=datetime(1970, 1, 2), max_value=datetime(9999, 1, 1)).map(  # noqa: DTZ001 -- made aware next
    lambda moment: moment.replace(tzinfo=UTC)
)
INPUTS = st.lists(st.builds(InputVersion, TEXT, TEXT, st.none() | TEXT), max_size=3).map(tuple)


@given(st.builds(Materialization, MOMENTS, TEXT, st.none() | TEXT, st.none() | TEXT, INPUTS))
def test_a_materialization_comes_back(made: Materialization) -> None:
    assert packing.unpack_materialization(packing.pack_materialization(made)) == made


@given(st.builds(Failure, MOMENTS, st.sampled_from(RunKind), TEXT, TEXT))
def test_a_failure_comes_back_and_names_its_kind_first(failure: Failure) -> None:
    text = packing.pack_failure(failure)
    assert packing.unpack_failure(text) == failure
    assert text.startswith(f"{failure.kind.value} ")


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(st.characters()), st.lists, max_leaves=8))
def test_any_json_can_be_sent_as_utf8_and_read_again(value: object) -> None:
    text = packing.dumps(value)
    text.encode()
    assert json.loads(text) == value


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
