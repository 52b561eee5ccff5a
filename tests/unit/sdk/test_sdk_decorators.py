"""The decorators: what they keep, what they know, what they refuse; and in-process runs."""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import Any

import pytest

import upwell
from upwell import (
    AssetExecutionContext,
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    AutoMaterializePolicy,
    DataVersion,
    DataVersionsByPartition,
    MaterializeResult,
    MetadataValue,
    ObserveResult,
    StaticPartitionsDefinition,
    asset,
    materialize,
    observable_source_asset,
    observe,
)
from upwell.calling import takes_context
from upwell.context import Run
from upwell.definitions import definition_of
from upwell.errors import InvalidValue, PermanentError, WrongType
from upwell.protocol import MAX_EVENT_BYTES, MAX_PARTITIONS_PER_EVENT, EventType, RunKind
from upwell.versions import derive
from upwell.wire import encode


@observable_source_asset
def orders() -> DataVersion:
    """Orders of the shop."""
    return DataVersion("v1")


def test_a_decorated_function_is_still_a_function() -> None:
    assert inspect.isfunction(orders)
    assert orders() == DataVersion("v1")
    assert orders.__name__ == "orders"


def test_a_definition_has_the_functions_name_and_docstring_by_default() -> None:
    definition = definition_of(orders)
    assert (definition.key, definition.description) == (AssetKey("orders"), "Orders of the shop.")
    assert definition.kind is RunKind.OBSERVE


def test_a_definition_has_everything_that_the_decorator_was_given() -> None:
    @asset(
        name="daily",
        key_prefix=["marts", "eu"],
        deps=[orders, "warehouse/raw", AssetKey("x"), "x"],
        metadata={"rows": 1},
        tags={"domain": "sales"},
        description="Daily sums",
        group_name="marts",
        code_version="3",
        owners=["team:shop"],
        kinds={"python", "csv"},
        auto_materialize_policy=AutoMaterializePolicy.eager(),
    )
    def other_name(context: AssetExecutionContext) -> None: ...

    definition = definition_of(other_name)
    assert str(definition.key) == "marts/eu/daily"
    assert [str(dep) for dep in definition.deps] == ["orders", "warehouse/raw", "x"]
    assert definition.metadata == {"rows": MetadataValue.int(1)}
    assert (definition.group_name, definition.code_version, definition.description) == ("marts", "3", "Daily sums")
    assert (definition.owners, definition.kinds, definition.tags) == (
        ("team:shop",),
        ("csv", "python"),
        {"domain": "sales"},
    )
    assert definition.auto_materialize_policy == AutoMaterializePolicy("Eager")


def test_a_key_can_be_given_whole() -> None:
    @observable_source_asset(key="warehouse/raw", kinds=["file"])
    def raw() -> DataVersion:
        return DataVersion("v")

    assert definition_of(raw).key == AssetKey(["warehouse", "raw"])


