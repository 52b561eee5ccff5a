"""`upwell compile`: where manifests go, and what is said about them; `authoring.compiling` makes them."""

from __future__ import annotations

from pathlib import Path

import typer

from upwell_operator.authoring import folder
from upwell_operator.authoring.compiling import Compiled, Wanted, compiled
from upwell_operator.authoring.writing import stream
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.output import utc_now


def to_stream(wanted: Wanted, *, check: bool) -> None:
    """Print manifests. Raises CommandError (usage) for what needs a folder."""
    if check:
        raise CommandError("--check compares a folder; give it with --output", Code.USAGE)
    if wanted.with_code or not wanted.image:
        raise CommandError(
            "code in a ConfigMap needs a folder for kustomize; give --output DIR, or --image if one holds the code",
            Code.USAGE,
        )
    found = compiled(wanted, utc_now())
    _say(found)
    typer.echo(stream(found.source, found.made), nl=False)


def to_folder(wanted: Wanted, output: Path, *, check: bool) -> None:
    """Write the folder, or only compare it. Raises CommandError when `check` finds a difference."""
    found = compiled(wanted, utc_now())
    texts = folder.texts(found.source, found.made, found.code, wanted.namespace, output)
    _say(found)
    if check:
        differing = folder.differing(output, texts)
        if differing:
            raise CommandError(f"not as compiled: {', '.join(differing)} in {output}; compile again")
        return
    for name in folder.write(output, texts):
        typer.echo(f"wrote {output / name}")


def _say(found: Compiled) -> None:
    for note in found.notes:
        typer.echo(f"note: {note}", err=True)
