"""One function that observes several sources: its definition, its results, and how it runs in process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from upwell import (
    AssetExecutionContext,
    AssetKey,
    AssetObservation,
    AssetSpec,
    DataVersion,
    ObserveResult,
    asset,
    materialize,
    multi_observable_source_asset,
    observable_source_asset,
    observe,
)
from upwell.calling import multi_of, results_of, run_function
from upwell.context import Run
from upwell.definitions import definition_of
from upwell.errors import InvalidValue, WrongType
from upwell.protocol import EventType, RunKind

SPECS = [AssetSpec("raw/a", kinds={"csv"}, tags={"tier": "gold"}), AssetSpec(["raw", "b"], group_name="other")]
A, B = AssetKey("raw/a"), AssetKey("raw/b")


@multi_observable_source_asset(specs=SPECS, name="raw", group_name="raw", description="Both of them.")
def both(context: AssetExecutionContext) -> Iterator[ObserveResult]:
    context.add_output_metadata({"from": "one query"})
    yield ObserveResult(asset_key=A, data_version=DataVersion("1"), metadata={"rows": 1})
    yield ObserveResult(asset_key=B, data_version=DataVersion("2"))


def a_context(*keys: AssetKey) -> AssetExecutionContext:
    return AssetExecutionContext(keys, Run("r", RunKind.OBSERVE), lambda _: None, {})


def a_multi(function: Callable[..., Any]) -> Callable[..., Any]:
    return multi_observable_source_asset(specs=SPECS)(function)


def test_its_definition_has_one_of_each_asset() -> None:
    multi = multi_of(both)
    assert multi is not None
    a, b = multi.specs
    assert (a.key, a.kinds, a.tags, a.group_name, a.description) == (
        A,
        ("csv",),
        {"tier": "gold"},
        "raw",
        "Both of them.",
    )
    assert (b.key, b.group_name, multi.keys, multi.kind) == (B, "other", (A, B), RunKind.OBSERVE)
    with pytest.raises(WrongType, match="is not an asset"):
        definition_of(both)


def test_it_is_still_a_function() -> None:
    assert [one.asset_key for one in both(a_context(A, B))] == [A, B]


WRONG = {
    "no specs": (lambda: multi_observable_source_asset(specs=[]), WrongType, "at least one"),
    "keys instead of specs": (lambda: multi_observable_source_asset(specs=["a"]), WrongType, "a list of AssetSpec"),
    "a name that is none": (lambda: multi_observable_source_asset(specs=SPECS, name=3), WrongType, "name is text"),
    "one key twice": (
        lambda: multi_observable_source_asset(specs=[AssetSpec("a"), AssetSpec("a")])(lambda: None),
        InvalidValue,
        "two of them have one key",
    ),
}


@pytest.mark.parametrize(("define", "error", "says"), WRONG.values(), ids=WRONG.keys())
def test_a_definition_that_means_nothing_is_refused(define: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        define()


def test_only_what_is_selected_is_given() -> None:
    assert [event.asset_key for event in results_of(both, a_context(B))] == ["raw/b"]
    (event,) = results_of(both, a_context(A))
    assert (event.data_version, event.result, sorted(event.metadata)) == ("1", True, ["from", "rows"])


def test_a_run_of_one_of_its_assets_takes_that_ones_result() -> None:
    assert run_function(both, a_context(B)).data_version == "2"


def test_an_async_function_may_return_a_list_and_one_may_return_a_single_result() -> None:
    async def later() -> list[ObserveResult]:
        return [ObserveResult(asset_key=key, data_version=DataVersion("x")) for key in (A, B)]

    assert len(list(results_of(a_multi(later), a_context(A, B)))) == 2
    one = a_multi(lambda: ObserveResult(asset_key=A, data_version=DataVersion("x")))
    assert len(list(results_of(one, a_context(A)))) == 1


RESULTS = {
    "nothing": (lambda: None, WrongType, "returned None; it yields an ObserveResult"),
    "a text": (lambda: "v1", WrongType, "returned a value of type str"),
    "a list of versions": (lambda: [DataVersion("1")], WrongType, "yielded a value of type"),
    "a result about nobody": (
        lambda: [ObserveResult(data_version=DataVersion("1"))],
        InvalidValue,
        "without asset_key",
    ),
    "a result about a partition": (
        lambda: [ObserveResult(asset_key=A, partition="eu")],
        InvalidValue,
        "let a function of its own observe it",
    ),
    "a result about a stranger": (lambda: [ObserveResult(asset_key="x")], InvalidValue, "its specs are raw/a, raw/b"),
    "two about one": (lambda: [ObserveResult(asset_key=A)] * 2, InvalidValue, "two results about raw/a"),
    "one too few": (lambda: [ObserveResult(asset_key=A)], InvalidValue, "gave no result for raw/b"),
}


@pytest.mark.parametrize(("function", "error", "says"), RESULTS.values(), ids=RESULTS.keys())
def test_a_result_that_means_nothing_is_refused(function: Any, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        list(results_of(a_multi(function), a_context(A, B)))


def test_an_asset_that_it_does_not_observe_is_named() -> None:
    with pytest.raises(InvalidValue, match="does not observe other; its specs are raw/a, raw/b"):
        list(results_of(both, a_context(AssetKey("other"))))
    with pytest.raises(InvalidValue, match="does not observe other"):
        list(results_of(lambda: None, a_context(AssetKey("other"))))


def test_a_context_of_several_has_keys_and_no_key() -> None:
    context = a_context(A, B)
    assert context.selected_asset_keys == {A, B}
    with pytest.raises(InvalidValue, match=r"context\.selected_asset_keys has them"):
        _ = context.asset_key
    context.log_event(AssetObservation(A, tags={"dagster/data_version": "1"}))
    with pytest.raises(InvalidValue, match="a run of raw/a, raw/b may only record"):
        context.log_event(AssetObservation("x", tags={"dagster/data_version": "1"}))


def test_in_process_it_is_observed_before_what_is_built_from_it() -> None:
    @observable_source_asset
    def alone() -> DataVersion:
        return DataVersion("0")

    @asset(deps=[A])
    def made(context: AssetExecutionContext) -> None:
        assert context.input_versions == {"raw/a": "1"}

    result = materialize([made, both, alone])
    assert result.success
    assert (result.data_version(A), result.data_version("raw/b")) == ("1", "2")
    assert observe([both, alone]).data_version(B) == "2"


def test_what_was_seen_before_a_failure_stands() -> None:
    @a_multi
    def half() -> Iterator[ObserveResult]:
        yield ObserveResult(asset_key=A, data_version=DataVersion("1"))
        raise ValueError("no such table")

    result = observe([half], raise_on_error=False)
    assert [(one.asset_key, one.type) for one in result.events] == [
        ("raw/a", EventType.OBSERVATION),
        ("raw/b", EventType.OBSERVATION_FAILED),
    ]
    assert not result.success
    with pytest.raises(ValueError, match="no such table"):
        observe([half])


def test_one_key_in_two_places_is_refused() -> None:
    @observable_source_asset(key="raw/a")
    def again() -> DataVersion:
        return DataVersion("0")

    with pytest.raises(InvalidValue, match="two assets have the key raw/a"):
        observe([both, again])
