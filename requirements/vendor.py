# noqa: INP001  # a script, not a package
"""Fetch the modules that the web page brings along: `python requirements/vendor.py`, with npm.

Each is one file as its authors released it, with its licence beside it; `modules.json` says which version, and the
checksums by which a test sees that nobody edited them. To update one, change its version here and run this. Limits:
only files that import nothing, since a browser without an import map finds modules by address only.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import tarfile
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

VENDOR = Path(__file__).resolve().parents[1] / "operator" / "upwell_operator" / "server" / "ui" / "static" / "vendor"


class Module(NamedTuple):
    """One file of one npm package, and the name that it gets here."""

    package: str
    version: str
    member: str
    file: str


MODULES = (
    Module("preact", "11.2.0", "dist/preact.mjs", "preact.mjs"),
    Module("htm", "3.1.1", "dist/htm.mjs", "htm.mjs"),
)


def main() -> None:
    """Write the modules, their licences and modules.json."""
    with tempfile.TemporaryDirectory() as folder:
        entries = [fetch(module, Path(folder)) for module in MODULES]
    (VENDOR / "modules.json").write_text(json.dumps(entries, indent=2) + "\n", encoding="utf8")


def fetch(module: Module, folder: Path) -> dict[str, Any]:
    """Fetch one module, and give its entry. Raises CalledProcessError where npm does not find it."""
    command = ["npm", "pack", f"{module.package}@{module.version}", "--silent"]
    packed = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.split()[-1]  # noqa: S603
    with tarfile.open(folder / packed) as archive:
        content, licence = member(archive, module.member), member(archive, "LICENSE")
        named = json.loads(member(archive, "package.json"))["license"]
    licence_file = f"{Path(module.file).stem}.LICENSE"
    (VENDOR / module.file).write_bytes(content)
    (VENDOR / licence_file).write_bytes(licence)
    return {
        "package": module.package,
        "version": module.version,
        "member": module.member,
        "file": module.file,
        "sha256": hashlib.sha256(content).hexdigest(),
        "license": named,
        "licenseFile": licence_file,
        "licenseSha256": hashlib.sha256(licence).hexdigest(),
    }


def member(archive: tarfile.TarFile, name: str) -> bytes:
    """Read one file of a package. Raises KeyError if it is not there."""
    found = archive.extractfile(f"package/{name}")
    assert found is not None, f"{name} is no file"  # noqa: S101
    return found.read()


if __name__ == "__main__":
    main()
