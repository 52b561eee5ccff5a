"""A Schedule for what a schedule of Dagster's observes, and one for what it builds.

Limits: what happens at a tick is known of a plain ScheduleDefinition only. A function of its author's decides anew
each time, and such a schedule is left out.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from upwell_operator.authoring.dagster_import.jobs import AROUND, Chosen, Jobs
from upwell_operator.authoring.naming import names_of
from upwell_operator.authoring.objects import Json, Made, make, scheduled
from upwell_operator.resources.meta import Kind
from upwell_operator.resources.selection import LONGEST

_HOOKS = ("_should_execute", "_run_config_fn", "_tags_fn")
_NEWEST = (
    "each tick builds the newest partition, and Upwell's Schedules build no partitions",
    "set autoMaterialize: {policy: Eager}, or run upwell materialize NAME --partitions … from a CronJob",
)
_DECIDES = (
    "a function decides at each tick what runs, with which configuration, or whether anything does",
    "write a Schedule without it; what must be decided belongs into the asset's own code",
)


@dataclass(frozen=True, slots=True)
class Schedules:
    """Writes schedules; knows the jobs."""

    jobs: Jobs

    def all(self) -> Iterator[Made]:
        """Write every schedule of which it is known what happens at a tick."""
        found = sorted(self.jobs.dagsters.repository.schedule_defs, key=lambda one: str(one.name))
        names = names_of("the schedules", [one.name for one in found])
        for one in found:
            yield from self._written(one, names[one.name], f"schedule {one.name}")

    def _written(self, one: Any, name: str, where: str) -> Iterator[Made]:
        """Write what a schedule observes, and what it builds: two Schedules, where it does both."""
        plain = _plain(one)
        if plain is None:
            self._left_out("schedule with code of its own", where, *(_NEWEST if _is_dagsters(one) else _DECIDES))
            return
        job = self.jobs.dagsters.repository.get_job(one.job_name)
        if not self.jobs.has_assets(job, where):
            return
        chosen = self.jobs.chosen(job)
        self._tell(one, plain, chosen, where)
        if chosen.observed:
            yield self._schedule(one, name, {"job": {"name": self.jobs.names()[job.name]}}, where)
        if chosen.built and (selection := self._selection(chosen.built, where)):
            what = {"materialize": {"selection": selection, "onlyStale": False}}
            yield self._schedule(one, f"{name}-build" if chosen.observed else name, what, where)

    def _schedule(self, one: Any, name: str, what: Json, where: str) -> Made:
        lines = [one.cron_schedule] if isinstance(one.cron_schedule, str) else list(one.cron_schedule)
        spec = scheduled(lines, one.execution_timezone, what, suspended=_is_stopped(one))
        source = self.jobs.dagsters.source
        obj = make(Kind.SCHEDULE, name, self.jobs.namespace, spec, one.description)
        return Made(obj, f"{where} in {source.shown()}", source.file)

    def _selection(self, keys: tuple[str, ...], where: str) -> str | None:
        text = " or ".join(f'key:"{key}"' for key in keys)
        if len(text) <= LONGEST:
            return text
        self._left_out(
            "schedule of many assets",
            where,
            f"the {len(keys)} keys make a selection of {len(text)} characters, {LONGEST} at most",
            "give the assets a group, and write a Schedule with materialize: {selection: 'group:…'}",
        )
        return None

    # ------------------------------------------------------------- what is told

    def _left_out(self, what: str, where: str, why: str, instead: str) -> None:
        self.jobs.leftovers.left_out(what, where, why, instead)

    def _tell(self, one: Any, plain: Any, chosen: Chosen, where: str) -> None:
        if _is_stopped(one):
            self.jobs.leftovers.differs(
                "schedule that is stopped",
                where,
                "Dagster starts none until somebody does; who has started it stands in no definition",
                "remove suspend: true in an overlay, once Dagster no longer runs it; or set default_status to RUNNING",
            )
        if chosen.by_partition:
            names = ", ".join(chosen.by_partition)
            self._left_out("schedule of partitioned assets", where, f"{names}: {_NEWEST[0]}", _NEWEST[1])
        if chosen.observed and chosen.built:
            self.jobs.leftovers.differs(
                "schedule that observes and builds",
                where,
                "two Schedules are written, which do not wait for each other",
                "let the second one begin later, or set autoMaterialize: {policy: Eager} in its place",
            )
        for what, value in _around(plain).items():
            if value:
                self._left_out(f"{what} of a schedule", where, *AROUND[what])


def _is_stopped(one: Any) -> bool:
    return bool(one.default_status.value == "STOPPED")


def _is_dagsters(one: Any) -> bool:
    """Say whether the code of a schedule is Dagster's: that of build_schedule_from_partitioned_job."""
    return _of_dagster(getattr(one._execution_fn, "decorated_fn", None))  # noqa: SLF001 - there is no other way to ask


def _of_dagster(function: Any) -> bool:
    return str(getattr(function, "__module__", "")).partition(".")[0] == "dagster"


def _plain(one: Any) -> Any:
    """Give a schedule as its author made it, if that is of Dagster's defaults only.

    None if it has code of its own; what is not understood counts as such. Dagster copies schedules, and a copy knows
    the first one by the function that it shares with it.
    """
    function = one._execution_fn  # noqa: SLF001 - Dagster has no other way to ask
    if not inspect.isfunction(function):
        return None
    original = inspect.getclosurevars(function).nonlocals.get("self")
    return original if all(_of_dagster(getattr(original, name, None)) for name in _HOOKS) else None


def _around(plain: Any) -> dict[str, Any]:
    """Give what a schedule says about its runs, by what it is."""
    configured = inspect.getclosurevars(plain._run_config_fn).nonlocals  # noqa: SLF001 - see above
    return {
        "environment variables": plain._environment_vars,  # noqa: SLF001 - see above
        "metadata": plain.metadata,
        "owners": getattr(plain, "owners", None),
        "run configuration": configured.get("run_config"),
        "tags": plain.tags,
    }
