"""Verbs that ask for something: observe, materialize, quarantine, release."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer

from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.options import Connection, Selection, Timeout, user_verb

STALE = "stale"
"""What `--partitions` calls those that are not fresh."""
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Follow the runs; the exit code says how they ended.")]


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    for verb in (observe, materialize, quarantine, release):
        app.command()(user_verb(verb))


def observe(
    to: Connection,
    assets: Annotated[
        list[str] | None, typer.Argument(metavar="ASSET", help="Names or keys of observable source assets.")
    ] = None,
    job: Annotated[str | None, typer.Option(metavar="NAME", help="Run this ObservationJob instead.")] = None,
    selection: Selection = None,
    partitions: Annotated[
        str | None,
        typer.Option(metavar="RANGE", help="Of one source that is cut: keys, ranges (a..b), or `*`, to look at only."),
    ] = None,
    wait: Wait = True,
    timeout: Timeout = 600,
) -> None:
    """Look at sources now, record their versions."""
    from upwell_operator.cli import asking, jobs

    if [bool(assets), bool(job), selection is not None].count(True) != 1:
        raise CommandError("name assets, or an ObservationJob with --job, or give a --selection", Code.USAGE)
    if job and partitions is not None:
        raise CommandError("--partitions are of one asset; a job says its own in spec.partitions", Code.USAGE)
    if job:
        asyncio.run(jobs.observe(to, job, wait=wait, patience=timeout))
    else:
        asyncio.run(asking.observe(to, assets or [], selection, partitions=partitions, wait=wait, patience=timeout))


def materialize(
    to: Connection,
    assets: Annotated[
        list[str] | None,
        typer.Argument(metavar="[+]ASSET", help="Names or keys; with + its stale upstream is materialized first."),
    ] = None,
    selection: Selection = None,
    partitions: Annotated[
        str | None,
        typer.Option(
            metavar="RANGE", help="Of one asset that is built by partition: keys, ranges (a..b), or `*`; or `stale`."
        ),
    ] = None,
    parallelism: Annotated[
        int | None, typer.Option(min=1, max=1000, help="With --partitions: how many are built at once.")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="With --partitions: say which, and start nothing.")
    ] = False,
    *,
    look: Annotated[
        bool, typer.Option("--observe", help="Observe their sources first, and build only what has changed.")
    ] = False,
    wait: Wait = True,
    timeout: Timeout = 600,
) -> None:
    """Build assets from what their inputs are now."""
    from upwell_operator.cli.asking import materialize as ask

    if bool(assets) is (selection is not None):
        raise CommandError("name assets, or give a --selection", Code.USAGE)
    if partitions is not None or dry_run or parallelism:
        asyncio.run(_backfill(to, assets or [], partitions, parallelism, dry_run=dry_run, wait=wait, patience=timeout))
        return
    asyncio.run(ask(to, assets or [], selection, look=look, wait=wait, patience=timeout))


async def _backfill(
    to: Connection,
    assets: Sequence[str],
    partitions: str | None,
    parallelism: int | None,
    *,
    dry_run: bool,
    wait: bool,
    patience: float,
) -> None:
    from upwell_operator.cli.backfilling import backfill

    if len(assets) != 1 or partitions is None:
        raise CommandError("a backfill is of one asset: name it, and give --partitions (`stale` for those)", Code.USAGE)
    which = None if partitions == STALE else partitions
    await backfill(to, assets[0], which, parallelism, dry_run=dry_run, wait=wait, patience=patience)


def quarantine(
    to: Connection,
    asset: Annotated[str, typer.Argument(metavar="ASSET", help="Name or key of an asset.")],
    version: Annotated[str, typer.Argument(metavar="VERSION", help="A data version of it, or how only one begins.")],
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for whoever is kept waiting by it.")] = None,
    release: Annotated[bool, typer.Option("--release", help="Let it be built from again.")] = False,
) -> None:
    """Let nothing be built from a data version.

    What was built from it, however far down, turns stale (VersionQuarantined) and is built again from the next version.
    """
    from upwell_operator.cli.quarantine import edit

    if release and reason:
        raise CommandError("a --reason is for a quarantine; leave it out with --release", Code.USAGE)
    asyncio.run(edit(to, asset, version, reason, release=release))


def release(
    to: Connection,
    asset: Annotated[str, typer.Argument(metavar="ASSET", help="Name or key of an asset with a guard.")],
    version: Annotated[
        str | None, typer.Option(metavar="VERSION", help="The version that must be the held one, or how it begins.")
    ] = None,
) -> None:
    """Let the data version pass that a guard holds.

    What is built from the asset is stale with it, and built where its policy says so. To reject it, quarantine it.
    """
    from upwell_operator.cli.releasing import release as let_pass

    asyncio.run(let_pass(to, asset, version))
