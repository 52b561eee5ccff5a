"""The sorts of events that people ask for: each stands for one type, or for several that mean the same to them."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from upwell.protocol import EventType


class Sort(StrEnum):
    """What has happened, in one word."""

    OBSERVATION = "observation"
    MATERIALIZATION = "materialization"
    FAILURE = "failure"


TYPES: dict[str, set[EventType]] = {
    Sort.OBSERVATION: {EventType.OBSERVATION},
    Sort.MATERIALIZATION: {EventType.MATERIALIZATION},
    Sort.FAILURE: {EventType.ATTEMPT_FAILED, EventType.OBSERVATION_FAILED, EventType.MATERIALIZATION_FAILED},
    **{one.value: {one} for one in EventType},
}
"""Every word that somebody may ask with: a sort, or a type's own name."""


def types_of(words: Iterable[str]) -> frozenset[EventType]:
    """Give the types that these words come to; none means all."""
    return frozenset[EventType]().union(*(TYPES[word] for word in words))
