"""Settings -> a client of `redis.asyncio`, for one server or a Redis Cluster.

Timeouts are short and retries few: a write that fails is the caller's to retry (it is idempotent), and must fail fast.
The protocol is RESP2, which every server speaks. Limits: Sentinel is not spoken; point the URL at what follows
failovers.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import hiredis
from redis.asyncio import Connection, Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from upwell_operator.settings import Settings

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0
RETRIES = 1
"""One: what it mends is a connection that a restarted server has closed."""

Client: TypeAlias = "Redis | RedisCluster"


class PackingConnection(Connection):
    """A connection that packs commands in C: a script call has 26 parts, and Python's packing was half its cost."""

    def pack_command(self, *args: Any) -> list[bytes]:
        """Give a command as RESP, in one piece."""
        name, *rest = args
        # redis-py writes some names with a blank: they are two words on the wire.
        return [hiredis.pack_command((*str(name).split(), *rest))]

    def pack_commands(self, commands: Iterable[Iterable[Any]]) -> list[bytes]:
        """Give many commands as RESP, in one piece."""
        return [b"".join(self.pack_command(*command)[0] for command in commands)]


def connect(settings: Settings, *, answer_seconds: float = ANSWER_SECONDS) -> Client:
    """Give a client; nothing is sent until it is used. `answer_seconds` is longer for a reader that blocks."""
    options: dict[str, Any] = {
        "decode_responses": True,
        "protocol": 2,
        "client_name": "upwell",
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": answer_seconds,
        "retry": Retry(ExponentialBackoff(cap=0.2, base=0.05), RETRIES),
    }
    if urlsplit(settings.redis_url).scheme != "unix":  # a socket file has no peer that could vanish unseen
        options["socket_keepalive"] = True
    if settings.redis_ca and urlsplit(settings.redis_url).scheme == "rediss":
        options["ssl_ca_certs"] = settings.redis_ca
    if settings.redis_cluster:
        return RedisCluster.from_url(settings.redis_url, **options)
    # A URL of TLS or of a socket file brings its own connection class, which packs in Python.
    return Redis.from_url(settings.redis_url, connection_class=PackingConnection, **options)


def address(url: str) -> str:
    """Give the host and port of a URL, for messages: never its password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path
