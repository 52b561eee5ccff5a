"""An edit made at the version of an object that was read: if somebody else was faster, it is read and made again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from upwell_operator.errors import Conflict

TRIES = 8
"""How often an edit is tried because the object had changed; then the caller hears of the conflict."""
T = TypeVar("T")


async def unless_overtaken(edit: Callable[[], Awaitable[T]]) -> T:
    """Give what an edit gives, tried again while its object changes under it. Raises Conflict after the last try."""
    for _ in range(TRIES - 1):
        try:
            return await edit()
        except Conflict:
            continue
    return await edit()
