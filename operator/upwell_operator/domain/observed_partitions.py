"""Which partitions an observation is asked to look at: as its ObservationJob's policy says, or as a request names them.

The keys travel with the run, so that what `Latest` means is said once, when the run starts. What the function reports
besides is taken all the same: it was seen.

Limits: of what is dynamic nobody knows the keys beforehand, so only listed ones can be asked for; what a run is told
has to fit into one variable.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from upwell_operator.domain import partition_ranges, partitions
from upwell_operator.domain.partitions import Partitions
from upwell_operator.domain.snapshot import Asset, ObservationJob
from upwell_operator.errors import Rejected, Stalled
from upwell_operator.resources.meta import Reason
from upwell_operator.resources.observation_job import PartitionsPolicy

MOST_BYTES = 100_000
"""Linux takes 128 KiB in one variable."""


def by_policy(job: ObservationJob, asset: Asset, now: datetime) -> tuple[str, ...] | None:
    """Give the partitions of an asset that a run of a job looks at now; None: whichever the function likes.

    None of a cut asset that has no partition yet are (). Raises Stalled(InvalidSpec) for keys that it does not have; it
    says when the next window is over, since that one may be meant.
    """
    if job.partitions is None or asset.partitions is None:
        return None
    try:
        return _fitting(_chosen(job, asset.partitions, now))
    except Rejected as error:
        again = partitions.changes_at(asset.partitions, now)
        raise Stalled(Reason.INVALID_SPEC, f"spec.partitions: asset {asset.ref.name}: {error}", again) from error


def by_request(asset: Asset, now: datetime) -> tuple[str, ...]:
    """Give the partitions that a request for an observation names; () if it names none. Raises Rejected."""
    text = asset.requested_partitions
    if text is None:
        return ()
    if asset.partitions is None:
        raise Rejected("partitions: the asset has no spec.partitions; ask for all of it")
    if partitions.is_open(asset.partitions):
        return _fitting(partitions.checked(asset.partitions, partition_ranges.only_single(text), now))
    return _fitting(partition_ranges.read(text, list(partitions.keys(asset.partitions, now))))


def written(keys: Sequence[str]) -> str:
    """Write keys as the run finds them in `UPWELL_PARTITIONS`: a list in JSON."""
    return json.dumps(list(keys), ensure_ascii=False)


def _chosen(job: ObservationJob, cut: Partitions, now: datetime) -> Sequence[str]:
    if job.partitions is PartitionsPolicy.KEYS:
        return partitions.checked(cut, job.keys, now)
    if partitions.is_open(cut):
        words = "its partitions are dynamic, so nobody knows them beforehand"
        raise Rejected(f"{words}; use the policy Keys instead of {job.partitions}, or leave the asset out")
    if job.partitions is PartitionsPolicy.LATEST:
        return partitions.latest(cut, now)
    return list(partitions.keys(cut, now))


def _fitting(keys: Sequence[str]) -> tuple[str, ...]:
    size = len(written(keys).encode())
    if size > MOST_BYTES:
        many = f"{len(keys)} partitions take {size} bytes, and a run is told at most {MOST_BYTES}"
        raise Rejected(f"{many}; name fewer, or leave it to the function")
    return tuple(keys)
