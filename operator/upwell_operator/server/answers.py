"""What goes out: resources in Kubernetes' own shape, events in the wire format, pages with `metadata.continue`.

Floats that JSON cannot spell leave as the texts NaN, Infinity and -Infinity, as they may come in.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.responses import Response

from upwell_operator.cluster.port import Object
from upwell_operator.resources.meta import API_VERSION
from upwell_operator.server.problems import Problem


class Json(Response):
    """A JSON answer; understands dataclasses, enums and times."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Write the content, non-finite floats as text."""
        return to_json(content, inf_nan_mode="strings")


class PageMetadata(BaseModel):
    """Where the next page starts."""

    continue_: str | None = Field(None, alias="continue", description="Pass it as `cursor`; absent on the last page.")
    ended_early: bool = Field(
        default=False,
        alias="endedEarly",
        description="The page is not full, because 10,000 entries were looked at for it; `continue` goes on.",
    )


class Page(BaseModel):
    """One page of a list."""

    items: list[dict[str, Any]]
    metadata: PageMetadata


class ResourceList(BaseModel):
    """A list of resources, as kubectl prints one."""

    apiVersion: str  # noqa: N815 - Kubernetes' own spelling
    kind: str
    metadata: PageMetadata
    items: list[dict[str, Any]]


class Resource(BaseModel):
    """A resource, as kubectl prints it."""

    apiVersion: str  # noqa: N815
    kind: str
    metadata: dict[str, Any]
    spec: dict[str, Any]
    status: dict[str, Any] | None = None


def page(items: Sequence[Any], cursor: str | None, *, ended_early: bool = False) -> Json:
    """Answer with one page of events, versions, decisions or runs."""
    early = {"endedEarly": True} if ended_early else {}
    return Json({"items": items, "metadata": {**_continue(cursor), **early}})


def _continue(cursor: str | None) -> dict[str, str]:
    return {"continue": cursor} if cursor else {}


def resource(kind: str, obj: Object) -> Object:
    """Give an object with its apiVersion and kind (lists of an API server leave them out), without managedFields."""
    metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return {**obj, "apiVersion": API_VERSION, "kind": kind, "metadata": metadata}


def resources(kind: str, objects: Iterable[Object], cursor: str | None, limit: int, **more: Any) -> Json:
    """Answer with one page of resources, by namespace and name, starting after the cursor's."""
    after = _after(cursor)
    found = sorted((obj for obj in objects if place(obj) > after), key=place)
    shown = found[:limit]
    following = _cursor(place(shown[-1])) if len(found) > limit else None
    items = [resource(kind, obj) for obj in shown]
    metadata = _continue(following)
    return Json({"apiVersion": API_VERSION, "kind": f"{kind}List", "metadata": metadata, "items": items, **more})


def place(obj: Object) -> tuple[str, str]:
    """Give namespace and name."""
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def condition(obj: Object, kind: str) -> dict[str, Any]:
    """Give one condition of a resource's status, or an empty one."""
    found: Callable[[dict[str, Any]], bool] = lambda one: one.get("type") == kind  # noqa: E731 - named for its type
    return next(filter(found, (obj.get("status") or {}).get("conditions") or ()), {})


def _cursor(key: tuple[str, str]) -> str:
    return base64.urlsafe_b64encode("/".join(key).encode()).decode()


def _after(cursor: str | None) -> tuple[str, str]:
    if cursor is None:
        return "", ""
    try:
        namespace, _, name = base64.b64decode(cursor, altchars=b"-_", validate=True).decode().partition("/")
    except (binascii.Error, ValueError):
        raise Problem(422, "invalid-parameters", "cursor: is none of this server's; start without one.") from None
    return namespace, name
