"""The world outside Upwell: data that others own, and users with kubectl.

A graph of 2 to 8 assets is applied at the start; then, for some virtual minutes, data changes and changes back, and
people edit, suspend, delete, re-create and request. What they wrote is remembered, to be held against what is there.
"""

from __future__ import annotations

import asyncio
import copy
from dataclasses import dataclass, field
from random import Random
from typing import Any

from simulation.trace import Trace
from simulation.weather import Storm
from upwell_operator.errors import NotFound
from upwell_operator.local.memory import MemoryCluster
from upwell_operator.resources.meta import API_VERSION, Annotation

Json = dict[str, Any]
NAMESPACE = "shop"
TICK_SECONDS = 120
POLICIES = ("Forbid", "Replace", "Allow")
KINDS = {"assets": "Asset", "observationjobs": "ObservationJob", "schedules": "Schedule"}


@dataclass
class Request:
    """A token that somebody wrote."""

    kind: str
    name: str
    uid: str
    token: str
    at: float


@dataclass
class Outside:
    """Data and people."""

    cluster: MemoryCluster
    storm: Storm
    dice: Random
    habits: Random
    """Dice of their own for what came later, so that a known seed stays the history that it was."""
    trace: Trace
    minutes: float = 10
    manifests: dict[tuple[str, str], Json] = field(default_factory=dict)
    written: dict[tuple[str, str], Json] = field(default_factory=dict)
    """What stood there after the last write of a person."""
    requests: list[Request] = field(default_factory=list)
    deleted_jobs: list[str] = field(default_factory=list)
    edited: set[str] = field(default_factory=set)
    """Schedules whose line or suspension somebody changed."""
    quarantined: set[str] = field(default_factory=set)
    """Sources of which a version was quarantined once: what is asked for below them may be refused."""
    _data: dict[str, int] = field(default_factory=dict)
    _tokens: int = 0

    def look(self, key: str) -> str:
        """Give the version of a source's data as it is now."""
        return f"{key}@{self._data.get(key, 0)}"

    # ------------------------------------------------------------- the beginning

    async def begin(self) -> None:
        """Apply the graph, in any order."""
        dice = self.dice
        names = [f"a{number}" for number in range(dice.choice((2, 2, 3, 3, 4, 4, 5, 6, 8)))]
        sources = [name for place, name in enumerate(names) if place == 0 or dice.random() < 0.25]
        shape = dice.choice(("chain", "wide", "any"))
        for place, name in enumerate(names):
            self._manifest("assets", name, self._source() if name in sources else self._derived(names[:place], shape))
        if dice.random() < 0.5:
            self._jobs(sources)
        if len(sources) < len(names) and self.habits.random() < 0.3:
            target = {"selection": "*", "onlyStale": self.habits.random() < 0.7}
            spec = {"schedule": f"*/{TICK_SECONDS // 60} * * * *", "materialize": target}
            self._manifest("schedules", "rebuild", spec | self._made_up_for())
        order = list(self.manifests)
        dice.shuffle(order)
        for place in order:
            await self._apply(place)
            if dice.random() < 0.1:
                await asyncio.sleep(dice.uniform(0, 30))

    def _source(self) -> Json:
        retries = self.dice.choice((0, 1, 2))
        spec: Json = {"observe": {"python": {"function": "m:f"}, "image": "any", "retries": retries}}
        if self.dice.random() < 0.3:
            spec["observe"]["every"] = self.dice.choice(("90s", "3m", "10m"))
        if self.dice.random() < 0.1:
            spec["freshness"] = {"maximumLag": "4m"}
        return spec

    def _derived(self, above: list[str], shape: str) -> Json:
        dice = self.dice
        count = min(len(above), {"chain": 1, "wide": 2, "any": dice.randint(1, 3)}[shape])
        deps = above[-1:] if shape == "chain" else dice.sample(above, count)
        spec: Json = {
            "deps": [{"name": name} for name in deps],
            "materialize": {"container": {"image": "any", "command": ["x"]}, "retries": dice.choice((0, 1, 2))},
            "autoMaterialize": self._automation(),
        }
        if dice.random() < 0.6:
            spec["codeVersion"] = "1"
        if dice.random() < 0.08:
            spec["freshness"] = {"maximumLag": "5m"}
        if dice.random() < 0.15:
            spec["history"] = {"successfulRuns": dice.choice((1, 2)), "failedRuns": dice.choice((1, 2))}
        return spec

    def _automation(self) -> Json:
        policy = self.dice.choice(("Eager", "Eager", "Eager", "Eager", "Never", "Cron"))
        if policy == "Cron":
            return {"policy": policy, "cron": f"*/{TICK_SECONDS // 60} * * * *"}
        paces = ({}, {}, {}, {"settle": "20s"}, {"minInterval": "40s"}, {"settle": "5s", "minInterval": "30s"})
        return {"policy": policy, **(self.dice.choice(paces) if policy == "Eager" else {})}

    def _jobs(self, sources: list[str]) -> None:
        dice = self.dice
        chosen = dice.sample(sources, dice.randint(1, len(sources)))
        spec = {"assets": chosen, "runOnApply": dice.random() < 0.5}
        spec["concurrencyPolicy"] = POLICIES[len(chosen) % len(POLICIES)]  # no throw: the stories of old seeds stay
        if len(sources) % 2 == 0:
            spec["parallelism"] = 1 + len(chosen) % 2
        self._manifest("observationjobs", "look", spec)
        if dice.random() < 0.6:
            spec: Json = {"schedule": f"*/{TICK_SECONDS // 60} * * * *", "job": {"name": "look"}}
            if dice.random() < 0.2:
                spec["startingDeadlineSeconds"] = 60
            self._manifest("schedules", "often", spec | self._made_up_for())

    def _made_up_for(self) -> Json:
        habits, policies = self.habits, ("None", "Last", "All")
        if habits.random() < 0.5:
            return {}
        missed = {"policy": habits.choice(policies), "onResume": habits.choice(policies)}
        return {"missedRuns": {**missed, "max": habits.choice((1, 3, 10))}}

    def _manifest(self, resource: str, name: str, spec: Json) -> None:
        meta = {"name": name, "namespace": NAMESPACE, "labels": {"team": "us"}, "annotations": {"note": "ours"}}
        self.manifests[resource, name] = {
            "apiVersion": API_VERSION,
            "kind": KINDS[resource],
            "metadata": meta,
            "spec": spec,
        }

    async def _apply(self, place: tuple[str, str]) -> None:
        self.trace(f"user applies {place[1]}: {self.manifests[place]['spec']}")
        self.written[place] = await self.cluster.apply(copy.deepcopy(self.manifests[place]))

    # ------------------------------------------------------------- what people do

    async def live(self) -> None:
        """Let things happen for some minutes."""
        end = asyncio.get_running_loop().time() + self.minutes * 60
        for key in list(self.manifests):
            if key[0] == "assets" and self.dice.random() < 0.3:
                await self._request("assets", key[1])
        while asyncio.get_running_loop().time() < end:
            await asyncio.sleep(self.dice.expovariate(1 / 25))
            act = self.dice.choices((self._data_changes, self._person_acts), (2, 1))[0]
            await act()

    async def _data_changes(self) -> None:
        sources = self._names(lambda spec: "observe" in spec)
        if not sources:
            return
        name = self.dice.choice(sources)
        self._data[name] = self.dice.choice((0, 1, 1, 2, self._data.get(name, 0) + 1))
        self.trace(f"outside: {name} is {self.look(name)} now")
        if self.dice.random() < 0.6:
            await self._request("assets", name)

    async def _person_acts(self) -> None:
        acts = [self._new_code, self._new_deps, self._suspend, self._policy, self._recreate]
        acts += [self._ask, self._ask, self._ask_job, self._quarantine]
        acts += [self._delete_job] * self.storm.weather.job_deletions
        await self.dice.choice(acts)()

    async def _new_code(self) -> None:
        await self._edit(self._names(lambda spec: "materialize" in spec), codeVersion=str(self.dice.randint(1, 3)))

    async def _new_deps(self) -> None:
        names = self._names(lambda spec: True)
        derived = self._names(lambda spec: "materialize" in spec)
        if not derived:
            return
        name = self.dice.choice(derived)
        above = [one for one in names if one < name]
        if above:
            chosen = self.dice.sample(above, self.dice.randint(1, min(3, len(above))))
            await self._edit([name], deps=[{"name": one} for one in chosen])

    async def _suspend(self) -> None:
        place = self.dice.choice(list(self.manifests))
        self.edited.add(place[1])
        self.manifests[place]["spec"]["suspend"] = not self.manifests[place]["spec"].get("suspend", False)
        await self._apply(place)

    async def _policy(self) -> None:
        automation = self._automation()
        await self._edit(self._names(lambda spec: "materialize" in spec), autoMaterialize=automation)

    async def _recreate(self) -> None:
        """Delete an asset, and perhaps create it again some time later."""
        place = ("assets", self.dice.choice(self._names(lambda spec: True)))
        manifest = self.manifests.pop(place)
        del self.written[place]
        self.trace(f"user deletes {place[1]}")
        await self.cluster.delete(place[0], NAMESPACE, place[1])
        await asyncio.sleep(self.dice.choice((0, 0.01, 1, 30)))
        if self.dice.random() < 0.85 or len(self.manifests) < 2:
            manifest["metadata"]["annotations"].pop(Annotation.REQUESTED_AT.value, None)
            self.manifests[place] = manifest
            await self._apply(place)

    async def _ask(self) -> None:
        await self._request("assets", self.dice.choice(self._names(lambda spec: True)))

    async def _ask_job(self) -> None:
        if ("observationjobs", "look") in self.manifests:
            await self._request("observationjobs", "look")

    async def _quarantine(self) -> None:
        """Bar what a source is now, or may come to be; or release what is barred."""
        sources = self._names(lambda spec: "observe" in spec)
        if not sources:
            return
        name, dice = self.dice.choice(sources), self.dice
        versions = {self.look(name), f"{name}@{dice.choice((0, 1, 2))}"} if dice.random() < 0.6 else set()
        self.quarantined.add(name)
        await self._edit([name], quarantine=[{"dataVersion": one} for one in sorted(versions)])

    async def _delete_job(self) -> None:
        jobs = (await self.cluster.list("jobs", NAMESPACE)).items
        if jobs:
            name = self.dice.choice(jobs)["metadata"]["name"]
            self.trace(f"user deletes Job {name}")
            self.deleted_jobs.append(name)
            await self.cluster.delete("jobs", NAMESPACE, name)

    async def _edit(self, names: list[str], **fields: Any) -> None:
        if names:
            place = ("assets", self.dice.choice(names))
            self.manifests[place]["spec"] |= fields
            await self._apply(place)

    async def _request(self, resource: str, name: str) -> None:
        self._tokens += 1
        token = f"t{self._tokens}"
        patch = {"metadata": {"annotations": {Annotation.REQUESTED_AT.value: token}}}
        try:
            obj = await self.cluster.patch(resource, NAMESPACE, name, patch)
        except NotFound:
            return
        self.manifests[resource, name]["metadata"]["annotations"][Annotation.REQUESTED_AT.value] = token
        self.written[resource, name] = obj
        self.trace(f"user requests {name}: {token}")
        now = asyncio.get_running_loop().time()
        self.requests.append(Request(resource, name, obj["metadata"]["uid"], token, now))

    def _names(self, wanted: Any) -> list[str]:
        return [name for (kind, name), one in self.manifests.items() if kind == "assets" and wanted(one["spec"])]
