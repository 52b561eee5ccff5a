"""Claims for keys: a key belongs to one asset of its namespace, the oldest that claims it.

Age is creationTimestamp, then uid: both are the API server's and never change, so every operator decides alike.
"""

from __future__ import annotations

from datetime import UTC, datetime

from upwell_operator.domain.snapshot import Asset, AssetId, Ref

_NOT_CREATED_YET = datetime.max.replace(tzinfo=UTC)
_Age = tuple[datetime, str]


class Claims:
    """Who claims which key, who holds it, and who lost it to an older one."""

    def __init__(self) -> None:
        self._claims: dict[AssetId, dict[Ref, _Age]] = {}
        self._holders: dict[AssetId, Ref] = {}
        self.lost: set[Ref] = set()

    def holder(self, data: AssetId) -> Ref | None:
        """Give the asset that holds a key, if any does."""
        return self._holders.get(data)

    def enter(self, asset: Asset) -> set[Ref]:
        """Enter an asset's claim; gives all whose claim stands otherwise than before, or against another holder."""
        self._claims.setdefault(asset.id, {})[asset.ref] = (asset.created_at or _NOT_CREATED_YET, asset.uid)
        return {asset.ref} | self._award(asset.id)

    def withdraw(self, data: AssetId, ref: Ref) -> set[Ref]:
        """Take a claim back; gives the rivals for whom that changes something."""
        del self._claims[data][ref]
        self.lost.discard(ref)
        return self._award(data) - {ref}

    def _award(self, data: AssetId) -> set[Ref]:
        claims = self._claims[data]
        if not claims:
            del self._claims[data], self._holders[data]
            return set()
        before, holder = self._holders.get(data), min(claims, key=claims.__getitem__)
        self._holders[data] = holder
        self.lost.update(claims.keys() - {holder})
        self.lost.discard(holder)
        return set() if before == holder else set(claims)
