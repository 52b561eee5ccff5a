"""P5: a thousand Schedules that are due in one second, on a real API server.

    python tests/cluster/cluster.py run -- python tests/bench/bench_schedules.py [--schedules 1000]

Each Schedule runs a job of its own, which observes an asset of its own: a thousand Jobs (batch/v1). Ours: from the
second that the cron lines name until a watch has seen the last Job. References in the same run: as many CronJobs with
such a pod, from their second; and a bare loop that creates our Jobs once more, in another namespace. Pods stay pending:
what runs in them is not measured here.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import secrets
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from cluster_world import GROUP, NOWHERE, Api, Json, Operator, at_once, prepare, session_of, until
from figures import Figure, finish, options, say

from cluster.kubectl import Kubectl
from redis_servers import server
from upwell_operator.cluster.connect import connect

BATCH = "/apis/batch/v1"
AHEAD = timedelta(seconds=30)
"""How long before their second the last of them is there."""
CONTAINER = {"image": "localhost/none:1", "command": ["look"]}
ADDED = b'"type":"ADDED"'
SERVERS_OWN = ("batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name")


def named(kind: str, name: str, spec: Json, api: str = "upwell.dev/v1alpha1") -> Json:
    """Give an object."""
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name}, "spec": spec}


def source(name: str) -> Json:
    """Give an asset whose pods nobody can run."""
    return named("Asset", name, {"observe": {"container": CONTAINER, "podTemplate": {"spec": NOWHERE}}})


def cron_job(name: str, line: str) -> Json:
    """Give a CronJob with such a pod."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "run", **CONTAINER}], **NOWHERE}
    spec = {"schedule": line, "timeZone": "UTC", "jobTemplate": {"spec": {"template": {"spec": pod}}}}
    return named("CronJob", name, spec, "batch/v1")


def copy(job: Json) -> Json:
    """Give a Job as it was sent, without what the server and the owner have added."""
    spec = {name: value for name, value in job["spec"].items() if name != "selector"}
    labels = spec["template"]["metadata"].get("labels", {})
    spec["template"]["metadata"]["labels"] = {name: labels[name] for name in labels if name not in SERVERS_OWN}
    metadata = {name: job["metadata"][name] for name in ("name", "labels", "annotations")}
    metadata["labels"] = {name: value for name, value in metadata["labels"].items() if name not in SERVERS_OWN}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": spec}


def second() -> datetime:
    """Give the next full minute that is far enough ahead."""
    return (datetime.now(UTC) + AHEAD).replace(second=0, microsecond=0) + timedelta(minutes=1)


def line(tick: datetime) -> str:
    """Give the cron line that is due at this time, and then not for a day."""
    return f"{tick.minute} {tick.hour} * * *"


async def create(api: Api, resource: str, objects: list[Json], group: str = GROUP) -> None:
    """Create objects of one kind, as many at once as the operator writes."""
    path, headers = api.path(resource, group=group), {"Content-Type": "application/json"}
    bodies = [json.dumps(one).encode() for one in objects]
    await at_once([lambda body=body: api.send("POST", path, body, headers) for body in bodies])


@asynccontextmanager
async def counted(api: Api, wanted: int, seconds: float = 600) -> AsyncIterator[list[float]]:
    """Watch Jobs from now on; at the end of the block, wait until so many were made, and note when in the list."""
    seen: list[float] = []

    async def watch() -> None:
        rest = b""  # a chunk may end in the middle of the word
        async for chunk in api.chunks(api.path("jobs", group=BATCH)):
            read = rest + chunk
            seen.extend([time.time()] * read.count(ADDED))
            rest = read[1 - len(ADDED) :]

    task = asyncio.create_task(watch())
    await asyncio.sleep(0.5)  # the watch has begun
    try:
        yield seen

        async def all_made() -> bool:
            return len(seen) >= wanted

        await until(all_made, seconds, "every Job is made")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def cron_jobs(api: Api, size: int) -> float:
    """Give the seconds from the tick until the CronJobs' last Job."""
    tick = second()
    async with counted(api, size) as seen:
        await create(api, "cronjobs", [cron_job(f"c{number}", line(tick)) for number in range(size)], BATCH)
        assert datetime.now(UTC) < tick, "the CronJobs were not there in time"
    return late("CronJob controller", seen, tick)


async def schedules(api: Api, operator: Operator, size: int) -> float:
    """Give the seconds from the tick until our last Job."""
    names = [f"s{number}" for number in range(size)]
    await create(api, "assets", [source(name) for name in names])
    await create(api, "observationjobs", [named("ObservationJob", name, {"assets": [name]}) for name in names])
    operator.start()
    await operator.ready(size)
    await operator.settled()
    tick = second()
    async with counted(api, size) as seen:
        spec = {"schedule": line(tick), "timeZone": "UTC"}
        await create(api, "schedules", [named("Schedule", name, {**spec, "job": {"name": name}}) for name in names])
        assert datetime.now(UTC) < tick, "the Schedules were not there in time"
    return late("Upwell", seen, tick)


async def bare_loop(ours: Api, bare: Api) -> float:
    """Give the seconds in which a loop makes our Jobs once more, until a watch has seen them all."""
    made = [copy(job) for job in (await ours.get(ours.path("jobs", group=BATCH)))["items"]]
    async with counted(bare, len(made)) as seen:
        begun = time.time()
        await create(bare, "jobs", made, BATCH)
    return seen[-1] - begun


def late(who: str, seen: list[float], tick: datetime) -> float:
    """Say how late the Jobs were; give the last one's seconds."""
    first, middle, last = (when - tick.timestamp() for when in (seen[0], seen[len(seen) // 2], seen[-1]))
    assert first >= 0, f"{who}: a Job {-first:.1f} s before its time"
    say(f"{who}: first Job after {first:.2f} s, median {middle:.2f} s, last {last:.2f} s")
    return last


def figures(size: int, ours: float, theirs: float, bare: float) -> Iterator[Figure]:
    """Give the figures: one line for each reference."""
    yield Figure(f"P5 {size:,} due in one second → Jobs", ours, "s", bare, "<= 1.5 x loop", ours <= 1.5 * bare)
    yield Figure("   beside the CronJob controller", ours, "s", theirs, "<= 0.33 x", ours <= theirs / 3)


async def measure(size: int) -> list[Figure]:
    """Measure the three, one after the other, in namespaces of their own."""
    name = f"bench-{secrets.token_hex(3)}"
    spaces = [name, f"{name}-bare", f"{name}-cron"]
    binary = prepare(Kubectl(), *spaces)
    with tempfile.TemporaryDirectory() as folder, server(binary) as redis:
        operator = Operator(name, redis.url, Path(folder) / "operator.log")
        try:
            async with await connect() as cluster, session_of(cluster) as session:
                ours, bare, cron = (Api(session, space) for space in spaces)
                theirs = await cron_jobs(cron, size)
                took = await schedules(ours, operator, size)
                return [*figures(size, took, theirs, await bare_loop(ours, bare))]
        finally:
            operator.stop()


def main() -> int:
    """Measure and print; 1 if a bar is missed."""
    parser = options(__doc__)
    parser.add_argument("--schedules", type=int, default=1000)
    chosen: argparse.Namespace = parser.parse_args()
    return finish(asyncio.run(measure(chosen.schedules)), chosen)


if __name__ == "__main__":
    sys.exit(main())
