"""Into which partitions an asset is cut; names and arguments are Dagster's.

    @observable_source_asset(partitions_def=DailyPartitionsDefinition(start_date="2026-01-01"))

Values only, by the rules of `spec.partitions`, which `upwell compile` makes of them. Limits: no key is counted here,
and no cron line walked: whether a time zone exists, and how long windows last, is said when it is compiled. Arguments
of Dagster that mean nothing to Upwell (exclusions, schedule_type, partition_fn) do not exist, and Python says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Mapping, Sequence, Union

from upwell.errors import InvalidValue, WrongType, type_name
from upwell.partition_rules import (
    checked_dimension,
    checked_format,
    checked_line,
    checked_moment,
    checked_static_key,
    checked_whole,
    checked_zone,
)
from upwell.partitions import checked_partition

MAX_STATIC_KEYS = 1000
DIMENSIONS = 2

Moment = Union[datetime, str]
"""Where a window begins: text as `fmt` writes it, or a datetime without a time zone of its own."""

_DAY, _MINUTE = "%Y-%m-%d", "%Y-%m-%d-%H:%M"


class PartitionsDefinition:
    """Into which partitions an asset is cut: one of the definitions below."""


@dataclass(frozen=True, init=False)
class StaticPartitionsDefinition(PartitionsDefinition):
    """Listed partitions. Raises WrongType and InvalidValue, naming the key."""

    partition_keys: tuple[str, ...]

    def __init__(self, partition_keys: Sequence[str]) -> None:
        if isinstance(partition_keys, (str, bytes)) or not isinstance(partition_keys, Sequence):
            raise WrongType(
                f"StaticPartitionsDefinition: partition_keys is a list of text, not {type_name(partition_keys)}"
            )
        keys = tuple(checked_static_key(key) for key in partition_keys)
        if not 1 <= len(keys) <= MAX_STATIC_KEYS:
            raise InvalidValue(
                f"StaticPartitionsDefinition: 1 to {MAX_STATIC_KEYS} keys can be listed, not {len(keys)}; what grows"
                " is a DynamicPartitionsDefinition, or cut by time"
            )
        twice = sorted({key for key in keys if keys.count(key) > 1})
        if twice:
            raise InvalidValue(f"StaticPartitionsDefinition: {twice[0]!r} is listed twice; remove one of them")
        object.__setattr__(self, "partition_keys", keys)


@dataclass(frozen=True)
class DynamicPartitionsDefinition(PartitionsDefinition):
    """Partitions that nobody lists beforehand: a key is there once something was reported about it.

    `name` is taken, as Dagster does, and means nothing here: each asset has the keys that were reported about itself.
    Raises WrongType.
    """

    name: str | None = None

    def __post_init__(self) -> None:
        if self.name is not None and not isinstance(self.name, str):
            raise WrongType(f"DynamicPartitionsDefinition: name is text, not {type_name(self.name)}")


@dataclass(frozen=True, init=False)
class TimeWindowPartitionsDefinition(PartitionsDefinition):
    """One partition for each window of time: it begins at a tick of the cron line and ends at the next one.

    A key is the window's beginning, on the clock of `timezone`, written in `fmt`. No window begins at `end` or later. A
    window is a partition once it is over; `end_offset` moves that. Raises WrongType and InvalidValue naming the
    argument.
    """

    cron_schedule: str
    fmt: str
    start: str
    end: str | None
    timezone: str
    end_offset: int

    def __init__(
        self,
        start: Moment,
        fmt: str,
        end: Moment | None = None,
        *,
        cron_schedule: str,
        timezone: str | None = None,
        end_offset: int = 0,
    ) -> None:
        where, put = type(self).__name__, object.__setattr__
        put(self, "cron_schedule", checked_line(where, cron_schedule))
        put(self, "fmt", checked_format(where, fmt, self.cron_schedule))
        begin = checked_moment(f"{where}: the start", start, fmt)
        finish = None if end is None else checked_moment(f"{where}: the end", end, fmt)
        if finish is not None and finish <= begin:
            raise InvalidValue(f"{where}: the end {finish:{fmt}} is not later than the start {begin:{fmt}}")
        put(self, "start", checked_partition(f"{begin:{fmt}}"))
        put(self, "end", finish and f"{finish:{fmt}}")
        put(self, "timezone", checked_zone(where, "UTC" if timezone is None else timezone))
        put(self, "end_offset", checked_whole(f"{where}: end_offset", end_offset, -1000, 1000))


class HourlyPartitionsDefinition(TimeWindowPartitionsDefinition):
    """A partition for each hour, which begins at `minute_offset`. Raises as TimeWindowPartitionsDefinition does."""

    def __init__(
        self,
        start_date: Moment,
        end_date: Moment | None = None,
        minute_offset: int = 0,
        timezone: str | None = None,
        fmt: str | None = None,
        end_offset: int = 0,
    ) -> None:
        line = f"{_offset(self, minute=minute_offset)} * * * *"
        super().__init__(
            start_date,
            _MINUTE if fmt is None else fmt,
            end_date,
            cron_schedule=line,
            timezone=timezone,
            end_offset=end_offset,
        )


class DailyPartitionsDefinition(TimeWindowPartitionsDefinition):
    """A partition for each day, which begins at the offsets. Raises as TimeWindowPartitionsDefinition does."""

    def __init__(
        self,
        start_date: Moment,
        end_date: Moment | None = None,
        minute_offset: int = 0,
        hour_offset: int = 0,
        timezone: str | None = None,
        fmt: str | None = None,
        end_offset: int = 0,
    ) -> None:
        line = f"{_offset(self, minute=minute_offset, hour=hour_offset)} * * *"
        super().__init__(
            start_date,
            _DAY if fmt is None else fmt,
            end_date,
            cron_schedule=line,
            timezone=timezone,
            end_offset=end_offset,
        )


class WeeklyPartitionsDefinition(TimeWindowPartitionsDefinition):
    """A partition for each week, which begins on day `day_offset` (0 is Sunday), at the other offsets.

    Raises as TimeWindowPartitionsDefinition does.
    """

    def __init__(
        self,
        start_date: Moment,
        end_date: Moment | None = None,
        minute_offset: int = 0,
        hour_offset: int = 0,
        day_offset: int = 0,
        timezone: str | None = None,
        fmt: str | None = None,
        end_offset: int = 0,
    ) -> None:
        day = checked_whole(f"{type(self).__name__}: day_offset", day_offset, 0, 6)
        line = f"{_offset(self, minute=minute_offset, hour=hour_offset)} * * {day}"
        super().__init__(
            start_date,
            _DAY if fmt is None else fmt,
            end_date,
            cron_schedule=line,
            timezone=timezone,
            end_offset=end_offset,
        )


class MonthlyPartitionsDefinition(TimeWindowPartitionsDefinition):
    """A partition for each month, which begins on day `day_offset`, at the other offsets.

    A month without that day has no beginning, and belongs to the window before. Raises as
    TimeWindowPartitionsDefinition does.
    """

    def __init__(
        self,
        start_date: Moment,
        end_date: Moment | None = None,
        minute_offset: int = 0,
        hour_offset: int = 0,
        day_offset: int = 1,
        timezone: str | None = None,
        fmt: str | None = None,
        end_offset: int = 0,
    ) -> None:
        day = checked_whole(f"{type(self).__name__}: day_offset", day_offset, 1, 31)
        line = f"{_offset(self, minute=minute_offset, hour=hour_offset)} {day} * *"
        super().__init__(
            start_date,
            _DAY if fmt is None else fmt,
            end_date,
            cron_schedule=line,
            timezone=timezone,
            end_offset=end_offset,
        )


@dataclass(frozen=True, init=False)
class MultiPartitionsDefinition(PartitionsDefinition):
    """One key of each of two dimensions, in the order of their names: `2026-01-31|eu`.

    Raises WrongType and InvalidValue, naming the dimension.
    """

    partitions_defs: Mapping[str, PartitionsDefinition]

    def __init__(self, partitions_defs: Mapping[str, PartitionsDefinition]) -> None:
        if not isinstance(partitions_defs, Mapping):
            found = type_name(partitions_defs)
            raise WrongType(f"MultiPartitionsDefinition takes a mapping of name to definition, not {found}")
        if len(partitions_defs) != DIMENSIONS:
            raise InvalidValue(f"MultiPartitionsDefinition: there are two dimensions, not {len(partitions_defs)}")
        for name, one in partitions_defs.items():
            _check_dimension(checked_dimension(name), one)
        object.__setattr__(self, "partitions_defs", dict(sorted(partitions_defs.items())))


def _check_dimension(name: str, one: Any) -> None:
    """Refuse what cannot be one of two dimensions."""
    if not isinstance(one, PartitionsDefinition) or isinstance(one, MultiPartitionsDefinition):
        found = type_name(one)
        raise WrongType(f"MultiPartitionsDefinition: {name} is static, dynamic or cut by time, not {found}")


def _offset(definition: TimeWindowPartitionsDefinition, *, minute: Any, hour: Any = None) -> str:
    """Give the first fields of a cron line: the minute, and the hour if there is one."""
    where = type(definition).__name__
    first = str(checked_whole(f"{where}: minute_offset", minute, 0, 59))
    return first if hour is None else f"{first} {checked_whole(f'{where}: hour_offset', hour, 0, 23)}"
