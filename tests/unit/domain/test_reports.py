"""What pods leave behind: results of any language, and the words for what went wrong."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from builders import NOW, a_run
from upwell.protocol import EventType, MetadataEntry
from upwell_operator.domain.diagnosis import why_failed
from upwell_operator.domain.reports import entry_of, events_of, read_result
from upwell_operator.errors import Rejected

OBSERVE, BUILD = a_run("raw-1", asset="raw", kind="observe"), a_run("clean-1", asset="clean")


def events(run: Any, **result: Any) -> Any:
    read = read_result(json.dumps(result))
    assert read is not None
    return events_of(read, run, "pod-1", NOW)


def test_a_shell_script_names_a_version_and_plain_metadata() -> None:
    (event,) = events(OBSERVE, dataVersion="v1", metadata={"rows": 3, "url": {"type": "url", "value": "http://x"}})
    assert (event.type, event.asset_key, event.data_version) == (EventType.OBSERVATION, "raw", "v1")
    assert event.metadata == {"rows": MetadataEntry("int", 3), "url": MetadataEntry("url", "http://x")}


def test_reading_a_result_twice_gives_the_same_ids() -> None:
    assert events(OBSERVE, dataVersion="v1")[0].id == events(OBSERVE, dataVersion="v1")[0].id


def test_a_materialization_needs_no_version() -> None:
    (event,) = events(BUILD, metadata={})
    assert (event.type, event.data_version) == (EventType.MATERIALIZATION, None)


def test_the_runners_own_events_keep_their_ids() -> None:
    sent = {"id": "01A", "type": "AssetObservation", "assetKey": "raw", "time": "2026-11-22T12:00:00Z"}
    (event,) = events(OBSERVE, events=[sent])
    assert event.id == "01A"


PLAIN = {"true": (True, "bool"), "3": (3, "int"), "3.5": (3.5, "float"), "text": ("x", "text"), "null": (None, "null")}


@pytest.mark.parametrize(("value", "kind"), [*PLAIN.values(), ({"a": 1}, "json"), ([1], "json")])
def test_plain_values_get_their_type(value: Any, kind: str) -> None:
    assert entry_of(value) == MetadataEntry(kind, value)


def test_no_message_is_no_result() -> None:
    assert read_result("  \n") is None


BAD = {
    "not json": ("oops", "cannot be read"),
    "a version that is no text": ('{"dataVersion": 3}', "dataVersion: Input should be a valid string"),
    "not an object": ("[1]", "cannot be read"),
}


@pytest.mark.parametrize(("text", "words"), BAD.values(), ids=BAD.keys())
def test_a_bad_result_is_refused_with_the_shape_that_is_wanted(text: str, words: str) -> None:
    with pytest.raises(Rejected, match=words) as error:
        read_result(text)
    assert '{"dataVersion": "<text>"' in str(error.value)


VERSIONS = {
    "none": ({}, "names no dataVersion"),
    "empty": ({"dataVersion": ""}, "has 0 characters; it must have 1 to 512"),
    "too long": ({"dataVersion": "x" * 513}, "has 513 characters"),
}


@pytest.mark.parametrize(("result", "words"), VERSIONS.values(), ids=VERSIONS.keys())
def test_an_observation_needs_a_version(result: dict[str, Any], words: str) -> None:
    with pytest.raises(Rejected, match=words):
        events(OBSERVE, **result)


def a_pod(age: int = 0, **status: Any) -> dict[str, Any]:
    return {"metadata": {"name": f"pod-{age}", "creationTimestamp": f"2026-11-22T12:00:0{age}Z"}, "status": status}


def ended(exit_code: int = 1, **terminated: Any) -> dict[str, Any]:
    return {"containerStatuses": [{"name": "run", "state": {"terminated": {"exitCode": exit_code, **terminated}}}]}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return {"containerStatuses": [{"name": "run", "state": {"waiting": {"reason": reason, "message": message}}}]}


WHY = {
    "what the runner said": (ended(message='{"error": "ValueError: no such file"}'), "ValueError: no such file"),
    "the last line of a log": (ended(message="one\ntwo\n\n"), "two"),
    "a result that cannot be read": (
        ended(message='{"dataVersion": 3}'),
        "the result in .UPWELL_RESULT cannot be read",
    ),
    "an error that says nothing": (ended(exit_code=3, message="{}"), "container run ended with exit code 3"),
    "out of memory": (ended(reason="OOMKilled"), "OOMKilled: it used more memory than its limit; raise resources"),
    "no image": (waiting("ImagePullBackOff", "not found"), "the image cannot be pulled; check its name .* .not found"),
    "waiting for nothing special": (waiting("PodInitializing"), "the Job failed, and its pods are gone"),
    "no node": (
        {"conditions": [{}, {"reason": "Unschedulable", "message": "0/1 nodes"}]},
        "no node could take the pod: 0/1 nodes",
    ),
    "evicted": ({"reason": "Evicted", "message": "disk"}, "Evicted: its node ran out of room"),
    "something else": ({"reason": "NodeLost", "message": "the node is gone"}, "the node is gone"),
}


@pytest.mark.parametrize(("status", "words"), WHY.values(), ids=WHY.keys())
def test_a_failure_in_words(status: dict[str, Any], words: str) -> None:
    assert re.search(words, why_failed(a_run("r", message=""), [a_pod(**status)]))


def test_the_newest_pod_speaks() -> None:
    pods = [a_pod(1, **ended(message="new")), a_pod(0, **ended(message="old"))]
    assert why_failed(BUILD, pods) == "new"


def test_without_pods_the_job_speaks() -> None:
    late = a_run("r", message="DeadlineExceeded: Job was active longer than specified deadline")
    assert (
        why_failed(late, [])
        == "DeadlineExceeded: it took longer than timeoutSeconds allows; raise it, or make the run faster"
    )
    assert why_failed(a_run("r", message="Odd: thing"), []) == "Odd: thing"


def test_a_container_that_ended_well_says_nothing() -> None:
    assert why_failed(a_run("r", message=""), [a_pod(**ended(exit_code=0))]) == "the Job failed, and its pods are gone"
