"""The graph: edges come and go, order holds, and what is wrong is said to the right asset in words with a remedy."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from builders import NOW, a_graph, a_ref, an_asset, an_id
from upwell_operator.domain.graph import Graph
from upwell_operator.domain.snapshot import Asset, Ref
from upwell_operator.resources.meta import Reason


def refs(*names: str) -> set[Ref]:
    return {a_ref(name) for name in names}


def names(found: object) -> list[str]:
    return [ref.name for ref in found]  # type: ignore[attr-defined]


def problem_of(graph: Graph, name: str) -> str | None:
    problem = graph.problem(a_ref(name))
    return problem and problem.reason.value


# Edges


def test_a_dependency_on_an_asset_that_does_not_exist_yet_resolves_when_it_appears():
    graph = a_graph(an_asset("b", deps=["a"]))
    assert graph.upstream(a_ref("b")) == ()
    assert problem_of(graph, "b") == "DependencyNotFound"

    touched = graph.put(an_asset("a"))

    assert touched == refs("a", "b")
    assert graph.upstream(a_ref("b")) == (a_ref("a"),)
    assert graph.downstream(a_ref("a")) == (a_ref("b"),)
    assert problem_of(graph, "b") is None


def test_removing_an_asset_leaves_those_that_name_it_unmet():
    graph = a_graph(an_asset("a"), an_asset("b", deps=["a"]))
    assert graph.remove(a_ref("a")) == refs("a", "b")
    assert problem_of(graph, "b") == "DependencyNotFound"
    assert graph.remove(a_ref("a")) == set()
    assert list(graph.refs()) == [a_ref("b")]
    assert len(graph) == 1


def test_putting_what_is_there_already_touches_nothing():
    graph = a_graph(an_asset("a"), an_asset("b", deps=["a"]))
    assert graph.put(an_asset("b", deps=["a"])) == set()


def test_a_change_that_is_no_edge_touches_the_asset_alone():
    graph = a_graph(an_asset("a"), an_asset("b", deps=["a"]), an_asset("c", deps=["b"]))
    assert graph.put(an_asset("b", deps=["a"], code_version="2")) == refs("b")
    assert graph.get(a_ref("b")) == an_asset("b", deps=["a"], code_version="2")


def test_a_change_of_deps_touches_both_ends_of_each_edge():
    graph = a_graph(an_asset("a"), an_asset("b"), an_asset("c"), an_asset("d", deps=["a", "b"]))
    assert graph.put(an_asset("d", deps=["b", "c"])) == refs("a", "c", "d")
    assert graph.upstream(a_ref("d")) == (a_ref("b"), a_ref("c"))
    assert graph.downstream(a_ref("a")) == ()


def test_deps_named_twice_are_one_edge():
    graph = a_graph(an_asset("a"), an_asset("b", deps=["a", "a"]))
    assert graph.upstream(a_ref("b")) == (a_ref("a"),)
    assert problem_of(graph, "b") is None
    graph.put(an_asset("b"))
    assert graph.downstream(a_ref("a")) == ()


def test_readers_of_one_asset_come_and_go_on_their_own():
    graph = a_graph(an_asset("a"), an_asset("b", deps=["a"]), an_asset("c", deps=["a"]))
    graph.remove(a_ref("b"))
    assert graph.downstream(a_ref("a")) == (a_ref("c"),)
    assert graph.remove(a_ref("a")) == refs("a", "c")


def test_what_is_not_there_has_no_neighbours_no_data_and_no_problem():
    graph = Graph()
    nobody = a_ref("nobody")
    assert graph.get(nobody) is None
    assert graph.upstream(nobody) == graph.downstream(nobody) == ()
    assert graph.data(nobody) is None
    assert graph.problem(nobody) is None
    assert graph.by_id(an_id("nobody")) is None
    assert nobody not in graph


# Namespaces


@pytest.mark.parametrize(
    ("export_to", "wanted"),
    [
        pytest.param((), "DependencyNotExported", id="to its own namespace only"),
        pytest.param(("hr",), "DependencyNotExported", id="to another one"),
        pytest.param(("hr", "shop"), None, id="to this one"),
        pytest.param(("*",), None, id="to all"),
    ],
)
def test_an_asset_of_another_namespace_must_be_exported(export_to: tuple[str, ...], wanted: str | None):
    graph = a_graph(an_asset("sales/a", export_to=export_to), an_asset("b", deps=["sales/a"]))
    assert problem_of(graph, "b") == wanted
    assert graph.upstream(a_ref("b")) == (() if wanted else (a_ref("sales/a"),))


def test_withdrawing_an_export_cuts_the_readers_off():
    graph = a_graph(an_asset("sales/a", export_to=("*",)), an_asset("b", deps=["sales/a"]))
    assert graph.put(an_asset("sales/a")) == refs("sales/a", "b")
    assert problem_of(graph, "b") == "DependencyNotExported"


def test_an_edge_that_is_not_allowed_closes_no_cycle():
    graph = a_graph(an_asset("sales/a", deps=["b"]), an_asset("b", deps=["sales/a"], export_to=("sales",)))
    assert problem_of(graph, "sales/a") is None
    assert problem_of(graph, "b") == "DependencyNotExported"


# Keys


def test_the_older_asset_keeps_the_key():
    older = an_asset("old", key="k", created_at=NOW - timedelta(days=2))
    younger = an_asset("young", key="k", created_at=NOW)
    for order in ([older, younger], [younger, older]):
        graph = a_graph(*order)
        assert graph.by_id(older.id) == older.ref
        assert problem_of(graph, "old") is None
        assert problem_of(graph, "young") == "KeyConflict"
        assert graph.data(younger.ref) is None
        assert graph.data(older.ref) == older.id


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"created_at": NOW, "uid": "1"}, {"created_at": NOW, "uid": "2"}, id="same second: by uid"),
        pytest.param({"created_at": NOW}, {"created_at": None}, id="not created yet comes last"),
    ],
)
def test_age_is_total(one: dict[str, object], other: dict[str, object]):
    graph = a_graph(an_asset("y", key="k", **other), an_asset("x", key="k", **one))
    assert graph.by_id(an_id("k")) == a_ref("x")


def test_the_key_passes_on_when_its_holder_goes_or_takes_another_key():
    older = an_asset("old", key="k", created_at=NOW - timedelta(days=2))
    graph = a_graph(older, an_asset("young", key="k", created_at=NOW))
    assert graph.put(replace(older, key="other")) == refs("old", "young")
    assert problem_of(graph, "young") is None
    assert graph.put(older) == refs("old", "young")
    assert problem_of(graph, "young") == "KeyConflict"
    assert graph.remove(older.ref) == refs("old", "young")
    assert graph.by_id(older.id) == a_ref("young")


def test_a_change_of_key_touches_those_who_depend_on_it():
    graph = a_graph(an_asset("a"), an_asset("b", deps=["a"]))
    assert graph.put(an_asset("a", key="new")) == refs("a", "b")


def test_keys_of_two_namespaces_do_not_conflict():
    graph = a_graph(an_asset("a", key="k"), an_asset("sales/a", key="k"))
    assert problem_of(graph, "a") is problem_of(graph, "sales/a") is None


# Cycles


@pytest.mark.parametrize(
    ("deps", "members"),
    [
        pytest.param({"a": ["a"]}, "a", id="itself"),
        pytest.param({"a": ["b"], "b": ["a"]}, "ab", id="two"),
        pytest.param({"a": ["b"], "b": ["c"], "c": ["a"], "d": ["c"]}, "abc", id="downstream of a cycle is no member"),
        pytest.param({"u": [], "a": ["u", "b"], "b": ["a"]}, "ab", id="upstream of a cycle is no member"),
        pytest.param({"a": ["b", "c"], "b": ["a"], "c": ["a"]}, "abc", id="two rings with a common member"),
        pytest.param({"a": ["b"], "b": ["a"], "c": ["d", "b"], "d": ["c"]}, "abcd", id="two cycles in a row"),
    ],
)
def test_a_cycle_marks_its_members_only(deps: dict[str, list[str]], members: str):
    for order in (list(deps), list(deps)[::-1]):
        graph = a_graph(*(an_asset(name, deps=deps[name]) for name in order))
        marked = {name for name in deps if problem_of(graph, name) == "DependencyCycle"}
        assert marked == set(members)
        assert graph.turned() == refs(*members)
        assert graph.turned() == set()
        assert {ref.name for ref in graph.in_order(graph.refs())} == set(deps)


def test_a_cycle_opens_when_an_edge_goes_and_all_members_are_told():
    graph = a_graph(an_asset("a", deps=["b"]), an_asset("b", deps=["c"]), an_asset("c", deps=["a"]))
    graph.turned()
    graph.put(an_asset("c"))
    assert graph.turned() == refs("a", "b", "c")
    assert [graph.problem(a_ref(name)) for name in "abc"] == [None] * 3
    assert names(graph.in_order(graph.refs())) == ["c", "b", "a"]


def test_a_cycle_opens_when_members_are_removed():
    graph = a_graph(an_asset("a", deps=["b"]), an_asset("b", deps=["c"]), an_asset("c", deps=["a"]))
    assert problem_of(graph, "a") == "DependencyCycle"
    graph.remove(a_ref("a"))
    graph.remove(a_ref("b"))
    assert problem_of(graph, "c") == "DependencyNotFound"
    assert a_ref("c") in graph.turned()
    graph.put(an_asset("c"))
    assert problem_of(graph, "c") is None


def test_while_one_cycle_stands_others_are_found_too():
    graph = a_graph(an_asset("a", deps=["a"]), an_asset("x"), an_asset("y", deps=["x"]))
    assert problem_of(graph, "a") == "DependencyCycle"
    graph.put(an_asset("x", deps=["y"]))
    assert problem_of(graph, "x") == problem_of(graph, "y") == "DependencyCycle"


# Words


def message_of(graph: Graph, name: str) -> str:
    problem = graph.problem(a_ref(name))
    assert problem is not None
    return problem.message


def test_each_problem_names_field_value_and_remedy():
    graph = a_graph(
        an_asset("old", key="k", created_at=NOW - timedelta(days=1)),
        an_asset("young", key="k", created_at=NOW),
        an_asset("a", deps=["b"]),
        an_asset("b", deps=["c"]),
        an_asset("c", deps=["a"]),
        an_asset("lost", deps=["old", "nowhere"]),
        an_asset("far", deps=["sales/gone"]),
        an_asset("sales/private"),
        an_asset("curious", deps=["sales/private"]),
    )
    assert {name: message_of(graph, name) for name in ("young", "b", "lost", "far", "curious")} == {
        "young": 'spec.key "k" is the key of the older asset "old" in namespace "shop"; '
        "give this one another spec.key, or delete one of the two",
        "b": "spec.deps makes this asset depend on itself: b → c → a → b; remove one of these dependencies",
        "lost": 'spec.deps[1].name "nowhere" is no asset in namespace "shop"; '
        "set spec.deps[].namespace if it is in another one, create that asset, or correct the name",
        "far": 'spec.deps[0].name "gone" is no asset in namespace "sales"; create that asset, or correct the name',
        "curious": 'spec.deps[0].name "private" in namespace "sales" is not exported to namespace "shop"; '
        "add it to the spec.exportTo of that asset, or remove the dependency",
    }


def test_a_long_cycle_is_cut_in_the_middle_and_told_quickly():
    size = 5_000
    graph = a_graph(*(an_asset(f"a{at}", deps=[f"a{(at + 1) % size}"]) for at in range(size)))
    assert "a7 → a8 → a9 → a10 → a11 → a12 → a13 → a14 → (4992 more) → a7;" in message_of(graph, "a7")
    assert all(graph.problem(ref).reason is Reason.DEPENDENCY_CYCLE for ref in graph.refs())  # type: ignore[union-attr]


@pytest.mark.parametrize("first", ["a", "b"])
def test_the_words_about_a_cycle_do_not_depend_on_who_is_asked_about_first(first: str):
    graph = a_graph(an_asset("a", deps=["b", "a"]), an_asset("b", deps=["a"]))
    message_of(graph, first)
    assert "itself: a → a;" in message_of(graph, "a")
    assert "itself: b → a → b;" in message_of(graph, "b")


def test_messages_fit_whatever_the_names_are():
    graph = a_graph(*(an_asset(f"{at}".rjust(253, "x"), deps=[f"{(at + 1) % 9}".rjust(253, "x")]) for at in range(9)))
    text = message_of(graph, "0".rjust(253, "x"))
    assert len(text.encode()) <= 1024
    assert text.endswith("remove one of these dependencies")


# Order


def chain(size: int) -> list[Asset]:
    return [an_asset(f"a{at:05}", deps=[f"a{at - 1:05}"] if at else []) for at in range(size)]


def test_a_chain_of_20000_keeps_its_order_whichever_end_comes_first():
    assets = chain(20_000)
    for order in (assets, assets[::-1], assets[1::2] + assets[::2]):
        graph = a_graph(*order)
        assert graph.in_order(graph.refs()) == [asset.ref for asset in assets]


def test_order_is_that_of_the_refs_given_each_once_and_only_those_that_exist():
    graph = a_graph(an_asset("c"), an_asset("b", deps=["c"]), an_asset("a", deps=["b"]))
    assert names(graph.in_order([a_ref("a"), a_ref("c"), a_ref("a"), a_ref("nobody")])) == ["c", "a"]


def test_equals_come_in_order_of_their_names():
    graph = a_graph(*(an_asset(name) for name in "zyx"))
    assert names(graph.in_order(graph.refs())) == ["x", "y", "z"]


def test_reach_is_what_is_downstream_in_order_and_lazy():
    graph = a_graph(
        an_asset("root"),
        an_asset("a", deps=["root"]),
        an_asset("b", deps=["root", "a"]),
        an_asset("c", deps=["b", "other"]),
        an_asset("other"),
    )
    assert names(graph.reach([a_ref("a")])) == ["a", "b", "c"]
    walk = graph.reach([a_ref("root")])
    assert next(walk) == a_ref("root")


def test_a_new_edge_that_goes_against_the_order_rearranges_what_is_below():
    graph = a_graph(an_asset("a"), an_asset("b", deps=["a"]), an_asset("c", deps=["b"]), an_asset("z"))
    graph.put(an_asset("z1", deps=["z"]))
    graph.put(an_asset("z2", deps=["z1"]))
    graph.put(an_asset("a", deps=["z2"]))
    assert names(graph.in_order(graph.refs())) == ["z", "z1", "z2", "a", "b", "c"]
