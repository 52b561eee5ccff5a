"""What a run may say about which asset, and how that is stored."""

from __future__ import annotations

from dataclasses import replace

import pytest

from builders import NOW, a_run, an_input
from upwell.protocol import Event, EventType, RunKind
from upwell_operator.domain.partitions import Partitions, Static
from upwell_operator.domain.snapshot import AssetId, Run
from upwell_operator.errors import Forbidden, Rejected
from upwell_operator.reconcile.reporting import entry
from upwell_operator.store import Append

CUT = Static(("eu", "us"))
RUN = a_run("clean-1", asset="clean", fence=7, inputs=(an_input("raw", "v1"),), code_version="2")


def event(kind: EventType = EventType.OBSERVATION, key: str = "clean", version: str | None = None) -> Event:
    return Event("e1", kind, key, NOW.isoformat(), version)


def stored(run: Run, attempt: str | None, reported: Event, cut: Partitions | None = None) -> Append:
    return entry(run, attempt, reported, cut, NOW)


def test_an_event_about_its_own_asset_carries_all_that_is_known_of_the_run() -> None:
    made = stored(RUN, "pod-1", event(EventType.MATERIALIZATION, version="c1"))
    assert (made.id, made.run, made.attempt, made.fence) == (AssetId("shop", "clean"), "clean-1", "pod-1", 7)
    assert (made.inputs, made.code_version, made.version, made.kind) == (RUN.inputs, "2", "c1", RunKind.MATERIALIZE)


def test_a_materialization_that_names_no_version_gets_one_from_what_it_was_built_from() -> None:
    made = stored(RUN, None, event(EventType.MATERIALIZATION))
    assert made.version
    assert made.version == stored(RUN, None, event(EventType.MATERIALIZATION)).version
    other = a_run("clean-2", asset="clean", inputs=(an_input("raw", "v2"),), code_version="2")
    assert stored(other, None, event(EventType.MATERIALIZATION)).version != made.version


def test_an_observation_that_names_no_version_gets_none() -> None:
    assert stored(RUN, None, event()).version is None


def test_about_another_asset_a_run_may_note_what_it_saw() -> None:
    made = stored(RUN, "pod-1", event(key="elsewhere/raw"))
    assert (made.id, made.run, made.fence, made.version) == (AssetId("shop", "elsewhere/raw"), "clean-1", None, None)


@pytest.mark.parametrize(
    "foreign",
    [
        pytest.param(event(key="raw", version="forged"), id="a version"),
        pytest.param(replace(event(key="raw"), partitions={"eu": "forged"}), id="versions of partitions"),
        pytest.param(event(EventType.MATERIALIZATION, key="raw"), id="a materialization"),
        pytest.param(event(EventType.OBSERVATION_FAILED, key="raw"), id="a failure"),
        pytest.param(event(EventType.ATTEMPT_FAILED, key="raw"), id="an attempt"),
    ],
)
def test_about_another_asset_a_run_may_say_nothing_more(foreign: Event) -> None:
    with pytest.raises(Forbidden, match=r"clean-1 is about 'clean'; about 'raw' it may report only"):
        stored(RUN, None, foreign)


def test_versions_of_partitions_are_kept_by_partition_and_name_none_of_the_whole() -> None:
    many = stored(RUN, None, replace(event(), partitions={"eu": "a", "us": "b"}, result=True), CUT)
    assert (many.version, many.versions, many.last) == (None, {"eu": "a", "us": "b"}, True)
    one = stored(RUN, None, replace(event(version="a"), partition="eu"), CUT)
    assert (one.version, one.versions, one.last) == (None, {"eu": "a"}, False)


def test_what_was_seen_of_a_partition_without_a_version_is_a_note() -> None:
    assert stored(RUN, None, replace(event(), partition="eu"), CUT).versions == {}
    assert stored(RUN, None, replace(event(), partition="whatever")).versions == {}


def test_a_failure_is_the_last_word_of_a_run() -> None:
    assert stored(RUN, None, event(EventType.OBSERVATION_FAILED)).last


def test_what_does_not_fit_the_definition_is_refused() -> None:
    with pytest.raises(Rejected, match='partition: "asia" is not one of the partitions: eu, us'):
        stored(RUN, None, replace(event(), partitions={"eu": "a", "asia": "b"}), CUT)
