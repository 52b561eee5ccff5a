"""The folder that is written: what belongs into it, and writing it without treading on what is not ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from upwell_operator.authoring.code import Code
from upwell_operator.authoring.compiling import Compiled
from upwell_operator.authoring.refused import Uncompilable
from upwell_operator.authoring.writing import MARK, as_yaml, head, stream
from upwell_operator.local.kustomize import shipped_configuration
from upwell_operator.resources.meta import Kind

KUSTOMIZATION, CONFIG, REPORT = "kustomization.yaml", "kustomizeconfig.yaml", "dagster-import.md"
_FILES = {Kind.ASSET: "assets.yaml", Kind.OBSERVATION_JOB: "jobs.yaml", Kind.SCHEDULE: "schedules.yaml"}
Texts = dict[str, str]


def texts(found: Compiled, namespace: str | None, folder: Path) -> Texts:
    """Give every file by its path in the folder."""
    by_kind = {name: [one for one in found.made if one.obj["kind"] == kind] for kind, name in _FILES.items()}
    written = {name: stream(found.source, some) for name, some in by_kind.items() if some}
    copied, entries = _code(found.code, folder)
    report = {REPORT: found.report} if found.report else {}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "namespace": namespace,
        "resources": list(written),
        "configurations": [CONFIG],
        "configMapGenerator": [{"name": found.code.name, "files": entries}] if found.code else None,
    }
    kept = {name: value for name, value in kustomization.items() if value}
    own = {KUSTOMIZATION: f"{head(found.source)}{as_yaml(kept)}", CONFIG: shipped_configuration()}
    return {**written, **own, **copied, **report}


def _code(code: Code | None, folder: Path) -> tuple[Texts, list[str]]:
    """Give the copies that are needed, and the entries of the generator; kustomize reads nothing above its folder."""
    copies, entries = {}, []
    for file in code.files if code else ():
        if file.parent == folder.resolve():
            entries.append(file.name)
        else:
            copies[f"code/{file.name}"] = file.read_text(encoding="utf8")
            entries.append(f"code/{file.name}")
    return copies, entries


def differing(folder: Path, wanted: Mapping[str, str]) -> list[str]:
    """Give the files that are not as they should be."""
    return [name for name, text in wanted.items() if _read(folder / name) != text]


def write(folder: Path, wanted: Mapping[str, str]) -> list[str]:
    """Write the files that differ; gives their names. Raises Uncompilable for files that somebody else wrote."""
    changed = differing(folder, wanted)
    if not (_read(folder / KUSTOMIZATION) or MARK).startswith(MARK) or not (folder / KUSTOMIZATION).exists():
        foreign = list(_standing(folder, changed))
        if foreign:
            raise Uncompilable(
                f"{folder} was not compiled, and holds {', '.join(foreign)}; give --output another folder, or move them"
            )
    for name in changed:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(wanted[name], encoding="utf8")
    return changed


def _standing(folder: Path, names: list[str]) -> Iterator[str]:
    return (name for name in names if (folder / name).exists())


def _read(file: Path) -> str | None:
    return file.read_text(encoding="utf8") if file.is_file() else None
