"""A wave through the graph: from some nodes downstream in topological order, only as far as somebody lets it spread.

Every node comes after all its upstream that the wave touches, and once. The wave comes level by level: nodes of one
level are independent of each other, and in order of their names, so that the same change gives the same sequence.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from operator import attrgetter

from upwell_operator.domain.node import Node

_NAME = attrgetter("ref")


class Wave(Iterator[list[Node]]):
    """Iterate over the levels reached; `spread` while iterating lets the wave go on below some nodes.

    Members of a cycle come in any order.
    """

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._buckets: dict[int, list[Node]] = {}
        self._heap: list[int] = []
        self._met: set[Node] = set()
        self._add((nodes,))

    def __next__(self) -> list[Node]:
        if not self._heap:
            raise StopIteration
        bucket = self._buckets.pop(heappop(self._heap))
        bucket.sort(key=_NAME)
        return bucket

    def spread(self, nodes: Iterable[Node]) -> None:
        """Let the wave reach the direct downstream of these nodes."""
        self._add(node.down for node in nodes)

    def _add(self, groups: Iterable[Iterable[Node]]) -> None:
        met, buckets = self._met, self._buckets
        for group in groups:
            for node in group:
                if node in met:
                    continue
                met.add(node)
                level = node.level
                if level in buckets:
                    buckets[level].append(node)
                else:
                    buckets[level] = [node]
                    heappush(self._heap, level)
