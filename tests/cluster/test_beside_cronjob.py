"""For ordinary lines a Schedule ticks when Kubernetes' own CronJob does: the same lines side by side for minutes."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from cluster.kubectl import Json, Kubectl, until
from cluster.manifests import SHELL, asset, job, result, runs, schedule, shell

pytestmark = pytest.mark.usefixtures("upwell")
MINUTES = 3
SCHEDULED = "batch.kubernetes.io/cronjob-scheduled-timestamp"


def lines(now: datetime) -> dict[str, tuple[str, str]]:
    """Give lines that are due within the next minutes, with their zones."""
    soon = (now + timedelta(minutes=2)).astimezone(UTC)
    return {
        "each-minute": ("* * * * *", "UTC"),
        "each-other-minute": ("*/2 * * * *", "Asia/Kathmandu"),
        "at-a-time": (f"{soon.minute} {soon.hour} * * *", "UTC"),
        "on-most-days": ("* * * * 0-5,6", "Pacific/Chatham"),
        "never-now": (f"{(soon.minute + 30) % 60} * * * *", "Europe/Lisbon"),
    }


def cron_job(name: str, line: str, zone: str) -> Json:
    """Give a CronJob of the same line, whose Jobs need no pod."""
    pod = {"restartPolicy": "Never", "containers": [{"name": "main", "image": SHELL}]}
    template = {"spec": {"suspend": True, "template": {"spec": pod}}}
    spec = {"schedule": line, "timeZone": zone, "concurrencyPolicy": "Allow", "jobTemplate": template}
    return {"apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name}, "spec": spec}


def ours(kubectl: Kubectl, name: str) -> set[datetime]:
    """Give the ticks for which a Schedule made a Job."""
    details = [
        json.loads(run["metadata"]["annotations"]["upwell.dev/trigger"])["detail"] for run in runs(kubectl, name)
    ]
    return {datetime.fromisoformat(detail.rpartition("tick ")[2]) for detail in details}


def theirs(kubectl: Kubectl, name: str) -> set[datetime]:
    """Give the ticks for which a CronJob made a Job."""
    made = [one["metadata"] for one in kubectl.list("jobs") if SCHEDULED in one["metadata"].get("annotations", {})]
    mine = [meta for meta in made if meta["ownerReferences"][0]["name"] == name]
    return {datetime.fromisoformat(meta["annotations"][SCHEDULED]) for meta in mine}


@pytest.mark.timeout(400)
def test_ordinary_lines_tick_when_a_cron_job_ticks(kubectl: Kubectl) -> None:
    begin = datetime.now(UTC)
    wanted = lines(begin)
    for name, (line, zone) in wanted.items():
        kubectl.apply(
            asset(name, observe=shell(result('{"dataVersion": "1"}'))),
            job(name, name, historyLimit={"successful": 100}),
        )
        kubectl.apply(schedule(name, line, name, timeZone=zone), cron_job(name, line, zone))
    first = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
    last = first + (MINUTES - 1) * timedelta(minutes=1)
    until(lambda: last in ours(kubectl, "each-minute") and last in theirs(kubectl, "each-minute"), 60 * (MINUTES + 1))

    def within(ticks: set[datetime]) -> set[datetime]:
        return {tick for tick in ticks if first <= tick <= last}

    until(lambda: all(within(theirs(kubectl, name)) == within(ours(kubectl, name)) for name in wanted), 20)
    assert within(ours(kubectl, "each-minute")) == {first + n * timedelta(minutes=1) for n in range(MINUTES)}
    assert within(ours(kubectl, "never-now")) == set()
