# noqa: INP001  # a script, not a package
"""Write the locked requirements of the image from pyproject.toml: `python requirements/lock.py`, with pip-tools.

Every file is named with its hashes and no address, so that any mirror will do. The first line tells what was asked for,
so that a test sees when pyproject.toml asks for something else. Limits: for the Python that runs this, which must be
the one of the image (3.11); `upwell` itself is built from this repository, never fetched.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
OLDER = ["async-timeout>=4.0.3"]
"""What redis asks for below Python 3.11.3, which Debian 12 has; the resolver leaves it out on a newer one."""
FLAGS = (
    *("--generate-hashes", "--strip-extras", "--allow-unsafe", "--quiet"),
    *("--no-emit-index-url", "--no-emit-find-links", "--no-emit-trusted-host", "--no-emit-options"),
)


def main() -> None:
    """Write runtime.txt and build.txt beside this file."""
    for name, wanted in asked_for().items():
        lock(name, wanted)


def asked_for() -> dict[str, list[str]]:
    """Give what pyproject.toml asks for, by the file that locks it."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf8"))
    theirs = [line for line in project["project"]["dependencies"] if not line.startswith("upwell==")]
    return {"runtime.txt": theirs + OLDER, "build.txt": project["build-system"]["requires"]}


def first_line(wanted: list[str]) -> str:
    """Give the line that says what a file was locked for."""
    digest = hashlib.sha256("\n".join(sorted(wanted)).encode()).hexdigest()
    return f"# locked for sha256:{digest}"


def lock(name: str, wanted: list[str]) -> None:
    """Resolve some requirements into one file of ours. Raises CalledProcessError when they cannot be."""
    given = {key: value for key, value in os.environ.items() if key != "PIP_FIND_LINKS"}
    given["CUSTOM_COMPILE_COMMAND"] = "python requirements/lock.py"
    command = [sys.executable, "-m", "piptools", "compile", *FLAGS, "--output-file", str(HERE / name), "-"]
    subprocess.run(command, input="\n".join(wanted), text=True, check=True, env=given)  # noqa: S603  # our own words
    text = (HERE / name).read_text(encoding="utf8")
    (HERE / name).write_text(f"{first_line(wanted)}\n{text}", encoding="utf8")


if __name__ == "__main__":
    main()
