"""Data versions: derived ones are stable and unambiguous, bad ones refused, and what is consumed is written down."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, a_graph, a_state, an_asset, an_input
from upwell.protocol import InputVersion
from upwell_operator.domain.texts import change, clipped
from upwell_operator.domain.versions import by_data, check_version, consumed, current, derived_version, differs

inputs = st.lists(
    st.builds(InputVersion, st.text(max_size=4), st.text(max_size=4), st.none() | st.text(max_size=4)),
    max_size=4,
    unique_by=lambda one: (one.key, one.name),
)


def test_the_derived_version_is_what_it_has_always_been():
    """Stored versions must not change with a release: everything derived would turn stale."""
    version = derived_version("3", "run-1", [an_input("raw", "v1", key="warehouse/raw")])
    assert version == "702c4879a352bda4e6d7dfaac510a848f0a4239a8348d108ad88bd27569a9f64"


def test_same_code_and_inputs_give_the_same_version_whatever_the_run():
    assert derived_version("3", "run-1", []) == derived_version("3", "run-2", [])


def test_without_a_code_version_every_run_gives_another_version():
    assert derived_version(None, "run-1", []) != derived_version(None, "run-2", [])
    assert derived_version(None, "x", []) != derived_version("x", "x", [])


@given(inputs, st.randoms())
def test_the_order_of_inputs_does_not_matter(some: list[InputVersion], dice: object):
    shuffled = list(some)
    dice.shuffle(shuffled)  # type: ignore[attr-defined]
    assert derived_version("1", "run", some) == derived_version("1", "run", shuffled)


@given(inputs, inputs)
def test_different_inputs_give_different_versions(some: list[InputVersion], others: list[InputVersion]):
    def consumed_by(given: list[InputVersion]) -> list[tuple[str, str | None]]:
        return [(one.key, one.data_version) for one in sorted(given, key=lambda one: (one.key, one.name))]

    same = consumed_by(some) == consumed_by(others)
    assert (derived_version("1", "run", some) == derived_version("1", "run", others)) is same


@pytest.mark.parametrize("version", ["1", "é", "x" * 512, " ", "2026-11-22T12:00:00Z"])
def test_text_of_1_to_512_characters_is_a_version(version: str):
    assert check_version(version) == version


@pytest.mark.parametrize(
    ("version", "words"),
    [
        pytest.param("", "must not be empty", id="empty"),
        pytest.param("x" * 513, "at most 512 characters, not 513", id="too long"),
        pytest.param(7, "is text, not int", id="a number"),
        pytest.param(None, "is text, not NoneType", id="nothing"),
        pytest.param("\ud800", "valid Unicode", id="half a character"),
    ],
)
def test_anything_else_is_refused_with_the_reason(version: object, words: str):
    with pytest.raises(ValueError, match=words):
        check_version(version)


@pytest.mark.parametrize(
    ("then", "now", "wanted"),
    [
        pytest.param("v1", "v1", False, id="the same"),
        pytest.param("v1", "v2", True, id="another"),
        pytest.param(None, "v1", True, id="none known then, one known now"),
        pytest.param("v1", None, False, id="lost knowledge is no change"),
        pytest.param(None, None, False, id="never known"),
    ],
)
def test_differs(then: str | None, now: str | None, wanted: bool):
    assert differs(then, now) is wanted


def test_consumed_gives_the_current_versions_in_the_order_of_deps():
    raw = an_asset("raw", key="warehouse/raw")
    theirs = an_asset("sales/rates", export_to=("shop",))
    new = an_asset("new")
    clean = an_asset("clean", deps=["sales/rates", "raw", "new", "raw"])
    graph = a_graph(raw, theirs, new, clean)
    states = {raw.id: a_state("v1"), theirs.id: a_state("r7")}
    assert consumed(clean, graph, states) == (
        InputVersion("sales/rates", "rates", "r7"),
        InputVersion("raw", "warehouse/raw", "v1"),
        InputVersion("new", "new", None),
    )


def test_consumed_tells_no_version_of_what_may_not_be_used():
    hidden, young = an_asset("sales/hidden"), an_asset("young", key="k", created_at=NOW)
    reader = an_asset("reader", deps=["sales/hidden", "nowhere", "young"])
    graph = a_graph(hidden, an_asset("old", key="k"), young, reader)
    states = {hidden.id: a_state("secret"), young.id: a_state("of the older one")}
    assert [one.data_version for one in consumed(reader, graph, states)] == [None, None, None]
    assert current(young.ref, graph, states) is None


def test_what_was_consumed_is_known_by_its_data_not_by_the_resource():
    some = [an_input("raw", "1", key="w/raw"), an_input("sales/rates", "2", key="rates")]
    assert by_data(some, "shop") == {("shop", "w/raw"): "1", ("sales", "rates"): "2"}


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        pytest.param("v1", "v2", "v1 → v2", id="short"),
        pytest.param("1a2b3c" * 9, "9f86d0" * 9, "1a2b3c1a2b3c → 9f86d09f86d0", id="long: the first 12"),
        pytest.param("sha256:aaaaaa11", "sha256:aaaaaa22", "…aaaa11 → …aaaa22", id="alike at first: where they differ"),
        pytest.param("sha256:aaaaaa", "sha256:aaaaaab", "…aaaa → …aaaab", id="one begins with the other"),
    ],
)
def test_two_versions_are_shown_so_that_they_differ(before: str, after: str, wanted: str):
    assert change(before, after) == wanted


@given(st.text(max_size=600), st.integers(20, 300))
def test_clipped_text_fits(text: str, limit: int):
    cut = clipped(text, limit)
    assert len(cut.encode("utf-8", "replace")) <= limit
    assert cut == text or " … " in cut
