"""What is wrong with a manifest, as one sentence a person can act on: file, line, object, field, why, remedy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. `object` is like `Asset shop/raw-orders`, `field` like `spec.deps[0].name`."""

    path: Path
    line: int
    message: str
    remedy: str = ""
    object: str = ""
    field: str = ""

    def __str__(self) -> str:
        """Write it in one line that editors can jump to."""
        where = f"{self.path}:{self.line}"
        parts = [where, self.object, f"{self.field}: {self.message}" if self.field else self.message]
        said = ": ".join(part for part in parts if part)
        return f"{said}; {self.remedy}" if self.remedy else said
