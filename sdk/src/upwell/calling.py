"""Calling a user's function, and judging what it returns.

One way for pods and in-process runs. Limits: no retry, no delivery; an exception of the function passes through.
"""

from __future__ import annotations

import inspect
from dataclasses import replace
from typing import Any, Callable, Coroutine, Iterable, Iterator, Mapping, Sequence

from upwell.context import AssetExecutionContext
from upwell.definitions import MARK, AssetDefinition, MultiAssetDefinition, takes_config
from upwell.errors import InvalidValue, WrongType, type_name
from upwell.events import AssetMaterialization, AssetObservation, AssetResult, MaterializeResult, ObserveResult
from upwell.keys import AssetKey
from upwell.protocol import MAX_EVENT_BYTES, MAX_PARTITIONS_PER_EVENT, Event, RunKind
from upwell.versions import DataVersion, DataVersionsByPartition
from upwell.wire import dumps, encode, event_of


def run_function(function: Callable[..., Any], context: AssetExecutionContext) -> Event:
    """Call `function` and give the event of its result; async functions are awaited.

    Of a function that observes several assets, it is the event of the one that the run is about. Raises what the
    function raises, WrongType if it returns what means nothing, InvalidValue if the result cannot be
    recorded.
    """
    if multi_of(function) is not None:
        return next(results_of(function, context))
    returned = _called(function, context)
    if isinstance(returned, DataVersionsByPartition) and context.run.kind is RunKind.OBSERVE:
        event = _by_partition(returned, context)
        encode(event)
        return event
    return _event(_judge(function, returned, context), context, context.asset_key)


def multi_of(function: Callable[..., Any]) -> MultiAssetDefinition | None:
    """Give the definition of a function that observes several assets; None for any other."""
    definition = getattr(function, MARK, None)
    return definition if isinstance(definition, MultiAssetDefinition) else None


def results_of(function: Callable[..., Any], context: AssetExecutionContext) -> Iterator[Event]:
    """Call a function that observes several assets, and give the events of those selected, as they come.

    Raises what the function raises, WrongType for what is no ObserveResult, InvalidValue for a key that is none of its
    specs', that comes twice, or that is selected and does not come.
    """
    definition = multi_of(function)
    keys = definition.keys if definition else ()
    missing = [str(key) for key in sorted(context.selected_asset_keys, key=str) if key not in keys]
    if missing:
        known = ", ".join(map(str, keys))
        raise InvalidValue(f"{_name(function)} does not observe {', '.join(missing)}; its specs are {known}")
    seen: set[AssetKey] = set()
    for returned in _several(function, _called(function, context)):
        key = _named(function, returned, keys, seen)
        seen.add(key)
        if key in context.selected_asset_keys:
            yield _event(returned, context, key)
    if silent := [str(key) for key in sorted(context.selected_asset_keys - seen, key=str)]:
        raise InvalidValue(f"{_name(function)} gave no result for {', '.join(silent)}")


def _called(function: Callable[..., Any], context: AssetExecutionContext) -> Any:
    given = [context] if takes_context(function) else []
    returned = function(*given, **_configured(function, context))
    return _await(returned) if inspect.iscoroutine(returned) else returned


def _several(function: Callable[..., Any], returned: Any) -> Iterable[Any]:
    """Give what a function returned as several results: yielded, in a list, or one alone."""
    if isinstance(returned, ObserveResult):
        return (returned,)
    if isinstance(returned, (str, bytes, Mapping)) or not isinstance(returned, Iterable):
        found = "None" if returned is None else f"a value of type {type_name(returned)}"
        raise WrongType(f"{_name(function)} returned {found}; it yields an ObserveResult(asset_key=…) for each asset")
    return returned


def _named(function: Callable[..., Any], returned: Any, keys: Sequence[AssetKey], seen: set[AssetKey]) -> AssetKey:
    """Give the key that a result names. Raises WrongType, InvalidValue."""
    if not isinstance(returned, ObserveResult):
        raise WrongType(f"{_name(function)} yielded a value of type {type_name(returned)}; it yields ObserveResults")
    if returned.asset_key is None:
        raise InvalidValue(f"{_name(function)} yielded a result without asset_key; say which of its assets it is about")
    if returned.partition is not None:
        raise InvalidValue(
            f"{_name(function)} yielded a result about a partition; let a function of its own observe it"
        )
    if returned.asset_key not in keys:
        known = ", ".join(map(str, keys))
        raise InvalidValue(f"{_name(function)} yielded a result about {returned.asset_key}; its specs are {known}")
    if returned.asset_key in seen:
        raise InvalidValue(f"{_name(function)} yielded two results about {returned.asset_key}")
    return returned.asset_key


def _event(returned: AssetResult, context: AssetExecutionContext, key: AssetKey) -> Event:
    event = _result_event(returned, context, key)
    encode(event)
    return event


def _configured(function: Callable[..., Any], context: AssetExecutionContext) -> dict[str, Any]:
    """Give the argument `config`, if the function takes one. Raises InvalidValue for values that do not fit it."""
    if not takes_config(function):
        return {}
    from upwell.config import config_type, configured  # noqa: PLC0415 - few functions take one

    return {"config": configured(config_type(function), context.run.config)}


