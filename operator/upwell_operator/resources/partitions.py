"""`spec.partitions`, into which slices an asset is cut, and `partitionMapping`, what each is built from.

The names are Dagster's. Limits: form only; whether a cron line, a zone and a start fit together is for
`domain.partitions` to say, and whether two assets do, for `domain.mapping`.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from upwell_operator.resources.model import Int, Model, Rule, Text, Unique
from upwell_operator.resources.schedule import CronLine, ZoneName

MOST_STATIC = 1000
PartitionKey = Annotated[
    str,
    Text(
        'a partition\'s key is text without "|", control characters or blanks at an end, such as eu or 2026-01-31',
        r"^[^\x00-\x20\x7f|]([^\x00-\x1f\x7f|]*[^\x00-\x20\x7f|])?$",
        120,
    ),
]
WindowFormat = Annotated[
    str,
    Text(
        'a format is made of %Y, %m, %d, %H and %M and what stands between them, such as "%Y-%m-%d"',
        r"^([^\x00-\x1f\x7f|%]|%[YmdHM])+$",
        64,
    ),
]
_DIMENSION_NAME = "^[a-z][a-z0-9_]{0,62}$"
StaticKeys = Annotated[tuple[PartitionKey, ...], Field(min_length=1, max_length=MOST_STATIC), Unique()]


class TimeWindow(Model):
    """One partition for each window of time: it begins at a tick of the cron line and ends at the next one."""

    cron: CronLine = Field(
        description="When a window begins: `@hourly`, `@daily`, `@weekly`, `@monthly`, or five fields."
    )
    start: PartitionKey = Field(description='The first window, written in `format`, for example `"2026-01-01"`.')
    end: PartitionKey | None = Field(
        None, description="Where the windows end, in `format`: no window begins here or later. Open, if left out."
    )
    time_zone: ZoneName = Field("UTC", description="The time zone that the windows are read in.")
    format: WindowFormat = Field(
        "%Y-%m-%d", description="How a key is written: the window's beginning, in the time zone, as `strftime` does."
    )
    end_offset: Int = Field(
        0,
        ge=-1000,
        le=1000,
        description="A window is a partition once it is over. `1`: also the one that is going on; `-1`: not the last "
        "one that is over.",
    )


class Dynamic(Model):
    """Partitions that nobody lists beforehand: a key is there once something was reported about it."""


_ONE_KIND = "say once how the asset is cut: give static, timeWindow or dynamic"


class Dimension(Model):
    """One dimension of an asset that is cut in two."""

    rules: ClassVar = (
        Rule(
            _ONE_KIND,
            cel="[has(self.static), has(self.timeWindow), has(self.dynamic)].exists_one(one, one)",
            holds=lambda cut: sum(one is not None for one in (cut.static, cut.time_window, cut.dynamic)) == 1,
        ),
    )

    static: StaticKeys | None = Field(None, description="A list of keys, for example `[eu, us]`.")
    time_window: TimeWindow | None = Field(None, description="A key for each window of time, such as a day.")
    dynamic: Dynamic | None = Field(None, description="Keys that are added as they are reported: `{}`.")


class Partitions(Model):
    """Into which slices the asset is cut."""

    rules: ClassVar = (
        Rule(
            f"{_ONE_KIND}, or multi for two of them",
            cel="[has(self.static), has(self.timeWindow), has(self.dynamic), has(self.multi)].exists_one(one, one)",
            holds=lambda cut: (
                sum(one is not None for one in (cut.static, cut.time_window, cut.dynamic, cut.multi)) == 1
            ),
        ),
        # A rule of the whole: the schema of a CustomResourceDefinition has no word for the names of a map.
        Rule(
            "a dimension's name is a word of small letters and digits, such as region, of up to 63 characters",
            cel=f"!has(self.multi) || self.multi.all(name, name.matches('{_DIMENSION_NAME}'))",
            holds=lambda cut: all(re.fullmatch(_DIMENSION_NAME, name) for name in cut.multi or ()),
        ),
    )

    static: StaticKeys | None = Field(None, description="A list of keys, for example `[eu, us]`.")
    time_window: TimeWindow | None = Field(None, description="A partition for each window of time, such as a day.")
    dynamic: Dynamic | None = Field(None, description="Partitions that are added as they are reported: `{}`.")
    multi: dict[str, Dimension] | None = Field(
        None,
        min_length=2,
        max_length=2,
        description="Two dimensions by name, for example `{date: {timeWindow: …}, region: {static: [eu, us]}}`. A key "
        'is the two keys in the order of the names, joined by "|": `2026-01-31|eu`.',
    )


class MappingType(StrEnum):
    """How partitions of an input and of an asset belong together."""

    ALL = "All"
    IDENTITY = "Identity"
    LAST = "Last"
    TIME_WINDOW = "TimeWindow"
    STATIC = "Static"
    DIMENSION = "Dimension"


Keys = Annotated[tuple[Annotated[str, Field(strict=True, min_length=1, max_length=120)], ...], Field(max_length=100)]
"""Keys that `domain.mapping` holds against both definitions: a rule for each would cost the API server too much."""
MOST_MAPPED = 100
Offset = Annotated[Int, Field(ge=-1000, le=1000)]


class PartitionMapping(Model):
    """Which partitions of the input a partition is built from."""

    rules: ClassVar = (
        Rule(
            "a mapping of the type Static lists its keys, and no other does; give both, or neither",
            cel="(self.type == 'Static') == has(self.static)",
            holds=lambda one: (one.type is MappingType.STATIC) == (one.static is not None),
            path=".static",
        ),
        Rule(
            "a mapping of the type Dimension names it, and no other does; give both, or neither",
            cel="(self.type == 'Dimension') == has(self.dimension)",
            holds=lambda one: (one.type is MappingType.DIMENSION) == (one.dimension is not None),
            path=".dimension",
        ),
        Rule(
            "offsets count windows of time; set type to TimeWindow, or remove startOffset and endOffset",
            cel="self.type == 'TimeWindow' || (!has(self.startOffset) && !has(self.endOffset))",
            holds=lambda one: one.type is MappingType.TIME_WINDOW or not (one.start_offset or one.end_offset),
            path=".startOffset",
        ),
        Rule(
            "the time ends before it begins; let startOffset be at most endOffset",
            cel="(has(self.startOffset) ? self.startOffset : 0) <= (has(self.endOffset) ? self.endOffset : 0)",
            holds=lambda one: (one.start_offset or 0) <= (one.end_offset or 0),
            path=".endOffset",
        ),
    )

    type: MappingType = Field(
        description="`Identity`: the partition of the same key. `TimeWindow`: the windows of the same time. `All`: "
        "the input as a whole. `Last`: its newest window, or the last of a list. `Static`: as `static` says. "
        "`Dimension`: those that agree in `dimension`."
    )
    start_offset: Offset | None = Field(
        None, description="With TimeWindow: where the time begins, in windows of this asset; `-1`: one earlier."
    )
    end_offset: Offset | None = Field(
        None, description="With TimeWindow: where the time ends, in windows of this asset; `-1`: one earlier."
    )
    static: dict[str, Keys] | None = Field(
        None,
        min_length=1,
        max_length=MOST_MAPPED,
        description="With Static: keys of the input, each with those that are built from it, for example "
        "`{de: [eu], fr: [eu], us: [na]}`.",
    )
    dimension: Annotated[str, Text("this is the name of a dimension, such as region", _DIMENSION_NAME, 63)] | None = (
        Field(None, description="With Dimension: the dimension of a `multi` definition in which the keys agree.")
    )
