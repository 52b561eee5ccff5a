"""Follow a request to its end: until the operator has taken it up, and until its run is recorded.

A request is answered when `status.lastHandledRequest` is its token, or a later one: of two people who ask in the same
moment, the later one's run answers both. The run's name follows from the token (decision 0006). What the operator
decides meanwhile ("waits for an input") is told on standard error, so that standard output stays a result.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.status import Status

from upwell_operator.cli import assets as of
from upwell_operator.cli.client import Api
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.domain.identity import run_name

PAUSES = (0.05, 0.1, 0.1, 0.2, 0.2, 0.5)
LONGEST_PAUSE = 1.0
APPEAR_SECONDS = 10.0
"""How long an answered request may be without a run before it is taken as answered without one."""
TOLD_SECONDS = 5.0
"""How long a recorded run is waited for in the asset's status, which follows within one pass of the operator."""
LASTS = ("lastObservation", "lastMaterialization", "lastFailure")


@dataclass(frozen=True, slots=True)
class Request:
    """One run that was asked for; `asset` is the Asset as it was before."""

    asset: of.Object
    verb: str
    token: str

    @property
    def key(self) -> str:
        """Give the asset's key, by which people know it."""
        return of.key_of(self.asset)

    def is_answered_by(self, handled: str) -> bool:
        """Say whether the last answered token answers this request.

        The server's tokens sort by time; those that people annotate need not, hence the look at what was before.
        """
        before = str(of.status_of(self.asset).get("lastHandledRequest") or "")
        return handled == self.token or (handled > self.token and handled != before)

    def run(self, token: str) -> str:
        """Give the path of the run that answers a token."""
        metadata = self.asset["metadata"]
        name = run_name(metadata["name"], metadata["uid"], self.verb, "request", token)
        return f"/v1/runs/{of.namespace_of(self.asset)}/{name}"


@dataclass(frozen=True, slots=True)
class Ended:
    """How a request ended."""

    key: str
    code: Code
    run: str = ""
    outcome: str = ""
    version: str = ""
    message: str = ""

    def as_data(self) -> dict[str, str]:
        """Give it for JSON and YAML."""
        fields = {"asset": self.key, "run": self.run, "outcome": self.outcome}
        return {**fields, "dataVersion": self.version, "message": self.message}


class Following:
    """Follows requests until a common deadline, telling what happens on standard error."""

    def __init__(self, api: Api, timeout: float) -> None:
        self._api, self._timeout = api, timeout
        self._console = Console(stderr=True, highlight=False)
        self._spinner: Status | None = None
        self._said: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        """Begin to show progress, where there is a terminal to show it on."""
        if sys.stderr.isatty():
            self._spinner = self._console.status("asking")
            self._spinner.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        if self._spinner:
            self._spinner.stop()

    async def follow(self, request: Request) -> Ended:
        """Wait for a request's end. Raises nothing for a failed run: that is an end like any other."""
        try:
            async with asyncio.timeout(self._timeout or None):
                return await self._end(request)
        except TimeoutError:
            message = f"not done after {self._timeout:g} s; {self._said.get(request.key, '')}".rstrip("; ")
            return Ended(request.key, Code.TIMED_OUT, outcome="TimedOut", message=message)

    async def _end(self, request: Request) -> Ended:
        path = request.run(await self._answered(request))
        run = await self._appeared(request, path)
        if run is None:
            decision = await self._decision(request)
            return Ended(request.key, Code.FAILED, outcome="NotRun", message=decision.get("message", ""))
        self.say(request, f"{request.verb}: run {run['name']}")
        done = run if run.get("outcome") else await self._recorded(path)
        await self._told(request, done["name"])
        event = await self._event(request, done["name"])
        failed = done["outcome"] == "Failed"
        message = (event.get("description") or done.get("message", "")) if failed else ""
        code = Code.FAILED if failed else Code.DONE
        return Ended(request.key, code, done["name"], done["outcome"], event.get("dataVersion", ""), message)

    async def _answered(self, request: Request) -> str:
        async for _ in pauses():
            status = of.status_of(await self._api.get(of.path_of(request.asset)))
            handled = str(status.get("lastHandledRequest") or "")
            if request.is_answered_by(handled):
                return handled
            decision = await self._decision(request)
            if request.token in str(decision.get("message", "")):
                self.say(request, f"{decision.get('decision')}: {decision['message']}")
        raise AssertionError("pauses never end")

    async def _appeared(self, request: Request, path: str) -> dict[str, Any] | None:
        """Give the run; None when the request was answered without one."""
        end = asyncio.get_running_loop().time() + APPEAR_SECONDS
        async for _ in pauses():
            if run := await self._look(path):
                return run
            decision = await self._decision(request)
            refused = decision.get("decision") == "NoRun" and request.token in str(decision.get("message", ""))
            if refused or asyncio.get_running_loop().time() > end:
                break
        return None

    async def _look(self, path: str) -> dict[str, Any] | None:
        try:
            return await self._api.get(path)
        except CommandError as error:
            if error.code is Code.NOT_FOUND:
                return None
            raise

    async def _recorded(self, path: str) -> dict[str, Any]:
        async for _ in pauses():
            seen = await self._look(path)
            if seen and seen.get("outcome"):
                return seen
        raise AssertionError("pauses never end")

    async def _told(self, request: Request, run: str) -> None:
        """Wait until the status tells of the run, so that `upwell status` next does; a superseded run never shows."""
        end = asyncio.get_running_loop().time() + TOLD_SECONDS
        async for _ in pauses():
            status = of.status_of(await self._api.get(of.path_of(request.asset)))
            told = {(status.get(last) or {}).get("run") for last in LASTS}
            if run in told or asyncio.get_running_loop().time() > end:
                return

    async def _event(self, request: Request, run: str) -> dict[str, Any]:
        """Give the newest event of a run, which says what version it saw or made, or why it failed."""
        events = await self._api.pages(f"{of.path_of(request.asset)}/events", 50)
        return next((event for event in events if event.get("run") == run), {})

    async def _decision(self, request: Request) -> dict[str, Any]:
        found = await self._api.pages(f"{of.path_of(request.asset)}/decisions", 1)
        return found[0] if found else {}

    def say(self, request: Request, what: str) -> None:
        """Tell how far a request has come, once for each news."""
        if self._said.get(request.key) == what:
            return
        self._said[request.key] = what
        if self._spinner:
            self._spinner.update(f"{request.key}: {what}")
        else:
            self._console.print(f"{request.key}: {what}", soft_wrap=True, markup=False)


async def pauses() -> AsyncIterator[None]:
    """Give turns, with a pause after each that grows to a second."""
    for pause in PAUSES:
        yield None
        await asyncio.sleep(pause)
    while True:
        yield None
        await asyncio.sleep(LONGEST_PAUSE)
