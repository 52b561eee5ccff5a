"""Health and metrics of a process: `/healthz`, `/readyz`, `/metrics`, the same for server and operator.

A check is a coroutine function that gives a `Check`; one that raises or takes too long is a failed one, with that as
its message. `/healthz` says only that the loop turns: restarting the process cures nothing that a check can find.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

CHECK_SECONDS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found; the message is for a person, also when all is well."""

    ok: bool
    message: str = ""


Checks = Mapping[str, Callable[[], Awaitable[Check]]]


class Health:
    """The three endpoints over some checks and a registry."""

    def __init__(self, checks: Checks, registry: CollectorRegistry) -> None:
        self._checks, self._registry = checks, registry

    async def live(self, _: Request) -> Response:
        """Answer that the event loop turns."""
        return JSONResponse({"status": "ok"})

    async def ready(self, _: Request) -> Response:
        """Run every check at once; 200 if all are well, else 503, each with its message."""
        found = await asyncio.gather(*(_run(check) for check in self._checks.values()))
        ok = all(check.ok for check in found)
        checks = {name: asdict(check) for name, check in zip(self._checks, found, strict=True)}
        return JSONResponse({"status": "ok" if ok else "failed", "checks": checks}, 200 if ok else 503)

    async def metrics(self, _: Request) -> Response:
        """Give the metrics in Prometheus' text format."""
        return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)


async def _run(check: Callable[[], Awaitable[Check]]) -> Check:
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            return await check()
    except TimeoutError:
        return Check(ok=False, message=f"no answer within {CHECK_SECONDS:g} s")
    except Exception as error:  # noqa: BLE001 - whatever a check raises is what it found
        return Check(ok=False, message=f"{type(error).__name__}: {error}")


def create_health(checks: Checks, registry: CollectorRegistry) -> Starlette:
    """Build the small application that a process without an API of its own serves."""
    health = Health(checks, registry)
    return Starlette(
        routes=[
            Route("/healthz", health.live),
            Route("/readyz", health.ready),
            Route("/metrics", health.metrics),
        ]
    )
