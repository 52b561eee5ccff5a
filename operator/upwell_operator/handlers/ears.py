"""What kopf hears, handed on: low-level `on.event` handlers that do nothing but tell the reconciler.

kopf is used for what it is best at (listing, watching, reconnecting) and for nothing that it would write: no
annotation, no finalizer, no progress. It has a thread and a loop of its own, because it takes the process's signals and
cancels every task of its loop when it ends. A handler can never end its watch: whatever goes wrong in one is caught
here, `BaseException` included, and made up for by the next full pass.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import kopf

from upwell_operator.cluster.own_loop import in_own_loop
from upwell_operator.errors import UpwellError
from upwell_operator.handlers.storage import NoDiffBase, NoProgress
from upwell_operator.handlers.vitals import Vitals
from upwell_operator.resources.meta import GROUP, VERSION, Label

Json = dict[str, Any]
Hear = Callable[[str, str, Json], None]
log = logging.getLogger(__name__)
HEARD = (
    (GROUP, VERSION, "assets"),
    (GROUP, VERSION, "observationjobs"),
    (GROUP, VERSION, "schedules"),
    ("batch", "v1", "jobs"),
)
STOP_SECONDS = 5.0
AT_ONCE = 100
"""Events taken in without a break, so that ten thousand keep nobody waiting."""


class DeafError(UpwellError):
    """kopf has ended, so nothing is heard any more; the process ends, and its replacement hears again."""


class Ears:
    """kopf in a thread. `hear` is called in the loop of whoever calls `listen`."""

    def __init__(self, hear: Hear, vitals: Vitals, namespaces: Sequence[str]) -> None:
        self._hear, self._vitals, self._namespaces = hear, vitals, namespaces
        self._stop = threading.Event()
        self._events: deque[tuple[str, str, Json]] = deque()

    async def listen(self) -> None:
        """Listen until cancelled. Raises DeafError when kopf ends by itself."""
        error = await in_own_loop(self._operate, name="kopf", stop=self._stop.set, patience=STOP_SECONDS)
        why = "without a word" if error is None else f"{type(error).__name__}: {error}"
        raise DeafError(f"kopf has ended: {why}")

    async def _operate(self, loop: asyncio.AbstractEventLoop) -> None:
        await kopf.operator(
            registry=self._registry(loop),
            settings=quiet_settings(),
            standalone=True,
            clusterwide=not self._namespaces,
            namespaces=list(self._namespaces),
            stop_flag=self._stop,
        )

    def _registry(self, loop: asyncio.AbstractEventLoop) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()
        kopf.on.login(registry=registry)(log_in)
        for group, version, plural in HEARD:
            kopf.on.event(group, version, plural, registry=registry, id=plural)(self._ear(plural, loop))
        return registry

    def _ear(self, plural: str, loop: asyncio.AbstractEventLoop) -> Callable[..., Awaitable[None]]:
        async def on_event(event: Json, **_: Any) -> None:
            self._events.append((plural, event["type"] or "ADDED", dict(event["object"])))
            if len(self._events) == 1:  # else somebody is on his way: waking a loop costs more than an event does
                loop.call_soon_threadsafe(self._take_some, loop)

        return on_event

    def _take_some(self, loop: asyncio.AbstractEventLoop) -> None:
        for _ in range(min(len(self._events), AT_ONCE)):
            self._take(*self._events.popleft())
        if self._events:
            loop.call_soon(self._take_some, loop)

    def _take(self, plural: str, kind: str, obj: Json) -> None:
        self._vitals.heard(plural)
        try:
            self._hear(plural, kind, obj)
        except BaseException:
            self._vitals.deafened(plural)
            log.exception("an event of %s could not be taken in; the next full pass will see it", plural)


def log_in(**kwargs: Any) -> kopf.ConnectionInfo | None:
    """Log in by the pod's account or a kubeconfig, without the client library that kopf would import whole."""
    return kopf.login_with_service_account(**kwargs) or kopf.login_with_kubeconfig(**kwargs)


def quiet_settings() -> kopf.OperatorSettings:
    """Give kopf's settings for a mere listener: nothing posted, nothing kept, workers that end soon, lists in pages."""
    settings = kopf.OperatorSettings()
    settings.posting.enabled = False
    settings.persistence.diffbase_storage = NoDiffBase()
    settings.persistence.progress_storage = NoProgress()
    settings.queueing.idle_timeout = 0.2  # a task for each of 10,000 objects holds 80 MB, for five seconds by default
    settings.watching.chunk_size = 500
    settings.watching.label_selectors["batch", "v1", "jobs"] = f"{Label.MANAGED_BY}=upwell"
    settings.process.ultimate_exiting_timeout = None  # the process is not kopf's to end
    return settings
