"""kopf as ears: what is handed on, what is survived, and how deafness is told."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Any

import kopf
import pytest
from prometheus_client import CollectorRegistry

from upwell_operator.handlers import ears as rooms
from upwell_operator.handlers.ears import HEARD, DeafError, Ears, log_in, quiet_settings
from upwell_operator.handlers.vitals import Vitals
from upwell_operator.resources.meta import Kind

RAW = {"metadata": {"name": "raw", "namespace": "shop"}}


class Hearing:
    """What was handed on, and the signs of life of it."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, dict]] = []
        self.error: BaseException | None = None
        self.registry = CollectorRegistry()
        self.vitals = Vitals(tuple(plural for _, _, plural in HEARD), self.registry)

    def __call__(self, resource: str, event: str, obj: dict) -> None:
        if self.error:
            raise self.error
        self.heard.append((resource, event, obj))

    def ears(self, *namespaces: str) -> Ears:
        return Ears(self, self.vitals, namespaces)

    def count(self, name: str) -> float | None:
        return self.registry.get_sample_value(f"upwell_watch_{name}_total", {"resource": "assets"})


@pytest.fixture
def hearing() -> Hearing:
    return Hearing()


@pytest.fixture
def kopfs(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """Stand-ins for kopf's operator: what they were started with."""
    started: list[dict[str, Any]] = []

    async def operator(**options: Any) -> None:
        started.append(options)
        while not options["stop_flag"].is_set():  # noqa: ASYNC110 -- what kopf does with a threading.Event
            await asyncio.sleep(0.005)

    monkeypatch.setattr(kopf, "operator", operator)
    yield started
    kopfs_threads = [thread for thread in threading.enumerate() if thread.name == "kopf"]
    for thread in kopfs_threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in kopfs_threads)


async def tell(ears: Ears, event: dict[str, Any]) -> None:
    """Let the handler of assets be called as kopf calls it."""
    await ears._ear("assets", asyncio.get_running_loop())(event=event, memo=None, anything="else")
    await asyncio.sleep(0)


def test_exactly_the_three_kinds_and_jobs_are_heard() -> None:
    assert [plural for _, _, plural in HEARD] == [*(kind.plural for kind in Kind), "jobs"]


async def test_an_event_is_handed_on_as_it_came(hearing: Hearing) -> None:
    await tell(hearing.ears(), {"type": "DELETED", "object": RAW})
    assert hearing.heard == [("assets", "DELETED", RAW)]
    assert hearing.count("events") == 1


