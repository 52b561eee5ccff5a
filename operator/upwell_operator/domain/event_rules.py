"""What a reported event must be, beyond its shape: one sentence for every way in which it may not be so.

The same rules for every way a report can come: HTTP, and a termination message. Each sentence names the field, the
limit and the remedy. Lean, because they run for every event.

Limits: shapes (missing fields, wrong JSON types) are found by pydantic before; who may report what is decided after.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

from upwell.protocol import (
    MAX_METADATA_ENTRIES,
    MAX_PARTITION_CHARS,
    MAX_PARTITIONS_PER_EVENT,
    MAX_TEXT_BYTES,
    MAX_VERSION_CHARS,
    Event,
    EventType,
    MetadataEntry,
)
from upwell_operator.errors import Rejected

MAX_KEY_CHARS: Final = 256
MAX_LABEL_CHARS: Final = 256
MAX_TAGS: Final = 256
EARLIEST_YEAR: Final = 1971
MAX_FUTURE: Final = timedelta(hours=1)

_ID: Final = re.compile(r"[A-Za-z0-9:_.-]{1,64}")
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DECIMAL: Final = re.compile(r"-?[0-9]{1,4300}")

SHORT: Final = MAX_TEXT_BYTES // 4
"""Characters of a text that cannot be too long, whatever they are."""

_TEXT: Final = (str,)
_NUMBER: Final = (int, float)
VALUE_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "text": _TEXT,
    "md": _TEXT,
    "path": _TEXT,
    "url": _TEXT,
    "notebook": _TEXT,
    "asset": _TEXT,
    "job": (dict,),
    "run": _TEXT,
    "int": (int,),
    "float": _NUMBER,
    "timestamp": _NUMBER,
    "bool": (bool,),
    "json": (dict, list, str, int, float, bool, type(None)),
    "table": (dict, list),
    "table_schema": (dict, list),
    "table_column_lineage": (dict, list),
    "null": (type(None),),
}
"""Metadata types, which are Dagster's, and the JSON that each may hold."""

NOT_FINITE: Final = frozenset({"NaN", "Infinity", "-Infinity"})
"""How a float that JSON cannot spell travels: as one of these texts."""

AS_TEXT: Final[Mapping[str, Callable[[str], object]]] = {
    "float": NOT_FINITE.__contains__,
    "timestamp": NOT_FINITE.__contains__,
    "int": _DECIMAL.fullmatch,
}
"""Numbers that may travel as text: those that JSON, or JavaScript, cannot hold."""


def check_event(event: Event, now: datetime) -> Event:
    """Check one event and give it back, its time in UTC. Raises Rejected: "field: what is wrong."."""
    if not _ID.fullmatch(event.id):
        raise _refusal("id", "must be 1 to 64 of the characters A-Z a-z 0-9 : _ . -; a ULID will do")
    _check_key(event.asset_key)
    if event.data_version is not None:
        _check_version(event.data_version)
    if event.partition is not None:
        _check_partition("partition", event.partition)
    if event.partitions:
        _check_partitions(event)
    if event.metadata:
        _check_metadata(event.metadata)
    if event.tags:
        _check_tags(event.tags)
    if event.description is not None:
        _check_text("description", event.description)
    return _check_time(event, now)


def _refusal(field: str, sentence: str) -> Rejected:
    return Rejected(f"{field}: {sentence}.")


def key_problem(key: str) -> str | None:
    """Say what is wrong with an asset key, or None: a path like `warehouse/raw_orders` that no reader can mistake."""
    if not 1 <= len(key) <= MAX_KEY_CHARS:
        return f"must have 1 to {MAX_KEY_CHARS} characters, has {len(key)}; shorten it"
    return _key_problem(key)


@lru_cache(maxsize=4096)  # a run reports about one key again and again
def _key_problem(key: str) -> str | None:
    parts = key.split("/")
    padded = any(part != part.strip() for part in parts)
    if not key.isprintable() or padded or not unicodedata.is_normalized("NFC", key):
        return "has control or invisible characters, blanks at an end, or is not in Unicode's NFC; remove them"
    if not {"", ".", ".."}.isdisjoint(parts):
        return "must be names joined by single slashes, without `.` and `..`; remove what is empty or dots"
    return None


def _check_key(key: str) -> None:
    sentence = key_problem(key)
    if sentence:
        raise _refusal("assetKey", sentence)


