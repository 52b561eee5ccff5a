"""What became of definitions that no manifest holds: told one by one, and written as a page beside the manifests.

Limits: nothing here decides; who translates a part of a definition tells what it could not say.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum


class Fate(StrEnum):
    """What became of it; the value is the heading under which it is told."""

    LEFT_OUT = "Has no counterpart"
    DIFFERS = "Works differently"
    IN_POD = "Works inside the runs, and in no manifest"


_ABOUT = {
    Fate.LEFT_OUT: "Nothing in the manifests does this.",
    Fate.DIFFERS: "The manifests have a counterpart; this is where it is not the same.",
    Fate.IN_POD: "A run executes the asset with Dagster in its pod, so these do there what they always did.",
}


@dataclass(frozen=True, slots=True, order=True)
class Leftover:
    """One part of a definition that no manifest holds."""

    what: str
    where: str
    why: str
    instead: str


@dataclass(slots=True)
class Leftovers:
    """All of them, told as they are met."""

    told: dict[Fate, list[Leftover]] = field(default_factory=lambda: {fate: [] for fate in Fate})

    def left_out(self, what: str, where: str, why: str, instead: str) -> None:
        """Tell of what is nowhere in the manifests."""
        self.told[Fate.LEFT_OUT].append(Leftover(what, where, why, instead))

    def differs(self, what: str, where: str, why: str, instead: str) -> None:
        """Tell of what is there, and not the same."""
        self.told[Fate.DIFFERS].append(Leftover(what, where, why, instead))

    def in_pod(self, what: str, where: str, why: str, instead: str) -> None:
        """Tell of what Dagster does inside a run."""
        self.told[Fate.IN_POD].append(Leftover(what, where, why, instead))


def page(source: str, counts: str, leftovers: Leftovers) -> str:
    """Write the report: the same bytes for the same leftovers."""
    head = (
        f"<!-- Compiled by `upwell compile --from-dagster` from {source}: change that and compile again. -->\n\n"
        f"# What became of {source}\n\nWritten: {counts}.\n"
    )
    parts = [_section(fate, set(found)) for fate, found in leftovers.told.items() if found]
    return "\n".join([head, *parts]) if parts else f"{head}\nEverything has a counterpart.\n"


def _section(fate: Fate, found: Iterable[Leftover]) -> str:
    rows = [_row(one.what, one.where, one.why, one.instead) for one in sorted(found)]
    head = [_row("what", "where", "why", "what to do"), "|---|---|---|---|\n"]
    return f"## {fate.value}\n\n{_ABOUT[fate]}\n\n{''.join([*head, *rows])}"


def _row(*cells: str) -> str:
    return f"| {' | '.join(_cell(text) for text in cells)} |\n"


def _cell(text: str) -> str:
    """Write text as one cell: a bar or a new line would end it."""
    return " ".join(text.replace("|", "\\|").split())
