"""The way of a report from bytes to acknowledgement; the pods' door and the outside's are the same from here on.

An acknowledgement means durable: it is sent only after the store has acknowledged every event of the request, in one
pipeline. A report is taken whole or refused whole; a repeated one counts as duplicates and harms nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from pydantic import BaseModel, Field

from upwell.protocol import Event
from upwell_operator.domain.event_rules import check_event
from upwell_operator.errors import Forbidden, Rejected, UpwellError
from upwell_operator.server import body
from upwell_operator.server.answers import Json
from upwell_operator.server.face import Face
from upwell_operator.server.problems import Problem, row_of
from upwell_operator.store import Append, Status

EntryOf = Callable[[Event], Append]
"""Decides what is stored of an event. Raises Rejected, and Forbidden for the wrong reporter."""


class Acknowledgement(BaseModel):
    """Every event of the request is durable; the three add up to their number."""

    accepted: int = Field(description="Stored for the first time.")
    duplicates: int = Field(description="Taken before, by the same id.")
    superseded: int = Field(description="Stored, but of a run that a later one has overtaken: they change no state.")


@asynccontextmanager
async def counted(face: Face) -> AsyncIterator[None]:
    """Time a report, and count why it was refused."""
    try:
        with face.metrics.seconds.time():
            yield
    except Problem as problem:
        face.metrics.rejected.labels(problem.slug).inc()
        raise
    except UpwellError as error:
        face.metrics.rejected.labels(row_of(error).slug).inc()
        raise


async def take(face: Face, raw: bytes, entry_of: EntryOf) -> Json:
    """Validate a body, append its events, acknowledge. Raises Problem, StoreUnavailable."""
    face.metrics.bytes.inc(len(raw))
    batch = body.parse(spelled(raw))
    entries = _entries(face, batch.events, entry_of)
    counts = Counter(one.status for one in await face.store.append(entries))
    for status, count in counts.items():
        face.metrics.events.labels(status).inc(count)
    accepted, duplicates = counts[Status.STORED], counts[Status.DUPLICATE]
    return Json({"accepted": accepted, "duplicates": duplicates, "superseded": counts[Status.SUPERSEDED]})


def _entries(face: Face, events: list[Event], entry_of: EntryOf) -> list[Append]:
    now, entries = face.clock(), []
    try:
        for event in events:
            entries.append(entry_of(check_event(event, now)))  # noqa: PERF401 - the length tells which event was refused
    except (Rejected, Forbidden) as error:
        raise _refused(len(entries), error) from None
    if entries[-1].run is None:  # nothing else says that a report from outside is over
        entries[-1] = replace(entries[-1], last=True)
    return entries


def _refused(index: int, error: Rejected | Forbidden) -> Problem:
    status, slug = (422, "invalid-event") if isinstance(error, Rejected) else (403, "not-your-asset")
    field = str(error).partition(":")[0]
    return Problem(status, slug, f"events[{index}].{error}", event=index, field=field)


def spelled(raw: bytes) -> bytes:
    """Give the body with bare NaN and Infinity, which are no JSON but which some writers send, as texts."""
    if b"NaN" not in raw and b"Infinity" not in raw:
        return raw
    try:
        return json.dumps(json.loads(raw, parse_constant=str)).encode()
    except (ValueError, RecursionError):
        return raw  # the validator says what is wrong with it
