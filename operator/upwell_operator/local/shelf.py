"""The objects of the embedded cluster: one increasing resourceVersion, uids, owners, and the collection of orphans.

Idea: every write goes through `put` or `remove`, which number it and publish it; so the order of versions is the order
of events. A uid is derived from resource, namespace, name and how often that name was taken, so that an asset keeps its
identity when `upwell dev` starts again on the same data. Limits: synchronous, in one event loop; dependents are
collected at once, where a real cluster takes its time; finalizers and foreground deletion are not known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from uuid import NAMESPACE_URL, uuid5

from upwell_operator.cluster.port import Object
from upwell_operator.errors import NotFound
from upwell_operator.local.objects import Key, key_of
from upwell_operator.local.watching import Change

Place = tuple[str, Key]
"""Resource, and namespace and name in it."""


class Shelf:
    """Objects by resource and name, and by the uid of their owners."""

    def __init__(self, publish: Callable[[Change], None], seed: str = "upwell") -> None:
        self._publish = publish
        self._seed = seed
        self.version = 0
        self._objects: dict[str, dict[Key, Object]] = {}
        self._taken: Counter[str] = Counter()
        self._uids: set[str] = set()
        self._dependents: dict[str, dict[Place, None]] = {}

    def find(self, resource: str, key: Key) -> Object | None:
        """Give the stored object itself (never change it), or None."""
        return self._objects.get(resource, {}).get(key)

    def need(self, resource: str, key: Key) -> Object:
        """Give the stored object itself. Raises NotFound."""
        found = self.find(resource, key)
        if found is None:
            raise NotFound(f'{resource} "{key.name}" not found in namespace "{key.namespace}"')
        return found

    def all(self, resource: str) -> Iterator[Object]:
        """Give the stored objects of a resource, ordered by namespace and name as etcd orders them."""
        objects = self._objects.get(resource, {})
        return (objects[key] for key in sorted(objects))

    def count(self, resource: str) -> int:
        """Say how many objects of a resource there are."""
        return len(self._objects.get(resource, {}))

    def has_uid(self, uid: str) -> bool:
        """Say whether an object with this uid lives."""
        return uid in self._uids

    def new_uid(self, resource: str, key: Key) -> str:
        """Give a uid that no other creation has."""
        place = f"{resource}/{key}"
        self._taken[place] += 1
        return str(uuid5(NAMESPACE_URL, f"{self._seed}:{place}#{self._taken[place]}"))

    def put(self, resource: str, obj: Object) -> Object:
        """Store an object under the next resourceVersion and publish it; gives what is stored."""
        key = key_of(obj)
        change_type = "MODIFIED" if self.find(resource, key) else "ADDED"
        self._unlink(resource, key)
        stored = self._numbered(obj)
        self._objects.setdefault(resource, {})[key] = stored
        self._link(resource, key, stored)
        self._publish(Change(change_type, resource, self.version, stored))
        return stored

    def remove(self, resource: str, key: Key) -> None:
        """Delete an object, publish it, and collect what nobody owns any more."""
        stored = self._numbered(self.need(resource, key))
        self._unlink(resource, key)
        del self._objects[resource][key]
        self._publish(Change("DELETED", resource, self.version, stored))
        self._collect(stored["metadata"]["uid"])

    def orphaned(self, obj: Object) -> bool:
        """Say whether an object names owners and none of them lives."""
        owners = [owner["uid"] for owner in obj["metadata"].get("ownerReferences", ())]
        return bool(owners) and not any(self.has_uid(uid) for uid in owners)

    def _numbered(self, obj: Object) -> Object:
        self.version += 1
        return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.version)}}

    def _collect(self, owner: str) -> None:
        for resource, key in tuple(self._dependents.pop(owner, ())):
            dependent = self.find(resource, key)
            if dependent is not None and self.orphaned(dependent):
                self.remove(resource, key)

    def _link(self, resource: str, key: Key, obj: Object) -> None:
        self._uids.add(obj["metadata"]["uid"])
        for owner in obj["metadata"].get("ownerReferences", ()):
            self._dependents.setdefault(owner["uid"], {})[resource, key] = None

    def _unlink(self, resource: str, key: Key) -> None:
        if (obj := self.find(resource, key)) is None:
            return
        self._uids.discard(obj["metadata"]["uid"])
        for owner in obj["metadata"].get("ownerReferences", ()):
            dependents = self._dependents.get(owner["uid"], {})
            dependents.pop((resource, key), None)
            if not dependents:
                self._dependents.pop(owner["uid"], None)
