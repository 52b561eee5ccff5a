"""Conditions and statuses: transition times that mean something, patches that say only what differs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOW
from upwell_operator.domain.conditions import Condition, difference, merge, readiness
from upwell_operator.resources.meta import ConditionType, Reason

READY = Condition(ConditionType.READY, "True", Reason.READY, "fine")
BROKEN = Condition(ConditionType.READY, "False", Reason.INVALID_SPEC, "not fine")


def test_the_transition_time_stays_while_the_status_does() -> None:
    first = merge([], [READY], 1, NOW)
    later = merge(first, [Condition(ConditionType.READY, "True", Reason.SUSPENDED)], 2, NOW + timedelta(hours=1))
    assert later[0]["lastTransitionTime"] == first[0]["lastTransitionTime"]
    assert (later[0]["reason"], later[0]["observedGeneration"]) == ("Suspended", 2)


def test_the_transition_time_moves_with_the_status() -> None:
    later = merge(merge([], [READY], 1, NOW), [BROKEN], 1, NOW + timedelta(hours=1))
    assert later[0]["lastTransitionTime"] == "2026-11-22T13:00:00Z"


def test_conditions_that_are_no_longer_wanted_go() -> None:
    stalled = merge([], readiness(Reason.INVALID_SPEC, "no"), 1, NOW)
    assert [one["type"] for one in stalled] == ["Ready", "Stalled"]
    assert [one["type"] for one in merge(stalled, [READY], 1, NOW)] == ["Ready"]


def test_what_may_mend_itself_is_not_stalled() -> None:
    assert [one.type for one in readiness(Reason.DEPENDENCY_NOT_FOUND, "no")] == [ConditionType.READY]
    assert [one.type for one in readiness(Reason.READY, "yes", status="True")] == [ConditionType.READY]


def test_messages_are_bounded() -> None:
    long = Condition(ConditionType.READY, "True", Reason.READY, "x" * 5000)
    assert len(merge([], [long], 1, NOW)[0]["message"]) == 1024


PATCHES = {
    "nothing differs": ({"a": 1}, {"a": 1}, {}),
    "a value": ({"a": 1}, {"a": 2}, {"a": 2}),
    "something new": ({}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    "something gone": ({"a": 1}, {}, {"a": None}),
    "inside a map": ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "d": 3}}, {"a": {"c": None, "d": 3}}),
    "a list is one value": ({"a": [1]}, {"a": [1, 2]}, {"a": [1, 2]}),
}


@pytest.mark.parametrize(("previous", "wanted", "patch"), PATCHES.values(), ids=PATCHES.keys())
def test_a_patch_says_what_differs(previous: dict[str, Any], wanted: dict[str, Any], patch: dict[str, Any]) -> None:
    assert difference(previous, wanted) == patch


def patched(target: Any, patch: Any) -> Any:
    """RFC 7386, as the API server applies it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = patched(result.get(key), value)
    return result


STATUS = st.recursive(
    st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=8,
)
STATUSES = st.dictionaries(st.sampled_from("abcd"), STATUS, max_size=4)


@given(STATUSES, STATUSES)
def test_applying_the_patch_gives_what_was_wanted(previous: dict[str, Any], wanted: dict[str, Any]) -> None:
    assert patched(previous, difference(previous, wanted)) == wanted
