"""Cycles: which nodes depend on themselves, and along which path.

Tarjan's algorithm without recursion, because a chain of 20,000 assets is legal. Its components come out with everything
downstream of them already out, so the same walk gives a topological order for free.

Limits: this module knows edges and nothing about assets.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)


def components(starts: Iterable[T], edges: Callable[[T], Iterable[T]]) -> list[list[T]]:
    """Give the strongly connected components of all that `starts` reach along `edges`, what is reached first.

    A component of one is an ordinary node (or one that depends on itself); a larger one is a cycle.
    """
    walk = _Walk(edges)
    for start in starts:
        if start not in walk.index:
            walk.visit(start)
    return walk.found


class _Walk(Generic[T]):
    """One run of Tarjan's algorithm; `trail` is the recursion that a textbook would use."""

    def __init__(self, edges: Callable[[T], Iterable[T]]) -> None:
        self.edges = edges
        self.index: dict[T, int] = {}
        self.low: dict[T, int] = {}
        self.stack: list[T] = []
        self.open: set[T] = set()
        self.found: list[list[T]] = []

    def visit(self, start: T) -> None:
        trail = [(start, self._enter(start))]
        while trail:
            here, rest = trail[-1]
            there = self._step(here, rest)
            if there is not None:
                trail.append((there, self._enter(there)))
                continue
            trail.pop()
            if trail:
                above = trail[-1][0]
                self.low[above] = min(self.low[above], self.low[here])
            if self.low[here] == self.index[here]:
                self._close(here)

    def _enter(self, node: T) -> Iterator[T]:
        self.index[node] = self.low[node] = len(self.index)
        self.stack.append(node)
        self.open.add(node)
        return iter(self.edges(node))

    def _step(self, here: T, rest: Iterator[T]) -> T | None:
        """Give the next neighbour that was not visited, if there is one; note those that are still open."""
        for there in rest:
            if there not in self.index:
                return there
            if there in self.open:
                self.low[here] = min(self.low[here], self.index[there])
        return None

    def _close(self, here: T) -> None:
        component: list[T] = []
        while not component or component[-1] != here:
            component.append(self.stack.pop())
        self.open.difference_update(component)
        self.found.append(component)


@dataclass(slots=True, eq=False)
class Cycle(Generic[T]):
    """Nodes that all depend on each other. A path through each is found when somebody asks, once for all on it.

    The paths are those of the order of `members`, whoever is asked about first: the same cycle has the same words.
    """

    members: list[T]
    rings: dict[T, tuple[list[T], int]] = field(default_factory=dict)

    def through(self, node: T, upstream: Callable[[T], Iterable[T]]) -> tuple[list[T], int]:
        """Give a closed path along the dependencies of members, and this member's place on it."""
        if not self.rings:
            self._find(upstream)
        return self.rings[node]

    def _find(self, upstream: Callable[[T], Iterable[T]]) -> None:
        among = frozenset(self.members)
        for start in self.members:
            ring = [] if start in self.rings else _ring(start, among, upstream)
            for place, member in enumerate(ring):
                self.rings.setdefault(member, (ring, place))


def _ring(start: T, members: frozenset[T], upstream: Callable[[T], Iterable[T]]) -> list[T]:
    """Search breadth-first from `start` until an edge leads back to it; a member always has one."""
    came: dict[T, T] = {}
    queue = deque([start])
    while start not in came:
        here = queue.popleft()
        for there in upstream(here):
            if there in members and there not in came:
                came[there] = here
                queue.append(there)
    path = [came[start]]
    while path[-1] != start:
        path.append(came[path[-1]])
    return path[::-1]
