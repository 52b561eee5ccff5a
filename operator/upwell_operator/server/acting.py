"""Requests: observe, materialize, run a job. The server writes one annotation; what happens then is the operator's.

The caller needs `patch` on the object: whoever could annotate it with kubectl may ask for the same here. Each request
gets a new token that sorts after the ones before it; the operator echoes the last one it answered in
`status.lastHandledRequest`, so whoever waits for a token waits for that one or a later one.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from upwell_operator.cluster.port import Object
from upwell_operator.domain import partition_ranges as ranges
from upwell_operator.domain.partitions import is_open, written
from upwell_operator.errors import Rejected
from upwell_operator.resources.meta import Annotation, Kind
from upwell_operator.server.answers import Json
from upwell_operator.server.asking import Name, Namespace, Person, TheFace
from upwell_operator.server.face import Face
from upwell_operator.server.finding import need
from upwell_operator.server.overtaking import unless_overtaken
from upwell_operator.server.partitions import keys_of
from upwell_operator.server.problems import Problem, documented

router = APIRouter(tags=["requests"], responses=documented(401, 403, 404, 409, 422, 503))

NOTHING_MORE: Mapping[str, str | None] = {}
NamedPartitions = Annotated[
    str | None,
    Query(max_length=4096, description="Keys, ranges or all, such as 2026-01-01..2026-01-31, or 2026-02-01,*."),
]
AtOnce = Annotated[int | None, Query(ge=1, le=1000, description="How many partitions are built at once.")]
VERBS = {"observe": "materialize", "materialize": "observe"}
"""What can be asked of an Asset, and what can be asked instead."""


class Requested(BaseModel):
    """The request stands; it is answered when `status.lastHandledRequest` is this token or a later one."""

    kind: Kind
    namespace: str
    name: str
    token: str = Field(description=f"Value of the annotation {Annotation.REQUESTED_AT}.")
    partitions: list[str] | None = Field(None, description="The partitions that were named, the newest first.")


@router.post("/v1/assets/{namespace}/{name}/observe", response_model=Requested, status_code=202)
async def observe(
    namespace: Namespace, name: Name, face: TheFace, who: Person, partitions: NamedPartitions = None
) -> Json:
    """Ask for one observation of a source; of one that is cut, of some of its partitions, or of those that it likes.

    While a request for other partitions is not taken up yet, the answer is 409: the later one would replace it.
    """
    return await _ask_asset(face, who, namespace, name, "observe", partitions)


@router.post("/v1/assets/{namespace}/{name}/materialize", response_model=Requested, status_code=202)
async def materialize(
    namespace: Namespace,
    name: Name,
    face: TheFace,
    who: Person,
    partitions: NamedPartitions = None,
    parallelism: AtOnce = None,
) -> Json:
    """Ask for one materialization of a derived asset; of one that is built by partition, for some of its partitions.

    Without names these are the ones that are not fresh.
    """
    return await _ask_asset(face, who, namespace, name, "materialize", partitions, parallelism)


@router.post("/v1/observation-jobs/{namespace}/{name}/run", response_model=Requested, status_code=202)
async def run_observation_job(namespace: Namespace, name: Name, face: TheFace, who: Person) -> Json:
    """Ask for one run of an ObservationJob."""
    await face.rights.demand(who, "patch", Kind.OBSERVATION_JOB.plural, namespace, name)
    job = await need(face, Kind.OBSERVATION_JOB, namespace, name)
    check_askable(Kind.OBSERVATION_JOB, job)
    return await _ask(face, Kind.OBSERVATION_JOB, namespace, name)


async def _ask_asset(
    face: Face,
    who: Person,
    namespace: str,
    name: str,
    verb: str,
    partitions: str | None = None,
    parallelism: int | None = None,
) -> Json:
    await face.rights.demand(who, "patch", Kind.ASSET.plural, namespace, name)
    at_once = None if parallelism is None else str(parallelism)
    more = {Annotation.REQUESTED_PARTITIONS.value: partitions, Annotation.REQUESTED_PARALLELISM.value: at_once}

    async def ask_once() -> Json:
        asset = await need(face, Kind.ASSET, namespace, name)
        check_verb(asset, verb)
        check_askable(Kind.ASSET, asset)
        keys = await _named(face, asset, partitions)
        if verb == "observe":
            check_replaces_nothing(asset, partitions)
        return await _ask(face, Kind.ASSET, namespace, name, more, keys, asset["metadata"]["resourceVersion"])

    return await unless_overtaken(ask_once)


async def _named(face: Face, asset: Object, text: str | None) -> list[str] | None:
    """Give the partitions that a request names. Raises Problem (422) for what is none."""
    if text is None or is_open(written(asset.get("spec", {}))):
        return None  # of what is dynamic, the operator knows the keys that were reported above
    try:
        return ranges.read(text, (await keys_of(face, asset))[::-1])[::-1]
    except Rejected as error:
        raise Problem(422, "no-such-partition", str(error)) from error


def check_verb(asset: Object, verb: str) -> None:
    """Refuse what the Asset has no function for. Raises Problem (422) with what can be done instead."""
    spec: dict[str, Any] = asset.get("spec", {})
    if spec.get(verb) is not None:
        return
    other = VERBS[verb]
    remedy = f"ask it to {other}" if spec.get(other) is not None else "report its events from outside"
    what = f"The Asset {asset['metadata']['name']!r} has no spec.{verb}"
    raise Problem(422, f"cannot-{verb}", f"{what}, so Upwell cannot {verb} it; add one, or {remedy}.")


def check_replaces_nothing(asset: Object, partitions: str | None) -> None:
    """Refuse a request beside one for other partitions that is not taken up yet. Raises Problem (409).

    There is one annotation, so the later request would take the place of the earlier one, and its partitions be lost.
    """
    notes, name = asset["metadata"].get("annotations") or {}, asset["metadata"]["name"]
    token, earlier = notes.get(Annotation.REQUESTED_AT.value), notes.get(Annotation.REQUESTED_PARTITIONS.value)
    if token in (None, (asset.get("status") or {}).get("lastHandledRequest")) or earlier == partitions:
        return
    what = f"partitions {earlier}" if earlier else "no partitions in particular"
    detail = f"The Asset {name!r} is asked to observe {what} (request {token}), and that is not taken up yet."
    raise Problem(409, "asked-already", f"{detail} Ask again in a moment; `upwell why {name}` says what it waits for.")


def check_askable(kind: Kind, obj: Object) -> None:
    """Refuse a request that would wait for ever. Raises Problem (409)."""
    if problem := why_not(kind, obj):
        raise problem


def why_not(kind: Kind, obj: Object) -> Problem | None:
    """Say why nothing can be asked of an object for now; None if it can."""
    name = obj["metadata"]["name"]
    if obj["metadata"].get("deletionTimestamp"):
        return Problem(409, "being-deleted", f"The {kind} {name!r} is being deleted.")
    if obj.get("spec", {}).get("suspend"):
        detail = f"The {kind} {name!r} is suspended, so nothing of it runs; set spec.suspend to false first."
        return Problem(409, "suspended", detail)
    return None


def new_token(now: datetime) -> str:
    """Give a token that no one else has and that sorts by time."""
    return f"{now.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}-{secrets.token_hex(4)}"


async def _ask(
    face: Face,
    kind: Kind,
    namespace: str,
    name: str,
    more: Mapping[str, str | None] = NOTHING_MORE,
    keys: list[str] | None = None,
    version: str | None = None,
) -> Json:
    token = new_token(face.clock())
    seen = {} if version is None else {"resourceVersion": version}
    patch = {"metadata": {**seen, "annotations": {Annotation.REQUESTED_AT.value: token, **more}}}
    await face.cluster.patch(kind.plural, namespace, name, patch)
    named = {} if keys is None else {"partitions": keys}
    return Json({"kind": kind, "namespace": namespace, "name": name, "token": token, **named}, 202)
