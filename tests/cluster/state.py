"""What a person would look at when a test on the cluster failed: objects, events, logs. Gathered on failure only."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.kubectl import Kubectl, KubectlError

LOOKS = (
    ("get", "assets,observationjobs,schedules,jobs,pods", "-o", "wide"),
    ("get", "events", "--sort-by=.lastTimestamp"),
    ("get", "assets,observationjobs,schedules", "-o", "yaml"),
)
TAIL = "--tail=80"


def state_of(*namespaces: str) -> str:
    """Describe namespaces; what cannot be read says why, and hides nothing else."""
    return "\n".join(line for namespace in namespaces for line in _lines(Kubectl(namespace)))


def _lines(kubectl: Kubectl) -> Iterator[str]:
    for look in LOOKS:
        yield f"--- {kubectl.namespace}: kubectl {' '.join(look)}"
        yield _try(kubectl, *look)
    for pod in _try(kubectl, "get", "pods", "-o", "name").split():
        yield f"--- {kubectl.namespace}: log of {pod}"
        yield _try(kubectl, "logs", pod, "--all-containers", TAIL)


def _try(kubectl: Kubectl, *argv: str) -> str:
    try:
        return kubectl.run(*argv, timeout=20)
    except KubectlError as error:
        return str(error)
