"""Whose token, and may they: the answers as the API server gives them."""

from __future__ import annotations

from typing import Any

import pytest

from upwell_operator.cluster.port import Caller
from upwell_operator.cluster.reviews import access_review, caller_of, token_review

POD = {
    "username": "system:serviceaccount:shop:default",
    "uid": "u1",
    "groups": ["system:serviceaccounts"],
    "extra": {"authentication.kubernetes.io/pod-name": ["run-x-abc"], "authentication.kubernetes.io/pod-uid": ["p1"]},
}


def an_answer(**status: Any) -> dict[str, Any]:
    return {"status": {"authenticated": True, "audiences": ["upwell"], "user": POD, **status}}


def test_a_pods_token_names_the_pod() -> None:
    caller = caller_of(an_answer(), "upwell")
    assert caller is not None
    assert (caller.namespace, caller.pod, caller.pod_uid) == ("shop", "run-x-abc", "p1")


def test_a_persons_token_names_no_pod() -> None:
    caller = caller_of(an_answer(user={"username": "ana@example.com"}), "upwell")
    assert caller == Caller("ana@example.com")


@pytest.mark.parametrize(
    "status",
    {
        "not authenticated": {"authenticated": False},
        "for another audience": {"audiences": ["https://kubernetes.default.svc"]},
        "by an authenticator that knows no audiences": {"audiences": None},
    }.values(),
)
def test_a_token_that_is_not_for_us_is_nobodys(status: dict[str, Any]) -> None:
    assert caller_of(an_answer(**status), "upwell") is None


def test_an_empty_answer_is_nobodys() -> None:
    assert caller_of({}, "upwell") is None


def test_a_token_for_the_api_server_needs_no_audience_of_ours() -> None:
    assert token_review("t", "")["spec"] == {"token": "t"}
    assert caller_of(an_answer(audiences=None), "")


def test_the_question_names_the_audience() -> None:
    assert token_review("t", "upwell")["spec"] == {"token": "t", "audiences": ["upwell"]}


def test_access_is_asked_for_the_caller_as_the_token_told_it() -> None:
    caller = Caller("ana", ("team",), "u", extra={"scopes": ("a",)})
    spec = access_review(caller, "patch", "assets/status", "shop", "raw")["spec"]
    assert spec == {
        "user": "ana",
        "groups": ["team"],
        "uid": "u",
        "extra": {"scopes": ["a"]},
        "resourceAttributes": {
            "group": "upwell.dev",
            "resource": "assets",
            "subresource": "status",
            "verb": "patch",
            "namespace": "shop",
            "name": "raw",
        },
    }
