"""The page's addresses: every path under `/ui` is the one HTML document, which then shows what the path names.

The document is for anybody, since there is nothing in it: what it shows it reads from `/v1`, where the reader's own
rights hold. Its policy lets it run and read what came from this server, and nothing else.
"""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from starlette.responses import RedirectResponse, Response

from upwell_operator.server.problems import Problem
from upwell_operator.server.ui.files import File, shipped

router = APIRouter(include_in_schema=False)

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
)
GUARDS: Final = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
FOR_EVER: Final = "public, max-age=31536000, immutable"
ASK_AGAIN: Final = "no-cache"


@router.api_route("/", methods=["GET", "HEAD"])
async def root() -> RedirectResponse:
    """Lead a person who typed only the host to the page."""
    return RedirectResponse("/ui/", 302)


@router.api_route("/ui/files/{digest}/{name:path}", methods=["GET", "HEAD"])
async def file(digest: str, name: str, request: Request) -> Response:
    """Give one of the page's files. Raises Problem (404)."""
    found = shipped().files.get(name) if digest == shipped().digest else None
    if found is None:
        detail = "This server has no such file: the page is of another release of Upwell; load it again."
        raise Problem(404, "not-found", detail)
    return _answer(found, request, FOR_EVER)


@router.api_route("/ui", methods=["GET", "HEAD"])
@router.api_route("/ui/{path:path}", methods=["GET", "HEAD"])
async def page(request: Request) -> Response:
    """Give the HTML document."""
    return _answer(shipped().shell, request, ASK_AGAIN)


def _answer(found: File, request: Request, caching: str) -> Response:
    headers = {**GUARDS, "Cache-Control": caching, "ETag": found.etag, "Vary": "Accept-Encoding"}
    if found.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(found.packed, media_type=found.type, headers={**headers, "Content-Encoding": "gzip"})
    return Response(found.content, media_type=found.type, headers=headers)
