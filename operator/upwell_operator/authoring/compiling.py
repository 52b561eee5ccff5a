"""`upwell compile`: a module in Python in, checked manifests out. Same module, same bytes.

The objects are checked by the rules of `upwell lint` before anything is written. Limits: what depends on assets that
other modules define is told, and taken to be right.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from upwell_operator.authoring.code import Code, code_of
from upwell_operator.authoring.lint import judge
from upwell_operator.authoring.loading import Source, load
from upwell_operator.authoring.objects import Json, Made, Runs, objects
from upwell_operator.authoring.refused import Uncompilable
from upwell_operator.local.manifests import DEFAULT_NAMESPACE, Manifest
from upwell_operator.local.yamlfile import Document, documents
from upwell_operator.resources.meta import API_VERSION, Kind


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be compiled, and for what."""

    target: str
    image: str | None = None
    with_code: bool = False
    """Bring the code in a ConfigMap, besides an image."""
    template: Path | None = None
    namespace: str | None = None
    from_dagster: bool = False
    """What is named defines its assets with Dagster."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """Checked objects, and what a person should know about them."""

    source: str
    made: list[Made]
    code: Code | None
    notes: tuple[str, ...]
    report: str | None = None
    """What became of definitions that were not written for Upwell, as Markdown."""


def compiled(wanted: Wanted, now: datetime) -> Compiled:
    """Compile a module. Raises Uncompilable with every mistake on a line of its own."""
    loaded = load(wanted.target)
    functions = [one.function.__module__ for one in loaded.definitions.assets]
    code = code_of(loaded.source, functions) if wanted.with_code or not wanted.image else None
    return checked(loaded.source, objects(loaded, runs_of(wanted, code), wanted.namespace), code, wanted, now)


def runs_of(wanted: Wanted, code: Code | None) -> Runs:
    """Give what all runs have in common. Raises Uncompilable."""
    return Runs(wanted.image, code.name if code else None, _template(wanted.template))


def checked(source: Source, made: list[Made], code: Code | None, wanted: Wanted, now: datetime) -> Compiled:
    """Give objects that a cluster would take. Raises Uncompilable with every mistake on a line of its own."""
    absent = _absent(source, made)
    manifests = [_manifest(one, wanted.namespace) for one in [*made, *absent.values()]]
    problems, _ = judge(manifests, now)
    if problems:
        raise Uncompilable("\n".join(["it cannot be compiled:", *map(str, problems)]))
    return Compiled(source.shown(), made, code, tuple(_notes(made, absent)))


def _template(file: Path | None) -> Json:
    """Read the fields that all runs have. Raises Uncompilable."""
    if file is None:
        return {}
    found, problems = documents(file)
    if problems or len(found) != 1 or not isinstance(found[0].value, dict):
        said = str(problems[0]) if problems else f"{file}: one document of fields is expected, as in spec.observe"
        raise Uncompilable(said)
    return dict(found[0].value)


def _absent(source: Source, made: list[Made]) -> dict[str, Made]:
    """Give stand-ins for assets that are depended on and not defined here, by name."""
    here = {one.obj["metadata"]["name"] for one in made if one.obj["kind"] == Kind.ASSET}
    needed = {dep["name"] for one in made for dep in one.obj["spec"].get("deps", ())}
    return {name: _stand_in(name, source.file) for name in sorted(needed - here)}


def _stand_in(name: str, file: Path) -> Made:
    obj = {"apiVersion": API_VERSION, "kind": Kind.ASSET.value, "metadata": {"name": name}, "spec": {}}
    return Made(obj, name, file)


def _manifest(one: Made, namespace: str | None) -> Manifest:
    meta = {"namespace": namespace or DEFAULT_NAMESPACE, **one.obj["metadata"]}
    return Manifest({**one.obj, "metadata": meta}, Document(one.file, one.obj, {(): one.line}))


def _notes(made: list[Made], absent: dict[str, Made]) -> Iterator[str]:
    for one in made:
        for what in one.left_out:
            yield f"{one.origin}: {what} of the definition is left out; results carry metadata, Assets do not"
    for name in absent:
        users = [one.obj["metadata"]["name"] for one in made if {"name": name} in one.obj["spec"].get("deps", ())]
        yield f"{', '.join(users)} depends on {name}, which is not defined here; apply that asset too"
