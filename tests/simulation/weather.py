"""What goes wrong, and how often: drawn from the seed once, so that a failing seed has a character that can be read.

A `Weather` is the chances; a `Storm` is what is wrong now (outages that begin and end). `calm` ends it all.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, fields
from random import Random


@dataclass(frozen=True)
class Weather:
    """Chances, each for one thing that may go wrong; a seed has few of them."""

    operators: int = 1
    crash_calls: int = 0
    """An operator dies about every so many calls; 0: never."""
    pause: float = 0.0
    """Chance for a call to take up to a minute: a paused process, a slow network."""
    cluster_fails: float = 0.0
    store_fails: float = 0.0
    conflicts: float = 0.0
    drop: float = 0.0
    double: float = 0.0
    late: float = 0.0
    outages: int = 0
    """Periods in which the store answers nobody."""
    flushes: int = 0
    fenced: bool = False
    """Operators take an epoch when they start; the one before them runs on for a while."""
    job_deletions: int = 0
    lost_pods: float = 0.0
    slots: int = 0
    """maxConcurrentRuns; 0: no limit."""

    def __str__(self) -> str:
        """Name what is out of the ordinary."""
        chances = ((one.name, getattr(self, one.name), one.default) for one in fields(self))
        return " ".join(f"{name}={chance:.3g}" for name, chance, default in chances if chance != default)


def forecast(dice: Random) -> Weather:
    """Draw the weather of one seed: each thing is absent in most seeds, so that faults are also seen alone."""

    def some(chance: float, least: float, most: float) -> float:
        return dice.uniform(least, most) if dice.random() < chance else 0.0

    operators = dice.choice((1, 1, 1, 2, 3))
    flushes = int(dice.random() < 0.1)
    return Weather(
        operators=operators,
        crash_calls=int(some(0.5, 15, 120)),
        pause=some(0.25, 0.002, 0.02),
        cluster_fails=some(0.35, 0.01, 0.1),
        store_fails=some(0.35, 0.01, 0.1),
        conflicts=some(0.25, 0.01, 0.1),
        drop=some(0.3, 0.02, 0.3),
        double=some(0.3, 0.02, 0.3),
        late=some(0.3, 0.02, 0.3),
        outages=dice.choice((0, 0, 1)),
        flushes=flushes,
        fenced=operators == 1 and dice.random() < 0.3,
        job_deletions=dice.choice((0, 0, 0, 0, 2)),
        lost_pods=some(0.1, 0.1, 0.5),
        slots=dice.choice((0, 0, 1, 2)),
    )


@dataclass
class Storm:
    """What is wrong at this moment."""

    weather: Weather
    over: bool = False
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while the store is away."""

    @property
    def store_down(self) -> bool:
        """Say whether the store is away."""
        return self.gone.is_set()

    @property
    def now(self) -> Weather:
        """Give the chances that hold now."""
        return CALM if self.over else self.weather


CALM = Weather()
