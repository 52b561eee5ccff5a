"""A server for the command line's verbs: it answers requests at once, as a test says how they end."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from upwell_operator.domain.identity import job_run, run_name

Object = dict[str, Any]


def an_asset(name: str, *, deps: tuple[str, ...] = (), fresh: str = "False", key: str | None = None) -> Object:
    spec: Object = {"deps": [{"name": dep} for dep in deps], **({"key": key} if key else {})}
    return {
        "metadata": {"namespace": "default", "name": name, "uid": f"uid-of-{name}"},
        "spec": {**spec, ("materialize" if deps else "observe"): {}},
        "status": {"conditions": [{"type": "Fresh", "status": fresh}]},
    }


@dataclass
class FakeServer:
    """Answers as the server does; `outcomes` says how the next run of an asset ends, by default well."""

    assets: dict[str, Object]
    outcomes: dict[str, str] = field(default_factory=dict)
    refusals: dict[str, str] = field(default_factory=dict)
    """What the operator decides about a request instead of running it."""
    slow: frozenset[str] = frozenset()
    """Assets whose requests nobody answers."""
    asked: list[str] = field(default_factory=list)
    runs: dict[str, Object] = field(default_factory=dict)
    jobs: dict[str, Object] = field(default_factory=dict)
    selections: dict[str, list[str]] = field(default_factory=dict)
    of_partitions: dict[str, list[str]] = field(default_factory=dict)
    """The partitions that a request for an asset that is cut builds."""
    versions: dict[str, str] = field(default_factory=dict)
    """The data version that the next run of an asset sees or makes."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        parts = request.url.path.removeprefix("/v1/").split("/")
        if selection := request.url.params.get("selection"):
            return httpx.Response(200, json=page(*(self.assets[name] for name in self.selections[selection])))
        if request.method == "POST":
            return httpx.Response(202, json={"token": self._ask(parts, request.url.params.get("partitions", ""))})
        found = self._get(parts)
        return httpx.Response(200, json=found) if found is not None else problem(404, f"There is no {parts[-1]}.")

    def _get(self, parts: list[str]) -> Object | None:
        match parts:
            case ["assets" | "observation-jobs" as kind]:
                return page(*(self.assets if kind == "assets" else self.jobs).values())
            case ["runs"]:
                return page(*self.runs.values())
            case ["assets" | "runs" as kind, _, name]:
                return (self.assets if kind == "assets" else self.runs).get(name)
            case ["assets", _, name, "decisions"]:
                return page(*([self._refusal(name)] if name in self.refusals else []))
            case ["assets", _, name, "events"]:
                return page(*(run["event"] for run in self.runs.values() if run["asset"] == name))
        return None

    def _refusal(self, name: str) -> Object:
        return {"decision": self.refusals[name], "message": f"request T{len(self.asked):03}: not now"}

    def _ask(self, parts: list[str], partitions: str) -> str:
        kind, _, name, verb = parts
        self.asked.append(f"{verb} {name} {partitions}".rstrip())
        token = f"T{len(self.asked):03}"
        if kind == "observation-jobs":
            job = self.jobs[name]
            job["status"]["lastRun"] = {"name": job_run(job["metadata"]["uid"], "request", token), **job["next"]}
        elif name not in self.slow:
            self.assets[name]["status"]["lastHandledRequest"] = token
            if "partitions" in self.assets[name]["spec"]:
                self._run_partitions(name, token)
            elif name not in self.refusals:
                self._run(name, verb, token)
        return token

    def _run_partitions(self, name: str, token: str) -> None:
        for key in self.of_partitions.get(name, []):
            self.runs[f"{name}-{key}"] = {
                "name": f"{name}-{key}", "asset": name, "request": token, "partition": key, "outcome": "Materialized"
            }  # fmt: skip
        self.assets[name]["status"]["dataVersion"] = self.versions.get(name, "v" * 64)

    def _run(self, name: str, verb: str, token: str) -> None:
        run = run_name(name, f"uid-of-{name}", verb, "request", token)
        outcome = self.outcomes.get(name, "Materialized" if verb == "materialize" else "Changed")
        event = {
            "run": run,
            **({"description": "boom"} if outcome == "Failed" else {"dataVersion": self.versions.get(name, "v" * 64)}),
        }
        self.runs[run] = {"name": run, "asset": name, "outcome": outcome, "event": event, "message": "the Job's words"}
        if outcome != "Failed":
            self._told(name, verb, run)

    def _told(self, name: str, verb: str, run: str) -> None:
        status = self.assets[name]["status"]
        status["dataVersion"] = self.versions.get(name, "v" * 64)
        status["conditions"] = [{"type": "Fresh", "status": "True"}]
        if verb == "observe":
            status["lastObservation"] = {"run": run}
        else:
            status["lastMaterialization"] = {"run": run, "inputs": self.inputs(name)}

    def inputs(self, name: str) -> list[Object]:
        """Give the inputs of an asset at the versions that they have now."""
        deps = [dep["name"] for dep in self.assets[name]["spec"].get("deps", [])]
        return [{"name": dep, "dataVersion": self.assets[dep]["status"].get("dataVersion")} for dep in deps]


def page(*items: Object) -> Object:
    return {"items": list(items), "metadata": {}}


def problem(status: int, detail: str) -> httpx.Response:
    return httpx.Response(status, json={"detail": detail})


def a_chain(**fresh: str) -> dict[str, Object]:
    """Give raw → clean → daily → weekly, all stale unless said otherwise."""
    names = ("raw", "clean", "daily", "weekly")
    above = dict(zip(names[1:], names, strict=False))
    deps = {name: (above[name],) if name in above else () for name in names}
    return {name: an_asset(name, deps=deps[name], fresh=fresh.get(name, "False")) for name in names}
