"""Kubernetes Events about conditions that turned, posted behind the statuses and never in their way.

An Event is a courtesy: the status has said it already. So nobody waits for one; they are posted one after the other,
and when a change turns thousands of conditions at once, all but some of what is no warning is left out: each would cost
the API server as much as the status that it tells of. What waits at the end of the process is posted.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from upwell_operator.cluster.events import Allowance
from upwell_operator.cluster.port import Cluster
from upwell_operator.resources.meta import ConditionType

Json = dict[str, Any]
log = logging.getLogger(__name__)
AT_ONCE, A_SECOND = 100, 1
"""Events that are no warnings: so many at once, and then so many a second. Ten a second took a fiftieth of a wave."""


class Teller:
    """Posts Events in the background."""

    def __init__(self, cluster: Cluster, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster, self._clock = cluster, clock
        self._allowance = Allowance(clock(), AT_ONCE, 1 / A_SECOND)
        self._waiting: deque[tuple[Json, Json]] = deque()
        self._work: asyncio.Task[None] | None = None
        self._left_out = 0

    def tell(self, about: Json, condition: Json) -> None:
        """Have it told that a condition of an object has turned. `about` names the object as an Event does."""
        if not _bad(condition) and not self._allowance.take(self._clock()):
            self._left_out += 1
            return
        self._waiting.append((about, condition))
        if self._work is None or self._work.done():
            self._work = asyncio.get_running_loop().create_task(self._post_all())

    async def told(self) -> None:
        """Wait until nothing waits. Who is cancelled meanwhile ends the telling."""
        if self._work is not None:
            await self._work

    async def _post_all(self) -> None:
        while self._waiting:
            await self._post(*self._waiting.popleft())
        if self._left_out:
            log.info("%d Events were left out, there were too many at once; the statuses tell", self._left_out)
            self._left_out = 0

    async def _post(self, about: Json, condition: Json) -> None:
        try:
            await self._cluster.post_event(
                about, reason=condition["reason"], message=condition["message"], warning=_bad(condition)
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, the next one is posted
            meta = about["metadata"]
            log.info("an Event about %s/%s was not posted: %s", meta["namespace"], meta["name"], error)


def _bad(condition: Json) -> bool:
    """Say whether a person should look: being stale is news, and nothing wrong."""
    if condition["type"] == ConditionType.HELD:
        return True
    return bool(condition["status"] == "False" and condition["type"] != ConditionType.FRESH)
