"""`upwell graph`: the lineage of what is defined, as text, Mermaid or JSON. Pure, except `show`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from upwell_operator.cli import assets as of
from upwell_operator.cli.client import connect
from upwell_operator.cli.options import Connection, Format
from upwell_operator.cli.output import emit, paint

Id = tuple[str, str]
_BRANCHES = {False: ("├─ ", "│  "), True: ("└─ ", "   ")}


async def show(to: Connection, drawing: str, selection: str | None, *, everywhere: bool) -> None:
    """Print the graph of a namespace, of what a selection comes to there, or of all."""
    async with connect(to) as api:
        assets = await of.all_of(api, None if everywhere else to.namespace, selection)
    wanted = Format.JSON if drawing == "json" and to.output is Format.TABLE else to.output
    draw = mermaid if drawing == "mermaid" else text
    emit(wanted, as_data(assets), lambda: draw(assets) or ["No assets."])


def id_of(asset: of.Object) -> Id:
    """Give namespace and name."""
    return of.namespace_of(asset), of.name_of(asset)


def edges(assets: Sequence[of.Object]) -> list[tuple[Id, Id]]:
    """Give (upstream, downstream) pairs, also where the upstream is not among the assets."""
    return [(dep, id_of(asset)) for asset in assets for dep in of.deps_of(asset)]


def as_data(assets: Sequence[of.Object]) -> of.Object:
    """Give nodes and edges for scripts."""
    nodes = [
        {
            "namespace": of.namespace_of(asset),
            "name": of.name_of(asset),
            "key": of.key_of(asset),
            "kind": of.kind_of(asset),
            "fresh": of.condition_of(asset, "Fresh").get("status"),
            "reason": of.condition_of(asset, "Fresh").get("reason"),
        }
        for asset in assets
    ]
    pairs = [{"from": "/".join(above), "to": "/".join(below)} for above, below in edges(assets)]
    return {"nodes": nodes, "edges": pairs}


def text(assets: Sequence[of.Object]) -> list[str]:
    """Draw a tree from every source down; what was already drawn is not drawn out again."""
    known = {id_of(asset): asset for asset in assets}
    below: dict[Id, list[Id]] = {}
    for above, under in edges(assets):
        below.setdefault(above, []).append(under)
    roots = [node for node in known if not any(dep in known for dep in of.deps_of(known[node]))]
    tree = _Tree(known, below)
    lines = [line for root in roots for line in tree.draw(root)]
    rest = [node for node in known if node not in tree.drawn]  # only cycles are left
    return [*lines, *(f"{label(known[node])}  (in a cycle)" for node in rest)]


class _Tree:
    """Draws trees one after the other, and remembers what was drawn."""

    def __init__(self, known: Mapping[Id, of.Object], below: Mapping[Id, list[Id]]) -> None:
        self.known, self.below = known, below
        self.drawn: set[Id] = set()

    def draw(self, node: Id, lead: str = "", rest: str = "") -> Iterator[str]:
        """Give the lines of a node and of what is below it; `lead` stands before it, `rest` before its children."""
        children = self.below.get(node, [])
        again = node in self.drawn
        yield lead + label(self.known[node]) + ("  (drawn above)" if again and children else "")
        if again:
            return
        self.drawn.add(node)
        for number, child in enumerate(children, 1):
            branch, further = _BRANCHES[number == len(children)]
            yield from self.draw(child, rest + branch, rest + further)


def label(asset: of.Object) -> str:
    """Give an asset's line: its key, kind and freshness."""
    fresh = of.condition_of(asset, "Fresh")
    word = "Fresh" if fresh.get("status") == "True" else fresh.get("reason") or "no verdict yet"
    return f"{of.key_of(asset)}  {of.kind_of(asset)}  {paint(word, fresh.get('status'))}"


def mermaid(assets: Sequence[of.Object]) -> list[str]:
    """Draw for Markdown; ids are numbers, so that no name can break the syntax."""
    number = {id_of(asset): f"a{i}" for i, asset in enumerate(assets)}
    nodes = [f"  {number[id_of(a)]}[{json.dumps(of.key_of(a), ensure_ascii=False)}]" for a in assets]
    arrows = [f"  {number[above]} --> {number[below]}" for above, below in edges(assets) if above in number]
    return ["graph LR", *nodes, *arrows] if assets else []
