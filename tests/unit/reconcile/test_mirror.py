"""What the mirror makes of watch events that come late, twice, never, or spoilt."""

from __future__ import annotations

import pytest

from reconcile_objects import (
    NAMESPACE,
    a_derived,
    a_job,
    a_schedule,
    a_source,
    an_observation_job,
    asset_key,
    job_key,
    over,
    run_key,
    schedule_key,
    seen,
)
from upwell_operator.domain.snapshot import AssetId, Outcome, Ref
from upwell_operator.domain.world import World
from upwell_operator.reconcile.mirror import Mirror, remembered
from upwell_operator.reconcile.queue import Key
from upwell_operator.resources.meta import Reason

RAW, CLEAN = asset_key("raw"), asset_key("clean")
REF = Ref(NAMESPACE, "raw")


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def mirror(world: World) -> Mirror:
    return Mirror(world)


def knows(mirror: Mirror, *objects: dict) -> None:
    """Let the mirror see objects, each once, one version after the other."""
    plurals = {"Asset": "assets", "ObservationJob": "observationjobs", "Schedule": "schedules", "Job": "jobs"}
    for version, obj in enumerate(objects, 1):
        mirror.saw(plurals[obj["kind"]], "ADDED", seen(obj, version))


def replace(mirror: Mirror, resource: str, objects: list[dict], at: int, namespace: str | None = None) -> set[Key]:
    """Let the mirror see a complete list."""
    listing = mirror.listing(resource, namespace)
    for obj in objects:
        listing.take([obj])
    return listing.end(at)


# ---------------------------------------------------------------- our kinds


def test_a_new_object_enters_the_world_and_is_looked_at(mirror: Mirror, world: World) -> None:
    assert mirror.saw("assets", "ADDED", seen(a_source("raw"), 1)) == {RAW}
    assert world.graph.get(REF).key == "raw"
    assert list(mirror) == [RAW]
    assert "observe" in mirror.spec(RAW)


def test_the_same_news_twice_is_no_news(mirror: Mirror) -> None:
    mirror.saw("assets", "ADDED", seen(a_source("raw"), 5))
    assert mirror.saw("assets", "MODIFIED", seen(a_source("raw"), 5)) == set()


def test_news_older_than_what_is_held_is_ignored(mirror: Mirror, world: World) -> None:
    mirror.saw("assets", "ADDED", seen(a_source("raw", suspend=True), 5))
    assert mirror.saw("assets", "MODIFIED", seen(a_source("raw"), 4)) == set()
    assert world.graph.get(REF).suspended


def test_a_change_that_means_nothing_to_upwell_makes_nothing_dirty(mirror: Mirror) -> None:
    mirror.saw("assets", "ADDED", seen(a_source("raw"), 1))
    assert mirror.saw("assets", "MODIFIED", seen(a_source("raw"), 2, annotations={"seen-by": "ana"})) == set()


def test_a_label_may_bring_an_asset_into_a_selection(mirror: Mirror) -> None:
    knows(mirror, an_observation_job("nightly", "raw"), a_source("raw"))
    dirty = mirror.saw("assets", "MODIFIED", seen(a_source("raw"), 9, labels={"tier": "raw"}))
    assert job_key("nightly") in dirty


def test_a_status_that_somebody_else_wrote_is_looked_at(mirror: Mirror) -> None:
    mirror.saw("assets", "ADDED", seen(a_source("raw"), 1))
    changed = seen(a_source("raw"), 2) | {"status": {"dataVersion": "forged"}}
    assert mirror.saw("assets", "MODIFIED", changed) == {RAW}


def test_a_change_upstream_makes_those_below_dirty_that_it_concerns(mirror: Mirror) -> None:
    knows(mirror, a_derived("clean", "raw"))
    assert CLEAN in mirror.saw("assets", "ADDED", seen(a_source("raw"), 2))


