"""Assets, ObservationJobs and Schedules as the cluster has them, and what is known of an asset's past."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Query

from upwell_operator.cluster.port import Object
from upwell_operator.domain.sorts import types_of
from upwell_operator.resources.meta import ConditionType, Kind
from upwell_operator.server import answers
from upwell_operator.server.answers import Json, Page, Resource, ResourceList, condition
from upwell_operator.server.asking import (
    Cursor,
    DataName,
    HistoryCursor,
    InNamespace,
    InPartition,
    InSelection,
    Limit,
    Name,
    Namespace,
    Person,
    Since,
    TheFace,
    moment_of,
)
from upwell_operator.server.face import Face
from upwell_operator.server.finding import key_in, listed, need, readable
from upwell_operator.server.past import event_json
from upwell_operator.server.problems import documented
from upwell_operator.server.selecting import selectable

router = APIRouter(tags=["assets"], responses=documented(401, 403, 422, 503))

Group = Annotated[str | None, Query(max_length=253, description="Only this `spec.group`.")]
Fresh = Annotated[str | None, Query(pattern="^(True|False|Unknown)$", description="Only this status of `Fresh`.")]
Word = Literal[
    "observation",
    "materialization",
    "failure",
    "AssetObservation",
    "AssetMaterialization",
    "AttemptFailed",
    "AssetObservationFailed",
    "AssetMaterializationFailed",
]
Types = Annotated[
    list[Word] | None, Query(alias="type", description="Only these types, or sorts of them; may be repeated.")
]
ManyLimit = Annotated[int, Query(ge=1, le=5000, description="Items on a page.")]

DEFAULT_GROUP = "default"


@router.get("/v1/assets", response_model=ResourceList)
async def list_assets(
    *,
    face: TheFace,
    who: Person,
    namespace: InNamespace = None,
    group: Group = None,
    fresh: Fresh = None,
    selection: InSelection = None,
    cursor: Cursor = None,
    limit: ManyLimit = 500,
) -> Json:
    """List Assets by namespace and name; with a namespace also the keys that have events but no Asset (`undefined`)."""
    found = await selectable(face, who, namespace, selection)
    undefined = await _undefined(face, namespace, found) if namespace and cursor is None and not selection else []
    shown = (one for one in found if _matches(one, group, fresh))
    return answers.resources(Kind.ASSET, shown, cursor, limit, undefined=undefined)


def _matches(asset: Object, group: str | None, fresh: str | None) -> bool:
    in_group = group is None or (asset.get("spec", {}).get("group") or DEFAULT_GROUP) == group
    return in_group and (fresh is None or condition(asset, ConditionType.FRESH).get("status", "Unknown") == fresh)


async def _undefined(face: Face, namespace: str, found: list[Object]) -> list[str]:
    return await face.store.undefined(namespace, {key_in(one) for one in found})


@router.get("/v1/assets/{namespace}/{name:path}/events", response_model=Page, responses=documented(404))
async def list_events(
    *,
    namespace: Namespace,
    name: DataName,
    face: TheFace,
    who: Person,
    cursor: HistoryCursor = None,
    limit: Limit = 50,
    types: Types = None,
    since: Since = None,
    partition: InPartition = None,
) -> Json:
    """List an asset's events, newest first, in the wire format. One request looks at no more than 10,000 of them."""
    oldest = moment_of(since, face.clock()) if since else None
    data = await readable(face, who, namespace, name)
    page = await face.store.events(data, cursor, limit, types_of(types or ()), oldest, partition)
    return answers.page([event_json(one) for one in page.items], page.cursor, ended_early=page.ended_early)


@router.get("/v1/assets/{namespace}/{name}", response_model=Resource, responses=documented(404))
async def get_asset(namespace: Namespace, name: Name, face: TheFace, who: Person) -> Json:
    """Give one Asset, as kubectl does."""
    await face.rights.demand(who, "get", Kind.ASSET.plural, namespace, name)
    return Json(answers.resource(Kind.ASSET, await need(face, Kind.ASSET, namespace, name)))


@router.get("/v1/observation-jobs", response_model=ResourceList)
async def list_observation_jobs(
    *, face: TheFace, who: Person, namespace: InNamespace = None, cursor: Cursor = None, limit: ManyLimit = 500
) -> Json:
    """List ObservationJobs by namespace and name."""
    await face.rights.demand(who, "list", Kind.OBSERVATION_JOB.plural, namespace or "")
    found = await listed(face, Kind.OBSERVATION_JOB, namespace)
    return answers.resources(Kind.OBSERVATION_JOB, found, cursor, limit)


@router.get("/v1/schedules", response_model=ResourceList)
async def list_schedules(
    *, face: TheFace, who: Person, namespace: InNamespace = None, cursor: Cursor = None, limit: ManyLimit = 500
) -> Json:
    """List Schedules, with their next and last ticks in status."""
    await face.rights.demand(who, "list", Kind.SCHEDULE.plural, namespace or "")
    found = await listed(face, Kind.SCHEDULE, namespace)
    return answers.resources(Kind.SCHEDULE, found, cursor, limit)
