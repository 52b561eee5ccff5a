"""The Python files that a pod needs, for a ConfigMap: the module, and the modules beside it that it imported.

Limits: entries of a ConfigMap lie flat in one folder and have 1 MiB together, so packages belong into an image.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from upwell_operator.authoring.loading import Source
from upwell_operator.authoring.naming import resource_name
from upwell_operator.authoring.refused import Uncompilable

MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Code:
    """A ConfigMap to be generated."""

    name: str
    files: tuple[Path, ...]


def code_of(source: Source, functions: Iterable[str]) -> Code:
    """Give the files of a module that stands by itself, or beside others, in which the functions are defined.

    Raises Uncompilable for a package.
    """
    modules = {source.module.__name__, *functions}
    packages = sorted(name for name in modules if "." in name or hasattr(sys.modules[name], "__path__"))
    if packages:
        raise Uncompilable(
            f"{', '.join(packages)}: packages do not fit into a ConfigMap, whose files lie flat; give --image with an "
            "image that holds them"
        )
    files = tuple(sorted({file for module in list(sys.modules.values()) if (file := _beside(module, source.folder))}))
    size = sum(file.stat().st_size for file in files)
    if size > MAX_BYTES:
        raise Uncompilable(f"the code has {size} bytes, a ConfigMap holds 1 MiB; put it into an image and give --image")
    return Code(f"{resource_name(source.module.__name__)}-code", files)


def _beside(module: object, folder: Path) -> Path | None:
    """Give the file of a module that stands in the folder itself, if it does."""
    name = getattr(module, "__file__", None)
    file = Path(name).resolve() if name else None
    return file if file and file.parent == folder.resolve() and file.suffix == ".py" else None
