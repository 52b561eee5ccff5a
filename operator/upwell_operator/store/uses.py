"""What was built from what: the index of consumed versions, which `append.lua` writes with each materialization.

An entry lies in the shard of whoever consumed, because one atomic write stays in one shard; so who asks what was built
from an asset's data reads one stream of every shard. Entries are those of materializations that counted: of a run that
was superseded nothing is built.

Limits: of what was built from one asset the newest `USES` are known (a shard has its part, and never fewer than a
thousand), for 90 days, and not from before Redis was lost. `built_from` reads at most `MAX_READ` entries and streams
and finds at most `MAX_BUILDS` builds, and says so when it ended for that. An entry's time is that of its Redis server:
on a cluster whose clocks differ by more than a build takes, a build may be missed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby

from upwell_operator.domain.snapshot import AssetId
from upwell_operator.store.chapter import Chapter
from upwell_operator.store.keys import Keys

USES = 10_000
MAX_READ = 100_000
MAX_BUILDS = 10_000

Version = tuple[AssetId, str]
"""A version of an asset's data."""


@dataclass(frozen=True, slots=True)
class Use:
    """One materialization that consumed a version."""

    input: AssetId
    consumed: str
    id: AssetId
    """Who consumed it."""
    version: str
    """What it became."""
    time: datetime
    run: str | None = None
    depth: int = 1
    """How many builds it is away from the version that was asked about."""


@dataclass(frozen=True, slots=True)
class Built:
    """What was built from a version: the nearest first, and of those the earliest."""

    uses: tuple[Use, ...]
    ended_early: bool = False


def kept_uses(keys: Keys) -> int:
    """Give how many uses of one asset a shard keeps."""
    return max(1000, USES // keys.shards)


class Uses(Chapter):
    """The verbs that read what was built from an asset's data."""

    async def uses(self, id: AssetId) -> tuple[Use, ...]:  # noqa: A002 -- the word everywhere else
        """Give every known use of an asset's data, the newest first. Raises StoreUnavailable."""
        return tuple(reversed(await self._uses({id: "-"})))

    async def built_from(self, id: AssetId, version: str) -> Built:  # noqa: A002 -- the word everywhere else
        """Give what was built from a version, and from that, and so on. Raises StoreUnavailable.

        What became the same version before, from other inputs, is not followed from before: only later uses count.
        """
        found: dict[Version, Use] = {}
        reached: dict[Version, datetime | None] = {(id, version): None}
        depth = read = 0
        while reached and read < MAX_READ and len(found) < MAX_BUILDS:
            depth += 1
            since = _since(reached)
            some = await self._uses(since)
            read += len(some) + len(since) * self._keys.shards
            fresh = _reached(some, reached, found, depth)
            found |= fresh
            reached = {made: use.time for made, use in fresh.items()}
        return Built(tuple(found.values())[:MAX_BUILDS], ended_early=bool(reached))

    async def _uses(self, since: Mapping[AssetId, str]) -> list[Use]:
        """Read the uses of some assets from a place on, the earliest first."""
        places = [(each, shard) for each in since for shard in range(self._keys.shards)]
        rows = await self._link.read(
            [("XRANGE", self._keys.uses(shard, each), since[each], "+") for each, shard in places]
        )
        found = (_use(each, *row) for (each, _), some in zip(places, rows, strict=True) for row in some)
        return sorted(found, key=lambda use: use.time)


def _since(reached: Mapping[Version, datetime | None]) -> dict[AssetId, str]:
    """Give from which place on the uses of each asset are of interest."""
    by_asset = groupby(sorted(reached, key=lambda made: made[0]), key=lambda made: made[0])
    return {each: min((_place(reached[made]) for made in some), key=_order) for each, some in by_asset}


def _place(time: datetime | None) -> str:
    return "-" if time is None else str(round(time.timestamp() * 1000))


def _order(place: str) -> int:
    return -1 if place == "-" else int(place)


def _reached(
    some: Iterable[Use], reached: Mapping[Version, datetime | None], found: Mapping[Version, Use], depth: int
) -> dict[Version, Use]:
    """Pick the uses of what was reached, each result once: the earliest."""
    fresh: dict[Version, Use] = {}
    for use in some:
        consumed, made = (use.input, use.consumed), (use.id, use.version)
        since = reached.get(consumed)
        if consumed in reached and (since is None or use.time >= since) and made not in found:
            fresh.setdefault(made, Use(*consumed, *made, use.time, use.run, depth))
    return fresh


def _use(id: AssetId, place: str, fields: Mapping[str, str]) -> Use:  # noqa: A002 -- the word everywhere else
    namespace, _, key = fields["a"].partition("/")
    time = datetime.fromtimestamp(int(place.partition("-")[0]) / 1000, UTC)
    return Use(id, fields["v"], AssetId(namespace, key), fields["m"], time, fields["r"] or None)
