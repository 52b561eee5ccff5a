"""What a run may say about which asset, and how that is stored."""

from __future__ import annotations

import pytest

from builders import NOW, a_run, an_input
from upwell.protocol import Event, EventType, RunKind
from upwell_operator.domain.snapshot import AssetId
from upwell_operator.errors import Forbidden
from upwell_operator.reconcile.reporting import entry

RUN = a_run("clean-1", asset="clean", fence=7, inputs=(an_input("raw", "v1"),), code_version="2")


def event(kind: EventType = EventType.OBSERVATION, key: str = "clean", version: str | None = None) -> Event:
    return Event("e1", kind, key, NOW.isoformat(), version)


def test_an_event_about_its_own_asset_carries_all_that_is_known_of_the_run() -> None:
    made = entry(RUN, "pod-1", event(EventType.MATERIALIZATION, version="c1"))
    assert (made.id, made.run, made.attempt, made.fence) == (AssetId("shop", "clean"), "clean-1", "pod-1", 7)
    assert (made.inputs, made.code_version, made.version, made.kind) == (RUN.inputs, "2", "c1", RunKind.MATERIALIZE)


def test_a_materialization_that_names_no_version_gets_one_from_what_it_was_built_from() -> None:
    made = entry(RUN, None, event(EventType.MATERIALIZATION))
    assert made.version
    assert made.version == entry(RUN, None, event(EventType.MATERIALIZATION)).version
    other = a_run("clean-2", asset="clean", inputs=(an_input("raw", "v2"),), code_version="2")
    assert entry(other, None, event(EventType.MATERIALIZATION)).version != made.version


def test_an_observation_that_names_no_version_gets_none() -> None:
    assert entry(RUN, None, event()).version is None


def test_about_another_asset_a_run_may_note_what_it_saw() -> None:
    made = entry(RUN, "pod-1", event(key="elsewhere/raw"))
    assert (made.id, made.run, made.fence, made.version) == (AssetId("shop", "elsewhere/raw"), "clean-1", None, None)


@pytest.mark.parametrize(
    "foreign",
    [
        pytest.param(event(key="raw", version="forged"), id="a version"),
        pytest.param(event(EventType.MATERIALIZATION, key="raw"), id="a materialization"),
        pytest.param(event(EventType.OBSERVATION_FAILED, key="raw"), id="a failure"),
        pytest.param(event(EventType.ATTEMPT_FAILED, key="raw"), id="an attempt"),
    ],
)
def test_about_another_asset_a_run_may_say_nothing_more(foreign: Event) -> None:
    with pytest.raises(Forbidden, match=r"clean-1 is about 'clean'; about 'raw' it may report only"):
        entry(RUN, None, foreign)
