"""P3, P4 and P7: the operator on a real API server, as a process of its own, with a Valkey that fsyncs.

    python tests/cluster/cluster.py run -- python tests/bench/bench_cluster.py [--assets 10000] [--only P3 P4 P7]

P3  one root's version changes, and everything is downstream: from the acknowledgement until the last status is on the
    API server, as a watch sees it. Reference, in the same run: a bare loop of the same patches on as many assets in
    another namespace, until a watch has seen them all.
P4  a new version is acknowledged, until its dependant's Job is seen by a watch; a hundred eager assets, one after the
    other, beside the assets of P3. Reference: Dagster's documented median to a run's creation.
P7  resident memory of the operator after P3, and after a restart; time from its start until it says that it is ready
    and an asset applied at the start has its status. Reference: Dagster's three processes, as documented.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench_freshness import layered
from cluster_world import QUIET, Api, Json, Operator, asset, prepare, session_of, until
from figures import Figure, finish, options, say

from cluster.kubectl import Kubectl
from redis_servers import server
from upwell.protocol import Event, EventType, InputVersion
from upwell_operator.cluster.connect import connect
from upwell_operator.domain.conditions import difference
from upwell_operator.domain.snapshot import AssetId
from upwell_operator.settings import Settings
from upwell_operator.store import Append, Store

ROOT = "a0"
NAMES = ("P3", "P4", "P7")


@dataclass(frozen=True)
class Bed:
    """Everything a measurement needs."""

    ours: Api
    other: Api
    store: Store
    operator: Operator
    edges: dict[str, list[str]]
    pairs: int

    @property
    def assets(self) -> int:
        """Give how many assets the operator has to know."""
        return len(self.edges) + 2 * self.pairs

    async def statuses(self) -> dict[str, Json]:
        """Give the statuses of the graph's assets."""
        return {name: status for name, status in (await self.ours.statuses()).items() if name in self.edges}

    async def report(self, name: str, version: str, inputs: Iterable[str] = ()) -> None:
        """Have the store take a version: an observation, or a materialization from version v1 of the inputs."""
        await self.store.append([self.said(name, version, inputs)])

    def said(self, name: str, version: str, inputs: Iterable[str] = ()) -> Append:
        """Give the event for it."""
        made = tuple(InputVersion(one, one, digest("v1")) for one in inputs)
        kind = EventType.MATERIALIZATION if made else EventType.OBSERVATION
        event = Event(secrets.token_hex(13), kind, name, datetime.now(UTC).isoformat(), digest(version))
        return Append(AssetId(self.ours.namespace, name), event, inputs=made)


def digest(version: str) -> str:
    """Make a version as long as a SHA-256."""
    return f"{version:0<64}"


# ---- P3 --------------------------------------------------------------------------------------------------------------


async def wave(bed: Bed, version: str, fresh: str) -> float:
    """Change the root; give the seconds until every status tells."""
    async with bed.ours.counting() as events:
        await bed.report(ROOT, version)
        begun = time.perf_counter()

        async def over() -> bool:
            return events.lines >= len(bed.edges) and time.perf_counter() - events.at > QUIET

        await until(over, 600, f"{events.lines} of {len(bed.edges)} statuses written")
        seconds = events.at - begun
        say(f"  wave to {version}: {seconds:.2f} s, {events.lines} writes to {len(bed.edges)} assets")
    wrong = [name for name, status in (await bed.statuses()).items() if not _tells(status, fresh)]
    assert not wrong, f"{len(wrong)} assets do not say Fresh={fresh}: {wrong[:5]}"
    return seconds


async def bare_wave(bed: Bed, patches: Mapping[str, Json]) -> float:
    """Send the same patches in a bare loop; give the seconds until a watch has seen all, as for ours."""
    async with bed.other.counting() as events:
        begun = time.perf_counter()
        await bed.other.patch_statuses(patches)

        async def over() -> bool:
            return events.lines >= len(patches)

        await until(over, 60, f"{events.lines} of {len(patches)} patches seen")
        return events.at - begun


def _tells(status: Json, fresh: str) -> bool:
    conditions = {one["type"]: one["status"] for one in status.get("conditions", ())}
    return status.get("kind") != "Derived" or conditions.get("Fresh") == fresh


