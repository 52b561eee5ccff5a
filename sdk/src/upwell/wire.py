"""From what user code says to what is sent: `protocol.Event`, and its JSON.

`to_wire` is the only place where a protocol dataclass becomes JSON: camelCase names, nothing that says nothing. Limits:
an event of more than 1 MiB is refused here, naming its biggest metadata entry, before it is queued.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, Callable, Mapping

from upwell.errors import InvalidValue
from upwell.events import AssetEvent, AssetMaterialization
from upwell.ids import new_ulid, now_rfc3339
from upwell.keys import AssetKey
from upwell.metadata import MetadataValue
from upwell.plain import json_float
from upwell.protocol import MAX_EVENT_BYTES, Event, EventType, MetadataEntry, camel

JS_SAFE_INT = 2**53 - 1
"""Integers beyond are sent as text, because JavaScript would round them."""


def to_wire(record: Any) -> dict[str, Any]:
    """Give the JSON object of a protocol dataclass, or of a table's schema or lineage."""
    if isinstance(record, MetadataEntry):
        return {"type": record.type} if record.value is None else {"type": record.type, "value": record.value}
    pairs = ((camel(part.name), _wire_value(getattr(record, part.name))) for part in fields(record))
    return {name: value for name, value in pairs if value is not None and value is not False and value != {}}


def _wire_value(value: Any) -> Any:
    """Give the JSON form of an attribute; user data inside a MetadataEntry never comes here."""
    if value is None or type(value) is str:  # most are; an Enum of text is not meant
        return value
    if is_dataclass(value):
        return str(value) if isinstance(value, AssetKey) else to_wire(value)
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Mapping):
        return {key: _wire_value(item) for key, item in value.items()}
    return [_wire_value(item) for item in value] if isinstance(value, (list, tuple)) else value


def dumps(value: Any) -> str:
    """Write JSON as compactly as it can be; NaN cannot occur."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def encode(event: Event) -> str:
    """Give an event's JSON. Raises InvalidValue if it is larger than the protocol allows, naming its biggest entry."""
    text = dumps(to_wire(event))
    size = len(text.encode())
    if size > MAX_EVENT_BYTES:
        label = max(event.metadata, key=lambda name: entry_size(event.metadata[name]), default="")
        raise InvalidValue(
            f"the event about {event.asset_key} has {size:,} bytes, the limit is {MAX_EVENT_BYTES:,}; its biggest"
            f" metadata entry is {label!r:.100}: store it elsewhere and record its path or url"
        )
    return text


def entry_size(entry: MetadataEntry) -> int:
    """Give the bytes that a metadata value takes in JSON."""
    return len(dumps(to_wire(entry)).encode())


def event_of(record: AssetEvent) -> Event:
    """Give the wire event of an observation or a materialization, with a new id and the present time."""
    materialized = isinstance(record, AssetMaterialization)
    return Event(
        id=new_ulid(),
        type=EventType.MATERIALIZATION if materialized else EventType.OBSERVATION,
        asset_key=str(record.asset_key),
        time=now_rfc3339(),
        data_version=record.data_version.value if record.data_version else None,
        metadata=entries(record.metadata),
        tags=dict(record.tags),
        description=record.description,
        partition=record.partition,
    )


def entries(metadata: Mapping[str, MetadataValue]) -> dict[str, MetadataEntry]:
    """Give the wire form of metadata, label by label."""
    return {label: entry_of(value) for label, value in metadata.items()}


def entry_of(value: MetadataValue) -> MetadataEntry:
    """Give the wire form of one value."""
    write = _WRITE.get(value.type)
    return MetadataEntry(value.type, write(value.value) if write else value.value)


def _write_int(value: int) -> int | str:
    """Give an int that JavaScript can hold as it is, any other as text."""
    return value if -JS_SAFE_INT <= value <= JS_SAFE_INT else str(value)


def _write_table(value: Mapping[str, Any]) -> dict[str, Any]:
    """Give records and schema."""
    rows = [{column: _cell(cell) for column, cell in row.data.items()} for row in value["records"]]
    return {"records": rows, "schema": to_wire(value["schema"])}


def _cell(value: Any) -> Any:
    """Give one cell as JSON can say it."""
    return json_float(value) if isinstance(value, float) else value


_WRITE: dict[str, Callable[[Any], Any]] = {
    "int": _write_int,
    "float": json_float,
    "timestamp": json_float,
    "asset": str,
    "table": _write_table,
    "table_schema": to_wire,
    "table_column_lineage": to_wire,
}
