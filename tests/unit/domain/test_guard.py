"""A guard judges a version by its figures: what passes, what is held, and in which words."""

from __future__ import annotations

import json
import math
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, a_graph, a_state, an_asset
from upwell.protocol import MetadataEntry
from upwell_operator.domain.asset_status import asset_status, refused_status, remembered_state
from upwell_operator.domain.guard import NESTED, VALUE_CHARS, Judged, figures_of, held
from upwell_operator.domain.guard_status import FIGURE_CHARS, MOST_FIGURES, guard_status, known, packed
from upwell_operator.domain.snapshot import Arrived, Guard
from upwell_operator.domain.staleness import propagate
from upwell_operator.domain.world import World
from upwell_operator.resources.asset_status import AssetStatus
from upwell_operator.resources.expression import LONGEST, compiled, labels
from upwell_operator.resources.meta import Reason

HALF = "new.rows < 0.5 * old.rows"


def an_entry(value: Any) -> MetadataEntry:
    kinds = {bool: "bool", int: "int", float: "float", str: "text"}
    return MetadataEntry(kinds.get(type(value), "json"), value)


def judged(expression: str, new: dict[str, Any], old: dict[str, Any], message: str = "") -> str:
    """Give the words for which v2 is held, with this metadata, against v1."""
    guard = Guard(expression, message)
    versions = [
        Judged(version, figures_of(guard, {label: an_entry(value) for label, value in said.items()}))
        for version, said in (("v2", new), ("v1", old))
    ]
    return held(guard, "raw/orders", *versions)


PASSES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "enough rows": (HALF, {"rows": 50}, {"rows": 100}),
    "whole numbers and others": ("new.share < 0.5 || new.rows < 10", {"share": 0.5, "rows": 10}, {}),
    "a text": ("new.schema != old.schema", {"schema": "a,b"}, {"schema": "a,b"}),
    "a bool": ("!new.complete", {"complete": True}, {}),
    "a list as a whole": ("new.columns != old.columns", {"columns": ["a", 1]}, {"columns": ["a", 1]}),
    "something deep inside": ("new.stats.rows[0] < 3.0", {"stats": {"rows": [3]}}, {}),
    "a label that is no word": ("new['row count'] != old[\"row count\"]", {"row count": 1}, {"row count": 1}),
    "a figure that need not be there": ("'rows' in new && new.rows == 0", {}, {}),
    "the same by macro": ("has(new.rows) && new.rows == 0", {}, {}),
    "versions": ("newVersion.startsWith('v1') || oldVersion == 'v2'", {}, {}),
    "more than a float can be": ("new.deep.rows < 0", {"deep": {"rows": 10**400}}, {}),
}


@pytest.mark.parametrize(("expression", "new", "old"), PASSES.values(), ids=PASSES)
def test_what_is_not_true_passes(expression: str, new: dict[str, Any], old: dict[str, Any]) -> None:
    assert judged(expression, new, old) == ""


HELD: dict[str, tuple[str, dict[str, Any], dict[str, Any], str]] = {
    "too few rows": (HALF, {"rows": 40}, {"rows": 100}, f"{HALF} is true (rows 40, before 100)"),
    "several figures": (
        "new.rows < old.rows && new.size == 1.5",
        {"rows": 1, "size": 1.5},
        {"rows": 2},
        "new.rows < old.rows && new.size == 1.5 is true (rows 1, before 2; size 1.5)",
    ),
    "nothing but a version": ("newVersion == 'v2'", {}, {}, "newVersion == 'v2' is true"),
    "a huge number": ("new.deep.rows < 0", {"deep": {"rows": -(10**400)}}, {}, "new.deep.rows < 0 is true"),
    "a number that is none": ("new.rows != new.rows", {"rows": float("nan")}, {}, "is true (rows NaN)"),
    "no figure of the new one": (
        HALF,
        {},
        {"rows": 1},
        f"it cannot be told whether {HALF}: version v2 has no metadata 'rows'",
    ),
    "no figure of the old one": (HALF, {"rows": 1}, {}, "the version accepted before, v1 has no metadata 'rows'"),
    "a text for a number": (HALF, {"rows": 1}, {"rows": "many"}, f"it cannot be told whether {HALF}: Unsupported"),
    "a whole number in a sum": (
        "new.rows < old.rows - 10",
        {"rows": 1},
        {"rows": 1},
        "Unsupported operation: float - int",
    ),
    "a figure for an answer": ("new.rows", {"rows": 3}, {}, "new.rows is 3, neither true nor false"),
    "a value that is no figure": (
        "size(new.table) > 1",
        {"table": ["x" * VALUE_CHARS]},
        {},
        "version v2 has no metadata 'table'",
    ),
    "a value that is nested too deep": (
        "size(new.deep) > 1",
        {"deep": json.loads("[" * (NESTED + 1) + "]" * (NESTED + 1))},
        {},
        "version v2 has no metadata 'deep'",
    ),
    "a label that is put together": (
        "new['ro' + 'ws'] < 1 || newVersion == ''",
        {"rows": 0},
        {},
        "it cannot be told whether",
    ),
}


