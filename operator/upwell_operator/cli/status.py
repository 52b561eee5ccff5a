"""`upwell status`: a line an asset, once or whenever it changes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import typer

from upwell_operator.cli import assets as of
from upwell_operator.cli.client import Api, connect
from upwell_operator.cli.options import Connection, Format
from upwell_operator.cli.output import age, columns, emit, listing, utc_now

HEAD = ("KEY", "KIND", "VERSION", "FRESH", "REASON", "OBSERVED", "MATERIALIZED")
WATCH_SECONDS = 1.0


@dataclass(frozen=True)
class Wanted:
    """Which assets somebody asked for: by name, or by a selection, or all; of one namespace or everywhere."""

    names: Sequence[str] = ()
    selection: str | None = None
    everywhere: bool = False

    async def find(self, api: Api, to: Connection) -> list[of.Object]:
        """Give them. Raises CommandError."""
        if self.selection is not None:
            return await of.all_of(api, to.namespace, self.selection)
        assets = await of.all_of(api, None if self.everywhere else to.namespace)
        return of.chosen(assets, self.names, to.namespace) if self.names else assets


async def show(to: Connection, wanted: Wanted) -> None:
    """Print the assets asked for."""
    async with connect(to) as api:
        assets = await wanted.find(api, to)
    data = assets[0] if len(wanted.names) == 1 else listing(assets)
    emit(to.output, data, lambda: table(assets, utc_now(), namespaces=wanted.everywhere) or ["No assets."])


def table(assets: Sequence[of.Object], now: datetime, *, namespaces: bool = False) -> list[str]:
    """Give the lines of the table."""
    rows = [row(asset, now) for asset in assets]
    if not namespaces:
        return columns(HEAD, rows)
    return columns(("NAMESPACE", *HEAD), [(of.namespace_of(a), *r) for a, r in zip(assets, rows, strict=True)])


def row(asset: of.Object, now: datetime) -> tuple[str, ...]:
    """Give one asset's cells. One that is not accepted, or of which a version is held, shows why."""
    status, fresh, ready = of.status_of(asset), of.condition_of(asset, "Fresh"), of.condition_of(asset, "Ready")
    beside = ready if ready.get("status") == "False" else of.condition_of(asset, "Held")
    return (
        of.key_of(asset),
        of.kind_of(asset),
        of.version_of(asset),
        fresh.get("status", ""),
        f"{fresh.get('reason', '')} ({beside.get('reason')})".strip() if beside else fresh.get("reason", ""),
        age((status.get("lastObservation") or {}).get("time"), now),
        age((status.get("lastMaterialization") or {}).get("time"), now),
    )


async def watch_changes(to: Connection, wanted: Wanted) -> None:
    """Print the assets, and then every one again that changes, until interrupted."""
    seen: dict[str, Any] = {}
    async with connect(to) as api:
        while True:
            assets = await wanted.find(api, to)
            changed = [asset for asset in assets if seen.get(of.path_of(asset)) != asset.get("status")]
            show_changed(to.output, changed, head=not seen, namespaces=wanted.everywhere)
            seen = {of.path_of(asset): asset.get("status") for asset in assets}
            await asyncio.sleep(WATCH_SECONDS)


def show_changed(output: Format, changed: Sequence[of.Object], *, head: bool, namespaces: bool) -> None:
    """Print changed assets: rows under one head, or one document each."""
    if output is not Format.TABLE:
        for asset in changed:
            emit(output, asset, list)
        return
    for line in table(changed, utc_now(), namespaces=namespaces)[0 if head else 1 :]:
        typer.echo(line)
