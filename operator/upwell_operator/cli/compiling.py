"""`upwell compile`: where manifests go, and what is said about them; `authoring.compiling` makes them."""

from __future__ import annotations

from pathlib import Path

import typer

from upwell_operator.authoring import folder
from upwell_operator.authoring.compiling import Compiled, Wanted, compiled
from upwell_operator.authoring.dagster_import.reading import need_dagster
from upwell_operator.authoring.writing import stream
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.output import utc_now


def to_stream(wanted: Wanted, *, check: bool) -> None:
    """Print manifests. Raises CommandError (usage) for what needs a folder."""
    if check:
        raise CommandError("--check compares a folder; give it with --output", Code.USAGE)
    if wanted.with_code or not (wanted.image or wanted.from_dagster):
        raise CommandError(
            "code in a ConfigMap needs a folder for kustomize; give --output DIR, or --image if one holds the code",
            Code.USAGE,
        )
    found = _found(wanted)
    _say(found)
    if found.report:
        typer.echo(found.report, err=True)
    typer.echo(stream(found.source, found.made), nl=False)


def to_folder(wanted: Wanted, output: Path, *, check: bool) -> None:
    """Write the folder, or only compare it. Raises CommandError when `check` finds a difference."""
    found = _found(wanted)
    texts = folder.texts(found, wanted.namespace, output)
    _say(found)
    if check:
        differing = folder.differing(output, texts)
        if differing:
            raise CommandError(f"not as compiled: {', '.join(differing)} in {output}; compile again")
        return
    for name in folder.write(output, texts):
        typer.echo(f"wrote {output / name}")


def _found(wanted: Wanted) -> Compiled:
    if not wanted.from_dagster:
        return compiled(wanted, utc_now())
    need_dagster()
    from upwell_operator.authoring.dagster_import.importing import imported  # noqa: PLC0415 - it needs Dagster

    return imported(wanted, utc_now())


def _say(found: Compiled) -> None:
    for note in found.notes:
        typer.echo(f"note: {note}", err=True)
