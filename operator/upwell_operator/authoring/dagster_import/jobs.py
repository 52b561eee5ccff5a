"""Jobs and schedules: an ObservationJob for what a job observes, a Schedule for what a schedule observes or builds.

The assets of a job are those that Dagster selects now, by name. Limits: what runs at a tick is known only of a plain
ScheduleDefinition; a function of its author's decides anew each time, and is left out.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from upwell_operator.authoring.dagster_import.assets import key_text
from upwell_operator.authoring.dagster_import.leftovers import Leftovers
from upwell_operator.authoring.dagster_import.reading import Dagsters
from upwell_operator.authoring.naming import names_of
from upwell_operator.authoring.objects import Json, Made, make, scheduled
from upwell_operator.resources.meta import Kind
from upwell_operator.resources.selection import LONGEST

_IMPLICIT = "__"
"""How the names of jobs begin that Dagster makes by itself."""


@dataclass(frozen=True, slots=True)
class _Chosen:
    """What a job selects that Upwell runs, by key."""

    observed: tuple[str, ...]
    built: tuple[str, ...]
    by_partition: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Jobs:
    """Writes jobs and schedules; knows the assets that were written."""

    dagsters: Dagsters
    assets: Mapping[str, Json]
    """The assets by key, as objects."""
    namespace: str | None
    leftovers: Leftovers

    def all(self) -> Iterator[Made]:
        """Write every job that observes, then every schedule."""
        repository = self.dagsters.repository
        jobs = sorted(repository.get_all_jobs(), key=lambda job: str(job.name))
        names = names_of("the jobs", [job.name for job in jobs if self._observes(job)])
        for job in jobs:
            if not job.name.startswith(_IMPLICIT):
                self._tell(job)
            if job.name in names:
                yield self._job(job, names[job.name])
        schedules = sorted(repository.schedule_defs, key=lambda one: str(one.name))
        yield from (made for one in schedules for made in self._schedules(one, names))

    def _observes(self, job: Any) -> bool:
        """Say whether an ObservationJob is written: not for the job of everything that Dagster makes by itself."""
        targets = {one.job_name for one in self.dagsters.repository.schedule_defs}
        return bool(self._chosen(job).observed) and (not job.name.startswith(_IMPLICIT) or job.name in targets)

    def _chosen(self, job: Any) -> _Chosen:
        selected = sorted(key_text(key) for key in job.asset_layer.selected_asset_keys)
        specs = {key: self.assets[key]["spec"] for key in selected if key in self.assets}
        built = [key for key, spec in specs.items() if "materialize" in spec]
        return _Chosen(
            tuple(key for key, spec in specs.items() if "observe" in spec),
            tuple(key for key in built if "partitions" not in specs[key]),
            tuple(key for key in built if "partitions" in specs[key]),
        )

    def _job(self, job: Any, name: str) -> Made:
        spec = {"assets": [self._name(key) for key in self._chosen(job).observed]}
        obj = make(Kind.OBSERVATION_JOB, name, self.namespace, spec, job.description)
        return self._made(obj, f"job {job.name}")

    def _schedules(self, one: Any, jobs: Mapping[str, str]) -> Iterator[Made]:
        """Write what a schedule observes, and what it builds: two Schedules, where it does both."""
        where = f"schedule {one.name}"
        job = self.dagsters.repository.get_job(one.job_name)
        chosen = self._chosen(job)
        if not self._is_plain(one, where) or not self._has_assets(job, chosen, where):
            return
        self._tell_schedule(one, chosen, where)
        name = names_of("the schedules", [one.name])[one.name]
        if chosen.observed:
            yield self._made(self._schedule(one, name, {"job": {"name": jobs[job.name]}}), where)
        if chosen.built and (selection := self._selection(chosen.built, where)):
            what = {"materialize": {"selection": selection, "onlyStale": False}}
            yield self._made(self._schedule(one, f"{name}-build" if chosen.observed else name, what), where)

    def _schedule(self, one: Any, name: str, what: Json) -> Json:
        lines = [one.cron_schedule] if isinstance(one.cron_schedule, str) else list(one.cron_schedule)
        spec = scheduled(lines, one.execution_timezone, what, suspended=one.default_status.value == "STOPPED")
        return make(Kind.SCHEDULE, name, self.namespace, spec, one.description)

    def _selection(self, keys: tuple[str, ...], where: str) -> str | None:
        text = " or ".join(f'key:"{key}"' for key in keys)
        if len(text) <= LONGEST:
            return text
        self.leftovers.left_out(
            "schedule of many assets",
            where,
            f"the {len(keys)} keys make a selection of {len(text)} characters, {LONGEST} at most",
            "give the assets a group, and write a Schedule with materialize: {selection: 'group:…'}",
        )
        return None

    def _name(self, key: str) -> str:
        return str(self.assets[key]["metadata"]["name"])

    def _made(self, obj: Json, origin: str) -> Made:
        source = self.dagsters.source
        return Made(obj, f"{origin} in {source.shown()}", source.file)

    # ------------------------------------------------------------- what is told

    def _tell(self, job: Any) -> None:
        where = f"job {job.name}"
        chosen = self._chosen(job)
        if not self._has_assets(job, chosen, where):
            return
        if built := [self._name(key) for key in (*chosen.built, *chosen.by_partition)]:
            self.leftovers.differs(
                "job that builds assets",
                where,
                "no resource is a list of assets to build; a Schedule of it has the selection",
                f"by hand: upwell materialize {' '.join(built)}",
            )
        for what, value in _around(job).items():
            if value:
                self.leftovers.left_out(f"{what} of a job", where, _AROUND[what], _AROUND_INSTEAD[what])

    def _has_assets(self, job: Any, chosen: _Chosen, where: str) -> bool:
        if chosen.observed or chosen.built or chosen.by_partition:
            return True
        ops = not job.asset_layer.selected_asset_keys
        self.leftovers.left_out(
            "job of ops" if ops else "job of assets that nothing runs",
            where,
            "Upwell runs assets; steps without data of their own are nothing to it" if ops else "see these assets",
            "run it by a CronJob with `dagster job execute`, or make an asset of what it makes",
        )
        return False

    def _is_plain(self, one: Any, where: str) -> bool:
        """Say whether what a schedule does at a tick is known without asking its author's code."""
        function = one._execution_fn  # noqa: SLF001 - Dagster has no other way to ask
        decorated = getattr(function, "decorated_fn", None)
        if decorated is not None and decorated.__module__.startswith("dagster."):
            why, instead = (
                "each tick builds the newest partition, and Upwell's Schedules build no partitions",
                "set autoMaterialize: {policy: Eager}, or run upwell materialize NAME --partitions … from a CronJob",
            )
        elif decorated is not None or not _all_dagsters(function):
            why, instead = (
                "a function decides at each tick what runs, with which configuration, or whether anything does",
                "write a Schedule without it; what must be decided belongs into the asset's own code",
            )
        else:
            return True
        self.leftovers.left_out("schedule with code of its own", where, why, instead)
        return False

    def _tell_schedule(self, one: Any, chosen: _Chosen, where: str) -> None:
        if one.default_status.value == "STOPPED":
            self.leftovers.differs(
                "schedule that is stopped",
                where,
                "Dagster starts none until somebody does; who has started it stands in no definition",
                "remove suspend: true in an overlay, once Dagster no longer runs it; or set default_status to RUNNING",
            )
        if chosen.by_partition:
            self.leftovers.left_out(
                "schedule of partitioned assets",
                where,
                f"{', '.join(chosen.by_partition)}: Schedules build no partitions",
                "set autoMaterialize: {policy: Eager} on them",
            )
        if chosen.observed and chosen.built:
            self.leftovers.differs(
                "schedule that observes and builds",
                where,
                "two Schedules are written, which do not wait for each other",
                "let the second one begin later, or set autoMaterialize: {policy: Eager} in its place",
            )
        if getattr(one, "tags", None):
            self.leftovers.left_out("tags of a schedule", where, "runs have no tags", "nothing, if only people read it")


