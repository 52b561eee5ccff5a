"""Which sources are observed together, and when: `define_asset_job` and `ScheduleDefinition`, as in Dagster.

    observation_job = define_asset_job("observation_job", [foo_source_asset])
    observation_schedule = ScheduleDefinition(job=observation_job, cron_schedule="@daily")

Values only: `upwell compile` writes them as ObservationJob and Schedule. Limits: arguments of Dagster that mean nothing
to Upwell (hooks, executors, run configuration) do not exist, and Python says so. A schedule fires once it is applied:
`default_status` is RUNNING, where Dagster's is STOPPED.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any, Sequence

from upwell.errors import InvalidValue, WrongType
from upwell.partitions import checked_partition
from upwell.selections import AssetSelection

POLICIES = ("Latest", "All")


class DefaultScheduleStatus(Enum):
    """Whether a schedule fires once it is applied."""

    RUNNING = "RUNNING"
    STOPPED = "STOPPED"


@dataclass(frozen=True)
class AssetJobDefinition:
    """Which observable source assets are observed together; made by `define_asset_job`."""

    name: str
    selection: AssetSelection
    description: str | None = None
    partitions: str | tuple[str, ...] | None = None


def define_asset_job(
    name: str,
    selection: Any = None,
    description: str | None = None,
    *,
    partitions: str | Sequence[str] | None = None,
) -> AssetJobDefinition:
    """Define which observable source assets are observed together.

    `selection` is an AssetSelection, a text in its syntax, or a list of keys and decorated functions; every asset if it
    is left out. A job that selects others too is refused when it is compiled, and in a cluster. `partitions`, which
    Dagster does not have, says what a run looks at of an asset that is cut: "Latest", "All", or a list of keys;
    whichever the function likes if it is left out. Raises WrongType and InvalidValue naming the argument.
    """
    if selection is None:
        selection = AssetSelection.all()
    return AssetJobDefinition(
        _named("define_asset_job", name),
        AssetSelection.from_coercible(selection),
        _text("description", description),
        _partitions(partitions),
    )


@dataclass(frozen=True, init=False)
class ScheduleDefinition:
    """When a job runs by itself: at the ticks of one cron line, or of several.

    The name is `<job>_schedule` if none is given, the time zone UTC. Raises WrongType and InvalidValue naming the
    argument.
    """

    name: str
    cron_schedule: tuple[str, ...]
    job_name: str
    job: AssetJobDefinition | None
    execution_timezone: str | None
    description: str | None
    default_status: DefaultScheduleStatus

    def __init__(
        self,
        name: str | None = None,
        *,
        cron_schedule: str | Sequence[str] | None = None,
        job_name: str | None = None,
        execution_timezone: str | None = None,
        description: str | None = None,
        job: AssetJobDefinition | None = None,
        default_status: DefaultScheduleStatus = DefaultScheduleStatus.RUNNING,
    ) -> None:
        target = _job_name(job, job_name)
        own = f"{target}_schedule" if name is None else _named("ScheduleDefinition", name)
        if not isinstance(default_status, DefaultScheduleStatus):
            raise WrongType(f"default_status is DefaultScheduleStatus.RUNNING or .STOPPED, not {default_status!r:.100}")
        values = {
            "name": own,
            "cron_schedule": _lines(cron_schedule),
            "job_name": target,
            "job": job,
            "execution_timezone": _text("execution_timezone", execution_timezone),
            "description": _text("description", description),
            "default_status": default_status,
        }
        for field, value in values.items():
            object.__setattr__(self, field, value)


def _partitions(value: Any) -> str | tuple[str, ...] | None:
    if value is None or (isinstance(value, str) and value in POLICIES):
        return value
    if isinstance(value, str) or not isinstance(value, Sequence) or not value:
        raise InvalidValue(f'define_asset_job: partitions is "Latest", "All" or a list of keys, not {value!r:.100}')
    return tuple(map(checked_partition, value))


def _job_name(job: Any, job_name: Any) -> str:
    if (job is None) is (job_name is None):
        raise InvalidValue("ScheduleDefinition: say once what runs: job=define_asset_job(…), or job_name='…'")
    if job is None:
        return _named("ScheduleDefinition", job_name)
    if not isinstance(job, AssetJobDefinition):
        raise WrongType(f"ScheduleDefinition: job is what define_asset_job gives, not {job!r:.100}")
    return job.name


def _lines(cron_schedule: Any) -> tuple[str, ...]:
    lines = (cron_schedule,) if isinstance(cron_schedule, str) else tuple(cron_schedule or ())
    if not lines or not all(isinstance(line, str) and line for line in lines):
        raise InvalidValue(
            f"ScheduleDefinition: cron_schedule is a line such as '0 6 * * *' or '@daily', or a list of them,"
            f" not {cron_schedule!r:.100}"
        )
    return lines


def _named(where: str, name: Any) -> str:
    if not isinstance(name, str) or not name:
        raise WrongType(f"{where}: name is text that is not empty, not {name!r:.100}")
    return name


def _text(argument: str, value: Any) -> str | None:
    if value is not None and not isinstance(value, str):
        raise WrongType(f"{argument} is text, not {value!r:.100}")
    return value
