"""How results are printed: aligned columns for people, JSON and YAML for scripts.

Columns are kubectl's: upper-case heads, three spaces, nothing cut off, no frame, so that `awk` reads them as well as an
eye does. Colour only on a terminal, and never where it would carry meaning alone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import typer

from upwell_operator.cli.options import Format

_COLOURS = {
    "True": "green", "False": "red", "Unknown": "yellow",
    "Succeeded": "green", "Failed": "red", "Active": "cyan",
    "Changed": "green", "Materialized": "green", "Unchanged": "bright_black",
    "ok": "green", "not ok": "red",
}  # fmt: skip
_UNITS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))
_TWO_DIGITS_FROM = 10


def emit(output: Format, data: Any, lines: Callable[[], Sequence[str]]) -> None:
    """Print data as JSON or YAML, or the lines of its table."""
    if output is Format.JSON:
        typer.echo(json.dumps(data, indent=2, ensure_ascii=False))
    elif output is Format.YAML:
        import yaml  # noqa: PLC0415 - only who asks for YAML pays for it

        typer.echo(yaml.safe_dump(data, sort_keys=False, allow_unicode=True).rstrip())
    else:
        for line in lines():
            typer.echo(line)


def listing(items: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Give a list in Kubernetes' shape, as kubectl prints several objects."""
    return {"apiVersion": "v1", "kind": "List", "items": list(items)}


def columns(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Align rows under their heads; an empty cell is `-`. No rows: no lines, since heads without rows say nothing."""
    if not rows:
        return []
    cells = [list(head), *([one_line(cell) for cell in row] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(head))]
    return [_line(line, widths, coloured=number > 0) for number, line in enumerate(cells)]


def _line(cells: Sequence[str], widths: Sequence[int], *, coloured: bool) -> str:
    padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
    padded[-1] = cells[-1]
    if not coloured:
        return "   ".join(padded)
    return "   ".join(paint(text, cell) for text, cell in zip(padded, cells, strict=True))


def paint(text: str, word: str | None = None) -> str:
    """Colour a text by what its word means; typer takes colours away where nobody sees them, NO_COLOR everywhere."""
    colour = None if "NO_COLOR" in os.environ else _COLOURS.get(word if word is not None else text)
    return typer.style(text, fg=colour) if colour else text


def one_line(value: object) -> str:
    """Give a cell's text without line breaks."""
    return " ".join(str(value).split()) if value not in (None, "") else "-"


def age(time: str | None, now: datetime) -> str:
    """Give how long ago an RFC 3339 time was, as kubectl does: `5s`, `3m12s`, `2h`."""
    if not time:
        return ""
    return span((now - datetime.fromisoformat(time)).total_seconds())


def span(seconds: float) -> str:
    """Give a duration in at most two units, the second only while the first is small."""
    rest = max(0, int(seconds))
    for (unit, size), (next_unit, next_size) in pairwise(_UNITS):
        if rest >= size:
            first, second = rest // size, rest % size // next_size
            return f"{first}{unit}{second}{next_unit}" if second and first < _TWO_DIGITS_FROM else f"{first}{unit}"
    return f"{rest}s"


def utc_now() -> datetime:
    """Give the time; the only place of this package where it is asked for."""
    return datetime.now(UTC)
