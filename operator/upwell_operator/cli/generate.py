"""`upwell generate`: everything in the repository that is made from the code, written or compared.

`documents` is pure and gives every file with its text, `mixed` those of which only a part is generated; tests compare
them with what is committed, so that plain `pytest` catches what was forgotten.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import typer

from upwell_operator.cli import chart, cli_reference
from upwell_operator.cli.exits import CommandError
from upwell_operator.resources import crds, reference
from upwell_operator.server.app import openapi_document
from upwell_operator.server.reference import http_reference


@cache
def documents() -> dict[str, str]:
    """Give every generated file by its path from the root of the repository."""
    from upwell_operator.cli.app import app  # noqa: PLC0415 - the application knows this verb, so it cannot come first

    return {
        **{f"crds/{name}": text for name, text in crds.render().items()},
        **reference.render(),
        "docs/reference/http.md": http_reference(openapi_document()),
        "docs/reference/cli.md": cli_reference.render(app),
        **chart.render(),
    }


def mixed(root: Path) -> dict[str, str]:
    """Give the files that are written by hand but for a part of them: the chart's README, with its table of values."""
    folder = root / chart.CHART
    if not (folder / "README.md").exists():
        return {}
    text, values = ((folder / name).read_text(encoding="utf8") for name in ("README.md", "values.yaml"))
    return {f"{chart.CHART}/README.md": chart.readme(text, values)}


def differing(root: Path) -> dict[str, str]:
    """Give the files whose text is not what it should be."""
    return {name: text for name, text in (documents() | mixed(root)).items() if _read(root / name) != text}


def write(root: Path, *, check: bool) -> None:
    """Write the files that differ, or only name them. Raises CommandError when `check` finds one."""
    if not (root / "operator" / "upwell_operator").is_dir():
        raise CommandError(f"{root.resolve()} is not the root of Upwell's repository; give its folder")
    stale = differing(root)
    if check and stale:
        raise CommandError(f"not as generated: {', '.join(stale)}; run `make generate`")
    for name, text in stale.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf8")
        typer.echo(f"wrote {name}")


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf8") if file.is_file() else None
