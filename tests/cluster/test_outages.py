"""What goes away comes back, and nothing was lost: Redis, the server, and a leader that was frozen for a while."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from cluster.kubectl import Json, Kubectl, KubectlError, port_forward, until
from cluster.manifests import asset, config_map, job, python, result, runs, schedule, shell, version
from cluster.replicas import OPERATOR, Replica, replicas, undisturbed
from cluster.stage import Stage, played, stage

SERVER = "upwell-server"
OUTAGE_SECONDS = 30
LOOKS = 5
"""How often the same must be seen for nobody to write."""
QUIET_LINES = 40
"""Lines that an operator may say about an outage of half a minute; a flood would be thousands."""
CODE = """
import pathlib, time
from upwell import DataVersion, observable_source_asset

@observable_source_asset
def clock(): return DataVersion(str(time.time_ns()))

@observable_source_asset
def gated():
    while not pathlib.Path("/gate/open").exists():
        time.sleep(0.1)
    return DataVersion("through the gate")
"""


@pytest.fixture
def system(upwell: Kubectl) -> Kubectl:
    """Where Upwell lives."""
    return upwell


@contextmanager
def unplugged(system: Kubectl, service: str) -> Iterator[None]:
    """Leave a Service without anybody behind it: whoever asks is refused at once."""
    patch = '{"spec": {"selector": {"app.kubernetes.io/name": "%s"}}}'
    system.run("patch", "service", service, "-p", patch % "nobody")
    try:
        yield
    finally:
        system.run("patch", "service", service, "-p", patch % service)


def redis_cli(system: Kubectl, *words: str) -> str:
    """Run a command of Redis."""
    return system.run("exec", "deployment/redis", "--", "redis-cli", *words)


def restarts(system: Kubectl, name: str) -> int:
    """Give how often the container of a Deployment was started again."""
    (pod,) = system.list("pods", f"app.kubernetes.io/name={name}")
    return int(pod["status"]["containerStatuses"][0]["restartCount"])


def lines_since(system: Kubectl, name: str, since: str) -> list[str]:
    """Give what a Deployment has said since a time."""
    return system.run("logs", f"deployment/{name}", f"--since-time={since}").splitlines()


def now() -> str:
    """Give the time as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Reporter:
    """A system outside that reports one event after another, and remembers which of them were acknowledged."""

    def __init__(self, server: str, kubectl: Kubectl, token: str) -> None:
        self.url = f"{server}/v1/assets/{kubectl.namespace}/outside/events"
        self.client = httpx.Client(headers={"Authorization": f"Bearer {token}"}, timeout=20)
        self.acknowledged: list[str] = []
        self.refused = 0

    def report(self) -> bool:
        """Report one event; say whether it was acknowledged."""
        event = {"id": f"e{len(self.acknowledged)}-{self.refused}", "type": "AssetObservation"}
        event["dataVersion"] = str(len(self.acknowledged))
        answer = self.client.post(self.url, json={"events": [event]})
        if answer.status_code == httpx.codes.OK:
            self.acknowledged.append(event["id"])
        else:
            assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE, answer.text
            self.refused += 1
        return answer.status_code == httpx.codes.OK

    def stored(self) -> list[str]:
        """Give the ids of the events that the server shows, the oldest first."""
        answer = self.client.get(self.url, params={"limit": 1000}).raise_for_status()
        return [one["id"] for one in reversed(answer.json()["items"])]


@pytest.fixture
def reporter(system: Kubectl, kubectl: Kubectl, token_file: Path) -> Iterator[Reporter]:
    with port_forward(system, f"service/{SERVER}", 8080) as address:
        reporter = Reporter(address, kubectl, token_file.read_text().strip())
        yield reporter
        reporter.client.close()


