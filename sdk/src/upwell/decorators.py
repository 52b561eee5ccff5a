"""The decorators: `@observable_source_asset` for data that others own, `@asset` for data that we make.

`@multi_observable_source_asset` lets one function look at several sources; `@op` is for what is run to be logged.

Arguments have Dagster's names and meaning; one that does not exist is Python's own TypeError, which names it. The
function is given back as it is, with its definition in an attribute. Limits: a function takes nothing or `context`,
and a `config`.
Upwell passes no data between assets, so an argument that names another asset is refused, with the remedy.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence, TypeVar, Union, overload

from upwell.definitions import (
    MARK,
    AssetDefinition,
    AssetSpec,
    AutoMaterializePolicy,
    MultiAssetDefinition,
    takes_config,
)
from upwell.errors import InvalidValue, WrongType, type_name
from upwell.events import split_tags
from upwell.inference import typed
from upwell.keys import AssetKey
from upwell.protocol import RunKind

if TYPE_CHECKING:
    from upwell.partition_definitions import PartitionsDefinition

Function = TypeVar("Function", bound=Callable[..., Any])
Key = Union[str, Sequence[str], AssetKey]

CONTEXT_NAMES = frozenset({"context", "_context", "_"})


@overload
def observable_source_asset(observe_fn: Function) -> Function: ...
@overload
def observable_source_asset(
    *,
    key: Key | None = ...,
    name: str | None = ...,
    key_prefix: str | Sequence[str] | None = ...,
    metadata: Mapping[str, Any] | None = ...,
    group_name: str | None = ...,
    description: str | None = ...,
    owners: Sequence[str] | None = ...,
    tags: Mapping[str, str] | None = ...,
    kinds: Sequence[str] | set[str] | None = ...,
    partitions_def: PartitionsDefinition | None = ...,
) -> Callable[[Function], Function]: ...
def observable_source_asset(
    observe_fn: Callable[..., Any] | None = None,
    *,
    key: Key | None = None,
    name: str | None = None,
    key_prefix: str | Sequence[str] | None = None,
    metadata: Mapping[str, Any] | None = None,
    group_name: str | None = None,
    description: str | None = None,
    owners: Sequence[str] | None = None,
    tags: Mapping[str, str] | None = None,
    kinds: Sequence[str] | set[str] | None = None,
    partitions_def: PartitionsDefinition | None = None,
) -> Any:
    """Define a source whose function looks at the data and returns its DataVersion, or an ObserveResult.

    The key is `key`, or `key_prefix` and `name`, which is the function's name if it is not given; the description is
    the function's docstring if none is given. `partitions_def` cuts it into partitions: then the function returns
    DataVersionsByPartition, or an ObserveResult about one of them. Raises WrongType and InvalidValue naming the
    argument.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        return _mark(
            function,
            RunKind.OBSERVE,
            key=_key(function, key, name, key_prefix),
            partitions_def=_cut(partitions_def),
            **_described(function, description, group_name, owners, tags, kinds, metadata),
        )

    return decorate if observe_fn is None else decorate(observe_fn)


def multi_observable_source_asset(
    *,
    specs: Sequence[AssetSpec],
    name: str | None = None,
    description: str | None = None,
    group_name: str | None = None,
) -> Callable[[Function], Function]:
    """Define several sources that one function observes together: it yields an ObserveResult naming its key for each.

    `context.selected_asset_keys` has the keys that are wanted this time; results about others of the specs are passed
    over. `description` and `group_name` hold for specs without their own; `name` is taken, as Dagster does, and means
    nothing here, where the assets have names of their own. Raises WrongType and InvalidValue naming the argument.
    """
    _text("name", name)
    if not specs or not all(isinstance(spec, AssetSpec) for spec in specs):
        raise WrongType("specs is a list of AssetSpec, at least one; write specs=[AssetSpec('raw_orders')]")

    def decorate(function: Function) -> Function:
        check_parameters(function)
        given = tuple(_specified(function, spec, description, group_name) for spec in specs)
        if len({one.key for one in given}) < len(given):
            raise InvalidValue(f"{function.__qualname__}: specs: two of them have one key; give one another key")
        setattr(function, MARK, MultiAssetDefinition(given, function))
        return function

    return decorate


