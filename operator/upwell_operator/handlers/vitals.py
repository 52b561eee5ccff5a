"""Is the operator well: the age of each watch, the length of the queue, who leads. Read by `/readyz` and `/metrics`.

A watch over objects that never change is silent for good reasons, so silence alone proves nothing. What proves a dead
watch is news that a full pass found and the watch did not bring for a while after it (a list may simply have been
faster): then the operator is not ready until it is heard again.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter, Gauge

GRACE_SECONDS = 10.0
"""How much later than a full list a watch may bring the same."""


class Check(NamedTuple):
    """Whether one thing is well, and the words for it."""

    ok: bool
    message: str


class Vitals:
    """Signs of life, as they come in."""

    def __init__(
        self, resources: tuple[str, ...], registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._clock, self._began = clock, clock()
        self._heard: dict[str, float] = {}
        self._missed: dict[str, float] = {}
        self._resources = resources
        age = Gauge(
            "upwell_watch_last_event_age_seconds", "Age of the last event of a watch.", ["resource"], registry=registry
        )
        for one in resources:
            age.labels(one).set_function(partial(self.age, one))
        self._events = Counter("upwell_watch_events", "Events that watches brought.", ["resource"], registry=registry)
        self._errors = Counter(
            "upwell_watch_errors", "Events that could not be taken in.", ["resource"], registry=registry
        )
        self._found = Counter(
            "upwell_watch_missed_events",
            "Objects that a full pass found changed before the watch told.",
            ["resource"],
            registry=registry,
        )

    def heard(self, resource: str) -> None:
        """Take a sign of life of a watch."""
        self._heard[resource] = self._clock()
        self._events.labels(resource).inc()

    def deafened(self, resource: str) -> None:
        """Count an event that could not be taken in."""
        self._errors.labels(resource).inc()

    def missed(self, resource: str, count: int) -> None:
        """Take in how many objects a full pass found changed that the watch had not told of."""
        if count:
            if not self._deaf(resource):
                self._missed[resource] = self._clock()
            self._found.labels(resource).inc(count)

    def age(self, resource: str) -> float:
        """Give the seconds since the last event of a watch, or since the start."""
        return self._clock() - self._heard.get(resource, self._began)

    def checks(self) -> Mapping[str, Check]:
        """Give the state of every watch."""
        return {f"watch-{one}": self._watch(one) for one in self._resources}

    def _deaf(self, resource: str) -> bool:
        """Say whether nothing was heard since something was missed."""
        missed = self._missed.get(resource)
        return missed is not None and self._heard.get(resource, self._began) < missed

    def _watch(self, resource: str) -> Check:
        if self._deaf(resource) and self._clock() - self._missed[resource] > GRACE_SECONDS:
            return Check(ok=False, message=f"a full pass found changes that the watch of {resource} had not told of")
        return Check(ok=True, message=f"last event {self.age(resource):.0f} s ago")
