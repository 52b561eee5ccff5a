"""What Redis says went wrong -> one of our errors, with a sentence for a person.

    FENCED …                          Fenced
    everything else of redis, sockets StoreUnavailable, with the host and what to do

A script's own mistake (a bug of ours) is an error reply as well; it reads as one, and is not hidden behind a remedy.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from redis.exceptions import RedisError

from upwell_operator.errors import Fenced, StoreUnavailable, UpwellError

REMEDIES = {
    "LOADING": "it is still loading its data; it answers when that is done",
    "OOM": "it has no memory left: raise maxmemory, or keep less history",
    "MISCONF": "it cannot write to its disk: free some space, then look at its log",
    "READONLY": "it is a replica: name the primary in UPWELL_REDIS_URL, or wait for the failover",
    "NOREPLICAS": "too few replicas are connected to it",
    "MASTERDOWN": "its primary is gone: wait for the failover",
    "CLUSTERDOWN": "the cluster has slots without a server: bring the missing node back",
    "Cluster": "no node of the cluster answers: look whether they run and can be reached",
    "NOAUTH": "it wants a password: put it into UPWELL_REDIS_URL",
    "WRONGPASS": "it refuses the user name or password of UPWELL_REDIS_URL",
    "Authentication": "it refuses the user name or password of UPWELL_REDIS_URL",
    "NOPERM": "its ACL forbids a command that Upwell needs: allow the user everything on keys upwell:*",
    "MOVED": "it belongs to a Redis Cluster: set UPWELL_REDIS_CLUSTER=true",
    "CROSSSLOT": "it belongs to a Redis Cluster: set UPWELL_REDIS_CLUSTER=true and UPWELL_REDIS_SHARDS=64",
    "unknown command": "it is older than Redis 7: use Redis 7 or later, or Valkey",
    "Error 111": "nothing listens there: look whether it runs, and whether UPWELL_REDIS_URL is right",
    "Connection refused": "nothing listens there: look whether it runs, and whether UPWELL_REDIS_URL is right",
    "Name or service": "the name of the host is not known here: look at UPWELL_REDIS_URL",
    "Connect call failed": "nothing listens there: look whether it runs, and whether UPWELL_REDIS_URL is right",
    "Timeout": "it did not answer in time: look whether it is overloaded, or a network policy drops packets",
}
"""What an error begins with, is called, or contains -> what to do. The first that fits."""


def translate(error: BaseException, where: str) -> UpwellError:
    """Give our error for one of Redis' or of a socket's; `where` is the server, without its password."""
    said = str(error) or type(error).__name__
    if "FENCED " in said:
        newer = said.split("FENCED ", 1)[1].split()[0]
        return Fenced(f"an operator with epoch {newer} writes to Redis at {where} now; this one must stop")
    words = f"{type(error).__name__}: {said}"
    remedy = next((sentence for sign, sentence in REMEDIES.items() if sign in words), "look at its log")
    return StoreUnavailable(f"Redis at {where} does not serve us ({said[:300]}): {remedy}")


@contextmanager
def mapped(where: str) -> Iterator[None]:
    """Let no error of redis, and none of a socket, out of the store."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise translate(error, where) from error
