"""Partitions: the slices of an asset, such as a day of a table, each with a key of its own.

Limits: a key is text; that it is one of the asset's partitions is known where the asset is defined, not here.
"""

from __future__ import annotations

from typing import Any

from upwell.errors import InvalidValue, WrongType, type_name
from upwell.protocol import MAX_PARTITION_CHARS


def checked_partition(key: Any) -> str:
    """Give a partition's key back. Raises WrongType for other than text (Dagster's rule), InvalidValue naming it."""
    if not isinstance(key, str):
        raise WrongType(f"a partition is named by text, not {type_name(key)}: {key!r:.100}; wrap it in str(…)")
    if not 1 <= len(key) <= MAX_PARTITION_CHARS or not key.isprintable() or key != key.strip():
        raise InvalidValue(
            f"partition {key!r:.100}: a key has 1 to {MAX_PARTITION_CHARS} characters, without control characters or"
            " blanks at an end"
        )
    return key
