"""The partitions of what Upwell builds: each judged by itself, and what they come to together.

A partition is judged as an asset is (`derived.causes_of`): what it was made from, held against what each input is for
it now: the input's one version, that of one partition, or the digest of several. Verdicts are kept of those that are
not fresh only, by reason; and a change of ten partitions, here or above, has ten judged again, not a hundred thousand.

Limits: a definition's keys are listed anew when its next window is over, or its own definition changed; then all are
judged, and once more when a window becomes late.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import nsmallest
from typing import NamedTuple

from upwell.protocol import InputVersion
from upwell_operator.domain import causes as because
from upwell_operator.domain import lateness, mapping, partitions, quarantine
from upwell_operator.domain.causes import ROWS, Cause
from upwell_operator.domain.derived import causes_of
from upwell_operator.domain.lateness import Due
from upwell_operator.domain.mapping import Edge
from upwell_operator.domain.node import Node
from upwell_operator.domain.partitions import Partitions
from upwell_operator.domain.snapshot import UNKNOWN_STATE, AssetId, AssetKind, AssetState, Ref, Slices
from upwell_operator.domain.texts import clipped
from upwell_operator.domain.verdict import Verdict, in_time, judged
from upwell_operator.domain.versions import by_data, set_digest
from upwell_operator.resources.meta import Reason

Told = dict[Node, set[str] | None]
"""Partitions that changed in this wave, by their asset; None: any may have."""
FEW = 1000
"""Among so many keys the newest is looked for one by one; among more, it is soon met from the end."""
NONE_KNOWN = Slices()
NO_PARTITIONS = partitions.Static(())
NOT_READ = "what its partitions were built from is not known until the store can be read"
EMPTIED = "whether it was built is not known since the store was emptied; request it by name to build it again"


class Sight(NamedTuple):
    """What a verdict may look at."""

    states: Mapping[AssetId, AssetState]
    verdicts: Mapping[Ref, Verdict]
    now: datetime
    told: Told


@dataclass(slots=True, eq=False)
class Cut:
    """What the partitions of one asset were judged to be."""

    keys: dict[str, int]
    """The partitions that there are, the newest first, each with its place."""
    until: datetime | None
    """When there are others."""
    whole: tuple[object, ...]
    """What was seen of the asset and its inputs that is so for all."""
    due: Due | None = None
    """Which must be there by now, where `maximumLag` counts for each window."""
    late: set[str] = field(default_factory=set)
    """Those that must be and are not."""
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    """Of those that are not fresh."""
    by_reason: dict[Reason, set[str]] = field(default_factory=dict)
    waiting: dict[str, str] = field(default_factory=dict)
    """Those of which an input has no version yet, and the words for it: looked at again when they are judged again."""

    def put(self, key: str, verdict: Verdict | None) -> None:
        """Note a partition's verdict; None: it is fresh."""
        old = self.verdicts.pop(key, None)
        if old is not None:
            self.by_reason[old.reason].discard(key)
        if verdict is not None:
            self.verdicts[key] = verdict
            self.by_reason.setdefault(verdict.reason, set()).add(key)

    def newest(self, some: Collection[str], most: int) -> list[str]:
        """Give the first of some keys, in the order of all."""
        if len(some) <= FEW:
            return nsmallest(most, some, key=self.keys.__getitem__)
        found = []
        for key in self.keys:
            if key in some:
                found.append(key)
                if len(found) == most:
                    break
        return found


def judge(node: Node, sight: Sight) -> list[Cause]:
    """Judge what has changed of an asset's partitions; give the causes that they come to together.

    Whoever is below is told which. `sight.told` has what changed above.
    """
    state = sight.states.get(node.data, UNKNOWN_STATE)
    slices = state.slices
    if slices is None:
        node.cut, sight.told[node] = None, None
        return [because.own(Reason.PARTITIONS_UNKNOWN, node.ref, NOT_READ)]
    cut, dirty = _to_judge(node, state.lost, slices, sight)
    node.cut = cut
    changed, slices.changed = slices.changed, set()
    told = set[str]()
    for key in cut.keys if dirty is None else dirty:
        cut.waiting.pop(key, None)
        old, new = cut.verdicts.get(key), _judge_one(node, cut, key, state, sight)
        if old != new:
            cut.put(key, new)
            told.add(key)
    if dirty is None or changed is None:
        sight.told[node] = None
    elif told := told | changed:
        sight.told[node] = told
    reasons = (reason for reason in ROWS if cut.by_reason.get(reason))
    return [_together(node, cut, cut.by_reason[reason]) for reason in reasons if not (cut.due and reason is _EXPIRED)]


