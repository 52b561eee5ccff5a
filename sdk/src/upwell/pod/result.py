"""The result file: what could not be posted, in at most 4 KiB, because kubelet keeps no more of it.

What does not fit is left out in this order: events beyond the newest few, metadata from the biggest entry down, tags,
older events; each time the description says so. A data version is never left out. Of several assets that share a pod,
what they logged on the way goes first, then all metadata and tags, then long descriptions, and at last the results of
those that came last; how many did not fit is said. Limits: the file is written in place,
since in a pod it is a mount that cannot be replaced.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Sequence

from upwell.protocol import MAX_RESULT_BYTES, Event, EventType, Result
from upwell.wire import dumps, entry_size, to_wire

MOST_EVENTS = 40
"""An event takes a hundred bytes, so more never fit."""
MARK_BYTES = 128
"""Room for the remark that something was left out."""
DESCRIPTION_CHARS = 200
SHORT_CHARS = 80
ERROR_CHARS = 500
_ROOM = "x" * ERROR_CHARS
LOST = "{lost} of {of} results did not fit into the 4 KiB of a result file, and the server could not be reached"


def write(path: str, result: Result) -> None:
    """Write the result, fitted. Raises OSError."""
    content = fitted(result)
    with open(path, "wb") as file:  # noqa: PTH123 - pathlib takes 8 ms to import
        file.write(content)


def fitted(result: Result) -> bytes:
    """Give the JSON of a result in at most MAX_RESULT_BYTES."""
    if result.error is not None:
        result = replace(result, error=one_line(result.error, ERROR_CHARS))
    for shrink in (_few_events, _less_metadata, _no_tags, _newest_events):
        if _size(result) <= MAX_RESULT_BYTES:
            break
        result = replace(result, events=shrink(result.events or [], result))
    return _json(result if _size(result) <= MAX_RESULT_BYTES else _bare(result))


def fit_several(events: Sequence[Event]) -> tuple[list[Event], int]:
    """Give of the events of several assets what a result file holds, and how many results it does not hold."""
    if _size(Result(events=list(events), error=_ROOM)) <= MAX_RESULT_BYTES:
        return list(events), 0
    ends = [event for event in events if event.result or event.type is EventType.OBSERVATION_FAILED]
    bare = [replace(event, metadata={}, tags={}, description=_short(event.description)) for event in ends]
    while _size(Result(events=bare, error=_ROOM)) > MAX_RESULT_BYTES:
        bare.pop()
    return bare, len(ends) - len(bare)


def _short(description: str | None) -> str | None:
    return description and one_line(description, SHORT_CHARS)


def one_line(text: str, limit: int) -> str:
    """Give text on one line, without control characters, cut to `limit` characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: 4 * limit]).split())
    return line if len(line) <= limit else f"{line[: limit - 1]}…"


def _json(result: Result) -> bytes:
    return dumps(to_wire(result)).encode()


def _size(result: Result) -> int:
    return len(_json(result))


def _few_events(events: Sequence[Event], _: Result) -> list[Event]:
    """Keep the newest events."""
    return _marked_last(list(events[-MOST_EVENTS:]), len(events) - MOST_EVENTS)


def _less_metadata(events: Sequence[Event], result: Result) -> list[Event]:
    """Leave metadata out, the biggest entry of all first, until the estimate fits."""
    excess = _size(result) - MAX_RESULT_BYTES + MARK_BYTES * len(events)
    sized = sorted(
        (
            (entry_size(entry) + len(dumps(label).encode()), place, label)
            for place, event in enumerate(events)
            for label, entry in event.metadata.items()
        ),
        reverse=True,
    )
    dropped: set[tuple[int, str]] = set()
    for size, place, label in sized:
        if excess <= 0:
            break
        dropped.add((place, label))
        excess -= size
    return [_without(event, {label for at, label in dropped if at == place}) for place, event in enumerate(events)]


def _without(event: Event, labels: set[str]) -> Event:
    """Leave some metadata out of an event, and say so."""
    if not labels:
        return event
    kept = {label: entry for label, entry in event.metadata.items() if label not in labels}
    return _remark(replace(event, metadata=kept), f"{len(labels)} metadata entries dropped")


def _no_tags(events: Sequence[Event], _: Result) -> list[Event]:
    """Leave out all tags, and cut descriptions."""
    return [_remark(replace(event, tags={}), "tags dropped") if event.tags else _remark(event, "") for event in events]


def _newest_events(events: Sequence[Event], result: Result) -> list[Event]:
    """Keep as many of the newest events as fit, at least the last."""
    for start in range(1, len(events)):
        kept = _marked_last(list(events[start:]), start)
        if _size(replace(result, events=kept)) <= MAX_RESULT_BYTES:
            return kept
    return _marked_last(list(events[-1:]), len(events) - 1)


def _marked_last(events: list[Event], dropped: int) -> list[Event]:
    """Say in the last event that others before it are missing."""
    return [*events[:-1], _remark(events[-1], f"{dropped} earlier events dropped")] if dropped > 0 else events


def _remark(event: Event, remark: str) -> Event:
    """Add to an event's description why something is missing."""
    text = one_line(event.description or "", DESCRIPTION_CHARS)
    note = f"({remark}: the server could not be reached, and the result file holds 4 KiB)" if remark else ""
    return replace(event, description=" ".join(filter(None, (text, note))) or None)


def _bare(result: Result) -> Result:
    """Keep only what decides: the version and the error, in the form that any container may write."""
    versions = [event.data_version for event in result.events or () if event.result]
    return Result(data_version=versions[-1] if versions else None, error=result.error)
