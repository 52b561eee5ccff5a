"""One pod that observes several assets: what each of them gets, and what the pod says at its end."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from upwell.pod import group as room
from upwell.pod import signals
from upwell.pod.attempt import attempt
from upwell.pod.environment import read_group
from upwell.pod.group import Group
from upwell.pod.result import fit_several
from upwell.protocol import Event, EventType

CODE = """
import sys, time
from upwell import AssetObservation, AssetSpec, DataVersion, ObserveResult
from upwell import multi_observable_source_asset, observable_source_asset

tries = []

@observable_source_asset
def look(context):
    return DataVersion(f"v of {context.asset_key}")

@observable_source_asset
def logs(context):
    context.log_event(AssetObservation(context.asset_key, metadata={"rows": 3}))
    context.log_event(AssetObservation("elsewhere", metadata={"rows": 4}))
    return DataVersion("logged")

@observable_source_asset
def says_too_much_and_breaks(context):
    context.log_event(AssetObservation("elsewhere"))
    raise ValueError("no such bucket")

def breaks():
    raise ValueError("no such bucket")

def exits():
    sys.exit(3)

def mends():
    tries.append(1)
    if len(tries) < 3:
        raise ValueError(f"not yet {len(tries)}")
    return DataVersion("mended")

def sleeps():
    time.sleep(60)

@multi_observable_source_asset(specs=[AssetSpec(key) for key in ("m1", "m2", "m3")])
def several(context):
    tries.append(sorted(map(str, context.selected_asset_keys)))
    yield ObserveResult(asset_key="m1", data_version=DataVersion("1"))
    if len(tries) == 1:
        raise ValueError("on the way")
    yield ObserveResult(asset_key="m2", data_version=DataVersion("2"))
    yield ObserveResult(asset_key="m3", data_version=DataVersion("3"))
"""


def member(key: str, function: str, *, retries: int = 0, seconds: int = 30, pod: int = 0) -> dict[str, Any]:
    how = {"function": f"user_code:{function}", "retries": retries, "timeoutSeconds": seconds, "pod": pod}
    return {"run": f"{key}-1", "key": key, **how}


@pytest.fixture
def pod(environ: dict[str, str], module: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run a pod that observes these assets; gives its exit code."""
    monkeypatch.setattr(room, "FIRST_PAUSE", 0.01)
    module(CODE)

    def run(*members: dict[str, Any], **more: str) -> int:
        return attempt(environ | {"UPWELL_MEMBERS": json.dumps(members)} | more)

    return run


@pytest.fixture
def served(ingest: Any, tmp_path: Path) -> dict[str, str]:
    (tmp_path / "token").write_text("token-1")
    return {"UPWELL_SERVER": ingest.url, "UPWELL_TOKEN_FILE": str(tmp_path / "token")}


def told(events: list[dict[str, Any]]) -> list[tuple[str, str, str | None]]:
    """Say of each event its asset, its type and its version."""
    return [(one["assetKey"], one["type"].removeprefix("Asset"), one.get("dataVersion")) for one in events]


def test_every_asset_of_its_index_is_observed(
    pod: Callable[..., int], ingest: Any, served: dict[str, str], result: Any
) -> None:
    members = (member("a", "look"), member("b", "look", pod=1), member("c", "logs", pod=1))
    assert pod(*members, JOB_COMPLETION_INDEX="1", **served) == 0
    assert told(ingest.events()) == [
        ("b", "Observation", "v of b"),
        ("c", "Observation", None),
        ("elsewhere", "Observation", None),
        ("c", "Observation", "logged"),
    ]
    assert result() is None


def test_a_function_that_fails_takes_nothing_from_the_others(
    pod: Callable[..., int], ingest: Any, served: dict[str, str], result: Any
) -> None:
    members = (member("a", "breaks"), member("b", "exits"), member("c", "nowhere"), member("d", "look"))
    assert pod(*members, **served) == 78
    assert told(ingest.events()) == [
        ("a", "ObservationFailed", None),
        ("b", "ObservationFailed", None),
        ("c", "ObservationFailed", None),
        ("d", "Observation", "v of d"),
    ]
    assert ingest.events()[0]["description"] == "ValueError: no such bucket"
    assert result() == {"error": "3 of 4 assets failed: a, b, c"}


