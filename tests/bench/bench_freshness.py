"""P2: freshness of a graph of 10,000 assets after its root has changed, and a cold start.

Ours: `Graph.put` and `propagate`, as the operator calls them, with the garbage collector as it has it: put off while a
world is read, leaving out what is there afterwards. The median and the best of some rounds (on a busy machine the best
is nearer to the truth), and processor time. Reference, if `--dagster-python` names an interpreter that can
import Dagster: its own resolver on the same graph in the same run; else the documented figures, marked as such.

    python tests/bench/bench_freshness.py [--assets 10000] [--rounds 5] [--dagster-python PATH]
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from figures import Figure, finish, options, say

from upwell.protocol import InputVersion
from upwell_operator.domain.graph import Graph
from upwell_operator.domain.snapshot import (
    Asset,
    AssetId,
    AssetKind,
    AssetState,
    Materialization,
    Observation,
    Ref,
)
from upwell_operator.domain.staleness import Verdict, propagate
from upwell_operator.handlers import collecting

NOW = datetime(2026, 11, 22, tzinfo=UTC)
BAR_CHANGE, BAR_COLD = 0.100, 1.0
DOCUMENTED = {"cold": 80.0, "prefetched": 2.5}
"""Dagster 1.13 on two shared cores, as the design records it; printed only where it cannot be measured."""
MODES = {"cold start": "cold", "root changed: all turn stale": "prefetched"}
"""Which of Dagster's modes stands beside which of ours."""
Edges = dict[str, list[str]]


def layered(size: int, seed: int = 7) -> Edges:
    """Make a graph in which all is downstream of `a0` and each asset has two deps among the hundred before it."""
    dice = random.Random(seed)
    names = [f"a{place}" for place in range(size)]
    return {
        name: [names[i] for i in sorted(dice.sample(range(max(0, at - 100), at), min(2, at)))]
        for at, name in enumerate(names)
    }


def chain(size: int) -> Edges:
    """Make one long row of assets."""
    return {f"a{place}": [f"a{place - 1}"] if place else [] for place in range(size)}


class Ours:
    """The operator's own view of one graph."""

    def __init__(self, edges: Edges, order: list[str]) -> None:
        self.assets = [self._asset(name, edges[name]) for name in order]
        self.states = {AssetId("shop", name): self._state(edges[name]) for name in order}

    def _asset(self, name: str, deps: list[str]) -> Asset:
        kind = AssetKind.DERIVED if deps else AssetKind.SOURCE
        upstream = tuple(Ref("shop", dep) for dep in deps)
        return Asset(Ref("shop", name), uid=name, key=name, kind=kind, deps=upstream, created_at=NOW)

    def _state(self, deps: list[str]) -> AssetState:
        if not deps:
            return AssetState(version="v1", observation=Observation(NOW, "v1"))
        inputs = tuple(InputVersion(dep, dep, "v1") for dep in deps)
        return AssetState(version="v1", materialization=Materialization(NOW, "v1", inputs=inputs))

    def cold(self) -> int:
        """Take in everything and judge everything; gives how many got a verdict."""
        self.graph, self.verdicts = Graph(), dict[Ref, Verdict]()
        dirty: set[Ref] = set()
        for asset in self.assets:
            dirty |= self.graph.put(asset)
        return len(propagate(self.graph, self.states, self.verdicts, dirty, NOW))

    def change(self, version: str) -> int:
        """Let the root have this version and follow what comes of it; gives how many verdicts changed."""
        root = Ref("shop", "a0")
        self.states[AssetId(*root)] = AssetState(version=version, observation=Observation(NOW, version))
        return len(propagate(self.graph, self.states, self.verdicts, [root], NOW))


@dataclass(frozen=True)
class Time:
    """What some rounds of one thing took, in seconds."""

    what: str
    bar: float
    walls: list[float]
    cpus: list[float]

    def figure(self, graph: str, reference: float | None, *, documented: bool) -> Figure:
        """Give the line of the table; the median counts."""
        took = statistics.median(self.walls)
        say(f"  {graph}: {self.what}: best {min(self.walls):.3f} s, CPU {statistics.median(self.cpus):.3f} s")
        bar, seen = f"<= {self.bar * 1000:,.0f} ms", reference and reference * 1000
        return Figure(f"P2 {graph}: {self.what}", took * 1000, "ms", seen, bar, took <= self.bar, documented)


def timed(rounds: int, size: int, what: str, bar: float, *actions: Callable[[], int]) -> list[Time]:
    """Run these actions in turn, some rounds of each; the collector runs between them and stays on within."""
    times = [Time(name, bar, [], []) for name in what.split("; ")]
    for _ in range(rounds):
        for time_of, action in zip(times, actions, strict=True):
            gc.collect()
            wall, cpu = time.perf_counter(), time.process_time()
            changed = action()
            time_of.walls.append(time.perf_counter() - wall)
            time_of.cpus.append(time.process_time() - cpu)
            if changed != size:
                sys.exit(f"{time_of.what}: {changed} of {size} verdicts changed")
    return times


def ours(edges: Edges, order: list[str], rounds: int) -> Iterator[Time]:
    """Measure our side on one graph."""
    view = Ours(edges, order)
    collecting.put_off()
    yield from timed(rounds, len(order), "cold start", BAR_COLD, view.cold)
    collecting.leave_out()
    what = "root changed: all turn stale; root changed back: all are fresh"
    yield from timed(rounds, len(order), what, BAR_CHANGE, lambda: view.change("v2"), lambda: view.change("v1"))


def graphs(size: int) -> dict[str, tuple[Edges, list[str]]]:
    """Give the graphs that are measured, with the order in which their assets are put."""
    wide, row = layered(size), chain(size)
    shuffled = random.Random(8).sample(list(wide), size)
    return {
        f"{size} assets, 2 deps each": (wide, list(wide)),
        f"{size} assets, 2 deps each, put in any order": (wide, shuffled),
        f"chain of {size}": (row, list(row)),
        f"chain of {size}, put backwards": (row, list(row)[::-1]),
    }


def dagster(python: str, edges: Edges) -> dict[str, float]:
    """Measure Dagster's resolver on the same graph with its own interpreter; gives seconds by mode."""
    script = Path(__file__).with_name("dagster_freshness.py")
    done = subprocess.run([python, str(script)], input=json.dumps(edges), capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"Dagster could not be measured:\n{done.stderr[-2000:]}")
    return dict(json.loads(done.stdout.splitlines()[-1]))


def measured(chosen: argparse.Namespace) -> Iterator[Figure]:
    """Measure every graph; the root's change of the first one stands beside Dagster's resolver."""
    for place, (graph, (edges, order)) in enumerate(graphs(chosen.assets).items()):
        first = place == 0
        reference = (dagster(chosen.dagster_python, edges) if chosen.dagster_python else DOCUMENTED) if first else {}
        for one in ours(edges, order, chosen.rounds):
            seconds = reference.get(MODES.get(one.what, ""))
            yield one.figure(graph, seconds, documented=first and not chosen.dagster_python)


def main() -> int:
    """Measure and print; 1 if a bar is missed."""
    parser = options(__doc__)
    parser.add_argument("--assets", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dagster-python", metavar="PATH", help="an interpreter that can import dagster")
    chosen = parser.parse_args()
    return finish(list(measured(chosen)), chosen)


if __name__ == "__main__":
    sys.exit(main())