@pytest.mark.parametrize(("expression", "new", "old", "words"), HELD.values(), ids=HELD)
def test_what_is_true_or_cannot_be_told_is_held(
    expression: str, new: dict[str, Any], old: dict[str, Any], words: str
) -> None:
    said = judged(expression, new, old)
    assert said.startswith("version v2 is held: ")
    assert words in said
    assert said.endswith(
        "; release it with `upwell release raw/orders --version v2`, reject it with `upwell quarantine raw/orders v2`"
    )


def test_what_a_person_says_it_means_stands_in_place_of_the_expression() -> None:
    said = judged(HALF, {"rows": 40}, {"rows": 100}, "half of the rows are gone")
    assert "version v2 is held: half of the rows are gone (rows 40, before 100); release" in said


def test_the_ways_out_stay_however_long_the_rest_is() -> None:
    long = " || ".join(["new.a < 1"] * 80)
    said = judged(long, {"a": 0}, {})
    assert (len(said) <= 1024, said.endswith("`upwell quarantine raw/orders v2`")) == (True, True)


VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
METADATA = st.dictionaries(
    st.sampled_from(["rows", "size", "row count"]), VALUES | st.lists(VALUES, max_size=3), max_size=3
)


@given(
    st.sampled_from([HALF, "new.rows == old.rows", "new['row count'] > old.size", "size(new.rows) > 1"]),
    METADATA,
    METADATA,
)
def test_whatever_the_metadata_is_there_is_an_answer(expression: str, new: Any, old: Any) -> None:
    """The oracle: what Python says of numbers. Everything else is held, or could be told."""
    said = judged(expression, new, old)
    numbers = [one.get("rows") for one in (new, old)]
    if expression == HALF and all(type(one) in (int, float) for one in numbers):
        assert bool(said) is (float(numbers[0]) < 0.5 * float(numbers[1]))
    elif expression == HALF:
        assert "it cannot be told" in said


@given(st.text(max_size=30))
def test_whatever_the_text_is_it_compiles_or_is_refused_with_a_sentence(text: str) -> None:
    try:
        compiled(text)
    except ValueError as error:
        assert str(error)  # noqa: PT017 - a sentence is all that is asked


NESTED = {
    "brackets": "(" * 499 + "1" + ")" * 499,
    "lists": "[" * 499 + "]" * 499,
    "nothing but beginnings": "(" * LONGEST,
    "choices": "true?1:" * 140 + "1",
}


@pytest.mark.parametrize("text", NESTED.values(), ids=NESTED)
def test_what_is_nested_too_deep_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="it is no expression in CEL"):
        compiled(text)


NUMBERS = {
    "a count": (MetadataEntry("int", 3), 3.0),
    "one that JavaScript would round": (MetadataEntry("int", str(2**60)), float(2**60)),
    "one that is no number": (MetadataEntry("float", "-Infinity"), -math.inf),
    "a text": (MetadataEntry("text", "3"), "3"),
    "what is none at all": (MetadataEntry("int", "many"), "many"),
    "nothing": (MetadataEntry("null", None), None),
    "a bool": (MetadataEntry("bool", True), True),
}


