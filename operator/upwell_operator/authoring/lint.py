"""`upwell lint`: what a cluster would say of manifests, said before there is one.

Idea: no second set of rules. The API server's part is that of the embedded cluster (`admission`), the rest is what the
operator itself would do: the same mirror takes the objects in, the same graph and the same plan judge them.
Limits: only what was given can be looked at. A dependency on a namespace of which nothing was given may be there or
not; it is told apart, as unknown, and taken to be right. Images, volumes and secrets are the cluster's to find.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from upwell_operator.cluster.port import Object
from upwell_operator.domain import ticking
from upwell_operator.domain.plan import plan
from upwell_operator.domain.snapshot import Asset, AssetKind, Ref
from upwell_operator.domain.world import World
from upwell_operator.errors import Rejected, Stalled
from upwell_operator.local.admission import admit
from upwell_operator.local.kinds import OURS, resource_of
from upwell_operator.local.manifests import Manifest, read_all
from upwell_operator.local.problems import Problem
from upwell_operator.local.refusals import refusal
from upwell_operator.reconcile.mirror import RESOURCES, Mirror
from upwell_operator.reconcile.queue import Key, Subject
from upwell_operator.resources.meta import Kind, Reason

_WAYS = ("assets", "selector", "selection")
"""How an ObservationJob may say which assets; its refusals are about the one that it uses."""


@dataclass(frozen=True, slots=True)
class Linted:
    """What was found, and what was looked at."""

    problems: tuple[Problem, ...]
    unknown: tuple[Problem, ...]
    """What only a cluster can tell: dependencies on namespaces of which nothing was given."""
    checked: int
    """Objects of our kinds."""
    others: int
    """Objects of other kinds, which were not looked at."""


def lint(paths: Sequence[Path], namespace: str, now: datetime) -> Linted:
    """Look at manifests; `namespace` is that of objects which name none. Never raises for what is in them."""
    found = read_all(paths, namespace)
    ours = [manifest for manifest in found.objects if _resource(manifest) in OURS]
    problems, unknown = judge(ours, now)
    others = len(found.objects) - len(ours) + len(found.unserved) + found.passed_over
    return Linted(_in_order([*found.problems, *problems]), _in_order(unknown), len(ours), others)


def judge(manifests: Sequence[Manifest], now: datetime) -> tuple[list[Problem], list[Problem]]:
    """Give what is wrong with objects of our kinds, and what only a cluster can tell."""
    offline = _Offline(now)
    refused = [problem for manifest in manifests if (problem := offline.take(manifest))]
    unknown = list(offline.assume())
    return [*refused, *offline.judge()], unknown


def _in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    """Give each problem once, as a reader meets them; a base that two overlays take in is read twice."""
    return tuple(sorted(dict.fromkeys(problems), key=lambda one: (str(one.path), one.line, one.field)))


def _resource(manifest: Manifest) -> str:
    return resource_of(manifest.obj).plural


class _Offline:
    """The operator's view of a cluster in which the manifests were just applied, in the order in which they stand."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._world = World()
        self._mirror = Mirror(self._world)
        self._taken: dict[Key, Manifest] = {}

    def take(self, manifest: Manifest) -> Problem | None:
        """Apply one manifest; gives why it is refused, if it is."""
        try:
            obj = admit(resource_of(manifest.obj), manifest.obj, None)
        except Rejected as error:
            return refusal(manifest, str(error), Reason.INVALID_SPEC)
        plural = _resource(manifest)
        key = Key(RESOURCES[plural], Ref(*manifest.identity[1:]))
        self._mirror.saw(plural, "ADDED", self._created(obj))
        self._taken[key] = manifest
        return None

    def assume(self) -> Iterator[Problem]:
        """Take to be there what others may have in namespaces that were not given; give who depends on it."""
        given = {ref.namespace for ref in self._world.graph.refs()}
        assets = [asset for ref in self._world.graph.refs() if (asset := self._world.graph.get(ref))]
        for asset in assets:
            for place, dep in enumerate(asset.deps):
                if dep.namespace not in given:
                    self._world.graph.put(_of_others(dep))
                    why = f"nothing of namespace {dep.namespace} was given, so whether {dep} is there is not known"
                    manifest = self._taken[Key(Subject.ASSET, asset.ref)]
                    yield manifest.problem(("spec", "deps", place), why, field_name=f"spec.deps[{place}]")

    def judge(self) -> Iterator[Problem]:
        """Say what is wrong with what was taken in, as its conditions would."""
        for key, manifest in self._taken.items():
            told = self._verdict(key)
            if told:
                reason, sentence = told
                yield refusal(manifest, sentence, reason, _about(manifest))

    def _verdict(self, key: Key) -> tuple[str, str] | None:
        seen = self._mirror.get(key)
        if seen and seen.error:
            return seen.error.reason, str(seen.error)
        if key.subject is Subject.ASSET:
            problem = self._world.graph.problem(key.ref)
            if problem:
                return problem.reason, problem.message
        try:
            self._plan(key)
        except Stalled as error:
            return error.reason, str(error)
        return None

    def _plan(self, key: Key) -> None:
        """Plan an object, as far as its manifest alone can be wrong. Raises Stalled."""
        if key.subject is not Subject.ASSET:
            plan(self._resumed(key), Kind(key.subject.value), key.ref, self._now)
        elif (asset := self._world.graph.get(key.ref)) and asset.cron:
            ticking.check(asset.cron)

    def _resumed(self, key: Key) -> World:
        """Give the world with a Schedule at work: one that is suspended shall be right when it is resumed."""
        schedule = self._world.schedules.get(key.ref)
        if schedule:
            self._world.schedules[key.ref] = replace(schedule, suspended=False)
        return self._world

    def _created(self, obj: Object) -> Object:
        """Give what the API server adds: each object is younger than those that stand before it."""
        number = len(self._taken) + 1
        created = self._now + timedelta(microseconds=number)
        meta = {"uid": f"{number:06}", "generation": 1, "resourceVersion": str(number)}
        return {**obj, "metadata": {**obj["metadata"], **meta, "creationTimestamp": created.isoformat()}}


def _of_others(ref: Ref) -> Asset:
    return Asset(ref, str(ref), ref.name, AssetKind.EXTERNAL, export_to=("*",))


def _about(manifest: Manifest) -> str:
    """Give the field that a verdict on an object is about, if its words name none."""
    spec = manifest.obj.get("spec") or {}
    return next((f"spec.{way}" for way in _WAYS if way in spec), "")
