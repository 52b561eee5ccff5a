"""Settings -> a client of `redis.asyncio`, for one server or a Redis Cluster.

Timeouts are short and retries few: a write that fails is the caller's to retry (it is idempotent), and must fail fast.
The protocol is RESP2, which every server speaks. Limits: Sentinel is not spoken; point the URL at what follows
failovers.
"""

from __future__ import annotations

from typing import Any, TypeAlias
from urllib.parse import urlsplit

from redis.asyncio import Redis, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff

from upwell_operator.settings import Settings

CONNECT_SECONDS = 2.0
ANSWER_SECONDS = 5.0
RETRIES = 1
"""One: what it mends is a connection that a restarted server has closed."""

Client: TypeAlias = "Redis | RedisCluster"


def connect(settings: Settings, *, answer_seconds: float = ANSWER_SECONDS) -> Client:
    """Give a client; nothing is sent until it is used. `answer_seconds` is longer for a reader that blocks."""
    options: dict[str, Any] = {
        "decode_responses": True,
        "protocol": 2,
        "client_name": "upwell",
        "socket_connect_timeout": CONNECT_SECONDS,
        "socket_timeout": answer_seconds,
        "socket_keepalive": True,
        "retry": Retry(ExponentialBackoff(cap=0.2, base=0.05), RETRIES),
    }
    if settings.redis_cluster:
        return RedisCluster.from_url(settings.redis_url, **options)
    return Redis.from_url(settings.redis_url, **options)


def address(url: str) -> str:
    """Give the host and port of a URL, for messages: never its password."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port or 6379}" if parts.hostname else parts.path
