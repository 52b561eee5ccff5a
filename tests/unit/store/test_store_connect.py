"""Every kind of URL that redis-py knows gives a connection, with the keepalive where there is a peer to lose."""

from __future__ import annotations

import pytest

from upwell_operator.settings import Settings
from upwell_operator.store.connect import PackingConnection, connect


@pytest.mark.parametrize(
    ("url", "keepalive"),
    {
        "plain": ("redis://127.0.0.1:6379/0", True),
        "TLS": ("rediss://redis.example:6380/0", True),
        "a socket file": ("unix:///run/redis/redis.sock?db=0", False),
    }.values(),
    ids=["plain", "TLS", "a socket file"],
)
async def test_a_url_gives_a_connection(url: str, keepalive: bool) -> None:
    client = connect(Settings(redis_url=url))
    connection = client.connection_pool.make_connection()
    assert bool(getattr(connection, "socket_keepalive", False)) is keepalive
    assert isinstance(connection, PackingConnection) is (url.startswith("redis://"))
    await client.aclose()
