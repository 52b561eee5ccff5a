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


async def test_in_a_rest_the_heap_gives_back_what_the_process_has_grown_by(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "REST_SECONDS", 0)
    held, rests, gives = [100, 100, 103, 106, 106], iter([True, False, True, True]), list[int]()
    sizes = iter([size * 2**20 for size in held])

    def trim(_: int) -> None:
        gives.append(len(gives))

    def at_rest() -> bool:
        if (rest := next(rests, None)) is None:
            raise EndOfTest
        return rest

    with pytest.raises(EndOfTest):
        await collecting.give_back(at_rest, trim, lambda: next(sizes))
    assert gives == [0, 1], "for what it held at first, and for six megabytes more; three are not enough"


async def test_where_the_heap_cannot_give_back_nothing_is_waited_for() -> None:
    await collecting.give_back(lambda: True, None)


def test_what_a_process_holds_is_counted_in_bytes() -> None:
    assert 2**20 < collecting.resident() < 2**40


class EndOfTest(Exception):  # noqa: N818 -- no error
    """The test has seen enough."""
