"""The versions that an asset has had, and what was built from each: what a bad one has touched.

A build in a namespace whose Assets the caller may not list is counted and not told.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field

from upwell_operator.cluster.port import Caller
from upwell_operator.domain.snapshot import UNKNOWN_STATE, AssetId, AssetState
from upwell_operator.domain.versions import by_data
from upwell_operator.resources.meta import Kind
from upwell_operator.server import answers
from upwell_operator.server.answers import Json, Page
from upwell_operator.server.asking import DataName, HistoryCursor, Limit, Namespace, Person, TheFace, Version
from upwell_operator.server.face import Face
from upwell_operator.server.finding import readable
from upwell_operator.server.past import span_json, use_json
from upwell_operator.server.problems import Problem, documented
from upwell_operator.store import Use

router = APIRouter(tags=["assets"], responses=documented(401, 403, 404, 422, 503))

SHOWN = 20
"""Builds that a list of versions shows of each; `built-from` gives all."""


class Builds(BaseModel):
    """What was built from a version, and from that, and so on: the nearest first."""

    items: list[dict[str, Any]]
    hidden: int = Field(description="How many more there are in namespaces whose Assets the caller may not list.")
    ended_early: bool = Field(
        alias="endedEarly", description="There may be more: 100,000 entries were read, or 10,000 builds found."
    )


@router.get("/v1/assets/{namespace}/{name:path}/versions", response_model=Page)
async def list_versions(
    *, namespace: Namespace, name: DataName, face: TheFace, who: Person, cursor: HistoryCursor = None, limit: Limit = 50
) -> Json:
    """List an asset's data versions, newest first: when each was seen, how often, what was built directly from it."""
    data = await readable(face, who, namespace, name)
    page = await face.store.versions(data, cursor=cursor, limit=limit)
    uses, _ = await _visible(face, who, await face.store.uses(data))
    states = await face.store.states({use.id for use in uses})
    by_version: dict[str, list[Use]] = defaultdict(list)
    for use in uses:
        by_version[use.consumed].append(use)
    items = [span_json(span) | _direct(by_version[span.version], states) for span in page.items]
    return answers.page(items, page.cursor)


@router.get("/v1/assets/{namespace}/{name:path}/built-from", response_model=Builds)
async def list_built_from(
    *, namespace: Namespace, name: DataName, face: TheFace, who: Person, version: Version
) -> Json:
    """List what was built from one of an asset's data versions, however far down: what a bad one has touched."""
    data = await readable(face, who, namespace, name)
    built = await face.store.built_from(data, version)
    uses, hidden = await _visible(face, who, built.uses)
    states = await face.store.states({use.id for use in uses})
    items = [use_json(use, current=_is_now(use, states)) for use in uses]
    return Json({"items": items, "hidden": hidden, "endedEarly": built.ended_early})


def _direct(uses: Sequence[Use], states: dict[AssetId, AssetState]) -> dict[str, Any]:
    return {"builds": len(uses), "built": [use_json(use, current=_is_now(use, states)) for use in uses[:SHOWN]]}


def _is_now(use: Use, states: dict[AssetId, AssetState]) -> bool:
    """Say whether that build is what the asset is now."""
    made = states.get(use.id, UNKNOWN_STATE).materialization
    return (
        made is not None
        and made.version == use.version
        and (by_data(made.inputs, use.id.namespace).get(use.input) == use.consumed)
    )


async def _visible(face: Face, who: Caller, uses: Iterable[Use]) -> tuple[list[Use], int]:
    """Give the builds that somebody may know of, and how many others there are."""
    found = list(uses)
    allowed = {name for name in {use.id.namespace for use in found} if await _may_list(face, who, name)}
    shown = [use for use in found if use.id.namespace in allowed]
    return shown, len(found) - len(shown)


async def _may_list(face: Face, who: Caller, namespace: str) -> bool:
    try:
        await face.rights.demand(who, "list", Kind.ASSET.plural, namespace)
    except Problem:
        return False
    return True
