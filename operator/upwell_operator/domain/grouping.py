"""Which assets of a job's run share a Job: one pod observes them one after the other, or several pods a part each.

With `parallelism` an ObservationJob says so. Assets share when their pods are alike in everything but function, retries
and timeout, which the runner sees to for each asset; a container has nobody who could call it again, so it never
shares. decisions/0014 tells why this is asked for, and not done unasked.

Limits: a Job carries a list of its assets, in an annotation and in a variable, and both have their ends: 100,000 bytes
(some 500 assets with everyday names). More assets make several Jobs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from upwell_operator.domain.actions import StartGroup, StartRun
from upwell_operator.domain.identity import group_run
from upwell_operator.domain.snapshot import ObservationJob, Ref
from upwell_operator.domain.world import World

Json = dict[str, Any]
MEMBERS_BYTES = 100_000
"""Linux takes 128 KiB in one variable, the API server 256 KiB of annotations."""
NUMBERS_BYTES = 80
"""What the numbers of one member add to its names, at most."""


def grouped(
    world: World, job: ObservationJob, run: str, starts: Sequence[StartRun]
) -> tuple[StartRun | StartGroup, ...]:
    """Put the starts of a job's run together where their assets may share a Job.

    What has begun already, in a pass that did not get to its end, is not begun again in other company.
    """
    if job.parallelism is None:
        return tuple(starts)
    alike: dict[str, list[StartRun]] = {}
    for start in starts:
        if start.asset.pod and world.runs.get(start.ref) is None:
            alike.setdefault(start.asset.pod, []).append(start)
    groups = [_group(job, run, part) for same in alike.values() for part in _parts(same)]
    return (*(start for start in starts if not start.asset.pod), *groups)


def shares(members: int, pods: int) -> Iterator[int]:
    """Give for each member the pod that observes it: neighbours together, no pod with two more than another."""
    return (place * pods // members for place in range(members))


def _group(job: ObservationJob, run: str, members: Sequence[StartRun]) -> StartGroup:
    name = group_run(job.ref.name, job.uid, run, [one.asset.uid for one in members])
    pods = min(job.parallelism or 1, len(members))
    return StartGroup(Ref(job.ref.namespace, name), tuple(members), job, run, pods)


def _parts(starts: list[StartRun]) -> Iterator[list[StartRun]]:
    """Cut what is alike into parts whose lists fit; assets of one function stay neighbours."""
    part: list[StartRun] = []
    size = 0
    for start in sorted(starts, key=lambda one: (one.asset.function, one.asset.ref)):
        own = _bytes(start)
        if part and size + own > MEMBERS_BYTES:
            yield part
            part, size = [], 0
        part.append(start)
        size += own
    yield part


def _bytes(start: StartRun) -> int:
    asset = start.asset
    names = [start.ref.name, asset.ref.name, asset.key, asset.function, asset.code_version]
    return len(json.dumps(names).encode()) + NUMBERS_BYTES
