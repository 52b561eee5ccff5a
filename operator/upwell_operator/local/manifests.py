"""Manifests from files and folders, as objects with the place where each was written.

A file is read with all its documents; a folder with a kustomization is read through it; any other folder, with the
folders in it, file by file. Mistakes are values: one broken file, or one broken document, never stops the others.
Limits: kinds that mean nothing without a cluster (RBAC, NetworkPolicy, Namespace …) are passed over; a document in a
folder that has neither apiVersion nor kind is somebody else's and passed over too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from upwell_operator.cluster.port import Object
from upwell_operator.errors import Rejected
from upwell_operator.local.kinds import resource_of
from upwell_operator.local.kustomize import NAMES, Kustomization, kustomization_in, read_kustomization
from upwell_operator.local.overlays import Image, Patch
from upwell_operator.local.problems import Problem
from upwell_operator.local.yamlfile import Document, Steps, documents
from upwell_operator.resources.meta import GROUP

SUFFIXES = (".yaml", ".yml", ".json")
DEFAULT_NAMESPACE = "default"
PASSED_OVER = frozenset(
    (
        "Namespace",
        "Role",
        "RoleBinding",
        "ClusterRole",
        "ClusterRoleBinding",
        "NetworkPolicy",
        "CustomResourceDefinition",
        "PodDisruptionBudget",
    )
)
Identity = tuple[str, str, str]
"""Kind, namespace, name."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One object, and where it stands: the document, its place in it, and every file it depends on."""

    obj: Object
    document: Document
    inside: Steps = ()
    sources: tuple[Path, ...] = ()

    @property
    def identity(self) -> Identity:
        """Give kind, namespace and name."""
        meta = self.obj["metadata"]
        return self.obj["kind"], meta.get("namespace") or "", meta["name"]

    @property
    def title(self) -> str:
        """Write it for a person: `Asset shop/raw-orders`."""
        kind, namespace, name = self.identity
        return f"{kind} {namespace}/{name}"

    def problem(self, steps: Steps, message: str, remedy: str = "", field_name: str = "", reason: str = "") -> Problem:
        """Say what is wrong with a field of it."""
        line = self.document.line((*self.inside, *steps))
        return Problem(self.document.path, line, message, remedy, self.title, field_name, reason)


@dataclass(slots=True)
class Manifests:
    """All that was read, and all that is wrong."""

    objects: list[Manifest] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)
    unserved: list[Problem] = field(default_factory=list)
    """Objects of kinds that the embedded cluster does not serve: no mistake of the manifest."""
    passed_over: int = 0
    """Objects of kinds that mean nothing without a cluster."""
    knows_our_kinds: bool = False
    """Whether kustomize was told where Assets have names and images."""

    def add(self, other: Manifests) -> None:
        """Take what another reading found; an object that stands twice is a problem of the second."""
        self.problems += other.problems
        self.files |= other.files
        self.unserved += other.unserved
        self.passed_over += other.passed_over
        self.knows_our_kinds |= other.knows_our_kinds
        known = {one.identity: one for one in self.objects}
        for manifest in other.objects:
            first = known.setdefault(manifest.identity, manifest)
            if first is manifest:
                self.objects.append(manifest)
            else:
                where = f"{first.document.path}:{first.document.line(first.inside)}"
                self.problems.append(manifest.problem((), f"stands twice, first in {where}", "keep one of the two"))


def read_manifests(paths: Sequence[Path]) -> Manifests:
    """Read what shall be served: another kind than those of the embedded cluster is a problem. Never raises."""
    result = read_all(paths)
    result.problems += result.unserved
    return result


def read_all(paths: Sequence[Path], namespace: str = DEFAULT_NAMESPACE) -> Manifests:
    """Read files and folders, in the order given; `namespace` is that of objects which name none. Never raises."""
    result = Manifests()
    for path in paths:
        found = _path(path, named=True)
        found.objects = [_in_namespace(manifest, namespace) for manifest in found.objects]
        result.add(found)
    return result


def _path(path: Path, *, named: bool, through: tuple[Path, ...] = ()) -> Manifests:
    """Read one path; `through` are the kustomizations that led here, so that a circle is seen."""
    try:
        return _any(path, named=named, through=through)
    except OSError as error:
        return Manifests(problems=[Problem(path, 1, f"cannot be read: {error}", "make it readable for you")])


def _any(path: Path, *, named: bool, through: tuple[Path, ...]) -> Manifests:
    if path.is_dir():
        found = kustomization_in(path)
        return _kustomized(found, through) if found else _folder(path)
    if path.name in NAMES:
        return _kustomized(path, through)
    if not path.exists():
        return Manifests(problems=[Problem(path, 1, "does not exist", "give a manifest, or a folder of them")])
    if path.suffix not in SUFFIXES:
        kinds = ", ".join(SUFFIXES)
        return Manifests(
            problems=[Problem(path, 1, "is not a manifest", f"give a file that ends in {kinds}, or a folder")]
        )
    return _file(path, strict=named)


def _folder(folder: Path) -> Manifests:
    result = Manifests()
    for path in sorted(folder.iterdir()):
        if not path.name.startswith(".") and (path.is_dir() or path.suffix in SUFFIXES):
            result.add(_path(path, named=False))
    return result


def _file(path: Path, *, strict: bool) -> Manifests:
    found, problems = documents(path)
    result = Manifests(problems=problems, files={path})
    for document in found:
        for value, inside in _unpacked(document):
            if problem := _misshapen(document, value, inside, strict=strict):
                (result.unserved if _foreign(value) else result.problems).append(problem)
            elif _is_object(value):
                passed = value["kind"] in PASSED_OVER
                result.add(Manifests(passed_over=1) if passed else Manifests([_manifest(document, value, inside)]))
    return result


