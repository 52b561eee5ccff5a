"""What Upwell builds, held against what it would be built from now: rows 1 to 5, 7 and 8 of the design's table.

The same for an asset and for one of its partitions: whoever asks says what was made, and what each input is now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet

from upwell_operator.domain import causes as because
from upwell_operator.domain.causes import Cause
from upwell_operator.domain.node import Node
from upwell_operator.domain.snapshot import Asset, AssetId, AssetKind, Materialization
from upwell_operator.domain.texts import SHORT, change, clipped
from upwell_operator.domain.verdict import Verdict
from upwell_operator.resources.meta import Reason

Consumed = Mapping[tuple[str, str], str | None]
VERB = {AssetKind.SOURCE: "observed", AssetKind.EXTERNAL: "reported", AssetKind.DERIVED: "materialized"}
"""What is done to an asset of each kind, so that it has a version."""


def causes_of(
    node: Node, made: Materialization | None, then: Consumed, inputs: Sequence[Verdict]
) -> tuple[list[Cause], tuple[str, ...]]:
    """Give the causes for which what was made is not fresh, and the inputs that are passed over.

    `then` is what it was made from, by data; `inputs` are the verdicts of what it would be made from now, one for each
    of the node's direct upstream.
    """
    if made is None:
        return _never_made(node, inputs)
    asset, found = node.asset, list[Cause]()
    over: tuple[str, ...] = ()
    same = len(then) == len(node.up)
    for above, verdict in zip(node.up, inputs, strict=True):
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


def _never_made(node: Node, inputs: Sequence[Verdict]) -> tuple[list[Cause], tuple[str, ...]]:
    never = because.own(Reason.NEVER_MATERIALIZED, node.ref, "it has never been materialized")
    return [never, *(one.onward for one in inputs if one.onward)], tuple(_named(one) for one in inputs if one.bar)


def _named(verdict: Verdict) -> str:
    return f"{verdict.data.key} {(verdict.version or '')[:SHORT]}"


def _changed_itself(node: Node, made: Materialization, then: AbstractSet[tuple[str, str]]) -> list[Cause]:
    """Give the causes that lie in the asset's own spec: other dependencies, other code."""
    asset, now = node.asset, {above.data for above in node.up}
    found = [_dependencies_changed(asset, then, now)] if then != now else []
    if asset.code_version is not None and asset.code_version != made.code_version:
        found.append(_code_changed(asset, made))
    return found


def _data_changed(upstream: Asset, home: str, then: str | None, now: str) -> Cause:
    what = upstream.id.seen_from(home)
    if then is None:
        text = f"{what} {now[:SHORT]} was first {VERB[upstream.kind]} after the materialization"
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
