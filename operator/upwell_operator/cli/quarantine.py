"""`upwell quarantine`: say that nothing may be built from a data version, or that it may again."""

from __future__ import annotations

from typing import Any

from upwell_operator.cli import assets as of
from upwell_operator.cli.client import connect
from upwell_operator.cli.options import Connection
from upwell_operator.cli.output import columns, emit
from upwell_operator.cli.versions import known, meant, quarantined

HEAD = ("ASSET", "QUARANTINED", "REASON")


async def edit(to: Connection, name: str, version: str, reason: str | None, *, release: bool) -> None:
    """Quarantine a version, or release it. Raises CommandError for one that the asset never had."""
    async with connect(to) as api:
        (asset,) = await of.find(api, to.namespace, [name])
        among = quarantined(asset) if release else await known(api, asset)
        whole, verb = meant(version, among, of.key_of(asset)), "release" if release else "quarantine"
        done = await api.post(f"{of.path_of(asset)}/{verb}", version=whole, reason=reason)
    emit(to.output, done, lambda: columns(HEAD, rows(asset, done)) or [f"{of.key_of(asset)}: nothing is quarantined."])


def rows(asset: of.Object, done: dict[str, Any]) -> list[tuple[object, ...]]:
    """Give a line for every version of the asset that is quarantined now."""
    return [(of.key_of(asset), one["dataVersion"], one.get("reason")) for one in done["quarantine"]]
