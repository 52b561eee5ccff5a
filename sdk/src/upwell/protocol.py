"""What travels between a pod and the server: the wire types, and their version.

This module is the only place where the wire format is spelled. It lives in the dependency-free SDK so that a user's
image and the operator read the same text; the operator validates these dataclasses with pydantic's `TypeAdapter`,
which honours `__pydantic_config__` and ignores unknown fields, so that an older reader accepts a newer writer.

Limits: the module knows shapes, sizes and names. It never sends anything and never decides what an event means.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Any

PROTOCOL_VERSION = "1"
"""Raised only when an old reader would misunderstand a new writer; sent with every request."""

MAX_EVENT_BYTES = 1024 * 1024
MAX_METADATA_ENTRIES = 256
MAX_TEXT_BYTES = 64 * 1024
MAX_VERSION_CHARS = 512
MAX_PARTITION_CHARS = 256
MAX_PARTITIONS_PER_EVENT = 10_000
MAX_EVENTS_PER_REQUEST = 10_000
MAX_RESULT_BYTES = 4096
"""What kubelet keeps of a termination message; the fallback result must fit."""

EXIT_PERMANENT = 78
"""Exit code of a failure that no retry can mend (sysexits' EX_CONFIG): podFailurePolicy ends the Job on it."""


class EventType(str, Enum):
    """What an event says about its asset."""

    OBSERVATION = "AssetObservation"
    MATERIALIZATION = "AssetMaterialization"
    ATTEMPT_FAILED = "AttemptFailed"
    """One attempt of a run failed; the Job may still try again, so it changes no state."""
    OBSERVATION_FAILED = "AssetObservationFailed"
    MATERIALIZATION_FAILED = "AssetMaterializationFailed"


class RunKind(str, Enum):
    """What a run does to its asset."""

    OBSERVE = "observe"
    MATERIALIZE = "materialize"


class Env(str, Enum):
    """The environment of a run's container: the whole contract between the operator and any image."""

    PROTOCOL = "UPWELL_PROTOCOL"
    SERVER = "UPWELL_SERVER"
    """Base URL of the ingest API, without a trailing slash."""
    TOKEN_FILE = "UPWELL_TOKEN_FILE"  # noqa: S105 - the name of a variable
    """File with the bearer token; read again for every request, because kubelet rotates it."""
    NAMESPACE = "UPWELL_NAMESPACE"
    RUN = "UPWELL_RUN"
    """Name of the run, which is the name of its Job."""
    ATTEMPT = "UPWELL_ATTEMPT"
    """Name of the pod: one attempt of the run."""
    KIND = "UPWELL_KIND"
    ASSET_KEY = "UPWELL_ASSET_KEY"
    MEMBERS = "UPWELL_MEMBERS"
    """In a pod that observes several assets, instead of ASSET_KEY and FUNCTION: a JSON list of `{"run", "key",
    "function", "retries", "timeoutSeconds", "pod"}`. A pod observes those that name its index."""
    FAILURES = "UPWELL_FAILURES"
    """How many pods of this pod's index failed before it; empty or absent for none."""
    FUNCTION = "UPWELL_FUNCTION"
    """`module:function`; absent in container mode."""
    INPUTS = "UPWELL_INPUTS"
    """JSON list of `{"name", "key", "dataVersion"}`: the versions this run consumes."""
    PARTITION = "UPWELL_PARTITION"
    """The partition that this run builds; absent where the asset is built as a whole."""
    PARTITIONS = "UPWELL_PARTITIONS"
    """JSON list of the partitions that this run is asked to look at; absent where the function decides."""
    CONFIG = "UPWELL_CONFIG"
    """JSON object: the values of the function's Config. The operator never sets it; the Asset's own `env` does."""
    CODE_VERSION = "UPWELL_CODE_VERSION"
    RESULT = "UPWELL_RESULT"
    """Path to which a container without Python writes its result, and the runner its fallback."""


def camel(name: str) -> str:
    """Give the wire name of an attribute: `asset_key` is `assetKey`."""
    head, *tail = name.split("_")
    return head + "".join(part.capitalize() for part in tail)


_WIRE = {"alias_generator": camel, "populate_by_name": True}


@dataclass(frozen=True)
class MetadataEntry:
    """One typed metadata value: `type` is one of Dagster's names in lower case, `value` its JSON form."""

    __pydantic_config__ = _WIRE

    type: str
    value: Any = None


@dataclass(frozen=True)
class Event:
    """One fact about one asset, as it is sent, stored and shown.

    `id` is unique per event and makes a repeated report harmless; `time` is RFC 3339 in UTC.
    """

    __pydantic_config__ = _WIRE

    id: str
    type: EventType
    asset_key: str
    time: str
    data_version: str | None = None
    metadata: dict[str, MetadataEntry] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    description: str | None = None
    result: bool = False
    """True on the one event that is the run's own result; absent on what its function logs while it runs."""
    partition: str | None = None
    """The slice of the asset that the event is about; absent: the asset as a whole."""
    partitions: dict[str, str] = field(default_factory=dict)
    """Partition -> data version, where one observation looked at many."""


@dataclass(frozen=True)
class Batch:
    """The body of `POST /v1/runs/{namespace}/{run}/events`."""

    __pydantic_config__ = _WIRE

    events: list[Event]
    protocol: str = PROTOCOL_VERSION
    attempt: str | None = None


@dataclass(frozen=True)
class Result:
    """What `$UPWELL_RESULT` holds after a run, also as the pod's termination message.

    A container of any language writes `dataVersion` and `metadata` (plain JSON values, or `{"type", "value"}`);
    the Python runner writes the `events` that it could not post, so that they keep their ids.
    """

    __pydantic_config__ = _WIRE

    data_version: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    events: list[Event] | None = None
    error: str | None = None
    """One line for a person, when the attempt failed."""


@dataclass(frozen=True)
class InputVersion:
    """One upstream version a run consumes: the asset's resource name, its key, and the version, if any was known."""

    __pydantic_config__ = _WIRE

    name: str
    key: str
    data_version: str | None = None
