"""Every answer of the API server that is no success has one meaning."""

from __future__ import annotations

import json
from typing import Any

import pytest

from upwell_operator.cluster.failures import failure, shorten
from upwell_operator.errors import (
    AlreadyExists,
    ClusterUnavailable,
    Conflict,
    Forbidden,
    NotFound,
    Rejected,
    UpwellError,
    Waiting,
)

TERMINATING = {"causes": [{"reason": "NamespaceTerminating", "message": "namespace shop is being terminated"}]}

TABLE: dict[str, tuple[int, dict[str, Any], type[UpwellError]]] = {
    "no such object": (404, {"reason": "NotFound", "message": 'jobs.batch "x" not found'}, NotFound),
    "the name is taken": (409, {"reason": "AlreadyExists"}, AlreadyExists),
    "somebody was faster": (409, {"reason": "Conflict"}, Conflict),
    "rights are missing": (403, {"reason": "Forbidden", "message": "User cannot list"}, Forbidden),
    "the quota is used up": (403, {"reason": "Forbidden", "message": "exceeded quota: jobs"}, Waiting),
    "the namespace is going away": (403, {"reason": "Forbidden", "details": TERMINATING}, Waiting),
    "credentials are not accepted": (401, {"reason": "Unauthorized"}, Forbidden),
    "the object is not valid": (422, {"reason": "Invalid"}, Rejected),
    "the object cannot be read": (400, {"reason": "BadRequest"}, Rejected),
    "the object is too large": (413, {"reason": "RequestEntityTooLarge"}, Rejected),
    "the list's version is gone": (410, {"reason": "Expired"}, Rejected),
    "too many requests": (429, {"reason": "TooManyRequests"}, ClusterUnavailable),
    "the server has a fault": (500, {"reason": "InternalError"}, ClusterUnavailable),
    "the server is starting": (503, {"reason": "ServiceUnavailable"}, ClusterUnavailable),
    "etcd was too slow": (504, {"reason": "Timeout"}, ClusterUnavailable),
}


@pytest.mark.parametrize(("status", "answer", "expected"), TABLE.values(), ids=TABLE)
def test_an_answer_has_one_meaning(status: int, answer: dict[str, Any], expected: type[UpwellError]) -> None:
    error = failure(status, {}, json.dumps(answer).encode(), "create jobs shop/x")
    assert type(error) is expected
    assert str(error).startswith("cannot create jobs shop/x: ")


@pytest.mark.parametrize(
    ("headers", "details", "after"),
    {
        "the header says": ({"Retry-After": "7"}, {}, 7.0),
        "the answer says": ({}, {"retryAfterSeconds": 3}, 3.0),
        "nobody says": ({}, {}, 5.0),
        "a day is too long": ({"Retry-After": "86400"}, {}, 60.0),
        "a date is not read": ({"Retry-After": "Sun, 22 Nov 2026 12:00:00 GMT"}, {}, 5.0),
    }.values(),
)
def test_the_server_says_when_to_come_back(headers: dict[str, str], details: dict[str, Any], after: float) -> None:
    error = failure(429, headers, json.dumps({"details": details}).encode(), "list assets")
    assert isinstance(error, ClusterUnavailable)
    assert error.after == after


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"\xff"])
def test_an_answer_that_is_no_status_still_says_something(body: bytes) -> None:
    error = failure(502, {}, body, "list assets")
    assert isinstance(error, ClusterUnavailable)
    assert str(error) > "cannot list assets: "


def test_a_kind_that_is_not_installed_names_the_remedy() -> None:
    error = failure(404, {}, b"404 page not found\n", "list assets in shop")
    assert "upwell crds | kubectl apply -f -" in str(error)


@pytest.mark.parametrize(
    ("message", "short"),
    {
        "the object's name goes": (
            'Job.batch "x" is invalid: spec.template.spec.containers[0].image: Required value',
            "spec.template.spec.containers[0].image: Required value",
        ),
        "the decoder's preface goes": (
            'Job in version "v1" cannot be handled as a Job: strict decoding error: unknown field "spec.tmplate"',
            'unknown field "spec.tmplate"',
        ),
        "a webhook's words stay": (
            "admission webhook denied the request: no",
            "admission webhook denied the request: no",
        ),
    }.values(),
)
def test_of_a_message_stays_what_helps(message: str, short: str) -> None:
    assert shorten(message) == short


def test_a_long_message_is_cut() -> None:
    assert len(shorten("x" * 5000)) == 1000
