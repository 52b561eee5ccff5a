"""`upwell materialize ASSET --partitions RANGE`: a backfill, followed to its end.

The operator starts the runs, as many at once as the asset allows; nothing of it depends on this process, which can be
stopped and asked again. A run belongs to the backfill if it answers its token.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from upwell_operator.cli import assets as of
from upwell_operator.cli.asking import ask, finish, refuse_what_cannot
from upwell_operator.cli.client import Api, connect
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.following import Ended, Following, Request, pauses
from upwell_operator.cli.options import Connection
from upwell_operator.cli.output import emit
from upwell_operator.domain.partition_ranges import read
from upwell_operator.domain.texts import named
from upwell_operator.errors import Rejected


async def backfill(
    to: Connection,
    name: str,
    partitions: str | None,
    parallelism: int | None = None,
    *,
    dry_run: bool,
    wait: bool,
    patience: float,
) -> None:
    """Build partitions of one asset: those named, or those that are not fresh. Raises CommandError like `observe`."""
    async with connect(to) as api:
        (asset,) = await of.find(api, to.namespace, [name], None)
        refuse_what_cannot("materialize", [asset])
        if "partitions" not in asset.get("spec", {}):
            raise CommandError(f"{of.key_of(asset)} has no spec.partitions; leave --partitions out", Code.USAGE)
        if dry_run:
            await _show(to, api, asset, partitions)
            return
        request = await ask(api, "materialize", asset, partitions=partitions, parallelism=parallelism)
        if not wait:
            finish(to, [Ended(request.key, Code.DONE, outcome="Requested")])
            return
        async with Following(api, patience) as following:
            finish(to, await _followed(api, following, request, patience))


async def _show(to: Connection, api: Api, asset: of.Object, partitions: str | None) -> None:
    """Say which partitions a backfill would build, and start nothing."""
    if partitions is None:
        counts = of.status_of(asset).get("partitions") or {}
        some, many = counts.get("stalePartitions") or [], counts.get("stale", 0) + counts.get("missing", 0)
        more = f" and {many - len(some)} more" if many > len(some) else ""
        emit(to.output, {"count": many, "partitions": some}, lambda: [f"{many} partitions: {', '.join(some)}{more}"])
        return
    rows = await api.pages(f"{of.path_of(asset)}/partitions")
    try:
        keys = read(partitions, [str(row["partition"]) for row in rows][::-1])
    except Rejected as error:
        raise CommandError(str(error), Code.USAGE) from error
    emit(to.output, {"count": len(keys), "partitions": keys}, lambda: [f"{len(keys)} partitions: {named(keys)}"])


async def _followed(api: Api, following: Following, request: Request, patience: float) -> list[Ended]:
    try:
        async with asyncio.timeout(patience or None):
            return await _ends(api, following, request)
    except TimeoutError:
        message = f"not done after {patience:g} s; the runs go on without this command"
        return [Ended(request.key, Code.TIMED_OUT, outcome="TimedOut", message=message)]


async def _ends(api: Api, following: Following, request: Request) -> list[Ended]:
    """Wait until the request is answered and its last run recorded; give an end for each run."""
    runs: list[Mapping[str, Any]] = []
    async for _ in pauses():
        status = of.status_of(await api.get(of.path_of(request.asset)))
        runs = await _runs(api, request)
        done = [run for run in runs if run.get("outcome")]
        following.say(request, f"{len(done)} of {len(runs)} runs are over")
        if request.is_answered_by(str(status.get("lastHandledRequest") or "")) and len(done) == len(runs):
            break
    return [_ended(request, run) for run in runs] or [Ended(request.key, Code.DONE, outcome="NothingToDo")]


async def _runs(api: Api, request: Request) -> list[Mapping[str, Any]]:
    runs = await api.pages("/v1/runs", namespace=of.namespace_of(request.asset))
    return [run for run in runs if run.get("request") == request.token]


def _ended(request: Request, run: Mapping[str, Any]) -> Ended:
    code = Code.FAILED if run["outcome"] == "Failed" else Code.DONE
    key = f"{request.key} {run.get('partition', '')}".rstrip()
    return Ended(key, code, run["name"], run["outcome"], "", run.get("message", "") if code is Code.FAILED else "")
