"""A run that executes an asset of Dagster's: `function` names a `Definitions` in place of a function.

The asset is found by the run's key, and executed in this process with the resources, IO managers, retry policies and
checks that the definitions give it; nothing upstream is executed. What Dagster recorded becomes what a function would
have returned: data versions by partition, metadata by type, a check's verdict as metadata.

Dagster comes with the user's image and is imported when a run needs it. The instance is born with the run: in
`$DAGSTER_HOME` the default IO manager keeps values, and nobody keeps an event log. Limits: one asset and one partition
in a run. Where code can only make several assets together, it makes all of them, and the others are reported by runs of
their own.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Callable, Iterator

from upwell.errors import InvalidValue, Terminated, UpwellError, WrongType, type_name
from upwell.events import DATA_VERSION_TAG, AssetMaterialization, AssetObservation, MaterializeResult, ObserveResult
from upwell.pod.dagster_values import key_of, metadata_of, tags_of
from upwell.protocol import RunKind
from upwell.versions import DataVersion, DataVersionsByPartition

if TYPE_CHECKING:
    from upwell.context import AssetExecutionContext
    from upwell.metadata import MetadataValue

GIVEN_VERSION_TAG = "dagster/data_version_is_user_provided"
"""Dagster gives every materialization a version; this tag marks the ones that mean something outside of Dagster."""
HOME = "DAGSTER_HOME"
SHOWN = 20


def function_of(name: str, found: Any) -> Callable[[AssetExecutionContext], Any]:
    """Give the function that executes the run's asset of these definitions. Raises WrongType for what is none."""
    repository = repository_of(name, found)

    def execute(context: AssetExecutionContext) -> Any:
        return _Execution(name, repository, context).result()

    return execute


def repository_of(name: str, found: Any) -> Any:
    """Give all that is defined, with its jobs resolved. Raises WrongType; what Dagster refuses passes through."""
    import dagster  # noqa: PLC0415 - only in images that have it

    loaded = found() if type(found).__name__ == "LazyDefinitions" else found
    if isinstance(loaded, dagster.Definitions):
        return loaded.get_repository_def()
    if isinstance(loaded, dagster.RepositoryDefinition):
        return loaded
    raise WrongType(f"{name} is no Definitions but {type_name(found)}; name the variable that holds the Definitions")


def unlisted_inputs(graph: Any, node: Any) -> list[Any]:
    """Give the keys of inputs that the default way of loading would miss parts of, and say nothing.

    An IO manager loads every partition that belongs to the run. Which ones a dynamic definition has, only a Dagster
    instance knows that was told; the run's own has heard of the run's own partition.
    """
    return [
        key
        for name, key in node.assets_def.keys_by_input_name.items()
        if not node.assets_def.node_def.input_def_named(name).dagster_type.is_nothing
        and set(dynamic_names(graph.get(key).partitions_def)) - set(dynamic_names(node.partitions_def))
    ]


