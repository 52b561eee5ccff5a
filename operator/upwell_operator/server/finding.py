"""From the name in a path to the resource, and from there to its data."""

from __future__ import annotations

import re

from upwell_operator.cluster.port import Object
from upwell_operator.domain.snapshot import AssetId
from upwell_operator.errors import NotFound
from upwell_operator.resources.meta import Kind
from upwell_operator.server.asking import SUBDOMAIN
from upwell_operator.server.face import Face
from upwell_operator.server.problems import Problem

_RESOURCE_NAME = re.compile(SUBDOMAIN.rstrip("$"))


async def need(face: Face, kind: Kind, namespace: str, name: str) -> Object:
    """Give one resource of ours. Raises Problem (404) with the way to find the right name."""
    try:
        return await face.cluster.get(kind.plural, namespace, name)
    except NotFound:
        listing = f"`kubectl get {kind.plural} -n {namespace}` lists them"
        detail = f"There is no {kind} {name!r} in namespace {namespace!r}; {listing}."
        raise Problem(404, "not-found", detail) from None


async def find_asset(face: Face, namespace: str, name: str) -> Object | None:
    """Give an Asset, or None; a name that no resource can have is not asked for."""
    if not _RESOURCE_NAME.fullmatch(name):
        return None
    try:
        return await face.cluster.get(Kind.ASSET.plural, namespace, name)
    except NotFound:
        return None


def key_in(asset: Object) -> str:
    """Give the key of an Asset: `spec.key`, by default its name."""
    return str(asset.get("spec", {}).get("key") or asset["metadata"]["name"])


async def key_of(face: Face, namespace: str, name: str) -> str:
    """Give the key that a name stands for; a name that is no Asset stands for itself."""
    asset = await find_asset(face, namespace, name)
    return name if asset is None else key_in(asset)


async def data_of(face: Face, namespace: str, name: str) -> AssetId:
    """Give the identity of data that may be shown: defined, or materialized once. Raises Problem (404)."""
    asset = await find_asset(face, namespace, name)
    if asset is not None:
        return AssetId(namespace, key_in(asset))
    data = AssetId(namespace, name)
    state = (await face.store.states([data])).get(data)
    if state is None or state.materialization is None:
        detail = (
            f"There is no Asset {name!r} in namespace {namespace!r}, and no data of that key was materialized; "
            "events about it are kept, and shown once an Asset with this key is applied."
        )
        raise Problem(404, "not-found", detail)
    return data
