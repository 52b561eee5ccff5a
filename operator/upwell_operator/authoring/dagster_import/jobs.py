"""An ObservationJob for what a job of Dagster's observes.

The assets of a job are those that Dagster selects now, by name. Limits: what else a job says is about a run of several
assets together, which Upwell does not have; it is told.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from upwell_operator.authoring.dagster_import.assets import key_text
from upwell_operator.authoring.dagster_import.leftovers import Leftovers
from upwell_operator.authoring.dagster_import.reading import Dagsters, of_dagster
from upwell_operator.authoring.naming import names_of
from upwell_operator.authoring.objects import Json, Made, make
from upwell_operator.resources.meta import Kind

_IMPLICIT = "__"
"""How the names of jobs begin that Dagster makes by itself."""
_USUAL_EXECUTOR = "multi_or_in_process_executor"


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a job selects that Upwell runs, by key."""

    observed: tuple[str, ...]
    built: tuple[str, ...]
    by_partition: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.observed or self.built or self.by_partition)


@dataclass(frozen=True, slots=True)
class Jobs:
    """Writes jobs; knows the assets that were written."""

    dagsters: Dagsters
    assets: Mapping[str, Json]
    """The assets by key, as objects."""
    namespace: str | None
    leftovers: Leftovers

    def all(self) -> Iterator[Made]:
        """Write every job that observes, and tell of all the others."""
        names = self.names()
        for job in self._jobs():
            if not job.name.startswith(_IMPLICIT) and self.has_assets(job, f"job {job.name}"):
                self._tell(job, f"job {job.name}")
            if job.name in names:
                yield self._job(job, names[job.name])

    def names(self) -> dict[str, str]:
        """Give the names of the ObservationJobs by those of the jobs.

        Of the jobs that Dagster makes by itself, there are those that a schedule is about.
        """
        targets = {one.job_name for one in self.dagsters.repository.schedule_defs}
        meant = [job for job in self._jobs() if not job.name.startswith(_IMPLICIT) or job.name in targets]
        return names_of("the jobs", [job.name for job in meant if self.chosen(job).observed])

    def chosen(self, job: Any) -> Chosen:
        """Give what a job selects."""
        selected = sorted(key_text(key) for key in job.asset_layer.selected_asset_keys)
        specs = {key: self.assets[key]["spec"] for key in selected if key in self.assets}
        built = [key for key, spec in specs.items() if "materialize" in spec]
        return Chosen(
            tuple(key for key, spec in specs.items() if "observe" in spec),
            tuple(key for key in built if "partitions" not in specs[key]),
            tuple(key for key in built if "partitions" in specs[key]),
        )

    def has_assets(self, job: Any, where: str) -> bool:
        """Say whether Upwell runs anything of a job; tells if not."""
        if self.chosen(job):
            return True
        ops = not job.asset_layer.selected_asset_keys
        self.leftovers.left_out(
            "job of ops" if ops else "job of assets that nothing runs",
            where,
            "Upwell runs assets; steps without data of their own are nothing to it" if ops else "see these assets",
            "run it by a CronJob with `dagster job execute`, or make an asset of what it makes",
        )
        return False

    def _jobs(self) -> list[Any]:
        return sorted(self.dagsters.repository.get_all_jobs(), key=lambda job: str(job.name))

    def _job(self, job: Any, name: str) -> Made:
        spec = {"assets": [self._name(key) for key in self.chosen(job).observed]}
        source = self.dagsters.source
        obj = make(Kind.OBSERVATION_JOB, name, self.namespace, spec, job.description)
        return Made(obj, f"job {job.name} in {source.shown()}", source.file)

    def _name(self, key: str) -> str:
        return str(self.assets[key]["metadata"]["name"])

    def _tell(self, job: Any, where: str) -> None:
        chosen = self.chosen(job)
        if built := [self._name(key) for key in (*chosen.built, *chosen.by_partition)]:
            self.leftovers.differs(
                "job that builds assets",
                where,
                "no resource is a list of assets to build; a Schedule of it has the selection",
                f"by hand: upwell materialize {' '.join(built)}",
            )
        for what, value in self._around(job).items():
            if value:
                self.leftovers.left_out(f"{what} of a job", where, *AROUND[what])

    def _around(self, job: Any) -> dict[str, Any]:
        """Give what a job says about its runs, by what it is."""
        everywhere = getattr(self.dagsters.definitions, "executor", None)
        return {
            "automation condition": getattr(job, "automation_condition", None),
            "executor": job.executor_def.name != _USUAL_EXECUTOR and not everywhere,
            "hooks": job.hook_defs,
            "metadata": job.metadata,
            "owners": getattr(job, "owners", None),
            "retry policy": job._op_retry_policy,  # noqa: SLF001 - Dagster has no other way to ask
            "run configuration": job.run_config or job.config_mapping or _configures(job.partitioned_config),
            "tags": {**job.tags, **(job.run_tags or {})},
        }


def _configures(partitioned: Any) -> bool:
    """Say whether somebody wrote a configuration by partition; Dagster makes an empty one for every partitioned job."""
    if not partitioned:
        return False
    function = partitioned.run_config_for_partition_key_fn
    return not of_dagster(function) or any(inspect.getclosurevars(function).nonlocals.values())


_ONE_ASSET = "a run executes one asset, not the job"
AROUND = {
    "automation condition": ("conditions belong to assets", "set autoMaterialize on the assets"),
    "environment variables": ("a tick is decided by the operator", "set env in --template"),
    "executor": ("a run is one pod, with one process", "nothing"),
    "hooks": (_ONE_ASSET, "give the hooks to the assets, or alert on upwell's metrics"),
    "metadata": ("jobs and schedules have none", "write what people should read into the description"),
    "owners": ("jobs and schedules have none", "write what people should read into the description"),
    "retry policy": (_ONE_ASSET, "give the policy to the assets, or retries in --template"),
    "run configuration": (
        "a run has no configuration to give",
        "give the configuration defaults, or read dagster.EnvVar and set env in --template",
    ),
    "tags": (
        "runs have no tags",
        "nothing, if people read them; dagster/max_runtime is timeoutSeconds, dagster/max_retries is retries",
    ),
}
"""What jobs and schedules say that no field holds: why, and what to do."""
