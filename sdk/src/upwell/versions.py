"""Data versions: opaque text of which only equality means anything.

Limits: 1 to 512 characters. What a version is made of is the business of whoever observes; the one rule of Upwell's own
is how a materialization that names no version gets one (`derive`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping

from upwell.errors import InvalidValue, WrongType, type_name
from upwell.protocol import MAX_VERSION_CHARS


@dataclass(frozen=True)
class DataVersion:
    """What an observation saw, or a materialization made. Raises WrongType for other than text, InvalidValue."""

    value: str

    def __post_init__(self) -> None:
        if not isinstance(self.value, str):
            raise WrongType(
                f"a data version is text, not {type_name(self.value)}: {self.value!r:.100}; wrap it in str(…)"
            )
        if not 1 <= len(self.value) <= MAX_VERSION_CHARS:
            raise InvalidValue(
                f"a data version has 1 to {MAX_VERSION_CHARS} characters, this one {len(self.value)};"
                " hash long ones, for example with hashlib.sha256(…).hexdigest()"
            )
        try:
            self.value.encode()
        except UnicodeEncodeError as error:
            raise InvalidValue(f"a data version is text that can be written as UTF-8: {error}") from error


def derive(code_version: str | None, run: str, inputs: Mapping[str, str | None]) -> str:
    """Give the version of a materialization that names none.

    SHA-256 over the code version, or the run if there is none, and for each input in key order its key and the version
    consumed: the same text that the operator hashes, so that a laptop and a cluster agree. Same code and same inputs
    give the same version, and everything downstream stays fresh.
    """
    import hashlib  # noqa: PLC0415 - only in-process runs derive; in a pod the server does
    import json  # noqa: PLC0415 - see above

    code = ["run", run] if code_version is None else ["code", code_version]
    text = json.dumps([code, [[key, inputs[key]] for key in sorted(inputs)]], separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