_EXPIRED = Reason.FRESHNESS_EXPIRED
"""Told by `lateness`, of all that are late: also of those that were never built, which have that as their reason."""


def pass_on(node: Node, sight: Sight) -> None:
    """Tell those below which partitions of a source changed, and note which are late."""
    state = sight.states.get(node.data, UNKNOWN_STATE)
    slices, known = state.slices, node.lacking
    node.lacking = None
    if slices is None:
        return
    if not state.lost:
        node.lacking = lateness.lacking(known, node.asset, slices, sight.now)
    if slices.changed != set():
        sight.told[node], slices.changed = slices.changed, set()


def inputs_of(node: Node, key: str, sight: Sight) -> tuple[InputVersion, ...]:
    """Give the versions that a run of one partition would consume if it started now, in the order of `spec.deps`."""
    home = node.ref.namespace
    seen = zip(node.up, inputs(node, key, sight), strict=True)
    return tuple(InputVersion(above.ref.seen_from(home), above.asset.key, one.version) for above, one in seen)


def inputs(node: Node, key: str, sight: Sight) -> list[Verdict]:
    """Give what each input is to one partition: the input's verdict, with the version that this one is built from."""
    return [sight.verdicts[above.ref] if edge is None else _seen(above, edge, key, sight) for above, edge in ends(node)]


def lacking(node: Node, key: str, sight: Sight) -> str | None:
    """Give the name of an input that has no version for this partition yet, with what is missing of it."""
    for above, edge in ends(node):
        if edge is None:
            if sight.verdicts[above.ref].version is None:
                return above.asset.key
            continue
        known = known_versions(above, sight)
        wanted = mapping.above(edge, key, sight.now, known)
        missing = [one for one in wanted if one not in known]
        if missing:
            return f"{above.asset.key}, {len(missing)} of {len(wanted)} partitions, such as {missing[0]},"
    return None


def ends(node: Node) -> Iterator[tuple[Node, Edge | None]]:
    """Give each input, with how its partitions belong to the node's own; None: all as one version."""
    return zip(node.up, node.edges or (None,) * len(node.up), strict=True)


def known_versions(above: Node, sight: Sight) -> Mapping[str, str]:
    """Give the versions of an input's partitions, by key; none where they cannot be read."""
    return (sight.states.get(above.data, UNKNOWN_STATE).slices or NONE_KNOWN).versions


# ---------------------------------------------------------------- which to look at


def _to_judge(node: Node, lost: bool, slices: Slices, sight: Sight) -> tuple[Cut, Collection[str] | None]:
    """Give what was judged before, and which partitions are to be judged again; None: all."""
    own = (lost, node.asset.code_version, node.asset.quarantine, node.asset.maximum_lag)
    whole = (*own, *(_of_all(above, edge, sight) for above, edge in ends(node)))
    cut = node.cut
    if cut is None or slices.changed is None or (cut.until is not None and cut.until <= sight.now):
        return _anew(node, slices, whole, sight), None
    if cut.whole != whole:
        return _anew(node, slices, whole, sight), None
    dirty = set(slices.changed)
    for above, edge in ends(node):
        moved = sight.told.get(above, set()) if edge else set()
        found = None if moved is None else _below(edge, moved, cut, sight) if edge and moved else ()
        if found is None:
            return _anew(node, slices, whole, sight), None
        dirty.update(found)
    strangers = dirty - cut.keys.keys()
    if strangers and partitions.is_open(node.asset.partitions):
        return _anew(node, slices, whole, sight), None
    return cut, dirty - strangers


def _of_all(above: Node, edge: Edge | None, sight: Sight) -> object:
    """Give what an input is to all partitions alike: when that is another, all of them are judged."""
    verdict = sight.verdicts[above.ref]
    if edge is None:
        return verdict.version, verdict.onward, verdict.barred
    return above.asset.quarantine, None if above.asset.kind is AssetKind.DERIVED else in_time(above, verdict)


