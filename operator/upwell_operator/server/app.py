"""The server as one ASGI application: routes, errors, health, and the reader of the feed that lives as long as it does.

    app = create_app(cluster, store, settings)      # uvicorn runs it; see serving.py

Whoever makes the cluster and the store also opens and closes them; `upwell dev` shares both with the operator.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from upwell_operator.cluster.port import Cluster
from upwell_operator.health import Check, Health
from upwell_operator.server import (
    acting,
    assets,
    body,
    graph,
    ingest,
    partitions,
    problems,
    quarantining,
    releasing,
    report,
    runs,
    stream,
    versions,
)
from upwell_operator.server.face import Face, build
from upwell_operator.server.people import check_settings
from upwell_operator.server.ui import routes as ui
from upwell_operator.settings import Settings
from upwell_operator.store import Store

DESCRIPTION = """\
Assets, what was observed of them, and what that means. Every error is a problem document (RFC 9457).

People send a token of the Kubernetes API; RBAC on `upwell.dev` decides what they may do. Pods send their own token.
Lists give `metadata.continue` while there is more: pass it as `cursor`.
"""


def utc_now() -> datetime:
    """Give the time, aware."""
    return datetime.now(UTC)


def create_app(
    cluster: Cluster, store: Store, settings: Settings, *, clock: Callable[[], datetime] = utc_now
) -> FastAPI:
    """Build the server. Raises UpwellError for settings that would serve strangers."""
    check_settings(settings)
    face = build(cluster, store, settings, clock)
    app = routed(_lifespan(face))
    app.state.face = face
    return app


def routed(lifespan: Any = None) -> FastAPI:
    """Build the application with all its routes, but with nothing behind them: enough for its OpenAPI document."""
    app = FastAPI(
        title="Upwell",
        version="v1",
        description=DESCRIPTION,
        lifespan=lifespan,
        docs_url=None,  # both pages load scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=_operation_id,
        separate_input_output_schemas=False,
    )
    # The order matters: a name with slashes in it may end in /events, but not in /observe.
    known = (ingest, report, runs, versions, partitions, assets, acting, quarantining, releasing, graph, stream, ui)
    for module in known:
        app.include_router(module.router)
    for path, endpoint in (("/healthz", live), ("/readyz", ready), ("/metrics", metrics)):
        app.add_api_route(path, endpoint, tags=["health"], methods=["GET"], response_class=Response)
    problems.install(app)
    _document(app)
    return app


def openapi_document() -> dict[str, Any]:
    """Give the OpenAPI document; needs no cluster and no store."""
    return routed().openapi()


def _operation_id(route: APIRoute) -> str:
    return route.name


def _document(app: FastAPI) -> None:
    """Add to the document what FastAPI cannot see: the schemas of bodies validated by hand, and of problems."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        document = plain()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        problem = problems.ProblemDetails.model_json_schema()
        schemas.update({**body.definitions(), "ProblemDetails": problem})
        return document

    app.openapi = openapi  # type: ignore[method-assign] # FastAPI's documented way


def _lifespan(face: Face) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        face.hub.start()
        try:
            yield
        finally:
            await face.hub.close()

    return lifespan


def _health(request: Request) -> Health:
    face: Face = request.app.state.face

    async def store() -> Check:
        await face.store.ping()
        return Check(ok=True, message="the store answers")

    return Health({"store": store}, face.metrics.registry)


async def live(request: Request) -> Response:
    """Say that the process is alive."""
    return await _health(request).live(request)


async def ready(request: Request) -> Response:
    """Say whether reports and queries can be served, check by check."""
    return await _health(request).ready(request)


async def metrics(request: Request) -> Response:
    """Give the metrics in Prometheus' text format."""
    return await _health(request).metrics(request)