def test_a_deleted_object_leaves_the_world_with_all_that_was_thought_about_it(mirror: Mirror, world: World) -> None:
    knows(mirror, a_source("raw"), a_derived("clean", "raw"))
    world.verdicts[REF] = None  # type: ignore[assignment]  # whatever it was
    world.pending.add(REF)
    assert mirror.saw("assets", "DELETED", seen(a_source("raw"), 9)) == {CLEAN}
    assert world.graph.get(REF) is None
    assert (dict(world.verdicts), world.pending, mirror.get(RAW)) == ({}, set(), None)
    assert mirror.status_of(REF) == {}


def test_a_modification_that_comes_after_the_deletion_raises_no_ghost(mirror: Mirror, world: World) -> None:
    knows(mirror, a_source("raw"))
    mirror.saw("assets", "DELETED", seen(a_source("raw"), 9))
    assert mirror.saw("assets", "MODIFIED", seen(a_source("raw"), 8)) == set()
    assert world.graph.get(REF) is None


def test_a_deletion_that_comes_before_the_news_of_the_object_is_remembered(mirror: Mirror, world: World) -> None:
    assert mirror.saw("assets", "DELETED", seen(a_source("raw"), 9)) == set()
    assert mirror.saw("assets", "ADDED", seen(a_source("raw"), 8)) == set()
    assert world.graph.get(REF) is None


def test_an_old_deletion_does_not_touch_the_object_that_came_after_it(mirror: Mirror, world: World) -> None:
    mirror.saw("assets", "ADDED", seen(a_source("raw"), 10, uid="second"))
    assert mirror.saw("assets", "DELETED", seen(a_source("raw"), 9, uid="first")) == set()
    assert world.graph.get(REF).uid == "second"


def test_an_object_that_is_created_again_is_another_one(mirror: Mirror, world: World) -> None:
    knows(mirror, a_source("raw"))
    mirror.saw("assets", "DELETED", seen(a_source("raw"), 9))
    assert RAW in mirror.saw("assets", "ADDED", seen(a_source("raw"), 10, uid="second"))
    assert world.graph.get(REF).uid == "second"


# ---------------------------------------------------------------- what cannot be read


def test_an_object_that_cannot_be_read_leaves_the_world_and_says_why(mirror: Mirror, world: World) -> None:
    knows(mirror, a_source("raw"), a_derived("clean", "raw"))
    broken = seen(a_source("raw"), 9)
    broken["spec"]["codeVersion"] = 3
    assert mirror.saw("assets", "MODIFIED", broken) == {RAW, CLEAN}
    assert world.graph.get(REF) is None
    assert mirror.get(RAW).error.reason == Reason.INVALID_SPEC
    assert "spec.codeVersion" in str(mirror.get(RAW).error)


def test_the_same_mistake_is_told_once_and_another_one_again(mirror: Mirror) -> None:
    broken = a_manifest_with("spec", 3)
    assert mirror.saw("assets", "ADDED", seen(broken, 1)) == {RAW}
    assert mirror.saw("assets", "MODIFIED", seen(broken, 2, labels={"a": "b"})) == set()
    assert mirror.saw("assets", "MODIFIED", seen(a_manifest_with("deps", 5), 3)) == {RAW}


def test_a_mended_object_comes_back(mirror: Mirror, world: World) -> None:
    mirror.saw("assets", "ADDED", seen(a_manifest_with("deps", 5), 1))
    assert RAW in mirror.saw("assets", "MODIFIED", seen(a_source("raw"), 2))
    assert mirror.get(RAW).error is None
    assert world.graph.get(REF)


def a_manifest_with(field: str, value: object) -> dict:
    return a_source("raw") | ({"spec": {field: value}} if field != "spec" else {"spec": {"codeVersion": value}})


# ---------------------------------------------------------------- jobs and schedules


def test_an_asset_that_comes_or_goes_may_mend_or_break_a_selection(mirror: Mirror) -> None:
    knows(mirror, an_observation_job("nightly", "raw"))
    assert job_key("nightly") in mirror.saw("assets", "ADDED", seen(a_source("raw"), 2))
    assert job_key("nightly") in mirror.saw("assets", "DELETED", seen(a_source("raw"), 3))


