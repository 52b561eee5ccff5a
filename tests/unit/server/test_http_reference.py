"""The document lists every route, and the page is printed from it."""

from __future__ import annotations

from pathlib import Path

from starlette.routing import Route

from upwell_operator.server.app import openapi_document, routed
from upwell_operator.server.reference import http_reference

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "http.md"
DESIGNED = """
GET /v1/assets · GET /v1/assets/{namespace}/{name} · GET /v1/assets/{namespace}/{name}/events
GET /v1/assets/{namespace}/{name}/versions · GET /v1/assets/{namespace}/{name}/built-from
GET /v1/assets/{namespace}/{name}/decisions
POST /v1/assets/{namespace}/{name}/observe · POST /v1/assets/{namespace}/{name}/materialize
POST /v1/assets/{namespace}/{name}/quarantine · POST /v1/assets/{namespace}/{name}/release
POST /v1/assets/{namespace}/{name}/events · POST /v1/observation-jobs/{namespace}/{name}/run
GET /v1/observation-jobs · GET /v1/schedules · GET /v1/graph · GET /v1/runs · GET /v1/runs/{namespace}/{run}
GET /v1/runs/{namespace}/{run}/log · POST /v1/runs/{namespace}/{run}/events · GET /v1/stream
GET /healthz · GET /readyz · GET /metrics
"""


def _documented() -> set[str]:
    paths = openapi_document()["paths"]
    return {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}


def test_every_route_that_was_designed_is_in_the_document() -> None:
    wanted = {route for line in DESIGNED.strip().splitlines() for route in line.split(" · ")}
    assert wanted <= _documented()


def test_every_route_that_exists_is_in_the_document() -> None:
    served = {
        f"{method} {route.path.replace(':path', '')}"
        for route in routed().routes
        if isinstance(route, Route) and route.path != "/openapi.json"
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert served <= _documented()


def test_every_reference_in_the_document_leads_somewhere() -> None:
    document = openapi_document()
    schemas = document["components"]["schemas"]
    names = {part.split('"')[0] for part in str(document).replace("'", '"').split("#/components/schemas/")[1:]}
    assert names <= set(schemas)


def test_the_page_is_what_the_document_says() -> None:
    assert PAGE.read_text() == http_reference(openapi_document()), (
        "docs/reference/http.md is old; run `python -m upwell_operator.server.reference > docs/reference/http.md`"
    )
