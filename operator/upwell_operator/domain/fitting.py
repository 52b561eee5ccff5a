"""Fitting: how the partitions of an asset's inputs belong to its own, found once for each change of a definition.

Only what Upwell builds is fitted: of what others own, nobody says what it is built from, partition by partition.
"""

from __future__ import annotations

from upwell_operator.domain.mapping import All, Edge, evident, misfit
from upwell_operator.domain.node import Node, Unfit
from upwell_operator.domain.snapshot import AssetKind


def fit(node: Node) -> None:
    """Bring the edges of a node up to date, and what is wrong with them; all its partitions are to be judged anew."""
    node.edges, node.unfit, node.cut = (), None, None
    asset = node.asset
    if asset.kind is not AssetKind.DERIVED or (asset.partitions is None and not asset.mappings):
        return
    written = dict(zip(asset.deps, asset.mappings, strict=True)) if asset.mappings else {}
    found: list[Edge | None] = []
    for above in node.up:
        up, down = above.asset.partitions, asset.partitions
        mapping = written.get(above.ref) or evident(up, down)
        why = (
            "nothing says which of its partitions one of ours is built from"
            if mapping is None
            else misfit(mapping, up, down)
        )
        if why and node.unfit is None:
            node.unfit = Unfit(above.ref, why)
        if up is None or down is None or mapping is None or isinstance(mapping, All):
            found.append(None)
        else:
            found.append(Edge(up, down, mapping))
    node.edges = tuple(found)
