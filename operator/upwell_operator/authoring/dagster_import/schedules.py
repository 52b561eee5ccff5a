"""A Schedule for what a schedule of Dagster's observes, and one for what it builds.

Limits: what happens at a tick is known of a plain ScheduleDefinition only. A function of its author's decides anew
each time, and such a schedule is left out.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from upwell_operator.authoring.dagster_import.automation import ALL_STALE, BEGIN_LATER
from upwell_operator.authoring.dagster_import.jobs import AROUND, Chosen, Jobs
from upwell_operator.authoring.dagster_import.reading import of_dagster
from upwell_operator.authoring.naming import names_of
from upwell_operator.authoring.objects import Json, Made, make, scheduled
from upwell_operator.resources.meta import Kind
from upwell_operator.resources.selection import LONGEST

_HOOKS = ("_run_config_fn", "_should_execute", "_tags_fn")


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
            self._left_out(
                "schedule with code of its own",
                where,
                "a function decides at each tick what runs, with which configuration, or whether anything does",
                "write a Schedule without it; what must be decided belongs into the asset's own code",
            )
            return
        job = self.jobs.dagsters.repository.get_job(one.job_name)
        if not self.jobs.has_assets(job, where):
            return
        chosen = self.jobs.chosen(job)
        self._tell(one, plain, chosen, where)
        if chosen.observed:
            yield self._schedule(one, name, {"job": {"name": self.jobs.names()[job.name]}}, where)
        built = sorted((*chosen.built, *chosen.by_partition))
        if built and (selection := self._selection(built, where)):
            what = {"materialize": {"selection": selection, "onlyStale": bool(chosen.by_partition)}}
            yield self._schedule(one, f"{name}-build" if chosen.observed else name, what, where)

    def _schedule(self, one: Any, name: str, what: Json, where: str) -> Made:
        lines = [one.cron_schedule] if isinstance(one.cron_schedule, str) else list(one.cron_schedule)
        spec = scheduled(lines, one.execution_timezone, what, suspended=_is_stopped(one))
        source = self.jobs.dagsters.source
        obj = make(Kind.SCHEDULE, name, self.jobs.namespace, spec, one.description)
        return Made(obj, f"{where} in {source.shown()}", source.file)

    def _selection(self, keys: list[str], where: str) -> str | None:
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
            self.jobs.leftovers.differs(
                "schedule of partitioned assets",
                where,
                f"Dagster builds the newest window at a tick, {ALL_STALE}, and of other assets what is stale",
                BEGIN_LATER,
            )
        if chosen.observed and (chosen.built or chosen.by_partition):
            self.jobs.leftovers.differs(
                "schedule that observes and builds",
                where,
                "two Schedules are written, which do not wait for each other",
                "let the second one begin later, or set autoMaterialize: {policy: Eager} in its place",
            )
        for what, value in _around(one, plain).items():
            if value:
                self._left_out(f"{what} of a schedule", where, *AROUND[what])


def _is_stopped(one: Any) -> bool:
    return bool(one.default_status.value == "STOPPED")


def _plain(one: Any) -> Any:
    """Give the code of a schedule's configuration, if the schedule is made of Dagster's own code only.

    None if it has code of its author's; what is not understood counts as such. Dagster copies schedules, and a copy
    knows the first one by the function that it shares with it.
    """
    function = one._execution_fn  # noqa: SLF001 - Dagster has no other way to ask
    if not inspect.isfunction(function):  # that of build_schedule_from_partitioned_job, or of @schedule
        decorated = getattr(function, "decorated_fn", None)
        return decorated if of_dagster(decorated) else None
    original = inspect.getclosurevars(function).nonlocals.get("self")
    hooks = [getattr(original, name, None) for name in _HOOKS]
    return hooks[0] if all(of_dagster(hook) for hook in hooks) else None


def _around(one: Any, configured: Any) -> dict[str, Any]:
    """Give what a schedule says about its runs, by what it is."""
    held = inspect.getclosurevars(configured).nonlocals
    return {
        "environment variables": one._environment_vars,  # noqa: SLF001 - see above
        "metadata": one.metadata,
        "owners": getattr(one, "owners", None),
        "run configuration": held.get("run_config"),
        "tags": held.get("tags") or one.tags,
    }
