"""Follow a request for partitions: until it is answered and every run that answers it is recorded.

Which partitions these are, the operator decides; a run belongs to the request if it has its token.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from upwell_operator.cli import assets as of
from upwell_operator.cli.client import Api
from upwell_operator.cli.exits import Code
from upwell_operator.cli.following import Ended, Following, Request, pauses


async def ends(api: Api, following: Following, request: Request, patience: float) -> list[Ended]:
    """Give how a request ended: of an asset that is built by partition, an end for each run."""
    if request.verb != "materialize" or not of.is_cut(request.asset):
        return [await following.follow(request)]
    return await ends_of_partitions(api, following, request, patience)


async def ends_of_partitions(api: Api, following: Following, request: Request, patience: float) -> list[Ended]:
    """Give an end for each run that a request for partitions has started."""
    try:
        async with asyncio.timeout(patience or None):
            return await _ends(api, following, request)
    except TimeoutError:
        message = f"not done after {patience:g} s; the runs go on without this command"
        return [Ended(request.key, Code.TIMED_OUT, outcome="TimedOut", message=message)]


async def _ends(api: Api, following: Following, request: Request) -> list[Ended]:
    """Wait until the request is answered and its last run recorded; give an end for each run."""
    runs: list[Mapping[str, Any]] = []
    async for _ in pauses():
        status = of.status_of(await api.get(of.path_of(request.asset)))
        runs = await _runs(api, request)
        done = [run for run in runs if run.get("outcome")]
        following.say(request, f"{len(done)} of {len(runs)} runs are over")
        if request.is_answered_by(str(status.get("lastHandledRequest") or "")) and len(done) == len(runs):
            break
    return [_ended(request, run) for run in runs] or [Ended(request.key, Code.DONE, outcome="NothingToDo")]


async def _runs(api: Api, request: Request) -> list[Mapping[str, Any]]:
    runs = await api.pages("/v1/runs", namespace=of.namespace_of(request.asset))
    return [run for run in runs if run.get("request") == request.token]


def _ended(request: Request, run: Mapping[str, Any]) -> Ended:
    code = Code.FAILED if run["outcome"] == "Failed" else Code.DONE
    key = f"{request.key} {run.get('partition', '')}".rstrip()
    return Ended(key, code, run["name"], run["outcome"], "", run.get("message", "") if code is Code.FAILED else "")
