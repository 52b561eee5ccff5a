"""Events on their way to the server, while the function runs: a queue, and one thread that posts from it.

What waits goes out in one batch; a failure is tried again with exponential backoff and jitter for as long as the
function runs, and at its end for as long as `flush` may take. Events of a refused batch are sent once more, each alone,
so that only the guilty one is dropped. Limits: order is kept; nothing here touches a disk; what could not be posted is
given back by `flush`.
"""

from __future__ import annotations

import os
import time
from collections import deque
from threading import Condition, Thread
from typing import Callable

from upwell.errors import Refused, UpwellError
from upwell.pod.transport import Later
from upwell.protocol import MAX_EVENT_BYTES, Batch, Event
from upwell.wire import dumps, encode, to_wire

FIRST_DELAY, LONGEST_DELAY = 0.1, 3.0
MAX_BATCH_EVENTS = 1000
MAX_BACKLOG_BYTES = 64 * 1024 * 1024
POLL_SECONDS = 0.2
"""How soon a deadline that a signal handler moved is noticed; a handler must not take a lock."""


def delay(tries: int, asked: float, noise: float) -> float:
    """Give the seconds before the next try: doubling, cut, with jitter (`noise` from 0 to 1); never less than asked."""
    longest = min(LONGEST_DELAY, FIRST_DELAY * float(1 << min(tries, 16)))
    return max(asked, longest * (0.5 + noise / 2))


class Delivery:
    """Takes events from any thread. `post` sends one body (see `Transport`); None keeps everything for the end."""

    def __init__(self, post: Callable[[bytes], None] | None, attempt: str | None, budget: float) -> None:
        self._post = post
        self._attempt = attempt
        self._budget = budget
        self._changed = Condition()
        self._pending: deque[tuple[Event, int, str]] = deque()
        self._bytes = 0
        self._largest_batch = MAX_BATCH_EVENTS
        self._deadline = float("inf")
        self.refusals: dict[str, Refused] = {}
        """The first refusal of each owner's events: what it observes has failed."""
        self.trouble = ""
        """Why the last try did not work, for a person."""
        if post is not None:
            Thread(target=self._work, args=(post,), name="upwell-delivery", daemon=True).start()

    @property
    def refusal(self) -> Refused | None:
        """The refusal of a run that owns all events alone, if there was one."""
        return self.refusals.get("")

    def log(self, event: Event, owner: str = "") -> None:
        """Take an event from the running function; `owner` tells those apart that share a pod.

        Raises Refused if the server has refused an earlier one, InvalidValue if it is too large, UpwellError if too
        much waits for a server that does not answer.
        """
        if owner in self.refusals:
            raise self.refusals[owner]
        size = len(encode(event).encode())
        with self._changed:
            if not self._changed.wait_for(lambda: self._bytes + size <= MAX_BACKLOG_BYTES, self._budget):
                raise UpwellError(f"{self._bytes:,} bytes of events wait; the server does not answer: {self.trouble}")
            self._add(event, size, owner)

    def put(self, event: Event, owner: str = "") -> None:
        """Take an event of the run itself, which is never too late."""
        with self._changed:
            self._add(event, len(encode(event).encode()), owner)

    def flush(self, seconds: float) -> list[Event]:
        """Wait until everything is posted, at most `seconds`; give what is not."""
        self.hurry(seconds)
        with self._changed:
            while self._post is not None and self._pending and (left := self._deadline - time.monotonic()) > 0:
                self._changed.wait(min(left, POLL_SECONDS))
            return [event for event, *_ in self._pending]

    def hurry(self, seconds: float) -> None:
        """Let `flush` end within `seconds`, if it would not end earlier. Safe in a signal handler."""
        self._deadline = min(self._deadline, time.monotonic() + seconds)

    def _add(self, event: Event, size: int, owner: str) -> None:
        self._pending.append((event, size, owner))
        self._bytes += size
        self._changed.notify_all()

    def _work(self, post: Callable[[bytes], None]) -> None:
        """Post what waits, for ever; the process's end is the thread's."""
        tries = 0
        while True:
            batch = self._batch()
            try:
                post(dumps(to_wire(Batch(batch, attempt=self._attempt))).encode())
            except Later as later:
                self.trouble = str(later)
                time.sleep(delay(tries, later.after, os.urandom(1)[0] / 255))
                tries += 1
            except Refused as refused:
                self._refused(batch, refused)
            else:
                tries = 0
                self._done(len(batch))

    def _batch(self) -> list[Event]:
        """Wait for events; give as many as one request may carry, at least one."""
        with self._changed:
            self._changed.wait_for(lambda: self._pending)
            batch: list[Event] = []
            total = 0
            for event, size, _ in self._pending:
                total += size
                if batch and (total > MAX_EVENT_BYTES or len(batch) >= self._largest_batch):
                    break
                batch.append(event)
            return batch

    def _done(self, count: int) -> None:
        """Forget the events of a batch."""
        with self._changed:
            for _ in range(count):
                self._bytes -= self._pending.popleft()[1]
            self._changed.notify_all()

    def _refused(self, batch: list[Event], refused: Refused) -> None:
        """Find the guilty event by sending them alone; then remember the refusal and drop it."""
        if len(batch) > 1:
            self._largest_batch = 1
            return
        self.refusals.setdefault(self._pending[0][2], refused)
        self._done(1)
