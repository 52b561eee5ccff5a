"""Which partitions a line names."""

from __future__ import annotations

import pytest

from upwell_operator.domain.partition_ranges import read
from upwell_operator.errors import Rejected

KEYS = ["mon", "tue", "wed", "thu"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("tue", ["tue"], id="a key"),
        pytest.param("wed, mon", ["mon", "wed"], id="several, in the order of all"),
        pytest.param("tue..thu", ["tue", "wed", "thu"], id="a range, both ends included"),
        pytest.param("wed..", ["wed", "thu"], id="from a key on"),
        pytest.param("..tue", ["mon", "tue"], id="up to a key"),
        pytest.param("tue..wed,tue,*", KEYS, id="all, each once"),
    ],
)
def test_what_a_line_names(text: str, expected: list[str]) -> None:
    assert read(text, KEYS) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("sun", 'partitions: "sun" is no partition; there are mon, tue, wed, thu'),
        ("mon..sun", 'partitions: "sun" in "mon..sun" is no partition; there are mon, tue, wed, thu'),
        ("wed..tue", 'partitions: "wed..tue" ends before it begins; write "tue..wed"'),
        ("", 'partitions: "" is no partition; there are mon, tue, wed, thu'),
    ],
)
def test_what_names_nothing_is_refused_with_what_there_is(text: str, sentence: str) -> None:
    with pytest.raises(Rejected) as refused:
        read(text, KEYS)
    assert str(refused.value) == sentence


def test_of_an_asset_without_partitions_there_is_none_to_name() -> None:
    with pytest.raises(Rejected, match="there is none yet"):
        read("mon", [])
