"""Paths are spelled once, and nothing in a name can lead out of them."""

from __future__ import annotations

import pytest

from upwell_operator.cluster.api import path
from upwell_operator.errors import Rejected


@pytest.mark.parametrize(
    ("given", "expected"),
    {
        "an object of ours": (("assets", "shop", "raw"), "/apis/upwell.dev/v1alpha1/namespaces/shop/assets/raw"),
        "its status": (
            ("assets", "shop", "raw", "status"),
            "/apis/upwell.dev/v1alpha1/namespaces/shop/assets/raw/status",
        ),
        "all namespaces": (("jobs",), "/apis/batch/v1/jobs"),
        "the core group": (("pods", "shop"), "/api/v1/namespaces/shop/pods"),
        "what has no namespace": (("namespaces", "ignored", "shop"), "/api/v1/namespaces/shop"),
    }.values(),
)
def test_a_resource_has_one_path(given: tuple[str, ...], expected: str) -> None:
    assert path(*given) == expected


@pytest.mark.parametrize("name", ["..", ".", "../secrets", "a/b", "%2e%2e", "a%2fb"])
def test_what_is_no_name_leads_nowhere(name: str) -> None:
    with pytest.raises(Rejected, match="no name"):
        path("jobs", "shop", name)


@pytest.mark.parametrize("name", ["a?watch=1", "a#b", "a b", "é\r\nX: y"])
def test_what_is_odd_is_quoted(name: str) -> None:
    quoted = path("jobs", "shop", name).removeprefix("/apis/batch/v1/namespaces/shop/jobs/")
    assert not set(quoted) & set("?# \r\n/")
