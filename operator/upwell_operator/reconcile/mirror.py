"""What was last seen of the cluster's objects: the ears write it, passes read it.

It keeps the world's values, and beside them what a pass needs of a manifest later: resourceVersion, spec and status, as
compact JSON, because 10,000 assets are held. Watch events may come late, twice or not at all: an older resourceVersion
than the one held is ignored, and a full list (`listing`) mends what was lost.

Limits: resourceVersions are compared as numbers, which Kubernetes promises since 1.35 and has always done.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from upwell.protocol import RunKind
from upwell_operator.domain.accept import accept_asset, accept_job, accept_schedule
from upwell_operator.domain.runs import read_runs
from upwell_operator.domain.snapshot import AssetId, Ref, RunPhase, TriggerType
from upwell_operator.domain.world import World
from upwell_operator.errors import NotFound, Stalled
from upwell_operator.reconcile.queue import Key, Subject
from upwell_operator.resources.meta import Kind
from upwell_operator.resources.parsing import parse

Json = dict[str, Any]
RESOURCES = {"assets": Subject.ASSET, "observationjobs": Subject.OBSERVATION_JOB, "schedules": Subject.SCHEDULE}
WATCHED = ("jobs", *RESOURCES)
"""In the order in which they are listed: a Job that is missing from a list may have been collected with its asset,
which the later list then lacks too.
"""


@dataclass(slots=True)
class Seen:
    """What is held of one object of our kinds."""

    uid: str
    version: int
    generation: int
    spec: bytes
    status: bytes
    error: Stalled | None = None
    """Why it could not be read, if it could not."""

    def status_json(self) -> Json:
        """Give the status as it was last seen or written."""
        return _loads(self.status)


class Mirror:
    """The world as far as watch events tell it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._seen: dict[Key, Seen] = {}
        self._runs: dict[Ref, int] = {}
        self._gone: dict[Key, int] = {}
        self._vanished: dict[Ref, int] = {}
        self._listed: dict[tuple[Subject, str | None], int] = {}

    def get(self, key: Key) -> Seen | None:
        """Give what is held of an object."""
        return self._seen.get(key)

    def __iter__(self) -> Iterator[Key]:
        """Give all objects of our three kinds."""
        return iter(list(self._seen))

    def spec(self, key: Key) -> Json:
        """Give the spec of an object. Raises NotFound when it went before its turn came."""
        seen = self._seen.get(key)
        if seen is None:
            raise NotFound(f"{key.subject} {key.ref} is gone")
        return _loads(seen.spec)

    def status_of(self, asset: Ref) -> Json:
        """Give an asset's status as it was last seen or written; empty when there is none."""
        seen = self._seen.get(Key(Subject.ASSET, asset))
        return seen.status_json() if seen else {}

    def vanished(self, run: Ref) -> bool:
        """Say whether a run's Job went before its outcome was recorded: perhaps with its asset."""
        return run in self._vanished

    def saw(self, resource: str, event: str, obj: Json) -> set[Key]:
        """Take in one watch event; give the keys that it makes dirty. Old news makes none."""
        if resource == "jobs":
            return self._saw_job(event, obj)
        key = Key(RESOURCES[resource], _ref(obj))
        if event == "DELETED":
            return self._forget(key, obj)
        return self._saw_object(key, obj)

    def listing(self, resource: str, namespace: str | None = None) -> Listing:
        """Begin to take in a complete list, of one namespace or of all, that comes in pages."""
        self._listed.pop((RESOURCES.get(resource, Subject.RUN), namespace), None)
        return Listing(self, resource, namespace)

    def listed(self, listing: Listing, at: int) -> set[Key]:
        """Take in that a list is complete and true at a resourceVersion: what it lacks, and is not newer, is gone."""
        subject, namespace = RESOURCES.get(listing.resource, Subject.RUN), listing.namespace

        def lost(ref: Ref, version: int) -> bool:
            return ref not in listing.names and version <= at and namespace in (None, ref.namespace)

        self._remember_list(subject, namespace, at)
        if subject is Subject.RUN:
            runs = [ref for ref, version in self._runs.items() if lost(ref, version)]
            return set[Key]().union(*(self._drop_run(ref, at) for ref in runs))
        keys = [key for key, seen in self._seen.items() if key.subject is subject and lost(key.ref, seen.version)]
        return set[Key]().union(*(self._drop(key) for key in keys))

    def lost(self, key: Key) -> set[Key]:
        """Take in that an object turned out to be gone; give the keys that this makes dirty."""
        held = self._seen.get(key)
        if held is not None:
            self._gone[key] = held.version
        return self._drop(key)

    def wrote(self, key: Key, obj: Json) -> set[Key]:
        """Take in what our own write gave back, so that its echo is no news; give whom else it makes dirty."""
        seen = self._seen.get(key)
        if seen is None or seen.version >= _version(obj) or seen.uid != obj["metadata"].get("uid", ""):
            return set()
        status = obj.get("status") or {}
        seen.version, seen.status = _version(obj), _dumps(status)
        return set() if self._knows(key, seen, status) else self._accept(key, obj) - {key}

    def _knows(self, key: Key, seen: Seen, status: Json) -> bool:
        """Say whether an asset's status brings the world nothing.

        The write named the version that is held, so the rest of the object is as it was; most writes end here.
        """
        asset = self._world.graph.get(key.ref) if key.subject is Subject.ASSET and seen.error is None else None
        if asset is None or asset.cron is not None:
            return False
        return asset.handled_request == status.get("lastHandledRequest")

    def _remember_list(self, subject: Subject, namespace: str | None, at: int) -> None:
        """From now on, news of what is not held is old unless it is newer than this list; that says who is gone."""
        self._listed[subject, namespace] = at
        for key in [key for key, version in self._gone.items() if key.subject is subject and version <= at]:
            if namespace in (None, key.ref.namespace):
                del self._gone[key]
        if subject is Subject.ASSET:
            self._see_who_is_left(namespace, at)

    def _see_who_is_left(self, namespace: str | None, at: int) -> None:
        """A list of assets says which of them went with their Jobs, up to the version that it is true at."""
        for run in [run for run, version in self._vanished.items() if version <= at]:
            if namespace in (None, run.namespace):
                del self._vanished[run]

    def _gone_since(self, key: Key) -> int:
        """Give the version up to which news of an object that is not held comes too late."""
        lists = (self._listed.get((key.subject, place), 0) for place in (None, key.ref.namespace))
        return max(self._gone.get(key, 0), *lists)

    # ------------------------------------------------------------- our kinds

    def _saw_object(self, key: Key, obj: Json) -> set[Key]:
        version, held = _version(obj), self._seen.get(key)
        if version <= (held.version if held else self._gone_since(key)):
            return set()
        spec, status = _dumps(obj.get("spec") or {}), _dumps(obj.get("status") or {})
        meta = obj["metadata"]
        error = held.error if held else None
        seen = Seen(meta.get("uid", ""), version, meta.get("generation", 1), spec, status, error)
        self._seen[key] = seen
        dirty = self._accept(key, obj)
        same_status = held is not None and held.status == status and held.uid == seen.uid
        return dirty if same_status else {*dirty, key}

    def _accept(self, key: Key, obj: Json) -> set[Key]:
        """Parse an object into the world; one that cannot be parsed leaves it, and says why."""
        seen = self._seen[key]
        try:
            return self._take(key, parse(Kind(key.subject.value), obj), obj)
        except Stalled as error:
            changed = seen.error is None or str(seen.error) != str(error)
            seen.error = error
            return self._leave(key) | ({key} if changed else set())

    def _take(self, key: Key, resource: Any, obj: Json) -> set[Key]:
        seen, status = self._seen[key], obj.get("status") or {}
        seen.error = None
        if key.subject is Subject.ASSET:
            return self._take_asset(key, accept_asset(resource, obj.get("spec") or {}, status))
        if key.subject is Subject.OBSERVATION_JOB:
            return self._take_job(key, accept_job(resource, status))
        schedule = accept_schedule(resource, status)
        changed = self._world.schedules.get(key.ref) != schedule
        self._world.schedules[key.ref] = schedule
        return {key} if changed else set()

    def _take_asset(self, key: Key, asset: Any) -> set[Key]:
        if self._world.graph.get(key.ref) == asset:
            return set()
        return {key, *_assets(self._world.graph.put(asset)), *self._selecting(key.ref.namespace)}

    def _take_job(self, key: Key, job: Any) -> set[Key]:
        if self._world.jobs.get(key.ref) == job:
            return set()
        self._world.jobs[key.ref] = job
        return {key, *self._schedules_of(key.ref)}

    def _selecting(self, namespace: str) -> set[Key]:
        """An asset that appears or changes its kind may mend or break a selection."""
        jobs = {Key(Subject.OBSERVATION_JOB, ref) for ref in self._world.jobs if ref.namespace == namespace}
        return jobs | {Key(Subject.SCHEDULE, one.ref) for one in self._world.rebuilding(namespace)}

    def _schedules_of(self, job: Ref) -> set[Key]:
        return {Key(Subject.SCHEDULE, one.ref) for one in self._world.schedules_of(job)}

    def _forget(self, key: Key, obj: Json) -> set[Key]:
        held, version = self._seen.get(key), _version(obj)
        if version < (held.version if held else self._gone_since(key)):
            return set()
        self._gone[key] = version
        return self._drop(key) if held else set()

    def _drop(self, key: Key) -> set[Key]:
        self._seen.pop(key, None)
        return self._leave(key)

    def _leave(self, key: Key) -> set[Key]:
        """Take an object out of the world; give who must be looked at because of it."""
        if key.subject is Subject.ASSET:
            left = self._world.graph.get(key.ref) is not None
            affected = self._world.graph.remove(key.ref) if left else set()
            self._world.verdicts.pop(key.ref, None)
            self._world.pending.discard(key.ref)
            self._world.slots.leave(key.ref)
            return _assets(affected - {key.ref}) | (self._selecting(key.ref.namespace) if left else set())
        if key.subject is Subject.OBSERVATION_JOB:
            self._world.jobs.pop(key.ref, None)
            return self._schedules_of(key.ref)
        self._world.schedules.pop(key.ref, None)
        self._world.wanted.pop(key.ref, None)
        return set()

    # ------------------------------------------------------------- Jobs

    def _saw_job(self, event: str, obj: Json) -> set[Key]:
        ref, version = _ref(obj), _version(obj)
        key, deleted = Key(Subject.RUN, ref), event == "DELETED"
        if version <= (self._runs[ref] - deleted if ref in self._runs else self._gone_since(key)):
            return set()
        if deleted:
            self._gone[key] = version
            return self._drop_run(ref, version)
        runs = read_runs(obj)
        if not runs:
            return set()
        self._runs[ref] = version
        self._vanished.pop(ref, None)
        news = [run for run in runs if self._world.runs.get(run.ref) != run]
        for run in news:
            self._world.runs.put(run)
        unrecorded = any(run.phase is not RunPhase.ACTIVE and run.outcome is None for run in news)
        return set[Key]().union(*map(self._around, news)) | ({key} if unrecorded else set())

    def _drop_run(self, ref: Ref, at: int) -> set[Key]:
        self._runs.pop(ref, None)
        known = self._world.runs.carried(ref)
        for run in known:
            self._world.runs.remove(run.ref)
        if any(run.outcome is None for run in known):
            self._vanished[ref] = at
        return set[Key]().union(*map(self._around, known))

    def _around(self, run: Any) -> set[Key]:
        """Give whom a run concerns that has come, changed or gone: also those who waited for its slot."""
        keys = {Key(Subject.ASSET, run.asset)} if Key(Subject.ASSET, run.asset) in self._seen else set()
        keys |= _assets(self._world.slots.next_up(self._world.runs))
        if run.observation_job:
            job = Ref(run.ref.namespace, run.observation_job)
            keys |= {Key(Subject.OBSERVATION_JOB, job)} if job in self._world.jobs else set()
            keys |= self._schedules_of(job)
        return keys | self._ticking(run)

    def _ticking(self, run: Any) -> set[Key]:
        """Give the Schedules that wait for a materialization, or that have asked for it."""
        if run.kind is not RunKind.MATERIALIZE:
            return set()
        asked = run.trigger.type is TriggerType.SCHEDULE
        some = self._world.rebuilding(run.ref.namespace)
        return {Key(Subject.SCHEDULE, one.ref) for one in some if asked or one.current}