@pytest.mark.timeout(400)
def test_redis_away_for_half_a_minute_loses_nothing_and_stops_no_tick(
    system: Kubectl, kubectl: Kubectl, reporter: Reporter
) -> None:
    kubectl.apply(
        config_map("code", outage=CODE),
        asset("outside"),
        asset("posts", observe=python("outage:clock", "code")),
        asset("leaves", observe=shell(result('{"dataVersion": "1"}'))),
        job("look", "posts", "leaves"),
        schedule("minute", "* * * * *", "look"),
    )
    kubectl.wait("schedule", "minute", "Ready", 30)
    kubectl.wait("asset", "posts", "Observed", 120)  # the first tick; the next one comes while Redis is away
    until(lambda: 35 <= datetime.now(UTC).second <= 45, 65)
    before, began = {name: restarts(system, name) for name in (OPERATOR, SERVER)}, now()
    assert reporter.report()
    with unplugged(system, "redis"):
        with suppress(KubectlError):  # redis-cli ends with its container
            redis_cli(system, "shutdown", "nosave")  # kubelet starts it again; nobody can reach it
        until(lambda: reporter.report() or time.time() > stamp(began) + OUTAGE_SECONDS, OUTAGE_SECONDS + 10)
        ended = now()
        assert reporter.refused > 0
        ticks = [run for run in runs(kubectl, "posts") if began < run["metadata"]["creationTimestamp"] < ended]
        assert len(ticks) == 1, "observations go on"
    until(reporter.report, 60)

    (tick,) = ticks
    name = tick["metadata"]["labels"]["upwell.dev/job-run"]
    until(lambda: last_run(kubectl).get("name") >= name and last_run(kubectl)["phase"] == "Succeeded", 90)
    for source in ("posts", "leaves"):
        assert all(outcome(run) in ("Changed", "Unchanged") for run in ended_runs(kubectl, source))
    stored = reporter.stored()
    assert sorted({*reporter.acknowledged} - {*stored}) == [], "what was acknowledged is there"
    assert len(stored) == len({*stored}), "and nothing is there twice"
    said = lines_since(system, OPERATOR, began)
    assert any("the store does not answer; observations go on" in line for line in said)
    assert any("the store answers" in line for line in said)
    assert len(said) < QUIET_LINES, "\n".join(said)
    assert {name: restarts(system, name) for name in (OPERATOR, SERVER)} == before


def stamp(text: str) -> float:
    """Read a time."""
    return datetime.fromisoformat(text).timestamp()


def last_run(kubectl: Kubectl) -> Json:
    """Give the newest run of the job."""
    last: Json = kubectl.get("observationjob", "look").get("status", {}).get("lastRun", {})
    return last


def ended_runs(kubectl: Kubectl, name: str) -> list[Json]:
    """Give the Jobs of an asset that are over."""
    return [run for run in runs(kubectl, name) if run["status"].get("completionTime")]


def outcome(run: Json) -> str:
    """Give what was recorded of a run."""
    return str(run["metadata"]["annotations"].get("upwell.dev/outcome"))


def test_redis_that_was_emptied_is_filled_again_from_status_and_that_is_said(
    system: Kubectl, kubectl: Kubectl, reporter: Reporter
) -> None:
    same = shell(result('{"dataVersion": "same"}'))
    kubectl.apply(
        asset("outside", requested="1", observe=same),
        asset("built", deps=[{"name": "outside"}], materialize=same, autoMaterialize={"policy": "Eager"}),
    )
    kubectl.wait("asset", "built", "Fresh", 90)
    began = now()
    redis_cli(system, "flushall")
    until(lambda: any("the store had been emptied" in line for line in lines_since(system, OPERATOR, began)), 60)
    (pod,) = system.list("pods", f"app.kubernetes.io/name={OPERATOR}")
    where = f"/api/v1/namespaces/{system.namespace}/pods/{pod['metadata']['name']}:8080/proxy/metrics"
    metrics = dict(line.rsplit(" ", 1) for line in system.run("get", "--raw", where).splitlines() if line[0] != "#")
    assert float(metrics["upwell_state_rebuilt"]) >= len(("outside", "built"))

    kubectl.annotate("asset", "outside", requested_at="2")
    until(lambda: [outcome(run) for run in runs(kubectl, "outside")].count("Unchanged") == 1, 60)
    kubectl.wait("asset", "built", "Fresh", 30)
    assert version(kubectl, "built") == "same"
    assert len(runs(kubectl, "built")) == 1, "what is remembered need not be built again"
    assert len(reporter.stored()) == 1, "history is gone: only the new observation is there"