class _Execution:
    """One asset of Dagster's, executed once."""

    def __init__(self, name: str, repository: Any, context: AssetExecutionContext) -> None:
        import dagster  # noqa: PLC0415 - see above

        self._context, self._repository = context, repository
        self._key = dagster.AssetKey(list(context.asset_key.path))
        self._observes = context.run.kind is RunKind.OBSERVE
        self._node = self._found(name)
        self._checks: dict[str, MetadataValue] = {}
        self._own: list[Any] = []
        """What was recorded about the run's own asset."""

    def _found(self, name: str) -> Any:
        graph = self._repository.asset_graph
        if not graph.has(self._key):
            known = sorted(key.to_user_string() for key in graph.executable_asset_keys)[:SHOWN]
            raise InvalidValue(f"{name} defines no asset {self._context.asset_key}; it has {', '.join(known)}")
        node = graph.get(self._key)
        if not (node.is_observable if self._observes else node.is_materializable):
            raise WrongType(
                f"{self._context.asset_key} of {name} cannot {self._context.run.kind.value} itself in Dagster; compile"
                " the manifests again"
            )
        missed = [key.to_user_string() for key in unlisted_inputs(graph, node)]
        if missed:
            raise WrongType(
                f"{self._context.asset_key} would be given no partition of {', '.join(missed)}: the keys of dynamic"
                " partitions are in no definition. Name the input in deps, and read it in the code"
            )
        return node

    def result(self) -> Any:
        """Execute it and give what a function of Upwell's would return. Raises what the asset's code raises."""
        for event in self._executed().all_events:
            self._take(event)
        if not self._own:
            raise WrongType(
                f"Dagster executed {self._context.asset_key} and recorded no {self._context.run.kind.value} of it; an"
                " output that is not required did not come"
            )
        return self._observed() if self._observes else self._materialized()

    # ------------------------------------------------------------- executing

    def _executed(self) -> Any:
        import dagster  # noqa: PLC0415 - see above

        keys = self._node.execution_set_asset_keys
        job = self._repository.get_implicit_job_def_for_assets(list(keys)).get_subset(asset_selection=set(keys))
        with _home() as home:
            try:
                return job.execute_in_process(
                    instance=self._instance(home),
                    partition_key=self._context.run.partition,
                    resources={name: one for name, one in job.resource_defs.items() if name == "io_manager"},
                )
            except dagster.DagsterExecutionInterruptedError as error:  # what Dagster makes of SIGTERM
                raise Terminated("the run was asked to stop (SIGTERM)") from error
            except FileNotFoundError as error:
                if str(error.filename).startswith(home):
                    raise UpwellError(_no_value(error)) from error
                raise

    def _instance(self, home: str) -> Any:
        """Give an instance that keeps no events, and knows the run's partition if it is a dynamic one."""
        import dagster  # noqa: PLC0415 - see above

        instance = dagster.DagsterInstance.ephemeral(tempdir=home)
        cut, partition = self._node.partitions_def, self._context.run.partition
        for name, key in _dynamic(cut, partition) if partition is not None else ():
            instance.add_dynamic_partitions(name, [key])
        return instance

    # ------------------------------------------------------------- what it recorded

    def _take(self, event: Any) -> None:
        kind = event.event_type_value
        if kind == "ASSET_OBSERVATION":
            self._observation(event.asset_observation_data.asset_observation)
        elif kind == "ASSET_MATERIALIZATION":
            self._materialization(event.step_materialization_data.materialization)
        elif kind == "ASSET_CHECK_EVALUATION":
            self._check(event.asset_check_evaluation_data)

    def _observation(self, record: Any) -> None:
        """Keep what the run is about; hand on what was seen on the way, as metadata."""
        if self._observes and record.asset_key == self._key and DATA_VERSION_TAG in record.tags:
            self._own.append(record)
        else:
            self._context.log_event(AssetObservation(key_of(record.asset_key), **_described(record)))

    def _materialization(self, record: Any) -> None:
        if not self._observes and record.asset_key == self._key:
            for earlier in self._own:
                self._context.log_event(AssetMaterialization(key_of(earlier.asset_key), **_described(earlier)))
            self._own = [record]
        else:
            self._context.log.warning(
                "%s was materialized too; only a run of its own tells Upwell", record.asset_key.to_user_string()
            )

    def _check(self, evaluation: Any) -> None:
        from upwell.metadata import MetadataValue  # noqa: PLC0415 - few assets have checks

        if evaluation.asset_key == self._key:
            self._checks[f"check {evaluation.check_name}"] = MetadataValue.bool(evaluation.passed)

    def _observed(self) -> Any:
        versions = {record.partition: DataVersion(record.tags[DATA_VERSION_TAG]) for record in self._own}
        if None not in versions:
            return DataVersionsByPartition(versions)
        return ObserveResult(data_version=versions[None], **self._described())

    def _materialized(self) -> Any:
        tags = self._own[-1].tags
        version = DataVersion(tags[DATA_VERSION_TAG]) if tags.get(GIVEN_VERSION_TAG) == "true" else None
        return MaterializeResult(data_version=version, **self._described())

    def _described(self) -> dict[str, Any]:
        record = self._own[-1]
        return {"metadata": {**metadata_of(record.metadata), **self._checks}, "tags": tags_of(record.tags)}


def _described(record: Any) -> dict[str, Any]:
    return {
        "description": record.description,
        "metadata": metadata_of(record.metadata),
        "partition": record.partition,
        "tags": tags_of(record.tags),
    }


def dynamic_names(cut: Any) -> list[str]:
    """Give the names of the dynamic definitions in a definition; none of None."""
    return [one.name for one in _dimensions(cut) if _is_dynamic(one)]


def _dynamic(cut: Any, key: str) -> Iterator[tuple[str, str]]:
    """Give the name of each dynamic definition, and the key that the run builds of it."""
    dimensions = _dimensions(cut)
    keys = key.split("|") if len(dimensions) > 1 else [key]
    yield from ((one.name, keys[place]) for place, one in enumerate(dimensions) if _is_dynamic(one))


def _dimensions(cut: Any) -> list[Any]:
    """Give the definitions that one is made of, in the order of a key's parts."""
    several = getattr(cut, "partitions_defs", None)
    if several is None:
        return [cut]
    return [one.partitions_def for one in sorted(several, key=lambda one: str(one.name))]


def _is_dynamic(cut: Any) -> bool:
    return type(cut).__name__ == "DynamicPartitionsDefinition" and cut.name is not None


@contextmanager
def _home() -> Iterator[str]:
    """Give the folder for values: the one that all runs share, or one that goes with this run."""
    from tempfile import TemporaryDirectory  # noqa: PLC0415 - see above

    if os.environ.get(HOME):
        yield os.environ[HOME]
    else:
        with TemporaryDirectory(prefix="dagster") as folder:
            yield folder


def _no_value(error: FileNotFoundError) -> str:
    return (
        f"the value of an input is not there ({error.filename}): each run is a pod of its own, and Dagster's default IO"
        f" manager keeps values in ${HOME}/storage. Set {HOME} to a volume that all runs share, use an IO manager that"
        " stores outside, or name the input in deps and read it yourself"
    )
