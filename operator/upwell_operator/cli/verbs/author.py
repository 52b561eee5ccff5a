"""Verbs for who writes definitions: lint, compile."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from upwell_operator.cli.options import Format, Namespace, Output


def register(app: typer.Typer) -> None:
    """Add the verbs to the command line."""
    app.command()(lint)
    app.command(name="compile")(compile_module)


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


def compile_module(
    target: Annotated[str, typer.Argument(metavar="MODULE|PATH", help="A Python file, a package, or a module.")],
    image: Annotated[
        str | None, typer.Option(metavar="IMAGE", help="The image of the runs; by default Upwell's own, and --code.")
    ] = None,
    code: Annotated[bool, typer.Option("--code", help="Bring the code in a ConfigMap, beside an --image too.")] = False,
    template: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="YAML with fields that all runs have: volumes, env, resources and the like."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder to write; by default all goes to standard output."),
    ] = None,
    namespace: Annotated[str | None, typer.Option("--namespace", "-n", metavar="NAME", help="Their namespace.")] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail when the folder differs.")] = False,
    from_dagster: Annotated[
        bool, typer.Option("--from-dagster", help="The module's Definitions are Dagster's; needs the extra [dagster].")
    ] = False,
) -> None:
    """Write Python definitions as manifests.

    For git: the same definitions give the same bytes, and what a cluster would refuse is not written.
    """
    from upwell_operator.authoring.compiling import Wanted
    from upwell_operator.cli.compiling import to_folder, to_stream

    wanted = Wanted(target, image, code, template, namespace, from_dagster)
    if output is None:
        to_stream(wanted, check=check)
    else:
        to_folder(wanted, output, check=check)
