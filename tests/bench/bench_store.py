"""P8, P9, P10 and the reference of P1: what the store costs, on a real Valkey that fsyncs before it answers.

    python tests/bench/bench_store.py [--events 100000]

P1's reference is `append.lua` called directly and pipelined; the bar of P1 itself is `bench_ingest`'s. Figures are of
this machine, now; ratios are what counts.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figures import Figure, finish, options
from pydantic import TypeAdapter

from redis_servers import Backend, running
from upwell.protocol import Batch, Event, EventType, MetadataEntry
from upwell_operator.domain import partitions
from upwell_operator.domain.event_rules import check_event
from upwell_operator.domain.partitions import Dynamic
from upwell_operator.domain.snapshot import AssetId
from upwell_operator.server.body import parse
from upwell_operator.store import Append, Store

START = datetime.now(UTC) - timedelta(days=1)
BATCH = 100
IN_FLIGHT = 4
"""Batches in flight at once: as many clients as keep one server busy."""
PAGES = 300
ASSETS = 10_000
MILLION = 1_000_000
AT_ONCE = 5_000
"""Partitions of one event: a mebibyte holds that many with a SHA-256 each."""


def observation(asset: AssetId, number: int, version: str, *, run: str | None = None) -> Append:
    """Give an observation as a file-hash source reports it: a SHA-256, a path and a number."""
    metadata = {"path": MetadataEntry("path", "/data/raw/orders.csv"), "rows": MetadataEntry("int", 120_000)}
    time_ = (START + timedelta(seconds=number)).isoformat()
    event_id = f"01JQ{number:022d}"
    event = Event(event_id, EventType.OBSERVATION, asset.key, time_, version, metadata, result=True)
    return Append(asset, event, run=run)


def sha(number: int) -> str:
    return f"{number:064x}"


async def fill(store: Store, entries: Sequence[Append]) -> None:
    """Append in batches, a few in flight."""
    batches = [entries[at : at + BATCH] for at in range(0, len(entries), BATCH)]
    for at in range(0, len(batches), IN_FLIGHT):
        await asyncio.gather(*(store.append(batch) for batch in batches[at : at + IN_FLIGHT]))


async def throughput(store: Store, count: int = 20_000) -> list[Figure]:
    """P1's reference: events a second through the verb, and through EVALSHA alone with arguments packed before."""
    assets = [AssetId("bench", f"p1/{number}") for number in range(100)]
    entries = [observation(assets[n % 100], n, sha(n // 1000)) for n in range(count)]
    begun = time.perf_counter()
    await fill(store, entries)
    verb = count / (time.perf_counter() - begun)
    calls = [store._append(observation(assets[n % 100], count + n, sha(n // 1000))) for n in range(count)]
    begun = time.perf_counter()
    batches = [calls[at : at + BATCH] for at in range(0, count, BATCH)]
    for at in range(0, len(batches), IN_FLIGHT):
        await asyncio.gather(*(store._link.calls(batch) for batch in batches[at : at + IN_FLIGHT]))
    script = count / (time.perf_counter() - begun)
    return [
        Figure("P1 reference: append.lua, pipelined", script, "events/s"),
        Figure("P1 Store.append, batches of 100", verb, "events/s", script, ">= 50 %", verb >= script / 2),
    ]


def used(backend: Backend) -> int:
    """Give the bytes that the server has allocated, once it has nothing left to do."""
    with backend.servers[0].admin() as client:
        client.execute_command("MEMORY", "PURGE")
        return int(client.info("memory")["used_memory"])


def drop(backend: Backend, pattern: str) -> None:
    """Remove keys that expire by themselves, as time would."""
    with backend.servers[0].admin() as client:
        names = list(client.scan_iter(pattern, count=10_000))
        for at in range(0, len(names), 1000):
            client.unlink(*names[at : at + 1000])


async def bytes_each(store: Store, backend: Backend, name: str, version: Callable[[int], str]) -> tuple[float, float]:
    """Give the bytes an observation costs for good, and with the ids that are kept for a week, over 20,000 in runs."""
    assets = [AssetId("bench", f"{name}/{number}") for number in range(20)]
    await fill(store, [observation(asset, 0, version(0), run="first") for asset in assets])
    for asset in assets:
        await store.trim(asset, 100_000, timedelta(days=365))
    before, count = used(backend), 20_000
    entries = [observation(assets[n % 20], n + 1, version(1 + n // 20), run=f"{name}-{n:012x}") for n in range(count)]
    await fill(store, entries)
    full = used(backend)
    drop(backend, "*:seen:*")
    return (used(backend) - before) / count, (full - before) / count


async def sizes(store: Store, backend: Backend) -> list[Figure]:
    """P8: bytes of Redis' memory an observation, unchanged and changed."""
    unchanged, unchanged_week = await bytes_each(store, backend, "same", lambda _: sha(0))
    changed, changed_week = await bytes_each(store, backend, "new", sha)
    return [
        Figure("P8 unchanged observation", unchanged, "B", 35_000, "<= 100 B", unchanged <= 100, documented=True),
        Figure("P8 changed observation", changed, "B", 35_000, "<= 700 B", changed <= 700, documented=True),
        Figure("   unchanged, with its id (a week)", unchanged_week, "B"),
        Figure("   changed, with its id (a week)", changed_week, "B"),
    ]


async def page(store: Store, events: int) -> list[Figure]:
    """P9: an asset's page (state and 50 events) of an asset with many events."""
    asset = AssetId("bench", "p9")
    await fill(store, [observation(asset, 0, sha(0))])
    await store.trim(asset, events * 2, timedelta(days=365))
    await fill(store, [observation(asset, n, sha(n)) for n in range(1, events)])
    took = []
    for _ in range(PAGES):
        begun = time.perf_counter()
        await store.states([asset])
        found = await store.events(asset, limit=50)
        took.append((time.perf_counter() - begun) * 1000)
        assert len(found.items) == 50
    p50, p99 = statistics.median(took), statistics.quantiles(took, n=100)[98]
    return [
        Figure(f"P9 page with {events:,} events, p50", p50, "ms", 12.6, "<= 2 ms", p50 <= 2, documented=True),
        Figure(f"P9 page with {events:,} events, p99", p99, "ms", 12.6, "<= 5 ms", p99 <= 5, documented=True),
    ]


def versions_of(numbers: range, salt: int = 0) -> dict[str, str]:
    return {f"2026-{number:07}": sha(number + salt) for number in numbers}


async def report(store: Store, asset: AssetId, number: int, versions: dict[str, str], *, last: bool = True) -> float:
    """Take one observation of many partitions as the server does, from JSON to durable; give the milliseconds."""
    time_ = (START + timedelta(seconds=number)).isoformat()
    portions = [dict(islice(versions.items(), at, at + AT_ONCE)) for at in range(0, len(versions), AT_ONCE)]
    events = [
        Event(f"p{number}-{n}", EventType.OBSERVATION, asset.key, time_, partitions=portion)
        for n, portion in enumerate(portions)
    ]
    body = TypeAdapter(Batch).dump_json(Batch(events), by_alias=True)
    begun = time.perf_counter()
    taken = [check_event(event, datetime.now(UTC)) for event in parse(body).events]
    found = [partitions.versions(Dynamic(), event, datetime.now(UTC)) for event in taken]
    end = len(taken) - 1 if last else None
    entries = [Append(asset, event, versions=found[n], last=n == end) for n, event in enumerate(taken)]
    await store.append(entries)
    return (time.perf_counter() - begun) * 1000


async def slices(store: Store, backend: Backend) -> list[Figure]:
    """P10: results of many partitions; what of them is new costs, and what is as it was is only looked at."""
    many, ten, few = versions_of(range(100_000)), versions_of(range(10), 1), AssetId("bench", "p10/few")
    new = await report(store, few, 0, dict(islice(many.items(), 10_000)))
    same = await report(store, few, 1, dict(islice(many.items(), 10_000)))
    before, asset = used(backend), AssetId("bench", "p10/many")
    await report(store, asset, 0, many)
    size = (used(backend) - before) / len(many)
    changed = await report(store, asset, 1, ten)
    whole = await report(store, asset, 2, many | ten)
    return [
        Figure("P10 a result of 10,000 new partitions", new, "ms", 3_000, "<= 1000 ms", new <= 1000, documented=True),
        Figure("P10 10 that have changed of 100,000", changed, "ms", bar="<= 50 ms", ok=changed <= 50),
        Figure("    10,000 as they were", same, "ms"),
        Figure("    100,000 as they were", whole, "ms"),
        Figure("    memory of a partition", size, "B"),
    ]


async def million(store: Store, backend: Backend) -> list[Figure]:
    """A million partitions of one asset: what it takes to have them, and that a change of ten costs what ten cost."""
    few, many, before = AssetId("bench", "p10/thousand"), AssetId("bench", "p10/million"), used(backend)
    took = 0.0
    for tenth in range(10):
        portion = versions_of(range(tenth * MILLION // 10, (tenth + 1) * MILLION // 10))
        took += await report(store, many, tenth, portion, last=tenth == 9)
    size = (used(backend) - before) / MILLION
    await report(store, few, 0, versions_of(range(1000)))
    changed: dict[AssetId, list[float]] = {few: [], many: []}
    for turn in range(10, 61):
        for asset, times in changed.items():
            times.append(await report(store, asset, turn, versions_of(range(10), turn * MILLION)))
    ours, reference = statistics.median(changed[many]), statistics.median(changed[few])
    return [
        Figure("    1,000,000 partitions written", took / 1000, "s"),
        Figure(
            "P10 10 that have changed of 1,000,000 (of 1,000)", ours, "ms", reference, "<= 2 x", ours <= 2 * reference
        ),
        Figure("    newest 50 events of 1,000,000 partitions", await newest(store, many), "ms"),
        Figure("    memory of one of 1,000,000 partitions", size, "B"),
    ]


async def newest(store: Store, asset: AssetId) -> float:
    """Give the milliseconds to read an asset's newest 50 events, as a page does."""
    took = []
    for _ in range(PAGES):
        begun = time.perf_counter()
        assert len((await store.events(asset, limit=50)).items) == 50
        took.append((time.perf_counter() - begun) * 1000)
    return statistics.median(took)


async def reading(store: Store) -> list[Figure]:
    """States of ten thousand assets, unpacked."""
    ids = [AssetId("bench", f"many/{number}") for number in range(ASSETS)]
    await fill(store, [observation(id_, number, sha(number), run="r") for number, id_ in enumerate(ids)])
    took = []
    for _ in range(5):
        begun = time.perf_counter()
        assert len(await store.states(ids)) == ASSETS
        took.append((time.perf_counter() - begun) * 1000)
    best = statistics.median(took)
    return [Figure("states() of 10,000 assets", best, "ms", bar="<= 1000 ms", ok=best <= 1000)]


async def measure(events: int) -> list[Figure]:
    """Run all benches, each on an empty server."""
    figures: list[Figure] = []
    with running("valkey") as backend:
        store = Store(backend.settings)
        benches = (
            throughput,
            partial(sizes, backend=backend),
            reading,
            partial(page, events=events),
            partial(slices, backend=backend),
            partial(million, backend=backend),
        )
        for bench in benches:
            backend.empty()
            await store.open()
            figures += await bench(store)
        await store.close()
    return figures


def main() -> int:
    """Measure and print; 1 if a bar is missed."""
    parser = options(__doc__)
    parser.add_argument("--events", type=int, default=100_000)
    chosen = parser.parse_args()
    return finish(asyncio.run(measure(chosen.events)), chosen)


if __name__ == "__main__":
    sys.exit(main())
