"""Staleness: which assets are not built from what their sources are now, and why. The one room of "stale".

`assess` reads the design's table: every fact that holds becomes a cause, and the first in the order of `verdict.ROWS`
decides. A verdict depends on its own asset and state and on the verdicts of its direct upstream, of which it sees
nothing but the current version, `onward` and what is `barred`; so `propagate` stops wherever these are what they were.

Versions are compared, never times: data that changed and changed back is fresh again. Limits: unpartitioned assets.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, MutableMapping
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta

from upwell.protocol import RunKind
from upwell_operator.domain import causes as because
from upwell_operator.domain import quarantine
from upwell_operator.domain.causes import Cause, Staleness
from upwell_operator.domain.conditions import timestamp
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
from upwell_operator.domain.texts import SHORT, change, clipped
from upwell_operator.domain.verdict import Verdict, causes_for_status, judged, message
from upwell_operator.domain.versions import by_data
from upwell_operator.resources import duration
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
    wave = graph.wave(todo)
    for level in wave:
        moved = []
        for node in level:
            ref = node.ref
            old, new = verdicts.get(ref), _judge(node, graph, states, verdicts, now)
            if new == old:
                continue
            verdicts[ref] = new
            changed.append(ref)
            if old is None or _means_otherwise(old, new):
                moved.append(node)
        wave.spread(moved)
    return changed


def _means_otherwise(old: Verdict, new: Verdict) -> bool:
    """Say whether those below must be judged again; the word is compared first because that is quick."""
    if old.staleness is not new.staleness or old.version != new.version or old.onward != new.onward:
        return True
    return old.barred != new.barred


def assess(asset: Asset, graph: Graph, states: States, verdicts: Verdicts, now: datetime) -> Verdict:
    """Judge one asset of the graph by its state and the verdicts of its direct upstream, which must be there."""
    return _judge(graph.node(asset.ref), graph, states, verdicts, now)


def _judge(node: Node, graph: Graph, states: States, verdicts: Verdicts, now: datetime) -> Verdict:
    asset, state = node.asset, states.get(node.data, UNKNOWN_STATE)
    if node.cycle is not None or node.unmet or node.lost:
        return _broken(node, graph, state)
    over: tuple[str, ...] = ()
    if asset.kind is _DERIVED:
        found, over = _derived(node, state, verdicts)
    else:
        found = _reported(asset, state)
    if asset.quarantine:
        found += quarantine.of_itself(asset, state)
    if asset.maximum_lag is None:
        return judged(node, found, state.version, None, over)
    expired, deadline = _overdue(asset, asset.maximum_lag, state, now)
    return judged(node, found + expired, state.version, deadline, over)


_DERIVED = AssetKind.DERIVED
"""Looking a member up in its enum takes as long as a function call, and this one is looked up for every asset."""


def _broken(node: Node, graph: Graph, state: AssetState) -> Verdict:
    """Judge an asset with a problem: nothing can be said. One that lost its key has no data of its own either."""
    ref = node.ref
    problem = graph.problem(ref)
    found = [because.own(problem.reason, ref, problem.message)] if problem else []
    return judged(node, found, None if node.lost else state.version, None)


def _overdue(asset: Asset, lag: timedelta, state: AssetState, now: datetime) -> tuple[list[Cause], datetime | None]:
    """Say whether the asset is too old, or else when it will be. Row 6, and what "young enough" is for a source.

    At the deadline itself it is, so that whoever wakes up at `expires_at` finds it so.
    """
    seen = _last_seen(asset, state)
    if seen is None:
        return [], None
    if now < seen + lag:
        return [], seen + lag
    allowed = f"spec.freshness.maximumLag allows {duration.write(lag)}"
    text = f"last {_VERB[asset.kind]} at {timestamp(seen)}; {allowed}"
    return [because.own(Reason.FRESHNESS_EXPIRED, asset.ref, text)], None


def _last_seen(asset: Asset, state: AssetState) -> datetime | None:
    """Give the moment from which `maximumLag` counts: the last success of whoever makes this asset's data."""
    made, seen = state.materialization, state.observation
    times = [made.time] if made else []
    if seen and asset.kind is not AssetKind.DERIVED:
        times.append(seen.time)
    return max(times, default=None)


