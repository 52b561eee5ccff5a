"""A thread with a loop of its own: whatever ends it is told at home, once."""

from __future__ import annotations

import asyncio

from upwell_operator.cluster import own_loop


async def test_a_second_word_about_the_end_is_not_heard() -> None:
    ended = asyncio.get_running_loop().create_future()
    first, second = ValueError("first"), ValueError("second")
    own_loop._tell(ended, first)
    own_loop._tell(ended, second)
    assert await ended is first
