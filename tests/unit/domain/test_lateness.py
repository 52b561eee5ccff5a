"""`maximumLag` of what is cut by windows of time: each window's data must be there so long after its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from builders import NOW, a_ref
from partitioned import Scene, a_derived, a_source, cut, windows
from upwell.protocol import RunKind
from upwell_operator.domain import partitions
from upwell_operator.domain import windows as rules
from upwell_operator.domain.asset_status import asset_status
from upwell_operator.domain.snapshot import Asset, Failure, Slices
from upwell_operator.domain.staleness import message
from upwell_operator.resources.meta import Reason

DAY = timedelta(days=1)
LAG = timedelta(hours=26)
DAYS = windows()
D18, D19, D20, D21 = "2026-11-18", "2026-11-19", "2026-11-20", "2026-11-21"
"""All are over at NOW; the last one by twelve hours."""
MIDNIGHT = NOW.replace(hour=0)


def a_scene(*assets: Asset) -> Scene:
    scene = Scene()
    scene.put(*assets)
    return scene


def daily() -> Scene:
    """Make a source of days with a lag, and what is built from it day by day."""
    return a_scene(a_source("raw", DAYS, maximum_lag=LAG), a_derived("clean", "raw", by=DAYS))


def later(scene: Scene, moment: datetime) -> None:
    """Let time pass, and have everything looked at that waits for it."""
    scene.now = moment
    scene.look([ref for ref, verdict in scene.world.verdicts.items() if (verdict.expires_at or moment) <= moment])


def status(scene: Scene, name: str) -> dict[str, object]:
    found: dict[str, object] = asset_status(scene.world, scene.asset(name), {}, scene.now, handled=None)["partitions"]
    return found


# ---------------------------------------------------------------- what others own


def test_a_window_that_was_not_observed_in_time_is_late_and_no_other() -> None:
    scene = daily()
    scene.observe("raw", "v1", D18, D20)
    verdict = scene.world.verdicts[a_ref("raw")]
    assert (verdict.reason, verdict.late) == (Reason.FRESHNESS_EXPIRED, True)
    assert message(verdict) == (
        "partition 2026-11-19 was not observed in time; "
        "spec.freshness.maximumLag allows 1d2h after the end of its window"
    )
    assert status(scene, "raw")["late"] == 1


def test_a_window_that_comes_late_is_late_no_more() -> None:
    scene = daily()
    scene.observe("raw", "v1", D18, D20)
    scene.observe("raw", "v1", D19)
    verdict = scene.world.verdicts[a_ref("raw")]
    assert (verdict.reason, verdict.late) == (Reason.UP_TO_DATE, False)


def test_a_window_becomes_late_at_the_very_moment_that_was_foretold() -> None:
    scene = daily()
    scene.observe("raw", "v1", D18, D19, D20)
    due = MIDNIGHT + LAG
    assert scene.world.verdicts[a_ref("raw")].expires_at == due
    later(scene, due - timedelta(seconds=1))
    assert not scene.world.verdicts[a_ref("raw")].late
    later(scene, due)
    verdict = scene.world.verdicts[a_ref("raw")]
    assert verdict.late
    assert verdict.expires_at == due + DAY, "the next window has its own moment"


def test_what_was_observed_long_ago_stays_in_time() -> None:
    scene = daily()
    scene.observe("raw", "v1", D18, D19, D20, D21)
    later(scene, NOW + timedelta(hours=13))
    assert not scene.world.verdicts[a_ref("raw")].late, "the lag counts from the end of a window, not from observations"


def test_a_late_window_bars_none_that_is_built_from_others() -> None:
    scene = daily()
    scene.observe("raw", "v1", D18, D20)
    scene.end_all()
    assert scene.verdict("clean", D18) is None
    assert scene.verdict("clean", D20) is None
    late = scene.verdict("clean", D19)
    assert late is not None
    assert [one.reason for one in late.causes] == [Reason.NEVER_MATERIALIZED, Reason.UPSTREAM_UNOBSERVED]


def test_what_is_built_from_all_windows_does_not_know_whether_it_is_fresh() -> None:
    scene = a_scene(a_source("raw", DAYS, maximum_lag=LAG), a_derived("total", "raw"))
    scene.observe("raw", "v1", D18, D20)
    scene.end_all()
    verdict = scene.world.verdicts[a_ref("total")]
    assert (verdict.fresh, verdict.reason) == ("Unknown", Reason.OBSERVATION_FAILED)


def test_an_observation_that_failed_is_told_below_though_windows_are_late_too() -> None:
    scene = daily()
    scene.observe("raw", "v1", D18, D20)
    scene.end_all()
    scene.change("raw", failure=Failure(NOW, RunKind.OBSERVE, "run", "no access"))
    scene.look([a_ref("raw")])
    below = scene.verdict("clean", D18)
    assert below is not None
    assert below.reason is Reason.OBSERVATION_FAILED
    scene.change("raw", failure=None)
    scene.look([a_ref("raw")])
    assert scene.verdict("clean", D18) is None


def test_what_was_lost_with_the_store_is_not_called_late() -> None:
    scene = daily()
    scene.observe("raw", "v1", D18)
    scene.change("raw", lost=True, slices=Slices())
    scene.look([a_ref("raw")])
    assert not scene.world.verdicts[a_ref("raw")].late


def test_another_lag_is_another_question() -> None:
    scene = daily()
    scene.observe("raw", "v1", D18, D19, D20)
    scene.put(replace(scene.asset("raw"), maximum_lag=timedelta(hours=1)))
    assert scene.world.verdicts[a_ref("raw")].late
    scene.put(replace(scene.asset("raw"), maximum_lag=None))
    assert not scene.world.verdicts[a_ref("raw")].late
    assert "late" not in status(scene, "raw")


def test_the_lag_of_listed_partitions_counts_from_the_last_observation() -> None:
    scene = a_scene(a_source("raw", cut(static=["eu", "us"]), maximum_lag=LAG))
    scene.observe("raw", "v1", "eu")
    assert scene.world.verdicts[a_ref("raw")].expires_at == NOW + LAG


# ---------------------------------------------------------------- what Upwell builds


def test_what_was_never_built_is_missing_first_and_late_besides() -> None:
    scene = a_scene(a_source("raw", DAYS), a_derived("clean", "raw", by=DAYS, maximum_lag=LAG))
    scene.observe("raw", "v1", D18)
    scene.end_all()
    verdict = scene.world.verdicts[a_ref("clean")]
    assert (verdict.reason, verdict.late) == (Reason.NEVER_MATERIALIZED, True)
    texts = [one.text for one in verdict.causes if one.reason is Reason.FRESHNESS_EXPIRED]
    (text,) = texts
    assert text == (
        "2 of 4 partitions, such as 2026-11-20, were not materialized in time; "
        "spec.freshness.maximumLag allows 1d2h after the end of their windows"
    )
    assert status(scene, "clean")["late"] == 2


def test_what_was_built_before_its_window_was_over_is_built_again_when_it_is_due() -> None:
    open_days = windows(endOffset=1)
    scene = a_scene(a_source("raw", open_days), a_derived("clean", "raw", by=open_days, maximum_lag=timedelta(hours=2)))
    scene.observe("raw", "v1", D18, D19, D20, D21, "2026-11-22")
    scene.end_all()
    assert scene.built("clean").count("2026-11-22") == 1
    later(scene, MIDNIGHT + DAY + timedelta(hours=1))
    assert scene.built("clean").count("2026-11-22") == 1
    later(scene, MIDNIGHT + DAY + timedelta(hours=2))
    scene.end_all()
    assert scene.built("clean").count("2026-11-22") == 2
    assert not scene.world.verdicts[a_ref("clean")].late


def test_of_two_dimensions_the_window_says_when_a_partition_is_due() -> None:
    days = {"timeWindow": {"cron": "@daily", "start": D20, "format": "%Y-%m-%d"}}
    both = cut(multi={"day": days, "region": {"static": ["eu", "us"]}})
    scene = a_scene(a_source("raw", both, maximum_lag=LAG), a_derived("clean", "raw", by=both, maximum_lag=LAG))
    scene.observe("raw", "v1", f"{D20}|eu")
    scene.end_all()
    assert status(scene, "raw")["late"] == 1
    assert status(scene, "clean")["late"] == 1
    assert message(scene.world.verdicts[a_ref("raw")]).startswith(f"partition {D20}|us was not observed in time")


# ---------------------------------------------------------------- against an oracle


@given(
    cron=st.sampled_from(["@daily", "@hourly", "0 6 * * 1-5"]),
    offset=st.sampled_from([0, 1, -1]),
    lag=st.integers(1, 60).map(lambda hours: timedelta(hours=hours)),
    steps=st.lists(st.tuples(st.integers(0, 30), st.sets(st.integers(0, 40), max_size=3)), min_size=1, max_size=8),
)
def test_late_is_whatever_is_missing_so_long_after_its_end(
    cron: str, offset: int, lag: timedelta, steps: list[tuple[int, set[int]]]
) -> None:
    days = windows(cron, "2026-11-20T00", "%Y-%m-%dT%H", endOffset=offset, timeZone="Europe/Berlin")
    scene = a_scene(a_source("raw", days, maximum_lag=lag), a_derived("clean", "raw", by=days, maximum_lag=lag))
    assert isinstance(days, rules.TimeWindow)
    for hours, chosen in steps:
        later(scene, scene.now + timedelta(hours=hours))
        keys = list(partitions.keys(days, scene.now))
        if found := [keys[one] for one in chosen if one < len(keys)]:
            scene.observe("raw", "v1", *found)
        scene.end_all()
        ends = {key: rules.span(days, key, last=max(0, -offset))[1] for key in keys}
        due = {key for key, end in ends.items() if end + lag <= scene.now}
        made = scene.slices("clean").made
        built_late = {key for key in due if key not in made or made[key].time < ends[key]}
        assert status(scene, "raw")["late"] == len(due - scene.slices("raw").versions.keys())
        assert status(scene, "clean")["late"] == len(built_late)
