"""One reader of the feed for any number of clients: what changed, as server-sent events.

Every change gets an id (`<boot>-<number>`); a client that comes back with the last one it saw gets what it missed, as
long as that is among the newest `KEPT` of this process. Otherwise, and whenever something may have been missed, it gets
`reset`: read everything again. A client that does not keep up is told `reset` and sent away; nobody waits for it.

Limits: ids mean nothing to another replica or after a restart; there a client starts with a `reset`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
from collections import deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from upwell_operator.errors import UpwellError, Waiting
from upwell_operator.server.metrics import Metrics
from upwell_operator.server.past import change_json
from upwell_operator.store import Change, Store

KEPT: Final = 2048
QUEUE: Final = 256
HEARTBEAT_SECONDS: Final = 15.0
RETRY_SECONDS: Final = 1.0
RETRY_MS: Final = 2000
"""How long a browser waits before it connects again."""

_log = logging.getLogger(__name__)


def frame(event: str, data: Any, id: str | None = None) -> bytes:  # noqa: A002 - the field's own name
    """Write one server-sent event; JSON has no line breaks, so that nothing in the data can end the event."""
    head = f"id: {id}\n" if id else ""
    return f"{head}event: {event}\ndata: {json.dumps(data)}\n\n".encode()


HELLO: Final = f"retry: {RETRY_MS}\n\n".encode()
HEARTBEAT: Final = b": still here\n\n"
RESET: Final = frame("reset", {"message": "changes may have been missed; read everything again"})


@dataclass(frozen=True, slots=True)
class Sent:
    """One change as it is sent, and whom it may be sent to."""

    number: int
    namespace: str
    bytes: bytes


@dataclass(eq=False, slots=True)
class Client:
    """One connection's queue; None ends it."""

    namespace: str | None
    queue: asyncio.Queue[bytes | None] = field(default_factory=lambda: asyncio.Queue(QUEUE))

    def wants(self, sent: Sent) -> bool:
        """Say whether a change is in the namespace that the client may see."""
        return self.namespace in (None, sent.namespace)


class Hub:
    """Reads the store's feed once, and hands it to every client."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store, self._metrics = store, metrics
        self._boot = secrets.token_hex(4)
        self._kept: deque[Sent] = deque(maxlen=KEPT)
        self._number = 0
        self._clients: set[Client] = set()
        self._reader: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to read the feed."""
        self._reader = asyncio.create_task(self._read(), name="upwell-stream")

    async def close(self) -> None:
        """Stop reading, and end every client's stream."""
        for client in set(self._clients):
            self._end(client)
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader

    async def _read(self) -> None:
        quiet = False
        while True:
            try:
                async with contextlib.aclosing(self._store.follow()) as heard:
                    async for changes in heard:
                        quiet = False
                        self.publish(changes)
            except UpwellError as error:
                if not quiet:
                    _log.warning("the stream of changes is interrupted: %s", error)
                quiet = True
                self.reset()
                await asyncio.sleep(min(error.after, RETRY_SECONDS) if isinstance(error, Waiting) else RETRY_SECONDS)

    def publish(self, changes: Iterable[Change]) -> None:
        """Send changes to whoever may see them."""
        for change in changes:
            self._number += 1
            data = change_json(change)
            sent = Sent(self._number, change.id.namespace, frame("change", data, self._id(self._number)))
            self._kept.append(sent)
            for client in [one for one in self._clients if one.wants(sent)]:
                self._offer(client, sent.bytes)

    def reset(self) -> None:
        """Tell everybody to read everything again: the past that was kept has a hole now."""
        self._kept.clear()
        self._number += 1
        for client in set(self._clients):
            self._metrics.resets.inc()
            self._offer(client, RESET)

    def _offer(self, client: Client, data: bytes) -> None:
        try:
            client.queue.put_nowait(data)
        except asyncio.QueueFull:
            self._end(client, RESET)
            self._metrics.resets.inc()

    def _end(self, client: Client, *last: bytes) -> None:
        self._clients.discard(client)
        while not client.queue.empty():
            client.queue.get_nowait()
        for item in (*last, None):
            client.queue.put_nowait(item)

    def _id(self, number: int) -> str:
        return f"{self._boot}-{number}"

    def _missed(self, last: str | None, client: Client) -> list[bytes]:
        """Give what a client that saw `last` has missed."""
        boot, _, number = (last or "").partition("-")
        if last is None or (boot == self._boot and number == str(self._number)):
            return []
        seen = int(number) if boot == self._boot and number.isascii() and number.isdigit() else -1
        if not self._kept or not self._kept[0].number - 1 <= seen <= self._number:
            return [RESET]
        return [sent.bytes for sent in self._kept if sent.number > seen and client.wants(sent)]

    async def follow(self, namespace: str | None, last: str | None) -> AsyncIterator[bytes]:
        """Give the stream of one client: what it missed, then what comes, with heartbeats, until either side ends."""
        client = Client(namespace)
        missed = self._missed(last, client)
        self._clients.add(client)
        self._metrics.clients.inc()
        try:
            # The newest id first, so that a client that is cut off before any change can still come back.
            yield HELLO + frame("hello", {}, self._id(self._number)) if not missed else HELLO
            for data in missed:
                yield data
            async for data in _queued(client):
                yield data
        finally:
            self._clients.discard(client)
            self._metrics.clients.dec()


async def _queued(client: Client) -> AsyncIterator[bytes]:
    while True:
        try:
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                data = await client.queue.get()
        except TimeoutError:
            data = HEARTBEAT
        if data is None:
            return
        yield data
