"""The verbs of people, as commands, against a running `upwell dev`."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import yaml

from local_plane import local_plane, need_a_server_for_the_data

DEFINITION = Path(__file__).parents[2] / "definitions" / "03-any-language"
UPWELL = str(Path(sys.executable).with_name("upwell"))


Verb = Callable[..., Awaitable[str]]


def verbs_of(server: str) -> Verb:
    """Give a function that runs a command against a server, and gives what it prints."""

    async def upwell(*arguments: str, code: int = 0) -> str:
        process = await asyncio.create_subprocess_exec(
            UPWELL, *arguments, "--server", server, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate()
        assert process.returncode == code, (arguments, out.decode())
        return out.decode()

    return upwell


@pytest.mark.timeout(180)
async def test_one_can_look_at_what_was_done(tmp_path: Path) -> None:
    need_a_server_for_the_data()
    async with local_plane(DEFINITION, tmp_path / "data") as plane:
        upwell = verbs_of(plane.to.server)
        await upwell("observe", "prices", code=1)  # there is no file yet
        run = json.loads(await upwell("runs", "-o", "json"))["items"][0]
        assert (run["asset"], run["outcome"]) == ("prices", "Failed")
        assert "prices.csv" in await upwell("logs", run["name"])

        await plane.write("any-language-data", "prices.csv", b"item,price\ntea,2.50\n")
        await upwell("observe", "prices")
        assert "rows=1" in await upwell("events", "prices")
        await upwell("materialize", "+total")
        assert yaml.safe_load(await upwell("status", "total", "-o", "yaml"))["metadata"]["name"] == "total"
        assert [line.split()[0] for line in (await upwell("status")).splitlines()] == ["KEY", "prices", "total"]
        assert "a0 --> a1" in await upwell("graph", "-f", "mermaid")
        assert "Run" in await upwell("why", "total")
        await upwell("logs", "no-such-run", code=3)
        await upwell("why", "no-such-asset", code=3)


@pytest.mark.timeout(180)
async def test_a_bad_version_is_followed_barred_and_released(tmp_path: Path) -> None:
    need_a_server_for_the_data()
    async with local_plane(DEFINITION, tmp_path / "data") as plane:
        upwell = verbs_of(plane.to.server)
        await plane.write("any-language-data", "prices.csv", b"item,price\ntea,2.50\n")
        await upwell("observe", "prices")
        await upwell("materialize", "+total")
        assert "total" in await upwell("versions", "prices")
        (version,) = json.loads(await upwell("versions", "prices", "-o", "json"))["items"]
        bad = version["dataVersion"][:8]
        built = json.loads(await upwell("versions", "prices", "--built-from", bad, "-o", "json"))["items"]
        assert [one["key"] for one in built if one["current"]] == ["total"]
        assert "half a file" in await upwell("quarantine", "prices", bad, "--reason", "half a file")
        await upwell("materialize", "total", code=1)  # nothing is built from it, whoever asks
        assert "VersionQuarantined: built from quarantined data: prices" in await upwell("why", "total")
        assert "quarantined" in await upwell("versions", "prices")
        await upwell("quarantine", "prices", bad, "--release")
        await upwell("materialize", "total")
        assert "UpToDate" in await upwell("why", "total")
        assert await upwell("events", "total", "--type", "failure", "--since", "1h") == "No events.\n"