def test_one_that_failed_is_tried_again_after_the_others(
    pod: Callable[..., int], ingest: Any, served: dict[str, str]
) -> None:
    assert pod(member("a", "mends", retries=2), member("b", "look"), **served) == 0
    assert told(ingest.events()) == [
        ("a", "AttemptFailed", None),
        ("b", "Observation", "v of b"),
        ("a", "AttemptFailed", None),
        ("a", "Observation", "mended"),
    ]


def test_one_that_never_works_is_tried_as_often_as_its_asset_says(
    pod: Callable[..., int], ingest: Any, served: dict[str, str]
) -> None:
    assert pod(member("a", "breaks", retries=1), **served) == 78
    assert [kind for _, kind, _ in told(ingest.events())] == ["AttemptFailed", "ObservationFailed"]


def test_one_that_takes_too_long_is_interrupted_and_not_tried_again(
    pod: Callable[..., int], ingest: Any, served: dict[str, str]
) -> None:
    assert pod(member("a", "sleeps", retries=3, seconds=1), member("b", "look"), **served) == 78
    assert told(ingest.events())[0] == ("a", "ObservationFailed", None)
    assert ingest.events()[0]["description"] == "it took longer than timeoutSeconds allows (1 s)"
    assert told(ingest.events())[1][0] == "b"


def test_a_pod_after_one_that_was_ended_begins_from_the_other_end(
    pod: Callable[..., int], ingest: Any, served: dict[str, str]
) -> None:
    assert pod(member("a", "look"), member("b", "look"), UPWELL_FAILURES="1", **served) == 0
    assert [key for key, *_ in told(ingest.events())] == ["b", "a"]


def test_a_function_that_observes_several_is_called_once_and_again_for_the_rest(
    pod: Callable[..., int], ingest: Any, served: dict[str, str]
) -> None:
    members = (member("m1", "several", retries=1), member("m3", "several"), member("a", "look"))
    assert pod(*members, **served) == 0
    assert told(ingest.events()) == [
        ("m1", "Observation", "1"),
        ("m3", "AttemptFailed", None),
        ("a", "Observation", "v of a"),
        ("m3", "Observation", "3"),
    ]


def test_what_the_server_refuses_of_one_is_its_own_failure(
    pod: Callable[..., int], ingest: Any, served: dict[str, str], reply: Any
) -> None:
    def no_elsewhere(request: Any) -> Any:
        refused = any(event["assetKey"] == "elsewhere" for event in request.body["events"])
        return reply(403, {"detail": "not yours"}) if refused else reply()

    ingest.answer = no_elsewhere
    talks = member("a", "says_too_much_and_breaks")
    assert pod(talks, member("b", "look"), member("c", "logs"), **served) == 78
    assert [kind for key, kind, _ in told(ingest.events()) if key == "a"].count("ObservationFailed") <= 2
    last = ingest.events()[-1]
    assert (last["assetKey"], last["type"]) == ("c", "AssetObservationFailed")
    assert "the server refused the report (403): not yours" in last["description"]
    assert ("b", "Observation", "v of b") in told(ingest.events())


def test_without_a_server_the_results_of_all_are_left_behind(pod: Callable[..., int], result: Any) -> None:
    assert pod(member("a", "look"), member("b", "breaks")) == 78
    left = result()
    assert told(left["events"]) == [("a", "Observation", "v of a"), ("b", "ObservationFailed", None)]
    assert left["error"] == "1 of 2 assets failed: b"


def test_results_that_do_not_fit_are_counted_and_the_pod_is_tried_again(
    pod: Callable[..., int], result: Any, served: dict[str, str], ingest: Any, reply: Any, capsys: Any
) -> None:
    ingest.answer = lambda _: reply(503)
    members = [member(f"warehouse/a{n}", "look") for n in range(60)]
    assert pod(*members, UPWELL_POST_BUDGET="0.2", **served) == 1
    left = result()
    kept = len(left["events"])
    assert 10 < kept < 60
    assert left["error"].startswith(f"{60 - kept} of 60 results did not fit into the 4 KiB")
    assert "the server does not answer" in capsys.readouterr().err


