"""Kubernetes Events say a thing once, count its repetitions, and are not a flood."""

from __future__ import annotations

from typing import Any

import pytest

from upwell_operator.cluster.events import BURST, REFILL, REMEMBERED, UPDATE, WINDOW, Recorder, Throttle
from upwell_operator.errors import Forbidden

ASSET = {
    "apiVersion": "upwell.dev/v1alpha1",
    "kind": "Asset",
    "metadata": {"namespace": "shop", "name": "raw", "uid": "u1"},
}


class Written:
    """A cluster that keeps what is written, or refuses it."""

    def __init__(self) -> None:
        self.created: list[dict[str, Any]] = []
        self.patched: list[dict[str, Any]] = []
        self.refuses = False

    async def create(self, resource: str, obj: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        if self.refuses:
            raise Forbidden("no")
        self.created.append(obj)
        return obj

    async def patch(self, resource: str, namespace: str, name: str, patch: dict[str, Any]) -> dict[str, Any]:
        self.patched.append(patch)
        return patch


class Bench:
    """A recorder, what it wrote, and the time."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.written = Written()
        self.recorder = Recorder(self.written, clock=lambda: self.now)  # type: ignore[arg-type]

    async def say(self, message: str = "it failed", reason: str = "RunFailed") -> None:
        await self.recorder.post(ASSET, reason=reason, message=message, warning=True)


@pytest.fixture
def bench() -> Bench:
    return Bench()


async def test_an_event_says_what_about_whom(bench: Bench) -> None:
    await bench.say()
    (event,) = bench.written.created
    assert (event["reason"], event["note"], event["type"]) == ("RunFailed", "it failed", "Warning")
    assert event["regarding"] == {"apiVersion": "upwell.dev/v1alpha1", "kind": "Asset", **ASSET["metadata"]}
    assert event["reportingController"] == "upwell.dev/upwell-operator"


async def test_a_repetition_within_a_minute_is_not_written(bench: Bench) -> None:
    for _ in range(100):
        await bench.say()
    assert (len(bench.written.created), bench.written.patched) == (1, [])


async def test_repetitions_are_counted_once_a_minute(bench: Bench) -> None:
    for _ in range(3):
        await bench.say()
        bench.now += UPDATE
    assert [patch["series"]["count"] for patch in bench.written.patched] == [2, 3]


async def test_after_the_window_it_is_said_anew(bench: Bench) -> None:
    await bench.say()
    bench.now += WINDOW + 1
    await bench.say()
    assert len(bench.written.created) == 2


async def test_an_object_that_says_too_much_is_held_back_and_heard_again_later(bench: Bench) -> None:
    for n in range(100):
        await bench.say(f"message {n}")
    assert len(bench.written.created) == BURST
    bench.now += REFILL
    await bench.say("later")
    await bench.say("and one too many")
    assert len(bench.written.created) == BURST + 1


async def test_what_could_not_be_written_is_tried_again(bench: Bench) -> None:
    bench.written.refuses = True
    with pytest.raises(Forbidden):
        await bench.say()
    bench.written.refuses = False
    await bench.say()
    assert len(bench.written.created) == 1


async def test_a_long_message_is_cut_to_what_the_api_takes(bench: Bench) -> None:
    await bench.say("x" * 5000)
    assert len(bench.written.created[0]["note"]) == 1024


def test_memory_is_bounded() -> None:
    throttle = Throttle()
    for n in range(REMEMBERED + 100):
        throttle.allowed(f"u{n}", 0.0)
        throttle.posted((f"u{n}", "r", "False", "m"), f"e{n}", 0.0)
    assert len(throttle._standing) == len(throttle._allowances) == REMEMBERED