@pytest.mark.parametrize(("entry", "value"), NUMBERS.values(), ids=NUMBERS)
def test_a_number_is_a_double_however_it_is_written(entry: MetadataEntry, value: object) -> None:
    figures = figures_of(Guard("new.rows == old.rows"), {"rows": entry, "other": entry})
    assert (figures, type(figures["rows"])) == ({"rows": value}, type(value))


class TestStatus:
    def test_the_condition_is_there_while_a_version_is_held_and_stays_when_the_spec_cannot_be_read(self) -> None:
        raw = an_asset("raw")
        world = World(graph=a_graph(raw))
        for words, shown in (("version v2 is held: …", ["True"]), ("", [])):
            world.states[raw.id] = a_state("v1", accepted=True, arrived=Arrived("v2", NOW, words))
            propagate(world.graph, world.states, world.verdicts, world.graph.refs(), NOW)
            status = asset_status(world, raw, {}, NOW, handled=None)
            assert AssetStatus.model_validate(status)
            unreadable = refused_status(status, 2, Reason.INVALID_SPEC, "spec.guard: …", NOW)
            for one in (status, unreadable):
                assert [each["status"] for each in one["conditions"] if each["type"] == "Held"] == shown

    def test_a_status_remembers_the_held_version_and_the_figures(self) -> None:
        arrived = Arrived("v2", NOW, "version v2 is held: …")
        figures = packed({"rows": 100.0, "columns": ["a", None], "whole": True})
        state = a_state("v1", at=NOW - timedelta(hours=1), accepted=True, figures=figures, arrived=arrived)
        shown = guard_status(state)
        assert shown["held"] == {"version": "v2", "since": "2026-11-22T12:00:00Z", "message": "version v2 is held: …"}
        assert shown["guard"] == {"figures": {"rows": "100.0", "columns": '["a",null]', "whole": "true"}}
        back = remembered_state({"dataVersion": "v1", **shown})
        assert (back.accepted, back.arrived, known(back)) == (True, arrived, known(state))

    def test_figures_alone_are_remembered_and_so_is_a_held_version_alone(self) -> None:
        for state in (
            a_state("v1", accepted=True, figures=packed({"rows": 1.0})),
            a_state("v1", accepted=True, arrived=Arrived("v2", None, "held")),
        ):
            back = remembered_state({"dataVersion": "v1", **{k: v for k, v in guard_status(state).items() if v}})
            assert (back.accepted, back.figures, back.arrived) == (True, state.figures, state.arrived)

    def test_without_a_guard_nothing_is_said(self) -> None:
        assert guard_status(a_state("v1")) == {"guard": None, "held": None}
        assert guard_status(a_state("v1", accepted=True, arrived=Arrived("v2", NOW)))["held"] is None, "it is rejected"
        assert not remembered_state({"dataVersion": "v1"}).accepted

    def test_figures_that_somebody_else_has_written_there_are_left_out(self) -> None:
        status = {"dataVersion": "v1", "guard": {"figures": {"rows": "many", "size": "1"}}}
        assert known(remembered_state(status)) == {"size": 1}

    def test_what_is_shown_of_figures_is_bounded(self) -> None:
        many = {f"n{number}": 1.0 for number in range(MOST_FIGURES + 3)}
        figures = packed({"long": "x" * FIGURE_CHARS, **many})
        shown = guard_status(a_state("v1", accepted=True, figures=figures))["guard"]["figures"]
        assert (len(shown), "long" in shown) == (MOST_FIGURES, False)


READ = {
    "new.rows < old.rows * 2.0": ("rows",),
    "new . rows > old [ 'row count' ]": ("rows", "row count"),
    "'rows' in new && \"size\" in old": ("rows", "size"),
    "renew.rows + new.a.b": ("a",),
    "newVersion == old['']": (),
}


@pytest.mark.parametrize(("text", "names"), READ.items())
def test_what_an_expression_reads_it_names(text: str, names: tuple[str, ...]) -> None:
    assert labels(text) == names