def _all_dagsters(function: Any) -> bool:
    """Say whether a schedule is made of Dagster's own defaults only; what is not understood is not."""
    given = inspect.getclosurevars(function).nonlocals
    original = given.get("self")
    hooks = [getattr(original, name, None) for name in ("_should_execute", "_run_config_fn", "_tags_fn")]
    return original is not None and all(str(getattr(one, "__module__", "")).startswith("dagster.") for one in hooks)


def _around(job: Any) -> dict[str, Any]:
    """Give what a job says about its runs, by what it is."""
    return {
        "hooks": job.hook_defs,
        "run configuration": job.run_config or job.partitioned_config or job.config_mapping,
        "tags": {**job.tags, **(job.run_tags or {})},
        "retry policy": job._op_retry_policy,  # noqa: SLF001 - Dagster has no other way to ask
        "automation condition": getattr(job, "automation_condition", None),
    }


_AROUND = {
    "hooks": "a run executes one asset, not the job",
    "run configuration": "a run has no configuration to give",
    "tags": "runs have no tags",
    "retry policy": "a run executes one asset, not the job",
    "automation condition": "conditions belong to assets",
}
_AROUND_INSTEAD = {
    "hooks": "alert on upwell's metrics or on events of the Asset",
    "run configuration": "give the configuration defaults, or read dagster.EnvVar and set env in --template",
    "tags": "nothing, if only people read them; dagster/max_runtime is timeoutSeconds, dagster/max_retries is retries",
    "retry policy": "give the policy to the assets, or retries in --template",
    "automation condition": "set autoMaterialize on the assets",
}
