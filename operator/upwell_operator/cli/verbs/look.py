"""Verbs that look: status, events, versions, partitions, why, runs, logs, graph."""

from __future__ import annotations

import asyncio
from enum import StrEnum
from typing import Annotated

import typer

from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.options import Connection, Selection, user_verb
from upwell_operator.domain.sorts import Sort

Assets = Annotated[list[str] | None, typer.Argument(metavar="ASSET", help="Names or keys; all when left out.")]
Asset = Annotated[str, typer.Argument(metavar="ASSET", help="Name or key of an asset.")]
Limit = Annotated[int, typer.Option(min=1, max=1000, help="How many at most, the newest.")]
All = Annotated[bool, typer.Option("--all-namespaces", "-A", help="Look at all namespaces.")]


class Drawing(StrEnum):
    """How a graph is drawn."""

    TEXT = "text"
    MERMAID = "mermaid"
    JSON = "json"


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    for verb in (status, events, versions, partitions, why, runs, logs, graph):
        app.command()(user_verb(verb))


def status(
    to: Connection,
    assets: Assets = None,
    everywhere: All = False,
    selection: Selection = None,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Go on, and print what changes.")] = False,
) -> None:
    """Show assets: version, freshness, reason."""
    from upwell_operator.cli.status import Wanted, show, watch_changes

    if selection is not None and (assets or everywhere):
        raise CommandError("a --selection selects in one namespace; leave names and -A out", Code.USAGE)
    asyncio.run((watch_changes if watch else show)(to, Wanted(assets or [], selection, everywhere)))


def events(
    to: Connection,
    asset: Asset,
    sorts: Annotated[
        list[Sort] | None, typer.Option("--type", help="Only observations, materializations or failures; repeatable.")
    ] = None,
    since: Annotated[
        str | None, typer.Option(metavar="WHEN", help="Only what was recorded since: 2h, or 2026-01-31T12:00:00Z.")
    ] = None,
    partition: Annotated[
        str | None, typer.Option(metavar="KEY", help="Only what names this partition, for example 2026-01-31.")
    ] = None,
    limit: Limit = 20,
) -> None:
    """Show what was observed and materialized, and what failed."""
    from upwell_operator.cli.history import show_events

    asyncio.run(show_events(to, asset, limit, sorts, since, partition))


def versions(
    to: Connection,
    asset: Asset,
    built_from: Annotated[
        str | None, typer.Option(metavar="VERSION", help="Show all that was built from this one, however far down.")
    ] = None,
    limit: Limit = 20,
) -> None:
    """Show the data versions that an asset has had, and what was built from each.

    A version may be given by its beginning, where only one has it.
    """
    from upwell_operator.cli.versions import show, show_built_from

    asyncio.run(show(to, asset, limit) if built_from is None else show_built_from(to, asset, built_from))


def partitions(to: Connection, asset: Asset, limit: Limit = 50) -> None:
    """Show the partitions of an asset, the newest first: the version of each, and since when it has it."""
    from upwell_operator.cli.history import show_partitions

    asyncio.run(show_partitions(to, asset, limit))


def why(
    to: Connection,
    subject: Annotated[
        str,
        typer.Argument(
            metavar="ASSET|SCHEDULE", help="Name or key of an asset, or name of a Schedule (or schedule/NAME)."
        ),
    ],
    limit: Limit = 10,
) -> None:
    """Explain why an asset is as it is, or what became of a Schedule's ticks.

    An asset's verdict, the causes with the path to where they began, and what was last decided about it. A Schedule's
    next five ticks, and why the last ones fired or were skipped.
    """
    from upwell_operator.cli.why import explain

    asyncio.run(explain(to, subject, limit))


def runs(
    to: Connection,
    asset: Annotated[str | None, typer.Argument(metavar="[ASSET]", help="Only runs of this asset.")] = None,
    limit: Limit = 20,
    everywhere: All = False,
) -> None:
    """Show runs, the newest first."""
    from upwell_operator.cli.history import show_runs

    asyncio.run(show_runs(to, asset, limit, everywhere=everywhere))


def logs(to: Connection, run: Annotated[str, typer.Argument(metavar="RUN", help="Name of a run.")]) -> None:
    """Print the end of a run's log."""
    from upwell_operator.cli.history import show_log

    asyncio.run(show_log(to, run))


def graph(
    to: Connection,
    everywhere: All = False,
    selection: Selection = None,
    draw: Annotated[
        Drawing, typer.Option("--format", "-f", help="How to draw it: text, mermaid or json.")
    ] = Drawing.TEXT,
) -> None:
    """Draw the lineage: what is built from what."""
    from upwell_operator.cli.graph import show

    if selection is not None and everywhere:
        raise CommandError("a --selection selects in one namespace; leave -A out", Code.USAGE)
    asyncio.run(show(to, draw.value, selection, everywhere=everywhere))
