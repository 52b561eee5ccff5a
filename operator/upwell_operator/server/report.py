"""The outside's door: `POST /v1/assets/{namespace}/{name}/events`, for systems that Upwell does not run.

The caller needs `update` on `assets/events`. A name that is no Asset is taken as a key: its events are kept, and shown
once an Asset with that key exists, or once it was materialized.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from uuid import uuid4

from fastapi import APIRouter, Request

from upwell.protocol import Event, EventType, InputVersion
from upwell_operator.domain.partitions import Partitions, versions, written
from upwell_operator.domain.snapshot import AssetId
from upwell_operator.domain.versions import derived_version
from upwell_operator.errors import Rejected
from upwell_operator.reconcile.reporting import named
from upwell_operator.server import body
from upwell_operator.server.accepting import Acknowledgement, counted, take
from upwell_operator.server.answers import Json
from upwell_operator.server.asking import DataName, Namespace, Person, TheFace
from upwell_operator.server.finding import find_asset, inputs_now, key_in
from upwell_operator.server.problems import documented
from upwell_operator.store import Append

router = APIRouter(tags=["reports"])
REPORTABLE = frozenset({EventType.OBSERVATION, EventType.MATERIALIZATION})


@router.post(
    "/v1/assets/{namespace}/{name:path}/events",
    response_model=Acknowledgement,
    responses=documented(400, 401, 403, 413, 415, 422, 503),
    openapi_extra=body.OPENAPI,
)
async def report_of_outside(namespace: Namespace, name: DataName, request: Request, face: TheFace, who: Person) -> Json:
    """Take events about one asset from outside; `id`, `assetKey` and `time` may be left out.

    Without an `id` a repeated report is a second event.
    """
    async with counted(face):
        await face.rights.demand(who, "update", "assets/events", namespace, name)
        asset = await find_asset(face, namespace, name)
        key = name if asset is None else key_in(asset)
        inputs = await inputs_now(face, namespace, asset)
        raw = completed(await body.read(request), key, face.clock().isoformat())
        cut = written((asset or {}).get("spec", {}))
        return await take(face, raw, lambda event: _entry(AssetId(namespace, key), event, inputs, cut, face.clock()))


def completed(raw: bytes, key: str, now: str, new_id: Callable[[], str] = lambda: uuid4().hex) -> bytes:
    """Fill in what an outside reporter need not know; what is no list of objects is left to the validator."""
    try:
        document = json.loads(raw, parse_constant=str)
        events = document["events"]
        document["events"] = [{"id": new_id(), "assetKey": key, "time": now, **event} for event in events]
    except (ValueError, TypeError, KeyError, RecursionError):
        return raw
    return json.dumps(document).encode()


def _entry(
    data: AssetId, event: Event, inputs: tuple[InputVersion, ...], cut: Partitions | None, now: datetime
) -> Append:
    if event.type not in REPORTABLE:
        detail = "type: only AssetObservation and AssetMaterialization can be reported from outside."
        raise Rejected(detail)
    if event.asset_key != data.key:
        detail = f"assetKey: must be {data.key!r}, as in the path, or be left out; it is {event.asset_key!r}."
        raise Rejected(detail)
    if event.type is not EventType.MATERIALIZATION:
        return Append(id=data, event=event, version=named(event), versions=versions(cut, event, now))
    version = event.data_version or derived_version(None, event.id, inputs)
    sliced = versions(cut, replace(event, data_version=version), now)
    return Append(id=data, event=event, version=version, inputs=inputs, versions=sliced)
