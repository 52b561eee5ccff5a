"""What an `expect.yaml` may say, and a runner that plays it against any control plane.

Each definition's story is declared once; `tests/e2e` plays it against `upwell dev`, `tests/cluster` against a real
cluster. A step has one verb, and `say` for the reader. The runner never sleeps for luck: every claim is asked again
until it holds or `PATIENCE` is over, and then the assertion tells what was seen instead.

Limits: it counts runs and reads resources; timing and load are the benchmarks' business.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

PATIENCE = 60.0
"""Seconds until a claim that does not hold fails the test."""

VERBS = ("write", "append", "replace", "remove", "observe", "materialize", "run", "expect", "runs")


class Strict(BaseModel):
    """Closed models: a misspelt word in a story is an error, not a step that says nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True)


class File(Strict):
    """A file in a volume, which is named by its claim."""

    volume: str
    path: str


class Write(File):
    """Write a file: this text, or a file that an installed Python package ships."""

    text: str | None = None
    package: str | None = None
    resource: str | None = None

    def content(self) -> bytes:
        """Give the bytes to write. The package is found, not imported: its own dependencies need not be installed."""
        if self.package is None:
            return (self.text or "").encode()
        spec = importlib.util.find_spec(self.package)
        assert spec, f"the data comes with the package {self.package}, which is not installed"
        assert spec.origin
        return Path(spec.origin).parent.joinpath(self.resource or "").read_bytes()


class Append(File):
    """Add text to the end of a file."""

    text: str


class Replace(File):
    """Replace one text, which must be there, by another."""

    old: str
    new: str


class Claim(Strict):
    """What must become true of an asset: a condition, its data version, or a metadata value of its newest event."""

    asset: str
    condition: str | None = None
    status: str | None = None
    reason: str | None = None
    data_version: str | None = None
    metadata: str | None = None
    value: Any = None


class Count(Strict):
    """How many runs of a kind an asset has had."""

    asset: str
    kind: str
    count: int


class Step(Strict):
    """One sentence of the story."""

    say: str = ""
    write: Write | None = None
    append: Append | None = None
    replace: Replace | None = None
    remove: File | None = None
    observe: tuple[str, ...] = ()
    materialize: tuple[str, ...] = ()
    fails: bool = False
    """The observation or materialization must fail."""
    run: str | None = None
    """An ObservationJob to run."""
    expect: tuple[Claim, ...] = ()
    runs: Count | None = None

    @model_validator(mode="after")
    def one_verb(self) -> Self:
        """A step does one thing, so that a failure names it."""
        given = [verb for verb in VERBS if getattr(self, verb)]
        if len(given) != 1:
            raise ValueError(f"a step has one of {', '.join(VERBS)}; this one has {given or 'none'}: {self.say!r}")
        return self


class Story(Strict):
    """A whole `expect.yaml`."""

    steps: tuple[Step, ...] = Field(min_length=1)

    @classmethod
    def of(cls, folder: Path) -> Self:
        """Read the story of a definition."""
        return cls.model_validate(yaml.safe_load((folder / "expect.yaml").read_text(encoding="utf8")))


class Driver(Protocol):
    """What a control plane lets a story do. Resources are in Kubernetes' shape, events and runs in the wire format."""

    async def write(self, volume: str, path: str, content: bytes | None) -> None:
        """Put a file into the volume of a claim; None removes it."""
        ...

    async def read(self, volume: str, path: str) -> bytes:
        """Give a file of a volume."""
        ...

    async def request(self, verb: str, assets: tuple[str, ...]) -> bool:
        """Observe or materialize assets and wait for the end; say whether all of them succeeded."""
        ...

    async def run_job(self, name: str) -> bool:
        """Run an ObservationJob and wait for its end; say whether it succeeded."""
        ...

    async def asset(self, name: str) -> dict[str, Any]:
        """Give an Asset."""
        ...

    async def events(self, name: str) -> list[dict[str, Any]]:
        """Give the newest events of an Asset, newest first."""
        ...

    async def runs(self, name: str, kind: str) -> list[dict[str, Any]]:
        """Give the runs of an Asset of one kind."""
        ...