def test_a_job_that_comes_or_goes_concerns_its_schedules(mirror: Mirror, world: World) -> None:
    assert mirror.saw("schedules", "ADDED", seen(a_schedule("daily", "nightly", "@daily"), 1)) == {
        schedule_key("daily")
    }
    job = an_observation_job("nightly", "raw")
    assert mirror.saw("observationjobs", "ADDED", seen(job, 2)) == {job_key("nightly"), schedule_key("daily")}
    assert mirror.saw("observationjobs", "MODIFIED", seen(job, 3)) == set()
    assert mirror.saw("observationjobs", "DELETED", seen(job, 4)) == {schedule_key("daily")}
    assert world.jobs == {}


def test_a_schedule_that_says_the_same_is_no_news_and_a_deleted_one_is_gone(mirror: Mirror, world: World) -> None:
    schedule = a_schedule("daily", "nightly", "@daily")
    mirror.saw("schedules", "ADDED", seen(schedule, 1))
    assert mirror.saw("schedules", "MODIFIED", seen(schedule, 2)) == set()
    assert mirror.saw("schedules", "DELETED", seen(schedule, 3)) == set()
    assert world.schedules == {}


# ---------------------------------------------------------------- complete lists


def test_a_complete_list_drops_what_is_gone_but_not_what_is_newer(mirror: Mirror, world: World) -> None:
    knows(mirror, a_source("raw"), a_source("old"))
    mirror.saw("assets", "ADDED", seen(a_source("new"), 30))
    dirty = replace(mirror, "assets", [seen(a_source("raw"), 1)], at=20)
    assert {ref.name for ref in world.graph.refs()} == {"raw", "new"}
    assert dirty == set()


def test_a_complete_list_brings_what_the_watch_had_not_told(mirror: Mirror) -> None:
    assert replace(mirror, "assets", [seen(a_source("raw"), 3)], at=20) == {RAW}
    assert replace(mirror, "assets", [seen(a_source("raw"), 3)], at=21) == set()


def test_a_list_of_one_namespace_says_nothing_about_another(mirror: Mirror, world: World) -> None:
    knows(mirror, a_source("raw"))
    replace(mirror, "assets", [], at=20, namespace="elsewhere")
    assert world.graph.get(REF)
    replace(mirror, "assets", [], at=20, namespace=NAMESPACE)
    assert world.graph.get(REF) is None


def test_a_list_of_one_kind_says_nothing_about_another(mirror: Mirror) -> None:
    knows(mirror, a_source("raw"), an_observation_job("nightly", "raw"))
    replace(mirror, "schedules", [], at=20)
    assert set(mirror) == {RAW, job_key("nightly")}


def test_late_news_of_what_a_complete_list_no_longer_had_raises_no_ghost(mirror: Mirror, world: World) -> None:
    knows(mirror, a_source("raw"))
    replace(mirror, "assets", [], at=20)
    assert mirror.saw("assets", "MODIFIED", seen(a_source("raw"), 15)) == set()
    assert mirror.saw("assets", "MODIFIED", seen(a_source("raw"), 21)) == {RAW}
    assert world.graph.get(REF)


def test_late_news_of_a_run_that_a_complete_list_no_longer_had_raises_no_ghost(mirror: Mirror, world: World) -> None:
    mirror.saw("jobs", "ADDED", a_job("raw-1", version=5))
    replace(mirror, "jobs", [], at=20, namespace=NAMESPACE)
    assert mirror.saw("jobs", "MODIFIED", a_job("raw-1", version=15)) == set()
    assert list(world.runs.refs()) == []


def test_what_was_deleted_before_a_complete_list_need_not_be_remembered_for_ever(mirror: Mirror) -> None:
    knows(mirror, a_source("raw"))
    mirror.saw("assets", "DELETED", seen(a_source("raw"), 9))
    mirror.saw("jobs", "DELETED", a_job("raw-1", version=10))
    mirror.saw("jobs", "DELETED", a_job("raw-2", version=30))
    replace(mirror, "assets", [], at=20)
    replace(mirror, "jobs", [], at=20, namespace="elsewhere")
    assert set(mirror._gone) == {run_key("raw-1"), run_key("raw-2")}
    replace(mirror, "jobs", [], at=21)
    assert set(mirror._gone) == {run_key("raw-2")}
    assert mirror.saw("assets", "ADDED", seen(a_source("raw"), 8)) == set()


