"""What a running function can see and say: its `context`.

The same class serves in a pod and in-process; only where events go to (`emit`) differs. Limits: a run speaks about
its own asset; about other assets it may say what it saw (an AssetObservation without a data version), and no more,
which the server enforces too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence

from upwell.errors import InvalidValue, WrongType, type_name
from upwell.events import AssetEvent, AssetObservation
from upwell.inference import typed
from upwell.keys import AssetKey
from upwell.metadata import MetadataValue
from upwell.protocol import Event, RunKind
from upwell.wire import event_of

if TYPE_CHECKING:
    import logging

LOGGER_NAME = "upwell.run"


@dataclass(frozen=True)
class Run:
    """The run that a function is part of."""

    name: str
    kind: RunKind
    namespace: str | None = None
    attempt: str | None = None
    """Name of the pod, in a cluster."""
    partition: str | None = None
    """The partition that it builds, if it builds one."""
    partitions: tuple[str, ...] = ()
    """Those that it is asked to look at, if it is asked for some."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """The values of its function's Config."""

    @property
    def run_id(self) -> str:
        """Give the run's name, under Dagster's word for it."""
        return self.name


class AssetExecutionContext:
    """Passed to a function that takes `context`."""

    def __init__(
        self,
        asset_keys: Sequence[AssetKey],
        run: Run,
        emit: Callable[[Event], None],
        inputs: Mapping[str, str | None],
        prepare_log: Callable[[logging.Logger], None] | None = None,
    ) -> None:
        self._asset_keys = tuple(asset_keys)
        self._run = run
        self.emit = emit
        """Where events go; `log_event` is the door for a function."""
        self._inputs = MappingProxyType(dict(inputs))
        self._prepare_log = prepare_log
        self._output_metadata: dict[str, MetadataValue] = {}

    @property
    def asset_key(self) -> AssetKey:
        """The key of the asset that the function is about. Raises InvalidValue when there are several."""
        if len(self._asset_keys) > 1:
            raise InvalidValue("this function observes several assets at once; context.selected_asset_keys has them")
        return self._asset_keys[0]

    @property
    def selected_asset_keys(self) -> frozenset[AssetKey]:
        """The keys that are to be observed now; of a `multi_observable_source_asset`, some or all of its specs."""
        return frozenset(self._asset_keys)

    @property
    def run(self) -> Run:
        """The run: its name, kind, namespace and attempt."""
        return self._run

    @property
    def run_id(self) -> str:
        """The run's name."""
        return self._run.name

    @property
    def has_partition_key(self) -> bool:
        """Whether the run builds one partition."""
        return self._run.partition is not None

    @property
    def partition_key(self) -> str:
        """The partition that the run builds. Raises InvalidValue when it builds the asset as a whole."""
        if self._run.partition is None:
            raise InvalidValue(
                f"this run is about {', '.join(map(str, self._asset_keys))} as a whole and has no partition_key; give"
                " the asset partitions, or ask context.has_partition_key first"
            )
        return self._run.partition

    @property
    def partition_keys(self) -> tuple[str, ...]:
        """The partitions that the run is about: the one that it builds, or those that it is asked to look at.

        None for an observation that may look at whichever it likes: it reports what it saw in any case.
        """
        return self._run.partitions if self._run.partition is None else (self._run.partition,)

    @property
    def input_versions(self) -> Mapping[str, str | None]:
        """Key of each upstream asset -> the data version that this run consumes; None if none was known."""
        return self._inputs

    @property
    def log(self) -> logging.Logger:
        """A logger; in a pod it writes to standard error."""
        import logging  # noqa: PLC0415 - its import is felt in the start of every pod

        logger = logging.getLogger(LOGGER_NAME)
        if self._prepare_log is not None:
            self._prepare_log(logger)
        return logger

    def log_event(self, event: AssetEvent) -> None:
        """Record an AssetObservation or AssetMaterialization now, while the function still runs.

        Raises WrongType for anything else, InvalidValue for what a run may not say, Refused if the server has refused
        an earlier event.
        """
        if not isinstance(event, AssetEvent):
            raise WrongType(f"log_event takes an AssetObservation or AssetMaterialization, not {type_name(event)}")
        if event.asset_key not in self._asset_keys:
            self._check_foreign(event)
        self.emit(event_of(event))

    def add_output_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Add metadata to the function's own result; what the result itself says under the same label wins."""
        self._output_metadata.update(typed(metadata))

    @property
    def output_metadata(self) -> Mapping[str, MetadataValue]:
        """What `add_output_metadata` was given."""
        return self._output_metadata

    def _check_foreign(self, event: AssetEvent) -> None:
        """Refuse more than metadata about another asset. Raises InvalidValue."""
        if not isinstance(event, AssetObservation) or event.data_version is not None:
            raise InvalidValue(
                f"a run of {', '.join(map(str, self._asset_keys))} may only record an AssetObservation without a data"
                f" version about another asset, and this is about {event.asset_key}; let that asset's own run say it"
            )


OpExecutionContext = AssetExecutionContext
"""Dagster's name for the context of an op."""
