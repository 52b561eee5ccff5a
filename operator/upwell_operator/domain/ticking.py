"""What an asset with the policy Cron owes to its ticks: at each of them it is built once, if it is stale then.

A tick stays open until the asset is fresh or a run has begun since: so what waits for an input at six o'clock is built
when the input is there, in whichever order two assets with the same line are looked at. Of ticks that were missed, the
newest counts. What was answered stands in status, and the runs themselves say it as well, should that write be lost.

Limits: ticks from before the asset, or from before its line, are not owed (`active_since`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from upwell_operator.domain import ticks
from upwell_operator.domain.pacing import last_start
from upwell_operator.domain.snapshot import Asset, Cron
from upwell_operator.domain.world import World
from upwell_operator.errors import Stalled


def activated(cron: Cron, asset: Asset, now: datetime) -> Cron:
    """Give the line with `active_since` brought up to date, from what status remembers.

    A new asset's ticks count from its creation, so that none is lost before the operator sees it; those of a line that
    was written later count from now on.
    """
    wanted = f"{cron.line} {cron.time_zone}"
    if wanted == cron.observed and cron.active_since:
        return cron
    new = cron.active_since is None and asset.generation == 1 and asset.created_at
    return replace(cron, active_since=asset.created_at if new else now, observed=wanted)


def check(cron: Cron) -> None:
    """Refuse a line or a zone that cannot be read. Raises Stalled(InvalidSpec)."""
    with _fields_of_an_asset():
        ticks.check((cron.line,), cron.time_zone)


def newest(asset: Asset, now: datetime) -> datetime | None:
    """Give the newest tick that status does not count as answered. Raises Stalled like `check`."""
    if asset.cron is None:
        return None
    cron = activated(asset.cron, asset, now)
    since = max(filter(None, (cron.last_tick, cron.active_since)))
    with _fields_of_an_asset():
        due = ticks.due((cron.line,), cron.time_zone, since, now)
    return due.tick if due else None


def open_tick(asset: Asset, now: datetime) -> datetime | None:
    """Give the newest tick that is not answered; None also for a line that cannot be read, which owes nothing."""
    try:
        return newest(asset, now)
    except Stalled:
        return None


def following(cron: Cron, now: datetime) -> datetime | None:
    """Give the next tick; None for a line that never fires again. Raises Stalled like `check`."""
    with _fields_of_an_asset():
        return ticks.following((cron.line,), cron.time_zone, now)


def is_answered(world: World, asset: Asset, tick: datetime) -> bool:
    """Say whether a run, also one that failed or was asked for, has begun since a tick."""
    began = last_start(world, asset)
    return began is not None and began >= tick


def is_owed(world: World, asset: Asset, now: datetime) -> bool:
    """Say whether a tick is open."""
    tick = open_tick(asset, now)
    return tick is not None and not is_answered(world, asset, tick)


@contextmanager
def _fields_of_an_asset() -> Iterator[None]:
    """Have what is wrong said about the fields of an Asset: a Schedule has them at the top of its spec."""
    try:
        yield
    except Stalled as error:
        field, _, says = str(error).partition(":")
        name = "timeZone" if field == "spec.timeZone" else "cron"
        raise Stalled(error.reason, f"spec.autoMaterialize.{name}:{says}") from error
