"""`upwell materialize ASSET --partitions RANGE`: a backfill, followed to its end.

The operator starts the runs, as many at once as the asset allows; nothing of it depends on this process, which can be
stopped and asked again.
"""

from __future__ import annotations

from upwell_operator.cli import assets as of
from upwell_operator.cli.asking import ask, finish, refuse_what_cannot
from upwell_operator.cli.client import Api, connect
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.following import Ended, Following
from upwell_operator.cli.following_partitions import ends_of_partitions
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
        if not of.is_cut(asset):
            raise CommandError(f"{of.key_of(asset)} has no spec.partitions; leave --partitions out", Code.USAGE)
        if dry_run:
            await _show(to, api, asset, partitions)
            return
        request = await ask(api, "materialize", asset, partitions=partitions, parallelism=parallelism)
        if not wait:
            finish(to, [Ended(request.key, Code.DONE, outcome="Requested")])
            return
        async with Following(api, patience) as following:
            finish(to, await ends_of_partitions(api, following, request, patience))


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
