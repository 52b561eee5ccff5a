"""Write functions that observe and materialize data.

    from upwell import DataVersion, observable_source_asset

Names, arguments and meaning are Dagster's. A decorated function is still a function; `observe([...])` and
`materialize([...])` run it on a laptop, and Upwell runs it unchanged in a cluster.
"""

from typing import TYPE_CHECKING, Any

from upwell.context import AssetExecutionContext, OpExecutionContext
from upwell.decorators import asset, multi_observable_source_asset, observable_source_asset, op
from upwell.definitions import AssetSpec, AutoMaterializePolicy
from upwell.events import AssetMaterialization, AssetObservation, MaterializeResult, ObserveResult
from upwell.keys import AssetKey
from upwell.metadata import MetadataValue
from upwell.versions import DataVersion, DataVersionsByPartition

if TYPE_CHECKING:
    from upwell.collection import Definitions
    from upwell.config import Config
    from upwell.execution import ExecuteInProcessResult, materialize, observe
    from upwell.jobs import AssetJobDefinition, DefaultScheduleStatus, ScheduleDefinition, define_asset_job
    from upwell.partition_definitions import (
        DailyPartitionsDefinition,
        DynamicPartitionsDefinition,
        HourlyPartitionsDefinition,
        MonthlyPartitionsDefinition,
        MultiPartitionsDefinition,
        PartitionsDefinition,
        StaticPartitionsDefinition,
        TimeWindowPartitionsDefinition,
        WeeklyPartitionsDefinition,
    )
    from upwell.selections import AssetSelection
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
    "AssetJobDefinition",
    "AssetKey",
    "AssetMaterialization",
    "AssetObservation",
    "AssetSelection",
    "AssetSpec",
    "AutoMaterializePolicy",
    "Config",
    "DailyPartitionsDefinition",
    "DataVersion",
    "DataVersionsByPartition",
    "DefaultScheduleStatus",
    "Definitions",
    "DynamicPartitionsDefinition",
    "ExecuteInProcessResult",
    "HourlyPartitionsDefinition",
    "MaterializeResult",
    "MetadataValue",
    "MonthlyPartitionsDefinition",
    "MultiPartitionsDefinition",
    "ObserveResult",
    "OpExecutionContext",
    "PartitionsDefinition",
    "ScheduleDefinition",
    "StaticPartitionsDefinition",
    "TableColumn",
    "TableColumnConstraints",
    "TableColumnDep",
    "TableColumnLineage",
    "TableConstraints",
    "TableRecord",
    "TableSchema",
    "TimeWindowPartitionsDefinition",
    "WeeklyPartitionsDefinition",
    "asset",
    "define_asset_job",
    "materialize",
    "multi_observable_source_asset",
    "observable_source_asset",
    "observe",
    "op",
]


_RARE = {
    "Config": "config",
    "Definitions": "collection",
    "ExecuteInProcessResult": "execution",
    "observe": "execution",
    "materialize": "execution",
    "AssetJobDefinition": "jobs",
    "DefaultScheduleStatus": "jobs",
    "ScheduleDefinition": "jobs",
    "define_asset_job": "jobs",
    "AssetSelection": "selections",
    "DailyPartitionsDefinition": "partition_definitions",
    "DynamicPartitionsDefinition": "partition_definitions",
    "HourlyPartitionsDefinition": "partition_definitions",
    "MonthlyPartitionsDefinition": "partition_definitions",
    "MultiPartitionsDefinition": "partition_definitions",
    "PartitionsDefinition": "partition_definitions",
    "StaticPartitionsDefinition": "partition_definitions",
    "TimeWindowPartitionsDefinition": "partition_definitions",
    "WeeklyPartitionsDefinition": "partition_definitions",
}


def __getattr__(name: str) -> Any:
    """Import what few pods need (tables, jobs, partitions, local runs) only when asked for: a pod's start is felt."""
    import importlib  # noqa: PLC0415 - see above

    if name not in __all__:
        raise AttributeError(f"module 'upwell' has no attribute {name!r}")
    module = importlib.import_module(f"upwell.{_RARE.get(name, 'tables')}")
    return globals().setdefault(name, getattr(module, name))
