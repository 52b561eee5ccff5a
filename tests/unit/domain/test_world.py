"""The world finds runs and schedules by whom they belong to, and keeps nothing of what is gone."""

from __future__ import annotations

from dataclasses import replace

from builders import a_ref, a_run
from upwell_operator.domain.schedules import Rebuild, Schedule
from upwell_operator.domain.world import Runs, World
from upwell_operator.resources.selection import read_selection

FIRST, SECOND = a_run("r1", fence=1, observation_job="look"), a_run("r2", fence=2)


def filled() -> Runs:
    runs = Runs()
    runs.put(SECOND)
    runs.put(FIRST)
    return runs


def test_runs_of_an_asset_come_in_the_order_of_their_fences() -> None:
    assert filled().of(a_ref("a")) == [FIRST, SECOND]
    assert filled().of_job(a_ref("look")) == [FIRST]


def test_a_run_that_is_recorded_is_not_open() -> None:
    runs = filled()
    runs.put(replace(FIRST, outcome="Changed"))
    assert runs.open(a_ref("a")) == [SECOND]


def test_what_is_gone_leaves_nothing_behind() -> None:
    runs = filled()
    assert runs.remove(FIRST.ref) == FIRST
    assert runs.remove(FIRST.ref) is None
    assert runs.remove(SECOND.ref) == SECOND
    assert [*runs.refs(), *runs.of(a_ref("a")), *runs.of_job(a_ref("look"))] == []
    assert (runs._by_asset, runs._by_job) == ({}, {})


def test_schedules_are_found_by_the_job_that_they_fire() -> None:
    daily = Schedule(a_ref("daily"), "u1", lines=("@daily",), job="look")
    other = replace(daily, ref=a_ref("other"), job="other")
    elsewhere = replace(daily, ref=a_ref("sales/daily"))
    world = World(schedules={one.ref: one for one in (daily, other, elsewhere)})
    assert world.schedules_of(a_ref("look")) == [daily]


def test_schedules_are_found_by_the_namespace_in_which_they_materialize() -> None:
    nightly = Schedule(a_ref("nightly"), "u1", ("@daily",), None, Rebuild(read_selection("*")))
    elsewhere, other = replace(nightly, ref=a_ref("sales/nightly")), Schedule(a_ref("other"), "u2", ("@daily",), "look")
    world = World(schedules={one.ref: one for one in (nightly, elsewhere, other)})
    assert world.rebuilding("shop") == [nightly]
