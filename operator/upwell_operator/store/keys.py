"""The whole key layout; the only place where a key is spelled.

Every key has a hash tag `{k}`, its *shard*: crc16(name) mod N. What one script writes together has one shard, so the
same program runs on one server (N = 1) and on a Redis Cluster (N = 64). N is written to `upwell:meta` on first use; a
process with another N refuses to start, because it would look for everything in the wrong place.

By the asset's data, k of `namespace/key`:

    upwell:{k}:asset:ns/key:state      hash    what is known now; fields below
    upwell:{k}:asset:ns/key:events     stream  events that say something: `f` flags (c changed, s superseded), `j` JSON
    upwell:{k}:asset:ns/key:unchanged  stream  the newest 100 observations that said nothing new, same fields and one
                                               sequence of ids with `events`; older ones live on as a count in
                                               `state` and `versions`
    upwell:{k}:asset:ns/key:versions   stream  one entry per version that is over: v version, a first seen, b last seen,
                                               n times, r run that brought it. The current one is in `state`
    upwell:{k}:asset:ns/key:partitions hash    partition -> hash of both, since when, the version; by spaces
    upwell:{k}:asset:ns/key:made       hash    partition -> fence, space, its last materialization (JSON)
    upwell:{k}:asset:ns/key:failed     hash    partition -> its last failure, as in `state`, until a success
    upwell:{k}:asset:ns/key:moved      stream  k partitions that changed (JSON; empty: many), p the id before; the
                                               newest thousand
    upwell:{k}:asset:ns/key:seen       zset    ids of events reported without a run -> ms; a day
    upwell:{k}:seen:ns/run             hash    ids of events of a run -> 1, `!outcome` -> Outcome; a week after the last
                                               Here a run is its Job's uid, since names of pruned Jobs come back
    upwell:{k}:uses:ns/key             stream  what was built from this data by assets of shard k, which need not be its
                                               own: v version consumed, a ns/key that did, m version it became, r run;
                                               90 days, at most 10,000 over all shards (but a thousand in each)
    upwell:{k}:keys:ns                 set     keys of this namespace and shard that have any of the above
    upwell:{k}:feed                    stream  what changed: a ns/key, c 1 if the version did, k event type, r run. Ids
                                               have no gaps, so that a reader notices what was trimmed before it looked

By the resource or run, k of `namespace/name`:

    upwell:{k}:decisions:Kind:ns/name  stream  d what was decided and why (JSON), t when; only where it differs
    upwell:{k}:run:ns/run              hash    j the run (JSON), m its member in the two indexes, x 1 once it has ended
    upwell:{k}:run:ns/run:log          string  the end of its log
    upwell:{k}:runs                    zset    all runs of the shard, score 0, member `<13 digits of ms> ns/run`
    upwell:{k}:runs:ns                 zset    the same, of one namespace

For all:

    upwell:{k}:epoch                   string  largest epoch of an operator seen in this shard
    upwell:meta                        hash    shards: N; restored: when the state was last rebuilt (absent: emptied)

Fields of `state`, all optional: v version, vt since, vl last seen, vn times, vr run that brought it; ov last observed
version, ot when, or by which run, os since, oc times in a row, oh digest of its metadata; m last materialization
(JSON); f last failure (kind, space, JSON); fence largest fencing token taken; e id of the last event; keep events to
keep; pa digest of the partitions' versions, pn how many are known, pw how many were known before Redis was emptied; ps
id of the last entry of `moved`; gv version that a guard accepted, gt since, gm its figures (JSON): then `v` is the
newest one, and those below go by gv.

What bounds each: events, unchanged and versions are trimmed by count with every write, and by age by `trim`; uses by
both with every write; seen, runs, logs, decisions and uses expire; feed and moved have a length; state, partitions,
made, failed and keys hold what is current, and go with the last event; where no Asset defines the key, all of it goes
with its age.
"""

from __future__ import annotations

from binascii import crc_hqx
from functools import lru_cache
from typing import NamedTuple

from upwell_operator.domain.snapshot import AssetId, Ref

META = "upwell:meta"
SHARDS = "shards"
RESTORED = "restored"
OUTCOME = "!outcome"
"""A field that no event id can be: ids have no exclamation mark."""
CACHED = 4096
"""Assets, and runs, whose keys are remembered: they report again and again."""