async def p3(bed: Bed, rounds: int) -> list[Figure]:
    """Measure waves and bare loops in turn; the median of each."""
    ours, bare, cpu, bare_cpu = [], [], [], []
    before = await bed.statuses()
    await bed.other.patch_statuses(before)
    for number in range(rounds):
        used = bed.operator.cpu
        ours.append(await wave(bed, f"v{number + 2}", "False"))
        cpu.append(bed.operator.cpu - used)
        after = await bed.statuses()
        patches = {name: patch for name in after if (patch := difference(before[name], after[name]))}
        used = time.process_time()
        bare.append(await bare_wave(bed, patches))
        bare_cpu.append(time.process_time() - used)
        say(f"P3 round {number + 1}: ours {ours[-1]:.2f} s, bare loop of {len(patches)} patches {bare[-1]:.2f} s")
        await wave(bed, "v1", "True")
        back = await bed.statuses()
        await bed.other.patch_statuses({name: difference(after[name], back[name]) for name in patches})
        before = back
    size = len(bed.edges)
    took, reference = statistics.median(ours), statistics.median(bare)
    each, each_bare = (statistics.median(one) / size * 1e6 for one in (cpu, bare_cpu))
    return [
        Figure(f"P3 {size:,} assets marked stale", took, "s", reference, "<= 1.25 x", took <= 1.25 * reference),
        Figure("   statuses a second", size / took, "/s", size / reference),
        Figure("   CPU of our process a status", each, "µs", each_bare),
    ]


# ---- P4 --------------------------------------------------------------------------------------------------------------


async def p4(bed: Bed) -> list[Figure]:
    """Change one source after the other, and wait for the Job of what is built from it."""
    seen: dict[str, asyncio.Future[float]] = {
        f"d{number}": asyncio.get_running_loop().create_future() for number in range(bed.pairs)
    }
    watch = asyncio.create_task(_jobs(bed.ours, seen))
    await asyncio.sleep(0.5)  # the watch has begun
    took = []
    for number in range(bed.pairs):
        await bed.report(f"s{number}", "v1")
        begun = time.perf_counter()
        async with asyncio.timeout(60):
            took.append(max(0.0, (await seen[f"d{number}"] - begun) * 1000))
    watch.cancel()
    await asyncio.gather(watch, return_exceptions=True)
    cuts = statistics.quantiles(took, n=100)
    p50, p99 = cuts[49], cuts[98]
    return [
        Figure("P4 version acknowledged to Job, p50", p50, "ms", 9400, "<= 100 ms", p50 <= 100, documented=True),
        Figure("P4 version acknowledged to Job, p99", p99, "ms", None, "<= 500 ms", p99 <= 500),
    ]


async def _jobs(api: Api, seen: dict[str, asyncio.Future[float]]) -> None:
    """Note when each asset's Job is first seen."""
    marks = {f'"upwell.dev/asset":"{name}"'.encode(): future for name, future in seen.items()}
    rest = b""
    async for chunk in api.chunks(api.path("jobs", group="/apis/batch/v1")):
        now = time.perf_counter()
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            for mark in [mark for mark in marks if mark in line]:
                marks.pop(mark).set_result(now)


# ---- P7 --------------------------------------------------------------------------------------------------------------


async def p7(bed: Bed) -> list[Figure]:
    """Weigh the operator as it is now, and start it again: after a rollout, a crash, and the loss of its node."""
    await bed.operator.settled()
    worked = bed.operator.resident
    rollout = await restarted(bed, signal.SIGTERM, "new-pod")
    await bed.operator.settled()
    idle = bed.operator.resident
    crash = await restarted(bed, signal.SIGKILL, "new-pod")
    await bed.operator.settled()
    node = await restarted(bed, signal.SIGKILL, "newest-pod")
    size, most = f"{len(bed.edges):,} assets", max(worked, idle)
    return [
        Figure(f"P7 resident memory with {size}", most, "MiB", 1008, "<= 200 MiB", most <= 200, documented=True),
        Figure("   after its work", worked, "MiB"),
        Figure("   after a restart", idle, "MiB"),
        Figure("P7 restart to ready", rollout, "s", None, "<= 15 s", rollout <= 15),
        Figure("P7 crash to ready", crash, "s", None, "<= 15 s", crash <= 15),
        Figure("   in another pod, when the Lease has run out", node, "s"),
    ]


