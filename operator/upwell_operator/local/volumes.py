"""Volumes of a pod as folders of this machine.

configMap, secret and projected become files in the pod's own folder; emptyDir an empty folder there; a claim is
`<data>/volumes/<claim>` (`<namespace>.<claim>` outside `default`), which stays; hostPath is itself. Limits: files are
not refreshed while a pod runs; readOnly is not enforced; other kinds of volume need a cluster.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from upwell_operator.cluster.port import Object
from upwell_operator.local.launch import CannotStartError

Files = Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the content of volumes comes from."""

    files: Callable[[str, str], Files | None]
    """(configmaps or secrets, name) -> its files, None when there is no such object."""
    token: Callable[[str], str]
    """audience -> a token for this pod."""
    claims: Path


def mount(pod: Object, container: Object, folder: Path, sources: Sources) -> dict[str, Path]:
    """Make the folders of a container's mounts below `folder`; gives what stands for each mount path.

    Raises CannotStartError naming the volume that cannot be had.
    """
    volumes = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    places = {}
    for entry in container.get("volumeMounts") or ():
        place = _place(volumes[entry["name"]], pod, folder / "volumes" / entry["name"], sources)
        places[entry["mountPath"]] = _within(place, entry)
    return places


def claim_folder(claims: Path, namespace: str, claim: str) -> Path:
    """Give the folder that stands for a PersistentVolumeClaim."""
    return claims / (claim if namespace == "default" else f"{namespace}.{claim}")


def _within(place: Path, entry: Object) -> Path:
    if "subPath" not in entry:
        return place
    inner = place / str(entry["subPath"])
    if not inner.resolve().is_relative_to(place.resolve()):
        raise CannotStartError(f"volumeMounts {entry['name']!r}: subPath leaves the volume", permanent=True)
    if not inner.exists():
        inner.mkdir(parents=True)
    return inner


def _place(volume: Object, pod: Object, folder: Path, sources: Sources) -> Path:
    if claim := volume.get("persistentVolumeClaim"):
        place = claim_folder(sources.claims, pod["metadata"]["namespace"], claim["claimName"])
        place.mkdir(parents=True, exist_ok=True)
        return place
    if host := volume.get("hostPath"):
        return Path(host["path"])
    if not folder.exists():
        folder.mkdir(parents=True)
        _write(folder, _content(volume, sources))
    return folder


def _content(volume: Object, sources: Sources) -> Files:
    if "emptyDir" in volume:
        return {}
    if "projected" in volume:
        parts = [_projected(volume["name"], part, sources) for part in volume["projected"].get("sources") or ()]
        return {name: data for part in parts for name, data in part.items()}
    for field, resource, named in (("configMap", "configmaps", "name"), ("secret", "secrets", "secretName")):
        if ref := volume.get(field):
            return _selected(volume["name"], resource, ref[named], ref, sources)
    kind = next((field for field in volume if field != "name"), "nothing")
    raise CannotStartError(
        f"volume {volume['name']!r}: {kind} needs a cluster; on a laptop there are configMap, secret, emptyDir, "
        "persistentVolumeClaim, hostPath and projected",
        permanent=True,
    )


def _projected(volume: str, part: Object, sources: Sources) -> Files:
    if token := part.get("serviceAccountToken"):
        return {token["path"]: sources.token(token.get("audience", "")).encode()}
    for field, resource in (("configMap", "configmaps"), ("secret", "secrets")):
        if ref := part.get(field):
            return _selected(volume, resource, ref["name"], ref, sources)
    kind = ", ".join(part)
    raise CannotStartError(f"volume {volume!r}: projected {kind} is not known on a laptop", permanent=True)


def _selected(volume: str, resource: str, name: str, ref: Object, sources: Sources) -> Files:
    found = sources.files(resource, name)
    if found is None:
        if ref.get("optional"):
            return {}
        raise CannotStartError(f"volume {volume!r}: {resource} {name!r} does not exist; add it to the manifests")
    if not ref.get("items"):
        return found
    missing = [item["key"] for item in ref["items"] if item["key"] not in found]
    if missing and not ref.get("optional"):
        raise CannotStartError(
            f"volume {volume!r}: {resource} {name!r} has no key {missing[0]!r}; it has {', '.join(found)}"
        )
    return {item["path"]: found[item["key"]] for item in ref["items"] if item["key"] in found}


def _write(folder: Path, files: Files) -> None:
    for name, data in files.items():
        path = folder / name
        if not path.resolve().is_relative_to(folder.resolve()):
            raise CannotStartError(f"file {name!r} leaves its volume", permanent=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_bytes(data)


def files_of(obj: Object) -> dict[str, bytes]:
    """Give the files that a ConfigMap or Secret holds."""
    secret = obj["kind"] == "Secret"
    data = obj.get("data") or {}
    plain = {name: base64.b64decode(text) if secret else text.encode() for name, text in data.items()}
    binary = {name: base64.b64decode(text) for name, text in (obj.get("binaryData") or {}).items()}
    return {**plain, **binary, **{name: text.encode() for name, text in (obj.get("stringData") or {}).items()}}
