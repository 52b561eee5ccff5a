"""`upwell materialize ASSET --partitions`: what it would build, what it asks for, and how it follows that."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from upwell_operator.cli import backfilling, following
from upwell_operator.cli.client import connect
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.options import Connection, Format
from verb_server import Object, an_asset, page

TO = Connection(server="http://upwell.test")
DAYS = ["2026-01-01", "2026-01-02", "2026-01-03"]
Serve = Callable[["Days"], "Days"]


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PAUSES", ())
    monkeypatch.setattr(following, "LONGEST_PAUSE", 0.001)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    def behind(server: Days) -> Days:
        monkeypatch.setattr(backfilling, "connect", lambda to: connect(to, httpx.MockTransport(server)))
        return server

    return behind


class Days:
    """A server of one asset that is built by day; each look at the runs ends one more of them."""

    def __init__(self, *, failing: str = "", answers: bool = True) -> None:
        self.asset = an_asset("clean", deps=("raw",))
        self.asset["spec"]["partitions"] = {"static": DAYS}
        counts = {"total": 3, "stale": 1, "missing": 1, "stalePartitions": DAYS[:0:-1]}
        self.asset["status"]["partitions"] = counts
        self.asked: list[dict[str, str]] = []
        self._failing, self._answers, self._ended = failing, answers, 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.asked.append(dict(request.url.params))
            if self._answers:
                self.asset["status"]["lastHandledRequest"] = "T1"
            return httpx.Response(202, json={"token": "T1"})
        last = request.url.path.rsplit("/", 1)[-1]
        found = {
            "assets": page(self.asset),
            "clean": self.asset,
            "partitions": page(*({"partition": day} for day in DAYS[::-1])),
        }
        return httpx.Response(200, json=found[last] if last in found else page(*self._runs()))

    def _runs(self) -> list[Object]:
        self._ended += 1
        other: Object = {"name": "other", "request": "T0", "outcome": "Failed"}
        return [other, *(self._run(place, day) for place, day in enumerate(DAYS))]

    def _run(self, place: int, day: str) -> Object:
        outcome = "Failed" if day == self._failing else "Materialized"
        ended = {"outcome": outcome, "message": "boom"} if place < self._ended else {}
        return {"name": f"clean-{place}", "request": "T1", "partition": day, **ended}


async def backfill(partitions: str | None, **more: Any) -> None:
    given = {"dry_run": False, "wait": True, "patience": 5, **more}
    await backfilling.backfill(TO, "clean", partitions, **given)


async def test_it_asks_once_and_follows_the_runs_that_answer_to_their_ends(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    server = serve(Days())
    await backfill("2026-01-01..", parallelism=2)
    assert server.asked == [{"partitions": "2026-01-01..", "parallelism": "2"}]
    out = capsys.readouterr().out
    assert [line.split()[1] for line in out.splitlines()[1:]] == DAYS


async def test_one_that_fails_fails_the_command_and_the_others_are_told(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    serve(Days(failing=DAYS[1]))
    with pytest.raises(CommandError) as failed:
        await backfill("*")
    assert failed.value.code is Code.FAILED
    assert str(failed.value).startswith(f"clean {DAYS[1]}: failed")
    assert capsys.readouterr().out.count("Materialized") == 2


async def test_without_waiting_the_request_is_all(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    server = serve(Days())
    await backfill(None, wait=False)
    assert server.asked == [{}]
    assert "Requested" in capsys.readouterr().out


async def test_what_is_not_answered_in_time_goes_on_without_the_command(serve: Serve) -> None:
    serve(Days(answers=False))
    with pytest.raises(CommandError) as late:
        await backfill("*", patience=0.05)
    assert late.value.code is Code.TIMED_OUT


@pytest.mark.parametrize(
    ("partitions", "expected"),
    [
        pytest.param(f"..{DAYS[1]}", {"count": 2, "partitions": DAYS[:2]}, id="what is named"),
        pytest.param(None, {"count": 2, "partitions": DAYS[:0:-1]}, id="what is not fresh"),
    ],
)
async def test_a_dry_run_says_which_and_starts_nothing(
    serve: Serve, capsys: pytest.CaptureFixture[str], partitions: str | None, expected: object
) -> None:
    server = serve(Days())
    await backfilling.backfill(
        Connection(server=TO.server, output=Format.JSON), "clean", partitions, dry_run=True, wait=True, patience=5
    )
    assert json.loads(capsys.readouterr().out) == expected
    assert server.asked == []


async def test_a_dry_run_of_what_is_no_partition_says_what_there_is(serve: Serve) -> None:
    serve(Days())
    with pytest.raises(CommandError, match='"2027" is no partition; there are 2026-01-01'):
        await backfill("2027", dry_run=True)


async def test_an_asset_that_is_not_cut_is_refused_before_anything_is_asked(serve: Serve) -> None:
    server = serve(Days())
    del server.asset["spec"]["partitions"]
    with pytest.raises(CommandError, match=r"clean has no spec\.partitions; leave --partitions out"):
        await backfill("*")
    assert server.asked == []
