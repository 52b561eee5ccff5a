"""All that a module defines, in one object: `Definitions`, as in Dagster.

    defs = Definitions(assets=[raw_orders], jobs=[every_morning_job], schedules=[every_morning])

Limits: values only, checked against each other; `upwell compile` reads them.
"""

from __future__ import annotations

from typing import Any, Iterable

from upwell.definitions import AssetDefinition, definition_of
from upwell.errors import InvalidValue, WrongType, type_name
from upwell.jobs import AssetJobDefinition, ScheduleDefinition


class Definitions:
    """Assets (decorated functions), jobs and schedules. Raises WrongType and InvalidValue for what does not belong.

    The job of a schedule need not be listed again.
    """

    def __init__(
        self,
        assets: Iterable[Any] | None = None,
        schedules: Iterable[ScheduleDefinition] | None = None,
        jobs: Iterable[AssetJobDefinition] | None = None,
    ) -> None:
        self.assets: tuple[AssetDefinition, ...] = tuple(definition_of(one) for one in _listed("assets", assets))
        self.schedules = _of_type(ScheduleDefinition, "schedules", schedules)
        listed = _of_type(AssetJobDefinition, "jobs", jobs)
        self.jobs = tuple(dict.fromkeys([*listed, *(one.job for one in self.schedules if one.job)]))
        _once("asset", [str(one.key) for one in self.assets])
        _once("job", [one.name for one in self.jobs])
        _once("schedule", [one.name for one in self.schedules])


def _listed(argument: str, values: Any) -> list[Any]:
    if values is None:
        return []
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise WrongType(f"{argument} is a list, not {type_name(values)}")
    return list(values)


def _of_type(kind: Any, argument: str, values: Any) -> tuple[Any, ...]:
    made = {"jobs": "define_asset_job(…)", "schedules": "ScheduleDefinition(…)"}[argument]
    items = _listed(argument, values)
    wrong = [item for item in items if not isinstance(item, kind)]
    if wrong:
        raise WrongType(f"{argument} are made by {made}, and this is none: {wrong[0]!r:.100}")
    return tuple(items)


def _once(what: str, names: list[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InvalidValue(f"Definitions: there are two {what}s called {', '.join(twice)}; give one another name")
