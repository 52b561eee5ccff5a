"""The small part of kustomize that a definition needs, read as kustomize reads it.

Known: `resources`, `configMapGenerator` with `name` and `files`, `generatorOptions.disableNameSuffixHash`, `namespace`.
Anything else is an error that says so, because a kustomization that is half understood is a lie.
Limits: no patches, no overlays of names or labels, no remote resources; a generated name never gets a hash, since an
Asset names its ConfigMap in `code.configMap`, where kustomize would not follow.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from upwell_operator.cluster.port import Object
from upwell_operator.local.problems import Problem
from upwell_operator.local.yamlfile import Document, Steps, documents

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_FIELDS = ("apiVersion", "kind", "resources", "configMapGenerator", "generatorOptions", "namespace")
_SUPPORTED = "supported: resources, configMapGenerator {name, files}, generatorOptions.disableNameSuffixHash, namespace"
_MAX_CONFIGMAP = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Generated:
    """A ConfigMap made from files, and the line that asks for it."""

    obj: Object
    line: int
    files: tuple[Path, ...]


@dataclass(slots=True)
class Kustomization:
    """What a kustomization asks for, and what is wrong with it."""

    path: Path
    namespace: str | None = None
    resources: list[tuple[Path, int]] = field(default_factory=list)
    generated: list[Generated] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def kustomization_in(folder: Path) -> Path | None:
    """Give a folder's kustomization file, if it has one."""
    return next((folder / name for name in NAMES if (folder / name).is_file()), None)


def read_kustomization(path: Path) -> Kustomization:
    """Read a kustomization. Never raises: what is wrong is in `problems`, and the rest is there."""
    result = Kustomization(path)
    found, result.problems = documents(path)
    if result.problems:
        return result
    if len(found) != 1 or not isinstance(found[0].value, dict):
        result.problems.append(Problem(path, 1, "a kustomization is one document of fields", remedy=_SUPPORTED))
        return result
    reader = _Reader(found[0], result)
    reader.read()
    return result


class _Reader:
    """Walks one kustomization document."""

    def __init__(self, document: Document, result: Kustomization) -> None:
        self._document = document
        self._value: dict[str, Any] = document.value
        self._result = result
        self._folder = document.path.parent

    def read(self) -> None:
        """Fill the result."""
        self._unknown(self._value, _FIELDS, ())
        self._namespace()
        for index, entry in enumerate(self._items(self._value, "resources", ())):
            self._resource(entry, ("resources", index))
        generators = self._items(self._value, "configMapGenerator", ())
        if generators and not self._hash_disabled():
            self._problem(
                ("configMapGenerator",),
                "names would get a hash, and an Asset's code.configMap would not find them",
                "add generatorOptions: {disableNameSuffixHash: true}",
            )
            return
        for index, entry in enumerate(generators):
            self._generator(entry, ("configMapGenerator", index))

    def _namespace(self) -> None:
        namespace = self._value.get("namespace")
        if isinstance(namespace, str) or namespace is None:
            self._result.namespace = namespace
        else:
            self._problem(("namespace",), "is not text", "write a namespace's name, such as shop")

    def _resource(self, entry: Any, steps: Steps) -> None:
        if not isinstance(entry, str):
            self._problem(steps, "is not text", "write the path of a file, or of a folder with a kustomization.yaml")
            return
        path = self._folder / entry
        if not path.exists():
            self._problem(steps, f"{entry!r} does not exist", "correct the path; remote resources are not read")
            return
        self._result.resources.append((path, self._document.line(steps)))

    def _hash_disabled(self) -> bool:
        options = self._value.get("generatorOptions") or {}
        if not isinstance(options, dict):
            self._problem(("generatorOptions",), "is not an object of fields", _SUPPORTED)
            return False
        self._unknown(options, ("disableNameSuffixHash",), ("generatorOptions",))
        return options.get("disableNameSuffixHash") is True

    def _generator(self, entry: Any, steps: Steps) -> None:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            self._problem(steps, "has no name", "write {name: shop-code, files: [sources.py]}")
            return
        self._unknown(entry, ("name", "files"), steps)
        files = dict(self._files(entry, steps))
        data = {key: path.read_bytes() for key, path in files.items()}
        size = sum(map(len, data.values()))
        if size > _MAX_CONFIGMAP:
            self._problem(
                steps, f"{entry['name']!r} would hold {size} bytes; a ConfigMap holds 1 MiB", "name fewer files"
            )
            return
        obj = _config_map(entry["name"], data)
        self._result.generated.append(Generated(obj, self._document.line(steps), tuple(files.values())))

    def _files(self, entry: dict[str, Any], steps: Steps) -> Iterator[tuple[str, Path]]:
        for index, text in enumerate(self._items(entry, "files", steps)):
            place = (*steps, "files", index)
            key, _, name = str(text).rpartition("=")
            path = self._folder / name
            if not path.is_file():
                self._problem(place, f"{name!r} does not exist", "correct the path, relative to this file")
            elif not path.resolve().is_relative_to(self._folder.resolve()):
                self._problem(
                    place, f"{name!r} is outside this folder, which kustomize refuses", "move it below this folder"
                )
            else:
                yield key or path.name, path

    def _items(self, value: dict[str, Any], name: str, steps: Steps) -> list[Any]:
        items = value.get(name)
        if items is None or isinstance(items, list):
            return items or []
        self._problem((*steps, name), "is not a list", f"write {name}: [ … ]")
        return []

    def _unknown(self, value: dict[str, Any], known: tuple[str, ...], steps: Steps) -> None:
        for name in value:
            if name not in known:
                self._problem((*steps, name), "is not supported on a laptop", _SUPPORTED)

    def _problem(self, steps: Steps, message: str, remedy: str) -> None:
        problem = Problem(self._document.path, self._document.line(steps), message, remedy, field=field_name(steps))
        self._result.problems.append(problem)


def field_name(steps: Steps) -> str:
    """Write steps as Kubernetes does: `spec.deps[0].name`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")


def _config_map(name: str, files: dict[str, bytes]) -> Object:
    text, binary = {}, {}
    for key, data in files.items():
        try:
            text[key] = data.decode("utf-8")
        except UnicodeDecodeError:
            binary[key] = base64.b64encode(data).decode()
    obj: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    return obj | ({"data": text} if text else {}) | ({"binaryData": binary} if binary else {})