def takes_context(function: Callable[..., Any]) -> bool:
    """Tell whether the function takes an argument besides its `config`. Raises WrongType if it needs more than one."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except ValueError:  # some builtins do not say
        return False
    if takes_config(function):
        parameters = [p for p in parameters if p.name != "config"]
    takes = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD, p.VAR_POSITIONAL)]
    needed = [p.name for p in takes if p.default is p.empty and p.kind is not p.VAR_POSITIONAL]
    needed += [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty]
    if len(needed) > 1 or (needed and not takes):
        raise WrongType(f"{_name(function)} needs the arguments {', '.join(needed)}; Upwell passes `context` only")
    return bool(takes)


def _await(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Run a coroutine to its end, in a thread of its own if this one already runs a loop (a notebook, a test)."""
    import asyncio  # noqa: PLC0415 - only async functions pay for it

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(coroutine)
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - see above

    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(asyncio.run, coroutine).result()


def _judge(function: Callable[..., Any], returned: Any, context: AssetExecutionContext) -> AssetResult:
    """Give what was returned as a result of the run's kind. Raises WrongType for its type, InvalidValue for its key."""
    observes = context.run.kind is RunKind.OBSERVE
    if observes and isinstance(returned, DataVersion):
        returned = ObserveResult(data_version=returned)
    elif not observes and (returned is None or _is_op(function)) and not isinstance(returned, MaterializeResult):
        returned = MaterializeResult()
    expected = ObserveResult if observes else MaterializeResult
    if not isinstance(returned, expected):
        raise WrongType(_wrong_return(function, returned, observes=observes))
    if returned.asset_key not in (None, context.asset_key):
        raise InvalidValue(
            f"{_name(function)} returned a result about {returned.asset_key}, but its run is about {context.asset_key}"
        )
    if isinstance(returned, ObserveResult) and returned.data_version and not returned.partition and _is_cut(function):
        raise InvalidValue(
            f"{_name(function)} returned one version of all of {context.asset_key}, which is partitioned; return"
            " DataVersionsByPartition, or an ObserveResult with partition=…"
        )
    return returned


def _is_op(function: Callable[..., Any]) -> bool:
    """Tell whether what the function returns is for other ops, which Upwell has none of."""
    definition = getattr(function, MARK, None)
    return isinstance(definition, AssetDefinition) and definition.is_op


def _is_cut(function: Callable[..., Any]) -> bool:
    """Tell whether the function's decorator cuts its asset into partitions."""
    definition = getattr(function, MARK, None)
    return isinstance(definition, AssetDefinition) and definition.partitions_def is not None


def _wrong_return(function: Callable[..., Any], returned: Any, *, observes: bool) -> str:
    """Say what a function returned, and what it should."""
    found = "None" if returned is None else f"a value of type {type_name(returned)}"
    if observes:
        wanted = "an observation returns a DataVersion, a DataVersionsByPartition or an ObserveResult"
    else:
        wanted = "a materialization returns None or a MaterializeResult; Upwell stores no values: write them yourself"
    return f"{_name(function)} returned {found}; {wanted}"


def _result_event(result: AssetResult, context: AssetExecutionContext, key: AssetKey) -> Event:
    """Give the event of a run's own result: metadata of the context first, the result's own wins."""
    kind = AssetObservation if context.run.kind is RunKind.OBSERVE else AssetMaterialization
    metadata = {**context.output_metadata, **result.metadata}
    partition = result.partition if isinstance(result, ObserveResult) else context.run.partition
    record = kind(key, metadata=metadata, partition=partition, tags=result.tags)
    version = result.data_version.value if result.data_version else None
    return replace(event_of(record), data_version=version, result=True)


def _by_partition(returned: DataVersionsByPartition, context: AssetExecutionContext) -> Event:
    """Give the event of versions by partition; what one event cannot hold is recorded before, as the function would."""
    *before, last = list(_portions(returned.data_versions_by_partition)) or [{}]
    for versions in before:
        record = AssetObservation(context.asset_key)
        context.emit(replace(event_of(record), partitions=versions))
    return replace(_result_event(ObserveResult(), context, context.asset_key), partitions=last)


def _portions(versions: Mapping[str, DataVersion]) -> Iterator[dict[str, str]]:
    """Cut versions into what one event may hold: in number, and in half the bytes that it may have."""
    portion: dict[str, str] = {}
    size = 0
    for partition, version in versions.items():
        more = len(dumps([partition, version.value]).encode())
        if len(portion) == MAX_PARTITIONS_PER_EVENT or size + more > MAX_EVENT_BYTES // 2:
            yield portion
            portion, size = {}, 0
        portion[partition] = version.value
        size += more
    if portion:
        yield portion


def _name(function: Callable[..., Any]) -> str:
    """Name a function as its user would look for it."""
    return f"{function.__module__}.{getattr(function, '__qualname__', type_name(function))}"
