"""From a pod's spec to what a laptop can start: argument list, environment, folder. Pure.

Paths of mounts do not exist on a laptop, so every mount path is replaced by the folder that stands for it, wherever it
is a whole path prefix in environment values, command, arguments and workingDir. Limits: a path that is written in the
user's code itself is not replaced; read it from an environment variable. Images are not used: the command runs with
the programs of this machine.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from upwell_operator.cluster.port import Object
from upwell_operator.errors import UpwellError

SKIPPED_INIT = "upwell-sdk"
"""The init container that brings the SDK; on a laptop it is installed."""
MAIN = "run"
DEFAULT_RESULT = "/dev/termination-log"
_REFERENCE = re.compile(r"\$(\$|\(([A-Za-z_][A-Za-z0-9_.-]*)\))")


class CannotStartError(UpwellError):
    """The container cannot be started here; `permanent` when no retry can help."""

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        super().__init__(message)
        self.permanent = permanent


@dataclass(frozen=True, slots=True)
class Launch:
    """What is started: `result` is the file whose content becomes the termination message."""

    argv: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    folder: str
    result: Path


class PathMap:
    """Replaces mount paths by local ones; the longest wins, and nothing is replaced twice."""

    def __init__(self, places: Mapping[str, Path]) -> None:
        self._places = {mount.rstrip("/"): str(place) for mount, place in places.items() if mount.strip("/")}
        mounts = sorted(map(re.escape, self._places), key=len, reverse=True)
        self._pattern = re.compile(rf"(?:(?<![\w./-])|(?<=://))({'|'.join(mounts)})(?![\w-]|\.\w)") if mounts else None

    def __call__(self, text: str) -> str:
        """Give the text with every mount path in it replaced."""
        return self._pattern.sub(lambda found: self._places[found[1]], text) if self._pattern else text


def containers_of(pod: Object) -> list[Object]:
    """Give the containers to run, in order: the init containers but the SDK's, then the main one."""
    spec = pod["spec"]
    inits = [one for one in spec.get("initContainers") or () if one["name"] != SKIPPED_INIT]
    return [*inits, main_container(pod)]


def main_container(pod: Object) -> Object:
    """Give the container `run`, or the first one where there is none of that name."""
    containers = pod["spec"]["containers"]
    found: Object = next((one for one in containers if one["name"] == MAIN), containers[0])
    return found


def result_path(container: Object) -> str:
    """Give the path inside the container whose content becomes the termination message."""
    return str(container.get("terminationMessagePath") or DEFAULT_RESULT)


def launch(container: Object, env: Mapping[str, str], places: Mapping[str, Path], *, workdir: Path) -> Launch:
    """Say how to start a container. `env` is resolved, unmapped; `places` says what stands for each mount path.

    Raises CannotStartError when there is no command: an image's entrypoint is not known here.
    """
    local = PathMap(places)
    command = [expanded(part, env) for part in container.get("command") or ()]
    args = [expanded(part, env) for part in container.get("args") or ()]
    if not command:
        raise CannotStartError(
            f"container {container['name']!r} names no command, and the entrypoint of an image is not known on a "
            "laptop; write it as `container.command`",
            permanent=True,
        )
    argv = (_program(command[0]), *map(local, [*command[1:], *args]))
    mapped = {name: local(value) for name, value in env.items()}
    folder = local(container["workingDir"]) if container.get("workingDir") else str(workdir)
    return Launch((local(argv[0]), *argv[1:]), mapped, folder, places[result_path(container)])


def expanded(text: str, env: Mapping[str, str]) -> str:
    """Replace `$(NAME)` by a variable, as Kubernetes does: `$$` is a dollar, an unknown name stays as it is."""

    def replacement(found: re.Match[str]) -> str:
        return "$" if found[1] == "$" else env.get(found[2], found[0])

    return _REFERENCE.sub(replacement, text)


def environment(
    container: Object, pod: Object, lookup: Callable[[str, str], Mapping[str, str] | None]
) -> dict[str, str]:
    """Resolve env and envFrom of a container; `lookup(resource, name)` gives the data of a ConfigMap or Secret.

    Raises CannotStartError naming the variable and the object or key that is missing.
    """
    result: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        result.update(_from_source(source, lookup))
    for entry in container.get("env") or ():
        value = _value(entry, pod, lookup)
        if value is not None:
            result[entry["name"]] = expanded(value, result)
    return result


def _program(name: str) -> str:
    """Let python3 be the interpreter that runs us, which has the SDK."""
    return sys.executable if name in ("python", "python3") else name


def _from_source(source: Object, lookup: Callable[[str, str], Mapping[str, str] | None]) -> Iterable[tuple[str, str]]:
    prefix = source.get("prefix", "")
    for field_name, resource in (("configMapRef", "configmaps"), ("secretRef", "secrets")):
        if ref := source.get(field_name):
            data = lookup(resource, ref["name"])
            if data is None and not ref.get("optional"):
                raise CannotStartError(f"envFrom: {resource} {ref['name']!r} does not exist; add it to the manifests")
            yield from ((prefix + name, value) for name, value in (data or {}).items())


def _value(entry: Object, pod: Object, lookup: Callable[[str, str], Mapping[str, str] | None]) -> str | None:
    source = entry.get("valueFrom")
    if not source:
        return str(entry.get("value") or "")
    for field_name, resource in (("configMapKeyRef", "configmaps"), ("secretKeyRef", "secrets")):
        if ref := source.get(field_name):
            return _from_key(entry["name"], resource, ref, lookup)
    if "fieldRef" in source:
        return pod_field(pod, source["fieldRef"]["fieldPath"])
    kind = ", ".join(source)
    raise CannotStartError(
        f"env {entry['name']}: valueFrom.{kind} is not known on a laptop; give a value", permanent=True
    )


def _from_key(
    variable: str, resource: str, ref: Object, lookup: Callable[[str, str], Mapping[str, str] | None]
) -> str | None:
    data = lookup(resource, ref["name"])
    if data is not None and ref["key"] in data:
        return data[ref["key"]]
    if ref.get("optional"):
        return None
    missing = f"has no key {ref['key']!r}" if data is not None else "does not exist"
    raise CannotStartError(f"env {variable}: {resource} {ref['name']!r} {missing}; add it to the manifests")


def pod_field(pod: Object, path: str) -> str:
    """Give what the downward API would: metadata, one label or annotation, and the few facts of a node that we have."""
    meta = pod["metadata"]
    if found := re.fullmatch(r"metadata\.(labels|annotations)\['([^']+)'\]", path):
        return str((meta.get(found[1]) or {}).get(found[2], ""))
    facts = {
        **{f"metadata.{name}": meta[name] for name in ("name", "namespace", "uid")},
        "spec.serviceAccountName": pod["spec"].get("serviceAccountName") or "default",
        "spec.nodeName": "localhost",
        **dict.fromkeys(("status.podIP", "status.hostIP"), "127.0.0.1"),
    }
    if path not in facts:
        raise CannotStartError(
            f"fieldRef {path!r} is not known on a laptop; it knows {', '.join(facts)}", permanent=True
        )
    return str(facts[path])
