"""The small part of kustomize that a definition needs, read as kustomize reads it.

Known: `resources`, `namespace`, `patches`, `images`, `configMapGenerator` with `name` and `files`, and either
`generatorOptions.disableNameSuffixHash` or, so that Assets follow the hash, our own file under `configurations`.
Anything else is an error that says so, because a kustomization that is half understood is a lie.
Limits: no overlays of names or labels, no remote resources; a generated name has no hash here, where nothing needs one.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files as resource_files
from pathlib import Path
from typing import Any

from upwell_operator.cluster.port import Object
from upwell_operator.local.changes import read_changes
from upwell_operator.local.fields import Fields
from upwell_operator.local.overlays import Change
from upwell_operator.local.problems import Problem
from upwell_operator.local.yamlfile import Document, Steps, documents

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_FIELDS = (
    "apiVersion", "kind", "resources", "namespace", "patches", "images",
    "configMapGenerator", "generatorOptions", "configurations",
)  # fmt: skip
_SUPPORTED = (
    "supported: resources, namespace, patches, images, configMapGenerator {name, files}, "
    "generatorOptions.disableNameSuffixHash, configurations"
)
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
    changes: list[Change] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)
    """Files besides: patches, configurations."""
    knows_our_kinds: bool = False
    """Whether our file stands under `configurations`, so that names and images in Assets are followed."""
    problems: list[Problem] = field(default_factory=list)


def shipped_configuration() -> str:
    """Give the file that tells kustomize of our kinds."""
    return resource_files("upwell_operator.local").joinpath("kustomizeconfig.yaml").read_text(encoding="utf8")


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


class _Reader(Fields):
    """Walks one kustomization document."""

    def __init__(self, document: Document, result: Kustomization) -> None:
        super().__init__(document, result.problems, _SUPPORTED)
        self._result = result

    def read(self) -> None:
        """Fill the result."""
        self.unknown(self.value, _FIELDS, ())
        self._namespace()
        for index, entry in enumerate(self.items(self.value, "resources", ())):
            self._resource(entry, ("resources", index))
        for index, entry in enumerate(self.items(self.value, "configurations", ())):
            self._configuration(entry, ("configurations", index))
        self._result.changes, files = read_changes(self)
        self._result.files |= files
        self._generators()

    def _generators(self) -> None:
        generators = self.items(self.value, "configMapGenerator", ())
        if generators and not (self._hash_disabled() or self._result.knows_our_kinds):
            self.problem(
                ("configMapGenerator",),
                "names would get a hash, and an Asset's code.configMap would not find them",
                "add generatorOptions: {disableNameSuffixHash: true}, or our kustomizeconfig.yaml to configurations",
            )
            return
        for index, entry in enumerate(generators):
            self._generator(entry, ("configMapGenerator", index))

    def _configuration(self, entry: Any, steps: Steps) -> None:
        """Take our own file only: what another one changes is not known here."""
        file = self.folder / str(entry)
        if not file.is_file():
            self.problem(steps, f"{entry!r} does not exist", "correct the path, relative to this file")
            return
        found, _ = documents(file)
        self._result.files.add(file)
        if [one.value for one in found] == _ours():
            self._result.knows_our_kinds = True
        else:
            self.problem(steps, "is not Upwell's own, and others are not supported on a laptop", "see `upwell compile`")

    def _namespace(self) -> None:
        namespace = self.value.get("namespace")
        if isinstance(namespace, str) or namespace is None:
            self._result.namespace = namespace
        else:
            self.problem(("namespace",), "is not text", "write a namespace's name, such as shop")

    def _resource(self, entry: Any, steps: Steps) -> None:
        if not isinstance(entry, str):
            self.problem(steps, "is not text", "write the path of a file, or of a folder with a kustomization.yaml")
            return
        path = self.folder / entry
        if not path.exists():
            self.problem(steps, f"{entry!r} does not exist", "correct the path; remote resources are not read")
            return
        self._result.resources.append((path, self.document.line(steps)))

    def _hash_disabled(self) -> bool:
        options = self.value.get("generatorOptions") or {}
        if not isinstance(options, dict):
            self.problem(("generatorOptions",), "is not an object of fields", _SUPPORTED)
            return False
        self.unknown(options, ("disableNameSuffixHash",), ("generatorOptions",))
        return options.get("disableNameSuffixHash") is True

    def _generator(self, entry: Any, steps: Steps) -> None:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            self.problem(steps, "has no name", "write {name: shop-code, files: [sources.py]}")
            return
        self.unknown(entry, ("name", "files"), steps)
        files = dict(self._files(entry, steps))
        data = {key: path.read_bytes() for key, path in files.items()}
        size = sum(map(len, data.values()))
        if size > _MAX_CONFIGMAP:
            self.problem(
                steps, f"{entry['name']!r} would hold {size} bytes; a ConfigMap holds 1 MiB", "name fewer files"
            )
            return
        obj = _config_map(entry["name"], data)
        self._result.generated.append(Generated(obj, self.document.line(steps), tuple(files.values())))

    def _files(self, entry: dict[str, Any], steps: Steps) -> Iterator[tuple[str, Path]]:
        for index, text in enumerate(self.items(entry, "files", steps)):
            place = (*steps, "files", index)
            key, _, name = str(text).rpartition("=")
            path = self.folder / name
            if not path.is_file():
                self.problem(place, f"{name!r} does not exist", "correct the path, relative to this file")
            elif not path.resolve().is_relative_to(self.folder.resolve()):
                self.problem(
                    place, f"{name!r} is outside this folder, which kustomize refuses", "move it below this folder"
                )
            else:
                yield key or path.name, path


@cache
def _ours() -> list[Any]:
    path = Path("kustomizeconfig.yaml")
    return [one.value for one in documents(path, shipped_configuration())[0]]


def _config_map(name: str, files: dict[str, bytes]) -> Object:
    text, binary = {}, {}
    for key, data in files.items():
        try:
            text[key] = data.decode("utf-8")
        except UnicodeDecodeError:
            binary[key] = base64.b64encode(data).decode()
    obj: Object = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    return obj | ({"data": text} if text else {}) | ({"binaryData": binary} if binary else {})