def test_an_object_that_turned_out_to_be_gone_is_dropped(mirror: Mirror, world: World) -> None:
    knows(mirror, a_source("raw"), a_derived("clean", "raw"))
    assert mirror.lost(RAW) == {CLEAN}
    assert world.graph.get(REF) is None


# ---------------------------------------------------------------- our own writes


def test_the_echo_of_our_own_write_is_no_news(mirror: Mirror) -> None:
    knows(mirror, a_source("raw"))
    written = seen(a_source("raw"), 2) | {"status": {"dataVersion": "v1"}}
    assert mirror.wrote(RAW, written) == set()
    assert mirror.status_of(REF) == {"dataVersion": "v1"}
    assert mirror.saw("assets", "MODIFIED", written) == set()


def test_an_answer_older_than_what_is_held_changes_nothing(mirror: Mirror) -> None:
    mirror.saw("assets", "ADDED", seen(a_source("raw"), 5))
    assert mirror.wrote(RAW, seen(a_source("raw"), 4) | {"status": {"dataVersion": "v1"}}) == set()
    assert mirror.status_of(REF) == {}


def test_an_answer_about_an_object_that_is_gone_or_another_one_changes_nothing(mirror: Mirror) -> None:
    assert mirror.wrote(RAW, seen(a_source("raw"), 4)) == set()
    knows(mirror, a_source("raw"))
    assert mirror.wrote(RAW, seen(a_source("raw"), 9, uid="second")) == set()
    assert mirror.get(RAW).version == 1


def test_an_answered_request_is_known_as_soon_as_it_is_written(mirror: Mirror, world: World) -> None:
    knows(mirror, a_source("raw"))
    mirror.wrote(RAW, seen(a_source("raw"), 2) | {"status": {"lastHandledRequest": "t1"}})
    assert world.graph.get(REF).handled_request == "t1"


# ---------------------------------------------------------------- runs


def test_a_job_of_ours_is_a_run_of_its_asset(mirror: Mirror, world: World) -> None:
    knows(mirror, a_source("raw"))
    assert mirror.saw("jobs", "ADDED", a_job("raw-1", version=2)) == {RAW}
    (run,) = world.runs.of(REF)
    assert (run.ref.name, run.outcome) == ("raw-1", None)
    assert mirror.saw("jobs", "MODIFIED", a_job("raw-1", version=2)) == set()
    assert mirror.saw("jobs", "MODIFIED", a_job("raw-1", version=3)) == set()


def test_a_job_that_is_not_ours_is_no_run(mirror: Mirror, world: World) -> None:
    strange = a_job("backup", version=2)
    strange["metadata"]["labels"] = {}
    assert mirror.saw("jobs", "ADDED", strange) == set()
    assert list(world.runs.refs()) == []


def test_a_run_that_is_over_and_not_recorded_is_looked_at_and_a_recorded_one_is_not(mirror: Mirror) -> None:
    assert mirror.saw("jobs", "ADDED", a_job("raw-1", version=2, status=over())) == {run_key("raw-1")}
    assert mirror.saw("jobs", "ADDED", a_job("raw-2", version=3, status=over(), outcome="Changed")) == set()


def test_a_run_of_an_observation_job_concerns_the_job_and_its_schedules(mirror: Mirror) -> None:
    knows(mirror, a_source("raw"), an_observation_job("nightly", "raw"), a_schedule("daily", "nightly", "@daily"))
    about = mirror.saw("jobs", "ADDED", a_job("raw-1", version=9, observation_job="nightly"))
    assert about == {RAW, job_key("nightly"), schedule_key("daily")}
    assert mirror.saw("jobs", "DELETED", a_job("raw-1", version=10, observation_job="nightly")) == about


