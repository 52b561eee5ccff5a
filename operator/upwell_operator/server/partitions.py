"""The partitions of an asset: which there are by its definition, and which version each has.

The last of the definition comes first, because the newest window is the one that is asked about. Of what is dynamic,
the keys that were reported are listed.

Limits: a page is found by going through the keys, which takes 0.1 s for 100,000.
"""

from __future__ import annotations

from fastapi import APIRouter

from upwell_operator.cluster.port import Object
from upwell_operator.domain import partitions
from upwell_operator.domain.snapshot import AssetId
from upwell_operator.resources.meta import Kind
from upwell_operator.server import answers
from upwell_operator.server.answers import Json, Page
from upwell_operator.server.asking import Cursor, Limit, Name, Namespace, Person, TheFace
from upwell_operator.server.face import Face
from upwell_operator.server.finding import key_in, need
from upwell_operator.server.past import partition_json
from upwell_operator.server.problems import Problem, documented

router = APIRouter(tags=["assets"], responses=documented(401, 403, 422, 503))


@router.get("/v1/assets/{namespace}/{name}/partitions", response_model=Page, responses=documented(404))
async def list_partitions(
    *, namespace: Namespace, name: Name, face: TheFace, who: Person, cursor: Cursor = None, limit: Limit = 50
) -> Json:
    """List an asset's partitions, the last of its definition first, with the data version of each that has one."""
    await face.rights.demand(who, "get", Kind.ASSET.plural, namespace, name)
    asset = await need(face, Kind.ASSET, namespace, name)
    data = AssetId(namespace, key_in(asset))
    keys = await keys_of(face, asset)
    begin = _after(keys, cursor)
    shown = keys[begin : begin + limit]
    known = await face.store.partitions(data, shown)
    more = shown[-1] if begin + limit < len(keys) else None
    return answers.page([partition_json(key, known.get(key)) for key in shown], more)


async def keys_of(face: Face, asset: Object) -> list[str]:
    """Give the partitions of an asset, the last of its definition first. Raises Problem (404) if it is not cut."""
    data, cut = AssetId(asset["metadata"]["namespace"], key_in(asset)), partitions.written(asset.get("spec", {}))
    if cut is None:
        raise Problem(404, "not-found", f"The asset {data} is not partitioned: it has no spec.partitions.")
    if partitions.total(cut, face.clock()) is None:
        return (await face.store.partition_keys(data))[::-1]
    return list(partitions.keys(cut, face.clock()))[::-1]


def _after(keys: list[str], cursor: str | None) -> int:
    """Give where a page begins; a cursor whose partition is gone begins anew."""
    return keys.index(cursor) + 1 if cursor in keys else 0
