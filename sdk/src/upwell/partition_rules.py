"""What may stand in the definition of an asset's partitions: the rules of the resource's `spec.partitions`.

Each gives its value back, or raises WrongType or InvalidValue in a sentence that begins with `where`. Limits: one value
at a time; pods do not load this module unless their code cuts an asset.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

from upwell.errors import InvalidValue, WrongType, type_name
from upwell.partitions import checked_partition

MAX_STATIC_KEY_CHARS = 120
MAX_FORMAT_CHARS = 64
MAX_ZONE_CHARS = 64
MAX_LINE_CHARS = 128
EARLIEST = 2000
"""The year before which no window begins."""

_FORMAT = re.compile(r"([^\x00-\x1f\x7f|%]|%[YmdHM])+")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*")
_FIELD = r"[0-9A-Za-z*/,#-]+"
_LINE = re.compile(rf"@(hourly|daily|midnight|weekly|monthly|yearly|annually)|{_FIELD}([ \t]+{_FIELD}){{4}}")
_PARTS = ("%Y", "%m", "%d", "%H", "%M")
_DIMENSION = re.compile("[a-z][a-z0-9_]{0,62}")
_EXAMPLE = datetime(2026, 1, 31)  # noqa: DTZ001 - on the clock of any time zone


def checked_static_key(key: Any) -> str:
    """Give a listed key back: a partition's key of one dimension."""
    if "|" in checked_partition(key) or len(key) > MAX_STATIC_KEY_CHARS:
        raise InvalidValue(
            f"partition {key!r:.200}: a key that is listed has no '|', which separates two dimensions, and at most"
            f" {MAX_STATIC_KEY_CHARS} characters; give it another name"
        )
    return str(key)


def checked_dimension(name: Any) -> str:
    """Give the name of one of two dimensions back."""
    if not isinstance(name, str) or not _DIMENSION.fullmatch(name):
        raise InvalidValue(
            f"MultiPartitionsDefinition: {name!r:.100} is no name of a dimension; use a word of small letters and"
            " digits, such as region, of up to 63 characters"
        )
    return name


def checked_line(where: str, line: Any) -> str:
    """Give a cron line back, without blanks at its ends."""
    text = line.strip(" \t") if isinstance(line, str) else ""
    if not _LINE.fullmatch(text) or len(text) > MAX_LINE_CHARS:
        raise InvalidValue(
            f"{where}: cron_schedule is five fields (minute, hour, day, month, weekday) such as '0 6 * * *', or one of"
            f" @hourly, @daily, @weekly, @monthly, @yearly, not {line!r:.100}"
        )
    return text


def checked_format(where: str, fmt: Any, line: str) -> str:
    """Give a format back, in which a key tells where its window begins."""
    if not isinstance(fmt, str) or not _FORMAT.fullmatch(fmt) or len(fmt) > MAX_FORMAT_CHARS:
        raise InvalidValue(
            f"{where}: fmt is made of %Y, %m, %d, %H and %M and what stands between them, such as '%Y-%m-%d', not"
            f" {fmt!r:.100}"
        )
    twice = [part for part in _PARTS if fmt.count(part) > 1]
    if twice:
        raise InvalidValue(f"{where}: fmt {fmt!r} says {twice[0]} twice; leave one of them out")
    missing = [one for one in _told(line) if one not in fmt]
    if missing:
        raise InvalidValue(
            f"{where}: fmt {fmt!r} leaves out where a window begins; add {' and '.join(missing)}, and write start and"
            " end like it"
        )
    return fmt


def _told(line: str) -> list[str]:
    """Give what a format must tell of a beginning; nothing of a shorthand, which is looked at when it is compiled."""
    if line.startswith("@"):
        return []
    minute, hour, day, month, weekday = line.split()
    told = {"%m": month != "1", "%d": (day, weekday) != ("1", "*"), "%H": hour != "0", "%M": minute != "0"}
    return ["%Y", *(one for one, differs in told.items() if differs)]


def checked_moment(where: str, value: Any, fmt: str) -> datetime:
    """Read where a window begins, of text or of a datetime; only the one spelling that `strftime` gives is one."""
    if not isinstance(value, (str, datetime)):
        raise WrongType(f"{where} is text, or a datetime, not {type_name(value)}: {value!r:.100}")
    text = value if isinstance(value, str) else f"{value:{fmt}}"
    found = _read(text, fmt)
    if found is None or (text is not value and found != value):
        raise InvalidValue(
            f"{where} {str(value)!r:.100} is not written as fmt {fmt!r} says, such as {_EXAMPLE:{fmt}}; a datetime has"
            " no time zone of its own, and nothing that fmt leaves out"
        )
    if found.year < EARLIEST:
        raise InvalidValue(f"{where} {text!r} is before the year {EARLIEST}; begin later")
    return found


def _read(text: str, fmt: str) -> datetime | None:
    try:
        found = datetime.strptime(text, fmt)  # noqa: DTZ007 - on the clock of the definition's time zone
    except ValueError:
        return None
    return found if f"{found:{fmt}}" == text else None


def checked_zone(where: str, name: Any) -> str:
    """Give the name of a time zone back; whether there is one of this name is not known here."""
    if not isinstance(name, str) or not _ZONE.fullmatch(name) or len(name) > MAX_ZONE_CHARS:
        raise InvalidValue(f"{where}: timezone is an IANA name such as 'Europe/Lisbon' or 'UTC', not {name!r:.100}")
    return name


def checked_whole(where: str, value: Any, least: int, most: int) -> int:
    """Give a whole number back that is not less than `least`, and not more than `most`."""
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise InvalidValue(f"{where} is a whole number from {least} to {most}, not {value!r:.100}")
    return value
