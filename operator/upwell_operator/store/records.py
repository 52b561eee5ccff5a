"""What goes into the store and what comes out, as frozen values.

Decisions and runs have their own words in the domain and are kept as such. Limits: no packing here, no keys, no Redis.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

from upwell.protocol import Event, EventType, InputVersion, RunKind
from upwell_operator.domain.snapshot import AssetId

T = TypeVar("T")

Cursors = dict[int, str]
"""How far a reader of the feed has come: shard -> id of the last entry it has seen."""


@dataclass(frozen=True, slots=True)
class Append:
    """One event to take, with what the caller knows of the run that reports it.

    `version` is the effective version: a materialization that names none has one derived by the caller. `fence` only
    for a run's own asset; without it the event cannot be superseded. `kind` is the run's kind: an observation is never
    the outcome of a materialization. `event.result` marks the one event that is its run's outcome. `uid` is that of the
    run's Job: a name that was pruned may be taken again, and what the earlier run reported is not this one's.
    """

    id: AssetId
    event: Event
    run: str | None = None
    fence: int | None = None
    version: str | None = None
    inputs: tuple[InputVersion, ...] = ()
    code_version: str | None = None
    attempt: str | None = None
    kind: RunKind | None = None
    uid: str | None = None
    versions: Mapping[str, str] = field(default_factory=dict)
    """Partition -> version, of an observation of partitions. Then `version` is not the asset's, and left out."""
    last: bool = False
    """The last word of its run or report: what it has said of partitions becomes the asset's version."""


class Status(StrEnum):
    """What became of an appended event."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    """Its id was taken before; nothing was written."""
    SUPERSEDED = "superseded"
    """A later run's result stands: the event is history and changed nothing."""


@dataclass(frozen=True, slots=True)
class Appended:
    """The answer to an `Append`; `changed` if the asset's current version differs from before."""

    status: Status
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, newest first, and where the next page begins; no cursor: there is none."""

    items: tuple[T, ...]
    cursor: str | None = None
    ended_early: bool = False
    """It was not filled because enough had been looked at for one request; the next page goes on."""


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """One event of an asset's history. `id` is its place, the cursor of pages; `event.id` is the reporter's."""

    id: str
    event: Event
    run: str | None = None
    attempt: str | None = None
    changed: bool = False
    """The asset's version became another one with it."""
    superseded: bool = False
    inputs: tuple[InputVersion, ...] = ()
    code_version: str | None = None
    partitions_seen: int = 0
    """How many partitions one observation looked at."""
    partitions_changed: int = 0
    """How many of them have another version since; `event.partitions` holds the first hundred."""


@dataclass(frozen=True, slots=True)
class VersionSpan:
    """How long an asset had one version, and how often it was seen."""

    version: str
    first_seen: datetime
    last_seen: datetime
    times: int
    run: str | None = None
    """The run that brought it."""
    current: bool = False


@dataclass(frozen=True, slots=True)
class PartitionVersion:
    """The data version of one partition, and since when it has it."""

    version: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the feed: something of which a dependant, or the asset's status, should know."""

    id: AssetId
    changed: bool
    """The asset's current version is another one."""
    kind: EventType
    run: str | None = None
