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


def table(figures: Sequence[Figure]) -> str:
    """Give the figures as a table."""
    rows = [f"{'name':50}{'ours':>16}{'reference':>12}{'ratio':>9}  {'bar':12}ok"]
    for one in figures:
        ours = f"{one.ours:,.1f} {one.unit}"
        reference = f"{one.reference:,.1f}{'*' if one.documented else ' '}" if one.reference else ""
        ratio = f"{one.ratio:.3f}" if one.ratio else ""
        verdict = ("yes" if one.ok else "NO") if one.bar else ""
        rows.append(f"{one.name:50}{ours:>16}{reference:>12}{ratio:>9}  {one.bar:12}{verdict}")
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
