"""`AssetSelection`: what it writes is what Upwell reads, and comes to the same assets as the methods say."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import an_asset
from upwell import AssetKey, AssetSelection, asset
from upwell.errors import InvalidValue, WrongType
from upwell_operator.domain.graph import Graph
from upwell_operator.domain.selecting import select
from upwell_operator.resources.selection import read_selection

A, B = AssetSelection.assets("raw/a"), AssetSelection.groups("b")


@asset
def daily() -> None: ...


WRITTEN: dict[str, tuple[AssetSelection, str]] = {
    "assets": (AssetSelection.assets("raw/a", AssetKey(["raw", "b"]), daily), "key:raw/a or key:raw/b or key:daily"),
    "an asset twice": (AssetSelection.assets("a", "a"), "key:a"),
    "all": (AssetSelection.all(), "*"),
    "all, in Dagster's words": (AssetSelection.all(include_sources=True), "*"),
    "groups": (AssetSelection.groups("a", "b"), "group:a or group:b"),
    "a tag": (AssetSelection.tag("tier", "gold"), "tag:tier=gold"),
    "a tag without a value": (AssetSelection.tag("pii", ""), 'tag:pii=""'),
    "an owner": (AssetSelection.owner("team:sales"), "owner:team:sales"),
    "an owner with a blank": (AssetSelection.owner("Ana Silva"), 'owner:"Ana Silva"'),
    "a kind": (AssetSelection.kind("csv"), "kind:csv"),
    "a keyword as a word": (AssetSelection.groups("Or"), 'group:"Or"'),
    "a text": (AssetSelection.from_string(" group:a or b "), "group:a or b"),
    "upstream": (A.upstream(), "+key:raw/a"),
    "so many layers upstream": (A.upstream(depth=2), "2+key:raw/a"),
    "upstream without itself": (A.upstream(1, include_self=False), "1+key:raw/a and not key:raw/a"),
    "downstream": (B.downstream(depth=0), "group:b+0"),
    "downstream of two": (AssetSelection.groups("a", "b").downstream(), "(group:a or group:b)+"),
    "between": (A.downstream() & B.upstream(), "key:raw/a+ and +group:b"),
    "either": (A | B, "key:raw/a or group:b"),
    "either, more tightly": ((A | B) & A, "(key:raw/a or group:b) and key:raw/a"),
    "without": ((A | B) - (A & B), "(key:raw/a or group:b) and not (key:raw/a and group:b)"),
    "of a text": (AssetSelection.from_string("a or b") - A, "(a or b) and not key:raw/a"),
    "roots": ((A | B).roots(), "roots(key:raw/a or group:b)"),
    "sinks of roots": (A.roots().sinks().upstream(), "+sinks(roots(key:raw/a))"),
    "a list of keys": (AssetSelection.from_coercible(["a", daily]), "key:a or key:daily"),
    "a list of texts": (AssetSelection.from_coercible(["a", "group:b", "or"]), "key:a or (group:b) or (or)"),
    "a list of selections": (AssetSelection.from_coercible((A, B)), "key:raw/a or group:b"),
    "a list of one": (AssetSelection.from_coercible(["group:b"]), "group:b"),
}


@pytest.mark.parametrize(("selection", "text"), WRITTEN.values(), ids=WRITTEN)
def test_a_selection_is_written_in_the_syntax_of_a_job(selection: AssetSelection, text: str) -> None:
    assert selection.text == selection.to_selection_str() == str(selection) == text


@pytest.mark.parametrize(
    ("selection", "named"),
    [
        (AssetSelection.assets("a", "b"), ["a", "b"]),
        (AssetSelection.assets("a") | AssetSelection.assets("b", "a"), ["a", "b"]),
        (AssetSelection.from_coercible(["a", AssetKey("b")]), ["a", "b"]),
        (A | B, None),
        (A - A, None),
        (AssetSelection.from_string("a"), None),
    ],
)
def test_a_selection_knows_the_assets_that_it_names_one_by_one(
    selection: AssetSelection, named: list[str] | None
) -> None:
    assert (None if selection.named is None else [str(key) for key in selection.named]) == named


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "no assets": (AssetSelection.assets, InvalidValue, "name at least one asset"),
    "no groups": (AssetSelection.groups, InvalidValue, "name at least one group"),
    "a group that is no text": (lambda: AssetSelection.groups(3), WrongType, "a group is text"),  # type: ignore[arg-type]
    "an empty kind": (lambda: AssetSelection.kind(""), WrongType, "a kind is text that is not empty"),
    "a quote": (lambda: AssetSelection.owner('a"b'), InvalidValue, "an owner cannot be selected with a quote"),
    "without sources": (lambda: AssetSelection.all(include_sources=False), InvalidValue, "include_sources=False"),
    "an empty text": (lambda: AssetSelection.from_string(" "), InvalidValue, "a selection is text"),
    "a negative depth": (lambda: A.upstream(-1), InvalidValue, "depth is a number of layers"),
    "a depth that is a bool": (lambda: A.downstream(True), InvalidValue, "depth is a number of layers"),
    "a depth that is text": (lambda: A.downstream("1"), InvalidValue, "depth is a number of layers"),  # type: ignore[arg-type]
    "joined with text": (lambda: A | "b", WrongType, "| joins two selections"),  # type: ignore[operator]
    "an empty list": (lambda: AssetSelection.from_coercible([]), WrongType, "a list of assets that is not empty"),
    "a number": (lambda: AssetSelection.from_coercible(3), WrongType, "selection is an AssetSelection"),
    "an argument that does not exist": (lambda: A.upstream(layers=1), TypeError, "layers"),  # type: ignore[call-arg]
}


@pytest.mark.parametrize(("make", "kind", "says"), REFUSED.values(), ids=REFUSED)
def test_what_selects_nothing_that_can_be_said_is_refused(make: Any, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind) as refused:
        make()
    assert says in str(refused.value)


# Against an oracle: sets of names, and edges walked one by one

NAMES = ["and", "a-b", "2", "raw", "x"]
DEPS = {"and": [], "a-b": [], "2": ["and", "a-b"], "raw": ["2"], "x": ["2"]}
GROUPS = {"and": "not", "a-b": "g", "2": "g", "raw": "not", "x": "k"}
GRAPH = Graph()
for _name in NAMES:
    GRAPH.put(an_asset(f"n-{_name}", key=_name, group=GROUPS[_name], deps=[f"n-{dep}" for dep in DEPS[_name]]))
ABOVE = {name: set(deps) for name, deps in DEPS.items()}
BELOW = {name: {other for other in NAMES if name in DEPS[other]} for name in NAMES}
Pair = tuple[AssetSelection, frozenset[str]]


def spread(start: frozenset[str], beyond: dict[str, set[str]], depth: int | None) -> frozenset[str]:
    found = set(start)
    for _ in range(len(NAMES) if depth is None else depth):
        found |= {other for name in found for other in beyond[name]}
    return frozenset(found)


def ends(chosen: frozenset[str], beyond: dict[str, set[str]]) -> frozenset[str]:
    return frozenset(name for name in chosen if not beyond[name] & chosen)


LEAVES = st.one_of(
    st.lists(st.sampled_from(NAMES), min_size=1).map(lambda some: (AssetSelection.assets(*some), frozenset(some))),
    st.sampled_from(["not", "g", "k"]).map(
        lambda group: (AssetSelection.groups(group), frozenset(name for name in NAMES if GROUPS[name] == group))
    ),
    st.just((AssetSelection.all(), frozenset(NAMES))),
    st.just((AssetSelection.from_string('2 or "raw"'), frozenset({"2", "raw"}))),
)
DEPTHS = st.none() | st.integers(0, 2)


def grown(pairs: st.SearchStrategy[Pair]) -> st.SearchStrategy[Pair]:
    return st.one_of(
        st.tuples(pairs, pairs).map(lambda two: (two[0][0] | two[1][0], two[0][1] | two[1][1])),
        st.tuples(pairs, pairs).map(lambda two: (two[0][0] & two[1][0], two[0][1] & two[1][1])),
        st.tuples(pairs, pairs).map(lambda two: (two[0][0] - two[1][0], two[0][1] - two[1][1])),
        st.tuples(pairs, DEPTHS).map(lambda one: (one[0][0].upstream(one[1]), spread(one[0][1], ABOVE, one[1]))),
        st.tuples(pairs, DEPTHS).map(
            lambda one: (one[0][0].downstream(one[1], False), spread(one[0][1], BELOW, one[1]) - one[0][1])
        ),
        pairs.map(lambda one: (one[0].roots(), ends(one[1], ABOVE))),
        pairs.map(lambda one: (one[0].sinks(), ends(one[1], BELOW))),
    )


@given(st.recursive(LEAVES, grown, max_leaves=8))
def test_what_is_written_comes_to_what_the_methods_say(pair: Pair) -> None:
    selection, expected = pair
    chosen = select(read_selection(selection.text), GRAPH, "shop")
    assert {ref.name.removeprefix("n-") for ref in chosen} == expected
