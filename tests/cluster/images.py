"""Images without a registry: buildah builds them, an archive each keeps them, the node loads them.

Limits: the base image stands in for `python:3.11-slim`, which cannot be pulled without a registry: Debian's own
Python 3.11 and pip. The two small ones are made of single files of Debian's packages.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from places import CACHE, IMAGES, ROOT, sh

BASE = "docker.io/library/python:3.11-slim"
UPWELL = "docker.io/library/upwell:dev"
EXAMPLES = "docker.io/library/upwell-examples:dev"
SHELL = "localhost/shell:1"
REDIS = "localhost/redis:7"
PAUSE = "localhost/pause:1"
BUILDAH = {"BUILDAH_ISOLATION": "chroot", "STORAGE_DRIVER": "vfs"}
CERTIFICATES = "/etc/ssl/certs"

PAUSE_C = """
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
static void down(int s) { _exit(0); }
static void reap(int s) { while (waitpid(-1, 0, WNOHANG) > 0); }
int main() { signal(SIGINT, down); signal(SIGTERM, down); signal(SIGCHLD, reap); for (;;) pause(); }
"""


def archive(tag: str) -> Path:
    """Give the file that keeps an image."""
    return IMAGES / (tag.replace("/", "_").replace(":", "_") + ".tar")


def buildah(*argv: str | Path) -> str:
    """Run buildah, and give what it printed."""
    return sh("buildah", *argv, env=BUILDAH).strip()


def exists(tag: str) -> bool:
    """Say whether an image is in buildah's store."""
    look, env = ["buildah", "inspect", "-t", "image", tag], {**os.environ, **BUILDAH}
    return subprocess.run(look, env=env, capture_output=True, check=False).returncode == 0


def save(tag: str) -> None:
    """Write an image to its archive, unless it is there already; another run may be reading the old one."""
    target, known = archive(tag), archive(tag).with_suffix(".id")
    identity = buildah("inspect", "-t", "image", "--format", "{{.FromImageID}}", tag)
    if target.exists() and known.exists() and known.read_text() == identity:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".part")
    unfinished.unlink(missing_ok=True)
    buildah("push", "-q", tag, f"docker-archive:{unfinished}:{tag}")
    unfinished.rename(target)
    known.write_text(identity)


def commit(tag: str, root: Path, *config: str) -> None:
    """Make an image of one folder."""
    container = buildah("from", "scratch")
    buildah("copy", "-q", container, root, "/")
    buildah("config", *config, container)
    buildah("commit", "-q", "--rm", container, tag)
    save(tag)


def pause() -> None:
    """Build the image that holds a pod's namespaces."""
    if archive(PAUSE).exists():
        return
    root = fresh("pause")
    (CACHE / "pause.c").write_text(PAUSE_C)
    sh("gcc", "-static", "-Os", "-o", root / "pause", CACHE / "pause.c")
    commit(PAUSE, root, "--entrypoint", '["/pause"]')


def base() -> None:
    """Build the Python base image from Debian."""
    if exists(BASE):
        if not archive(BASE).exists():
            save(BASE)
        return
    root = fresh("base")
    packages = "--include=python3,python3-pip,python3-venv,ca-certificates"
    sh("debootstrap", "--variant=minbase", packages, "bookworm", root)
    (root / "usr/bin/python").symlink_to("python3")
    (root / "usr/lib/python3.11/EXTERNALLY-MANAGED").unlink(missing_ok=True)
    for unneeded in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/locale"):
        shutil.rmtree(root / unneeded, ignore_errors=True)
    commit(BASE, root, "--cmd", "python3", "--env", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
    shutil.rmtree(root)


def shell() -> None:
    """Build an image that has a shell and nothing else: for functions in any language."""
    if archive(SHELL).exists():
        return
    root = fresh("shell")
    (root / "bin").mkdir()
    shutil.copy("/bin/busybox", root / "bin" / "busybox")
    sh(root / "bin" / "busybox", "--install", "-s", root / "bin")
    for link in (root / "bin").iterdir():
        if link.is_symlink():
            link.unlink()
            link.symlink_to("/bin/busybox")
    commit(SHELL, root, "--cmd", "sh", "--env", "PATH=/bin")


def redis() -> None:
    """Build an image of Debian's redis-server and the libraries it is linked with."""
    if archive(REDIS).exists():
        return
    root = fresh("redis")
    for program in ("/usr/bin/redis-server", "/usr/bin/redis-cli"):
        for file in (program, *libraries(program)):
            target = root / file.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    (root / "data").mkdir()
    (root / "data").chmod(0o777)  # whoever the pod runs as
    commit(REDIS, root, "--entrypoint", '["/usr/bin/redis-server"]', "--workingdir", "/data")


def libraries(program: str) -> list[str]:
    """Give the shared libraries of a program, and its loader."""
    words = sh("ldd", program).split()
    return [word for word in words if word.startswith("/")]


def build(tag: str, context: Path, *, file: str | None = None, arguments: Sequence[str] = ()) -> None:
    """Build a Dockerfile on the base image and save it; pip inside sees the certificates of the host."""
    base()
    extra = [word for argument in arguments for word in ("--build-arg", argument)]
    extra += ["-f", file] if file else []
    command = ["buildah", "bud", "--pull-never", "--layers", "--network=host", "-t", tag]
    mount = ["-v", f"{CERTIFICATES}:{CERTIFICATES}:ro"] if Path(CERTIFICATES).is_dir() else []
    subprocess.run([*command, *mount, *extra, str(context)], check=True, env={**os.environ, **BUILDAH})
    save(tag)


def ours() -> list[str]:
    """Build every image that the tests use, and give their tags."""
    pause()
    base()
    shell()
    redis()
    certificate = f"PIP_CERT={CERTIFICATES}/ca-certificates.crt"
    build(UPWELL, ROOT, arguments=[certificate])
    build(EXAMPLES, ROOT, file=str(ROOT / "tests/cluster/examples.Dockerfile"), arguments=[certificate])
    return [BASE, UPWELL, EXAMPLES, SHELL, REDIS]


def fresh(name: str) -> Path:
    """Give an empty folder to make an image's files in."""
    root = CACHE / "rootfs" / name
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    return root
