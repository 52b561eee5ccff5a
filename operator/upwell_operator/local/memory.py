"""The embedded cluster: `cluster.port.Cluster` in memory, with the API server's semantics that Upwell relies on.

One increasing resourceVersion; Conflict on an old one; generation that grows only when the desired state changes; a
status subresource; merge patches; AlreadyExists; label selectors; dry run; deletion in the background with
dependents; Events; pod-bound tokens; watches in order. A write that changes nothing is no write, as in the API
server. `upwell dev` runs on it with the real clock, the simulation with its own. `tests/contract` holds it and a real
API server to the same suite. Limits: everybody may do everything (it serves the owner of a laptop, on loopback); no
finalizers; no server-side apply; an update must carry its resourceVersion. No verb awaits anything, so each is atomic
and deterministic.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

from upwell_operator.cluster.port import Caller, Listed, Object, Visit
from upwell_operator.errors import AlreadyExists, Conflict, NotFound, Rejected
from upwell_operator.local.admission import admit, refuse
from upwell_operator.local.events import event_about, merge_into
from upwell_operator.local.kinds import OURS, Resource, resource_of, served
from upwell_operator.local.objects import Key, copied, desired, jsonable, key_of, merged, stamp, three_way
from upwell_operator.local.schema import admit_status
from upwell_operator.local.selectors import parse_selector
from upwell_operator.local.shelf import Shelf
from upwell_operator.local.tokens import Tokens
from upwell_operator.local.watching import Change, Delivery, Subscribers, Watch, at_once

LogReader = Callable[[str, str, int], Awaitable[str]]
"""Gives the end of a pod's log: namespace, pod, bytes."""

_SERVER_OWNED = ("uid", "creationTimestamp", "generation", "name", "namespace")
_MAX_EVENTS = 2000


def utc_now() -> datetime:
    """Give the time of this machine, aware, in UTC."""
    return datetime.now(UTC)