class AssetKeys(NamedTuple):
    """The keys of one asset's data that do not depend on a run, and those of its shard."""

    state: str
    events: str
    unchanged: str
    versions: str
    partitions: str
    made: str
    failed: str
    moved: str
    seen: str
    """Where ids are that were reported without a run."""
    registry: str
    feed: str
    epoch: str

    @property
    def of_partitions(self) -> tuple[str, str, str, str]:
        """Give the keys of what is known of partitions."""
        return self.partitions, self.made, self.failed, self.moved


class RunKeys(NamedTuple):
    """The keys of one run."""

    run: str
    log: str
    of_namespace: str
    of_all: str
    epoch: str


class Keys:
    """Spells keys for an installation with `shards` shards."""

    def __init__(self, shards: int) -> None:
        self.shards = shards

    def shard(self, name: object) -> int:
        """Give the shard of `namespace/key` or `namespace/name`."""
        return _shard(self.shards, str(name))

    def asset(self, id: AssetId) -> AssetKeys:  # noqa: A002 -- the word everywhere else
        """Give the keys of an asset's data."""
        return _asset(self.shards, id)

    def state(self, id: AssetId) -> str:  # noqa: A002 -- the word everywhere else
        """Give the key of an asset's state alone: ten thousand are read at once."""
        return f"upwell:{{{self.shard(id)}}}:asset:{id}:state"

    def seen(self, id: AssetId, run: str | None) -> str:  # noqa: A002 -- the word everywhere else
        """Give where the ids of the events already taken are: of a run, or of the asset if no run reports."""
        return _asset(self.shards, id).seen if run is None else _seen(self.shards, id, run)

    def uses(self, shard: int, id: AssetId) -> str:  # noqa: A002 -- the word everywhere else
        """Give where a shard keeps what its own assets built from an asset's data."""
        return f"upwell:{{{shard}}}:uses:{id}"

    def run(self, ref: Ref) -> RunKeys:
        """Give the keys of a run."""
        shard = self.shard(ref)
        stem = f"upwell:{{{shard}}}:run:{ref}"
        return RunKeys(stem, f"{stem}:log", self.runs(shard, ref.namespace), self.runs(shard, None), self.epoch(shard))

    def runs(self, shard: int, namespace: str | None) -> str:
        """Give the index of runs of a shard, of one namespace or of all."""
        return f"upwell:{{{shard}}}:runs" + (f":{namespace}" if namespace is not None else "")

    def decisions(self, kind: str, ref: Ref) -> str:
        """Give the stream of decisions about a resource."""
        return f"upwell:{{{self.shard(ref)}}}:decisions:{kind}:{ref}"

    def registry(self, shard: int, namespace: str) -> str:
        """Give the set of known keys of a namespace in a shard."""
        return f"upwell:{{{shard}}}:keys:{namespace}"

    def registries(self) -> str:
        """Give the pattern of all registries."""
        return "upwell:{*}:keys:*"

    def feed(self, shard: int) -> str:
        """Give the feed of a shard."""
        return f"upwell:{{{shard}}}:feed"

    def epoch(self, shard: int) -> str:
        """Give the epoch of a shard."""
        return f"upwell:{{{shard}}}:epoch"


def _shard(shards: int, name: str) -> int:
    return crc_hqx(name.encode(), 0) % shards


@lru_cache(CACHED)
def _asset(shards: int, id: AssetId) -> AssetKeys:  # noqa: A002 -- the word everywhere else
    tag = f"upwell:{{{_shard(shards, str(id))}}}"
    stem = f"{tag}:asset:{id}"
    return AssetKeys(
        f"{stem}:state",
        f"{stem}:events",
        f"{stem}:unchanged",
        f"{stem}:versions",
        f"{stem}:partitions",
        f"{stem}:made",
        f"{stem}:failed",
        f"{stem}:moved",
        f"{stem}:seen",
        f"{tag}:keys:{id.namespace}",
        f"{tag}:feed",
        f"{tag}:epoch",
    )


@lru_cache(CACHED)
def _seen(shards: int, id: AssetId, run: str) -> str:  # noqa: A002 -- the word everywhere else
    return f"upwell:{{{_shard(shards, str(id))}}}:seen:{id.namespace}/{run}"
