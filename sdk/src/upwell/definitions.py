"""What a decorator knows about a function: an asset's definition, beside the function and never instead of it.

Limits: values only. Manifests are what the operator reads; these definitions serve in-process runs, checks in the pod,
and the compilation of manifests.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence

from upwell.errors import WrongType, type_name
from upwell.keys import AssetKey
from upwell.metadata import MetadataValue
from upwell.protocol import RunKind

if TYPE_CHECKING:
    from upwell.partition_definitions import PartitionsDefinition

MARK = "__upwell__"
"""The attribute of a decorated function that holds its definition."""


@dataclass(frozen=True)
class AutoMaterializePolicy:
    """When Upwell materializes an asset by itself: `AutoMaterializePolicy.eager()`, or without a policy never."""

    policy: str

    @staticmethod
    def eager() -> AutoMaterializePolicy:
        """Materialize as soon as the data upstream has changed."""
        return AutoMaterializePolicy("Eager")


@dataclass(frozen=True)
class AssetDefinition:
    """One asset, as its decorator describes it."""

    key: AssetKey
    kind: RunKind
    function: Callable[..., Any]
    deps: tuple[AssetKey, ...] = ()
    group_name: str | None = None
    description: str | None = None
    owners: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    kinds: tuple[str, ...] = ()
    code_version: str | None = None
    metadata: Mapping[str, MetadataValue] = field(default_factory=dict)
    auto_materialize_policy: AutoMaterializePolicy | None = None
    partitions_def: PartitionsDefinition | None = None
    is_op: bool = False
    """Whether it is the work of an op: then what the function returns is dropped."""


@dataclass(frozen=True)
class MultiAssetDefinition:
    """Several sources that one function observes together."""

    specs: tuple[AssetDefinition, ...]
    function: Callable[..., Any]
    kind: RunKind = RunKind.OBSERVE

    @property
    def keys(self) -> tuple[AssetKey, ...]:
        """Give the keys of its assets, in the order of the specs."""
        return tuple(spec.key for spec in self.specs)


@dataclass(frozen=True)
class AssetSpec:
    """One asset of several that a function observes: its key, and what describes it. Arguments are Dagster's."""

    key: Any
    description: str | None = None
    metadata: Mapping[str, Any] | None = None
    group_name: str | None = None
    owners: Sequence[str] | None = None
    tags: Mapping[str, str] | None = None
    kinds: Sequence[str] | set[str] | None = None


def takes_config(function: Any) -> bool:
    """Tell whether a function has a parameter `config` that is annotated; `upwell.config` knows what with."""
    return "config" in getattr(function, "__annotations__", {})


def definition_of(function: Any) -> AssetDefinition:
    """Give the definition of a decorated function. Raises WrongType for anything else."""
    definition = getattr(function, MARK, None)
    if not isinstance(definition, AssetDefinition):
        name = getattr(function, "__qualname__", None) or type_name(function)
        raise WrongType(f"{name} is not an asset; decorate a function with @observable_source_asset or @asset")
    return definition