async def restarted(bed: Bed, number: int, pod: str) -> float:
    """End the operator, start it in a pod; give the seconds until it is ready and has answered a new asset."""
    bed.operator.stop(number)
    probe = f"probe-{secrets.token_hex(4)}"
    begun = time.perf_counter()
    bed.operator.start(pod)
    await bed.ours.create(asset(probe))

    async def answered() -> bool:
        return bool((await bed.ours.get(bed.ours.path("assets", probe))).get("status"))

    await bed.operator.ready(bed.assets)
    await until(answered, 60, f"{probe} has a status")
    seconds = time.perf_counter() - begun
    say(f"P7 started again after signal {number}: ready after {seconds:.1f} s, {bed.operator.resident:.0f} MiB")
    return seconds


# ---- the bed ---------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def bed(chosen: argparse.Namespace, folder: Path) -> AsyncIterator[Bed]:
    """Make two namespaces with assets, a Valkey with their versions, and an operator that has told all of it."""
    kubectl, name = Kubectl(), f"bench-{secrets.token_hex(3)}"
    binary = prepare(kubectl, name, f"{name}-bare")
    with server(binary) as redis:
        operator = Operator(name, redis.url, folder / "operator.log", chosen.profile)
        store = Store(Settings(redis_url=redis.url))
        try:
            async with await connect() as cluster, session_of(cluster) as session:
                ours, other = Api(session, name), Api(session, f"{name}-bare")
                pairs = chosen.changes if "P4" in chosen.only else 0
                made = Bed(ours, other, store, operator, layered(chosen.assets), pairs)
                await furnish(made, bare="P3" in chosen.only)
                yield made
        finally:
            operator.stop()
            await store.close()
            for namespace in (name, f"{name}-bare"):
                kubectl.run("delete", "namespace", namespace, "--wait=false")


async def furnish(bed: Bed, *, bare: bool) -> None:
    """Create the assets, report versions, start the operator, and wait until every status tells."""
    begun = time.perf_counter()
    graph = [asset(name, deps) for name, deps in bed.edges.items()]
    pairs = [one for n in range(bed.pairs) for one in (asset(f"s{n}"), asset(f"d{n}", [f"s{n}"], eager=True))]
    await bed.ours.create(*graph, *pairs)
    if bare:
        await bed.other.create(*graph)
    said = [bed.said(name, "v1", deps) for name, deps in bed.edges.items()]
    for at in range(0, len(said), 500):
        await bed.store.append(said[at : at + 500])
    say(f"{len(bed.edges):,} assets made in {time.perf_counter() - begun:.0f} s")
    begun = time.perf_counter()
    bed.operator.start()
    await bed.operator.ready(bed.assets)

    async def told() -> bool:
        return all(status and _tells(status, "True") for status in (await bed.statuses()).values())

    await until(told, 600, "every status tells")
    say(f"every status told {time.perf_counter() - begun:.0f} s after the operator's start")
    await bed.operator.ready(bed.assets, looks=2)
    await bed.operator.settled()


async def measure(chosen: argparse.Namespace) -> list[Figure]:
    """Run what was chosen, in one world."""
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as folder:
        async with bed(chosen, Path(folder)) as made:
            if "P3" in chosen.only:
                figures += await p3(made, chosen.rounds)
            if "P4" in chosen.only:
                figures += await p4(made)
            if "P7" in chosen.only:
                figures += await p7(made)
    return figures


def main() -> int:
    """Measure and print; 1 if a bar is missed."""
    parser = options(__doc__)
    parser.add_argument("--assets", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=100, help="changes that P4 measures")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of P3")
    parser.add_argument("--only", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--profile", metavar="FILE", help="run the operator under cProfile, and leave its figures here")
    chosen = parser.parse_args()
    return finish(asyncio.run(measure(chosen)), chosen)


if __name__ == "__main__":
    sys.exit(main())
