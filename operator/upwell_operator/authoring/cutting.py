"""From the definition of an asset's partitions in Python to `spec.partitions`.

Limits: a definition of one's own class says nothing that a field could hold; it is refused.
"""

from __future__ import annotations

from typing import Any

from upwell.errors import type_name
from upwell.partition_definitions import (
    DynamicPartitionsDefinition,
    MultiPartitionsDefinition,
    PartitionsDefinition,
    StaticPartitionsDefinition,
    TimeWindowPartitionsDefinition,
)
from upwell_operator.authoring.refused import Uncompilable
from upwell_operator.resources.partitions import TimeWindow


def partitions_of(cut: PartitionsDefinition) -> dict[str, Any]:
    """Give what `spec.partitions` says of a definition. Raises Uncompilable."""
    match cut:
        case StaticPartitionsDefinition():
            return {"static": list(cut.partition_keys)}
        case TimeWindowPartitionsDefinition():
            return {"timeWindow": _window(cut)}
        case DynamicPartitionsDefinition():
            return {"dynamic": {}}
        case MultiPartitionsDefinition():
            return {"multi": {name: partitions_of(one) for name, one in cut.partitions_defs.items()}}
    raise Uncompilable(
        f"partitions_def: a {type_name(cut)} cannot be compiled; use one of Upwell's own definitions, such as"
        " StaticPartitionsDefinition"
    )


def _window(cut: TimeWindowPartitionsDefinition) -> dict[str, Any]:
    """Give the fields that are not as if left out; whether they fit together is for the manifest's check to say."""
    written = TimeWindow.model_construct(
        cron=cut.cron_schedule,
        start=cut.start,
        end=cut.end,
        time_zone=cut.timezone,
        format=cut.fmt,
        end_offset=cut.end_offset,
    )
    return written.model_dump(by_alias=True, exclude_defaults=True)
