"""What the chapters of `Store` share: the link to Redis, the spelling of keys, the operator's epoch."""

from __future__ import annotations

from upwell_operator.store.keys import Keys
from upwell_operator.store.link import Link


class Chapter:
    """Base of the chapters; `Store` is all of them at once."""

    _link: Link
    _keys: Keys
    epoch: int | None = None
    """Sent with every write of an operator that has taken one; a writer without is never fenced."""

    @property
    def _epoch(self) -> str:
        return "" if self.epoch is None else str(self.epoch)
