"""The verbs of people, as commands, against a running `upwell dev`."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
import yaml

from local_plane import local_plane, need_a_server_for_the_data

DEFINITION = Path(__file__).parents[2] / "definitions" / "03-any-language"
UPWELL = str(Path(sys.executable).with_name("upwell"))


@pytest.mark.timeout(180)
async def test_one_can_look_at_what_was_done(tmp_path: Path) -> None:
    need_a_server_for_the_data()
    async with local_plane(DEFINITION, tmp_path / "data") as plane:

        async def upwell(*arguments: str, code: int = 0) -> str:
            process = await asyncio.create_subprocess_exec(
                UPWELL, *arguments, "--server", plane.to.server, stdout=asyncio.subprocess.PIPE
            )
            out, _ = await process.communicate()
            assert process.returncode == code, (arguments, out.decode())
            return out.decode()

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
