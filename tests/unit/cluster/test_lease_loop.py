"""A Lease is held by one at a time, whatever fails and whatever the clocks say."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upwell_operator.cluster.lease import Leadership, LeaseName
from upwell_operator.errors import ClusterUnavailable
from upwell_operator.local.memory import MemoryCluster

NAME = LeaseName("upwell-system", "upwell-operator", seconds=9)


class Line:
    """The way to the cluster, which can be cut."""

    def __init__(self, cluster: MemoryCluster) -> None:
        self._cluster = cluster
        self.cut = False

    def __getattr__(self, verb: str) -> Any:
        if self.cut:
            raise ClusterUnavailable("the line is cut")
        return getattr(self._cluster, verb)


class Bench:
    """Candidates with a clock each, on one cluster."""

    def __init__(self) -> None:
        self.cluster = MemoryCluster()
        self.time: dict[str, float] = {}
        self.lines: dict[str, Line] = {}
        self.lost: list[str] = []

    def candidate(self, identity: str, *, clock: float = 0.0) -> Leadership:
        self.time[identity] = clock
        self.lines[identity] = Line(self.cluster)
        return Leadership(
            self.lines[identity],  # type: ignore[arg-type]
            NAME,
            identity,
            on_lost=self.lost.append,
            clock=lambda: self.time[identity],
        )

    def passes(self, seconds: float) -> None:
        for identity in self.time:
            self.time[identity] += seconds

    async def lease(self) -> dict[str, Any]:
        return await self.cluster.get("leases", NAME.namespace, NAME.name)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_the_first_who_asks_holds_it(bench: Bench) -> None:
    first, second = bench.candidate("a"), bench.candidate("b")
    await first.step()
    await second.step()
    assert (first.valid(), second.valid()) == (True, False)
    assert second.holder == "a"
    await asyncio.wait_for(first.acquired(), 1)


async def test_a_holder_that_renews_keeps_it(bench: Bench) -> None:
    first, second = bench.candidate("a"), bench.candidate("b")
    for _ in range(20):
        await first.step()
        await second.step()
        bench.passes(2)
    assert (first.valid(), second.valid(), bench.lost) == (True, False, [])
    assert (await bench.lease())["spec"]["leaseTransitions"] == 1


async def test_a_holder_that_is_silent_is_followed_after_the_lease(bench: Bench) -> None:
    first, second = bench.candidate("a"), bench.candidate("b")
    await first.step()
    await second.step()
    bench.passes(8.9)
    await second.step()
    assert not second.valid()
    bench.passes(0.2)
    await second.step()
    assert second.valid()
    assert second.transitions == first.transitions + 1


async def test_who_follows_knows_whether_the_holder_lives(bench: Bench) -> None:
    first, second = bench.candidate("a"), bench.candidate("b")
    assert not second.stands_by
    await first.step()
    await second.step()
    assert not second.stands_by, "it may be the Lease of a dead one"
    bench.passes(2)
    await first.step()
    await second.step()
    assert (second.stands_by, first.stands_by) == (True, False)
    bench.passes(9.1)
    await second.step()
    assert second.valid()
    assert not second.stands_by


async def test_a_holder_stops_before_another_may_begin(bench: Bench) -> None:
    first = bench.candidate("a")
    await first.step()
    bench.passes(6.1)
    assert not first.valid()


async def test_clocks_that_differ_by_hours_change_nothing(bench: Bench) -> None:
    first, second = bench.candidate("a"), bench.candidate("b", clock=86400.0)
    await first.step()
    await second.step()
    assert not second.valid()
    bench.passes(9.1)
    await second.step()
    assert second.valid()


async def test_a_holder_that_cannot_reach_the_cluster_gives_up_in_time(bench: Bench) -> None:
    first = bench.candidate("a")
    await first.step()
    bench.lines["a"].cut = True
    bench.passes(3)
    await first.step()
    assert (first.valid(), bench.lost) == (True, [])
    bench.passes(3.1)
    await first.step()
    assert not first.valid()
    assert "could not be renewed" in bench.lost[0]


async def test_a_holder_that_came_back_too_late_learns_who_follows(bench: Bench) -> None:
    first, second = bench.candidate("a"), bench.candidate("b")
    await first.step()
    await second.step()
    bench.passes(9.1)
    await second.step()
    await first.step()
    assert "b holds it now" in bench.lost[0]
    assert (first.valid(), second.valid()) == (False, True)


async def test_a_loss_can_be_followed_by_holding_it_again(bench: Bench) -> None:
    first = bench.candidate("a")
    await first.step()
    bench.lines["a"].cut = True
    bench.passes(7)
    await first.step()
    bench.lines["a"].cut = False
    await first.step()
    assert first.valid()
    assert first.transitions == 2


async def test_what_a_person_writes_on_the_lease_is_no_loss(bench: Bench) -> None:
    first = bench.candidate("a")
    await first.step()
    await bench.cluster.patch("leases", NAME.namespace, NAME.name, {"metadata": {"annotations": {"seen": "yes"}}})
    for _ in range(2):
        await first.step()
    assert (first.valid(), bench.lost, first.transitions) == (True, [], 1)


async def test_a_lease_that_is_deleted_is_lost_and_made_anew(bench: Bench) -> None:
    first = bench.candidate("a")
    await first.step()
    await bench.cluster.delete("leases", NAME.namespace, NAME.name)
    await first.step()
    assert bench.lost == ["somebody deleted it"]
    await first.step()
    assert first.valid()


async def test_who_leaves_gives_it_back(bench: Bench) -> None:
    first, second = bench.candidate("a"), bench.candidate("b")
    running = asyncio.create_task(first.run())
    await asyncio.wait_for(first.acquired(), 1)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (await bench.lease())["spec"]["holderIdentity"] == ""
    await second.step()
    assert second.valid()


async def test_giving_back_what_another_holds_harms_nobody(bench: Bench) -> None:
    first, second = bench.candidate("a"), bench.candidate("b")
    await first.step()
    await second.step()
    bench.passes(9.1)
    await second.step()
    await first.release()
    assert (await bench.lease())["spec"]["holderIdentity"] == "b"


STEPS = st.lists(
    st.tuples(st.sampled_from("abc"), st.floats(0, 12), st.booleans(), st.sampled_from("abc")), min_size=1, max_size=40
)


@given(STEPS)
async def test_never_two_at_once(steps: list[tuple[str, float, bool, str]]) -> None:
    bench = Bench()
    candidates = {identity: bench.candidate(identity, clock=n * 1000.0) for n, identity in enumerate("abc")}
    for identity, seconds, cut, whose in steps:
        bench.lines[whose].cut = cut
        bench.passes(seconds)
        await candidates[identity].step()
        assert sum(candidate.valid() for candidate in candidates.values()) <= 1
