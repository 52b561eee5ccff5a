"""Partitions definitions and partition mappings of Dagster, as `spec.partitions` and `partitionMapping`.

Definitions go by way of the SDK's, which have the same names and check what can be written; so there is one set of
rules. Limits: what cannot be written is refused here, and whoever asked decides what becomes of the asset.
"""

from __future__ import annotations

from typing import Any

import dagster

from upwell.errors import UpwellError as WrongDefinition
from upwell.partition_definitions import (
    DynamicPartitionsDefinition,
    MultiPartitionsDefinition,
    PartitionsDefinition,
    StaticPartitionsDefinition,
    TimeWindowPartitionsDefinition,
)
from upwell_operator.authoring.cutting import partitions_of
from upwell_operator.authoring.objects import Json
from upwell_operator.authoring.refused import Uncompilable
from upwell_operator.domain import mapping, partitions
from upwell_operator.errors import Stalled
from upwell_operator.resources import partitions as model
from upwell_operator.resources.partitions import MOST_MAPPED, MappingType


def cut_of(definition: Any) -> Json:
    """Give what `spec.partitions` says of a definition. Raises Uncompilable where it cannot."""
    try:
        return partitions_of(_ours(definition))
    except WrongDefinition as error:
        raise Uncompilable(str(error)) from error


def _ours(cut: Any) -> PartitionsDefinition:
    match cut:
        case dagster.StaticPartitionsDefinition():
            return StaticPartitionsDefinition(list(cut.get_partition_keys()))
        case dagster.TimeWindowPartitionsDefinition():
            return _windows(cut)
        case dagster.DynamicPartitionsDefinition() if cut.name:
            return DynamicPartitionsDefinition(cut.name)
        case dagster.MultiPartitionsDefinition():
            return MultiPartitionsDefinition({one.name: _ours(one.partitions_def) for one in cut.partitions_defs})
    raise Uncompilable(f"a {type(cut).__name__} of this kind says what its keys are by code of its own")


def _windows(cut: Any) -> TimeWindowPartitionsDefinition:
    if cut.exclusions:
        raise Uncompilable("windows of time have no exclusions")
    return TimeWindowPartitionsDefinition(
        start=cut.start.strftime(cut.fmt),
        fmt=cut.fmt,
        end=cut.end and cut.end.strftime(cut.fmt),
        cron_schedule=cut.cron_schedule,
        timezone=cut.timezone,
        end_offset=cut.end_offset,
    )


def misfit_of(written: Json, up: Json | None, down: Json) -> str | None:
    """Say why Upwell cannot go by a mapping, or by the evident one where none is written; None if it can.

    By the operator's own rules; a definition that is wrong in itself is for the check of the whole to refuse.
    """
    try:
        above = up and partitions.accept(model.Partitions.model_validate(up))
        below = partitions.accept(model.Partitions.model_validate(down))
    except Stalled:
        return None
    if written:
        return mapping.misfit(mapping.accept(model.PartitionMapping.model_validate(written)), above or None, below)
    return (
        None if mapping.evident(above or None, below) else "Dagster takes the same key, and the two are cut otherwise"
    )


def mapping_of(given: Any) -> Json:
    """Give what `partitionMapping` says of a mapping; nothing for the evident one. Raises Uncompilable."""
    match given:
        case dagster.AllPartitionMapping():
            return _typed(MappingType.ALL)
        case dagster.IdentityPartitionMapping():
            return _typed(MappingType.IDENTITY)
        case dagster.LastPartitionMapping():
            return _typed(MappingType.LAST)
        case dagster.TimeWindowPartitionMapping():
            offsets = {"startOffset": given.start_offset, "endOffset": given.end_offset}
            return {**_typed(MappingType.TIME_WINDOW), **{name: value for name, value in offsets.items() if value}}
        case dagster.StaticPartitionMapping():
            return {**_typed(MappingType.STATIC), "static": _listed(given)}
        case dagster.MultiToSingleDimensionPartitionMapping():
            name = given.partition_dimension_name
            return {**_typed(MappingType.DIMENSION), "dimension": name} if name else {}
    raise Uncompilable(f"a {type(given).__name__} says what belongs together in a way that no field can hold")


def _typed(type_: MappingType) -> Json:
    return {"type": type_.value}


def _listed(static: Any) -> Json:
    """Give keys of the input, each with those that are built from it; Dagster keeps one key as text, many as a list."""
    given = static.downstream_partition_keys_by_upstream_partition_key
    if len(given) > MOST_MAPPED:
        raise Uncompilable(f"a StaticPartitionMapping of {len(given)} keys; a manifest lists {MOST_MAPPED} at most")
    return {key: [below] if isinstance(below, str) else sorted(below) for key, below in given.items()}
