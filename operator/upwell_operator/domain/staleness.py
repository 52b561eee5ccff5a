"""Staleness: which assets are not built from what their sources are now, and why. The one room of "stale".

`assess` reads the design's table: every fact that holds becomes a cause, and the first in the order of `verdict.ROWS`
decides. A verdict depends on its own asset and state and on the verdicts of its direct upstream, of which it sees
nothing but the current version, `onward` and what is `barred`; so `propagate` stops wherever these are what they were.

Versions are compared, never times: data that changed and changed back is fresh again. What is built by partition is
judged partition by partition (`cut`), by the same table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from datetime import datetime, timedelta

from upwell.protocol import RunKind
from upwell_operator.domain import causes as because
from upwell_operator.domain import cut, lateness, quarantine
from upwell_operator.domain.causes import Cause, Staleness
from upwell_operator.domain.cut import Sight
from upwell_operator.domain.derived import causes_of
from upwell_operator.domain.graph import Graph
from upwell_operator.domain.node import Node
from upwell_operator.domain.snapshot import (
    UNKNOWN_STATE,
    Asset,
    AssetId,
    AssetKind,
    AssetState,
    Materialization,
    Ref,
)
from upwell_operator.domain.texts import clipped
from upwell_operator.domain.verdict import Verdict, causes_for_status, judged, message
from upwell_operator.domain.versions import by_data
from upwell_operator.resources.meta import Reason

__all__ = ["Staleness", "Verdict", "assess", "causes_for_status", "message", "propagate"]

Verdicts = Mapping[Ref, Verdict]
States = Mapping[AssetId, AssetState]


def propagate(
    graph: Graph, states: States, verdicts: MutableMapping[Ref, Verdict], dirty: Iterable[Ref], now: datetime
) -> list[Ref]:
    """Bring verdicts up to date after `dirty` assets changed (spec, state, edges, or just time), and all below them.

    Goes downstream as long as something changes for those below. Members of cycles that formed or opened are looked at
    without being asked for. Gives the assets whose verdict changed, upstream first; deleted ones lose theirs.
    """
    todo, changed = graph.turned().union(dirty), []
    if len(verdicts) != len(graph):
        todo |= verdicts.keys() ^ graph.refs()
    for gone in [ref for ref in todo if ref not in graph]:
        verdicts.pop(gone, None)
    sight, wave = Sight(states, verdicts, now, {}), graph.wave(todo)
    for level in wave:
        moved = []
        for node in level:
            ref = node.ref
            old, new = verdicts.get(ref), _judge(node, graph, sight)
            told = node in sight.told
            if new == old and not told:
                continue
            verdicts[ref] = new
            changed.append(ref)
            if told or old is None or _means_otherwise(old, new):
                moved.append(node)
        wave.spread(moved)
    return changed


def _means_otherwise(old: Verdict, new: Verdict) -> bool:
    """Say whether those below must be judged again; the word is compared first because that is quick."""
    if old.staleness is not new.staleness or old.version != new.version or old.onward != new.onward:
        return True
    if new.late and old.causes != new.causes:  # besides late windows, an observation has failed, or no longer has
        return True
    return old.barred != new.barred


def assess(asset: Asset, graph: Graph, states: States, verdicts: Verdicts, now: datetime) -> Verdict:
    """Judge one asset of the graph by its state and the verdicts of its direct upstream, which must be there."""
    return _judge(graph.node(asset.ref), graph, Sight(states, verdicts, now, {}))


def _judge(node: Node, graph: Graph, sight: Sight) -> Verdict:
    asset, state = node.asset, sight.states.get(node.data, UNKNOWN_STATE)
    if node.cycle is not None or node.unmet or node.lost or node.unfit is not None:
        return _broken(node, graph, state)
    over: tuple[str, ...] = ()
    if asset.partitions is not None:
        found = _by_partition(node, state, sight)
    elif asset.kind is _DERIVED:
        found, over = _derived(node, state, sight.verdicts)
    else:
        found = _reported(asset, state)
    if asset.quarantine:
        found += quarantine.of_itself(asset, state)
    if asset.maximum_lag is None:
        return judged(node, found, state.version, None, over)
    expired, deadline = _expired(node, state, asset.maximum_lag, sight.now)
    verdict = judged(node, found + expired, state.version, deadline, over)
    return verdict._replace(late=True) if expired else verdict


_DERIVED = AssetKind.DERIVED
"""Looking a member up in its enum takes as long as a function call, and this one is looked up for every asset."""


def _broken(node: Node, graph: Graph, state: AssetState) -> Verdict:
    """Judge an asset with a problem: nothing can be said. One that lost its key has no data of its own either."""
    ref = node.ref
    node.cut = node.lacking = None
    problem = graph.problem(ref)
    found = [because.own(problem.reason, ref, problem.message)] if problem else []
    return judged(node, found, None if node.lost else state.version, None)


def _expired(node: Node, state: AssetState, lag: timedelta, now: datetime) -> tuple[list[Cause], datetime | None]:
    """Say whether data is not there in time, and when something will be late next. Row 6, and a source's own."""
    asset = node.asset
    if not lateness.by_window(asset):
        return lateness.overdue(asset, lag, state, now)
    if node.cut is not None and node.cut.due is not None:
        due, late, total = node.cut.due, node.cut.newest(node.cut.late, 1), len(node.cut.keys)
        return [lateness.cause(asset, due, node.cut.late, one, total) for one in late], due.until
    if node.lacking is None:
        return [], None
    return lateness.of_source(asset, node.lacking, now), node.lacking.due.until


# Sources and external assets: others own the data, we know what was reported


def _reported(asset: Asset, state: AssetState) -> list[Cause]:
    found = []
    failure = state.failure
    if failure is not None and (asset.kind is AssetKind.EXTERNAL or failure.kind is RunKind.OBSERVE):
        text = clipped(f"the last {_NOUN[failure.kind]} failed: {failure.message}")
        found.append(because.own(Reason.OBSERVATION_FAILED, asset.ref, text))
    if state.version is None:
        text = "no observation with a data version has been recorded yet"
        found.append(because.own(Reason.NEVER_OBSERVED, asset.ref, text))
    return found


_NOUN = {RunKind.OBSERVE: "observation", RunKind.MATERIALIZE: "materialization"}


# Derived assets


def _by_partition(node: Node, state: AssetState, sight: Sight) -> list[Cause]:
    if node.asset.kind is _DERIVED:
        return cut.judge(node, sight)
    cut.pass_on(node, sight)
    return _reported(node.asset, state)


def _derived(node: Node, state: AssetState, verdicts: Verdicts) -> tuple[list[Cause], tuple[str, ...]]:
    made = state.materialization
    then = _NOTHING if made is None else node.then if node.made is made else _remembered(node, made)
    return causes_of(node, made, then, [verdicts[above.ref] for above in node.up])


_NOTHING: dict[tuple[str, str], str | None] = {}


def _remembered(node: Node, made: Materialization) -> dict[tuple[str, str], str | None]:
    node.made, node.then = made, by_data(made.inputs, node.ref.namespace)
    return node.then
