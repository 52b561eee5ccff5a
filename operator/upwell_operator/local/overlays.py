"""What an overlay changes in the objects that it takes in: patches and images, applied as kustomize applies them.

Pure. A patch is merged field by field: objects grow together, lists and plain values are replaced, null takes away
(kustomize knows no merge keys for kinds of others). Limits: no JSON patches, no selectors by label; a target has kind
and name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from upwell_operator.cluster.port import Object
from upwell_operator.resources.meta import API_VERSION, Kind

_IMAGE = re.compile(r"^(?P<name>[^@]+?)(:(?P<tag>[^:/@]+))?(@(?P<digest>.+))?$")
_RUNS = ("observe", "materialize")


@dataclass(frozen=True, slots=True)
class Patch:
    """Fields for every object of a kind, or for one of them."""

    kind: str
    fields: Object
    name: str | None = None
    must_match: bool = False
    """Without a target, a patch names its object, and kustomize wants it to be there."""
    line: int = 1

    def fits(self, obj: Object) -> bool:
        """Say whether it is for this object."""
        return obj["kind"] == self.kind and self.name in (None, obj["metadata"]["name"])

    def on(self, obj: Object) -> Object:
        """Give the object with the patch; it keeps its name."""
        if not self.fits(obj):
            return obj
        patched = merged(
            obj, {name: value for name, value in self.fields.items() if name not in ("apiVersion", "kind")}
        )
        meta = {**patched["metadata"], "name": obj["metadata"]["name"]}
        return {**patched, "metadata": meta}


@dataclass(frozen=True, slots=True)
class Image:
    """Another name, tag or digest for an image."""

    name: str
    new_name: str | None = None
    new_tag: str | None = None
    digest: str | None = None

    def on(self, obj: Object) -> Object:
        """Give the object with the images of its runs changed; only Assets have any."""
        if (obj["apiVersion"], obj["kind"]) != (API_VERSION, Kind.ASSET.value):
            return obj
        spec = obj.get("spec")
        return {**obj, "spec": _changed(spec, _RUNS, self._run)} if isinstance(spec, dict) else obj

    def _run(self, run: Any) -> Any:
        outer = _changed(run, ("image",), self._image)
        return _changed(outer, ("container",), lambda container: _changed(container, ("image",), self._image))

    def _image(self, text: Any) -> Any:
        found = _IMAGE.match(text) if isinstance(text, str) else None
        if not found or found["name"] != self.name:
            return text
        tag = self.new_tag if self.new_tag or self.digest else found["tag"]
        digest = self.digest if self.new_tag or self.digest else found["digest"]
        tail = (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
        return f"{self.new_name or self.name}{tail}"


Change = Patch | Image


def merged(below: Any, above: Any) -> Any:
    """Give `below` with `above` on top, as RFC 7386 has it."""
    if not isinstance(above, dict):
        return above
    result = dict(below) if isinstance(below, dict) else {}
    for name, value in above.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def _changed(value: Any, names: tuple[str, ...], change: Callable[[Any], Any]) -> Any:
    """Give an object with some of its fields changed, those that it has."""
    if not isinstance(value, dict):
        return value
    return {name: change(item) if name in names else item for name, item in value.items()}
