"""Ops, which are run for what they log, and the typed values that a function is given beside its context."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Optional

import pytest

from upwell import (
    AssetExecutionContext,
    AssetObservation,
    Config,
    DataVersion,
    MaterializeResult,
    OpExecutionContext,
    asset,
    materialize,
    observable_source_asset,
    op,
)
from upwell.config import config_type, configured
from upwell.definitions import definition_of
from upwell.errors import InvalidValue, UpwellError, WrongType
from upwell.pod.attempt import attempt

if TYPE_CHECKING:
    from decimal import Decimal


class Day(Config):
    """What the functions here are told."""

    date: str
    limit: int = 100
    share: float = 0.5
    strict: bool = False
    note: Optional[str] = None  # noqa: UP045 - as users of Python 3.9 write it
    regions: list[str] | None = None
    more: dict[str, Any] | None = None
    anything: Any = None


class Empty(Config):
    """Nothing to be told."""


class Wrong(Config):
    """A field of a type that JSON has not."""

    when: complex = 1j


@op
def counted(context: OpExecutionContext) -> int:
    """Log how many rows there are."""
    context.log_event(AssetObservation("orders", metadata={"num_rows": 3}))
    return 5


@op(name="of_a_day", tags={"tier": "raw"}, code_version="2")
def by_day(context: OpExecutionContext, config: Day) -> list[int]:
    context.log_event(AssetObservation("orders", partition=config.date, metadata={"limit": config.limit}))
    return [1]


def values_for(key: str, **values: Any) -> dict[str, Any]:
    return {"ops": {key: {"config": values}}}


# ------------------------------------------------------------- ops


def test_an_op_is_an_asset_named_after_it_and_what_it_returns_is_dropped() -> None:
    done = materialize([counted])
    logged, made = done.events
    assert (logged.asset_key, logged.data_version, logged.metadata["num_rows"].value) == ("orders", None, 3)
    assert (made.asset_key, made.type.value, made.metadata) == ("counted", "AssetMaterialization", {})
    assert definition_of(counted).description == "Log how many rows there are."


def test_an_op_says_its_name_tags_and_code_version_itself() -> None:
    known = definition_of(by_day)
    assert (str(known.key), known.tags, known.code_version, known.deps) == ("of_a_day", {"tier": "raw"}, "2", ())


def test_a_result_that_an_op_returns_is_recorded() -> None:
    @op
    def writes() -> MaterializeResult:
        return MaterializeResult(data_version=DataVersion("w1"))

    assert materialize([writes]).data_version("writes") == "w1"


def test_an_op_that_an_asset_calls_is_part_of_the_assets_run() -> None:
    @asset(deps=[counted])
    def orders(context: AssetExecutionContext) -> None:
        assert counted(context) == 5
        by_day(context, Day(date="2026-11-30"))

    events = materialize([orders]).events
    assert [(one.asset_key, one.partition) for one in events] == [
        ("orders", None),
        ("orders", "2026-11-30"),
        ("orders", None),
    ]
    assert [str(dep) for dep in definition_of(orders).deps] == ["counted"]


# ------------------------------------------------------------- config


def test_a_function_is_given_its_config() -> None:
    seen, _ = materialize([by_day], run_config=values_for("of_a_day", date="2026-11-30", limit=7)).events
    assert (seen.partition, seen.metadata["limit"].value) == ("2026-11-30", 7)


def test_a_source_that_takes_config_only_is_given_it_too() -> None:
    @observable_source_asset
    def source(config: Day) -> DataVersion:
        return DataVersion(f"{config.date}:{config.share}")

    assert materialize([source], run_config=values_for("source", date="d", share=1)).data_version(source) == "d:1"


def test_a_config_cannot_be_changed_and_is_a_value() -> None:
    one = Day(date="2026-11-30")
    assert one == Day(date="2026-11-30", limit=100)
    with pytest.raises(AttributeError):
        one.date = "2026-12-01"


FITS = {
    "text": {"date": "x"},
    "an integer where a number is wanted": {"date": "x", "share": 1},
    "nothing where it is optional": {"date": "x", "note": None},
    "text where it is optional": {"date": "x", "note": "y"},
    "a list and a mapping": {"date": "x", "regions": ["eu"], "more": {"a": 1}},
    "anything": {"date": "x", "anything": [1]},
}
REFUSED = {
    "nothing": ({}, "Day has the fields date, limit, .*: date is missing"),
    "what is none of them": ({"date": "x", "day": 1}, "day is none of its fields"),
    "both": ({"day": 1}, "date is missing; day is none"),
    "a number for text": ({"date": 20261130}, "date of Day is str, and this is int: 20261130"),
    "text for a number": ({"date": "x", "limit": "7"}, "limit of Day is int, and this is str"),
    "a bool for a number": ({"date": "x", "limit": True}, "limit of Day is int, and this is bool"),
    "a number for a bool": ({"date": "x", "strict": 1}, "strict of Day is bool, and this is int"),
    "a list for optional text": ({"date": "x", "note": []}, "note of Day is .*, and this is list"),
}


@pytest.mark.parametrize("values", FITS.values(), ids=FITS)
def test_values_that_fit_are_taken(values: dict[str, Any]) -> None:
    made = configured(Day, values)
    assert {name: getattr(made, name) for name in values} == values


@pytest.mark.parametrize(("values", "words"), REFUSED.values(), ids=REFUSED)
def test_values_that_do_not_fit_are_named(values: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidValue, match=words):
        configured(Day, values)


def test_a_config_without_fields_says_so() -> None:
    assert configured(Empty, {}) == Empty()
    with pytest.raises(InvalidValue, match="Empty has the fields none: a is none of its fields"):
        configured(Empty, {"a": 1})


def test_a_field_of_another_type_is_refused() -> None:
    with pytest.raises(WrongType, match=r"Wrong\.when: a field is str, int"):
        Wrong()


def with_text(config: str) -> None: ...


def with_decimal(config: Decimal) -> None: ...


def with_a_value(config: FITS) -> None: ...  # type: ignore[valid-type] # on purpose


def without_annotation(config): ...  # type: ignore[no-untyped-def] # noqa: ANN001 - on purpose


ANNOTATIONS = {
    "another class": (with_text, "config is annotated with a class derived from Config, not str"),
    "a class that is not there": (with_decimal, "name 'Decimal' is not defined; define the class at the top"),
    "no class": (with_a_value, "derived from Config, not FITS"),
    "nothing": (without_annotation, "parameter 'config': a function takes nothing or `context`, and a `config`"),
}


@pytest.mark.parametrize(("function", "words"), ANNOTATIONS.values(), ids=ANNOTATIONS)
def test_a_config_is_annotated_with_a_config(function: Callable[..., Any], words: str) -> None:
    with pytest.raises(WrongType, match=words):
        op(function)


def test_a_class_itself_is_as_good_as_its_name() -> None:
    def function(config: Any) -> None: ...

    function.__annotations__["config"] = Day
    assert config_type(function) is Day


RUN_CONFIGS: dict[str, tuple[Any, str]] = {
    "no ops": ({"op": {}}, r'run_config is \{"ops"'),
    "no config": ({"ops": {"of_a_day": {}}}, r'run_config is \{"ops"'),
    "no mapping": ([1], r'run_config is \{"ops"'),
    "another asset": (values_for("nobody", a=1), "run_config: nobody is not among what is materialized: of_a_day"),
}


@pytest.mark.parametrize(("written", "words"), RUN_CONFIGS.values(), ids=RUN_CONFIGS)
def test_a_run_config_of_another_shape_is_refused(written: Any, words: str) -> None:
    with pytest.raises(UpwellError, match=words):
        materialize([by_day], run_config=written)


CODE = """
from upwell import AssetObservation, Config, op

class Day(Config):
    date: str

@op
def look(context, config: Day):
    context.log_event(AssetObservation("orders", partition=config.date))
    return 5
"""


def test_a_pod_reads_it_from_its_variable(
    environ: dict[str, str], module: Callable[[str], str], result: Callable[[], Any]
) -> None:
    module(CODE)
    made = {"UPWELL_KIND": "materialize", "UPWELL_CONFIG": '{"date": "2026-11-30"}'}
    assert attempt(environ | made) == 0
    assert result()["events"][0]["partition"] == "2026-11-30"


def test_a_pod_that_is_told_too_little_fails_for_good(
    environ: dict[str, str], module: Callable[[str], str], result: Callable[[], Any]
) -> None:
    module(CODE)
    assert attempt(environ | {"UPWELL_KIND": "materialize"}) == 78
    assert "date is missing. Give values as JSON in the variable UPWELL_CONFIG" in result()["error"]