def _unpacked(document: Document) -> Iterator[tuple[Any, Steps]]:
    """Give the objects of a document: itself, or the items of a List; an empty document has none."""
    value = document.value
    if isinstance(value, dict) and value.get("kind") == "List" and isinstance(value.get("items"), list):
        yield from ((item, ("items", index)) for index, item in enumerate(value["items"]))
    elif value is not None:
        yield value, ()


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and bool({"apiVersion", "kind"} & value.keys())


def _foreign(value: Any) -> bool:
    """Say whether an object has kind and apiVersion, and both are somebody else's."""
    named = _is_object(value) and isinstance(value.get("kind"), str) and isinstance(value.get("apiVersion"), str)
    return named and value["apiVersion"].partition("/")[0] != GROUP and not _is_served(value)


def _is_served(value: Object) -> bool:
    try:
        resource_of(value)
    except Rejected:
        return False
    return True


def _misshapen(document: Document, value: Any, inside: Steps, *, strict: bool) -> Problem | None:
    """Say why a document is no object that can be served here, if it is none."""
    if not _is_object(value):
        wrong = ("", "is not a manifest", "a manifest has apiVersion, kind, metadata and spec") if strict else None
    else:
        wrong = _misnamed(value)
    if wrong is None:
        return None
    line = document.line((*inside, *wrong[0].split(".")))
    return Problem(document.path, line, wrong[1], wrong[2], object=_called(value), field=wrong[0])


def _misnamed(value: dict[str, Any]) -> tuple[str, str, str] | None:
    """Give field, message and remedy of what is wrong with kind and metadata."""
    for name in ("apiVersion", "kind"):
        if not isinstance(value.get(name), str):
            return (
                name,
                "is missing" if name not in value else "is not text",
                f"write {name}, such as {_EXAMPLES[name]}",
            )
    if value["kind"] in PASSED_OVER:
        return None
    try:
        resource_of(value)
    except Rejected as error:
        message, _, remedy = str(error).partition("; ")
        return "kind", message, remedy
    meta = value.get("metadata")
    if not isinstance(meta, dict) or not isinstance(meta.get("name"), str):
        return "metadata.name", "is missing or is not text", "give the object a name, such as raw-orders"
    if not isinstance(meta.get("namespace", ""), str):
        return "metadata.namespace", "is not text", "put it in quotes"
    return None


_EXAMPLES = {"apiVersion": "upwell.dev/v1alpha1", "kind": "Asset"}


def _called(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    meta = value.get("metadata")
    name = meta.get("name") if isinstance(meta, dict) else None
    return " ".join(str(part) for part in (value.get("kind"), name) if part)


def _manifest(document: Document, value: Object, inside: Steps) -> Manifest:
    return Manifest(value, document, inside, (document.path,))


def _kustomized(path: Path, through: tuple[Path, ...]) -> Manifests:
    """Read a folder through its kustomization; its namespace wins over those of the objects."""
    if path.resolve() in through:
        problem = Problem(path, 1, "includes itself, through its resources", "take one of the references out")
        return Manifests(problems=[problem])
    asked = read_kustomization(path)
    result = Manifests(problems=list(asked.problems), files={path})
    result.add(_generated(asked))
    for resource, line in asked.resources:
        result.add(_resource(path, resource, line, (*through, path.resolve())))
    _change(result, asked)
    objects = (replace(one, sources=(*one.sources, path, *asked.files)) for one in result.objects)
    result.objects = [_in_namespace(one, asked.namespace, force=True) if asked.namespace else one for one in objects]
    return result


def _change(result: Manifests, asked: Kustomization) -> None:
    """Apply patches and images to all that a kustomization has taken in."""
    result.files |= asked.files
    result.knows_our_kinds |= asked.knows_our_kinds
    for change in asked.changes:
        if isinstance(change, Patch) and change.must_match and not any(change.fits(one.obj) for one in result.objects):
            why = f"no {change.kind} {change.name!r} is taken in here"
            result.problems.append(Problem(asked.path, change.line, why, "mend the patch's name", field="patches"))
        if isinstance(change, Image) and not result.knows_our_kinds:
            remedy = "add our kustomizeconfig.yaml to the configurations of the base"
            why = "kustomize would find no image in an Asset"
            result.problems.append(Problem(asked.path, 1, why, remedy, field="images"))
        result.objects = [replace(one, obj=change.on(one.obj)) for one in result.objects]


def _resource(path: Path, resource: Path, line: int, through: tuple[Path, ...]) -> Manifests:
    if resource.is_dir() and not kustomization_in(resource):
        message = f"{resource.name!r} is a folder without a kustomization.yaml"
        return Manifests(problems=[Problem(path, line, message, "add one, or name its files", field="resources")])
    return _path(resource, named=True, through=through)


def _generated(asked: Kustomization) -> Manifests:
    objects = []
    for made in asked.generated:
        document = Document(asked.path, made.obj, {(): made.line})
        objects.append(Manifest(made.obj, document, (), made.files))
    return Manifests(objects, files={path for made in asked.generated for path in made.files})


def _in_namespace(manifest: Manifest, namespace: str, *, force: bool = False) -> Manifest:
    meta = manifest.obj["metadata"]
    chosen = namespace if force else meta.get("namespace") or namespace
    return replace(manifest, obj={**manifest.obj, "metadata": {**meta, "namespace": chosen}})
