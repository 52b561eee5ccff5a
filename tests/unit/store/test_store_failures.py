"""Every error that redis-py can raise becomes one of ours, with a remedy where we know one."""

from __future__ import annotations

import inspect

import pytest
import redis.exceptions

from upwell_operator.errors import Fenced, StoreUnavailable
from upwell_operator.settings import Settings
from upwell_operator.store import Store
from upwell_operator.store.connect import address
from upwell_operator.store.failures import mapped, translate

FOREIGN = [
    each
    for _, each in inspect.getmembers(redis.exceptions, inspect.isclass)
    if issubclass(each, redis.exceptions.RedisError)
]


@pytest.mark.parametrize("foreign", FOREIGN, ids=lambda each: each.__name__)
def test_no_error_of_redis_comes_out(foreign: type[Exception]) -> None:
    error = foreign.__new__(foreign)
    Exception.__init__(error, "boom")
    with pytest.raises(StoreUnavailable, match=r"Redis at host:6379 does not serve us"), mapped("host:6379"):
        raise error


@pytest.mark.parametrize(
    ("said", "remedy"),
    {
        "a full server": ("OOM command not allowed when used memory > 'maxmemory'.", "raise maxmemory"),
        "a replica": ("READONLY You can't write against a read only replica.", "name the primary"),
        "no password": ("NOAUTH Authentication required.", "put it into UPWELL_REDIS_URL"),
        "a cluster": ("MOVED 1 127.0.0.1:1", "UPWELL_REDIS_CLUSTER=true"),
        "a full disk": ("MISCONF Redis is configured to save RDB snapshots", "free some space"),
        "an ACL": ("NOPERM this user has no permissions", "upwell:*"),
    }.values(),
)
def test_the_message_says_what_to_do(said: str, remedy: str) -> None:
    error = translate(redis.exceptions.ResponseError(said), "host:6379")
    assert isinstance(error, StoreUnavailable)
    assert remedy in str(error)


def test_a_fenced_write_is_fenced() -> None:
    error = translate(redis.exceptions.ResponseError("FENCED 7 script: abc"), "h")
    assert isinstance(error, Fenced)
    assert "epoch 7" in str(error)


def test_an_address_never_has_the_password() -> None:
    assert address("rediss://user:secret@redis.example:6380/2") == "redis.example:6380"
    assert address("redis://redis.example") == "redis.example:6379"


async def test_a_server_that_is_not_there_is_a_sentence() -> None:
    store = Store(Settings(redis_url="redis://127.0.0.1:1/0"))
    with pytest.raises(StoreUnavailable, match=r"Redis at 127.0.0.1:1 does not serve us .*nothing listens there"):
        await store.ping()
    await store.close()
