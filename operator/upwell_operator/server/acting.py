"""Requests: observe, materialize, run a job. The server writes one annotation; what happens then is the operator's.

The caller needs `patch` on the object: whoever could annotate it with kubectl may ask for the same here. Each request
gets a new token that sorts after the ones before it; the operator echoes the last one it answered in
`status.lastHandledRequest`, so whoever waits for a token waits for that one or a later one.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from upwell_operator.cluster.port import Object
from upwell_operator.resources.meta import Annotation, Kind
from upwell_operator.server.answers import Json
from upwell_operator.server.asking import Name, Namespace, Person, TheFace
from upwell_operator.server.face import Face
from upwell_operator.server.finding import need
from upwell_operator.server.problems import Problem, documented

router = APIRouter(tags=["requests"], responses=documented(401, 403, 404, 409, 422, 503))

VERBS = {"observe": "materialize", "materialize": "observe"}
"""What can be asked of an Asset, and what can be asked instead."""


class Requested(BaseModel):
    """The request stands; it is answered when `status.lastHandledRequest` is this token or a later one."""

    kind: Kind
    namespace: str
    name: str
    token: str = Field(description=f"Value of the annotation {Annotation.REQUESTED_AT}.")


@router.post("/v1/assets/{namespace}/{name}/observe", response_model=Requested, status_code=202)
async def observe(namespace: Namespace, name: Name, face: TheFace, who: Person) -> Json:
    """Ask for one observation of a source."""
    return await _ask_asset(face, who, namespace, name, "observe")


@router.post("/v1/assets/{namespace}/{name}/materialize", response_model=Requested, status_code=202)
async def materialize(namespace: Namespace, name: Name, face: TheFace, who: Person) -> Json:
    """Ask for one materialization of a derived asset."""
    return await _ask_asset(face, who, namespace, name, "materialize")


@router.post("/v1/observation-jobs/{namespace}/{name}/run", response_model=Requested, status_code=202)
async def run_observation_job(namespace: Namespace, name: Name, face: TheFace, who: Person) -> Json:
    """Ask for one run of an ObservationJob."""
    await face.rights.demand(who, "patch", Kind.OBSERVATION_JOB.plural, namespace, name)
    job = await need(face, Kind.OBSERVATION_JOB, namespace, name)
    check_askable(Kind.OBSERVATION_JOB, job)
    return await _ask(face, Kind.OBSERVATION_JOB, namespace, name)


async def _ask_asset(face: Face, who: Person, namespace: str, name: str, verb: str) -> Json:
    await face.rights.demand(who, "patch", Kind.ASSET.plural, namespace, name)
    asset = await need(face, Kind.ASSET, namespace, name)
    check_verb(asset, verb)
    check_askable(Kind.ASSET, asset)
    return await _ask(face, Kind.ASSET, namespace, name)


def check_verb(asset: Object, verb: str) -> None:
    """Refuse what the Asset has no function for. Raises Problem (422) with what can be done instead."""
    spec: dict[str, Any] = asset.get("spec", {})
    if spec.get(verb) is not None:
        return
    other = VERBS[verb]
    remedy = f"ask it to {other}" if spec.get(other) is not None else "report its events from outside"
    what = f"The Asset {asset['metadata']['name']!r} has no spec.{verb}"
    raise Problem(422, f"cannot-{verb}", f"{what}, so Upwell cannot {verb} it; add one, or {remedy}.")


def check_askable(kind: Kind, obj: Object) -> None:
    """Refuse a request that would wait for ever. Raises Problem (409)."""
    name = obj["metadata"]["name"]
    if obj["metadata"].get("deletionTimestamp"):
        raise Problem(409, "being-deleted", f"The {kind} {name!r} is being deleted.")
    if obj.get("spec", {}).get("suspend"):
        detail = f"The {kind} {name!r} is suspended, so nothing of it runs; set spec.suspend to false first."
        raise Problem(409, "suspended", detail)


def new_token(now: datetime) -> str:
    """Give a token that no one else has and that sorts by time."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}"


async def _ask(face: Face, kind: Kind, namespace: str, name: str) -> Json:
    token = new_token(face.clock())
    patch = {"metadata": {"annotations": {Annotation.REQUESTED_AT.value: token}}}
    await face.cluster.patch(kind.plural, namespace, name, patch)
    return Json({"kind": kind, "namespace": namespace, "name": name, "token": token}, 202)
