"""Verbs about an installation: crds, doctor, report, generate."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from upwell_operator.cli.options import Connection, Format, Output, user_verb
from upwell_operator.cli.verbs.serve import Context, Kubeconfig, RedisUrl


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    app.command()(crds)
    app.command()(doctor)
    app.command()(user_verb(report))
    app.command(hidden=True)(generate)


def crds() -> None:
    """Print the kinds, for `kubectl apply`.

    upwell crds | kubectl apply --server-side -f -
    """
    from upwell_operator.resources.crds import render

    typer.echo("---\n".join(render().values()), nl=False)


def doctor(
    kubeconfig: Kubeconfig = None,
    context: Context = None,
    redis_url: RedisUrl = None,
    output: Output = Format.TABLE,
) -> None:
    """Say what is wrong here, and what to do."""
    from upwell_operator.cli.doctor import examine
    from upwell_operator.cli.processes import settings

    asyncio.run(examine(settings({"redis_url": redis_url}), kubeconfig=kubeconfig, context=context, output=output))


def report(
    to: Connection,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to write it; by default here.")] = None,
    everywhere: Annotated[bool, typer.Option("--all-namespaces", "-A", help="About all namespaces.")] = False,
    logs: Annotated[bool, typer.Option("--logs", help="With logs of failed runs, which may hold anything.")] = False,
) -> None:
    """Write a support bundle: resources, runs and decisions in one ZIP, without what may be a secret."""
    from upwell_operator.cli.reporting import report as write

    asyncio.run(write(to, file, everywhere=everywhere, logs=logs))


def generate(
    root: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Root of the repository.")] = Path(),
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail when a file differs.")] = False,
) -> None:
    """Write what is generated: crds/, the chart's part of it, and the reference pages."""
    from upwell_operator.cli.generate import write

    write(root, check=check)
