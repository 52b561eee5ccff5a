"""What the verbs read from Asset resources, and how people name them.

An asset is named by its resource name or by its key; both are found by one list of the namespace. Pure, except `find`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from upwell_operator.cli.exits import Code, CommandError

if TYPE_CHECKING:
    from upwell_operator.cli.client import Api

Object = dict[str, Any]


async def all_of(api: Api, namespace: str | None, selection: str | None = None) -> list[Object]:
    """Give the Assets of a namespace, or of all, in order of namespace and key; or what a selection comes to there."""
    items = await api.pages("/v1/assets", namespace=namespace, selection=selection)
    return sorted(items, key=lambda asset: (namespace_of(asset), key_of(asset)))


async def find(api: Api, namespace: str, names: Sequence[str], selection: str | None = None) -> list[Object]:
    """Give the Assets of these names or keys, or those selected. Raises CommandError (not found) naming who is none."""
    if selection is None:
        return chosen(await all_of(api, namespace), names, namespace)
    found = await all_of(api, namespace, selection)
    if not found:
        raise CommandError(f"--selection {selection!r} comes to no asset of namespace {namespace}", Code.NOT_FOUND)
    return found


def chosen(assets: Sequence[Object], names: Sequence[str], namespace: str) -> list[Object]:
    """Pick assets by name or key, in the order given, each once."""
    known = {key_of(asset): asset for asset in assets} | {name_of(asset): asset for asset in assets}
    missing = [name for name in names if name not in known]
    if missing:
        raise CommandError(
            f"no asset in namespace {namespace} has the name or key {', '.join(missing)}; "
            "`upwell status -A` lists all, -n chooses a namespace",
            Code.NOT_FOUND,
        )
    return list({path_of(known[name]): known[name] for name in names}.values())


def namespace_of(asset: Object) -> str:
    """Give an Asset's namespace."""
    return str(asset["metadata"]["namespace"])


def name_of(asset: Object) -> str:
    """Give an Asset's resource name."""
    return str(asset["metadata"]["name"])


def path_of(asset: Object) -> str:
    """Give an Asset's path in the API."""
    return f"/v1/assets/{namespace_of(asset)}/{name_of(asset)}"


def key_of(asset: Object) -> str:
    """Give an Asset's key: the name, unless the spec has one."""
    return str(asset.get("spec", {}).get("key") or name_of(asset))


def kind_of(asset: Object) -> str:
    """Say who makes an Asset's data: Source, Derived or External."""
    spec = asset.get("spec", {})
    return "Source" if "observe" in spec else "Derived" if "materialize" in spec else "External"


def condition_of(asset: Object, kind: str) -> Object:
    """Give one condition, empty when there is none yet."""
    conditions: list[Object] = status_of(asset).get("conditions", [])
    return next((condition for condition in conditions if condition["type"] == kind), {})


def status_of(asset: Object) -> Object:
    """Give an Asset's status, empty when there is none yet."""
    status: Object = asset.get("status") or {}
    return status


def version_of(asset: Object) -> str:
    """Give an Asset's data version, cut as `kubectl get assets` cuts it."""
    return str(status_of(asset).get("dataVersion") or "")[:12]


def is_cut(asset: Object) -> bool:
    """Say whether an Asset has partitions."""
    return "partitions" in asset.get("spec", {})


def held_of(asset: Object) -> str:
    """Give the data version that an Asset's guard holds, whole; nothing when it holds none."""
    return str((status_of(asset).get("held") or {}).get("version") or "")


def deps_of(asset: Object) -> list[tuple[str, str]]:
    """Give the (namespace, name) of what an Asset is built from."""
    deps = asset.get("spec", {}).get("deps") or []
    return [(dep.get("namespace") or namespace_of(asset), dep["name"]) for dep in deps]
