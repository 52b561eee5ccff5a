"""The port of whoever holds a Lease: what is read in any case, and what is written only while it holds."""

from __future__ import annotations

from typing import Any
from unittest.mock import AsyncMock

import pytest

from upwell_operator.cluster.leased import AFTER_SECONDS, LeasedCluster
from upwell_operator.cluster.port import Caller, Cluster
from upwell_operator.errors import Waiting

WHERE = ("jobs", "shop", "one")
OBJECT: dict[str, Any] = {"metadata": {"namespace": "shop", "name": "one"}}
READS = {
    "get": (WHERE, {}),
    "list": (("jobs", "shop", "a=b"), {"visit": list}),
    "pod_log": (("shop", "one"), {"tail_bytes": 7}),
    "review_token": (("token", "upwell"), {}),
    "may": ((Caller("anna"), "get", *WHERE), {}),
}
WRITES = {
    "create": (("jobs", OBJECT), {"dry_run": True}),
    "update": (("leases", OBJECT), {}),
    "patch": ((*WHERE, {"metadata": {}}), {}),
    "patch_status": ((*WHERE, {"status": {}}), {}),
    "delete": (WHERE, {"uid": "u1"}),
    "post_event": ((OBJECT,), {"reason": "UpToDate", "message": "so it is", "warning": True}),
}


def called(cluster: AsyncMock) -> list[str]:
    return [name for name, _, _ in cluster.method_calls]


@pytest.mark.parametrize(("verb", "given"), (READS | WRITES).items(), ids=list(READS | WRITES))
async def test_while_the_lease_holds_every_verb_is_the_clusters_own(verb: str, given: tuple[Any, Any]) -> None:
    cluster = AsyncMock(spec=Cluster)
    await getattr(LeasedCluster(cluster, lambda: True), verb)(*given[0], **given[1])
    ((name, args, options),) = cluster.method_calls
    assert (name, args[: len(given[0])]) == (verb, given[0])
    assert given[1].items() <= options.items()


@pytest.mark.parametrize(("verb", "given"), READS.items(), ids=list(READS))
async def test_without_the_lease_it_reads(verb: str, given: tuple[Any, Any]) -> None:
    cluster = AsyncMock(spec=Cluster)
    await getattr(LeasedCluster(cluster, lambda: False), verb)(*given[0], **given[1])
    assert called(cluster) == [verb]


@pytest.mark.parametrize(("verb", "given"), WRITES.items(), ids=list(WRITES))
async def test_without_the_lease_it_writes_nothing_and_says_when_to_come_again(
    verb: str, given: tuple[Any, Any]
) -> None:
    cluster = AsyncMock(spec=Cluster)
    with pytest.raises(Waiting, match="the Lease is not held") as refused:
        await getattr(LeasedCluster(cluster, lambda: False), verb)(*given[0], **given[1])
    assert refused.value.after == AFTER_SECONDS
    assert called(cluster) == []


def test_every_verb_of_the_port_is_either_a_read_or_a_write() -> None:
    verbs = {name for name in vars(Cluster) if not name.startswith("_")}
    assert verbs == READS.keys() | WRITES.keys()
