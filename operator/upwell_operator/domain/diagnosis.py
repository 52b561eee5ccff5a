"""Why a run failed, in words: from its Job's condition and its pods' statuses, with what to do about it.

Kubernetes says it in several places and in its own terms; this gives one sentence.

Limits: what the API objects say; the log is read by whoever wants more.
"""

from __future__ import annotations

from typing import Any

from upwell_operator.domain.reports import is_json_object, last_words, read_result
from upwell_operator.domain.snapshot import Run
from upwell_operator.errors import Rejected

Json = dict[str, Any]
_REMEDIES = {
    "OOMKilled": "it used more memory than its limit; raise resources.limits.memory",
    "ImagePullBackOff": "the image cannot be pulled; check its name and the pull secrets",
    "ErrImagePull": "the image cannot be pulled; check its name and the pull secrets",
    "InvalidImageName": "the image's name is not valid; mend it",
    "CreateContainerConfigError": "the container cannot be configured; check its secrets and ConfigMaps",
    "RunContainerError": "the container cannot be started; check its command",
    "StartError": "the container cannot be started; check its command, and that the image has it",
    "DeadlineExceeded": "it took longer than timeoutSeconds allows; raise it, or make the run faster",
    "Evicted": "its node ran out of room; ask for what it needs in resources.requests",
}


def why_failed(run: Run, pods: list[Json]) -> str:
    """Give one sentence for a failed run. `pods` are the run's, in any order; the newest speaks."""
    for pod in sorted(pods, key=lambda one: one["metadata"].get("creationTimestamp", ""), reverse=True):
        words = _of_pod(pod)
        if words:
            return words
    return _remedied(run.message.split(":")[0], run.message) or "the Job failed, and its pods are gone"


def _of_pod(pod: Json) -> str:
    status = pod.get("status") or {}
    states = [*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())]
    for container in states:
        words = _of_container(container)
        if words:
            return words
    return _unscheduled(status) or _remedied(status.get("reason", ""), status.get("message", ""))


def _of_container(container: Json) -> str:
    state = container.get("state") or {}
    ended, waiting = state.get("terminated"), state.get("waiting")
    if ended and ended.get("exitCode", 0) != 0:
        return _ended(container["name"], ended)
    if waiting and waiting.get("reason") in _REMEDIES:
        return f"{waiting['reason']}: {_REMEDIES[waiting['reason']]} ({waiting.get('message', '')})"[:500]
    return ""


def _ended(name: str, ended: Json) -> str:
    said = _said(ended.get("message") or "")
    reason = ended.get("reason", "")
    if reason in _REMEDIES:
        return f"{reason}: {_REMEDIES[reason]}"
    return said or f"container {name} ended with exit code {ended.get('exitCode')}"


def _said(text: str) -> str:
    """Give the error that a runner left, or the last line of what the container printed."""
    if not is_json_object(text):
        return last_words(text)
    try:
        result = read_result(text)
    except Rejected as error:
        return str(error)
    return (result.error if result else None) or ""


def _unscheduled(status: Json) -> str:
    for condition in status.get("conditions") or ():
        if condition.get("reason") == "Unschedulable":
            return f"no node could take the pod: {condition.get('message', '')}"[:500]
    return ""


def _remedied(reason: str, message: str) -> str:
    return f"{reason}: {_REMEDIES[reason]}" if reason in _REMEDIES else message[:500]
