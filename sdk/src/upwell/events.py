"""What user code says about data: observations, materializations, and the results of functions.

Names and arguments are Dagster's. Limits: making one of these records nothing; it is logged with `context.log_event`,
or returned. A tag `dagster/data_version`, Dagster's own way to name a version, is taken as the data version, with a
version's rules.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Mapping

from upwell.errors import InvalidValue, WrongType, type_name
from upwell.inference import typed
from upwell.keys import AssetKey
from upwell.metadata import MetadataValue
from upwell.partitions import checked_partition
from upwell.plain import checked_text
from upwell.versions import DataVersion

DATA_VERSION_TAG = "dagster/data_version"
MAX_TAGS = 256

_TAG_KEY = re.compile(r"([A-Za-z0-9_.-]{1,63}/)?[A-Za-z0-9_.-]{1,63}")
_TAG_VALUE = re.compile(r"[A-Za-z0-9_.-]{0,63}")


@dataclass(frozen=True, init=False)
class AssetEvent:
    """What observations and materializations share. Raises WrongType and InvalidValue, naming what is wrong."""

    asset_key: AssetKey
    description: str | None
    metadata: Mapping[str, MetadataValue]
    partition: str | None
    tags: Mapping[str, str]
    data_version: DataVersion | None

    def __init__(
        self,
        asset_key: Any,
        description: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        partition: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        plain_tags, version = split_tags(tags)
        put = object.__setattr__
        put(self, "asset_key", AssetKey.from_coercible(asset_key))
        put(self, "description", None if description is None else checked_text(description))
        put(self, "metadata", typed(metadata))
        put(self, "partition", None if partition is None else checked_partition(partition))
        put(self, "tags", plain_tags)
        put(self, "data_version", version)


class AssetObservation(AssetEvent):
    """Something was seen about an asset, or about one partition of it; it was not changed."""


class AssetMaterialization(AssetEvent):
    """An asset was written."""


@dataclass(frozen=True, init=False)
class AssetResult:
    """What a function may return about its own asset. Raises WrongType and InvalidValue, naming what is wrong."""

    asset_key: AssetKey | None
    metadata: Mapping[str, MetadataValue]
    data_version: DataVersion | None
    tags: Mapping[str, str]

    def __init__(
        self,
        *,
        asset_key: Any = None,
        metadata: Mapping[str, Any] | None = None,
        data_version: DataVersion | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        plain_tags, tagged = split_tags(tags)
        put = object.__setattr__
        put(self, "asset_key", None if asset_key is None else AssetKey.from_coercible(asset_key))
        put(self, "metadata", typed(metadata))
        put(self, "data_version", _one_version(data_version, tagged))
        put(self, "tags", plain_tags)


@dataclass(frozen=True, init=False)
class ObserveResult(AssetResult):
    """What an observation saw, of the asset or of one partition of it.

    Without a data version it records metadata, and the version stays what it was.
    """

    partition: str | None = None

    def __init__(
        self,
        *,
        asset_key: Any = None,
        metadata: Mapping[str, Any] | None = None,
        data_version: DataVersion | None = None,
        partition: str | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(asset_key=asset_key, metadata=metadata, data_version=data_version, tags=tags)
        object.__setattr__(self, "partition", None if partition is None else checked_partition(partition))


class MaterializeResult(AssetResult):
    """What a materialization made. Without a data version one is derived from the code and the inputs."""


def _one_version(given: Any, tagged: DataVersion | None) -> DataVersion | None:
    """Refuse a version that is no DataVersion, and two versions in one result."""
    if given is not None and not isinstance(given, DataVersion):
        raise WrongType(f"data_version is a DataVersion, not {type_name(given)}; write DataVersion(…)")
    if given is not None and tagged is not None and given != tagged:
        raise InvalidValue(
            f"two data versions: {given.value!r:.80} as data_version, {tagged.value!r:.80} as tag {DATA_VERSION_TAG}"
        )
    return given or tagged


def split_tags(tags: Mapping[str, str] | None) -> tuple[dict[str, str], DataVersion | None]:
    """Check tags, and take Dagster's version tag out of them. Raises WrongType and InvalidValue naming the tag."""
    if tags is None:
        return {}, None
    if not isinstance(tags, Mapping):
        raise WrongType(f"tags are a mapping of text to text, not {type_name(tags)}")
    if len(tags) > MAX_TAGS:
        raise InvalidValue(f"{len(tags)} tags, the limit is {MAX_TAGS}; record the rest as metadata")
    plain = {key: _checked_tag(key, value) for key, value in tags.items() if key != DATA_VERSION_TAG}
    return plain, DataVersion(tags[DATA_VERSION_TAG]) if DATA_VERSION_TAG in tags else None


def _checked_tag(key: Any, value: Any) -> str:
    """Give the value of a tag that follows Dagster's rules."""
    if not isinstance(key, str) or not _TAG_KEY.fullmatch(key):
        raise InvalidValue(f"tag key {key!r:.100}: use [A-Za-z0-9_.-], at most 63 characters, optionally prefix/name")
    if not isinstance(value, str):
        raise WrongType(f"tag {key!r}: a value is text, not {type_name(value)}; wrap it in str(…)")
    if not _TAG_VALUE.fullmatch(value):
        raise InvalidValue(f"tag {key!r}: value {value!r:.100}: use [A-Za-z0-9_.-], at most 63 characters")
    return value
