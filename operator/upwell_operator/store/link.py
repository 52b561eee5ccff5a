"""The way to Redis: pipelines of commands and scripts, errors mapped, scripts loaded again, writes acknowledged.

Everything the store does is one of two: `calls` (scripts, each an atomic write) or `read` (commands). Both are one
round trip for many. A server that was restarted has forgotten the scripts; that is noticed, and what failed is sent
again, which is safe because every script is idempotent.

Limits: on a Redis Cluster a pipeline is one round trip a node, concurrently, so order holds within a shard only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha1
from importlib.resources import files
from typing import Any

from redis.asyncio import RedisCluster
from redis.exceptions import NoScriptError, ResponseError

from upwell_operator.errors import Stalled, StoreUnavailable
from upwell_operator.settings import Settings
from upwell_operator.store import keys
from upwell_operator.store.connect import Client, address, connect
from upwell_operator.store.failures import mapped, translate

SCRIPTS = ("append", "accept", "restore", "trim", "decide", "run", "log", "epoch")
AT_ONCE = 1000
"""Commands of one pipeline: packing ten thousand would keep the loop from everything else for a second."""
ACKNOWLEDGE_MS = 2000
"""How long replicas may take to have a write."""

Command = tuple[str | int, ...]


def _read(name: str) -> str:
    return files("upwell_operator.store").joinpath("lua", f"{name}.lua").read_text("utf-8")


@dataclass(frozen=True, slots=True)
class Call:
    """One script to run: its name, keys of one slot, arguments."""

    script: str
    keys: tuple[str, ...]
    args: tuple[str | int, ...]


class Link:
    """One process' connection to Redis. Opened on first use, and again after Redis has forgotten us."""

    def __init__(self, settings: Settings, client: Client | None = None) -> None:
        self.where = address(settings.redis_url)
        self.client: Client = connect(settings) if client is None else client
        self._settings = settings
        self._blocking: Client | None = client
        self._owned = client is None
        self._replicas = settings.redis_replicas
        self._acknowledge: Command | None = None
        self._opened = False
        self._texts = {name: f"{_read('prelude')}\n{_read(name)}" for name in SCRIPTS}
        # SHA-1 is the name that Redis gives a script, not a safeguard.
        self._shas = {name: sha1(text.encode()).hexdigest() for name, text in self._texts.items()}  # noqa: S324

    @property
    def clustered(self) -> bool:
        """Say whether shards may live on different servers."""
        return isinstance(self.client, RedisCluster)

    async def open(self) -> None:
        """Load the scripts and agree on the number of shards. Raises StoreUnavailable, Stalled."""
        with mapped(self.where):
            await self.client.ping()
            for text in self._texts.values():
                await self.client.script_load(text)
            await self.claim()
            if self._replicas:
                self._acknowledge = await self._how_to_acknowledge()
        self._opened = True

    async def claim(self) -> None:
        """Write our number of shards if there is none yet. Raises Stalled if there is another."""
        ours = str(self._settings.redis_shards)
        if await self.client.hsetnx(keys.META, keys.SHARDS, ours):
            return
        theirs = str(await self.client.hget(keys.META, keys.SHARDS))
        if theirs != ours:
            raise Stalled(
                "WrongShards",
                f"the data in Redis at {self.where} is spread over {theirs} shards, and UPWELL_REDIS_SHARDS is {ours}: "
                f"set it to {theirs}, or start with an empty Redis",
            )

    async def close(self) -> None:
        """Close every connection that is ours; an injected client is its owner's to close."""
        self._opened = False
        if self._owned:
            await self.client.aclose()
            if self._blocking is not None:
                await self._blocking.aclose()

    def blocking(self, answer_seconds: float) -> Client:
        """Give a client whose reads may block for so long."""
        if self._blocking is None:
            self._blocking = connect(self._settings, answer_seconds=answer_seconds)
        return self._blocking

    async def read(self, commands: Sequence[Command]) -> list[Any]:
        """Run commands in one round trip (or a few, if there are thousands). Raises StoreUnavailable."""
        answers = await self._send(commands, ())
        return [self._answer(each) for each in answers]

    async def names(self, pattern: str) -> set[str]:
        """Give the names of all keys that match, walking over all there are. Raises StoreUnavailable."""
        if not self._opened:
            await self.open()
        with mapped(self.where):
            return {str(name) async for name in self.client.scan_iter(match=pattern, count=1000)}

    async def calls(self, calls: Sequence[Call]) -> list[Any]:
        """Run scripts in one round trip, or a few; acknowledged by replicas if settings ask.

        Raises StoreUnavailable, Fenced.
        """
        answers = await self._send([self._command(call) for call in calls], [call.keys[0] for call in calls])
        forgotten = [place for place, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if forgotten:
            await self.open()
            some = [calls[place] for place in forgotten]
            again = await self._send([self._command(call) for call in some], [call.keys[0] for call in some])
            for place, answer in zip(forgotten, again, strict=True):
                answers[place] = answer
        return [self._answer(each) for each in answers]

    def _command(self, call: Call) -> Command:
        return ("EVALSHA", self._shas[call.script], len(call.keys), *call.keys, *call.args)

    def _answer(self, answer: Any) -> Any:
        if isinstance(answer, Exception):
            raise translate(answer, self.where) from answer
        return answer

    async def _send(self, commands: Sequence[Command], written: Sequence[str]) -> list[Any]:
        """Send commands, and behind those that write, a wait for replicas on the same connection of each node."""
        if not commands:
            return []
        if len(commands) > AT_ONCE:
            parts = range(0, len(commands), AT_ONCE)
            some = [await self._send(commands[at : at + AT_ONCE], written[at : at + AT_ONCE]) for at in parts]
            return [answer for part in some for answer in part]
        if not self._opened:
            await self.open()
        with mapped(self.where):
            pipeline = self.client.pipeline(transaction=False)
            for command in commands:
                pipeline.execute_command(*command)
            waits = self._wait(pipeline, written)
            answers: list[Any] = await pipeline.execute(raise_on_error=False)
        for answer in answers[len(commands) :]:
            self._acknowledged(answer)
        return answers[: len(answers) - waits]

    def _wait(self, pipeline: Any, written: Sequence[str]) -> int:
        if self._acknowledge is None or not written:
            return 0
        if not isinstance(self.client, RedisCluster):
            pipeline.execute_command(*self._acknowledge)
            return 1
        nodes = {node.name: node for key in written if (node := self.client.get_node_from_key(key))}
        for node in nodes.values():
            pipeline.execute_command(*self._acknowledge, target_nodes=node)
        return len(nodes)

    def _acknowledged(self, answer: Any) -> None:
        """Raise StoreUnavailable if fewer replicas than asked for have the write."""
        have = self._answer(answer)
        count = int(have[-1] if isinstance(have, list) else have)
        if count < self._replicas:
            raise StoreUnavailable(
                f"Redis at {self.where} took the write, but only {count} of {self._replicas} replicas have it after "
                f"{ACKNOWLEDGE_MS / 1000:g} s: bring the replicas back, or lower UPWELL_REDIS_REPLICAS"
            )

    async def _how_to_acknowledge(self) -> Command:
        """Choose WAITAOF (fsync here and there) where the server has it and keeps an AOF, else WAIT (in memory)."""
        node: dict[str, Any] = {}
        if isinstance(self.client, RedisCluster):
            node = {"target_nodes": self.client.get_default_node()}
        info = await self.client.info("persistence", **node)
        if not info.get("aof_enabled"):
            return ("WAIT", self._replicas, ACKNOWLEDGE_MS)
        try:
            await self.client.execute_command("WAITAOF", 0, 0, 0, **node)
        except ResponseError:
            return ("WAIT", self._replicas, ACKNOWLEDGE_MS)
        return ("WAITAOF", 1, self._replicas, ACKNOWLEDGE_MS)
