"""What people ask for in a word, and the types of events that it stands for."""

from __future__ import annotations

from upwell.protocol import EventType
from upwell_operator.domain.sorts import types_of


def test_a_failure_is_every_type_that_tells_of_one() -> None:
    assert types_of(["failure"]) == {one for one in EventType if one.value.endswith("Failed")}


def test_sorts_and_types_may_stand_together() -> None:
    assert types_of(["observation", "AttemptFailed"]) == {EventType.OBSERVATION, EventType.ATTEMPT_FAILED}


def test_no_word_is_no_filter() -> None:
    assert types_of([]) == frozenset()
