"""Every error as RFC 9457 problem details: one shape, a stable `type`, and a sentence that says what to do.

`TABLE` is the one place where an error of `errors.py` becomes an HTTP status; a test proves that it covers them all.
What nobody foresaw is a 500 that says nothing of the inside: the traceback goes to the server's log.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from upwell_operator import errors

MEDIA_TYPE: Final = "application/problem+json"
TYPE_BASE: Final = "https://upwell.dev/problems/"


class ProblemDetails(BaseModel):
    """The body of every error (RFC 9457)."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(description="URI that names the kind of problem; stable.")
    title: str = Field(description="The kind of problem in a few words; stable.")
    status: int = Field(description="The HTTP status, again.")
    detail: str = Field(description="What is wrong, where, and what to do.")
    instance: str = Field(description="The path that was asked for.")


class Problem(Exception):  # noqa: N818 - RFC 9457's own word
    """An answer other than success: its status, its slug (the end of `type`) and a sentence for a person."""

    def __init__(
        self, status: int, slug: str, detail: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.slug, self.detail, self.headers, self.more = status, slug, detail, headers or {}, more


@dataclass(frozen=True, slots=True)
class Row:
    """How one class of error is answered; `detail` replaces the error's own text where that is not for the caller."""

    status: HTTPStatus
    slug: str
    detail: str | None = None


TABLE: Final[dict[type[errors.UpwellError], Row]] = {
    errors.StoreUnavailable: Row(HTTPStatus.SERVICE_UNAVAILABLE, "store-unavailable"),
    errors.ClusterUnavailable: Row(HTTPStatus.SERVICE_UNAVAILABLE, "cluster-unavailable"),
    errors.Waiting: Row(HTTPStatus.SERVICE_UNAVAILABLE, "try-again"),
    errors.Stalled: Row(HTTPStatus.UNPROCESSABLE_ENTITY, "cannot-be-done"),
    errors.Rejected: Row(HTTPStatus.UNPROCESSABLE_ENTITY, "rejected"),
    errors.Conflict: Row(HTTPStatus.CONFLICT, "conflict"),
    errors.AlreadyExists: Row(HTTPStatus.CONFLICT, "already-exists"),
    errors.NotFound: Row(HTTPStatus.NOT_FOUND, "not-found"),
    errors.Forbidden: Row(
        HTTPStatus.SERVICE_UNAVAILABLE,
        "server-lacks-rights",
        "The server's own ServiceAccount may not do this: the namespace is not among the chart's `watchNamespaces`, or "
        "the chart's roles are not installed (`rbac.create`). Mend that, then try again.",
    ),
    errors.Fenced: Row(HTTPStatus.CONFLICT, "fenced"),
    errors.UpwellError: Row(HTTPStatus.INTERNAL_SERVER_ERROR, "internal"),
}
"""Forbidden is the *server's* missing right, hence 503: a runner that sees 403 gives up, and its result is lost."""

RETRY_SECONDS: Final = 30
"""Retry-After of a 503 whose error does not say when."""


def row_of(error: errors.UpwellError) -> Row:
    """Give the row of an error's nearest class."""
    return next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)


def response(problem: Problem, path: str) -> Response:
    """Build the answer that a problem makes at a path."""
    body = {
        "type": TYPE_BASE + problem.slug,
        "title": problem.slug.replace("-", " ").capitalize(),
        "status": int(problem.status),
        "detail": problem.detail,
        "instance": path,
        **problem.more,
    }
    return JSONResponse(body, problem.status, headers=problem.headers, media_type=MEDIA_TYPE)


def of_error(error: errors.UpwellError) -> Problem:
    """Turn an error of `errors.py` into its problem."""
    row = row_of(error)
    headers = {}
    if row.status == HTTPStatus.SERVICE_UNAVAILABLE:
        after = error.after if isinstance(error, errors.Waiting) else RETRY_SECONDS
        headers["Retry-After"] = str(max(1, round(after)))
    return Problem(row.status, row.slug, row.detail or str(error), headers=headers)


def of_validation(found: Sequence[Any]) -> Problem:
    """Turn FastAPI's findings about parameters into one problem that lists them all."""
    lines = [{"field": ".".join(str(part) for part in item["loc"]), "problem": item["msg"]} for item in found]
    detail = "; ".join(f"{line['field']}: {line['problem']}" for line in lines)
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-parameters", f"{detail}.", errors=lines)


def of_http(error: HTTPException, path: str) -> Problem:
    """Turn the router's own refusals (no such route, wrong method) into problems."""
    slug = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-").replace("'", "")
    detail = f"{error.detail}: {path}; GET /openapi.json lists the routes."
    return Problem(error.status_code, slug, detail, headers=dict(error.headers or {}))


async def _problem(request: Request, error: Exception) -> Response:
    return response(_translate(error, request.url.path), request.url.path)


def _translate(error: Exception, path: str) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, errors.UpwellError):
        return of_error(error)
    if isinstance(error, RequestValidationError):
        return of_validation(error.errors())
    if isinstance(error, HTTPException):
        return of_http(error, path)
    return Problem(500, "internal", "Upwell failed to answer; the server's log says why.")


def install(app: FastAPI) -> None:
    """Make every error of an application a problem."""
    for kind in (Problem, errors.UpwellError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, _problem)


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Give the OpenAPI `responses` of a route that may answer with these statuses."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}
