#!/usr/bin/env python3
"""A real Kubernetes cluster for tests and demos, for as long as one command runs.

    cluster.py setup                     install packages, build Kubernetes (once: 8 to 15 minutes on 2 cores)
    cluster.py helm                      build Helm alone (it needs Go), and print where it is
    cluster.py images                    build the images that the tests use
    cluster.py build-image TAG CONTEXT   build any other Dockerfile, for `run --image`
    cluster.py run [--image TAG]… -- COMMAND…
    cluster.py test -- COMMAND…          setup, images, and run with all of them

Which cluster: the one that --kubeconfig or --context names (it asks before it touches one that it does not know); else
kind, if Docker runs and kind is installed; else one node built here from ordinary packages, in namespaces of its own
(Debian, root). The command sees KUBECONFIG, kubectl, and UPWELL_TEST_CLUSTER=1. Standard library only.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import binaries
import images
import node
from places import BIN, CACHE, one_at_a_time, sh

KNOWN = CACHE / "known-contexts"
"""Contexts that a person has allowed tests to use, a line each."""
KIND_NAME = "upwell-test"


def run(tags: list[str], command: list[str]) -> int:
    """Run a command against a node built here; everything of it is gone afterwards (CLUSTER_KEEP=1 keeps the logs)."""
    work = CACHE / "run" / secrets.token_hex(4)
    unshare = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child=SIGTERM", "--mount-proc"]
    given = [word for tag in tags for word in ("--image", tag)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an end by exception takes the node along
    try:
        inner = [sys.executable, __file__, "_inside", str(work), *given, "--", *command]
        return subprocess.run([*unshare, *inner], check=False).returncode
    finally:
        if not os.environ.get("CLUSTER_KEEP"):
            started = time.monotonic()
            shutil.rmtree(work, ignore_errors=True)
            print(f"cluster removed in {time.monotonic() - started:.1f} s", file=sys.stderr)


def inside(work: Path, tags: list[str], command: list[str]) -> int:
    """Start the node in this namespace, load the images, run the command; gives its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    started = time.monotonic()
    here = node.Node(work)
    try:
        here.start()
        up = time.monotonic()
        for tag in [images.PAUSE, *tags]:
            here.load(images.archive(tag))
        loaded = time.monotonic() - up
        print(f"cluster ready in {up - started:.1f} s, images in {loaded:.1f} s, logs in {here.log}", file=sys.stderr)
        return subprocess.run(command, env=node.environment(here.kubeconfig), check=False).returncode
    finally:
        here.stop()


def run_given(kubeconfig: str | None, context: str | None, command: list[str]) -> int:
    """Run a command against a cluster that somebody named; it is asked for once."""
    given = kubeconfig or os.environ.get("KUBECONFIG") or str(Path.home() / ".kube/config")
    kubectl = ["kubectl", "--kubeconfig", given]
    name = context or sh(*kubectl, "config", "current-context").strip()
    allow(name)
    own = CACHE / "given.conf"  # a copy with that context alone, so that the command cannot reach another one
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text(sh(*kubectl, "config", "view", "--raw", "--minify", "--flatten", f"--context={name}"))
    own.chmod(0o600)
    return subprocess.run(command, env=node.environment(own), check=False).returncode


def allow(context: str) -> None:
    """Ask whether tests may use a context that was never used; without a terminal nobody can say yes."""
    if KNOWN.exists() and context in KNOWN.read_text().splitlines():
        return
    question = f"Tests install CRDs, cluster roles and namespaces in context {context!r}. Type its name to allow that: "
    if not sys.stdin.isatty() or input(question) != context:
        raise SystemExit(f"context {context!r} is not known to the tests; nothing was touched")
    with KNOWN.open("a") as known:
        known.write(f"{context}\n")


def kind_works() -> bool:
    """Say whether kind and a running Docker are here."""
    if not shutil.which("kind") or not shutil.which("docker"):
        return False
    return subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0


def run_kind(tags: list[str], command: list[str]) -> int:
    """Run a command against a kind cluster of its own, gone afterwards; images come from the same archives."""
    kubeconfig = CACHE / "kind.conf"
    kind = ["kind", "--name", KIND_NAME]
    subprocess.run(["kind", "create", "cluster", "--name", KIND_NAME, "--kubeconfig", str(kubeconfig)], check=True)
    try:
        for tag in tags:
            subprocess.run([kind[0], "load", "image-archive", str(images.archive(tag)), *kind[1:]], check=True)
        return subprocess.run(command, env=node.environment(kubeconfig), check=False).returncode
    finally:
        subprocess.run(["kind", "delete", "cluster", *kind[1:]], check=False)


def choose(options: argparse.Namespace) -> int:
    """Run a command on the first kind of cluster that can be had."""
    if options.kubeconfig or options.context:
        return run_given(options.kubeconfig, options.context, options.command)
    with one_at_a_time():
        tags = prepared(options)
    return (run_kind if kind_works() else run)(tags, options.command)


def prepared(options: argparse.Namespace) -> list[str]:
    """Build what is missing, and give the images to load."""
    if not kind_works():
        binaries.setup()
        images.pause()
    if options.verb == "run":
        return list(options.image)
    binaries.install()
    return [*images.ours(), *options.image]


def parser() -> argparse.ArgumentParser:
    """Give the command line."""
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = top.add_subparsers(dest="verb", required=True)
    verbs.add_parser("setup")
    verbs.add_parser("images")
    verbs.add_parser("helm")
    build = verbs.add_parser("build-image")
    build.add_argument("tag")
    build.add_argument("context", type=Path)
    build.add_argument("-f", "--file")
    build.add_argument("--build-arg", action="append", default=[])
    for name in ("run", "test", "_inside"):
        verb = verbs.add_parser(name)
        if name == "_inside":
            verb.add_argument("work", type=Path)
        else:
            verb.add_argument("--kubeconfig")
            verb.add_argument("--context")
        verb.add_argument("--image", action="append", default=[])
        verb.add_argument("command", nargs="+")
    return top


def main() -> int:
    """Do what the command line says."""
    options = parser().parse_args()
    match options.verb:
        case "_inside":
            return inside(options.work, options.image, options.command)
        case "run" | "test":
            return choose(options)
        case "build-image":
            with one_at_a_time():
                images.build(options.tag, options.context, file=options.file, arguments=options.build_arg)
        case "images":
            with one_at_a_time():
                binaries.install()
                images.ours()
        case "helm":
            print(binaries.helm())
        case "setup":
            with one_at_a_time():
                binaries.setup()
                images.pause()
            print(f"everything is in {BIN}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
