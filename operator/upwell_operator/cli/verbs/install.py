"""Verbs about an installation: crds, doctor, generate."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer

from upwell_operator.cli.options import Format, Output
from upwell_operator.cli.verbs.serve import Context, Kubeconfig, RedisUrl


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    app.command()(crds)
    app.command()(doctor)
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


def generate(
    root: Annotated[Path, typer.Argument(metavar="[FOLDER]", help="Root of the repository.")] = Path(),
    check: Annotated[bool, typer.Option("--check", help="Change nothing; fail when a file differs.")] = False,
) -> None:
    """Write what is generated: crds/ and the reference pages."""
    from upwell_operator.cli.generate import write

    write(root, check=check)