def test_a_run_of_an_observation_job_that_is_gone_concerns_nobody(mirror: Mirror) -> None:
    assert mirror.saw("jobs", "ADDED", a_job("raw-1", version=9, observation_job="nightly")) == set()


def test_a_job_that_is_gone_is_forgotten_and_late_news_does_not_bring_it_back(mirror: Mirror, world: World) -> None:
    mirror.saw("jobs", "ADDED", a_job("raw-1", version=2))
    mirror.saw("jobs", "DELETED", a_job("raw-1", version=2))
    assert mirror.saw("jobs", "MODIFIED", a_job("raw-1", version=2)) == set()
    assert list(world.runs.refs()) == []
    assert mirror.saw("jobs", "DELETED", a_job("unheard", version=3)) == set()


def test_a_complete_list_drops_runs_whose_jobs_are_gone(mirror: Mirror, world: World) -> None:
    knows(mirror, a_source("raw"))
    for number in (1, 2):
        mirror.saw("jobs", "ADDED", a_job(f"raw-{number}", version=number * 10))
    assert replace(mirror, "jobs", [], at=15) == {RAW}
    assert [ref.name for ref in world.runs.refs()] == ["raw-2"]


@pytest.mark.parametrize(
    ("notes", "vanished"),
    [
        pytest.param({}, True, id="before its outcome was recorded"),
        pytest.param({"outcome": "Changed"}, False, id="recorded and pruned"),
    ],
)
def test_a_job_that_went_may_have_gone_with_its_asset(mirror: Mirror, notes: dict, vanished: bool) -> None:
    mirror.saw("jobs", "ADDED", a_job("raw-1", version=2, **notes))
    mirror.saw("jobs", "DELETED", a_job("raw-1", version=4, **notes))
    assert mirror.vanished(run_key("raw-1").ref) is vanished


def test_a_job_that_is_there_again_has_not_vanished(mirror: Mirror) -> None:
    mirror.saw("jobs", "ADDED", a_job("raw-1", version=2))
    mirror.saw("jobs", "DELETED", a_job("raw-1", version=4))
    mirror.saw("jobs", "ADDED", a_job("raw-1", version=5))
    assert not mirror.vanished(run_key("raw-1").ref)


def test_a_later_list_of_assets_says_who_went_with_his_jobs(mirror: Mirror) -> None:
    ref = run_key("raw-1").ref
    mirror.saw("jobs", "ADDED", a_job("raw-1", version=2))
    replace(mirror, "jobs", [], at=4)
    replace(mirror, "assets", [], at=3)
    assert mirror.vanished(ref), "that list is older"
    replace(mirror, "assets", [], at=9, namespace="elsewhere")
    assert mirror.vanished(ref), "that list is of another namespace"
    replace(mirror, "assets", [], at=4)
    assert not mirror.vanished(ref)


def test_late_news_of_an_object_that_turned_out_to_be_gone_raises_no_ghost(mirror: Mirror, world: World) -> None:
    mirror.saw("assets", "ADDED", seen(a_source("raw"), 5))
    mirror.lost(RAW)
    assert mirror.saw("assets", "MODIFIED", seen(a_source("raw"), 4)) == set()
    assert world.graph.get(REF) is None


def test_a_recorded_outcome_is_read_from_the_job(mirror: Mirror, world: World) -> None:
    mirror.saw("jobs", "ADDED", a_job("raw-1", version=2, status=over(), outcome="Changed"))
    assert world.runs.get(Ref(NAMESPACE, "raw-1")).outcome is Outcome.CHANGED


def test_what_status_remembers_is_given_for_every_accepted_asset(mirror: Mirror, world: World) -> None:
    knows(mirror, a_source("raw", key="lake/raw"), an_observation_job("nightly", "raw"))
    mirror.saw("assets", "ADDED", seen(a_manifest_with("deps", 5), 9, name="broken"))
    mirror.wrote(RAW, seen(a_source("raw", key="lake/raw"), 20) | {"status": {"dataVersion": "v1"}})
    assert remembered(mirror, world) == [(AssetId(NAMESPACE, "lake/raw"), {"dataVersion": "v1"})]
