"""`?selection=`: the assets that a selection comes to, as an ObservationJob of their namespace would have it.

Limits: an Asset whose spec cannot be read is never selected: nobody knows what it is built from.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from upwell_operator.cluster.port import Caller, Object
from upwell_operator.domain.accept import accept_asset
from upwell_operator.domain.graph import Graph
from upwell_operator.domain.selecting import select
from upwell_operator.errors import Stalled
from upwell_operator.resources.meta import Kind
from upwell_operator.resources.parsing import parse
from upwell_operator.resources.selection import Selection, SelectionError, read_selection
from upwell_operator.server.face import Face
from upwell_operator.server.finding import listed
from upwell_operator.server.problems import Problem


async def selectable(face: Face, who: Caller, namespace: str | None, text: str | None) -> list[Object]:
    """Give the Assets that somebody may list; with a text only those that it selects. Raises Problem (403, 422)."""
    return (await listed_and_selected(face, who, namespace, text))[1]


async def listed_and_selected(
    face: Face, who: Caller, namespace: str | None, text: str | None
) -> tuple[list[Object], list[Object]]:
    """Give all Assets that somebody may list, and those of them that a text selects: all without one.

    Both are of one moment. Raises Problem (403, 422).
    """
    await face.rights.demand(who, "list", Kind.ASSET.plural, namespace or "")
    selection = None if text is None else _read(text, namespace)
    found = await listed(face, Kind.ASSET, namespace)
    return found, found if selection is None else _selected(found, selection, namespace or "")


def _read(text: str, namespace: str | None) -> Selection:
    if namespace is None:
        raise Problem(422, "invalid-parameters", "selection: it selects in one namespace; name it with ?namespace=.")
    try:
        return read_selection(text)
    except SelectionError as error:
        raise Problem(422, "invalid-selection", f"selection: {error}") from None


def _selected(found: Sequence[Object], selection: Selection, namespace: str) -> list[Object]:
    graph = Graph()
    for obj in found:
        with suppress(Stalled):
            graph.put(accept_asset(parse(Kind.ASSET, obj), obj.get("spec") or {}, {}))
    names = {ref.name for ref in select(selection, graph, namespace)}
    return [obj for obj in found if obj["metadata"]["name"] in names]