def test_a_result_that_nothing_can_keep_is_tried_again(pod: Callable[..., int]) -> None:
    assert pod(member("a", "look"), UPWELL_RESULT="/nowhere/result") == 1


def test_of_many_failures_ten_are_named(pod: Callable[..., int], result: Any) -> None:
    assert pod(*(member(f"a{n:02}", "breaks") for n in range(12))) in (1, 78)
    assert result()["error"].startswith("12 of 12 assets failed: a00, ") or "did not fit" in result()["error"]


def test_a_pod_that_is_asked_to_stop_leaves_what_it_has_seen(
    pod: Callable[..., int], result: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "end_after", lambda *_: None)
    timer = threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGTERM))
    timer.start()
    assert pod(member("a", "look"), member("b", "sleeps"), member("c", "look")) == 143
    assert told(result()["events"]) == [("a", "Observation", "v of a")]
    assert "asked to stop" in result()["error"]


def test_an_interrupt_from_a_keyboard_ends_it(
    pod: Callable[..., int], module: Callable[..., str], result: Any, capsys: Any
) -> None:
    module("def look():\n    raise KeyboardInterrupt", "other_code")
    assert pod(member("a", "look") | {"function": "other_code:look"}) == 130
    assert "KeyboardInterrupt" in capsys.readouterr().err


@pytest.fixture
def group(environ: dict[str, str], module: Callable[..., str]) -> Group:
    module(CODE)
    return Group(read_group(environ | {"UPWELL_MEMBERS": json.dumps([member("a", "look")])}))


def test_its_last_words_name_what_it_observed(group: Group, result: Any) -> None:
    assert group.run() == 0
    group._hurry()
    group._stuck()
    assert "the function of a took longer than its timeoutSeconds" in result()["error"]
    group._last_words()
    assert "the function of a did not stop when it was asked to" in result()["error"]


def test_what_cannot_be_interrupted_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ended, said = threading.Event(), []
    monkeypatch.setattr(signals, "STUBBORN_SECONDS", 0.0)
    monkeypatch.setattr(signals.os, "_exit", lambda code: (said.append(code), ended.set()))

    def stubborn() -> None:
        try:
            time.sleep(5)
        except BaseException:  # noqa: BLE001 - as user code does
            assert ended.wait(5)

    with signals.time_limit(0.05, lambda: said.append("stuck")):
        stubborn()
    assert said == ["stuck", 1]


WRONG = {
    "no JSON": "x",
    "no list of assets": "[1]",
    "half an asset": '[{"key": "a", "pod": 0}]',
    "a bad key": json.dumps([member("a//b", "look")]),
}


@pytest.mark.parametrize("members", WRONG.values(), ids=WRONG.keys())
def test_a_list_that_cannot_be_read_is_permanent(environ: dict[str, str], members: str, result: Any) -> None:
    assert attempt(environ | {"UPWELL_MEMBERS": members}) == 78
    assert result()["error"].startswith(("UPWELL_MEMBERS", "UPWELL_ASSET_KEY"))


def test_a_failure_count_that_is_none_counts_nothing(environ: dict[str, str]) -> None:
    members = json.dumps([member("a", "look")])
    assert read_group(environ | {"UPWELL_MEMBERS": members, "UPWELL_FAILURES": "?"}).failures == 0


def test_what_was_logged_goes_before_any_result() -> None:
    def event(number: int, **more: Any) -> Event:
        return Event(f"e{number}", EventType.OBSERVATION, f"a{number}", "2026-11-22T12:00:00Z", **more)

    logged = [event(number, description="x" * 200) for number in range(20)]
    results = [event(number, data_version="v", result=True, description="y" * 200) for number in range(3)]
    kept, lost = fit_several([*logged, *results])
    assert ([one.id for one in kept], lost) == (["e0", "e1", "e2"], 0)
    assert {len(one.description or "") for one in kept} == {80}
