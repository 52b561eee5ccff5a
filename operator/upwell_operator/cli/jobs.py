"""`upwell observe --job`: run an ObservationJob now, and follow its run to the end.

A job that is refused (MixedSelection, AssetNotFound, …) ends at once with the condition's own sentence: nothing would
answer the request before somebody mends the spec.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from upwell_operator.cli import assets as of
from upwell_operator.cli.client import Api, connect
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.following import pauses
from upwell_operator.cli.options import Connection
from upwell_operator.cli.output import columns, emit
from upwell_operator.domain.identity import job_run

HEAD = ("JOB", "RUN", "PHASE", "OBSERVED", "CHANGED", "UNCHANGED", "FAILED")


async def observe(to: Connection, name: str, *, wait: bool, patience: float) -> None:
    """Run an ObservationJob. Raises CommandError when it cannot run, fails, or is not done in time."""
    async with connect(to) as api:
        job = await find(api, to.namespace, name)
        refuse(job)
        token = (await api.post(f"/v1/observation-jobs/{to.namespace}/{name}/run"))["token"]
        run = job_run(job["metadata"]["uid"], "request", token)
        done = await ended(api, to.namespace, name, run, patience) if wait else {"name": run, "phase": "Requested"}
    emit(to.output, {"job": name, **done}, lambda: columns(HEAD, [row(name, done)]))
    if done["phase"] == "Failed":
        said = done.get("message") or "`upwell status` tells which"
        raise CommandError(f"{name}: {done.get('failed')} of its observations failed; {said}")


async def find(api: Api, namespace: str, name: str) -> of.Object:
    """Give an ObservationJob. Raises CommandError (not found)."""
    jobs = await api.pages("/v1/observation-jobs", namespace=namespace)
    found = next((job for job in jobs if of.name_of(job) == name), None)
    if found is None:
        known = ", ".join(of.name_of(job) for job in jobs) or "none"
        raise CommandError(f"no ObservationJob {name} in namespace {namespace}; there are: {known}", Code.NOT_FOUND)
    return found


def refuse(job: of.Object) -> None:
    """Raise CommandError when the job says that it cannot run."""
    ready = of.condition_of(job, "Ready")
    if ready.get("status") == "False":
        raise CommandError(f"{of.name_of(job)}: {ready.get('reason')}: {ready.get('message')}")


async def ended(api: Api, namespace: str, name: str, run: str, patience: float) -> dict[str, Any]:
    """Wait until a run of the job is over. Raises CommandError when that takes too long."""
    seen = False
    try:
        async with asyncio.timeout(patience or None):
            async for _ in pauses():
                job = await find(api, namespace, name)
                last: dict[str, Any] = of.status_of(job).get("lastRun") or {}
                if last.get("name") == run and last.get("phase") != "Active":
                    return last
                if seen and last.get("name") != run:
                    newer = f"run {run} is not the newest any more: run {last.get('name')} began after it"
                    raise CommandError(f"{name}: {newer}; `upwell runs` tells how it ended")
                seen = seen or last.get("name") == run
                refuse(job)
    except TimeoutError:
        pass
    raise CommandError(f"{name}: run {run} is not done after {patience:g} s", Code.TIMED_OUT)


def row(name: str, run: Mapping[str, Any]) -> tuple[object, ...]:
    """Give the cells of a run."""
    return (
        name,
        run.get("name"),
        run.get("phase"),
        *(run.get(count) for count in ("observed", "changed", "unchanged", "failed")),
    )
