"""Kubernetes Events without a flood: repetitions are counted on the Event that stands, talkative objects held back.

`Throttle` decides, and is pure; `Recorder` writes. Limits: what was said is remembered for the last 4,096 objects and
reasons of this process; a restarted operator may say a thing once more.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar

from upwell_operator.cluster.port import Cluster, Object
from upwell_operator.resources.meta import GROUP

WINDOW = 600.0
"""The same reason about the same object within this many seconds is a repetition."""
UPDATE = 60.0
"""A standing Event's count is written at most this often."""
BURST, REFILL = 10, 60.0
"""An object may have this many Events at once, and one more after each so many seconds."""
REMEMBERED = 4096
MAX_NOTE = 1024
"""The API's own limit."""
CONTROLLER = f"{GROUP}/upwell-operator"

Key = tuple[str, str, str, str]
"""Object, reason, kind of event, message."""
K = TypeVar("K")
V = TypeVar("V")


@dataclass(slots=True)
class Standing:
    """An Event that was posted: where it is, and how often it has happened since."""

    name: str
    said_at: float
    written_at: float
    count: int = 1


@dataclass(slots=True)
class Allowance:
    """How many Events there may still be: so many at once, and one more after each so many seconds."""

    at: float
    burst: float = BURST
    refill: float = REFILL
    left: float = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.burst

    def take(self, now: float) -> bool:
        """Take one if there is one, after adding what time has brought."""
        self.left = min(self.burst, self.left + (now - self.at) / self.refill)
        self.at = now
        if self.left < 1:
            return False
        self.left -= 1
        return True


class Throttle:
    """What to do with an Event: post it, count it on the one that stands, or drop it."""

    def __init__(self) -> None:
        self._standing: OrderedDict[Key, Standing] = OrderedDict()
        self._allowances: OrderedDict[str, Allowance] = OrderedDict()

    def repeated(self, key: Key, now: float) -> Standing | None:
        """Give the Event that says this already, one count higher, or None if it has to be posted."""
        standing = self._standing.get(key)
        if standing is None or now - standing.said_at > WINDOW:
            return None
        standing.count += 1
        standing.said_at = now
        return standing

    def allowed(self, uid: str, now: float) -> bool:
        """Say whether this object may have one more Event now."""
        allowance = self._allowances.setdefault(uid, Allowance(now))
        self._allowances.move_to_end(uid)
        _bound(self._allowances)
        return allowance.take(now)

    def posted(self, key: Key, name: str, now: float) -> None:
        """Remember that this Event stands."""
        self._standing[key] = Standing(name, now, now)
        self._standing.move_to_end(key)
        _bound(self._standing)

    def forget(self, key: Key) -> None:
        """Take it back: the Event could not be written."""
        self._standing.pop(key, None)


class Recorder:
    """Writes Events through a cluster, as `Throttle` decides. `clock` is monotonic."""

    def __init__(self, cluster: Cluster, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster = cluster
        self._clock = clock
        self._throttle = Throttle()
        self._instance = os.environ.get("HOSTNAME") or f"upwell-{os.getpid()}"

    async def post(self, regarding: Object, *, reason: str, message: str, warning: bool = False) -> None:
        """Post, count or drop one Event about an object; raises what the cluster raises."""
        meta, now = regarding["metadata"], self._clock()
        key = (meta.get("uid") or f"{meta.get('namespace')}/{meta['name']}", reason, str(warning), message)
        standing = self._throttle.repeated(key, now)
        if standing is not None:
            await self._count(standing, meta.get("namespace") or "default", now)
        elif self._throttle.allowed(key[0], now):
            event = self._event(regarding, reason, message, warning=warning)
            self._throttle.posted(key, event["metadata"]["name"], now)  # before it is: two tasks may say the same
            await self._create(key, event)

    async def _create(self, key: Key, event: Object) -> None:
        try:
            await self._cluster.create("events", event)
        except BaseException:
            self._throttle.forget(key)
            raise

    async def _count(self, standing: Standing, namespace: str, now: float) -> None:
        if now - standing.written_at < UPDATE:
            return
        standing.written_at = now
        series = {"series": {"count": standing.count, "lastObservedTime": micro_time()}}
        await self._cluster.patch("events", namespace, standing.name, series)

    def _event(self, regarding: Object, reason: str, message: str, *, warning: bool) -> Object:
        meta = regarding["metadata"]
        namespace = meta.get("namespace") or "default"
        return {
            "apiVersion": "events.k8s.io/v1",
            "kind": "Event",
            "metadata": {"name": f"{meta['name'][:200]}.{time.time_ns():x}", "namespace": namespace},
            "eventTime": micro_time(),
            "reportingController": CONTROLLER,
            "reportingInstance": self._instance[:128],
            "action": "Reconcile",
            "reason": reason[:128],
            "note": message if len(message) <= MAX_NOTE else f"{message[: MAX_NOTE - 1]}…",
            "type": "Warning" if warning else "Normal",
            "regarding": reference(regarding),
        }


def reference(obj: Object) -> Object:
    """Give the ObjectReference of an object."""
    meta = obj["metadata"]
    found = {"apiVersion": obj.get("apiVersion"), "kind": obj.get("kind")}
    found |= {field: meta.get(field) for field in ("namespace", "name", "uid", "resourceVersion")}
    return {key: value for key, value in found.items() if value}


def micro_time(now: datetime | None = None) -> str:
    """Write a time as Kubernetes' MicroTime; the current one by default."""
    return (now or datetime.now(UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _bound(memory: OrderedDict[K, V]) -> None:
    while len(memory) > REMEMBERED:
        memory.popitem(last=False)
