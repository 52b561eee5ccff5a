"""MEMORY: the only speaker to Redis.

`store.py` has the class `Store` with every verb; `keys.py` has the whole layout; `lua/` has one file per atomic write;
`records.py` has what goes in and comes out. Everything else is a chapter of `Store`.
"""

from upwell_operator.store.feed import FellBehind
from upwell_operator.store.records import (
    Append,
    Appended,
    Change,
    Cursors,
    Page,
    PartitionVersion,
    Status,
    StoredEvent,
    VersionSpan,
)
from upwell_operator.store.store import Store
from upwell_operator.store.uses import Built, Use

__all__ = [
    "Append",
    "Appended",
    "Built",
    "Change",
    "Cursors",
    "FellBehind",
    "Page",
    "PartitionVersion",
    "Status",
    "Store",
    "StoredEvent",
    "Use",
    "VersionSpan",
]