class MemoryCluster:
    """A cluster in memory. `through` stands between it and every watch; `seed` makes its uids its own."""

    def __init__(
        self, now: Callable[[], datetime] = utc_now, *, through: Delivery = at_once, seed: str = "upwell"
    ) -> None:
        self.now = now
        self.log_reader: LogReader | None = None
        self._subscribers = Subscribers(through)
        self._shelf = Shelf(self._subscribers.publish, seed)
        self._tokens = Tokens(now, self._shelf.has_uid)
        self._applied: dict[tuple[str, Key], Object] = {}

    @property
    def resource_version(self) -> str:
        """Give the version of the last write."""
        return str(self._shelf.version)

    # ---- the port -------------------------------------------------------------------------------------------------

    async def get(self, resource: str, namespace: str, name: str) -> Object:
        """Give one object. Raises NotFound."""
        served(resource)
        return _out(self._shelf.need(resource, Key(namespace, name)))

    async def list(
        self, resource: str, namespace: str | None = None, selector: str = "", *, visit: Visit | None = None
    ) -> Listed:
        """Give all objects of a namespace, or of all, that the selector matches. Raises Rejected for a bad selector."""
        served(resource)
        wanted = parse_selector(selector)
        items = [
            _out(obj)
            for obj in self._shelf.all(resource)
            if namespace in (None, obj["metadata"]["namespace"]) and wanted.matches(obj["metadata"].get("labels") or {})
        ]
        if visit is not None:
            visit(items)
        return Listed([] if visit else items, self.resource_version)

    async def create(self, resource: str, obj: Object, *, dry_run: bool = False) -> Object:
        """Create an object. Raises AlreadyExists, Rejected. What has only owners that are gone is collected at once."""
        row = served(resource)
        new = admit(row, self._newborn(row, obj), None)
        if self._shelf.find(resource, key_of(new)):
            raise AlreadyExists(f'{resource} "{new["metadata"]["name"]}" already exists')
        if dry_run:
            return _out(new)
        new["metadata"]["uid"] = self._shelf.new_uid(resource, key_of(new))
        stored = self._shelf.put(resource, new)
        if self._shelf.orphaned(stored):
            self._shelf.remove(resource, key_of(stored))
        return _out(stored)

    async def update(self, resource: str, obj: Object) -> Object:
        """Replace an object but its status subresource. Raises Conflict, NotFound, Rejected."""
        row = served(resource)
        new = self._incoming(row, obj)
        old = self._shelf.need(resource, key_of(new))
        if not new["metadata"].get("resourceVersion"):
            raise refuse(row, new["metadata"]["name"], "metadata.resourceVersion: must be specified for an update")
        return self._replace(row, old, new)

    async def patch(self, resource: str, namespace: str, name: str, patch: Object) -> Object:
        """Merge-patch an object, not its status. Raises NotFound, Conflict if the patch names an old version."""
        row = served(resource)
        old = self._shelf.need(resource, Key(namespace, name))
        patch = jsonable(patch, "patch")
        return self._replace(row, old, self._incoming(row, _with_version(merged(old, patch), patch)))

    async def patch_status(self, resource: str, namespace: str, name: str, patch: Object) -> Object:
        """Merge-patch the status subresource; of metadata only resourceVersion is read. Raises Conflict, NotFound."""
        row = served(resource)
        old = self._shelf.need(resource, Key(namespace, name))
        if not row.has_status:
            raise NotFound(f"{resource} have no status subresource")
        patch = jsonable(patch, "patch")
        _check_version(row, old, patch.get("metadata", {}))
        new = {**old, "status": merged(old.get("status", {}), patch.get("status", {}))}
        return self._store_if_changed(row, old, admit_status(new) if resource in OURS else new)

    async def delete(self, resource: str, namespace: str, name: str, *, uid: str | None = None) -> None:
        """Delete with dependents; success when it is gone, also when a namesake with another uid stands there."""
        served(resource)
        key = Key(namespace, name)
        found = self._shelf.find(resource, key)
        if found is not None and uid in (None, found["metadata"]["uid"]):
            self._shelf.remove(resource, key)
            self._applied.pop((resource, key), None)

    async def pod_log(self, namespace: str, pod: str, *, tail_bytes: int = 65536) -> str:
        """Give the end of a pod's log as whoever runs pods kept it; empty when nobody did."""
        return await self.log_reader(namespace, pod, tail_bytes) if self.log_reader else ""

    async def post_event(self, regarding: Object, *, reason: str, message: str, warning: bool = False) -> None:
        """Store an Event; the same one again counts up. The oldest go when there are more than 2,000."""
        new = event_about(regarding, reason=reason, message=message, warning=warning, now=self.now())
        key = key_of(new)
        if found := self._shelf.find("events", key):
            self._shelf.put("events", merge_into(found, self.now()))
            return
        new["metadata"]["uid"] = self._shelf.new_uid("events", key)
        self._shelf.put("events", new)
        self._forget_old_events()

    async def review_token(self, token: str, audience: str) -> Caller | None:
        """Say whose token this is; only tokens that `issue_token` gave are known."""
        return self._tokens.review(token, audience)

    async def may(self, caller: Caller, verb: str, resource: str, namespace: str, name: str = "") -> bool:
        """Allow everything: the caller owns the machine, and nobody else reaches its loopback."""
        del caller, verb, resource, namespace, name
        return True

    # ---- beyond the port ------------------------------------------------------------------------------------------

    def watch(self, resource: str, since: str | None = None, *, through: Delivery | None = None) -> Watch:
        """Watch from now on, not from the first read. Raises ExpiredError.

        Without `since` everything that exists comes first as ADDED; with it, what was written after that version.
        """
        served(resource)
        first = self._existing(resource) if since is None else self._subscribers.since(resource, int(since))
        return self._subscribers.subscribe(resource, first, through)

    async def apply(self, obj: Object) -> Object:
        """Create or change an object as `kubectl apply` does: what others wrote stays, what is applied no more goes.

        Raises Rejected (with the API server's kind of message) when kind, metadata or spec cannot be.
        """
        row = resource_of(obj)
        wanted = {name: item for name, item in self._incoming(row, obj).items() if name != "status"}
        place = (row.plural, key_of(wanted))
        before, old = self._applied.get(place, {}), self._shelf.find(*place)
        if old is None:
            result = await self.create(row.plural, wanted)
        else:
            patch = three_way(before, _with_maps_of(before, wanted))
            result = self._replace(row, old, self._incoming(row, _with_version(merged(old, patch), {})))
        self._applied[place] = wanted
        return result

    def issue_token(self, namespace: str, pod: str, audience: str, lifetime: timedelta | None = None) -> str:
        """Give a token bound to a living pod, as kubelet would project it. Raises NotFound."""
        return self._tokens.issue(self._shelf.need("pods", Key(namespace, pod)), audience, lifetime)

    # ---- inside ---------------------------------------------------------------------------------------------------

    def _existing(self, resource: str) -> Sequence[Change]:
        objects = self._shelf.all(resource)
        return [Change("ADDED", resource, int(obj["metadata"]["resourceVersion"]), obj) for obj in objects]

    def _incoming(self, row: Resource, obj: Object) -> Object:
        """Copy what came in; check that it is what it says it is, and has a place."""
        new: Object = jsonable(obj)
        given = (new.setdefault("apiVersion", row.api_version), new.setdefault("kind", row.kind))
        if given != (row.api_version, row.kind):
            raise Rejected(f"{given[1]} of {given[0]} cannot be written as {row.plural}")
        meta = new.setdefault("metadata", {})
        meta.setdefault("namespace", "default")
        if "generateName" in meta and not meta.get("name"):
            meta["name"] = f"{meta['generateName']}{self._shelf.version:05d}"
        if not meta.get("name"):
            raise refuse(row, "", "metadata.name: Required value")
        return new

    def _newborn(self, row: Resource, obj: Object) -> Object:
        new = self._incoming(row, obj)
        meta = {name: item for name, item in new["metadata"].items() if name not in ("resourceVersion", "generation")}
        new["metadata"] = meta | {"uid": "", "creationTimestamp": stamp(self.now())}
        if row.has_status:
            new["metadata"]["generation"] = 1
            new.pop("status", None)
        return new

    def _replace(self, row: Resource, old: Object, new: Object) -> Object:
        """Store a new desired state: the server's own metadata and the status stay, generation counts."""
        _check_version(row, old, new["metadata"])
        kept = {name: old["metadata"][name] for name in _SERVER_OWNED if name in old["metadata"]}
        new["metadata"] = {**new["metadata"], **kept}
        if row.has_status:
            new.pop("status", None)
        new = admit(row, new, old)
        if row.has_status:
            new["metadata"]["generation"] += desired(new) != desired(old)
            new |= {"status": old["status"]} if "status" in old else {}
        return self._store_if_changed(row, old, new)

    def _store_if_changed(self, row: Resource, old: Object, new: Object) -> Object:
        version = old["metadata"]["resourceVersion"]
        if {**new, "metadata": {**new["metadata"], "resourceVersion": version}} == old:
            return _out(old)
        return _out(self._shelf.put(row.plural, new))

    def _forget_old_events(self) -> None:
        if self._shelf.count("events") <= _MAX_EVENTS:
            return
        events = sorted(self._shelf.all("events"), key=lambda event: int(event["metadata"]["resourceVersion"]))
        for event in events[:-_MAX_EVENTS]:
            self._shelf.remove("events", key_of(event))


def _out(stored: Object) -> Object:
    result: Object = copied(stored)
    return result


def _with_maps_of(before: Object, wanted: Object) -> Object:
    """Leave a map of labels or annotations standing that is applied no more: others may have written into it."""
    maps: Object = {name: {} for name in ("labels", "annotations") if name in before.get("metadata", {})}
    return {**wanted, "metadata": {**maps, **wanted["metadata"]}}


def _with_version(obj: Object, patch: Object) -> Object:
    """Let only a resourceVersion that the patch itself names be a precondition."""
    given = patch.get("metadata", {}).get("resourceVersion")
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": given}}


def _check_version(row: Resource, old: Object, meta: Object) -> None:
    for field in ("resourceVersion", "uid"):
        given = meta.get(field)
        if given and given != old["metadata"][field]:
            raise Conflict(
                f'{row.plural} "{old["metadata"]["name"]}": the object has been modified; '
                f"{field} is {old['metadata'][field]}, not {given}: read it again"
            )
