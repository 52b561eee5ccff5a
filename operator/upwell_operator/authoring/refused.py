"""What is said when definitions in Python cannot be written as manifests."""

from __future__ import annotations

from upwell_operator.errors import UpwellError


class Uncompilable(UpwellError):
    """Definitions in Python cannot be written as manifests; the text says where, why, and what to do."""
