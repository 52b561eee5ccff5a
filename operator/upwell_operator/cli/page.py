"""The small page of a process without an API of its own: `/healthz`, `/readyz`, `/metrics`.

Signals belong to the process, so the page leaves them alone and ends when its task is cancelled.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import uvicorn
from prometheus_client import CollectorRegistry

from upwell_operator.health import Checks, create_health
from upwell_operator.settings import Settings


class _Page(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process."""
        yield


def page(settings: Settings) -> Callable[[Checks, CollectorRegistry], Coroutine[Any, Any, None]]:
    """Give the function that serves checks and metrics where the settings say."""

    async def serve(checks: Checks, registry: CollectorRegistry) -> None:
        app = create_health(checks, registry)
        config = uvicorn.Config(
            app, host=settings.bind, port=settings.port, log_config=None, access_log=False, lifespan="off"
        )
        await _Page(config).serve()

    return serve
