"""Spans of time as people write them: `15m`, `26h`, `90d`, `1h30m`.

Limits: no weeks, months or fractions (a month has no length); at most six digits of seconds or minutes, five of hours
or days, so that no sum leaves the calendar.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema
from pydantic_core import PydanticCustomError

PATTERN = "^([0-9]{1,6}[ms]|[0-9]{1,5}[dh])+$"
SAYS = "a duration is numbers with d, h, m or s, longer than nothing, such as 15m, 26h, 90d or 1h30m"
LONGEST = 16
_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_WHOLE = re.compile(PATTERN.strip("^$"))
_PART = re.compile("([0-9]+)([dhms])")


def read(value: Any) -> timedelta:
    """Give the span that a text means. Raises PydanticCustomError saying the form; a timedelta passes unchanged."""
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str) and len(value) <= LONGEST and _WHOLE.fullmatch(value):
        seconds = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(value))
        if seconds:
            return timedelta(seconds=seconds)
    raise PydanticCustomError("form", "{says}", {"says": SAYS})


def write(span: timedelta) -> str:
    """Give the shortest text that `read` turns into the same span; parts of a second are dropped."""
    rest, text = int(span.total_seconds()), ""
    for unit, seconds in _UNITS.items():
        count, rest = divmod(rest, seconds)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


Duration = Annotated[
    timedelta,
    BeforeValidator(read),
    PlainSerializer(write, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "minLength": 2,
            "maxLength": LONGEST,
            "pattern": PATTERN,
            "x-kubernetes-validations": [
                {"rule": f"self.matches('{PATTERN}') && self.matches('[1-9]')", "message": SAYS}
            ],
        }
    ),
]
"""A field that holds a duration: text outside, `timedelta` inside."""
