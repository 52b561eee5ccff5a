"""The identity of a run, which is the name of its Job: the API server's uniqueness of names makes it happen once.

What goes into the name is what the run is *for*, never when or by whom it was decided, so that three operators, or one
that crashed between two lines, come to the same name. decisions/0006 tells why each part is in.

Limits: 48 bits of SHA-256 beside the asset's name; two runs of one asset collide once in 16 million runs squared.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import timedelta

from upwell.protocol import InputVersion, RunKind
from upwell_operator.domain.snapshot import Asset

NAME_CHARS = 40
DIGEST_CHARS = 12


def digest(*parts: object) -> str:
    """Give a hash of JSON-able parts; the encoding keeps ("a", "bc") apart from ("ab", "c")."""
    text = json.dumps(parts, separators=(",", ":"), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST_CHARS]


def run_name(asset: str, *parts: object) -> str:
    """Give the run's name: at most 53 characters, a DNS label, with room for the suffix of its pods."""
    return f"{asset[:NAME_CHARS].rstrip('-.').replace('.', '-')}-{digest(*parts)}"


def consumed_run(
    asset: Asset, inputs: Sequence[InputVersion], replaces: str = "", tick: str = "", partition: str | None = None
) -> str:
    """Name the materialization for one set of consumed versions.

    `replaces` names the run of the current materialization; it is empty before the first. So a set that comes back (v1,
    v2, v1 again) is built once more. `tick` is that of the policy Cron: what failed at one is tried again at the next.
    """
    versions = sorted((one.name, one.key, one.data_version or "") for one in inputs)
    again = ("replaces", replaces) if replaces else ()
    at = ("tick", tick) if tick else ()
    where = ("partition", partition) if partition is not None else ()
    return run_name(asset.ref.name, asset.uid, versions, asset.code_version, asset.template, *again, *at, *where)


def requested_run(asset: Asset, kind: RunKind, token: str, partition: str | None = None) -> str:
    """Name the run that answers one request token: one per token and partition, whatever the versions are by then."""
    where = ("partition", partition) if partition is not None else ()
    return run_name(asset.ref.name, asset.uid, kind.value, "request", token, *where)


def interval_run(asset: Asset, slot: int) -> str:
    """Name the observation of one interval of `spec.observe.every`."""
    return run_name(asset.ref.name, asset.uid, "every", slot)


def job_run(uid: str, *trigger: object) -> str:
    """Name one run of an ObservationJob: its uid and what asked for it (a token, a tick, a generation)."""
    return digest(uid, *trigger)


def group_run(job: str, uid: str, run: str, assets: Sequence[str]) -> str:
    """Name the Job that some assets (by uid) of a job's run share."""
    return run_name(job, uid, "group", run, sorted(assets))


def member_run(asset: Asset, run: str) -> str:
    """Name the observation of one asset within a run of an ObservationJob."""
    return run_name(asset.ref.name, asset.uid, "job", run)


def delay(uid: str, most: timedelta) -> timedelta:
    """Give a time from nothing to `most` that looks like chance and is always the same for one uid."""
    step = timedelta(milliseconds=1)
    return int(digest(uid, "delay"), 16) % (most // step + 1) * step
