"""A request's body: read while it is measured, validated once, every refusal naming limit, place and remedy.

Limits: a body of at most `MAX_BODY_BYTES` stands in memory whole; only a body larger than one event may be is measured
event by event, so that the common report pays nothing for that limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi import Request
from pydantic import TypeAdapter, ValidationError

from upwell.protocol import MAX_EVENT_BYTES, MAX_EVENTS_PER_REQUEST, Batch, Event
from upwell_operator.server.problems import Problem

MAX_BODY_BYTES: Final = 16 * 1024 * 1024
MAX_FINDINGS: Final = 5

BATCH: Final = TypeAdapter(Batch)
_EVENT: Final = TypeAdapter(Event)

REMEDIES: Final = {
    "missing": "is missing; add it",
    "string_type": "must be text (a JSON string)",
    "enum": "is not an event type that Upwell knows; see the protocol's page",
    "list_type": "must be a list",
    "dict_type": "must be an object",
    "dataclass_type": "must be an object",
}


async def read(request: Request) -> bytes:
    """Read the body. Raises Problem: 413 beyond the limit, 415 for anything but plain JSON."""
    _check_headers(request)
    chunks, size = [], 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise _too_large()
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _check_headers(request: Request) -> None:
    kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if kind != "application/json" or request.headers.get("content-encoding", "identity") != "identity":
        raise Problem(415, "not-json", "The body must be JSON, not compressed: send Content-Type: application/json.")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > MAX_BODY_BYTES:
        raise _too_large()


def _too_large() -> Problem:
    detail = f"A request may have {MAX_BODY_BYTES} bytes; send the events in several requests."
    return Problem(413, "body-too-large", detail)


def parse(raw: bytes) -> Batch:
    """Validate a body of events. Raises Problem: 400 no JSON, 413 too large an event, 422 the wrong shape."""
    try:
        batch = BATCH.validate_json(raw)
    except ValidationError as error:
        raise _misshapen(error.errors(include_url=False, include_context=False, include_input=False)) from None
    if not batch.events:
        raise Problem(422, "invalid-body", "events: is empty; send at least one event.", field="events")
    if len(batch.events) > MAX_EVENTS_PER_REQUEST:
        detail = f"events: a request may have {MAX_EVENTS_PER_REQUEST}, has {len(batch.events)}; send several requests."
        raise Problem(413, "too-many-events", detail, field="events")
    if len(raw) > MAX_EVENT_BYTES:
        _measure(batch.events)
    return batch


def _measure(events: Sequence[Event]) -> None:
    for index, event in enumerate(events):
        size = len(_EVENT.dump_json(event, by_alias=True, exclude_defaults=True))
        if size > MAX_EVENT_BYTES:
            detail = f"events[{index}]: an event may have {MAX_EVENT_BYTES} bytes, has {size}"
            raise Problem(413, "event-too-large", f"{detail}; report a path or url to the rest.", event=index)


def _misshapen(found: Sequence[Any]) -> Problem:
    if found[0]["type"] == "json_invalid":
        return Problem(400, "not-json", f"The body cannot be read. {found[0]['msg']}.")
    lines = [f"{place(item['loc'])} {REMEDIES.get(item['type'], item['msg'])}" for item in found[:MAX_FINDINGS]]
    if len(found) > MAX_FINDINGS:
        lines.append(f"and {len(found) - MAX_FINDINGS} more")
    return Problem(422, "invalid-body", "; ".join(lines) + ".", field=place(found[0]["loc"]))


def place(path: Sequence[str | int]) -> str:
    """Write a place in a document as a person would: `events[3].metadata.rows`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "the body"


def definitions() -> dict[str, Any]:
    """Give the schemas of a body of events, for the OpenAPI document."""
    whole = BATCH.json_schema(ref_template="#/components/schemas/{model}")
    found: dict[str, Any] = whole.pop("$defs")
    return {**found, "Batch": whole}


OPENAPI: Final = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Batch"}}},
    }
}
"""What FastAPI cannot see, because the body is read and validated here."""