def plain() -> None: ...
def with_input(orders: Any) -> None: ...
def with_two(context: Any, orders: Any) -> None: ...


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "an unknown argument": (lambda: asset(io_manager_key="x"), TypeError, "io_manager_key"),
    "an unknown argument of a source": (lambda: observable_source_asset(deps=[]), TypeError, "deps"),
    "an input": (lambda: asset(with_input), WrongType, "parameter 'orders'.*name upstream assets in deps"),
    "an input beside the context": (lambda: asset(with_two), WrongType, "parameter 'orders'"),
    "a class": (lambda: asset(int), WrongType, "decorates a function, not type"),
    "a policy that is text": (lambda: asset(auto_materialize_policy="eager"), WrongType, "AutoMaterializePolicy.eager"),
    "key and name": (lambda: asset(key="a", name="b")(plain), InvalidValue, "either key, or name"),
    "key and prefix": (lambda: asset(key="a", key_prefix="b")(plain), InvalidValue, "either key, or name"),
    "a name that is no text": (lambda: asset(name=3)(plain), WrongType, "name is text, not int"),
    "a name with a slash": (lambda: asset(name="a/b")(plain), InvalidValue, "slash"),
    "itself upstream": (lambda: asset(deps=["plain"])(plain), InvalidValue, "plain cannot depend on itself"),
    "deps that are text": (lambda: asset(deps="raw")(plain), WrongType, r"write deps=\['raw'\]"),
    "owners that are text": (lambda: asset(owners="me")(plain), WrongType, "owners is a list of text"),
    "kinds of ints": (lambda: asset(kinds=[1])(plain), WrongType, "kinds is a list of text"),
    "a group that is no text": (lambda: asset(group_name=1)(plain), WrongType, "group_name is text"),
    "a code version that is no text": (lambda: asset(code_version=1)(plain), WrongType, "code_version is text"),
    "partitions that are text": (lambda: observable_source_asset(partitions_def="eu")(plain), WrongType, "not 'eu'"),
    "tags with spaces": (lambda: asset(tags={"a b": "c"})(plain), InvalidValue, "tag key 'a b'"),
    "an undecorated function": (lambda: observe([plain]), WrongType, "plain is not an asset"),
    "a number": (lambda: observe([3]), WrongType, "int is not an asset"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_is_refused_by_its_name(case: str) -> None:
    make, error, text = REFUSED[case]
    with pytest.raises(error, match=text):
        make()


# In-process runs


def test_observing_gives_the_event_that_a_cluster_would_record() -> None:
    result = observe([orders])
    assert result.success
    [event] = result.events_of(orders)
    assert (event.type, event.data_version, event.result) == (EventType.OBSERVATION, "v1", True)
    assert result.data_version("orders") == "v1"
    assert result.data_version("unknown") is None


def test_an_observation_without_a_version_records_metadata_only() -> None:
    @observable_source_asset
    def source(context: AssetExecutionContext) -> ObserveResult:
        context.add_output_metadata({"rows": 1, "file": "a"})
        return ObserveResult(metadata={"rows": 2}, tags={"team": "x"})

    [event] = observe([source]).events
    assert event.data_version is None
    assert {label: entry.value for label, entry in event.metadata.items()} == {"rows": 2, "file": "a"}
    assert event.tags == {"team": "x"}


def test_events_logged_while_the_function_runs_come_before_its_result() -> None:
    @observable_source_asset
    def source(context: AssetExecutionContext) -> DataVersion:
        context.log_event(AssetObservation("another", metadata={"n": 1}))
        context.log_event(AssetObservation(context.asset_key, metadata={"n": 2}))
        return DataVersion("v")

    events = observe([source]).events
    assert [(event.asset_key, event.result) for event in events] == [
        ("another", False),
        ("source", False),
        ("source", True),
    ]


def test_an_observation_may_look_at_many_partitions() -> None:
    @observable_source_asset
    def source(context: AssetExecutionContext) -> DataVersionsByPartition:
        context.add_output_metadata({"bucket": "raw"})
        return DataVersionsByPartition({"2026-01-01": "a", "2026-01-02": DataVersion("b")})

    [event] = observe([source]).events
    assert (event.partitions, event.data_version, event.result) == ({"2026-01-01": "a", "2026-01-02": "b"}, None, True)
    assert event.metadata["bucket"].value == "raw"


def test_an_observation_may_find_no_partition_at_all() -> None:
    @observable_source_asset
    def source() -> DataVersionsByPartition:
        return DataVersionsByPartition({})

    [event] = observe([source]).events
    assert (event.partitions, event.result) == ({}, True)


@pytest.mark.parametrize("length", [1, 500], ids=["by their number", "by their size"])
def test_more_partitions_than_an_event_holds_are_told_in_several(length: int) -> None:
    versions = {f"{number:06}": "v" * length for number in range(25_000)}

    @observable_source_asset
    def source() -> DataVersionsByPartition:
        return DataVersionsByPartition(versions)

    events = observe([source]).events
    told = [len(event.partitions) for event in events]
    assert (sum(told), max(told) <= MAX_PARTITIONS_PER_EVENT, len(told) > 2) == (25_000, True, True)
    assert {key: version for event in events for key, version in event.partitions.items()} == versions
    assert [event.result for event in events] == [False] * (len(events) - 1) + [True]
    assert all(len(encode(event)) <= MAX_EVENT_BYTES for event in events)


def test_a_result_may_be_about_one_partition() -> None:
    @observable_source_asset
    def source() -> ObserveResult:
        return ObserveResult(data_version=DataVersion("v"), partition="eu", metadata={"rows": 3})

    [event] = observe([source]).events
    assert (event.partition, event.data_version, event.metadata["rows"].value) == ("eu", "v", 3)


EU = StaticPartitionsDefinition(["eu", "us"])


@pytest.mark.parametrize("returned", [DataVersion("v"), ObserveResult(data_version=DataVersion("v"))], ids=type)
def test_one_version_of_all_of_a_partitioned_asset_is_refused(returned: Any) -> None:
    source = observable_source_asset(key="sales", partitions_def=EU)(lambda: returned)
    with pytest.raises(InvalidValue, match="one version of all of sales, which is partitioned; return DataVersionsByP"):
        observe([source])


@pytest.mark.parametrize(
    "returned",
    [
        DataVersionsByPartition({"eu": "1", "us": "2"}),
        ObserveResult(data_version=DataVersion("v"), partition="eu"),
        ObserveResult(metadata={"rows": 98}),
    ],
    ids=["of many", "of one", "of none"],
)
def test_versions_of_partitions_are_what_a_partitioned_asset_is_observed_by(returned: Any) -> None:
    source = observable_source_asset(key="sales", partitions_def=EU)(lambda: returned)
    assert definition_of(source).partitions_def == EU
    assert observe([source]).success


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: "text", "takes an AssetObservation or AssetMaterialization, not str"),
        (ObserveResult, "not upwell.events.ObserveResult"),
        (lambda: AssetMaterialization("another"), "about another asset"),
        (lambda: AssetObservation("another", tags={"dagster/data_version": "v"}), "without a data version"),
    ],
    ids=["text", "a result", "a materialization of another", "a version of another"],
)
def test_log_event_refuses(make: Any, text: str) -> None:
    @observable_source_asset
    def source(context: AssetExecutionContext) -> DataVersion:
        context.log_event(make())
        return DataVersion("v")

    with pytest.raises(PermanentError, match=text):
        observe([source])


