"""What is wrong with a manifest, as one sentence a person can act on: file, line, object, field, why, remedy."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """One mistake. `object` is like `Asset shop/raw-orders`, `field` like `spec.deps[0].name`.

    `reason` is the one that the object's condition would have in a cluster, where it would have one.
    """

    path: Path
    line: int
    message: str
    remedy: str = ""
    object: str = ""
    field: str = ""
    reason: str = ""

    def __str__(self) -> str:
        """Write it in one line that editors can jump to."""
        where = f"{self.path}:{self.line}"
        named = self.message.startswith(self.field)
        parts = [where, self.object, self.message if named else f"{self.field}: {self.message}"]
        said = ": ".join(part for part in parts if part)
        return f"{said}; {self.remedy}" if self.remedy else said