def _specified(
    function: Callable[..., Any], spec: AssetSpec, description: str | None, group_name: str | None
) -> AssetDefinition:
    """Give the definition of one of several assets."""
    about = _described(
        function,
        spec.description or description,
        spec.group_name or group_name,
        spec.owners,
        spec.tags,
        spec.kinds,
        spec.metadata,
    )
    return AssetDefinition(key=AssetKey.from_coercible(spec.key), kind=RunKind.OBSERVE, function=function, **about)


@overload
def asset(compute_fn: Function) -> Function: ...
@overload
def asset(
    *,
    name: str | None = ...,
    key_prefix: str | Sequence[str] | None = ...,
    deps: Sequence[Any] | None = ...,
    metadata: Mapping[str, Any] | None = ...,
    tags: Mapping[str, str] | None = ...,
    description: str | None = ...,
    group_name: str | None = ...,
    code_version: str | None = ...,
    key: Key | None = ...,
    owners: Sequence[str] | None = ...,
    kinds: Sequence[str] | set[str] | None = ...,
    auto_materialize_policy: AutoMaterializePolicy | None = ...,
    partitions_def: PartitionsDefinition | None = ...,
) -> Callable[[Function], Function]: ...
def asset(
    compute_fn: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    key_prefix: str | Sequence[str] | None = None,
    deps: Sequence[Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    tags: Mapping[str, str] | None = None,
    description: str | None = None,
    group_name: str | None = None,
    code_version: str | None = None,
    key: Key | None = None,
    owners: Sequence[str] | None = None,
    kinds: Sequence[str] | set[str] | None = None,
    auto_materialize_policy: AutoMaterializePolicy | None = None,
    partitions_def: PartitionsDefinition | None = None,
) -> Any:
    """Define an asset that its function makes; it writes the data itself and returns None or a MaterializeResult.

    `deps` are keys, or decorated functions. Key and description as for `observable_source_asset`. `partitions_def` has
    it built by partition: a run makes `context.partition_key`. Raises WrongType and InvalidValue naming the argument.
    """
    if auto_materialize_policy is not None and not isinstance(auto_materialize_policy, AutoMaterializePolicy):
        raise WrongType(f"auto_materialize_policy is AutoMaterializePolicy.eager(), not {auto_materialize_policy!r:.9}")

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        own = _key(function, key, name, key_prefix)
        return _mark(
            function,
            RunKind.MATERIALIZE,
            key=own,
            deps=_deps(own, deps),
            code_version=_text("code_version", code_version),
            auto_materialize_policy=auto_materialize_policy,
            partitions_def=_cut(partitions_def),
            **_described(function, description, group_name, owners, tags, kinds, metadata),
        )

    return decorate if compute_fn is None else decorate(compute_fn)


@overload
def op(compute_fn: Function) -> Function: ...
@overload
def op(
    *,
    name: str | None = ...,
    description: str | None = ...,
    tags: Mapping[str, str] | None = ...,
    code_version: str | None = ...,
) -> Callable[[Function], Function]: ...
def op(
    compute_fn: Callable[..., Any] | None = None,
    *,
    name: str | None = None,
    description: str | None = None,
    tags: Mapping[str, str] | None = None,
    code_version: str | None = None,
) -> Any:
    """Define a function that is run for what it logs: to Upwell it is an asset without deps, named after it.

    What it returns is dropped, since no op takes it over; a MaterializeResult is recorded. Called by another function,
    with its context, it is part of that one's run. Raises WrongType and InvalidValue naming the argument.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        return _mark(
            function,
            RunKind.MATERIALIZE,
            key=_key(function, None, name, None),
            code_version=_text("code_version", code_version),
            is_op=True,
            **_described(function, description, None, None, tags, None, None),
        )

    return decorate if compute_fn is None else decorate(compute_fn)


def _mark(function: Callable[..., Any], kind: RunKind, **definition: Any) -> Callable[..., Any]:
    """Check the function's parameters and attach its definition."""
    check_parameters(function)
    setattr(function, MARK, AssetDefinition(kind=kind, function=function, **definition))
    return function


def check_parameters(function: Callable[..., Any]) -> None:
    """Refuse parameters other than `context`, and a `config` annotated with a Config. Raises WrongType."""
    if not inspect.isroutine(function):
        raise WrongType(f"a decorator of Upwell decorates a function, not {type_name(function)}")
    names = list(inspect.signature(function).parameters)
    others = names[1:] if names and names[0] in CONTEXT_NAMES else names
    if takes_config(function):
        from upwell.config import config_type  # noqa: PLC0415 - few functions take one

        config_type(function)
        others.remove("config")
    if others:
        raise WrongType(
            f"{function.__qualname__}: parameter {others[0]!r}: a function takes nothing or `context`, and a `config`"
            " annotated with a class derived from Config; Upwell passes no data between assets: name upstream assets in"
            " deps=[…] and read their data in the function"
        )


def _key(
    function: Callable[..., Any], key: Key | None, name: str | None, key_prefix: str | Sequence[str] | None
) -> AssetKey:
    """Give the asset's key from the three arguments that may say it."""
    if key is not None:
        if name is not None or key_prefix is not None:
            raise InvalidValue("key says it all: give either key, or name and key_prefix")
        return AssetKey.from_coercible(key)
    own = AssetKey([_text("name", name) or function.__name__])
    return own if key_prefix is None else own.with_prefix(key_prefix)


def _cut(partitions_def: Any) -> PartitionsDefinition | None:
    """Give the optional argument that cuts an asset into partitions."""
    if partitions_def is None:
        return None
    from upwell.partition_definitions import PartitionsDefinition  # noqa: PLC0415 - few assets are cut

    if not isinstance(partitions_def, PartitionsDefinition):
        raise WrongType(
            "partitions_def is a definition such as DailyPartitionsDefinition(start_date='2026-01-01'), not"
            f" {partitions_def!r:.100}"
        )
    return partitions_def


def _deps(own: AssetKey, deps: Sequence[Any] | None) -> tuple[AssetKey, ...]:
    """Give the keys of the upstream assets, each once. Raises InvalidValue for the asset itself."""
    if isinstance(deps, (str, bytes)):
        raise WrongType(f"deps is a list, not text; write deps=[{deps!r:.100}]")
    keys = tuple(dict.fromkeys(AssetKey.from_coercible(dep) for dep in deps or ()))
    if own in keys:
        raise InvalidValue(f"deps: {own} cannot depend on itself")
    return keys


def _described(
    function: Callable[..., Any],
    description: str | None,
    group_name: str | None,
    owners: Sequence[str] | None,
    tags: Mapping[str, str] | None,
    kinds: Sequence[str] | set[str] | None,
    metadata: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Check what both decorators take to describe an asset."""
    return {
        "description": _text("description", description) or inspect.getdoc(function),
        "group_name": _text("group_name", group_name),
        "owners": _texts("owners", owners),
        "tags": split_tags(tags)[0],
        "kinds": _texts("kinds", sorted(kinds) if isinstance(kinds, (set, frozenset)) else kinds),
        "metadata": typed(metadata),
    }


def _text(argument: str, value: Any) -> str | None:
    """Give an optional argument that is text."""
    if value is not None and not isinstance(value, str):
        raise WrongType(f"{argument} is text, not {type_name(value)}")
    return value


def _texts(argument: str, values: Any) -> tuple[str, ...]:
    """Give an optional argument that is a list of text."""
    if isinstance(values, str) or not all(isinstance(value, str) for value in values or ()):
        raise WrongType(f"{argument} is a list of text, not {values!r:.100}")
    return tuple(values or ())
