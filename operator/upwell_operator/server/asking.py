"""The arguments that routes share: who asks, which object, which page."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from pydantic_core import PydanticCustomError

from upwell.protocol import MAX_PARTITION_CHARS, MAX_VERSION_CHARS
from upwell_operator.cluster.port import Caller
from upwell_operator.domain.event_rules import MAX_KEY_CHARS, key_problem
from upwell_operator.resources import duration
from upwell_operator.resources.selection import LONGEST
from upwell_operator.server.face import Face, face_of
from upwell_operator.server.identity import API_SERVER, bearer
from upwell_operator.server.people import ANONYMOUS, check_local
from upwell_operator.server.problems import Problem

LABEL = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
SUBDOMAIN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"

# Names are checked before they become part of a path of the API server's.
Namespace = Annotated[str, Path(pattern=LABEL, max_length=63, description="Namespace.")]
Name = Annotated[str, Path(pattern=SUBDOMAIN, max_length=253, description="Name of the resource.")]
NameOrKey = Annotated[
    str, Path(max_length=MAX_KEY_CHARS, description="Name of the Asset, or the key of data that no Asset defines.")
]
InNamespace = Annotated[str | None, Query(pattern=LABEL, max_length=63, description="Only this namespace.")]
InSelection = Annotated[
    str | None,
    Query(max_length=LONGEST, description="What this selects of the namespace, as a job's `spec.selection` would."),
]
Cursor = Annotated[str | None, Query(max_length=1024, description="`metadata.continue` of the page before.")]
HistoryCursor = Annotated[
    str | None, Query(pattern=r"^([0-9]{1,20}-[0-9]{1,20}|\+)$", description="`metadata.continue` of the page before.")
]
RunsCursor = Annotated[
    str | None, Query(pattern=r"^[0-9]{13} [^ ]{1,400}$", description="`metadata.continue` of the page before.")
]
Limit = Annotated[int, Query(ge=1, le=1000, description="Items on a page.")]
Version = Annotated[str, Query(min_length=1, max_length=MAX_VERSION_CHARS, description="The data version, whole.")]
Since = Annotated[
    str | None,
    Query(max_length=64, description="Only what was recorded since then: a duration before now, or an RFC 3339 time."),
]

InPartition = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=MAX_PARTITION_CHARS,
        description="Only what names this partition; an observation of many names a hundred of those that had changed.",
    ),
]


async def person(request: Request) -> Caller:
    """Say who asks a people's route. Raises Problem (401, 403)."""
    face = face_of(request)
    header = request.headers.get("authorization")
    if header is None and face.settings.anonymous:
        check_local(request)
        return ANONYMOUS
    return await face.identity.of(bearer(header), API_SERVER)


async def valid_key(name: NameOrKey) -> str:
    """Check a name that may be a key. Raises Problem (422)."""
    sentence = key_problem(name)
    if sentence:
        raise Problem(422, "invalid-parameters", f"name: {sentence}.")
    return name


def moment_of(since: str, now: datetime) -> datetime:
    """Read `?since=`. Raises Problem (422) for what is neither a duration nor a time with an offset."""
    with suppress(PydanticCustomError):
        return now - duration.read(since)
    with suppress(ValueError):
        moment = datetime.fromisoformat(since)
        if moment.tzinfo is not None:
            return moment
    how = "write a duration before now, such as 2h or 1d12h, or a time with its offset, such as 2026-01-31T12:00:00Z"
    raise Problem(422, "invalid-parameters", f"since: {since!r} is no point in time; {how}.")


async def the_face(request: Request) -> Face:
    """Give the server's Face; a coroutine, because FastAPI would run a plain function in a thread."""
    return face_of(request)


TheFace = Annotated[Face, Depends(the_face)]
Person = Annotated[Caller, Depends(person)]
DataName = Annotated[str, Depends(valid_key)]
