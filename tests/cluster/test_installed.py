"""Upwell comes up from plain manifests, with no right more than it declares, under PodSecurity `restricted`."""

from __future__ import annotations

from cluster.kubectl import Kubectl, until


def test_operator_and_server_are_ready(upwell: Kubectl) -> None:
    for deployment in ("upwell-operator", "upwell-server"):
        assert upwell.condition("deployment", deployment, "Available")["status"] == "True"


def test_one_operator_holds_the_lease(upwell: Kubectl) -> None:
    holder = until(lambda: upwell.get("lease", "upwell-operator")["spec"]["holderIdentity"], 30)
    (pod,) = upwell.list("pods", "app.kubernetes.io/name=upwell-operator")
    assert holder == f"{pod['metadata']['name']}_{pod['metadata']['uid']}"


def test_nobody_was_refused_a_right(upwell: Kubectl) -> None:
    for deployment in ("upwell-operator", "upwell-server"):
        log = upwell.run("logs", f"deployment/{deployment}").lower()
        refused = [line for line in log.splitlines() if "forbidden" in line and "being terminated" not in line]
        assert refused == []  # in a namespace that is being deleted nobody may create anything: no right is missing
