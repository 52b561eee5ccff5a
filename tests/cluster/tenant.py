"""What a test has for itself on the cluster: a namespace, volumes in it, somebody who may do everything there.

The fixtures of `conftest.py` make it for each test; a module whose tests share it makes its own.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cluster.deploying import volume
from cluster.kubectl import Kubectl

VOLUMES = Path(os.environ.get("UPWELL_CLUSTER_VOLUMES", "/var/tmp/upwell-test-volumes"))  # noqa: S108  # named on purpose
"""Folders of the node behind the claims of the definitions; the built cluster's node has the files of this machine."""


@contextmanager
def namespace(cluster: Kubectl) -> Iterator[Kubectl]:
    """Give kubectl in a new namespace, under PodSecurity `restricted`."""
    name = f"test-{secrets.token_hex(4)}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    yield Kubectl(name)
    cluster.run("delete", "namespace", name, "--wait=false")


def token(kubectl: Kubectl, file: Path) -> Path:
    """Write the token of somebody who may do everything in the namespace, and nothing elsewhere."""
    kubectl.run("create", "serviceaccount", "tester")
    account = f"--serviceaccount={kubectl.namespace}:tester"
    kubectl.run("create", "rolebinding", "tester", "--clusterrole=cluster-admin", account)
    file.write_text(kubectl.run("create", "token", "tester"))
    return file


@contextmanager
def claims(kubectl: Kubectl) -> Iterator[Callable[[str], Path]]:
    """Give a function that makes the volume of a claim, and gives the folder behind it."""
    folder = VOLUMES / kubectl.namespace

    def make(name: str) -> Path:
        path = folder / name
        path.mkdir(parents=True)
        path.chmod(0o777)  # whoever the pods run as
        kubectl.apply(volume(kubectl.namespace, name, path))
        return path

    yield make
    kubectl.run("delete", "persistentvolume", "-l", f"upwell.dev/test={kubectl.namespace}", "--wait=false")
    shutil.rmtree(folder, ignore_errors=True)
