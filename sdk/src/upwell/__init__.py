"""Write functions that observe and materialize data.

    from upwell import DataVersion, observable_source_asset

Names, arguments and meaning are Dagster's. A decorated function is still a function; `observe([...])` and
`materialize([...])` run it on a laptop, and Upwell runs it unchanged in a cluster.
"""

from typing import TYPE_CHECKING, Any

from upwell.context import AssetExecutionContext
from upwell.decorators import asset, observable_source_asset
from upwell.definitions import AutoMaterializePolicy
from upwell.events import AssetMaterialization, AssetObservation, MaterializeResult, ObserveResult
from upwell.keys import AssetKey
from upwell.metadata import MetadataValue
from upwell.versions import DataVersion, DataVersionsByPartition

if TYPE_CHECKING:
    from upwell.execution import ExecuteInProcessResult, materialize, observe
    from upwell.tables import (
        TableColumn,
        TableColumnConstraints,
        TableColumnDep,
        TableColumnLineage,
        TableConstraints,
        TableRecord,
        TableSchema,
    )

__all__ = [
    "AssetExecutionContext",
    "AssetKey",
    "AssetMaterialization",
    "AssetObservation",
    "AutoMaterializePolicy",
    "DataVersion",
    "DataVersionsByPartition",
    "ExecuteInProcessResult",
    "MaterializeResult",
    "MetadataValue",
    "ObserveResult",
    "TableColumn",
    "TableColumnConstraints",
    "TableColumnDep",
    "TableColumnLineage",
    "TableConstraints",
    "TableRecord",
    "TableSchema",
    "asset",
    "materialize",
    "observable_source_asset",
    "observe",
]


def __getattr__(name: str) -> Any:
    """Import what few pods need (tables, in-process runs) only when it is asked for: a pod's start is felt."""
    import importlib  # noqa: PLC0415 - see above

    if name not in __all__:
        raise AttributeError(f"module 'upwell' has no attribute {name!r}")
    module = importlib.import_module("upwell.tables" if name.startswith("Table") else "upwell.execution")
    return globals().setdefault(name, getattr(module, name))
