"""Data versions: opaque text of which only equality means anything.

Limits: 1 to 512 characters. What a version is made of is the business of whoever observes; the one rule of Upwell's own
is how a materialization that names no version gets one (`derive`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Mapping

from upwell.errors import InvalidValue, WrongType, type_name
from upwell.partitions import checked_partition
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


@dataclass(frozen=True, init=False)
class DataVersionsByPartition:
    """What one observation saw in many partitions. Raises WrongType and InvalidValue naming the partition."""

    data_versions_by_partition: Mapping[str, DataVersion]

    def __init__(self, data_versions_by_partition: Mapping[str, Any]) -> None:
        if not isinstance(data_versions_by_partition, Mapping):
            found = type_name(data_versions_by_partition)
            raise WrongType(f"DataVersionsByPartition takes a mapping of partition to version, not {found}")
        versions = {checked_partition(key): _version(key, one) for key, one in data_versions_by_partition.items()}
        object.__setattr__(self, "data_versions_by_partition", versions)


def _version(partition: str, given: Any) -> DataVersion:
    """Give the version of one partition, which may be given as text, as in Dagster."""
    if isinstance(given, DataVersion):
        return given
    try:
        return DataVersion(given)
    except (WrongType, InvalidValue) as error:
        raise type(error)(f"partition {partition!r:.100}: {error}") from error


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
