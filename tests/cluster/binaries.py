"""What the cluster is made of, installed and built once: Debian's packages, and Go modules: Kubernetes, Helm."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from places import BIN, COMPONENTS, DEBIAN, HERE, KUBERNETES, one_at_a_time, sh


def setup() -> None:
    """Install the packages and build the binaries that are missing; nothing to do costs 0.3 s."""
    install()
    BIN.mkdir(parents=True, exist_ok=True)
    for module, packages in COMPONENTS.items():
        for package in packages:
            build(module, package)


def install() -> None:
    """Install Debian's packages that are missing, and start none of their services."""
    missing = [
        name for name in DEBIAN if subprocess.run(["dpkg", "-s", name], capture_output=True, check=False).returncode
    ]
    if not missing:
        return
    sh("apt-get", "update", "-qq")
    policy = Path("/usr/sbin/policy-rc.d")  # 101: the action is not allowed
    ours = not policy.exists()
    if ours:
        policy.write_text("#!/bin/sh\nexit 101\n")
        policy.chmod(0o755)
    try:
        command = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing)
        sh(*command, env={"DEBIAN_FRONTEND": "noninteractive"})
    finally:
        if ours:
            policy.unlink()


def build(module: str, package: str) -> None:
    """Build one program of a Go module if it is not there; a build that is broken off leaves none."""
    binary = BIN / (package.rsplit("/", 1)[1] if "/cmd/" in package else module)
    if binary.exists():
        return
    started, unfinished = time.monotonic(), binary.with_suffix(".part")
    command = ["go", "build", "-C", str(HERE / module), "-mod=readonly", "-trimpath", "-ldflags", linker_flags()]
    sh(*command, "-o", unfinished, package, env={"CGO_ENABLED": "0", "GOWORK": "off"})
    unfinished.rename(binary)
    print(f"built {binary.name} in {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)


def helm() -> Path:
    """Give Helm, built if it is not there yet: a minute or two, once. It needs Go and nothing else."""
    (package,) = COMPONENTS["helm"]
    BIN.mkdir(parents=True, exist_ok=True)
    if not (BIN / "helm").exists():
        with one_at_a_time():
            build("helm", package)
    return BIN / "helm"


def linker_flags() -> str:
    """Write the version into the binaries, as Kubernetes' own build does; clients refuse a server without one."""
    where = "k8s.io/component-base/version"
    major, minor, _ = KUBERNETES.lstrip("v").split(".")
    return f"-s -w -X {where}.gitVersion={KUBERNETES} -X {where}.gitMajor={major} -X {where}.gitMinor={minor}"
