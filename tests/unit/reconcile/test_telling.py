"""Events come behind the statuses: nobody waits for one, and a flood loses none that a person must see."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from upwell_operator.errors import Forbidden
from upwell_operator.reconcile import telling
from upwell_operator.reconcile.telling import Teller

ABOUT = {"kind": "Asset", "metadata": {"namespace": "shop", "name": "raw"}}


class Post:
    """A cluster that takes Events once its gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.posted: list[tuple[str, bool]] = []
        self.refused: set[str] = set()

    async def post_event(self, _about: Any, *, reason: str, message: str, warning: bool) -> None:
        await self.gate.wait()
        if reason in self.refused:
            raise Forbidden(f"no rights to say {message}")
        self.posted.append((reason, warning))


@pytest.fixture
def post() -> Post:
    return Post()


@pytest.fixture
def teller(post: Post) -> Teller:
    return Teller(post)  # type: ignore[arg-type]


def turned(reason: str, kind: str = "Fresh", status: str = "False") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": reason.lower()}


async def test_nobody_waits_for_an_event_and_all_are_posted_in_order(post: Post, teller: Teller) -> None:
    for reason in ("A", "B"):
        teller.tell(ABOUT, turned(reason))
    await asyncio.sleep(0)
    assert post.posted == []
    post.gate.set()
    await teller.told()
    teller.tell(ABOUT, turned("C"))
    await teller.told()
    assert [reason for reason, _ in post.posted] == ["A", "B", "C"]


async def test_nothing_to_tell_is_told_at_once(teller: Teller) -> None:
    await teller.told()


@pytest.mark.parametrize(
    ("condition", "warns"),
    [
        pytest.param(turned("UpstreamDataChanged"), False, id="stale is news"),
        pytest.param(turned("RunFailed", "Ready"), True, id="not ready is a warning"),
        pytest.param(turned("GuardHeld", "Held", "True"), True, id="a held version is a warning"),
        pytest.param(turned("Ready", "Ready", "True"), False, id="ready again"),
    ],
)
async def test_what_a_person_should_look_at_is_a_warning(
    post: Post, teller: Teller, condition: dict, warns: bool
) -> None:
    post.gate.set()
    teller.tell(ABOUT, condition)
    await teller.told()
    assert post.posted == [(condition["reason"], warns)]


async def test_a_refused_event_is_logged_and_the_next_is_posted(
    post: Post, teller: Teller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    post.gate.set()
    post.refused = {"A"}
    for reason in ("A", "B"):
        teller.tell(ABOUT, turned(reason))
    await teller.told()
    assert post.posted == [("B", False)]
    assert "an Event about shop/raw was not posted: no rights to say a" in caplog.text


async def test_of_a_flood_warnings_are_kept_and_the_rest_is_counted(
    post: Post, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(telling, "AT_ONCE", 2)
    teller = Teller(post, lambda: clock[0])  # type: ignore[arg-type]
    caplog.set_level(logging.INFO)
    for number in range(5):
        teller.tell(ABOUT, turned(f"Stale{number}"))
    teller.tell(ABOUT, turned("RunFailed", "Ready"))
    clock[0] += 1 / telling.A_SECOND
    teller.tell(ABOUT, turned("Later"))
    post.gate.set()
    await teller.told()
    assert [reason for reason, _ in post.posted] == ["Stale0", "Stale1", "RunFailed", "Later"]
    assert "3 Events were left out" in caplog.text
