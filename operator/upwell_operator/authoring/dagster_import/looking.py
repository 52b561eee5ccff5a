"""Sources that Dagster observes at the ticks of `on_cron()`: an ObservationJob and a Schedule for each cron line.

Limits: the names are made of a digest of the line, since nobody has given them one; the description has it in full.
"""

from __future__ import annotations

from collections.abc import Iterator

from upwell_operator.authoring.dagster_import.assets import defined, key_text
from upwell_operator.authoring.dagster_import.automation import cron_of
from upwell_operator.authoring.dagster_import.jobs import Jobs
from upwell_operator.authoring.objects import Made, make, scheduled
from upwell_operator.domain.identity import digest
from upwell_operator.resources.meta import Kind


def by_the_clock(jobs: Jobs) -> Iterator[Made]:
    """Write what observes the sources that have such a condition, in the order of the lines."""
    source = jobs.dagsters.source
    for (cron, zone), names in sorted(_lines(jobs).items()):
        name, said = f"on-cron-{digest(cron, zone)}", f"on_cron({cron!r}, {zone!r})"
        job = make(Kind.OBSERVATION_JOB, name, jobs.namespace, {"assets": names}, f"Sources with {said}.")
        spec = scheduled([cron], None if zone == "UTC" else zone, {"job": {"name": name}}, suspended=False)
        schedule = make(Kind.SCHEDULE, name, jobs.namespace, spec)
        yield from (Made(obj, f"{said} in {source.shown()}", source.file) for obj in (job, schedule))


def _lines(jobs: Jobs) -> dict[tuple[str, str], list[str]]:
    """Give the resource names of the sources of each line."""
    found: dict[tuple[str, str], list[str]] = {}
    for node in defined(jobs.dagsters.repository):
        obj, line = jobs.assets[key_text(node.key)], cron_of(node.automation_condition)
        if line and "observe" in obj["spec"]:
            found.setdefault(line, []).append(obj["metadata"]["name"])
    return found
