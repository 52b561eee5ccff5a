"""`upwell report`: a support bundle, one ZIP of what the server tells about a namespace, without what may be a secret.

Whoever helps reads in it what the reporter could read, and no more: it is asked for with the reporter's own rights.
What cannot be read is named in `problems.json`, and everything else is there all the same.

Limits: logs of runs are the users' own and may hold anything, so they are left out unless asked for.
"""

from __future__ import annotations

import json
import platform
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import typer

from upwell_operator.cli import assets as of
from upwell_operator.cli.client import Api, connect
from upwell_operator.cli.doctor import PACKAGES, package
from upwell_operator.cli.exits import CommandError
from upwell_operator.cli.options import Connection
from upwell_operator.cli.output import utc_now
from upwell_operator.cli.redacting import redacted

RUNS = 200
"""Runs that are told of, the newest."""
DECIDED = 50
"""Decisions that are told of for each asset, the newest."""
LOGS = 20
"""Failed runs whose logs are taken along if asked for, the newest."""


async def report(to: Connection, file: Path | None, *, everywhere: bool, logs: bool) -> None:
    """Write the bundle, and say where. Raises CommandError if nothing could be read, or nothing written."""
    now = utc_now()
    target = file or Path(f"upwell-report-{now:%Y%m%dT%H%M%SZ}.zip")
    async with connect(to) as api:
        bundle = _Bundle(api)
        await bundle.collect(None if everywhere else to.namespace, logs=logs)
    bundle.put("about.json", _about(to, now))
    if not bundle.answered:
        raise CommandError(f"nothing could be read: {bundle.problems[0]['problem']}")
    bundle.put("problems.json", redacted(bundle.problems))
    _write(target, bundle.files)
    typer.echo(f"{target}: {len(bundle.files)} files, {len(bundle.problems)} of them could not be read")


class _Bundle:
    """Files by name, and what could not be read."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self.files: dict[str, str] = {}
        self.problems: list[dict[str, str]] = []
        self.answered = False

    async def collect(self, namespace: str | None, *, logs: bool) -> None:
        """Ask for everything, one thing after the other."""
        assets = await self._pages("assets.json", "/v1/assets", namespace)
        for kind in ("observation-jobs", "schedules"):
            await self._pages(f"{kind}.json", f"/v1/{kind}", namespace)
        runs = await self._pages("runs.json", "/v1/runs", namespace, RUNS)
        for asset in assets:
            where = f"decisions/{of.namespace_of(asset)}/{of.name_of(asset)}.json"
            await self._pages(where, f"{of.path_of(asset)}/decisions", None, DECIDED)
        for run in [one for one in runs if one.get("outcome") == "Failed"][: LOGS if logs else 0]:
            path = f"/v1/runs/{run.get('namespace', namespace)}/{run['name']}/log"
            async with self._noted(path):
                self.files[f"logs/{run['name']}.txt"] = await self._api.text(path)
        for path in ("/readyz", "/metrics"):
            async with self._noted(path):
                self.files[f"server{path}.txt"] = await self._api.text(path)

    def put(self, name: str, content: Any) -> None:
        """Keep a file of JSON."""
        self.files[name] = json.dumps(content, indent=2, ensure_ascii=False, default=str) + "\n"

    async def _pages(
        self, name: str, path: str, namespace: str | None, limit: int | None = None
    ) -> Sequence[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        async with self._noted(path):
            items = await self._api.pages(path, limit, namespace=namespace)
            self.put(name, redacted(items))
            self.answered = True
        return items

    @asynccontextmanager
    async def _noted(self, path: str) -> AsyncIterator[None]:
        """Note what cannot be read, and go on with the rest."""
        try:
            yield
        except CommandError as error:
            self.problems.append({"path": path, "problem": str(error)})


def _about(to: Connection, now: datetime) -> dict[str, Any]:
    found = {one: package(one).seen for one in ("upwell-operator", *PACKAGES)}
    return redacted({"time": now, "server": to.server, "python": platform.python_version(), "packages": found})  # type: ignore[no-any-return]


def _write(target: Path, files: dict[str, str]) -> None:
    """Write the ZIP, readable by its owner only."""
    try:
        target.touch(mode=0o600)
        with ZipFile(target, "w", ZIP_DEFLATED) as bundle:
            for name, text in sorted(files.items()):
                bundle.writestr(name, text)
    except OSError as error:
        raise CommandError(f"{target} cannot be written: {error}; name another with --file") from error
