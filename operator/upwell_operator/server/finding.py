"""From the name in a path to the resource, and from there to its data."""

from __future__ import annotations

import asyncio
import re

from upwell.protocol import InputVersion
from upwell_operator.cluster.port import Caller, Object
from upwell_operator.domain.snapshot import UNKNOWN_STATE, AssetId, Ref
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


async def listed(face: Face, kind: Kind, namespace: str | None) -> list[Object]:
    """Give the resources of a kind in a namespace, or in all that are watched: there may be rights in no other."""
    places = (namespace,) if namespace else face.settings.namespaces or (None,)
    lists = await asyncio.gather(*(face.cluster.list(kind.plural, place) for place in places))
    return [one for each in lists for one in each.items]


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


async def inputs_now(face: Face, namespace: str, asset: Object | None) -> tuple[InputVersion, ...]:
    """Give the current versions of an Asset's inputs: what a build that somebody else reports is taken to be made from.

    A dep that does not exist is left out, and so shows as a changed dependency once it does.
    """
    deps = (asset or {}).get("spec", {}).get("deps") or []
    found = [(dep, await find_asset(face, dep.get("namespace") or namespace, dep["name"])) for dep in deps]
    there = {_written(dep, namespace): _data_in(upstream) for dep, upstream in found if upstream is not None}
    states = await face.store.states(list(there.values())) if there else {}
    return tuple(InputVersion(name, data.key, states.get(data, UNKNOWN_STATE).version) for name, data in there.items())


def _written(dep: Object, namespace: str) -> str:
    """Write an input as consumed versions do: the bare name at home, else with its namespace."""
    return Ref(dep.get("namespace") or namespace, dep["name"]).seen_from(namespace)


def _data_in(asset: Object) -> AssetId:
    return AssetId(asset["metadata"]["namespace"], key_in(asset))


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


async def readable(face: Face, who: Caller, namespace: str, name: str) -> AssetId:
    """Give the identity of data whose past somebody may read. Raises Problem (403, 404)."""
    await face.rights.demand(who, "get", Kind.ASSET.plural, namespace, name)
    return await data_of(face, namespace, name)
