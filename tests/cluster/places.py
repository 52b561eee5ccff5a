"""Where the test cluster keeps what it builds, and what of it is built from where.

Limits: Debian, as root, with Go. Everything that is Kubernetes comes from Go modules, everything below it from Debian.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
CACHE = Path(os.environ.get("UPWELL_CLUSTER_CACHE", Path.home() / ".cache" / "upwell-test-cluster"))
"""Outside the checkout, so that a clean clone starts with what was built once."""
BIN, IMAGES = CACHE / "bin", CACHE / "images"

KUBERNETES = "v1.34.4"
"""The last minor that runs on cgroup v1 without a flag."""
DEBIAN = (
    *("containerd", "runc", "containernetworking-plugins", "iproute2", "nftables", "iptables", "conntrack"),
    *("debootstrap", "buildah", "openssl", "util-linux", "gcc", "libc6-dev", "busybox-static", "redis-server"),
)
"""The node, what builds images, and what the two small images are made of."""
COMPONENTS = {
    "kubernetes": tuple(
        f"k8s.io/kubernetes/cmd/{name}"
        for name in (
            *("kube-apiserver", "kube-controller-manager", "kube-scheduler"),
            *("kubelet", "kube-proxy", "kubectl"),
        )
    ),
    "etcd": ("go.etcd.io/etcd/server/v3",),
    "coredns": (".",),
    "helm": ("helm.sh/helm/v3/cmd/helm",),
}
"""Folder of a Go module here -> packages that are built in it.

Debian's etcd 3.4 refuses streaming lists; CoreDNS is a main of our own with four of its plugins.
"""


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Hold the cache: two runs at once must not build the same thing into the same file."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def sh(*argv: str | Path, env: dict[str, str] | None = None, quiet: bool = False) -> str:
    """Run a program and give what it printed; raises CalledProcessError when it fails. `quiet` drops standard error."""
    error = subprocess.DEVNULL if quiet else None
    words = [str(word) for word in argv]
    given = {**os.environ, **(env or {})}
    return subprocess.run(words, check=True, text=True, stdout=subprocess.PIPE, stderr=error, env=given).stdout
