"""In-process runs: the same functions without a cluster, for tests and notebooks.

`observe` and `materialize` call decorated functions in dependency order and give back the events that a run in a
cluster would record. Limits: nothing is stored between two calls, so inputs are known only from what ran in the same.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from graphlib import CycleError, TopologicalSorter
from typing import Any, Iterable, Mapping, Sequence

from upwell.calling import multi_of, results_of, run_function
from upwell.context import AssetExecutionContext, Run
from upwell.definitions import AssetDefinition, MultiAssetDefinition, definition_of
from upwell.errors import InvalidValue, WrongType
from upwell.ids import new_ulid, now_rfc3339
from upwell.keys import AssetKey
from upwell.partitions import checked_partition
from upwell.protocol import Event, EventType, RunKind
from upwell.versions import derive
from upwell.wire import encode

_FAILED = {
    RunKind.OBSERVE: EventType.OBSERVATION_FAILED,
    RunKind.MATERIALIZE: EventType.MATERIALIZATION_FAILED,
}


@dataclass(frozen=True)
class ExecuteInProcessResult:
    """What an in-process run did: whether everything worked, and the events in the order in which they happened."""

    success: bool
    events: tuple[Event, ...]

    def events_of(self, asset: Any) -> list[Event]:
        """Give the events about one asset, by its key or its decorated function."""
        key = str(AssetKey.from_coercible(asset))
        return [event for event in self.events if event.asset_key == key]

    def data_version(self, asset: Any) -> str | None:
        """Give the version that one asset has after the run; None if it got none."""
        versions = [event.data_version for event in self.events_of(asset) if event.data_version is not None]
        return versions[-1] if versions else None


def observe(
    assets: Sequence[Any], *, partition_keys: Sequence[str] = (), raise_on_error: bool = True
) -> ExecuteInProcessResult:
    """Observe source assets. Raises what a function raises unless `raise_on_error` is False.

    `partition_keys` is what `context.partition_keys` gives to each function that observes one asset (WrongType and
    InvalidValue for what is no key).
    A selection that holds assets without an observe function is refused whole (InvalidValue), naming them.
    """
    several, single = _sorted_out(assets)
    others = [str(definition.key) for definition in single if definition.kind is not RunKind.OBSERVE]
    if others:
        raise InvalidValue(
            f"cannot observe: {', '.join(others)} (no observe function); observe() takes observable source assets only"
        )
    return _Session(raise_on_error, partitions=_keys(partition_keys)).run(several, single)


def materialize(
    assets: Sequence[Any],
    *,
    partition_key: str | None = None,
    run_config: Mapping[str, Any] | None = None,
    raise_on_error: bool = True,
) -> ExecuteInProcessResult:
    """Materialize assets in dependency order; observable sources among them are observed first.

    `partition_key` is what `context.partition_key` gives to those that are built; they are then built by partition.
    `run_config` has the values of a Config, as Dagster writes them: `{"ops": {KEY: {"config": {"date": …}}}}`.
    Raises what a function raises unless `raise_on_error` is False; then what is downstream of a failure is not run.
    """
    several, single = _sorted_out(assets)
    keys = {str(one.key) for one in [*(spec for multi in several for spec in multi.specs), *single]}
    return _Session(raise_on_error, partition_key, _configs(run_config, keys)).run(several, single)


def _configs(run_config: Mapping[str, Any] | None, keys: set[str]) -> dict[str, Mapping[str, Any]]:
    """Give the values of each function's Config. Raises WrongType for another shape, InvalidValue for another key."""
    try:
        found = {key: one["config"] for key, one in (run_config or {"ops": {}})["ops"].items()}
    except (TypeError, KeyError, AttributeError) as error:
        raise WrongType(f'run_config is {{"ops": {{KEY: {{"config": {{…}}}}}}}}, not {run_config!r:.100}') from error
    if unknown := sorted(set(found) - keys):
        raise InvalidValue(
            f"run_config: {', '.join(unknown)} is not among what is materialized: {', '.join(sorted(keys))}"
        )
    return found


def _keys(partition_keys: Any) -> tuple[str, ...]:
    """Give partitions to look at. Raises WrongType for one key alone, whose letters would be taken for keys."""
    if isinstance(partition_keys, str):
        raise WrongType(f"partition_keys is a list, not {partition_keys!r:.100}; write [{partition_keys!r:.100}]")
    return tuple(map(checked_partition, partition_keys))


