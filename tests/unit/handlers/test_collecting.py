"""When Python collects garbage while a world is read, and what it leaves out afterwards."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from upwell_operator.handlers import collecting


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    yield
    gc.unfreeze()
    gc.set_threshold(*collecting.USUAL)


def full_collections() -> int:
    return int(gc.get_stats()[2]["collections"])


def test_reading_much_causes_no_full_collection() -> None:
    gc.collect()
    collecting.put_off()
    before = full_collections()
    kept = [[] for _ in range(300_000)]
    assert full_collections() == before
    assert len(kept) == 300_000


def test_what_is_there_is_left_out_and_then_all_is_as_usual() -> None:
    collecting.put_off()
    collecting.leave_out()
    assert gc.get_freeze_count() > 0
    assert gc.get_threshold() == collecting.USUAL
