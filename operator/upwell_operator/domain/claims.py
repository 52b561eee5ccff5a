"""Claims for keys: a key belongs to one asset of its namespace, the oldest that claims it.

Age is creationTimestamp, then uid: both are the API server's and never change, so every operator decides alike.
"""

from __future__ import annotations

from datetime import UTC, datetime

from upwell_operator.domain.node import Node
from upwell_operator.domain.snapshot import AssetId, Ref

_NOT_CREATED_YET = datetime.max.replace(tzinfo=UTC)
_Age = tuple[datetime, str]


class Claims:
    """Who claims which key, and who holds it; those who lost it to an older one are marked `lost`."""

    def __init__(self) -> None:
        self._claims: dict[AssetId, dict[Node, _Age]] = {}
        self._holders: dict[AssetId, Node] = {}

    def holder(self, data: AssetId) -> Node | None:
        """Give the asset that holds a key, if any does."""
        return self._holders.get(data)

    def enter(self, node: Node) -> set[Ref]:
        """Enter an asset's claim; gives all whose claim stands otherwise than before, or against another holder."""
        age = (node.asset.created_at or _NOT_CREATED_YET, node.asset.uid)
        self._claims.setdefault(node.data, {})[node] = age
        return {node.ref} | self._award(node.data)

    def withdraw(self, node: Node) -> set[Ref]:
        """Take a claim back; gives the rivals for whom that changes something."""
        del self._claims[node.data][node]
        node.lost = False
        return self._award(node.data)

    def _award(self, data: AssetId) -> set[Ref]:
        claims = self._claims[data]
        if not claims:
            del self._claims[data], self._holders[data]
            return set()
        before, holder = self._holders.get(data), min(claims, key=claims.__getitem__)
        self._holders[data] = holder
        for node in claims:
            node.lost = node is not holder
        return set() if before is holder else {node.ref for node in claims}
