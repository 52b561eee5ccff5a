"""Plain values: what JSON can say, checked where the user's line still stands in the traceback.

Limits: text is valid UTF-8 of at most 64 KiB, ints have at most 4,200 digits, NaN and infinities become text.
"""

from __future__ import annotations

from typing import Any, Mapping

from upwell.errors import InvalidValue, WrongType, type_name
from upwell.protocol import MAX_TEXT_BYTES

MAX_INT_BITS = 14_000
"""Python itself refuses to write integers of more than 4,300 digits."""


def checked_text(value: Any) -> str:
    """Give `value` if it is text within the limit. Raises WrongType and InvalidValue."""
    if not isinstance(value, str):
        raise WrongType(f"text is expected, not {type_name(value)}: {value!r:.100}")
    try:
        size = len(value.encode())
    except UnicodeEncodeError as error:
        raise InvalidValue(f"the text cannot be written as UTF-8: {error}") from error
    if size > MAX_TEXT_BYTES:
        raise InvalidValue(
            f"{size:,} bytes of text, the limit is {MAX_TEXT_BYTES:,}; store it elsewhere and record its path or url"
        )
    return value


def checked_int(value: int) -> int:
    """Give `value` if it can be written in decimal. Raises InvalidValue."""
    if value.bit_length() > MAX_INT_BITS:
        raise InvalidValue(f"an int of {value.bit_length():,} bits, the limit is {MAX_INT_BITS:,}; record it as text")
    return int(value)


def checked_float(kind: str, value: Any) -> float:
    """Give `value` as a float; an int will do, a bool will not. Raises WrongType and InvalidValue."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise WrongType(f"MetadataValue.{kind} takes a number, not {type_name(value)}")
    try:
        return float(value)
    except OverflowError as error:
        raise InvalidValue(f"MetadataValue.{kind}: {error}; use MetadataValue.int") from error


def json_float(value: float) -> Any:
    """Give a float as JSON can say it: NaN and infinities as the text that `float` reads back."""
    if value != value:  # noqa: PLR0124 - only NaN differs from itself
        return "NaN"
    if value in {float("inf"), float("-inf")}:
        return "Infinity" if value > 0 else "-Infinity"
    return float(value)


def jsonable(data: Any) -> Any:
    """Give a copy of `data` in JSON's own types. Raises WrongType where JSON has no word, InvalidValue if endless."""
    try:
        return _plain(data)
    except RecursionError as error:
        raise InvalidValue("the JSON value is nested too deeply, or holds itself") from error


def _plain(data: Any) -> Any:
    """Copy one value, and what it holds."""
    if isinstance(data, (list, tuple)):
        return [_plain(item) for item in data]
    if isinstance(data, Mapping):
        return {_key(key): _plain(item) for key, item in data.items()}
    return _scalar(data)


def _scalar(data: Any) -> Any:
    """Copy a value that holds no others."""
    if data is None or isinstance(data, bool):
        return data
    if isinstance(data, int):
        return checked_int(data)
    if isinstance(data, float):
        return json_float(data)
    if isinstance(data, str):
        return checked_text(data)
    raise WrongType(f"JSON has no word for {type_name(data)}: {data!r:.100}")


def _key(key: Any) -> str:
    """Give a key of a JSON object; ints become text, as `json.dumps` does it."""
    return str(key) if isinstance(key, int) and not isinstance(key, bool) else checked_text(key)
