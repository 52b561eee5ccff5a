"""Reading what a kustomization changes: `patches` and `images`; `overlays` says what becomes of objects.

Limits: a patch is one document of fields, in a file or in place; its target is a kind and perhaps a name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from upwell_operator.local.fields import Fields
from upwell_operator.local.overlays import Change, Image, Patch
from upwell_operator.local.yamlfile import Steps, documents

_TARGET = ("group", "version", "kind", "name")
_IMAGE = ("name", "newName", "newTag", "digest")


def read_changes(fields: Fields) -> tuple[list[Change], set[Path]]:
    """Give the changes in kustomize's order, patches first, and the files that they stand in."""
    reader = _Reader(fields)
    patches: list[Change] = [*reader.each("patches", reader.patch)]
    return [*patches, *reader.each("images", reader.image)], reader.files


class _Reader:
    def __init__(self, fields: Fields) -> None:
        self._fields = fields
        self.files: set[Path] = set()

    def each(self, name: str, read: Any) -> Iterator[Change]:
        for index, entry in enumerate(self._fields.items(self._fields.value, name, ())):
            if not isinstance(entry, dict):
                self._fields.problem((name, index), "is not an object of fields", self._fields.supported)
            elif change := read(entry, (name, index)):
                yield change

    def image(self, entry: dict[str, Any], steps: Steps) -> Image | None:
        self._fields.unknown(entry, _IMAGE, steps)
        values = [entry.get(name) for name in _IMAGE]
        if not values[0] or not all(value is None or isinstance(value, str) for value in values):
            self._fields.problem(steps, "is not a name with texts beside it", 'write {name: shop, newTag: "2"}')
            return None
        return Image(*(str(value) if value else None for value in values))  # type: ignore[arg-type] # name is there

    def patch(self, entry: dict[str, Any], steps: Steps) -> Patch | None:
        self._fields.unknown(entry, ("patch", "path", "target"), steps)
        body = self._body(entry, steps)
        if not isinstance(body, dict):
            return None
        if not (isinstance(body.get("kind"), str) and isinstance(_name(body), str)):
            self._fields.problem(
                steps, "has no kind and metadata.name, which kustomize wants beside a target too", "add them"
            )
            return None
        target = entry.get("target")
        wanted = {"kind": body["kind"], "name": _name(body)} if target is None else target
        if not isinstance(wanted, dict) or not isinstance(wanted.get("kind"), str):
            self._fields.problem(steps, "has a target without a kind", "write target: {kind: Asset, name: raw-orders}")
            return None
        self._fields.unknown(wanted, _TARGET, (*steps, "target"))
        line = self._fields.document.line(steps)
        return Patch(wanted["kind"], body, wanted.get("name"), must_match=target is None, line=line)

    def _body(self, entry: dict[str, Any], steps: Steps) -> Any:
        """Give the fields of a patch, in place or from its file; None after a problem."""
        file, text = self._fields.document.path, entry.get("patch")
        if text is None:
            file = self._fields.folder / str(entry.get("path"))
            if not file.is_file():
                self._fields.problem(steps, f"its path {entry.get('path')!r} does not exist", "correct the path")
                return None
            self.files.add(file)
        found, problems = documents(file, None if text is None else str(text))
        if problems or len(found) != 1 or not isinstance(found[0].value, dict):
            why = problems[0].message if problems else "is not one document of fields; JSON patches are not supported"
            self._fields.problem(steps, why, "write the fields that change, as they stand in the object")
            return None
        return found[0].value


def _name(body: dict[str, Any]) -> Any:
    meta = body.get("metadata")
    return meta.get("name") if isinstance(meta, dict) else None
