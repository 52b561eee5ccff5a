"""Figures of benchmarks: what every script in this folder prints, and how it ends.

A script gathers figures and calls `finish`: a table for people, or one line of JSON for `report.py`; the exit code says
whether every bar was reached. What a script has to say on its way goes to standard error, so that the JSON stays alone.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table: ours against a reference, or against a bar alone.

    `documented` marks a reference that was not measured in this run. Without a bar it is information.
    """

    name: str
    ours: float
    unit: str
    reference: float | None = None
    bar: str = ""
    ok: bool = True
    documented: bool = False

    @property
    def ratio(self) -> float | None:
        return self.ours / self.reference if self.reference else None

    @property
    def cells(self) -> tuple[str, ...]:
        """Give what a table shows behind the name: ours, reference, ratio, bar, and whether it was reached."""
        mark = "*" if self.documented else ""
        reference = f"{self.reference:,.1f}{mark} {self.unit}" if self.reference else ""
        ratio = f"{self.ratio:.3f}" if self.ratio else ""
        verdict = ("reached" if self.ok else "MISSED") if self.bar else ""
        return f"{self.ours:,.1f} {self.unit}", reference, ratio, self.bar, verdict


def table(figures: Sequence[Figure]) -> str:
    """Give the figures as a table."""
    lines = [("name", "ours", "reference", "ratio", "bar", ""), *((one.name, *one.cells) for one in figures)]
    width = max(len(name) for name, *_ in lines)
    rows = [
        f"{name:{width}}{ours:>18}{reference:>18}{ratio:>9}  {bar:12}{verdict}".rstrip()
        for name, ours, reference, ratio, bar, verdict in lines
    ]
    if any(one.documented for one in figures):
        rows.append("* documented, not measured in this run")
    return "\n".join(rows)


def options(words: str | None) -> argparse.ArgumentParser:
    """Give a command line with what all scripts have."""
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print the figures as one line of JSON")
    parser.add_argument("--report", action="store_true", help="exit 0 even if a bar is missed")
    return parser


def say(words: str) -> None:
    """Tell how it goes."""
    print(words, file=sys.stderr, flush=True)


def finish(figures: Sequence[Figure], chosen: argparse.Namespace) -> int:
    """Print the figures; give the exit code: 1 if a bar was missed, unless `--report`."""
    print(json.dumps([asdict(one) for one in figures]) if chosen.json else table(figures), flush=True)
    return 0 if chosen.report or all(one.ok for one in figures) else 1
