"""Manifests in the memory cluster, at the start and again whenever a file changes.

Idea: read everything, apply everything (unchanged objects cost nothing), delete what was applied before and is gone.
What stands in a file that cannot be read now is kept as it was. Limits: changes are seen by `watchfiles` (by polling
once a second where it is missing) in the folders that were named, and beside the files that were named.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from upwell_operator.errors import Rejected
from upwell_operator.local.kinds import OURS, resource_of
from upwell_operator.local.manifests import Identity, Manifest, Manifests, read_manifests
from upwell_operator.local.memory import MemoryCluster
from upwell_operator.local.problems import Problem
from upwell_operator.local.refusals import refusal

log = logging.getLogger(__name__)
Report = Callable[[Problem], None]
_POLL_SECONDS = 1.0
_DEBOUNCE_MS = 100
_SKIPPED = ("__pycache__", "node_modules")


def log_problem(problem: Problem) -> None:
    """Say a problem in the log, as it stands."""
    log.error("%s", problem)


class Definitions:
    """The manifests below some paths, and what of them stands in the cluster."""

    def __init__(self, cluster: MemoryCluster, paths: Sequence[Path], report: Report = log_problem) -> None:
        self._cluster = cluster
        self._paths = tuple(paths)
        self._report = report
        self._standing: dict[Identity, Manifest] = {}
        self._reported: frozenset[Problem] = frozenset()
        self._files: frozenset[Path] = frozenset()

    async def load(self) -> list[Problem]:
        """Read and apply everything; gives what is wrong, and reports what was not wrong before."""
        found = await asyncio.to_thread(read_manifests, self._paths)
        for manifest in sorted(found.objects, key=_rank):
            if problem := await self._apply(manifest):
                found.problems.append(problem)
            self._standing[manifest.identity] = manifest
        await self._remove(found)
        for problem in found.problems:
            if problem not in self._reported:
                self._report(problem)
        self._reported = frozenset(found.problems)
        self._files = frozenset(found.files)
        return found.problems

    async def follow(self) -> None:
        """Load again whenever something changes, for ever."""
        changed = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(_notice(self._paths, lambda: self._files, changed))
            while True:
                await changed.wait()
                changed.clear()
                await self.load()

    async def _apply(self, manifest: Manifest) -> Problem | None:
        try:
            await self._cluster.apply(manifest.obj)
        except Rejected as error:
            return refusal(manifest, str(error))
        return None

    async def _remove(self, found: Manifests) -> None:
        """Delete what is gone from the files, but for what stands where something is wrong now."""
        wanted = {manifest.identity for manifest in found.objects}
        broken = {problem.path for problem in found.problems}
        for identity, manifest in sorted(self._standing.items(), reverse=True):
            if identity not in wanted and broken.isdisjoint(manifest.sources):
                _, namespace, name = identity
                await self._cluster.delete(resource_of(manifest.obj).plural, namespace, name)
                del self._standing[identity]


def _rank(manifest: Manifest) -> tuple[bool, Identity]:
    """Put ConfigMaps, Secrets and the like before what uses them."""
    return resource_of(manifest.obj).plural in OURS, manifest.identity


async def _notice(paths: Iterable[Path], files: Callable[[], Iterable[Path]], changed: asyncio.Event) -> None:
    if importlib.util.find_spec("watchfiles") is None:
        log.info("watchfiles is not installed; files are looked at once a second")
        await _poll(files, paths, changed)
    folders = {path for path in paths if path.is_dir()}
    beside = {path.parent for path in paths if not path.is_dir()}
    async with asyncio.TaskGroup() as group:
        for watched, recursive in ((folders, True), (beside, False)):
            if watched:
                group.create_task(_watch(watched, changed, recursive=recursive))


async def _watch(folders: Iterable[Path], changed: asyncio.Event, *, recursive: bool) -> None:
    from watchfiles import awatch  # noqa: PLC0415  # an extra: `upwell-operator[dev]`

    def matters(_: object, path: str) -> bool:
        return _matters(Path(path), folders)

    async for _ in awatch(*folders, watch_filter=matters, debounce=_DEBOUNCE_MS, recursive=recursive):
        changed.set()


def _matters(path: Path, folders: Iterable[Path]) -> bool:
    """Leave out hidden folders below the watched ones (the data folder is one) and what Python writes."""
    inner = next((path.relative_to(one.resolve()) for one in folders if path.is_relative_to(one.resolve())), path)
    return not any(part.startswith(".") or part in _SKIPPED for part in inner.parts)


async def _poll(files: Callable[[], Iterable[Path]], paths: Iterable[Path], changed: asyncio.Event) -> None:
    before = await asyncio.to_thread(_fingerprint, files(), paths)
    while True:
        await asyncio.sleep(_POLL_SECONDS)
        now = await asyncio.to_thread(_fingerprint, files(), paths)
        if now != before:
            before = now
            changed.set()


def _fingerprint(files: Iterable[Path], paths: Iterable[Path]) -> frozenset[tuple[Path, int]]:
    """Give the times of the files that were read, and of the folders that they may appear in."""
    folders = {path for path in paths if path.is_dir()}
    inner = {
        sub for folder in folders for sub in folder.rglob("*") if sub.is_dir() and _matters(sub.resolve(), folders)
    }
    everything = {*files, *folders, *inner, *paths}
    return frozenset((path, path.stat().st_mtime_ns) for path in everything if path.exists())
