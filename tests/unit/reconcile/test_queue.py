"""The keyed queue: once each, after its own backoff, never in each other's way."""

from __future__ import annotations

import asyncio

import pytest

from reconcile_objects import asset_key, job_key, run_key
from upwell_operator.reconcile.queue import FIRST_DELAY, LONGEST_DELAY, Key, Queue

A, B = asset_key("a"), asset_key("b")


class Hand:
    """A queue, and the clock that it looks at."""

    def __init__(self) -> None:
        self.now = 100.0
        self.queue = Queue(lambda: self.now)

    async def ready(self) -> set[Key]:
        """Take what is ready now; nothing if nothing is."""
        taking = asyncio.ensure_future(self.queue.take())
        await asyncio.sleep(0)
        if taking.done():
            return taking.result()
        taking.cancel()
        return set()


@pytest.fixture
def hand() -> Hand:
    return Hand()


async def test_all_keys_that_are_ready_are_taken_together_and_each_once(hand: Hand) -> None:
    hand.queue.add(A, B)
    hand.queue.add(A)
    assert len(hand.queue) == 2
    assert await hand.ready() == {A, B}
    assert await hand.ready() == set()


async def test_keys_of_different_subjects_with_one_name_are_different_keys(hand: Hand) -> None:
    hand.queue.add(asset_key("x"), job_key("x"), run_key("x"))
    assert len(await hand.ready()) == 3


async def test_whoever_waits_is_woken_by_the_first_key() -> None:
    queue = Queue()
    taking = asyncio.ensure_future(queue.take())
    await asyncio.sleep(0)
    assert not taking.done()
    queue.add(A)
    assert await taking == {A}


async def test_a_key_that_somebody_is_busy_with_comes_again_afterwards(hand: Hand) -> None:
    assert hand.queue.claim({A, B}) == {A, B}
    hand.queue.add(A)
    assert await hand.ready() == set()
    hand.queue.done(A)
    hand.queue.done(B)
    assert await hand.ready() == {A}


async def test_a_busy_key_cannot_be_claimed_a_second_time_but_comes_again(hand: Hand) -> None:
    hand.queue.claim({A})
    assert hand.queue.claim({A, B}) == {B}
    hand.queue.done(A)
    assert await hand.ready() == {A}


async def test_a_claimed_key_is_not_taken_as_well(hand: Hand) -> None:
    hand.queue.add(A, B)
    hand.queue.claim({A})
    assert await hand.ready() == {B}


async def test_the_backoff_doubles_from_half_a_second_to_five_minutes(hand: Hand) -> None:
    delays = [hand.queue.failed(A) for _ in range(12)]
    assert delays == [0.5, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]
    assert (delays[0], delays[-1]) == (FIRST_DELAY, LONGEST_DELAY)


async def test_a_key_that_fails_ten_thousand_times_still_has_a_delay(hand: Hand) -> None:
    assert [hand.queue.failed(A) for _ in range(10_000)][-1] == LONGEST_DELAY


async def test_success_forgets_the_failures(hand: Hand) -> None:
    hand.queue.failed(A)
    hand.queue.failed(A)
    hand.queue.done(A)
    assert hand.queue.failed(A) == FIRST_DELAY


async def test_a_failed_key_comes_back_by_itself_when_its_backoff_is_over(hand: Hand) -> None:
    hand.queue.claim({A})
    hand.queue.failed(A)
    hand.now += 0.49
    assert await hand.ready() == set()
    hand.now += 0.02
    assert await hand.ready() == {A}


async def test_a_failed_key_waits_as_long_as_the_error_asks_for(hand: Hand) -> None:
    assert hand.queue.failed(A, after=7) == 7
    hand.now += 6.9
    assert await hand.ready() == set()
    hand.now += 0.2
    assert await hand.ready() == {A}


async def test_nothing_that_is_said_about_a_failed_key_shortens_its_backoff(hand: Hand) -> None:
    hand.queue.claim({A})
    hand.queue.add(A)  # meanwhile
    hand.queue.failed(A, after=10)
    hand.queue.add(A)
    hand.queue.add_at(A, hand.now + 1)
    hand.now += 5
    assert hand.queue.claim({A}) == set()
    assert await hand.ready() == set()
    hand.now += 6
    assert await hand.ready() == {A}


async def test_a_failed_key_that_was_ready_waits_like_any_other(hand: Hand) -> None:
    hand.queue.add(A)
    hand.queue.failed(A)
    assert await hand.ready() == set()


async def test_a_second_failure_counts_from_itself_and_not_from_the_first(hand: Hand) -> None:
    hand.queue.failed(A, after=1)
    hand.queue.failed(A, after=10)
    hand.now += 2
    assert await hand.ready() == set()
    hand.now += 9
    assert await hand.ready() == {A}


async def test_a_hundred_failing_keys_do_not_delay_a_hundred_healthy_ones(hand: Hand) -> None:
    bad = {asset_key(f"bad-{number}") for number in range(100)}
    good = {asset_key(f"good-{number}") for number in range(100)}
    looked = 0
    for _ in range(20):
        hand.queue.add(*bad, *good)
        taken = await hand.ready()
        assert good <= taken
        looked += len(taken & bad)
        for key in hand.queue.claim(taken):
            (hand.queue.failed if key in bad else hand.queue.done)(key)
        hand.now += 1
    assert looked <= 100 * 6  # 20 seconds have room for 0.5 + 1 + 2 + 4 + 8


async def test_a_key_comes_when_the_clock_says_so(hand: Hand) -> None:
    hand.queue.add_at(A, hand.now + 60)
    assert hand.queue.idle
    hand.now += 59
    assert await hand.ready() == set()
    hand.now += 1
    assert await hand.ready() == {A}
    assert await hand.ready() == set()


async def test_of_several_times_for_one_key_the_earliest_counts(hand: Hand) -> None:
    for delay in (60, 30, 90):
        hand.queue.add_at(A, hand.now + delay)
    hand.now += 30
    assert await hand.ready() == {A}
    hand.now += 100
    assert await hand.ready() == set()


async def test_whoever_waits_for_a_time_is_woken_for_an_earlier_one() -> None:
    queue = Queue()
    now = asyncio.get_running_loop().time()
    queue.add_at(B, now + 3600)
    taking = asyncio.ensure_future(queue.take())
    await asyncio.sleep(0)
    queue.add_at(A, now + 0.01)
    assert await taking == {A}


async def test_a_forgotten_key_leaves_nothing_behind(hand: Hand) -> None:
    hand.queue.add(A)
    hand.queue.failed(A)
    hand.queue.add_at(A, hand.now + 1)
    hand.queue.forget(A)
    hand.now += 1000
    assert await hand.ready() == set()
    assert hand.queue.idle
    hand.queue.add(A)
    assert await hand.ready() == {A}
    assert hand.queue.failed(A) == FIRST_DELAY


async def test_a_key_forgotten_while_somebody_is_busy_with_it_does_not_come_again(hand: Hand) -> None:
    hand.queue.claim({A})
    hand.queue.add(A)
    hand.queue.forget(A)
    hand.queue.done(A)
    assert await hand.ready() == set()


async def test_idle_means_nothing_ready_and_nobody_busy(hand: Hand) -> None:
    assert hand.queue.idle
    hand.queue.add(A)
    assert not hand.queue.idle
    hand.queue.claim({A})
    assert not hand.queue.idle
    hand.queue.done(A)
    assert hand.queue.idle
