"""What Upwell builds by partition: which partitions are stale and why, and which are built next."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from builders import NOW, a_ref
from partitioned import Scene, a_derived, a_source, cut, windows
from upwell_operator.domain.asset_status import asset_status
from upwell_operator.domain.filling import will_fill
from upwell_operator.domain.mapping import All, Last, SameTime
from upwell_operator.domain.partitions import Dynamic
from upwell_operator.domain.plan import plan
from upwell_operator.domain.schedules import Rebuild, Schedule
from upwell_operator.domain.snapshot import Asset, AutoPolicy, Cron, Quarantined, TriggerType
from upwell_operator.errors import Stalled
from upwell_operator.resources.meta import Kind, Reason
from upwell_operator.resources.selection import read_selection

DAYS = windows()
REGIONS = cut(static=["eu", "us"])
D18, D19, D20, D21 = "2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"


def a_scene(*assets: Asset) -> Scene:
    scene = Scene()
    scene.put(*assets)
    return scene


def daily(**fields: object) -> Scene:
    """Make a source of days, and what is built from it day by day."""
    return a_scene(a_source("raw", DAYS), a_derived("clean", "raw", by=DAYS, **fields))  # type: ignore[arg-type]


# ---------------------------------------------------------------- which are built


def test_a_partition_is_built_once_its_own_input_is_there() -> None:
    scene = daily()
    scene.observe("raw", "v1", D19)
    assert scene.built("clean") == [D19]
    scene.end_all()
    assert scene.built("clean") == [D19]
    assert scene.verdict("clean", D19) is None
    assert scene.verdict("clean", D18).reason is Reason.NEVER_MATERIALIZED  # type: ignore[union-attr]


def test_only_the_partition_whose_input_changed_is_built_again() -> None:
    scene = daily()
    scene.observe("raw", "v1", D18, D19, D20, D21)
    scene.end_all()
    assert scene.built("clean") == [D21, D20, D19, D18]
    scene.observe("raw", "v2", D19)
    assert scene.verdict("clean", D19).reason is Reason.UPSTREAM_DATA_CHANGED  # type: ignore[union-attr]
    scene.end_all()
    assert scene.built("clean")[4:] == [D19]


def test_changed_and_changed_back_is_fresh_again_without_a_run() -> None:
    scene = daily(eager=False)
    scene.observe("raw", "v1", D19)
    scene.put(replace(scene.asset("clean"), request="1"))
    scene.end_all()
    scene.observe("raw", "v2", D19)
    assert scene.verdict("clean", D19) is not None
    scene.observe("raw", "v1", D19)
    assert scene.verdict("clean", D19) is None


def test_a_change_while_a_partition_is_built_makes_one_more_run_and_no_second_one_at_once() -> None:
    scene = daily()
    for version in ("v1", "v2", "v3", "v4"):
        scene.observe("raw", version, D19)
    assert scene.built("clean") == [D19]
    scene.end_all()
    assert scene.built("clean") == [D19, D19]
    assert scene.started[-1].inputs[0].data_version == "v4"


def test_as_many_as_parallelism_says_are_built_at_once_the_newest_first() -> None:
    scene = daily(parallelism=2)
    scene.observe("raw", "v1", D18, D19, D20, D21)
    assert scene.built("clean") == [D21, D20]
    scene.end(scene.going[1])
    assert scene.built("clean") == [D21, D20, D19]


def test_each_run_has_a_fence_of_its_own() -> None:
    scene = daily()
    scene.observe("raw", "v1", D18, D19, D20)
    fences = [start.fence for start in scene.started]
    assert fences == sorted(set(fences))


def test_a_partition_that_failed_is_left_alone_until_its_input_changes() -> None:
    scene = daily()
    scene.observe("raw", "v1", D19, D20)
    scene.end(scene.going[0], failed=True)
    scene.end_all()
    assert scene.built("clean") == [D20, D19]
    assert "of these versions failed; nothing more until they change" in scene.why("clean")[1]
    scene.observe("raw", "v2", D20)
    assert scene.built("clean") == [D20, D19, D20]


def test_the_day_that_is_over_is_a_new_partition() -> None:
    scene = daily()
    scene.observe("raw", "v1", D21)
    scene.end_all()
    assert scene.plans["clean"].wake is not None
    scene.pass_time(timedelta(days=1))
    assert scene.verdict("clean", "2026-11-22").reason is Reason.NEVER_MATERIALIZED  # type: ignore[union-attr]
    scene.observe("raw", "v1", "2026-11-22")
    assert scene.built("clean") == [D21, "2026-11-22"]


# ---------------------------------------------------------------- mappings


def test_a_day_waits_for_all_of_its_hours() -> None:
    hours = windows("@hourly", "2026-11-20-00", "%Y-%m-%d-%H")
    scene = a_scene(a_source("raw", hours), a_derived("daily", "raw", by=windows(start=D20, end=D21)))
    keys = [f"{D20}-{hour:02}" for hour in range(24)]
    scene.observe("raw", "v1", *keys[:-1])
    assert scene.built("daily") == []
    assert "input raw, 1 of 24 partitions, such as 2026-11-20-23, has no data version yet" in scene.why("daily")[1]
    scene.observe("raw", "v1", keys[-1])
    assert scene.built("daily") == [D20]


def test_what_is_not_cut_changes_every_partition() -> None:
    scene = a_scene(a_source("rates"), a_derived("clean", "rates", by=REGIONS))
    scene.observe("rates", "v1")
    scene.end_all()
    assert scene.built("clean") == ["us", "eu"]
    scene.observe("rates", "v2")
    scene.end_all()
    assert scene.built("clean")[2:] == ["us", "eu"]


def test_what_is_not_cut_below_is_built_once_after_all_partitions() -> None:
    scene = daily()
    scene.put(a_derived("report", "clean"))
    scene.observe("raw", "v1", D18, D19)
    scene.end_all()
    assert len(scene.built("report")) == 1
    scene.observe("raw", "v2", D18)
    scene.end_all()
    assert len(scene.built("report")) == 2


def test_a_partition_that_has_no_partition_above_it_is_built_from_nothing_and_fresh() -> None:
    scene = a_scene(a_source("raw", DAYS), a_derived("clean", "raw", by=DAYS, mappings=(SameTime(-1, -1),)))
    scene.end_all()
    assert scene.built("clean") == [D18], "the day before it is none of raw's"
    assert scene.verdict("clean", D18) is None


def test_the_last_partition_is_followed() -> None:
    scene = a_scene(a_source("raw", DAYS), a_derived("now", "raw", by=REGIONS, mappings=(Last(),)))
    scene.observe("raw", "v1", D18, D19, D20, D21)
    scene.end_all()
    scene.observe("raw", "v2", D20)
    assert len(scene.built("now")) == 2
    scene.pass_time(timedelta(days=1))
    scene.observe("raw", "v1", "2026-11-22")
    scene.end_all()
    assert len(scene.built("now")) == 2, "the newest partition has the version that they were built from"
    scene.observe("raw", "v3", "2026-11-22")
    scene.end_all()
    assert len(scene.built("now")) == 4


def test_what_is_dynamic_has_the_partitions_of_its_input() -> None:
    scene = a_scene(a_source("raw", Dynamic()), a_derived("clean", "raw", by=Dynamic()))
    scene.observe("raw", "v1", "ana", "bo")
    scene.observe("raw", "v1", "cy")
    scene.end_all()
    assert sorted(scene.built("clean")) == ["ana", "bo", "cy"]


def test_a_request_may_name_a_new_partition_of_what_is_dynamic() -> None:
    scene = a_scene(a_source("raw"), a_derived("clean", "raw", by=Dynamic(), eager=False))
    scene.observe("raw", "v1")
    scene.put(replace(scene.asset("clean"), request="1", requested_partitions="ana"))
    assert scene.built("clean") == ["ana"]
    scene.end_all()
    assert scene.verdict("clean", "ana") is None
    scene.put(replace(scene.asset("clean"), request="2", requested_partitions="bo,*"))
    scene.end_all()
    assert scene.built("clean") == ["ana", "bo", "ana"], "all that are known, and the new one"
    scene.put(replace(scene.asset("clean"), request="3", requested_partitions="a|b"))
    assert '"a|b" has a "|"' in scene.why("clean")[1]


def test_partitions_that_do_not_fit_are_a_problem_that_says_what_to_do() -> None:
    scene = a_scene(a_source("raw", REGIONS), a_derived("clean", "raw", by=DAYS))
    problem = scene.world.graph.problem(a_ref("clean"))
    assert problem is not None
    assert problem.reason is Reason.PARTITIONS_DO_NOT_FIT
    assert problem.message == (
        'spec.deps[0] "raw": nothing says which of its partitions one of ours is built from; set its partitionMapping '
        "to a type that fits, such as All, or cut one of the two as the other is"
    )
    scene.put(replace(scene.asset("clean"), mappings=(All(),)))
    assert scene.world.graph.problem(a_ref("clean")) is None
    scene.observe("raw", "v1", "eu")
    assert scene.built("clean") == [D21, D20, D19, D18]


def test_an_input_that_is_cut_otherwise_afterwards_does_not_fit_any_more() -> None:
    scene = daily()
    scene.observe("raw", "v1", D19)
    scene.put(replace(scene.asset("raw"), partitions=REGIONS))
    assert scene.verdict("clean").reason is Reason.PARTITIONS_DO_NOT_FIT  # type: ignore[union-attr]
    scene.put(replace(scene.asset("raw"), partitions=DAYS))
    assert scene.verdict("clean", D19).reason is Reason.NEVER_MATERIALIZED  # type: ignore[union-attr]


# ---------------------------------------------------------------- chains


def test_a_chain_is_built_partition_by_partition_each_after_its_own_input() -> None:
    scene = daily()
    scene.put(a_derived("top", "clean", by=DAYS))
    scene.observe("raw", "v1", D18, D19)
    assert scene.built("top") == []
    scene.end(scene.going[0])
    assert scene.built("top") == [D19], "its own input is there; the other day's need not be"
    scene.end_all()
    assert scene.built("top") == [D19, D18]


def test_a_stale_partition_makes_the_same_one_below_stale_and_no_other() -> None:
    scene = daily(eager=False)
    scene.put(a_derived("top", "clean", by=DAYS, eager=False))
    scene.observe("raw", "v1", D18, D19)
    for name in ("clean", "top"):
        scene.put(replace(scene.asset(name), request="1", requested_partitions=f"{D18},{D19}"))
        scene.end_all()
    assert (scene.verdict("top", D18), scene.verdict("top", D19)) == (None, None)
    scene.observe("raw", "v2", D18)
    assert scene.verdict("top", D18).reason is Reason.UPSTREAM_STALE  # type: ignore[union-attr]
    assert scene.verdict("top", D19) is None


# ---------------------------------------------------------------- all together


def test_an_asset_says_how_many_of_its_partitions_are_stale_and_shows_the_newest() -> None:
    scene = daily(eager=False)
    scene.observe("raw", "v1", D18, D19, D20, D21)
    scene.put(replace(scene.asset("clean"), request="1", requested_partitions=f"{D19}.."))
    scene.end_all()
    scene.observe("raw", "v2", D19, D20)
    verdict = scene.verdict("clean")
    assert verdict is not None
    assert [(one.reason, one.text) for one in verdict.causes] == [
        (Reason.NEVER_MATERIALIZED, f"partition {D18}: it has never been materialized"),
        (
            Reason.UPSTREAM_DATA_CHANGED,
            f"2 of 4 partitions, such as {D20}: upstream data has changed: raw v1 → v2",
        ),
    ]


def test_after_a_loss_what_is_not_known_is_neither_missing_nor_built() -> None:
    scene = daily()
    state = scene.world.states[scene.asset("clean").id]
    scene.world.states[scene.asset("clean").id] = replace(state, lost=True)
    scene.observe("raw", "v1", D19)
    assert scene.verdict("clean", D19).reason is Reason.PARTITIONS_UNKNOWN  # type: ignore[union-attr]
    assert scene.built("clean") == []


def test_while_the_store_was_never_read_nothing_is_said_of_partitions() -> None:
    scene = daily()
    data = scene.asset("clean").id
    scene.world.states[data] = replace(scene.world.states[data], slices=None)
    scene.look([a_ref("clean")])
    assert scene.verdict("clean").reason is Reason.PARTITIONS_UNKNOWN  # type: ignore[union-attr]


# ---------------------------------------------------------------- requests


def test_a_request_builds_what_it_names_so_many_at_once_and_is_answered_with_the_last() -> None:
    scene = daily(eager=False, parallelism=2)
    scene.put(replace(scene.asset("clean"), request="1", requested_partitions=f"{D18}..{D20}"))
    assert (scene.built("clean"), scene.asset("clean").handled_request) == ([D20, D19], None)
    scene.end(scene.going[0])
    assert (scene.built("clean"), scene.asset("clean").handled_request) == ([D20, D19, D18], "1")


def test_a_request_without_names_builds_what_is_not_fresh() -> None:
    scene = daily(eager=False)
    scene.observe("raw", "v1", D18, D19)
    scene.put(replace(scene.asset("clean"), request="1", requested_partitions=D18))
    scene.end_all()
    scene.put(replace(scene.asset("clean"), request="2", requested_partitions=None))
    scene.end_all()
    assert scene.built("clean") == [D18, D21, D20, D19]
    assert scene.asset("clean").handled_request == "2"


def test_a_request_goes_on_where_it_was_after_a_failure() -> None:
    scene = daily(eager=False, parallelism=1)
    scene.put(replace(scene.asset("clean"), request="1", requested_partitions="*"))
    scene.end(scene.going[0], failed=True)
    scene.end_all()
    assert scene.built("clean") == [D21, D20, D19, D18]
    assert scene.asset("clean").handled_request == "1"


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("2026-11-30", 'partitions: "2026-11-30" is no partition; there are 2026-11-18, 2026-11-19'),
        (f"{D20}..{D18}", f'partitions: "{D20}..{D18}" ends before it begins; write "{D18}..{D20}"'),
        ("x..", 'partitions: "x" in "x.." is no partition'),
    ],
)
def test_a_request_for_what_is_no_partition_is_answered_with_a_sentence(written: str, sentence: str) -> None:
    scene = daily(eager=False)
    scene.put(replace(scene.asset("clean"), request="1", requested_partitions=written))
    assert (scene.built("clean"), scene.asset("clean").handled_request) == ([], "1")
    verb, words = scene.why("clean")
    assert (verb, sentence in words) == ("NoRun", True), words


def test_nothing_is_built_while_the_asset_is_suspended_or_the_store_away() -> None:
    scene = daily(suspended=True)
    scene.observe("raw", "v1", D19)
    assert scene.why("clean") == ("Wait", "spec.suspend is true")
    scene.world.store_reachable = False
    scene.put(replace(scene.asset("clean"), suspended=False))
    assert scene.why("clean")[1].startswith("the store cannot be read")
    assert scene.built("clean") == []


def test_a_request_waits_while_the_asset_is_suspended() -> None:
    scene = daily(eager=False, suspended=True)
    scene.put(replace(scene.asset("clean"), request="1"))
    assert (scene.why("clean"), scene.asset("clean").handled_request) == (
        ("Wait", "request 1: spec.suspend is true"),
        None,
    )


def test_what_settles_or_is_spaced_waits_and_names_the_moment() -> None:
    scene = daily(settle=timedelta(minutes=5))
    scene.observe("raw", "v1", D19)
    assert scene.built("clean") == []
    assert scene.plans["clean"].wake == scene.now + timedelta(minutes=5)
    scene.pass_time(timedelta(minutes=5))
    assert scene.built("clean") == [D19]


def test_where_the_result_of_a_recorded_run_was_lost_it_is_built_by_another_name() -> None:
    scene = daily()
    scene.observe("raw", "v1", D19)
    scene.end_all()
    del scene.slices("clean").made[D19]
    scene.slices("clean").changed = {D19}
    scene.look([a_ref("clean")])
    assert len({start.ref for start in scene.started}) == 2


def test_what_is_built_from_a_whole_asset_waits_until_no_partition_of_it_is_built() -> None:
    scene = daily()
    scene.put(a_derived("all", "clean", by=REGIONS, mappings=(All(),)))
    scene.observe("raw", "v1", D18, D19)
    scene.end(scene.going[0])
    assert scene.built("all") == []
    assert "input clean is being rebuilt first" in scene.why("all")[1]
    scene.end_all()
    assert scene.built("all") == ["us", "eu"]


def test_a_quarantined_version_of_a_partition_is_not_built_from() -> None:
    bad = (Quarantined("bad", "half a file"),)
    scene = daily()
    scene.observe("raw", "bad", D19)
    scene.end_all()
    scene.put(replace(scene.asset("raw"), quarantine=bad))
    assert scene.verdict("clean", D19).reason is Reason.VERSION_QUARANTINED  # type: ignore[union-attr]
    scene.observe("raw", "bad", D20)
    assert D20 not in scene.built("clean")
    assert "the version of input raw is quarantined" in scene.why("clean")[1]


def test_a_quarantined_version_of_its_own_is_stale_and_other_code_makes_all_stale() -> None:
    scene = daily()
    scene.observe("raw", "v1", D18, D19)
    scene.end_all()
    scene.put(replace(scene.asset("clean"), quarantine=(Quarantined("v1"),), policy=AutoPolicy.NEVER))
    assert scene.verdict("clean", D19).reason is Reason.VERSION_QUARANTINED  # type: ignore[union-attr]
    scene.put(replace(scene.asset("clean"), quarantine=(), code_version="2"))
    found = [scene.verdict("clean", day).reason for day in (D18, D19)]  # type: ignore[union-attr]
    assert found == [Reason.CODE_CHANGED] * 2


def test_status_counts_the_partitions_and_says_which_failed() -> None:
    scene = daily()
    scene.observe("raw", "v1", D18, D19, D20)
    scene.end(scene.going[0], failed=True)
    scene.end(scene.going[0], failed=True)
    scene.end_all()
    status = asset_status(scene.world, scene.asset("clean"), {}, scene.now, handled=None)
    assert status["partitions"] == {
        "total": 4,
        "known": 0,
        "fresh": 1,
        "stale": 0,
        "missing": 3,
        "unknown": 0,
        "failed": 2,
        "stalePartitions": [D21, D20, D19],
    }
    ready = next(one for one in status["conditions"] if one["type"] == "Ready")
    assert (ready["reason"], "2 partitions failed, " in ready["message"]) == ("RunFailed", True)


def test_of_a_partition_that_failed_alone_status_says_one() -> None:
    scene = daily()
    scene.observe("raw", "v1", D19)
    scene.end(scene.going[0], failed=True)
    status = asset_status(scene.world, scene.asset("clean"), {}, scene.now, handled=None)
    assert status["conditions"][0]["message"].startswith(f"one partition failed, {D19} the last: run clean-")


def test_among_many_partitions_the_newest_are_met_from_the_end() -> None:
    hours = windows("@hourly", "2026-01-01-00", "%Y-%m-%d-%H")
    scene = a_scene(a_source("raw", hours), a_derived("clean", "raw", by=hours, eager=False))
    cut_ = scene.node("clean").cut
    assert cut_ is not None
    assert len(cut_.verdicts) > 7000
    assert cut_.newest(cut_.verdicts.keys(), 2) == ["2026-11-22-11", "2026-11-22-10"]
    assert len(cut_.newest(cut_.verdicts.keys(), 10_000)) == len(cut_.verdicts)
    assert cut_.newest(cut_.verdicts.keys() - {"2026-11-22-11"}, 1) == ["2026-11-22-10"]


def test_a_partition_waits_for_that_of_its_input_that_is_built_on_request_and_others_do_not() -> None:
    scene = daily()
    scene.put(a_derived("top", "clean", by=DAYS))
    scene.observe("raw", "v1", D18, D19)
    scene.end_all()
    scene.put(replace(scene.asset("clean"), request="1", requested_partitions=D19))
    scene.put(replace(scene.asset("top"), code_version="2"))
    assert scene.built("top")[2:] == [D18]
    scene.end_all()
    assert scene.built("top")[2:] == [D18, D19]


# ---------------------------------------------------------------- ticks of its own


def ticking(**fields: object) -> Scene:
    """Make a source of days, and what is built from it at six in the morning."""
    line = Cron("0 6 * * *", "UTC", active_since=NOW - timedelta(days=1), observed="0 6 * * * UTC")
    clean = a_derived("clean", "raw", by=DAYS, cron=line, policy=AutoPolicy.CRON, **fields)  # type: ignore[arg-type]
    return a_scene(a_source("raw", DAYS), clean)


def answer(scene: Scene, name: str = "clean") -> datetime | None:
    """Have status remember the tick that was answered, as the writer does; give it."""
    asset, tick = scene.asset(name), scene.plans[name].tick
    if tick is not None and asset.cron:
        scene.put(replace(asset, cron=replace(asset.cron, last_tick=tick)))
    return tick


SIX = NOW.replace(hour=6)


def test_at_a_tick_whatever_is_not_fresh_is_built_and_then_it_is_answered() -> None:
    scene = ticking()
    scene.observe("raw", "v1", D18, D19)
    assert scene.built("clean") == [D19, D18]
    assert scene.started[0].trigger.detail == f"tick {SIX.isoformat()}"
    assert answer(scene) is None, "two partitions are being built"
    scene.end_all()
    assert answer(scene) == SIX
    assert scene.why("clean") == (
        "Wait",
        "2 partitions are not fresh, but they are built at the next tick, 2026-11-23T06:00:00Z",
    )


def test_what_changes_between_ticks_waits_for_the_next_one() -> None:
    scene = ticking()
    scene.observe("raw", "v1", D18, D19)
    scene.end_all()
    answer(scene)
    scene.observe("raw", "v2", D18, D20)
    assert scene.built("clean") == [D19, D18]
    scene.pass_time(timedelta(hours=18))
    assert scene.built("clean")[2:] == [D20, D18]
    scene.end_all()
    assert answer(scene) == SIX + timedelta(days=1)


def test_a_partition_is_built_once_at_a_tick_however_often_its_input_changes() -> None:
    scene = ticking()
    scene.observe("raw", "v1", D18, D19)
    (second, _) = scene.going
    scene.end(second)
    scene.observe("raw", "v2", D19)
    assert scene.built("clean") == [D19, D18], "built since the tick, while the other partition keeps it open"


def test_a_partition_that_failed_at_a_tick_is_tried_again_at_the_next_one() -> None:
    scene = ticking()
    scene.observe("raw", "v1", D19)
    scene.end(scene.going[0], failed=True)
    assert scene.built("clean") == [D19]
    assert answer(scene) == SIX
    scene.pass_time(timedelta(hours=18))
    assert scene.built("clean") == [D19, D19]
    assert len({start.ref for start in scene.started}) == 2


def test_a_run_that_began_before_a_tick_does_not_answer_it() -> None:
    scene = ticking()
    scene.observe("raw", "v1", D19)
    (run,) = scene.going
    scene.now = NOW + timedelta(hours=18)
    scene.end(run)
    scene.observe("raw", "v2", D19)
    assert scene.built("clean") == [D19, D19]


def test_a_tick_stays_open_while_an_input_is_being_rebuilt() -> None:
    line = Cron("0 6 * * *", "UTC", active_since=NOW - timedelta(days=1), observed="0 6 * * * UTC")
    mart = a_derived("mart", "clean", by=DAYS, cron=line, policy=AutoPolicy.CRON)
    scene = daily()
    scene.observe("raw", "v1", D19)
    scene.put(mart)
    assert scene.plans["mart"].tick is None, "its input is being built for the first time"
    scene.end_all()
    assert scene.built("mart") == [D19]
    assert scene.plans["mart"].tick == SIX


def test_what_nobody_has_observed_yet_does_not_keep_a_tick_open() -> None:
    scene = ticking()
    assert answer(scene) == SIX
    scene.observe("raw", "v1", D19)
    assert scene.built("clean") == []


def test_a_line_that_cannot_be_read_builds_nothing_and_says_so() -> None:
    scene = ticking()
    wrong = replace(scene.asset("clean"), cron=Cron("0 0 31 2 *", "UTC"))
    scene.world.graph.put(wrong)
    with pytest.raises(Stalled, match=r"spec.autoMaterialize.cron: .* never fires"):
        plan(scene.world, Kind.ASSET, wrong.ref, NOW)
    assert not will_fill(scene.world, wrong, NOW)


# ---------------------------------------------------------------- ticks of a Schedule

NOON = NOW


def nightly(scene: Scene, *, only_stale: bool = True) -> str:
    """Look at a Schedule that materializes everything at noon, as a pass does; give what it said."""
    rebuild = Rebuild(read_selection("*"), only_stale)
    known = Schedule(a_ref("nightly"), "uid", ("0 12 * * *",), None, rebuild, last_tick=NOON, current=NOON)
    scene.world.schedules[known.ref] = replace(known, active_since=NOON, observed_schedule="0 12 * * * UTC")
    planned = plan(scene.world, Kind.SCHEDULE, known.ref, scene.now)
    scene.world.wanted[known.ref] = dict(planned.wanted)
    scene.look(ref for ref, _ in planned.wanted)
    return planned.decisions[-1].message if planned.decisions else ""


def by_a_schedule() -> Scene:
    scene = daily(eager=False, parallelism=1)
    scene.observe("raw", "v1", D18, D19)
    return scene


def test_a_tick_of_a_schedule_builds_what_is_not_fresh_so_many_at_once_and_then_is_over() -> None:
    scene = by_a_schedule()
    assert "builds clean" in nightly(scene)
    assert scene.built("clean") == [D19]
    assert "builds clean" in nightly(scene), "one is left"
    scene.end(scene.going[0])
    assert scene.built("clean") == [D19, D18]
    assert "runs clean" in nightly(scene)
    scene.end_all()
    assert "built clean" in nightly(scene)
    assert {start.trigger.type for start in scene.started} == {TriggerType.SCHEDULE}
    scene.observe("raw", "v2", D18)
    assert scene.going == [], "it was built since the tick"


def test_a_tick_of_which_every_partition_failed_has_failed() -> None:
    scene = by_a_schedule()
    nightly(scene)
    while scene.going:
        scene.end(scene.going[0], failed=True)
    assert "failed, or an input did clean" in nightly(scene)
    assert scene.built("clean") == [D19, D18]


def test_a_tick_at_which_all_is_fresh_has_nothing_to_mend() -> None:
    scene = daily(eager=False)
    assert "nothing to mend in clean" in nightly(scene)


def test_a_tick_that_would_build_every_partition_leaves_the_asset_out() -> None:
    scene = by_a_schedule()
    assert "clean" in nightly(scene, only_stale=False).partition("left out")[2]
    assert scene.started == []


def test_a_tick_leaves_out_what_cannot_be_judged_until_the_store_answers() -> None:
    scene = by_a_schedule()
    scene.change("clean", slices=None)
    scene.look([a_ref("clean")])
    assert "clean" in nightly(scene).partition("left out")[2]
