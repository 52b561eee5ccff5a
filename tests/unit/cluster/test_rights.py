"""Rights are derived from what is declared beside the verbs; the contract suite shows on a cluster that they do."""

from __future__ import annotations

import inspect

import pytest

from upwell_operator.cluster import port
from upwell_operator.cluster.kube import KubeCluster
from upwell_operator.cluster.rbac import Process, Scope, declared, rules

VERBS = [name for name, _ in inspect.getmembers(port.Cluster, inspect.isfunction) if not name.startswith("_")]


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_of_the_port_declares_the_rights_it_takes(verb: str) -> None:
    assert getattr(KubeCluster, verb).__rbac__.verbs


def test_the_operator_writes_jobs_and_status_and_nothing_of_the_users() -> None:
    granted = {rule["resources"][0]: set(rule["verbs"]) for rule in rules(Process.OPERATOR)}
    assert granted["assets"] == {"get", "list", "watch"}
    assert granted["assets/status"] == {"patch"}
    assert granted["jobs"] == {"get", "list", "watch", "create", "patch", "delete"}
    assert "configmaps" not in granted
    assert "secrets" not in granted


def test_the_server_starts_nothing_and_writes_no_status() -> None:
    granted = {rule["resources"][0]: set(rule["verbs"]) for rule in rules(Process.SERVER)}
    assert not granted["jobs"] & {"create", "delete", "patch", "update"}
    assert not {name for name in granted if name.endswith("/status")}


def test_no_rule_has_a_wildcard() -> None:
    for process in Process:
        assert "*" not in str(rules(process))


def test_a_lease_is_asked_for_in_the_own_namespace_only() -> None:
    watched = {rule["resources"][0] for rule in rules(Process.OPERATOR, Scope.WATCHED)}
    assert "leases" not in watched
    assert [rule["resources"] for rule in rules(Process.OPERATOR, Scope.OWN)] == [["leases"]]


@pytest.mark.parametrize(
    ("process", "verb", "resource", "expected"),
    [
        (Process.OPERATOR, "create", "jobs", True),
        (Process.SERVER, "create", "jobs", False),
        (Process.OPERATOR, "delete", "assets", False),
    ],
)
def test_a_call_is_declared_or_not(process: Process, verb: str, resource: str, *, expected: bool) -> None:
    assert declared(process, verb, resource) is expected
