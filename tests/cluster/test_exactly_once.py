"""One run for every set of consumed versions: with three operators that race, and with one that is killed at any time.

Never two, because the name of a Job is its identity; never one missing, because nothing but what is in the cluster and
in the store is remembered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest

from cluster.kubectl import Kubectl
from cluster.manifests import asset
from cluster.replicas import Replicas, replicas, undisturbed
from cluster.stage import Stage, played, stage
from upwell_operator.domain.snapshot import Run

CHANGES, KILLS = 200, 50
SEED = 20


@pytest.fixture(scope="module", autouse=True)
def alone(upwell: Kubectl) -> Iterator[None]:
    """Nobody else decides while operators of the test do."""
    with undisturbed(upwell):
        yield


@pytest.fixture
def assets(kubectl: Kubectl) -> Kubectl:
    """A source, what is built from it, and what is built from that; the middle one changes with every tenth version."""
    kubectl.apply(asset("source"), asset("middle", **played("source")), asset("end", **played("middle")))
    return kubectl


def tenth(run: Run) -> str:
    """Give the version that a run makes of what it consumed."""
    return f"about-{int(run.inputs[0].data_version or 0) // 10}" if run.asset.name == "middle" else run.ref.name


async def settled(the: Stage, newest: int) -> None:
    """Wait until everything is built from the newest version, then hold what happened against what must."""
    await the.until(lambda: the.fresh("middle", str(newest)), 90)
    await the.until(lambda: the.fresh("end", f"about-{newest // 10}"), 60)
    await the.look()
    assert the.twice() == []
    assert len(the.consumed("middle", str(newest))) == 1
    for name in ("middle", "end"):
        runs = [run.ref.name for run in the.runs.values() if run.asset.name == name]
        assert sorted(await the.recorded(name)) == sorted(runs), "every run's result is in history, once"


@pytest.mark.timeout(420)
async def test_three_operators_without_election_start_one_run_for_every_change(assets: Kubectl, tmp_path: Path) -> None:
    dice = Random(SEED)  # no secret
    async with replicas(assets.namespace, tmp_path) as operators:
        for _ in range(3):
            operators.start(elected=False)
        async with stage(assets.namespace, operators.redis_url, tenth) as the:
            for version in range(1, CHANGES + 1):
                await the.report("source", str(version))
                if dice.random() < 0.5:  # the others follow each other as fast as the store takes them
                    await the.until(lambda version=version: the.consumed("middle", str(version)), 60)
            await settled(the, CHANGES)
        assert all(one.running for one in operators.all)
        assert "Traceback" not in operators.said()


async def changing(the: Stage, dice: Random, enough: asyncio.Event) -> int:
    """Report one version after another until there are enough; give the newest."""
    version = 0
    while not enough.is_set():
        version += 1
        await the.report("source", str(version))
        with suppress(TimeoutError):
            await asyncio.wait_for(enough.wait(), dice.uniform(0, 0.4))
    return version


async def killing(operators: Replicas, dice: Random) -> None:
    """Kill whoever leads at some moment of its first second and a half, again and again; others stand by."""
    for number in range(KILLS):
        leader = await operators.led()
        await asyncio.sleep(dice.uniform(0, 1.5))  # at no particular moment
        leader.kill()
        operators.start(elected=True)
        if number % 10:  # every tenth time it is waited out
            await operators.give_back()


@pytest.mark.timeout(420)
async def test_an_operator_that_is_killed_fifty_times_starts_one_run_for_every_change(
    assets: Kubectl, tmp_path: Path
) -> None:
    dice = Random(SEED)  # no secret
    async with replicas(assets.namespace, tmp_path) as operators:
        for _ in range(2):
            operators.start(elected=True)
        async with stage(assets.namespace, operators.redis_url, tenth) as the:
            enough = asyncio.Event()
            changes = asyncio.ensure_future(changing(the, dice, enough))
            await killing(operators, dice)
            enough.set()
            await settled(the, await changes)
            assert len(the.runs) > KILLS / 2, "there was something to lose"
