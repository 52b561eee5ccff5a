"""What the contract of `cluster.port` is tried on: the memory cluster, and a real API server with our rights only.

On the real one the verbs under test run as a ServiceAccount that is bound to exactly what `rbac.rules` gives; what
users do (create assets, annotate them) runs as the administrator, who is a second client. In memory both are the same.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from upwell_operator.cluster.port import Cluster, Object

CRDS = Path(__file__).parents[2] / "crds"
ACCOUNT = "upwell-contract"
"""Name of the namespace, the ServiceAccount, the ClusterRole and its binding."""
RBAC = "/apis/rbac.authorization.k8s.io/v1"

_prepared: dict[str, str] = {}
"""What is installed once for all tests: the token of the account with our rights."""

IssueToken = Callable[[str, str], Awaitable[str]]


@dataclass(frozen=True)
class Bench:
    """A cluster under test, the administrator's view of it, and a namespace of one's own."""

    cluster: Cluster
    admin: Cluster
    namespace: str
    issue: IssueToken
    """Gives a token bound to a pod, for an audience; "" is the API server's own."""

    def asset(self, name: str, **fields: Any) -> Object:
        """Make an external asset."""
        return self.thing("upwell.dev/v1alpha1", "Asset", name, spec={"description": "of the contract"}, **fields)

    def config(self, name: str, **fields: Any) -> Object:
        """Make a ConfigMap: the simplest object there is."""
        return self.thing("v1", "ConfigMap", name, **fields)

    def job(self, name: str, **meta: Any) -> Object:
        """Make a Job that is suspended, so that no pod comes of it."""
        container = {"name": "run", "image": "localhost/none:1", "command": ["true"]}
        template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
        return self.thing("batch/v1", "Job", name, spec={"suspend": True, "template": template}, **meta)

    def pod(self, name: str) -> Object:
        """Make a pod that no scheduler takes."""
        container = {"name": "run", "image": "localhost/none:1"}
        spec = {"containers": [container], "schedulingGates": [{"name": "upwell.dev/contract"}]}
        return self.thing("v1", "Pod", name, spec=spec)

    def lease(self, name: str, holder: str = "a") -> Object:
        """Make a Lease."""
        spec = {"holderIdentity": holder, "leaseDurationSeconds": 8}
        return self.thing("coordination.k8s.io/v1", "Lease", name, spec=spec)

    def thing(self, api_version: str, kind: str, name: str, **fields: Any) -> Object:
        """Make any object; what is not spec, data or status goes to its metadata."""
        body = {field: fields.pop(field) for field in ("spec", "data", "status") if field in fields}
        meta = {"namespace": self.namespace, "name": name, **fields}
        return {"apiVersion": api_version, "kind": kind, "metadata": meta, **body}


async def eventually(what: Callable[[], Awaitable[bool]], seconds: float = 15.0) -> None:
    """Wait until something holds; fails when it does not within the time."""
    end = time.monotonic() + seconds
    while not await what():
        assert time.monotonic() < end, f"not true after {seconds} s"
        await asyncio.sleep(0.05)


def memory_bench() -> Bench:
    """Give a fresh memory cluster."""
    from upwell_operator.local.memory import MemoryCluster  # noqa: PLC0415  # the kube side must run without it

    cluster = MemoryCluster()

    async def issue(pod: str, audience: str) -> str:
        return cluster.issue_token("shop", pod, audience)

    return Bench(cluster, cluster, "shop", issue)


def no_real_cluster() -> str:
    """Say why there is no real cluster to try; empty when there is one."""
    if not os.environ.get("UPWELL_TEST_CLUSTER"):
        return "needs a real API server: run it inside `tests/cluster/cluster.py run -- …`"
    return "" if os.environ.get("KUBECONFIG") else "KUBECONFIG is not set"