def test_a_result_arrives_by_the_termination_message_while_the_server_is_stopped(
    system: Kubectl, kubectl: Kubectl, claim: Callable[[str], Path]
) -> None:
    gate = claim("gate") / "open"
    access = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}, "storageClassName": ""}
    run = python("outage:gated", "code", env=[{"name": "UPWELL_POST_BUDGET", "value": "2"}])
    run |= {"volumes": [{"name": "gate", "persistentVolumeClaim": {"claimName": "gate"}}]}
    run |= {"volumeMounts": [{"name": "gate", "mountPath": "/gate"}]}
    kubectl.apply(
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "gate"}, "spec": access},
        config_map("code", outage=CODE),
        asset("gated", requested="1", observe=run),
    )
    until(lambda: any(one["status"].get("ready") for one in runs(kubectl, "gated")), 60)
    system.run("scale", f"deployment/{SERVER}", "--replicas=0")
    try:
        until(lambda: not system.list("pods", f"app.kubernetes.io/name={SERVER}"), 60)
        gate.touch()
        kubectl.wait("asset", "gated", "Observed", 60)
    finally:
        system.run("scale", f"deployment/{SERVER}", "--replicas=1")
        system.rolled_out(SERVER)
    assert version(kubectl, "gated") == "through the gate"
    (pod,) = kubectl.list("pods", "upwell.dev/asset=gated")
    message = json.loads(pod["status"]["containerStatuses"][0]["state"]["terminated"]["message"])
    assert [event["dataVersion"] for event in message["events"]] == ["through the gate"]


async def test_a_leader_that_was_frozen_writes_nothing_and_ends(
    system: Kubectl, kubectl: Kubectl, tmp_path: Path
) -> None:
    kubectl.apply(asset("source"), asset("built", **played("source")))
    async with AsyncExitStack() as stack:
        stack.enter_context(undisturbed(system))
        operators = await stack.enter_async_context(replicas(kubectl.namespace, tmp_path))
        former = operators.start(elected=True)
        assert await operators.led() is former
        heir = operators.start(elected=True)
        async with stage(kubectl.namespace, operators.redis_url, lambda run: run.ref.name) as the:
            await the.report("source", "1")
            await the.until(lambda: the.fresh("built", "1"))
            await the.report("source", "2")  # he has heard of it, or is about to
            former.pause()
            assert await operators.led(other_than=former) is heir
            await the.report("source", "3")
            await the.until(lambda: the.fresh("built", "3"))
            await frozen_no_more(kubectl, the, former)
            assert len(the.consumed("built", "3")) == 1
            assert the.twice() == []
        assert await operators.leader() is heir


async def frozen_no_more(kubectl: Kubectl, the: Stage, former: Replica) -> None:
    """Wait until nobody writes, let the former leader go on, and see that he ends with everything as it was."""
    seen = [everything(kubectl)]

    def quiet() -> bool:
        seen.append(everything(kubectl))
        recorded = all(outcome(run) != "None" for run in kubectl.list("jobs"))
        return recorded and len(seen) > LOOKS and all(one == seen[-1] for one in seen[-LOOKS:])

    await the.until(quiet)
    former.resume()
    await the.until(lambda: not former.running, 20)
    assert former.process.returncode not in (0, None)
    last_words = former.log.read_text().splitlines()[-1]
    assert "another operator leads now" in last_words or "this one must stop" in last_words
    assert everything(kubectl) == seen[-1]


def everything(kubectl: Kubectl) -> dict[str, Json]:
    """Give every object that an operator writes, with its version."""
    objects = [*kubectl.list("assets"), *kubectl.list("jobs")]
    return {f"{one['kind']}/{one['metadata']['name']}": one for one in objects}
