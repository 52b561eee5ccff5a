"""The reference of P2: Dagster's own resolver of staleness on a graph given on standard input, with Dagster's Python.

Its storage is a SQLite instance in a temporary folder, as `dagster dev` has it; filling it is not timed. "cold" asks
storage asset by asset; "prefetched" loads all asset records in one call before, and that call counts.
Prints one line of JSON: seconds by mode. Not a part of Upwell: it imports nothing of ours.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from dagster import (
    AssetKey,
    AssetMaterialization,
    AssetObservation,
    DagsterInstance,
    DataVersion,
    Definitions,
    asset,
    observable_source_asset,
)
from dagster._core.definitions.data_version import CachingStaleStatusResolver, StaleStatus
from dagster._core.loader import LoadingContextForTest

Edges = dict[str, list[str]]


def definitions(edges: Edges) -> Any:
    """Make the same graph of Dagster's assets; gives its asset graph."""

    def one(name: str, deps: list[str]) -> Any:
        if not deps:
            return observable_source_asset(name=name)(lambda: DataVersion("v1"))
        return asset(name=name, deps=deps, code_version="1")(lambda: None)

    assets = [one(name, deps) for name, deps in edges.items()]
    return Definitions(assets=assets).get_repository_def().asset_graph


def fill(instance: DagsterInstance, edges: Edges) -> None:
    """Report everything as materialized from version v1 of everything, and the root as observed at v2."""
    for name, deps in edges.items():
        tags = {"dagster/data_version": "v1", "dagster/code_version": "1"}
        tags |= {f"dagster/input_data_version/{dep}": "v1" for dep in deps}
        tags |= {f"dagster/input_event_pointer/{dep}": "1" for dep in deps}
        event = AssetMaterialization(name, tags=tags) if deps else AssetObservation(name, tags=tags)
        instance.report_runless_asset_event(event)
    root = next(name for name, deps in edges.items() if not deps)
    instance.report_runless_asset_event(AssetObservation(root, tags={"dagster/data_version": "v2"}))


def resolve(instance: DagsterInstance, graph: Any, edges: Edges, *, prefetch: bool) -> float:
    """Resolve the status of every asset once; gives seconds."""
    begun = time.perf_counter()
    resolver = CachingStaleStatusResolver(instance, graph, LoadingContextForTest(instance))
    keys = [AssetKey(name) for name in edges]
    if prefetch:
        resolver.instance_queryer.prefetch_asset_records(keys)
    stale = sum(resolver.get_status(key) is StaleStatus.STALE for key in keys)
    took = time.perf_counter() - begun
    roots = {name for name, deps in edges.items() if not deps}
    if stale != sum(not roots.isdisjoint(deps) for deps in edges.values()):
        sys.exit(f"Dagster found {stale} stale assets, which is not the number of the root's children")
    return took


def main() -> None:
    """Fill, measure both modes, print."""
    edges = json.load(sys.stdin)
    with DagsterInstance.local_temp() as instance:
        graph = definitions(edges)
        fill(instance, edges)
        figures = {
            mode: resolve(instance, graph, edges, prefetch=mode == "prefetched") for mode in ("cold", "prefetched")
        }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
