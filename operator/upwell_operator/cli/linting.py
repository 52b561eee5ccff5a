"""`upwell lint`: what is wrong with manifests, a line each that editors can jump to; `authoring.lint` finds it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import typer

from upwell_operator.authoring.lint import Linted, lint
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.options import Format
from upwell_operator.cli.output import emit, utc_now
from upwell_operator.cli.paths import existing
from upwell_operator.local.problems import Problem


def check(paths: Sequence[Path], *, namespace: str, output: Format) -> None:
    """Print what is wrong. Raises CommandError when something is, and for a path that does not exist (usage)."""
    found = lint(existing(paths), namespace, utc_now())
    emit(output, _data(found), lambda: [str(problem) for problem in found.problems])
    for line in _notes(found) if output is Format.TABLE else ():
        typer.echo(line, err=True)
    if found.problems:
        raise CommandError(f"{_counted(len(found.problems), 'problem')} in {_looked_at(found)}", Code.FAILED)


def _data(found: Linted) -> dict[str, Any]:
    return {
        "problems": [_entry(problem) for problem in found.problems],
        "unknown": [_entry(problem) for problem in found.unknown],
        "checked": found.checked,
        "others": found.others,
    }


def _entry(problem: Problem) -> dict[str, Any]:
    entry = {**asdict(problem), "file": str(problem.path)}
    wanted = ("file", "line", "object", "field", "reason", "message", "remedy")
    return {name: entry[name] for name in wanted if entry[name] != ""}


def _notes(found: Linted) -> Iterator[str]:
    yield from (f"not known: {problem}" for problem in found.unknown)
    if not found.problems:
        yield f"nothing is wrong with {_looked_at(found)}"


def _looked_at(found: Linted) -> str:
    others = f" (not looked at: {found.others} of other kinds)" if found.others else ""
    return f"{_counted(found.checked, 'object')}{others}"


def _counted(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"