_VERB = {AssetKind.SOURCE: "observed", AssetKind.EXTERNAL: "reported", AssetKind.DERIVED: "materialized"}


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


# Derived assets: rows 1 to 5, 7 and 8 of the table


def _derived(node: Node, state: AssetState, verdicts: Verdicts) -> tuple[list[Cause], tuple[str, ...]]:
    """Give the causes, and the inputs that are passed over."""
    asset, made = node.asset, state.materialization
    if made is None:
        return _never_made(node, verdicts)
    then = node.then if node.made is made else _remembered(node, made)
    found: list[Cause] = []
    over: tuple[str, ...] = ()
    same = len(then) == len(node.up)
    for above in node.up:
        verdict = verdicts[above.ref]
        version, onward = verdict.version, verdict.onward
        if onward is not None:
            found.append(onward)
        if verdict.barred:
            found += [one.cause for one in verdict.barred if one.version == then.get(above.data)]
            version, over = (None, (*over, _named(verdict))) if verdict.bar else (version, over)
        if above.data not in then:
            same = False
        elif version is not None and then[above.data] != version:  # versions.differs, without its call
            found.append(_data_changed(above.asset, asset.ref.namespace, then[above.data], version))
    if not same or asset.code_version is not None:
        found += _changed_itself(node, made, then.keys())
    return found, over


def _never_made(node: Node, verdicts: Verdicts) -> tuple[list[Cause], tuple[str, ...]]:
    above = [verdicts[one.ref] for one in node.up]
    never = because.own(Reason.NEVER_MATERIALIZED, node.ref, "it has never been materialized")
    return [never, *(one.onward for one in above if one.onward)], tuple(_named(one) for one in above if one.bar)


def _named(verdict: Verdict) -> str:
    return f"{verdict.data.key} {(verdict.version or '')[:SHORT]}"


def _changed_itself(node: Node, made: Materialization, then: AbstractSet[tuple[str, str]]) -> list[Cause]:
    """Give the causes that lie in the asset's own spec: other dependencies, other code."""
    asset, now = node.asset, {above.data for above in node.up}
    found = [_dependencies_changed(asset, then, now)] if then != now else []
    if asset.code_version is not None and asset.code_version != made.code_version:
        found.append(_code_changed(asset, made))
    return found


def _remembered(node: Node, made: Materialization) -> dict[tuple[str, str], str | None]:
    node.made, node.then = made, by_data(made.inputs, node.ref.namespace)
    return node.then


def _data_changed(upstream: Asset, home: str, then: str | None, now: str) -> Cause:
    what = upstream.id.seen_from(home)
    if then is None:
        text = f"{what} {now[:SHORT]} was first {_VERB[upstream.kind]} after the materialization"
    else:
        text = f"{what} {change(then, now)}"
    return because.of_input(Reason.UPSTREAM_DATA_CHANGED, upstream.ref, f"upstream data has changed: {text}")


def _dependencies_changed(asset: Asset, then: AbstractSet[tuple[str, str]], now: AbstractSet[AssetId]) -> Cause:
    home = asset.ref.namespace
    added = [f"new {one.seen_from(home)}" for one in sorted(now - then)]
    removed = [f"no longer {AssetId(*one).seen_from(home)}" for one in sorted(then - now)]
    text = f"dependencies differ from those it was materialized from: {', '.join(added + removed)}"
    return because.own(Reason.DEPENDENCIES_CHANGED, asset.ref, clipped(text))


def _code_changed(asset: Asset, made: Materialization) -> Cause:
    then = "none" if made.code_version is None else f'"{made.code_version}"'
    text = f'spec.codeVersion is "{asset.code_version}"; it was materialized with {then}'
    return because.own(Reason.CODE_CHANGED, asset.ref, clipped(text))