def _sorted_out(assets: Sequence[Any]) -> tuple[list[MultiAssetDefinition], list[AssetDefinition]]:
    """Tell functions that observe several assets from all others. Raises WrongType for what is no asset."""
    several, single = [], []
    for function in assets:
        multi = multi_of(function)
        if multi is None:
            single.append(definition_of(function))
        else:
            several.append(multi)
    return several, single


class _Session:
    """One call of `observe` or `materialize`."""

    def __init__(
        self,
        raise_on_error: bool,
        partition: str | None = None,
        configs: Mapping[str, Mapping[str, Any]] | None = None,
        partitions: tuple[str, ...] = (),
    ) -> None:
        self._raise, self._partition, self._partitions = raise_on_error, partition, partitions
        self._configs = configs or {}
        self._run_id = new_ulid()
        self._events: list[Event] = []
        self._versions: dict[AssetKey, str | None] = {}
        self._broken: set[AssetKey] = set()

    def run(self, several: Sequence[MultiAssetDefinition], single: Sequence[AssetDefinition]) -> ExecuteInProcessResult:
        """Run every definition once, those that are observed together first; what depends on a failure is left out."""
        for multi in several:
            self._attempt_several(multi)
        together = {spec.key for multi in several for spec in multi.specs}
        for definition in in_order([*(spec for multi in several for spec in multi.specs), *single]):
            if definition.key in together:
                continue
            if self._broken.isdisjoint(definition.deps):
                self._attempt(definition)
            else:
                self._broken.add(definition.key)
        return ExecuteInProcessResult(not self._broken, tuple(self._events))

    def _attempt_several(self, multi: MultiAssetDefinition) -> None:
        """Observe several assets; what was seen before a failure stands."""
        run = Run(self._run_id, multi.kind)
        context = AssetExecutionContext(multi.keys, run, self._emit, {})
        left = {str(spec.key): spec for spec in multi.specs}
        try:
            for event in results_of(multi.function, context):
                self._succeed(left.pop(event.asset_key), event, {})
        except Exception as error:
            if self._raise:
                raise
            for definition in left.values():
                self._fail(definition, error)

    def _attempt(self, definition: AssetDefinition) -> None:
        """Run one function, and record its result or its failure."""
        inputs = {str(key): self._versions.get(key) for key in definition.deps}
        partition = self._partition if definition.kind is RunKind.MATERIALIZE else None
        config = self._configs.get(str(definition.key), {})
        run = Run(self._run_id, definition.kind, partition=partition, partitions=self._partitions, config=config)
        context = AssetExecutionContext((definition.key,), run, self._emit, inputs)
        try:
            event = run_function(definition.function, context)
        except Exception as error:
            if self._raise:
                raise
            self._fail(definition, error)
            return
        self._succeed(definition, event, inputs)

    def _succeed(self, definition: AssetDefinition, event: Event, inputs: dict[str, str | None]) -> None:
        """Record a result; a materialization without a version gets the derived one, as in a cluster."""
        if event.data_version is None and definition.kind is RunKind.MATERIALIZE:
            event = replace(event, data_version=derive(definition.code_version, self._run_id, inputs))
        self._versions[definition.key] = event.data_version
        self._events.append(event)

    def _fail(self, definition: AssetDefinition, error: Exception) -> None:
        """Record a failure."""
        self._broken.add(definition.key)
        text = f"{type(error).__name__}: {error}"
        failed = Event(new_ulid(), _FAILED[definition.kind], str(definition.key), now_rfc3339(), description=text)
        self._events.append(failed)

    def _emit(self, event: Event) -> None:
        """Take what a function logs while it runs, with the limits it has in a cluster."""
        encode(event)
        self._events.append(event)


def in_order(definitions: Iterable[AssetDefinition]) -> list[AssetDefinition]:
    """Sort so that each asset comes after its deps.

    Raises InvalidValue for two assets of one key, and for a cycle, naming its members.
    """
    given: dict[AssetKey, AssetDefinition] = {}
    for definition in definitions:
        if given.setdefault(definition.key, definition) is not definition:
            raise InvalidValue(f"two assets have the key {definition.key}; give one of them another key=…")
    upstream = {key: [dep for dep in definition.deps if dep in given] for key, definition in given.items()}
    try:
        return [given[key] for key in TopologicalSorter(upstream).static_order()]
    except CycleError as error:
        path = " → ".join(map(str, error.args[1]))
        raise InvalidValue(f"these assets depend on each other: {path}; remove one of these deps") from error