@asynccontextmanager
async def kube_bench() -> AsyncIterator[Bench]:
    """Give a namespace of its own on the real API server, and clients with and without the administrator's rights."""
    from upwell_operator.cluster.connect import connect  # noqa: PLC0415

    namespace = f"contract-{secrets.token_hex(4)}"
    async with await connect() as admin, await _as_account(admin) as cluster:
        assert not await _operator_runs(admin), "an operator writes to what the contract is tried on; delete it first"
        await admin.create("namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
        await _post(admin, f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "default"}})

        async def issue(pod: str, audience: str) -> str:
            uid = (await admin.get("pods", namespace, pod))["metadata"]["uid"]
            bound = {"kind": "Pod", "apiVersion": "v1", "name": pod, "uid": uid}
            return await _token(
                admin, namespace, "default", {"audiences": [audience] if audience else [], "boundObjectRef": bound}
            )

        try:
            yield Bench(cluster, admin, namespace, issue)
        finally:
            await admin.delete("namespaces", "", namespace)


async def _as_account(admin: Any) -> Any:
    """Connect as the account that has our rights and no others."""
    from kubernetes.aio.client.configuration import Configuration  # noqa: PLC0415

    from upwell_operator.cluster.kube import KubeCluster  # noqa: PLC0415
    from upwell_operator.cluster.rest import Rest  # noqa: PLC0415

    if "token" not in _prepared:
        await _install(admin)
        _prepared["token"] = await _token(admin, ACCOUNT, ACCOUNT, {})
    known = admin.rest._configuration
    account = Configuration(host=known.host, ssl_ca_cert=known.ssl_ca_cert)
    account.api_key["BearerToken"] = f"Bearer {_prepared['token']}"
    cluster = KubeCluster(Rest(account))

    async def bound() -> bool:
        from upwell_operator.errors import Forbidden  # noqa: PLC0415

        try:
            await cluster.list("assets")
        except Forbidden:
            return False
        return True

    await eventually(bound)
    return cluster


async def _install(admin: Any) -> None:
    """Install CRDs, account, role and binding; what is there already stays, but for the role, which is replaced."""
    from upwell_operator.cluster.rbac import Process, rules  # noqa: PLC0415

    for file in sorted(CRDS.glob("*.yaml")):
        await _post(admin, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", yaml.safe_load(file.read_text()))
    await _post(admin, "/api/v1/namespaces", {"metadata": {"name": ACCOUNT}})
    await _post(admin, f"/api/v1/namespaces/{ACCOUNT}/serviceaccounts", {"metadata": {"name": ACCOUNT}})
    ours = [rule for process in Process for rule in rules(process)]
    await _post(admin, f"{RBAC}/clusterroles", {"metadata": {"name": ACCOUNT}, "rules": ours})
    subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": ACCOUNT}
    role = {"kind": "ClusterRole", "name": ACCOUNT, "apiGroup": "rbac.authorization.k8s.io"}
    binding = {"metadata": {"name": ACCOUNT}, "subjects": [subject], "roleRef": role}
    await _post(admin, f"{RBAC}/clusterrolebindings", binding)
    await eventually(lambda: _serves(admin))


async def _operator_runs(admin: Any) -> bool:
    from upwell_operator.cluster.rest import Request  # noqa: PLC0415

    path = "/apis/apps/v1/namespaces/upwell-system/deployments"
    return bool((await admin.rest.call(Request("GET", path, "list deployments")))["items"])


async def _serves(admin: Any) -> bool:
    from upwell_operator.errors import NotFound  # noqa: PLC0415

    try:
        for resource in ("assets", "observationjobs", "schedules"):
            await admin.list(resource)
    except NotFound:
        return False
    return True


async def _post(admin: Any, path: str, body: Object) -> None:
    from upwell_operator.cluster.rest import Request  # noqa: PLC0415
    from upwell_operator.errors import AlreadyExists  # noqa: PLC0415

    try:
        await admin.rest.call(Request("POST", path, f"create {path}", body=body))
    except AlreadyExists:
        if path.endswith("clusterroles"):
            where = f"{path}/{body['metadata']['name']}"
            await admin.rest.call(Request("PATCH", where, f"replace {where}", body=body))


async def _token(admin: Any, namespace: str, account: str, spec: Object) -> str:
    from upwell_operator.cluster.rest import Request  # noqa: PLC0415

    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    answer = await admin.rest.call(Request("POST", path, "issue a token", body={"spec": spec}))
    return str(answer["status"]["token"])
