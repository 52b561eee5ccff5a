"""Upwell installed with plain manifests, its rights exactly those that the code declares.

Limits: what the chart will do for users, without its choices; images are those of `cluster.py images`.
"""

from __future__ import annotations

from pathlib import Path

from cluster.kubectl import Json, Kubectl
from upwell_operator.cluster.rbac import Process, Scope, rules

ROOT = Path(__file__).parents[2]
MANIFESTS = Path(__file__).parent / "deploy"
SYSTEM = "upwell-system"
KINDS = ("assets", "observationjobs", "schedules")
API = "rbac.authorization.k8s.io"


def deploy(cluster: Kubectl) -> Kubectl:
    """Install everything and wait until it is ready; what is installed already is brought up to date."""
    cluster.apply_files(*sorted((ROOT / "crds").glob("*.yaml")))
    for kind in KINDS:
        cluster.wait("crd", f"{kind}.upwell.dev", "Established", 30)
    system = Kubectl(SYSTEM)
    first, *others = sorted(MANIFESTS.glob("*.yaml"))
    system.apply_files(first)
    system.apply(*rights())
    system.apply_files(*others)
    for deployment in ("redis", "upwell-server", "upwell-operator"):
        system.rolled_out(deployment)
    return system


def rights() -> list[Json]:
    """Give roles and bindings: cluster-wide but for the Lease, which is asked for in our own namespace only."""
    made = []
    for process in Process:
        made += _bound("ClusterRole", process, rules(process, Scope.WATCHED, Scope.CLUSTER))
        if own := rules(process, Scope.OWN):
            made += _bound("Role", process, own)
    return made


def _bound(kind: str, process: Process, granted: list[Json]) -> list[Json]:
    name = f"upwell-{process}"
    meta = {"name": name, **({"namespace": SYSTEM} if kind == "Role" else {})}
    subject = {"kind": "ServiceAccount", "name": name, "namespace": SYSTEM}
    return [
        {"apiVersion": f"{API}/v1", "kind": kind, "metadata": meta, "rules": granted},
        {
            "apiVersion": f"{API}/v1",
            "kind": f"{kind}Binding",
            "metadata": meta,
            "roleRef": {"apiGroup": API, "kind": kind, "name": name},
            "subjects": [subject],
        },
    ]


def volume(namespace: str, claim: str, path: Path) -> Json:
    """Give a volume that only this claim can have, on a folder of the node: a test cluster has no provisioner."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": f"{namespace}-{claim}", "labels": {"upwell.dev/test": namespace}},
        "spec": {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "claimRef": {"namespace": namespace, "name": claim},
            "hostPath": {"path": str(path)},
            "persistentVolumeReclaimPolicy": "Retain",
            "storageClassName": "",
        },
    }