async def play(story: Story, driver: Driver) -> None:
    """Do the story's steps in order. Raises AssertionError at the first that does not come true.

    At the end the last count of every asset is taken again: a run that started late would have been missed before.
    """
    counts = {(step.runs.asset, step.runs.kind): step for step in story.steps if step.runs}
    for number, step in enumerate((*story.steps, *counts.values()), 1):
        try:
            await perform(step, driver)
        except AssertionError as error:
            raise AssertionError(f"step {number} ({step.say or 'no words'}): {error}") from error


async def perform(step: Step, driver: Driver) -> None:
    """Do one step."""
    await change(step, driver)
    for verb, names in (("observe", step.observe), ("materialize", step.materialize)):
        if names:
            succeeded = await driver.request(verb, names)
            assert succeeded is not step.fails, f"{verb} {' '.join(names)} {'succeeded' if succeeded else 'failed'}"
    if step.run:
        assert await driver.run_job(step.run) is not step.fails, f"ObservationJob {step.run} did not end as it should"
    for claim in step.expect:
        await becomes_true(claim, driver)
    if step.runs:
        await counted(step.runs, driver)


async def change(step: Step, driver: Driver) -> None:
    """Change a file of a volume, if the step does."""
    if step.write:
        await driver.write(step.write.volume, step.write.path, step.write.content())
    if step.append:
        before = await driver.read(step.append.volume, step.append.path)
        await driver.write(step.append.volume, step.append.path, before + step.append.text.encode())
    if step.replace:
        before = await driver.read(step.replace.volume, step.replace.path)
        assert step.replace.old.encode() in before, f"{step.replace.path} does not contain {step.replace.old!r}"
        after = before.replace(step.replace.old.encode(), step.replace.new.encode())
        await driver.write(step.replace.volume, step.replace.path, after)
    if step.remove:
        await driver.write(step.remove.volume, step.remove.path, None)


async def becomes_true(claim: Claim, driver: Driver) -> None:
    """Wait until a claim holds."""
    seen: Any = None
    async for _ in attempts():
        seen, holds = await look(claim, driver)
        if holds:
            return
    raise AssertionError(f"{claim.model_dump(exclude_none=True)} did not come true; last seen: {seen}")


async def look(claim: Claim, driver: Driver) -> tuple[Any, bool]:
    """Give what is seen of a claim's subject, and whether the claim holds."""
    if claim.metadata:
        return await metadata_of(claim, driver)
    status = (await driver.asset(claim.asset)).get("status", {})
    if claim.data_version:
        return status.get("dataVersion"), status.get("dataVersion") == claim.data_version
    seen = next((c for c in status.get("conditions", []) if c["type"] == claim.condition), {})
    return seen, seen.get("status") == claim.status and claim.reason in (None, seen.get("reason"))


async def metadata_of(claim: Claim, driver: Driver) -> tuple[Any, bool]:
    """Give a metadata value of the newest event that has it."""
    assert claim.metadata is not None
    events = await driver.events(claim.asset)
    seen = next((e["metadata"][claim.metadata] for e in events if claim.metadata in e.get("metadata", {})), None)
    return seen, seen is not None and seen.get("value") == claim.value


async def counted(wanted: Count, driver: Driver) -> None:
    """Compare the number of runs once it is reached; more than wanted fails at once."""
    seen = 0
    async for _ in attempts():
        seen = len(await driver.runs(wanted.asset, wanted.kind))
        if seen >= wanted.count:
            break
    assert seen == wanted.count, f"{wanted.asset} has {seen} {wanted.kind} runs, not {wanted.count}"


async def attempts(patience: float = PATIENCE, pause: float = 0.1) -> AsyncIterator[int]:
    """Count up, a pause between each, until patience is over."""
    loop = asyncio.get_running_loop()
    end, number = loop.time() + patience, 0
    while loop.time() < end:
        yield number
        number += 1
        await asyncio.sleep(pause)


async def until(question: Callable[[], Awaitable[bool]], what: str, patience: float = PATIENCE) -> None:
    """Ask until the answer is yes. Raises AssertionError that says what was waited for."""
    async for _ in attempts(patience):
        if await question():
            return
    raise AssertionError(f"waited {patience:.0f} s in vain for: {what}")
