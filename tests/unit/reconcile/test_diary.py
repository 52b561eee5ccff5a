"""The diary: every decision once, in time, and never in anybody's way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from builders import NOW, a_ref
from reconcile_objects import a_job
from upwell_operator.domain.decisions import Decision, Verb, Why
from upwell_operator.domain.runs import read_run
from upwell_operator.domain.snapshot import Run
from upwell_operator.errors import Fenced, StoreUnavailable
from upwell_operator.reconcile import diary as rooms
from upwell_operator.reconcile.diary import Diary
from upwell_operator.resources.meta import Kind


class Shelf:
    """A store that keeps what it is given, unless it is away."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.asked = 0
        self.decided: list[tuple[str, str]] = []
        self.runs: list[str] = []

    async def decide(self, records: Sequence[Decision]) -> None:
        self.asked += 1
        if self.error:
            raise self.error
        self.decided += [(one.ref.name, one.reason) for one in records]

    async def record_run(self, run: Run) -> None:
        self.asked += 1
        if self.error:
            raise self.error
        self.runs.append(run.ref.name)


async def test_why_a_run_is_ended_is_written_unless_the_store_is_away(shelf: Shelf) -> None:
    run = read_run(a_job("raw-1"))
    assert run is not None
    await Diary(shelf, lambda: False).ended([run], "replaced", NOW)  # type: ignore[arg-type]
    shelf.error = StoreUnavailable("away")
    await Diary(shelf).ended([run], "replaced", NOW)  # type: ignore[arg-type]
    shelf.error = None
    await Diary(shelf).ended([run], "replaced", NOW)  # type: ignore[arg-type]
    assert (shelf.asked, shelf.runs) == (2, ["raw-1"])


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def diary(shelf: Shelf) -> Diary:
    return Diary(shelf)  # type: ignore[arg-type]


def why(name: str = "raw", reason: str = Why.FRESH, **fields: object) -> Decision:
    return Decision(Kind.ASSET, a_ref(name), Verb.NO_RUN, reason, "words", NOW, **fields)  # type: ignore[arg-type]


async def test_a_decision_that_repeats_the_last_word_about_a_subject_is_not_written(diary: Diary, shelf: Shelf) -> None:
    await diary.note([why()])
    await diary.note([replace(why(), time=NOW.replace(hour=13))])
    await diary.note([])
    assert shelf.decided == [("raw", "Fresh")]
    assert shelf.asked == 1


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"reason": Why.SUSPENDED}, id="another reason"),
        pytest.param({"message": "other words"}, id="other words"),
        pytest.param({"verb": Verb.WAIT}, id="another verb"),
        pytest.param({"run": "raw-1"}, id="another run"),
        pytest.param({"ref": a_ref("other")}, id="another subject"),
        pytest.param({"kind": Kind.SCHEDULE}, id="a namesake of another kind"),
    ],
)
async def test_a_decision_that_says_something_else_is_written(diary: Diary, shelf: Shelf, other: dict) -> None:
    await diary.note([why()])
    await diary.note([replace(why(), **other)])
    assert len(shelf.decided) == 2


async def test_while_the_store_is_away_the_newest_word_about_each_subject_waits(diary: Diary, shelf: Shelf) -> None:
    shelf.error = StoreUnavailable("away")
    await diary.note([why(reason=Why.FRESH), why("b")])
    await diary.note([why(reason=Why.SUSPENDED)])
    shelf.error = None
    await diary.note([])
    assert sorted(shelf.decided) == [("b", "Fresh"), ("raw", "Suspended")]
    await diary.note([])
    assert len(shelf.decided) == 2


async def test_what_waits_is_bounded_and_the_oldest_go(
    diary: Diary, shelf: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "WAITING_AT_MOST", 3)
    shelf.error = StoreUnavailable("away")
    for number in range(5):
        await diary.note([why(f"a{number}")])
    shelf.error = None
    await diary.note([])
    assert [name for name, _ in shelf.decided] == ["a2", "a3", "a4"]


async def test_a_word_that_comes_while_one_is_written_waits_for_its_turn(diary: Diary, shelf: Shelf) -> None:
    write = shelf.decide

    async def slow(records: Sequence[Decision]) -> None:
        await write(records)
        diary._waiting[Kind.ASSET, a_ref("raw")] = why(reason=Why.SUSPENDED)

    shelf.decide = slow  # type: ignore[method-assign]
    await diary.note([why()])
    shelf.decide = write  # type: ignore[method-assign]
    await diary.note([])
    assert shelf.decided == [("raw", "Fresh"), ("raw", "Suspended")]


async def test_a_diary_that_may_have_been_emptied_is_written_again(diary: Diary, shelf: Shelf) -> None:
    await diary.note([why()])
    diary.mistrust()
    await diary.note([why()])
    assert shelf.decided == [("raw", "Fresh"), ("raw", "Fresh")]


async def test_a_store_that_is_known_to_be_away_is_not_waited_for(shelf: Shelf) -> None:
    away = True
    diary = Diary(shelf, lambda: not away)  # type: ignore[arg-type]
    await diary.note([why()])
    await diary.started(a_job("raw-1"))
    assert shelf.asked == 0
    away = False
    await diary.note([])
    assert shelf.decided == [("raw", "Fresh")]


async def test_whoever_is_fenced_off_hears_it(diary: Diary, shelf: Shelf) -> None:
    shelf.error = Fenced("a newer one writes")
    with pytest.raises(Fenced):
        await diary.note([why()])


async def test_a_run_is_listed_as_soon_as_its_job_exists(diary: Diary, shelf: Shelf) -> None:
    await diary.started(a_job("raw-1"))
    await diary.started({"metadata": {"name": "not-ours"}})
    assert shelf.runs == ["raw-1"]


async def test_a_run_that_cannot_be_listed_now_is_started_all_the_same(diary: Diary, shelf: Shelf) -> None:
    shelf.error = StoreUnavailable("away")
    await diary.started(a_job("raw-1"))
    assert shelf.runs == []