def _below(edge: Edge, moved: Iterable[str], cut: Cut, sight: Sight) -> set[str] | None:
    found = set[str]()
    for key in moved:
        keys = mapping.below(edge, key, sight.now, cut.keys)
        if keys is None:
            return None
        found.update(keys)
    return found


def _anew(node: Node, slices: Slices, whole: tuple[object, ...], sight: Sight) -> Cut:
    definition = node.asset.partitions or NO_PARTITIONS
    keys = list(partitions.keys(definition, sight.now))[::-1]
    if partitions.is_open(definition):
        keys = sorted({*slices.versions, *_from_above(node, sight)})
    due = lateness.due(node.asset, sight.now)
    changes = [partitions.changes_at(one, sight.now) for one in _definitions(node, definition)]
    if due is not None:
        changes.append(due.until)
    until = min(filter(None, changes), default=None)
    return Cut({key: place for place, key in enumerate(keys)}, until, whole, due)


def _from_above(node: Node, sight: Sight) -> Iterator[str]:
    for above, edge in ends(node):
        if edge is not None and isinstance(edge.mapping, mapping.Identity):
            yield from known_versions(above, sight)


def _definitions(node: Node, own: Partitions) -> list[Partitions]:
    return [own, *(edge.up for edge in node.edges if edge is not None)]


# ---------------------------------------------------------------- one of them


def _judge_one(node: Node, cut: Cut, key: str, state: AssetState, sight: Sight) -> Verdict | None:
    made = (state.slices or NONE_KNOWN).made.get(key)
    cut.late.discard(key)
    if made is None and state.lost:
        return judged(node, [because.own(Reason.PARTITIONS_UNKNOWN, node.ref, EMPTIED)], None, None)
    then = by_data(made.inputs, node.ref.namespace) if made else {}
    found, over = causes_of(node, made, then, inputs(node, key, sight))
    version = made.version if made else None
    if cut.due and cut.due.is_late(key, made.time if made else None):
        cut.late.add(key)
        found.append(lateness.cause(node.asset, cut.due, (key,), key, 1))
    if node.asset.quarantine and made:
        found += quarantine.of_itself(node.asset, AssetState(version=version, materialization=made))
    return judged(node, found, version, None, over) if found else None


def _seen(above: Node, edge: Edge, key: str, sight: Sight) -> Verdict:
    """Give what an input is to one partition, where it is cut as well."""
    known, verdict = known_versions(above, sight), sight.verdicts[above.ref]
    keys = mapping.above(edge, key, sight.now, known)
    have = {one: known[one] for one in keys if one in known}
    if len(keys) == 1 and have:
        version: str | None = have[keys[0]]
    else:
        version = set_digest(have) if have else None
    theirs = [above.cut.verdicts[one] for one in keys if one in above.cut.verdicts] if above.cut else []
    barred = tuple(one for seen in theirs for one in seen.barred) if above.cut else verdict.barred
    return verdict._replace(version=version, onward=_onward(above, keys, have, theirs, verdict), barred=barred)


def _onward(
    above: Node, keys: Sequence[str], have: Collection[str], theirs: Iterable[Verdict], verdict: Verdict
) -> Cause | None:
    if above.asset.kind is AssetKind.DERIVED:
        return min((one.onward for one in theirs if one.onward), key=lambda cause: cause.order, default=None)
    if not keys:
        return None  # it is built from no partition of this input, whatever is known of the others
    missing = [one for one in keys if one not in have]
    if not missing or verdict.version is None:
        return in_time(above, verdict)
    text = f"{above.asset.kind.value} {above.asset.key} has never been observed at partition {missing[0]}"
    return because.of_input(Reason.UPSTREAM_UNOBSERVED, above.ref, text)


# ---------------------------------------------------------------- all together


def _together(node: Node, cut: Cut, keys: Collection[str]) -> Cause:
    """Give the cause that partitions of one reason give to their asset: how many, and what is so of the newest."""
    (newest,) = cut.newest(keys, 1)
    first = cut.verdicts[newest].causes[0]
    words = because.sentence(first, node.ref.namespace)
    few = f"partition {newest}" if len(keys) == 1 else f"{len(keys)} of {len(cut.keys)} partitions, such as {newest}"
    return because.worded(first, clipped(f"{few}: {words}"))
