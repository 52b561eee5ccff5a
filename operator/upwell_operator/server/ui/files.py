"""The files of the page, read once: what each is to a browser, and one address that names the content of all of them.

Every file lies under `/ui/files/DIGEST/`, so a browser keeps it for ever, modules find each other by relative names,
and a page never mixes the modules of two releases.

Limits: while two releases run side by side a page of one may ask the other, which has no such files; the page says
that it must be loaded again.
"""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

STATIC: Final = Path(__file__).with_name("static")
SHELL: Final = "index.html"
PLACE: Final = "/ui/files/"
"""Where the files stand in the shell; the digest is put in behind it."""
PRELOADED: Final = "<!-- modules -->"
TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class File:
    """One file, as it is and packed."""

    content: bytes
    packed: bytes
    type: str
    etag: str


@dataclass(frozen=True, slots=True)
class Shipped:
    """All files of the page, by their names in its folder; `shell` is the one HTML document."""

    digest: str
    files: Mapping[str, File]
    shell: File


@cache
def shipped() -> Shipped:
    """Read the files of this installation."""
    return read(STATIC)


def read(folder: Path) -> Shipped:
    """Read the files of a folder. Raises OSError."""
    found = sorted(file for file in folder.rglob("*") if file.suffix in TYPES)
    content = {file.relative_to(folder).as_posix(): file.read_bytes() for file in found}
    shell = content.pop(SHELL)
    digest = _digest(b"".join(name.encode() + b"\0" + data for name, data in content.items()))
    files = {name: _file(name, data) for name, data in content.items()}
    return Shipped(digest, files, _file(SHELL, _addressed(shell, digest, content)))


def _file(name: str, content: bytes) -> File:
    return File(content, gzip.compress(content, mtime=0), TYPES[Path(name).suffix], f'"{_digest(content)}"')


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:20]


def _addressed(shell: bytes, digest: str, names: Mapping[str, bytes]) -> bytes:
    """Put the files' address into the shell, and name the modules, so that a browser need not find them one by one."""
    modules = [name for name in names if TYPES[Path(name).suffix] == TYPES[".js"]]
    links = "\n".join(f'<link rel="modulepreload" href="{PLACE}{name}">' for name in modules)
    return shell.replace(PRELOADED.encode(), links.encode()).replace(PLACE.encode(), f"{PLACE}{digest}/".encode())