@dataclass(slots=True)
class Listing:
    """A complete list that is being read: ten thousand objects are never held at once, as JSON, only their names."""

    mirror: Mirror
    resource: str
    namespace: str | None
    names: set[Ref] = field(default_factory=set)
    news: set[Key] = field(default_factory=set)

    def take(self, page: Iterable[Json]) -> None:
        """Take in some of its objects."""
        for obj in page:
            self.names.add(_ref(obj))
            self.news |= self.mirror.saw(self.resource, "MODIFIED", obj)

    def end(self, at: int) -> set[Key]:
        """Take in that this was all, and true at a resourceVersion; give the keys that the list made dirty."""
        return self.news | self.mirror.listed(self, at)


def remembered(mirror: Mirror, world: World) -> list[tuple[AssetId, Json]]:
    """Give the data of every asset with the status that remembers it."""
    found = []
    for key in mirror:
        asset = world.graph.get(key.ref) if key.subject is Subject.ASSET else None
        seen = mirror.get(key)
        if asset is not None and seen is not None:
            found.append((asset.id, seen.status_json()))
    return found


def _assets(refs: Iterable[Ref]) -> set[Key]:
    return {Key(Subject.ASSET, ref) for ref in refs}


def _ref(obj: Json) -> Ref:
    return Ref(obj["metadata"].get("namespace", "default"), obj["metadata"]["name"])


def _version(obj: Json) -> int:
    return int(obj["metadata"].get("resourceVersion") or 0)


def _dumps(value: Json) -> bytes:
    return json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def _loads(text: bytes) -> Json:
    loaded: Json = json.loads(text)
    return loaded
