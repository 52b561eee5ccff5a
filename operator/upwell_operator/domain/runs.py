"""From a batch/v1 Job back to the run that it is, or to the runs that share it.

Everything comes from the Job: labels and annotations that `workloads` wrote, and the Job controller's own conditions.
A Job that is not ours, or whose annotations somebody has damaged, is no run; it is left alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

from upwell.protocol import InputVersion, RunKind
from upwell_operator.domain.snapshot import Outcome, Ref, Run, RunPhase, Trigger, TriggerType
from upwell_operator.resources.meta import Annotation, Label

Json = dict[str, Any]
INDEX_LABEL = "batch.kubernetes.io/job-completion-index"
_PHASE_OF = {Outcome.FAILED: RunPhase.FAILED}
"""Of a member whose outcome is known; every other outcome is a success."""
_PHASES = {"Complete": RunPhase.SUCCEEDED, "Failed": RunPhase.FAILED}


def read_run(job: Json) -> Run | None:
    """Give the run that a Job is; None when the Job is none of ours."""
    meta = job["metadata"]
    labels, notes = meta.get("labels") or {}, meta.get("annotations") or {}
    if labels.get(Label.MANAGED_BY) != "upwell":
        return None
    try:
        return _read(job, meta, labels, notes)
    except (KeyError, ValueError, TypeError):
        return None


def read_runs(job: Json) -> tuple[Run, ...]:
    """Give the runs that a Job carries: one, or those of its members; none when the Job is none of ours."""
    if Annotation.MEMBERS not in (job["metadata"].get("annotations") or {}):
        run = read_run(job)
        return (run,) if run else ()
    try:
        return tuple(_read_members(job))
    except (KeyError, ValueError, TypeError):
        return ()


def outcomes_json(outcomes: Iterable[Outcome]) -> str:
    """Write the outcomes of a shared Job's members, in their order, as they stand in its annotation."""
    return json.dumps([one.value for one in outcomes])


def _read_members(job: Json) -> Iterator[Run]:
    meta, notes = job["metadata"], job["metadata"]["annotations"]
    members = json.loads(notes[Annotation.MEMBERS])
    outcomes = json.loads(notes.get(Annotation.OUTCOMES, "null")) or [None] * len(members)
    for member, outcome in zip(members, outcomes, strict=True):
        facts: Json = {
            Annotation.ASSET: member["asset"],
            Annotation.ASSET_KEY: member["key"],
            Annotation.FENCE: member["fence"],
            Annotation.CODE_VERSION: member.get("codeVersion"),
            Annotation.OUTCOME: outcome,
        }
        shared = _read(job, meta, meta["labels"], {**notes, **facts})
        phase = _PHASE_OF.get(shared.outcome, RunPhase.SUCCEEDED) if shared.outcome else shared.phase
        ref = Ref(shared.ref.namespace, member["run"])
        yield replace(shared, ref=ref, phase=phase, group=meta["name"], pod=member["pod"])


def _read(job: Json, meta: Json, labels: Json, notes: Json) -> Run:
    phase, ended, message = _end(job.get("status") or {})
    trigger = json.loads(notes[Annotation.TRIGGER])
    outcome = notes.get(Annotation.OUTCOME)
    return Run(
        ref=Ref(meta["namespace"], meta["name"]),
        uid=meta.get("uid", ""),
        asset=Ref(meta["namespace"], notes[Annotation.ASSET]),
        asset_key=notes[Annotation.ASSET_KEY],
        kind=RunKind(labels[Label.RUN_KIND]),
        phase=phase,
        fence=int(notes[Annotation.FENCE]),
        trigger=Trigger(TriggerType(trigger["type"]), trigger["detail"]),
        inputs=read_inputs(notes.get(Annotation.INPUTS, "[]")),
        code_version=notes.get(Annotation.CODE_VERSION),
        request=notes.get(Annotation.REQUEST),
        partition=notes.get(Annotation.PARTITION),
        observation_job=notes.get(Annotation.OBSERVATION_JOB),
        job_run=labels.get(Label.JOB_RUN),
        outcome=Outcome(outcome) if outcome else None,
        created_at=read_time(meta.get("creationTimestamp")),
        ended_at=ended,
        message=message,
    )


def observed_by(run: Run, pods: Iterable[Json]) -> list[Json]:
    """Give the pods of a Job that are a run's: all of them, or those of its index where several share the Job."""
    if run.pod is None:
        return list(pods)
    return [pod for pod in pods if pod["metadata"].get("labels", {}).get(INDEX_LABEL) == str(run.pod)]


def log_ref(run: Run) -> Ref:
    """Give the name under which a run's log is kept: one log for all that one pod observed."""
    return run.ref if run.group is None else Ref(run.ref.namespace, f"{run.group}-{run.pod}")


def read_inputs(text: str) -> tuple[InputVersion, ...]:
    """Read consumed versions as `workloads.inputs_json` writes them. Raises ValueError, KeyError."""
    return tuple(InputVersion(one["name"], one["key"], one.get("dataVersion")) for one in json.loads(text))


def read_time(text: str | None) -> datetime | None:
    """Read an RFC 3339 time; None stays None."""
    return datetime.fromisoformat(text) if text else None


def _end(status: Json) -> tuple[RunPhase, datetime | None, str]:
    for condition in status.get("conditions") or ():
        if condition.get("status") == "True" and condition.get("type") in _PHASES:
            ended = read_time(status.get("completionTime") or condition.get("lastTransitionTime"))
            words = ": ".join(filter(None, (condition.get("reason"), condition.get("message"))))
            return _PHASES[condition["type"]], ended, words
    return RunPhase.ACTIVE, None, ""