def _check_version(version: str, field: str = "dataVersion") -> None:
    if not 1 <= len(version) <= MAX_VERSION_CHARS:
        sentence = f"must have 1 to {MAX_VERSION_CHARS} characters, has {len(version)}"
        raise _refusal(field, f"{sentence}; leave it out if there is none, hash it if it is long")


def _check_partition(field: str, key: str) -> None:
    if not 1 <= len(key) <= MAX_PARTITION_CHARS or not key.isprintable() or key != key.strip():
        sentence = f"a key must have 1 to {MAX_PARTITION_CHARS} characters, no control characters or blanks at an end"
        raise _refusal(field, f"{sentence}; {key[:40]!r} is none")


def _check_partitions(event: Event) -> None:
    if event.type is not EventType.OBSERVATION:
        raise _refusal("partitions", f"only an AssetObservation may be about several, not an {event.type.value}")
    if event.partition is not None or event.data_version is not None:
        raise _refusal("partitions", "says each partition's version; leave out partition and dataVersion")
    if len(event.partitions) > MAX_PARTITIONS_PER_EVENT:
        sentence = f"may have {MAX_PARTITIONS_PER_EVENT} entries, has {len(event.partitions)}"
        raise _refusal("partitions", f"{sentence}; report the rest in another event")
    for key, version in event.partitions.items():
        _check_partition("partitions", key)
        _check_version(version, f"partitions.{key}")


def _check_text(field: str, text: str) -> None:
    # A character has at most 4 bytes, so that most texts are measured without being encoded.
    if len(text) > SHORT and len(text.encode()) > MAX_TEXT_BYTES:
        sentence = f"may have {MAX_TEXT_BYTES} bytes, has {len(text.encode())}"
        raise _refusal(field, f"{sentence}; store it elsewhere, and report its path or url")


def _check_label(field: str, label: str) -> None:
    if not 1 <= len(label) <= MAX_LABEL_CHARS or not label.isprintable():
        raise _refusal(field, f"a label must have 1 to {MAX_LABEL_CHARS} characters, none of them a control character")


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > MAX_TAGS:
        raise _refusal("tags", f"may have {MAX_TAGS} entries, has {len(tags)}; report fewer")
    for label, text in tags.items():
        _check_label("tags", label)
        _check_text(f"tags.{label}", text)


def _check_metadata(metadata: Mapping[str, MetadataEntry]) -> None:
    if len(metadata) > MAX_METADATA_ENTRIES:
        sentence = f"may have {MAX_METADATA_ENTRIES} entries, has {len(metadata)}"
        raise _refusal("metadata", f"{sentence}; report fewer, or one table")
    for label, entry in metadata.items():
        _check_label("metadata", label)
        value = entry.value
        plain = type(value) in VALUE_TYPES.get(entry.type, ()) and not (isinstance(value, str) and len(value) > SHORT)
        if not plain:  # most are: the sentences are for the others
            _check_value(f"metadata.{label}", entry.type, value)


def _check_value(field: str, kind: str, value: Any) -> None:
    allowed = VALUE_TYPES.get(kind)
    if allowed is None:
        raise _refusal(field, f"the type {kind[:40]!r} is unknown; use one of {', '.join(VALUE_TYPES)}")
    if isinstance(value, bool) and bool not in allowed:
        raise _refusal(field, f"true and false are no {kind}; use the type bool")
    if isinstance(value, str):
        _check_text(field, value)
    if not isinstance(value, allowed) and not (isinstance(value, str) and AS_TEXT.get(kind, _no)(value)):
        sentence = f"the type {kind} cannot hold the JSON value {_shown(value)}"
        raise _refusal(field, f"{sentence}; change the type or the value")


def _no(_: str) -> bool:
    return False


def _shown(value: Any) -> str:
    return type(value).__name__ if isinstance(value, dict | list) else repr(value)[:40]


def _check_time(event: Event, now: datetime) -> Event:
    time = _time(event.time)
    if time is None or time.year < EARLIEST_YEAR:
        sentence = f"must be RFC 3339 with a zone, since {EARLIEST_YEAR}, like {_utc(now)}"
        raise _refusal("time", f"{sentence}, not {event.time[:40]!r}")
    if time - now > MAX_FUTURE:
        sentence = f"{event.time} is more than an hour ahead of the server ({_utc(now)})"
        raise _refusal("time", f"{sentence}; set the clock right")
    # What is stored sorts and reads the same, whatever zone the reporter lives in.
    return event if event.time.endswith("Z") else replace(event, time=_utc(time))


def _time(text: str) -> datetime | None:
    if not _RFC3339.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper())
    except ValueError:
        return None


def _utc(time: datetime) -> str:
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
