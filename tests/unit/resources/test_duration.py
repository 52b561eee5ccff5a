"""Durations are read and written as people do."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from upwell_operator.resources.duration import Duration, read, write

ADAPTER = TypeAdapter(Duration)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("15m", timedelta(minutes=15)),
        ("26h", timedelta(hours=26)),
        ("90d", timedelta(days=90)),
        ("1h30m", timedelta(minutes=90)),
        ("30m1h", timedelta(minutes=90)),
        ("0h1s", timedelta(seconds=1)),
    ],
)
def test_a_text_means_a_span(text: str, span: timedelta) -> None:
    assert ADAPTER.validate_python(text) == span


@pytest.mark.parametrize(
    "text", ["", "0s", "5", "m", "1w", "1.5h", "-1m", " 1m", "1m\n", "1h 30m", "\uff11m", "9999999s", 5, None]
)
def test_what_is_no_duration_is_refused(text: object) -> None:
    with pytest.raises(ValidationError, match="such as 15m, 26h, 90d or 1h30m"):
        ADAPTER.validate_python(text)


@given(st.integers(min_value=1, max_value=99999 * 86400))
def test_what_is_written_reads_back(seconds: int) -> None:
    span = timedelta(seconds=seconds)
    assert read(write(span)) == span


def test_a_span_stays_a_span() -> None:
    assert ADAPTER.validate_python(timedelta(hours=1)) == timedelta(hours=1)


def test_nothing_is_written_as_such() -> None:
    assert write(timedelta()) == "0s"
    assert ADAPTER.dump_python(timedelta(hours=26)) == "1d2h"
