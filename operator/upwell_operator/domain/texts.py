"""Texts for status: bounded, and cut where the least is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import takewhile

MESSAGE_BYTES = 1024
"""What a message in status may take."""
PATH_NAMES = 10
"""Names that a path may show."""
SHORT = 12
"""Characters of a data version that a person sees."""


NAMED_AT_MOST = 10
"""Names that a sentence shows; the rest is counted."""


def named(names: Sequence[str]) -> str:
    """Give the first of these names, and how many more there are."""
    more = len(names) - NAMED_AT_MOST
    return ", ".join(names[:NAMED_AT_MOST]) + (f" and {more} more" if more > 0 else "")


def clipped(text: str, limit: int = MESSAGE_BYTES) -> str:
    """Cut the middle out of a text that takes more than `limit` bytes: the remedy stands at its end."""
    raw = text.encode("utf-8", "replace")
    if len(raw) <= limit:
        return text
    head = (limit - 5) * 2 // 3
    tail = limit - 5 - head
    return f"{raw[:head].decode('utf-8', 'ignore')} … {raw[-tail:].decode('utf-8', 'ignore')}"


def abridged(length: int, name: Callable[[int], str]) -> list[str]:
    """Give the names of a path of this length, with its middle left out if it has more than PATH_NAMES."""
    if length <= PATH_NAMES:
        return [name(step) for step in range(length)]
    head = PATH_NAMES - 2
    return [*(name(step) for step in range(head)), f"({length - head - 1} more)", name(length - 1)]


def arrows(names: Iterable[str]) -> str:
    """Draw a path along dependencies: each name depends on the next."""
    return " → ".join(names)


def change(before: str, after: str) -> str:
    """Show two versions that differ, short; if they begin alike, from where they differ."""
    if before[:SHORT] != after[:SHORT]:
        return f"{before[:SHORT]} → {after[:SHORT]}"
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
    at = alike - SHORT // 3
    return f"…{before[at : at + SHORT]} → …{after[at : at + SHORT]}"
