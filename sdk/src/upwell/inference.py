"""From what a user writes as `metadata={...}` to typed values.

Plain values mean what they mean in Dagster: str is text, dict and list are json, a path is a path, an AssetKey an
asset; a `datetime` with a zone is a timestamp (Dagster lists it and refuses it). Limits: nothing is guessed from the
label, and a type without a rule is an error that names the label, never a `str()` of it.
"""

from __future__ import annotations

import os
from typing import Any, Callable, Mapping

from upwell.errors import InvalidValue, PermanentError, WrongType, type_name
from upwell.keys import AssetKey
from upwell.metadata import MetadataValue
from upwell.protocol import MAX_METADATA_ENTRIES

MAX_LABEL_CHARS = 256

_RULES: tuple[tuple[Any, Callable[[Any], MetadataValue]], ...] = (
    (MetadataValue, lambda value: value),
    (str, MetadataValue.text),
    (bool, MetadataValue.bool),
    (int, MetadataValue.int),
    (float, MetadataValue.float),
    (type(None), lambda _: MetadataValue.null()),
    ((dict, list), MetadataValue.json),
    (os.PathLike, MetadataValue.path),
    (AssetKey, MetadataValue.asset),
)
"""First match decides; bool stands before int because it is one."""


def typed(metadata: Mapping[str, Any] | None) -> dict[str, MetadataValue]:
    """Give every entry its type, in the order given. Raises WrongType and InvalidValue naming the label."""
    if metadata is None:
        return {}
    if not isinstance(metadata, Mapping):
        raise WrongType(f"metadata is a mapping of labels to values, not {type_name(metadata)}")
    if len(metadata) > MAX_METADATA_ENTRIES:
        raise InvalidValue(f"{len(metadata)} metadata entries, the limit is {MAX_METADATA_ENTRIES}; use a json")
    return {_label(label): _value(label, value) for label, value in metadata.items()}


def _label(label: Any) -> str:
    """Give a label that can be shown. Raises WrongType and InvalidValue."""
    if not isinstance(label, str):
        raise WrongType(f"a metadata label is text, not {type_name(label)}: {label!r:.100}")
    if not 1 <= len(label) <= MAX_LABEL_CHARS or not label.isprintable():
        raise InvalidValue(f"metadata label {label!r:.100}: a label has 1 to {MAX_LABEL_CHARS} printable characters")
    return label


def _value(label: str, value: Any) -> MetadataValue:
    """Give one value its type, and the label to whatever is wrong with it."""
    try:
        return _infer(value)
    except PermanentError as error:
        raise type(error)(f"metadata {label!r:.100}: {error}") from error


def _infer(value: Any) -> MetadataValue:
    """Find the rule for a value."""
    for kind, make in _RULES:
        if isinstance(value, kind):
            return make(value)
    for kind, make in _rare_rules():
        if isinstance(value, kind):
            return make(value)
    raise WrongType(
        f"no metadata type for {type_name(value)}; use a MetadataValue, for example"
        " MetadataValue.json(…), .float(…) or .text(str(…))"
    )


def _rare_rules() -> tuple[tuple[Any, Callable[[Any], MetadataValue]], ...]:
    """Give the rules whose types are imported only when nothing else fits, because their import costs every pod."""
    from datetime import datetime  # noqa: PLC0415 - see above

    from upwell.tables import TableColumnLineage, TableSchema  # noqa: PLC0415 - see above

    return (
        (datetime, MetadataValue.timestamp),
        (TableSchema, MetadataValue.table_schema),
        (TableColumnLineage, MetadataValue.column_lineage),
    )
