"""A node: one asset with its place in the graph. Kept by `graph`, read by it and by `staleness`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from upwell_operator.domain.cycles import Cycle
from upwell_operator.domain.mapping import Edge
from upwell_operator.domain.snapshot import Asset, AssetId, Materialization, Ref

if TYPE_CHECKING:
    from upwell_operator.domain.cut import Cut
    from upwell_operator.domain.lateness import Lacking


class Unfit(NamedTuple):
    """An input whose partitions do not belong to ours in any way that is known."""

    dep: Ref
    why: str


@dataclass(slots=True, eq=False)
class Node:
    """Mutable, and compared by identity: nodes point at each other."""

    ref: Ref
    asset: Asset
    data: AssetId
    """The identity of the data that it claims, whether or not it holds the key."""
    up: tuple[Node, ...] = ()
    """The direct dependencies that exist and may be used, in the order of spec.deps."""
    down: dict[Node, None] = field(default_factory=dict)
    level: int = 0
    """Rises along every edge, but for edges into a cycle."""
    unmet: bool = False
    """Whether a dependency does not exist, or may not be used."""
    edges: tuple[Edge | None, ...] = ()
    """Of each of `up`, how its partitions belong to ours; None: all as one version. Empty where this holds for all."""
    unfit: Unfit | None = None
    """What is wrong with these, if anything is."""
    cut: Cut | None = None
    """What its partitions were judged to be."""
    lacking: Lacking | None = None
    """Of what others own: the windows whose data should be there, and is not."""
    lost: bool = False
    """Whether an older asset holds the key that it claims."""
    cycle: Cycle[Node] | None = None
    made: Materialization | None = None
    """The materialization that was judged last, and below what it consumed, by data: it is asked for in every wave."""
    then: dict[tuple[str, str], str | None] = field(default_factory=dict)

    def is_sound(self) -> bool:
        """Say whether nothing is wrong with its place in the graph, as far as the graph is arranged."""
        return self.cycle is None and not self.unmet and not self.lost and self.unfit is None
