"""`upwell dev` whole, as the process a person starts: ready, observing, stopped, killed, started again."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from upwell_operator.local.redis import NoServerError, find_server

DEFINITION = Path(__file__).parents[3] / "definitions" / "03-any-language"
MAIN = "from upwell_operator.cli import main; main()"
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(autouse=True)
def _needs_a_server() -> None:
    try:
        find_server()
    except NoServerError as missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(missing))


@dataclass
class Dev:
    """A running `upwell dev`."""

    process: asyncio.subprocess.Process
    http: httpx.AsyncClient

    async def until(self, path: str, field: str, wanted: Any) -> Any:
        """Ask until a field of the status is what is wanted (anything, if None)."""
        while True:
            found = (await self.http.get(path)).raise_for_status().json().get("status", {}).get(field)
            if found is not None and wanted in (None, found):
                return found
            await asyncio.sleep(0.1)

    async def stop(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and give the exit code."""
        self.process.send_signal(number)
        return await self.process.wait()


async def start(*arguments: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", MAIN, "dev", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=2**20,
    )


@asynccontextmanager
async def dev(*arguments: str) -> AsyncIterator[Dev]:
    process = await start(*arguments)
    assert process.stdout is not None
    assert process.stderr is not None
    said = asyncio.create_task(process.stderr.read())
    line = (await process.stdout.readline()).decode()
    url = re.search(r"http://\S+", line)
    assert url, (await said).decode()
    try:
        async with httpx.AsyncClient(base_url=url[0], timeout=10) as http:
            yield Dev(process, http)
    finally:
        if process.returncode is None:
            await Dev(process, http).stop()
        await said


async def test_an_observation_survives_a_stop_and_a_kill(tmp_path: Path) -> None:
    data = tmp_path / "data"
    claim = data / "volumes" / "any-language-data"
    claim.mkdir(parents=True)
    (claim / "prices.csv").write_text("item,price\ntea,2.50\n")
    arguments = (str(DEFINITION), "--port", "0", "--data", str(data))
    async with dev(*arguments) as first:
        (await first.http.post("/v1/assets/default/prices/observe")).raise_for_status()
        version = await first.until("/v1/assets/default/prices", "dataVersion", None)
        await first.until("/v1/assets/default/total", "staleness", "Fresh")
        assert await first.stop() == 0
    async with dev(*arguments) as second:
        await second.until("/v1/assets/default/prices", "dataVersion", version)
        await second.until("/v1/assets/default/total", "staleness", "Fresh")
        await second.stop(signal.SIGKILL)
    async with dev(*arguments) as third:
        await third.until("/v1/assets/default/prices", "dataVersion", version)
        runs = (await third.http.get("/v1/runs")).raise_for_status().json()["items"]
        assert [run["kind"] for run in runs].count("materialize") == 1


async def test_a_manifest_that_changes_is_seen_and_a_broken_one_hurts_nobody(tmp_path: Path) -> None:
    folder = shutil.copytree(DEFINITION, tmp_path / "definition")
    async with dev(str(folder), "--port", "0", "--data", str(tmp_path / "data")) as running:
        text = (folder / "assets.yaml").read_text()
        (folder / "assets.yaml").write_text(
            text.replace("name: prices\nspec:", "name: prices\nspec:\n  key: prices\n  nonsense: 1")
        )
        assert (await running.http.get("/v1/assets/default/total")).status_code == 200
        (folder / "assets.yaml").write_text(text.replace("A price list", "The price list"))
        while "The price list" not in (await running.http.get("/v1/assets/default/prices")).text:  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.1)


@pytest.mark.parametrize("taken", ["the data folder", "the port"])
async def test_what_is_taken_is_a_sentence_and_not_a_traceback(tmp_path: Path, taken: str) -> None:
    async with dev(str(DEFINITION), "--port", "0", "--data", str(tmp_path / "a")) as first:
        port = str(first.http.base_url.port)
        same = {"the data folder": ("0", "a"), "the port": (port, "b")}[taken]
        second = await start(str(DEFINITION), "--port", same[0], "--data", str(tmp_path / same[1]))
        _, said = await second.communicate()
    text = " ".join(said.decode().split())
    assert second.returncode == 1
    assert "Traceback" not in text
    assert {"the data folder": "folder of its own with --data", "the port": "choose another with --port"}[taken] in text
