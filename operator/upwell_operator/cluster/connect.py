"""Find the API server and connect to it: by flags, then $KUBECONFIG, then the pod's own account, then ~/.kube/config.

Limits: of several files in $KUBECONFIG all are merged, as kubectl does; `--as` (impersonation) is not offered.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from kubernetes.aio import config
from kubernetes.aio.client.configuration import Configuration

from upwell_operator.cluster.kube import KubeCluster
from upwell_operator.cluster.rest import CONCURRENCY, Rest
from upwell_operator.errors import NotFound

_config: Any = config  # its functions carry no types
IN_CLUSTER = Path("/var/run/secrets/kubernetes.io/serviceaccount")
HOW = "pass --kubeconfig or --context, set KUBECONFIG, or run in a pod with a service account"


async def connect(
    kubeconfig: str | None = None, context: str | None = None, *, concurrency: int = CONCURRENCY
) -> KubeCluster:
    """Connect, and give the cluster; its `namespace` is the one that the context or the pod names.

    Raises NotFound, saying what to do, when no configuration is found or the context is not in it. Nothing is sent yet.
    """
    file = kubeconfig or os.environ.get("KUBECONFIG")
    if not file and not context and _in_pod():
        return _from_pod(concurrency)
    return await _from_file(file or str(Path.home() / ".kube" / "config"), context, concurrency)


def _in_pod() -> bool:
    return "KUBERNETES_SERVICE_HOST" in os.environ and (IN_CLUSTER / "token").exists()


def _from_pod(concurrency: int) -> KubeCluster:
    configuration = Configuration()
    _config.load_incluster_config(configuration)  # installs a hook that reads the token again every minute
    return KubeCluster(Rest(configuration, concurrency=concurrency), (IN_CLUSTER / "namespace").read_text().strip())


async def _from_file(file: str, context: str | None, concurrency: int) -> KubeCluster:
    configuration = Configuration()

    async def load() -> None:
        # temporary certificates are written by it; the file itself is never changed
        await _config.load_kube_config(file, context, configuration, persist_config=False)

    try:
        await load()
        namespace = _namespace_of(file, context)
    except (config.ConfigException, OSError) as error:
        raise NotFound(f"no cluster to connect to: {error}; {HOW}") from error
    return KubeCluster(Rest(configuration, load, concurrency=concurrency), namespace)


def _namespace_of(file: str, context: str | None) -> str:
    contexts, active = _config.list_kube_config_contexts(file)
    chosen: dict[str, Any] = next((c for c in contexts if c["name"] == context), active)
    return str(chosen["context"].get("namespace") or "default")
