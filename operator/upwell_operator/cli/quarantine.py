"""`upwell quarantine`: say that nothing may be built from a data version, or that it may again.

Tables show the first twelve characters of a version, so that is what people have at hand: a beginning is enough where
only one known version has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from upwell_operator.cli import assets as of
from upwell_operator.cli.client import Api, connect
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.options import Connection
from upwell_operator.cli.output import columns, emit

HEAD = ("ASSET", "QUARANTINED", "REASON")
NEWEST = 1000
"""Versions of the asset among which the one meant is looked for."""


async def edit(to: Connection, name: str, version: str, reason: str | None, *, release: bool) -> None:
    """Quarantine a version, or release it. Raises CommandError for one that the asset never had."""
    async with connect(to) as api:
        (asset,) = await of.find(api, to.namespace, [name])
        known = listed(asset) if release else await versions(api, asset)
        whole, verb = meant(version, known, of.key_of(asset)), "release" if release else "quarantine"
        done = await api.post(f"{of.path_of(asset)}/{verb}", version=whole, reason=reason)
    emit(to.output, done, lambda: columns(HEAD, rows(asset, done)) or [f"{of.key_of(asset)}: nothing is quarantined."])


def listed(asset: of.Object) -> list[str]:
    """Give the versions that are quarantined now."""
    return [str(one["dataVersion"]) for one in asset.get("spec", {}).get("quarantine") or []]


async def versions(api: Api, asset: of.Object) -> list[str]:
    """Give the versions that an asset is known to have had, the newest first."""
    return [str(one["dataVersion"]) for one in await api.pages(f"{of.path_of(asset)}/versions", NEWEST)]


def meant(text: str, known: Iterable[str], key: str) -> str:
    """Give the one version that is this text, or begins with it. Raises CommandError when it is none or several."""
    found = {one for one in known if one.startswith(text)}
    if text in found or len(found) == 1:
        return text if text in found else found.pop()
    if found:
        raise CommandError(f"{len(found)} versions of {key} begin with {text!r}; write more of it", Code.USAGE)
    how = "one that was not seen yet can be listed in spec.quarantine"
    raise CommandError(f"{key} has no version that begins with {text!r} there; {how}", Code.NOT_FOUND)


def rows(asset: of.Object, done: dict[str, Any]) -> list[tuple[object, ...]]:
    """Give a line for every version of the asset that is quarantined now."""
    return [(of.key_of(asset), one["dataVersion"], one.get("reason")) for one in done["quarantine"]]