def test_the_context_tells_about_the_run(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Any] = []

    @asset(deps=[orders, "outside"])
    def daily(context: AssetExecutionContext) -> None:
        context.log.warning("hello")
        seen.extend([context.run.run_id == context.run_id, context.run.kind, dict(context.input_versions)])
        seen.append(isinstance(context.log, logging.Logger))

    assert materialize([daily, orders]).success
    assert seen == [True, RunKind.MATERIALIZE, {"orders": "v1", "outside": None}, True]
    assert "hello" in caplog.text


def test_what_is_built_by_partition_is_told_which_one() -> None:
    seen: list[Any] = []

    @asset(deps=[orders], partitions_def=StaticPartitionsDefinition(["eu", "us"]))
    def daily(context: AssetExecutionContext) -> None:
        seen.append((context.has_partition_key, context.partition_key))

    done = materialize([orders, daily], partition_key="eu")
    assert seen == [(True, "eu")]
    assert [event.partition for event in done.events if event.asset_key == "daily"] == ["eu"]


def test_the_partitions_that_a_run_is_about_are_those_it_looks_at_or_the_one_it_builds() -> None:
    def keys(kind: RunKind, **about: Any) -> tuple[str, ...]:
        return AssetExecutionContext((AssetKey("a"),), Run("run", kind, **about), [].append, {}).partition_keys

    assert keys(RunKind.OBSERVE) == ()
    assert keys(RunKind.OBSERVE, partitions=("eu", "us")) == ("eu", "us")
    assert keys(RunKind.MATERIALIZE, partition="eu") == ("eu",)


def test_an_observation_on_a_laptop_may_be_told_which_partitions_to_look_at() -> None:
    @observable_source_asset(partitions_def=StaticPartitionsDefinition(["eu", "us"]))
    def sales(context: AssetExecutionContext) -> DataVersionsByPartition:
        return DataVersionsByPartition({key: DataVersion("v") for key in context.partition_keys or ["all"]})

    def looked_at(**told: Any) -> list[str]:
        (event,) = observe([sales], **told).events
        return [*event.partitions]

    assert looked_at() == ["all"]
    assert looked_at(partition_keys=["us"]) == ["us"]
    with pytest.raises(WrongType, match="partition_keys is a list, not 'us'; write"):
        looked_at(partition_keys="us")


def test_a_run_of_a_whole_asset_has_no_partition_key_and_says_so() -> None:
    seen: list[bool] = []

    @asset
    def daily(context: AssetExecutionContext) -> None:
        seen.append(context.has_partition_key)
        assert context.partition_key

    with pytest.raises(InvalidValue, match=r"this run is about daily as a whole and has no partition_key"):
        materialize([daily])
    assert seen == [False]


def test_async_functions_are_awaited() -> None:
    @observable_source_asset
    async def source() -> DataVersion:
        await asyncio.sleep(0)
        return DataVersion("later")

    assert observe([source]).data_version(source) == "later"


async def test_async_functions_are_awaited_where_a_loop_runs_already() -> None:
    @observable_source_asset
    async def source() -> DataVersion:
        await asyncio.sleep(0)
        return DataVersion("later")

    assert observe([source]).data_version(source) == "later"


RETURNS: dict[str, tuple[Any, Any, str]] = {
    "an observation of None": (observable_source_asset, None, "returned None; an observation returns a DataVersion"),
    "an observation of text": (observable_source_asset, "v", "a value of type str"),
    "an observation of a MaterializeResult": (
        observable_source_asset,
        MaterializeResult(),
        "MaterializeResult; an obs",
    ),
    "a materialization of partitions": (asset, DataVersionsByPartition({}), "type upwell.versions.DataVersionsByP"),
    "an observation of a generator": (observable_source_asset, (n for n in ()), "type generator"),
    "a materialization of a value": (asset, 5, "type int; a materialization returns None or.*stores no values"),
    "a materialization of a DataVersion": (asset, DataVersion("v"), "type upwell.versions.DataVersion"),
    "an observation of another asset": (observable_source_asset, ObserveResult(asset_key="other"), "about other"),
    "a materialization of another asset": (asset, MaterializeResult(asset_key="other"), "about other"),
}


