"""What a Job makes of an ended pod, as a table."""

from __future__ import annotations

from typing import Any

import pytest

from upwell_operator.local.verdicts import Ended, Next, finished, judge, pause, pod_of

POLICY = {
    "rules": [
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
        {"action": "FailJob", "onExitCodes": {"containerName": "run", "operator": "In", "values": [78]}},
        {"action": "Ignore", "onExitCodes": {"operator": "In", "values": [99]}},
        {"action": "Count", "onExitCodes": {"operator": "NotIn", "values": [1]}},
    ]
}


def job(**spec: Any) -> dict[str, Any]:
    template = {"metadata": {"labels": {"upwell.dev/run": "run"}}, "spec": {"containers": []}}
    meta = {"name": "run", "namespace": "shop", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"metadata": meta, "spec": {"template": template, **spec}}


@pytest.mark.parametrize(
    ("code", "failed", "spec", "expected"),
    {
        "done": (0, 0, {}, (Next.COMPLETE, "CompletionsReached")),
        "the first failure of three": (1, 1, {"backoffLimit": 2}, (Next.RETRY, "")),
        "the last failure of three": (1, 3, {"backoffLimit": 2}, (Next.FAILED, "BackoffLimitExceeded")),
        "no retries": (1, 1, {"backoffLimit": 0}, (Next.FAILED, "BackoffLimitExceeded")),
        "six retries, if nothing is said": (1, 6, {}, (Next.RETRY, "")),
        "permanent": (78, 1, {"podFailurePolicy": POLICY}, (Next.FAILED, "PodFailurePolicy")),
        "permanent, but nobody asked": (78, 1, {"backoffLimit": 2}, (Next.RETRY, "")),
        "ignored": (99, 9, {"podFailurePolicy": POLICY, "backoffLimit": 0}, (Next.IGNORE, "")),
        "counted": (5, 1, {"podFailurePolicy": POLICY, "backoffLimit": 0}, (Next.FAILED, "BackoffLimitExceeded")),
    }.values(),
)
def test_an_ended_pod_has_a_verdict(code: int, failed: int, spec: dict[str, Any], expected: tuple[Next, str]) -> None:
    verdict = judge(job(**spec), "run-x", Ended(code, container="run"), failed)
    assert (verdict.next, verdict.reason) == expected


def test_a_rule_of_one_container_is_not_anothers() -> None:
    verdict = judge(job(podFailurePolicy=POLICY), "run-x", Ended(78, container="prepare"), 1)
    assert verdict.next is Next.RETRY


def test_pauses_double_from_a_second_to_six_minutes() -> None:
    assert [pause(failed) for failed in (0, 1, 2, 3, 20)] == [1, 1, 2, 4, 360]


def test_pods_of_a_job_carry_its_labels_and_owner_and_differ_by_attempt() -> None:
    first, second = pod_of(job(), 0), pod_of(job(), 1)
    assert first["metadata"]["name"] != second["metadata"]["name"]
    assert first["metadata"]["labels"]["job-name"] == "run"
    assert first["metadata"]["labels"]["upwell.dev/run"] == "run"
    assert first["metadata"]["ownerReferences"][0]["uid"] == "u"


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [("Complete", "True", True), ("Failed", "False", False), ("Suspended", "True", False)],
)
def test_a_job_is_finished_by_its_conditions(kind: str, status: str, expected: bool) -> None:
    assert finished(job() | {"status": {"conditions": [{"type": kind, "status": status}]}}) is expected
    assert not finished(job())
