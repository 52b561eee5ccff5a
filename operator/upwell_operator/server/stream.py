"""`GET /v1/stream`: what changed, as server-sent events, for pages and programs that wait.

The events: `change` (namespace, key, type, run, dataVersionChanged), `reset` (read everything again), `hello`.
The caller needs `watch` on assets. An observation that saw the same version is no change, and is not sent.
"""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header
from starlette.responses import StreamingResponse

from upwell_operator.resources.meta import Kind
from upwell_operator.server.asking import InNamespace, Person, TheFace
from upwell_operator.server.problems import documented

router = APIRouter(tags=["stream"], responses=documented(401, 403, 422))

LastEventId = Annotated[str | None, Header(max_length=64, description="Id of the last event seen.")]
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_OK: dict[int | str, dict[str, Any]] = {
    200: {"description": "Server-sent events.", "content": {"text/event-stream": {"schema": {"type": "string"}}}},
}


@router.get("/v1/stream", response_class=StreamingResponse, responses=_OK)
async def follow(
    *, face: TheFace, who: Person, namespace: InNamespace = None, last_event_id: LastEventId = None
) -> StreamingResponse:
    """Follow what changes; send Last-Event-ID to go on where a connection broke."""
    await face.rights.demand(who, "watch", Kind.ASSET.plural, namespace or "")
    frames = face.hub.follow(namespace, last_event_id)
    return StreamingResponse(frames, media_type="text/event-stream", headers=HEADERS)
