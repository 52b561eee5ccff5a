"""The graph of assets: who depends on whom, in what order to look at them, and what is wrong with it.

Mutable and incremental: an asset is put or removed, and only its neighbours are looked at again. An edge exists when
both ends do and the upstream one may be used from the other's namespace; a dependency on an asset that does not exist
yet becomes an edge when it appears. A bad object never affects another one: an edge that is not allowed closes no
cycle, and a cycle marks its members only.

The order is kept as levels that rise along every edge, with gaps, so that almost every change needs no rearranging.
Where one does, the part of the graph downstream of the change is arranged anew (and cycles found), once for all changes
since the graph was last asked: thousands of puts cost one walk. What that walk finds is told by `turned`.

Limits: the graph knows nothing of versions and freshness. Nothing here recurses: chains may be as long as they like.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, KeysView
from operator import attrgetter

from upwell_operator.domain.claims import Claims
from upwell_operator.domain.cycles import Cycle, components
from upwell_operator.domain.fitting import fit
from upwell_operator.domain.node import Node
from upwell_operator.domain.problems import Problem, do_not_fit, key_conflict, not_exported, not_found, on_cycle
from upwell_operator.domain.snapshot import Asset, AssetId, Ref
from upwell_operator.domain.wave import Wave

__all__ = ["Graph", "Problem"]


class Graph:
    """All accepted assets and the edges between them."""

    def __init__(self) -> None:
        self._nodes: dict[Ref, Node] = {}
        self._claims = Claims()
        self._named: dict[Ref, dict[Ref, None]] = {}
        """Who names an asset in spec.deps, whether that asset exists or not."""
        self._moved: dict[Node, None] = {}
        """Nodes whose upstream edges are others than when the graph was last arranged."""
        self._cyclic: set[Node] = set()
        self._turned: set[Ref] = set()

    def __len__(self) -> int:
        return len(self._nodes)

    def __contains__(self, ref: object) -> bool:
        return ref in self._nodes

    # Changing it

    def put(self, asset: Asset) -> set[Ref]:
        """Take in an asset, new or changed.

        Gives those whose problem, edges or verdict may be another now: itself, neighbours, rivals for its key; nothing
        if it is what it was. Members of cycles that this closed or opened are given by `turned`.
        """
        node = self._nodes.get(asset.ref)
        if node is None:
            return self._enter(Node(asset.ref, asset, asset.id))
        old, node.asset = node.asset, asset
        touched = set() if old == asset else {asset.ref}
        if (old.key, old.uid, old.created_at) != (asset.key, asset.uid, asset.created_at):
            touched |= self._claims.withdraw(node)
            node.data = asset.id
            touched |= self._claims.enter(node) | {below.ref for below in node.down}
        if old.deps != asset.deps:
            touched |= self._name(node, old.deps, asset.deps)
        if (old.partitions, old.mappings) != (asset.partitions, asset.mappings):
            fit(node)
            touched |= {below.ref for below in node.down}
            for below in node.down:
                fit(below)
        if old.export_to != asset.export_to:
            touched |= self._offer(asset.ref)
        return touched

    def remove(self, ref: Ref) -> set[Ref]:
        """Forget an asset that was deleted; gives those whose problem, edges or verdict may be another now."""
        node = self._nodes.pop(ref, None)
        if node is None:
            return set()
        touched = {ref} | self._claims.withdraw(node)
        touched |= self._name(node, node.asset.deps, ())
        touched |= self._offer(ref)
        self._moved.pop(node, None)
        self._cyclic.discard(node)
        return touched

    def turned(self) -> set[Ref]:
        """Take those that joined or left a cycle, or whose cycle may have another path, since this was last asked."""
        self._arrange()
        turned, self._turned = self._turned, set()
        return turned

    # Asking it

    def get(self, ref: Ref) -> Asset | None:
        """Give an asset by its name, if there is one."""
        node = self._nodes.get(ref)
        return node.asset if node else None

    def refs(self) -> KeysView[Ref]:
        """Give the names of all assets."""
        return self._nodes.keys()

    def node(self, ref: Ref) -> Node:
        """Give an asset with its place in the graph. Raises KeyError if it is not in it."""
        self._arrange()
        return self._nodes[ref]

    def by_id(self, data: AssetId) -> Ref | None:
        """Give the asset that holds a key, if one does: the oldest of those that claim it."""
        holder = self._claims.holder(data)
        return holder.ref if holder else None

    def data(self, ref: Ref) -> AssetId | None:
        """Give the identity of an asset's data: none if it does not exist, or an older asset holds its key."""
        node = self._nodes.get(ref)
        return None if node is None or node.lost else node.data

    def upstream(self, ref: Ref) -> tuple[Ref, ...]:
        """Give the direct dependencies that exist and may be used, in the order of spec.deps."""
        node = self._nodes.get(ref)
        return tuple(above.ref for above in node.up) if node else ()

    def downstream(self, ref: Ref) -> tuple[Ref, ...]:
        """Give those that depend directly on an asset, and may."""
        node = self._nodes.get(ref)
        return tuple(below.ref for below in node.down) if node else ()

    def problem(self, ref: Ref) -> Problem | None:
        """Say what is wrong with an asset's place in the graph, in words for its owner; None if nothing is."""
        self._arrange()
        node = self._nodes.get(ref)
        return None if node is None or node.is_sound() else self._describe(node)

    def in_order(self, refs: Iterable[Ref]) -> list[Ref]:
        """Give those of these assets that exist, each once, upstream before downstream."""
        return [node.ref for level in self.wave(refs) for node in level]

    def reach(self, refs: Iterable[Ref]) -> Iterator[Ref]:
        """Give these assets and all downstream of them, upstream before downstream; nothing is walked unasked."""
        wave = self.wave(refs)
        for level in wave:
            wave.spread(level)
            yield from (node.ref for node in level)

    def wave(self, refs: Iterable[Ref]) -> Wave:
        """Start a wave at those of these assets that exist: it spreads where its user says so."""
        self._arrange()
        return Wave(self._nodes[ref] for ref in refs if ref in self._nodes)

    # Keeping it

    def _enter(self, node: Node) -> set[Ref]:
        ref = node.ref
        self._nodes[ref] = node
        touched = self._claims.enter(node) | self._name(node, (), node.asset.deps) | self._offer(ref)
        node.level = _first_level(node)
        return touched

    def _name(self, node: Node, before: Iterable[Ref], after: Iterable[Ref]) -> set[Ref]:
        ref = node.ref
        for dep in dict.fromkeys(before):
            self._named[dep].pop(ref)
            if not self._named[dep]:
                del self._named[dep]
        for dep in after:
            self._named.setdefault(dep, {})[ref] = None
        return self._connect(node, after)

    def _offer(self, ref: Ref) -> set[Ref]:
        """Connect, or cut off, all who name this asset: it appeared, went, or changed whom it is exported to."""
        named = list(self._named.get(ref, ()))
        for reader in named:
            self._connect(self._nodes[reader], self._nodes[reader].asset.deps)
        return set(named)

    def _connect(self, node: Node, deps: Iterable[Ref]) -> set[Ref]:
        """Bring the edges into a node up to date; gives the upstream assets that gained or lost it."""
        wanted = dict.fromkeys(deps)
        old, up = node.up, tuple(self._usable(wanted, node.ref.namespace))
        node.unmet = len(up) < len(wanted)
        if up == old:
            return set()
        node.up = up
        fit(node)
        for above in old:
            del above.down[node]
        for above in up:
            above.down[node] = None
        self._moved.update(dict.fromkeys(node.cycle.members) if node.cycle else {node: None})
        return {above.ref for above in set(old) ^ set(up)}

    def _usable(self, deps: Iterable[Ref], namespace: str) -> Iterator[Node]:
        for dep in deps:
            node = self._nodes.get(dep)
            if node and (dep.namespace == namespace or not {namespace, "*"}.isdisjoint(node.asset.export_to)):
                yield node

    # Order and cycles

    def _arrange(self) -> None:
        """Arrange what has moved. Where levels rise along each edge and no cycle is known, there can be none."""
        if not self._moved:
            return
        known = bool(self._cyclic)
        starts = [node for node in self._moved if known or any(above.level >= node.level for above in node.up)]
        self._moved.clear()
        for component in reversed(components(starts, _below)):
            self._place(component)

    def _place(self, component: list[Node]) -> None:
        """Give a component its level, and mark or clear its members; all that is upstream has been placed."""
        first, inside = component[0], set(component)
        level = 1 + max((above.level for node in component for above in node.up if above not in inside), default=-1)
        cycle = Cycle(sorted(component, key=_NAME)) if len(component) > 1 or first in first.up else None
        if cycle or first.cycle:
            self._turned.update(node.ref for node in component)
            (self._cyclic.update if cycle else self._cyclic.difference_update)(component)
        for node in component:
            node.level, node.cycle = level, cycle

    # Words

    def _describe(self, node: Node) -> Problem:
        asset = node.asset
        if node.lost:
            return key_conflict(asset, self.by_id(node.data) or node.ref)
        if node.cycle:
            ring, place = node.cycle.through(node, _above)
            return on_cycle(asset, len(ring), lambda step: ring[(place + step) % len(ring)].ref)
        if not node.unmet and node.unfit:
            return do_not_fit(asset, *node.unfit)
        usable = set(self.upstream(asset.ref))
        place, dep = next((place, dep) for place, dep in enumerate(asset.deps) if dep not in usable)
        return not_exported(asset, place, dep) if dep in self._nodes else not_found(asset, place, dep)


_NAME = attrgetter("ref")


def _first_level(node: Node) -> int:
    """Give a new node a level that fits those above it, or else those below it; most often it fits both."""
    above = [one.level for one in node.up if one is not node]
    if above:
        return 1 + max(above)
    return min((one.level for one in node.down if one is not node), default=1) - 1


def _above(node: Node) -> Iterable[Node]:
    return node.up


def _below(node: Node) -> Iterable[Node]:
    return node.down