async def test_many_events_come_in_their_order_with_one_wake_up_and_with_breaks(
    hearing: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop, ears = asyncio.get_running_loop(), hearing.ears()
    wake, woken = loop.call_soon_threadsafe, []
    monkeypatch.setattr(loop, "call_soon_threadsafe", lambda *call: (woken.append(call), wake(*call)))
    on_event = ears._ear("assets", loop)
    for number in range(250):
        await on_event(event={"type": "MODIFIED", "object": {**RAW, "number": number}})
    assert (len(woken), hearing.heard) == (1, [])
    seen = []
    while len(hearing.heard) < 250:
        await asyncio.sleep(0)
        seen.append(len(hearing.heard))
    assert seen[:3] == [100, 200, 250]
    assert [obj["number"] for _, _, obj in hearing.heard] == list(range(250))
    await tell(ears, {"type": "MODIFIED", "object": RAW})
    assert (len(woken), len(hearing.heard)) == (2, 251)


async def test_what_was_listed_at_the_start_counts_as_added(hearing: Hearing) -> None:
    await tell(hearing.ears(), {"type": None, "object": RAW})
    assert hearing.heard[0][1] == "ADDED"


@pytest.mark.parametrize("error", [ValueError("spoilt"), KeyboardInterrupt(), SystemExit(1), asyncio.CancelledError()])
async def test_whatever_goes_wrong_in_a_handler_is_counted_and_ends_no_watch(
    hearing: Hearing, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    hearing.error = error
    ears = hearing.ears()
    await tell(ears, {"type": "ADDED", "object": RAW})
    assert hearing.count("errors") == 1
    assert "an event of assets could not be taken in; the next full pass will see it" in caplog.messages
    hearing.error = None
    await tell(ears, {"type": "MODIFIED", "object": RAW})
    assert len(hearing.heard) == 1


async def test_listening_ends_when_it_is_cancelled_and_kopf_with_it(hearing: Hearing, kopfs: list) -> None:
    listening = asyncio.ensure_future(hearing.ears().listen())
    async with asyncio.timeout(10):
        while not kopfs:  # noqa: ASYNC110 -- another thread
            await asyncio.sleep(0.005)
    listening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await listening
    assert kopfs[0]["stop_flag"].is_set()


@pytest.mark.parametrize(
    ("namespaces", "clusterwide"), [((), True), (("shop", "sales"), False)], ids=["all", "two namespaces"]
)
async def test_what_is_listened_to_is_what_settings_say(
    hearing: Hearing, kopfs: list, namespaces: tuple[str, ...], clusterwide: bool
) -> None:
    ears = hearing.ears(*namespaces)
    ears._stop.set()
    with pytest.raises(DeafError):
        await ears.listen()
    (options,) = kopfs
    assert (options["clusterwide"], options["namespaces"]) == (clusterwide, list(namespaces))
    assert options["standalone"]


async def test_an_end_of_kopf_is_deafness_and_says_why(hearing: Hearing, monkeypatch: pytest.MonkeyPatch) -> None:
    async def operator(**_: Any) -> None:
        raise PermissionError("assets.upwell.dev is forbidden")

    monkeypatch.setattr(kopf, "operator", operator)
    with pytest.raises(DeafError, match=r"kopf has ended: PermissionError: assets\.upwell\.dev is forbidden"):
        await hearing.ears().listen()


async def test_a_kopf_that_ends_without_a_word_is_deafness_as_well(
    hearing: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def operator(**_: Any) -> None:
        return

    monkeypatch.setattr(kopf, "operator", operator)
    with pytest.raises(DeafError, match="without a word"):
        await hearing.ears().listen()


async def test_a_kopf_that_does_not_end_is_not_waited_for_longer_than_a_while(
    hearing: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, begun = threading.Event(), threading.Event()

    async def operator(**_: Any) -> None:
        begun.set()
        release.wait(10)

    monkeypatch.setattr(kopf, "operator", operator)
    monkeypatch.setattr(rooms, "STOP_SECONDS", 0.02)
    listening = asyncio.ensure_future(hearing.ears().listen())
    await asyncio.to_thread(begun.wait, 10)
    listening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await listening
    release.set()
    for thread in threading.enumerate():
        if thread.name == "kopf":
            await asyncio.to_thread(thread.join, 10)


def test_kopf_only_listens() -> None:
    settings = quiet_settings()
    assert not settings.posting.enabled
    assert settings.queueing.idle_timeout < 1
    assert settings.watching.label_selectors["batch", "v1", "jobs"] == "app.kubernetes.io/managed-by=upwell"
    assert settings.process.ultimate_exiting_timeout is None


async def test_every_kind_has_a_handler_for_events_and_nothing_else(hearing: Hearing) -> None:
    registry = hearing.ears()._registry(asyncio.get_running_loop())
    assert [handler.id for handler in registry._watching.get_all_handlers()] == [plural for _, _, plural in HEARD]
    assert list(registry._changing.get_all_handlers()) == []
    assert list(registry._spawning.get_all_handlers()) == []
    assert [handler.fn for handler in registry._activities.get_all_handlers()] == [log_in]


@pytest.mark.parametrize(("pod", "file"), [("in a pod", None), (None, "a kubeconfig"), (None, None)])
def test_the_login_is_the_pods_account_or_a_kubeconfig(
    monkeypatch: pytest.MonkeyPatch, pod: str | None, file: str | None
) -> None:
    monkeypatch.setattr(kopf, "login_with_service_account", lambda **_: pod)
    monkeypatch.setattr(kopf, "login_with_kubeconfig", lambda **_: file)
    assert log_in(logger=logging.getLogger()) == (pod or file)
