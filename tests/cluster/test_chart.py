"""A release of the chart on a real cluster, through its life: install, upgrade, rollback, uninstall, install.

It comes before Upwell is installed by plain manifests, in a namespace under PodSecurity `restricted`, with pods that
have no right but those of the chart. Cluster-wide first, then for one namespace.
"""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from cluster.kubectl import Json, Kubectl, port_forward, until
from cluster.manifests import asset, result, shell
from helm_program import helm_program

CHART = Path(__file__).parents[2] / "charts" / "upwell"
CLAIM = "data-upwell-valkey-0"
KINDS = ("assets.upwell.dev", "observationjobs.upwell.dev", "schedules.upwell.dev")
HERE = {
    "image": {"repository": "upwell", "tag": "dev"},
    "valkey": {
        "image": {"repository": "localhost/redis", "tag": "7"},
        "existingSecret": {"name": "valkey"},
        "persistence": {"storageClass": "-", "size": "1Gi"},
    },
    "operator": {"resources": {"requests": {"cpu": "10m"}}},
    "server": {"replicas": 1, "resources": {"requests": {"cpu": "10m"}}},
}
"""What a cluster of one node without a registry needs."""


class Release:
    """One release of the chart, in a namespace."""

    def __init__(self, namespace: str, values: Path) -> None:
        self._program, self._namespace, self._values = helm_program(), namespace, values

    def install(self) -> str:
        """Install it, and wait until everything is ready; kinds that other tests have applied become its own."""
        return self.helm("install", "upwell", CHART, "-f", self._values, "--wait", "--timeout=120s", "--take-ownership")

    def upgrade(self, *changes: str) -> None:
        """Change values, and wait until everything is as new as they are."""
        given = [word for change in changes for word in ("--set", change)]
        self.helm("upgrade", "upwell", CHART, "-f", self._values, *given, "--wait", "--timeout=120s")

    def helm(self, *argv: str | Path) -> str:
        """Run Helm, and give its output; it fails with what Helm says."""
        command = [self._program, "--namespace", self._namespace, *map(str, argv)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=180)
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
        return done.stdout


@pytest.fixture
def release(kubectl: Kubectl, claim: Callable[[str], Path], tmp_path: Path) -> Release:
    claim(CLAIM)
    kubectl.run("create", "secret", "generic", "valkey", "--from-literal=password=not-a-secret")
    values = tmp_path / "values.yaml"
    values.write_text(json.dumps(HERE))
    return Release(kubectl.namespace, values)


def events(kubectl: Kubectl, token: Path) -> list[str]:
    """Give the ids of what was recorded about the asset, as the server tells them."""
    with port_forward(kubectl, "service/upwell-server", 8080) as address:
        url = f"{address}/v1/assets/{kubectl.namespace}/prices/events"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token.read_text()}"})  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            items: list[Json] = json.load(answer)["items"]
    return [one["id"] for one in items]


def observe(kubectl: Kubectl, token: str) -> None:
    """Ask for an observation, and wait until it was made."""
    kubectl.annotate("asset", "prices", requested_at=token)
    until(lambda: kubectl.get("asset", "prices")["status"].get("lastHandledRequest") == token, 60)
    until(lambda: all("succeeded" in job.get("status", {}) for job in kubectl.list("jobs")), 60)


def refused(kubectl: Kubectl) -> list[str]:
    """Give what operator and server were not allowed to do."""
    logs = [kubectl.run("logs", f"deployment/upwell-{name}", "--all-pods") for name in ("operator", "server")]
    return [line for line in "".join(logs).splitlines() if "forbidden" in line.lower()]


def may(kubectl: Kubectl, account: str, verb: str) -> bool:
    who = f"--as=system:serviceaccount:{kubectl.namespace}:{account}"
    command = ["kubectl", "-n", kubectl.namespace, "auth", "can-i", verb, "assets.upwell.dev", who]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def people_have_the_kinds_with_the_clusters_roles(kubectl: Kubectl) -> None:
    for role in ("view", "edit"):
        kubectl.run("create", "serviceaccount", role)
        account = f"{kubectl.namespace}:{role}"
        kubectl.run("create", "rolebinding", role, f"--clusterrole={role}", f"--serviceaccount={account}")
    until(lambda: may(kubectl, "view", "get") and may(kubectl, "edit", "patch"), 20)
    assert not may(kubectl, "view", "patch")


def nothing_runs_and_what_is_users_is_kept(kubectl: Kubectl) -> None:
    assert not kubectl.list("deployments,statefulsets,services,serviceaccounts", "app.kubernetes.io/instance=upwell")
    assert "upwell-" not in kubectl.run("get", "clusterroles,clusterrolebindings", "-o", "name")
    for kind in KINDS:
        assert kubectl.condition("crd", kind, "Established")["status"] == "True"
    assert kubectl.get("asset", "prices")["status"]["dataVersion"] == "one"
    assert kubectl.get("pvc", CLAIM)["status"]["phase"] == "Bound"


def test_a_release_lives_and_what_was_seen_outlives_it(kubectl: Kubectl, release: Release, token_file: Path) -> None:
    notes = release.install()
    assert f"kubectl -n {kubectl.namespace} port-forward service/upwell-server 8080" in notes
    assert "WARNING" not in notes
    assert "Succeeded" in release.helm("test", "upwell", "--timeout=60s")
    kubectl.apply(asset("prices", observe=shell(result('{"dataVersion": "one"}'))))
    observe(kubectl, "1")
    seen = events(kubectl, token_file)
    assert len(seen) == 1
    assert refused(kubectl) == []
    people_have_the_kinds_with_the_clusters_roles(kubectl)

    valkey = kubectl.get("pod", "upwell-valkey-0")["metadata"]["uid"]
    release.upgrade(f"watchNamespaces={{{kubectl.namespace}}}", "settings.maxConcurrentRuns=5")
    assert kubectl.get("role", f"{kubectl.namespace}:upwell-operator")["rules"]
    observe(kubectl, "2")
    assert set(seen) < set(events(kubectl, token_file))
    assert refused(kubectl) == []

    release.helm("rollback", "upwell", "1", "--wait", "--timeout=120s")
    assert not kubectl.list("roles", "app.kubernetes.io/component=server")
    assert kubectl.get("pod", "upwell-valkey-0")["metadata"]["uid"] == valkey, "nothing about Valkey has changed"

    release.helm("uninstall", "upwell", "--wait", "--timeout=60s")
    nothing_runs_and_what_is_users_is_kept(kubectl)

    release.install()
    assert set(seen) < set(events(kubectl, token_file)), "installed again, it goes on where it was"
    release.helm("uninstall", "upwell", "--wait", "--timeout=60s")