@pytest.mark.parametrize("case", RETURNS)
def test_what_a_function_returns_is_judged(case: str) -> None:
    decorator, returned, text = RETURNS[case]

    @decorator
    def some() -> Any:
        return returned

    with pytest.raises(PermanentError, match=text):
        materialize([some])


def test_a_result_may_name_its_own_asset() -> None:
    @asset
    def made() -> MaterializeResult:
        return MaterializeResult(asset_key="made", data_version=DataVersion("v"))

    assert materialize([made]).data_version(made) == "v"


def test_assets_run_in_dependency_order_and_derive_their_versions() -> None:
    @asset(deps=[orders], code_version="1")
    def clean() -> None: ...

    @asset(deps=[clean])
    def daily() -> None: ...

    result = materialize([daily, clean, orders])

    assert [event.asset_key for event in result.events] == ["orders", "clean", "daily"]
    assert result.data_version(clean) == derive("1", "any run", {"orders": "v1"})
    assert result.data_version(daily) not in (None, materialize([daily]).data_version(daily))


def test_a_failure_is_raised_as_it_is() -> None:
    @observable_source_asset
    def source() -> DataVersion:
        raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        observe([source])


def test_a_failure_is_recorded_and_what_is_downstream_is_left_out() -> None:
    @observable_source_asset
    def source() -> DataVersion:
        raise KeyError("gone")

    @asset(deps=[source])
    def below() -> None: ...

    @asset(deps=[below])
    def further() -> None: ...

    @asset
    def apart() -> None:
        raise ValueError("no")

    result = materialize([further, below, source, apart], raise_on_error=False)

    assert not result.success
    assert {(event.asset_key, event.type) for event in result.events} == {
        ("source", EventType.OBSERVATION_FAILED),
        ("apart", EventType.MATERIALIZATION_FAILED),
    }
    assert result.events_of(source)[0].description == "KeyError: 'gone'"


def test_observe_refuses_a_mix_naming_the_assets_that_cannot_be_observed() -> None:
    with pytest.raises(InvalidValue, match=r"cannot observe: clean \(no observe function\)"):
        observe([orders, upwell.asset(name="clean")(plain)])


def test_two_assets_of_one_key_are_refused_and_the_same_one_twice_runs_once() -> None:
    assert len(observe([orders, orders]).events) == 1
    twin = observable_source_asset(key="orders")(lambda: DataVersion("v"))
    with pytest.raises(InvalidValue, match="two assets have the key orders"):
        observe([orders, twin])


def test_a_cycle_is_refused_naming_its_members() -> None:
    first = asset(name="first", deps=["second"])(lambda: None)
    second = asset(name="second", deps=["first"])(lambda: None)
    with pytest.raises(InvalidValue, match=r"depend on each other: (first → second → first|second → first → second)"):
        materialize([first, second])


def test_a_chain_of_2000_assets_needs_no_recursion() -> None:
    chain = [asset(name=f"a{n}", deps=[f"a{n - 1}"] if n else [])(lambda: None) for n in range(2000)]
    assert len(materialize(chain[::-1]).events) == 2000


TAKES: dict[str, tuple[Any, bool]] = {
    "nothing": (lambda: None, False),
    "context": (lambda context: None, True),
    "another name": (lambda ctx: None, True),
    "a default": (lambda ctx=None: None, True),
    "all": (lambda *args: None, True),
    "keywords only": (lambda *, a=1: None, False),
}


@pytest.mark.parametrize("case", TAKES)
def test_a_plain_function_is_given_the_context_if_it_takes(case: str) -> None:
    function, takes = TAKES[case]
    assert takes_context(function) is takes


def test_a_builtin_without_a_signature_is_called_with_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def silent(_: Any) -> Any:
        raise ValueError("no signature found for builtin")

    monkeypatch.setattr("upwell.calling.inspect.signature", silent)
    assert takes_context(print) is False


@pytest.mark.parametrize(
    "function", [lambda a, b: None, lambda *, a: None, lambda a, *, b: None], ids=["two", "kw", "both"]
)
def test_a_plain_function_that_needs_more_is_refused(function: Any) -> None:
    with pytest.raises(WrongType, match=r"needs the arguments .*Upwell passes `context` only"):
        takes_context(function)
