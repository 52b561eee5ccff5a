"""What a pod left behind, read as events: the contract of `$UPWELL_RESULT`, for any language.

A container writes `{"dataVersion": "…", "metadata": {…}}`; Upwell's own runner writes the events that it could not
post, with their ids, so that one that did arrive is not counted twice. Nothing here is trusted: `reconcile.recording`
holds the events against the same rules as those that come by HTTP.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from upwell.protocol import MAX_VERSION_CHARS, Event, EventType, MetadataEntry, Result, RunKind
from upwell_operator.domain.snapshot import Run
from upwell_operator.errors import Rejected

RESULT = TypeAdapter(Result)
SHAPE = '{"dataVersion": "<text>", "metadata": {"<label>": <value>}}'
_PLAIN = ((bool, "bool"), (int, "int"), (float, "float"), (str, "text"), (type(None), "null"))


def read_result(text: str) -> Result | None:
    """Read a termination message; None when the container wrote none. Raises Rejected when it is no result."""
    if not text.strip():
        return None
    try:
        return RESULT.validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the whole"
        raise Rejected(
            f"the result in $UPWELL_RESULT cannot be read ({where}: {first['msg']}); write {SHAPE}"
        ) from error


def events_of(result: Result, run: Run, attempt: str, now: datetime) -> list[Event]:
    """Give the events that a result stands for: its own, or one about the run's asset. Raises Rejected."""
    if result.events is not None:
        return list(result.events)
    if run.kind is RunKind.OBSERVE and result.data_version is None:
        raise Rejected(f"the result in $UPWELL_RESULT names no dataVersion; write {SHAPE}")
    check_version(result.data_version)
    kind = EventType.OBSERVATION if run.kind is RunKind.OBSERVE else EventType.MATERIALIZATION
    metadata = {label: entry_of(value) for label, value in result.metadata.items()}
    return [
        Event(
            f"{attempt}:result"[-64:], kind, run.asset_key, now.isoformat(), result.data_version, metadata, result=True
        )
    ]


def check_version(version: str | None) -> None:
    """Refuse a data version that is no text of 1 to 512 characters. Raises Rejected."""
    if version is not None and not 1 <= len(version) <= MAX_VERSION_CHARS:
        raise Rejected(
            f"dataVersion has {len(version)} characters; it must have 1 to {MAX_VERSION_CHARS}: hash it if it is long"
        )


def entry_of(value: Any) -> MetadataEntry:
    """Give the typed form of a plain JSON value; `{"type", "value"}` is taken as it is."""
    if isinstance(value, dict) and set(value) == {"type", "value"} and isinstance(value["type"], str):
        return MetadataEntry(value["type"], value["value"])
    return MetadataEntry(next((name for kind, name in _PLAIN if isinstance(value, kind)), "json"), value)


def last_words(text: str) -> str:
    """Give the line of a container's last output that says most: the last one that is not empty."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:500] if lines else ""


def is_json_object(text: str) -> bool:
    """Say whether a termination message is meant as a result, rather than the end of a log."""
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False
