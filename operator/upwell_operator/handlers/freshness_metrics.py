"""Freshness for Prometheus: how many assets are what, and how many runs go on and wait.

Counted when somebody asks, so that a change of ten thousand verdicts costs nothing here. Labels are bounded: namespace,
kind, and the words of the condition Fresh; never an asset's name.

Limits: only the replica that leads judges; the others have no verdicts, and give no series.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from upwell_operator.domain.world import World

FRESHNESS, LATE, HELD = "upwell_assets_by_freshness", "upwell_assets_late", "upwell_assets_held"
RUNNING, WAITING = "upwell_materializations_running", "upwell_materializations_waiting"


class Freshness(Collector):
    """Counts what the world says at this moment."""

    def __init__(self, world: World) -> None:
        self._world = world

    def describe(self) -> list[GaugeMetricFamily]:
        """Give no metric beforehand: registering must not count."""
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Give the five families."""
        labels = ["namespace", "kind", "status", "reason"]
        assets = GaugeMetricFamily(FRESHNESS, "Assets by what their condition Fresh says.", labels=labels)
        for words, count in self._assets().items():
            assets.add_metric(words, count)
        yield assets
        late = Counter(ref.namespace for ref, verdict in self._world.verdicts.items() if verdict.late)
        yield _by_namespace(LATE, "Assets that exceed freshness.maximumLag, whatever else Fresh says.", late)
        yield _by_namespace(HELD, "Assets of which a guard holds a version, until a person decides.", self._held())
        runs, slots = self._world.runs, self._world.slots
        running = Counter(run.namespace for run in runs.building())
        yield _by_namespace(RUNNING, "Materializations whose Jobs are not over.", running)
        yield _by_namespace(WAITING, "Materializations that wait for a slot (maxConcurrentRuns).", slots.waiting())

    def _assets(self) -> Counter[tuple[str, str, str, str]]:
        found: Counter[tuple[str, str, str, str]] = Counter()
        for ref, verdict in self._world.verdicts.items():
            asset = self._world.graph.get(ref)
            if asset is not None:
                found[ref.namespace, asset.kind.value, verdict.fresh, verdict.reason.value] += 1
        return found

    def _held(self) -> Counter[str]:
        states = self._world.states.items()
        return Counter(data.namespace for data, state in states if state.arrived and state.arrived.held)


def _by_namespace(name: str, words: str, counts: Counter[str]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=["namespace"])
    for namespace, count in counts.items():
        family.add_metric([namespace], count)
    return family
