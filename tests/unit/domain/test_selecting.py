"""Which assets a selection comes to: a table of one graph, Kubernetes' label rules, and any graph against an oracle."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import an_asset
from upwell_operator.domain.graph import Graph
from upwell_operator.domain.selecting import labelled, select
from upwell_operator.domain.snapshot import Asset, Ref, Requirement
from upwell_operator.resources.selection import By, Matching, read_selection

SHOP = "shop"
ASSETS = (
    an_asset("orders", key="raw/orders", group="raw", kinds=("csv", "file"), tags=(("tier", "gold"), ("pii", ""))),
    an_asset("people", key="raw/people", group="raw", kinds=("postgres",), tags=(("tier", "silver"),)),
    an_asset("clean", deps=["orders"], owners=("team:sales", "ana@example.com"), export_to=("*",)),
    an_asset("joined", deps=["clean", "people"]),
    an_asset("daily", deps=["joined"], group="mart"),
    an_asset("weekly", deps=["joined"], group="mart"),
    an_asset(Ref("other", "abroad"), deps=[Ref(SHOP, "clean")], export_to=("*",)),
    an_asset("back", deps=[Ref("other", "abroad")]),
)
EVERY = "back clean daily joined orders people weekly"

SELECTED = {
    "*": EVERY,
    "raw/orders": "orders",
    "orders": "",
    "raw/*": "orders people",
    "*o*e*": "joined orders people",
    "key:*y": "daily weekly",
    "group:raw": "orders people",
    "group:*r*": "daily orders people weekly",
    "group:mart": "daily weekly",
    "kind:csv or kind:postgres": "orders people",
    "tag:tier": "orders people",
    "tag:tier=gold": "orders",
    "tag:t*=*l*": "orders people",
    'tag:pii=""': "orders",
    "owner:team:sales": "clean",
    'owner:"*@example.com"': "clean",
    "not group:raw": "back clean daily joined weekly",
    "group:raw and not tag:tier=gold": "people",
    "group:raw and group:mart": "",
    "+daily": "clean daily joined orders people",
    "1+daily": "daily joined",
    "2+daily": "clean daily joined people",
    "0+daily": "daily",
    "clean+": "clean daily joined weekly",
    "raw/people+1": "joined people",
    "1+joined+1": "clean daily joined people weekly",
    "clean+ and +daily": "clean daily joined",
    "(raw/orders+ and raw/people+)+": "daily joined weekly",
    "roots(*)": "back orders people",
    "sinks(*)": "back daily weekly",
    "roots(group:mart)": "daily weekly",
    "roots(+daily) and not kind:csv": "people",
    "sinks(+joined)": "joined",
    "+back": "back",
    "abroad": "",
}


@pytest.fixture(scope="module")
def graph() -> Graph:
    return graph_of(*ASSETS)


def graph_of(*assets: Asset) -> Graph:
    graph = Graph()
    for asset in assets:
        graph.put(asset)
    return graph


def names(refs: list[Ref]) -> str:
    assert {ref.namespace for ref in refs} <= {SHOP}
    return " ".join(ref.name for ref in refs)


@pytest.mark.parametrize(("text", "wanted"), SELECTED.items(), ids=SELECTED.keys())
def test_what_a_selection_comes_to(graph: Graph, text: str, wanted: str) -> None:
    assert names(select(read_selection(text), graph, SHOP)) == wanted


def test_a_cycle_is_walked_once() -> None:
    graph = graph_of(an_asset("a", deps=["b"]), an_asset("b", deps=["a"]), an_asset("c", deps=["b"]))
    assert names(select(read_selection("+c"), graph, SHOP)) == "a b c"
    assert names(select(read_selection("roots(*)"), graph, SHOP)) == ""


LABELS = {
    "both": (("stage", "one"), ("tier", "raw")),
    "empty": (("tier", ""),),
    "none": (),
    "raw": (("tier", "raw"),),
}
REQUIRED = {
    "a value": ((Requirement("tier", "In", ("raw",)),), "both raw"),
    "one of two values": ((Requirement("tier", "In", ("raw", "")),), "both empty raw"),
    "no such value, or no label": ((Requirement("tier", "NotIn", ("raw",)),), "empty none"),
    "a label": ((Requirement("tier", "Exists"),), "both empty raw"),
    "no label": ((Requirement("tier", "DoesNotExist"),), "none"),
    "all of it": ((Requirement("tier", "In", ("raw",)), Requirement("stage", "DoesNotExist")), "raw"),
}


@pytest.mark.parametrize(("selector", "wanted"), REQUIRED.values(), ids=REQUIRED.keys())
def test_what_a_label_selector_comes_to(selector: tuple[Requirement, ...], wanted: str) -> None:
    graph = graph_of(
        *(an_asset(name, labels=labels) for name, labels in LABELS.items()),
        an_asset(Ref("other", "abroad"), labels=LABELS["both"]),
    )
    assert names(labelled(selector, graph, SHOP)) == wanted


@given(st.text(st.sampled_from("ab*"), max_size=8), st.text(st.sampled_from("ab"), max_size=8))
def test_a_star_stands_for_any_characters(pattern: str, word: str) -> None:
    found = select(Matching(By.KEY, pattern), graph_of(an_asset("one", key=word)), SHOP)
    assert bool(found) == fnmatchcase(word, pattern)


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    graph = graph_of(an_asset("one", key="a" * 250))
    assert select(Matching(By.KEY, "a*" * 120 + "b"), graph, SHOP) == []


EDGES = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=12)


@given(EDGES, st.integers(0, 5), st.none() | st.integers(0, 3))
def test_layers_are_what_so_many_steps_reach(edges: list[tuple[int, int]], start: int, layers: int | None) -> None:
    deps = {node: sorted({low for low, high in edges if high == node and low != node}) for node in range(6)}
    graph = graph_of(*(an_asset(f"a{node}", deps=[f"a{dep}" for dep in deps[node]]) for node in range(6)))
    reached = {start}
    for _ in range(6 if layers is None else layers):
        reached |= {dep for node in reached for dep in deps[node]}
    text = f"{'' if layers is None else layers}+a{start}"
    assert names(select(read_selection(text), graph, SHOP)) == " ".join(f"a{node}" for node in sorted(reached))
    below = {node for node in range(6) if start in walked(deps, node)}
    assert names(select(read_selection(f"a{start}+"), graph, SHOP)) == " ".join(f"a{node}" for node in sorted(below))


def walked(deps: dict[int, list[int]], node: int) -> set[int]:
    found = {node}
    for _ in range(6):
        found |= {dep for one in found for dep in deps[one]}
    return found
