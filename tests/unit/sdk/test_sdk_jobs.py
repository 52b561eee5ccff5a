"""Jobs, schedules and `Definitions`: what they take, and what they say about what does not belong."""

from __future__ import annotations

from typing import Any

import pytest

from upwell import (
    AssetSelection,
    DefaultScheduleStatus,
    Definitions,
    ScheduleDefinition,
    asset,
    define_asset_job,
    observable_source_asset,
)
from upwell.errors import InvalidValue, WrongType


@observable_source_asset
def raw() -> None: ...


@asset(deps=[raw])
def daily() -> None: ...


JOB = define_asset_job("look", [raw])


def test_a_job_selects_everything_if_nothing_is_said() -> None:
    assert define_asset_job("look").selection == AssetSelection.all()
    assert JOB.selection == AssetSelection.assets(raw)
    assert define_asset_job("look", "group:raw", description="Look.").description == "Look."


def test_a_job_may_say_which_partitions_it_looks_at() -> None:
    assert JOB.partitions is None
    assert define_asset_job("look", partitions="Latest").partitions == "Latest"
    assert define_asset_job("look", partitions=["eu", "us"]).partitions == ("eu", "us")


def test_a_schedule_is_named_after_its_job_and_fires_once_it_is_applied() -> None:
    schedule = ScheduleDefinition(job=JOB, cron_schedule="@daily")
    assert (schedule.name, schedule.job_name, schedule.job) == ("look_schedule", "look", JOB)
    assert (schedule.cron_schedule, schedule.execution_timezone) == (("@daily",), None)
    assert schedule.default_status is DefaultScheduleStatus.RUNNING


def test_a_schedule_can_say_all_of_it_itself() -> None:
    schedule = ScheduleDefinition(
        "often",
        cron_schedule=["0 6 * * *", "0 18 * * *"],
        job_name="look",
        execution_timezone="Europe/Lisbon",
        default_status=DefaultScheduleStatus.STOPPED,
    )
    assert (schedule.name, schedule.job_name, schedule.job) == ("often", "look", None)
    assert schedule.cron_schedule == ("0 6 * * *", "0 18 * * *")


def test_definitions_hold_what_they_are_given_and_the_jobs_of_their_schedules() -> None:
    definitions = Definitions(assets=[raw, daily], schedules=[ScheduleDefinition(job=JOB, cron_schedule="@daily")])
    assert [str(one.key) for one in definitions.assets] == ["raw", "daily"]
    assert definitions.jobs == (JOB,)
    assert Definitions().assets == ()


REFUSED: dict[str, tuple[Any, type[Exception], str]] = {
    "a job without a name": (lambda: define_asset_job(""), WrongType, "define_asset_job: name is text"),
    "a job of a number": (lambda: define_asset_job("look", 3), WrongType, "selection is an AssetSelection"),
    "a description that is no text": (lambda: define_asset_job("l", description=3), WrongType, "description is text"),
    "partitions by a word that is none": (
        lambda: define_asset_job("look", partitions="eu"),
        InvalidValue,
        'partitions is "Latest", "All" or a list of keys, not \'eu\'',
    ),
    "no partitions": (lambda: define_asset_job("look", partitions=[]), InvalidValue, "or a list of keys, not []"),
    "a partition that is no text": (lambda: define_asset_job("look", partitions=[1]), WrongType, "is named by text"),
    "an argument of Dagster's": (lambda: define_asset_job("look", hooks=set()), TypeError, "hooks"),
    "no job": (lambda: ScheduleDefinition(cron_schedule="@daily"), InvalidValue, "say once what runs"),
    "two jobs": (
        lambda: ScheduleDefinition(cron_schedule="@daily", job=JOB, job_name="look"),
        InvalidValue,
        "say once what runs",
    ),
    "a job that is a function": (lambda: ScheduleDefinition(job=raw), WrongType, "job is what define_asset_job gives"),
    "a name that is no text": (lambda: ScheduleDefinition(job_name=3), WrongType, "ScheduleDefinition: name is text"),
    "no line": (lambda: ScheduleDefinition(job=JOB), InvalidValue, "cron_schedule is a line"),
    "an empty line": (lambda: ScheduleDefinition(job=JOB, cron_schedule=[""]), InvalidValue, "cron_schedule is a line"),
    "a zone that is no text": (
        lambda: ScheduleDefinition(job=JOB, cron_schedule="@daily", execution_timezone=1),
        WrongType,
        "execution_timezone is text",
    ),
    "a status that is text": (
        lambda: ScheduleDefinition(job=JOB, cron_schedule="@daily", default_status="RUNNING"),
        WrongType,
        "default_status is DefaultScheduleStatus.RUNNING",
    ),
    "a schedule's argument of Dagster's": (lambda: ScheduleDefinition(job=JOB, tags={}), TypeError, "tags"),
    "an asset that is none": (lambda: Definitions(assets=["raw"]), WrongType, "str is not an asset"),
    "assets that are no list": (lambda: Definitions(assets="raw"), WrongType, "assets is a list, not str"),
    "assets that are one function": (lambda: Definitions(assets=raw), WrongType, "assets is a list, not function"),
    "a job that is none": (lambda: Definitions(jobs=[raw]), WrongType, "jobs are made by define_asset_job"),
    "a schedule that is a job": (lambda: Definitions(schedules=[JOB]), WrongType, "made by ScheduleDefinition"),
    "two assets of a key": (lambda: Definitions(assets=[raw, raw]), InvalidValue, "two assets called raw"),
    "two jobs of a name": (
        lambda: Definitions(jobs=[JOB, define_asset_job("look", "*")]),
        InvalidValue,
        "two jobs called look",
    ),
    "definitions with an argument of Dagster's": (lambda: Definitions(resources={}), TypeError, "resources"),
}


@pytest.mark.parametrize(("make", "kind", "says"), REFUSED.values(), ids=REFUSED)
def test_what_means_nothing_is_refused_naming_it(make: Any, kind: type[Exception], says: str) -> None:
    with pytest.raises(kind) as refused:
        make()
    assert says in str(refused.value)
