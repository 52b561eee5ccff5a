"""Verbs for who writes definitions: lint."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from upwell_operator.cli.options import Format, Namespace, Output


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    app.command()(lint)


def lint(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH", help="Manifests, or folders with them.")],
    namespace: Namespace = "default",
    output: Output = Format.TABLE,
) -> None:
    """Say what a cluster would refuse, without one.

    A line for each mistake, with file and line; exit code 1 if there is one. Other kinds are counted only.
    """
    from upwell_operator.cli.linting import check

    check(paths, namespace=namespace, output=output)
