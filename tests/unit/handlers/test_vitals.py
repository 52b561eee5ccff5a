"""Signs of life: what proves a dead watch, and what does not."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from upwell_operator.handlers.vitals import GRACE_SECONDS, Vitals


class Signs:
    def __init__(self) -> None:
        self.now = 1000.0
        self.registry = CollectorRegistry()
        self.vitals = Vitals(("assets", "jobs"), self.registry, lambda: self.now)

    def value(self, name: str, resource: str = "assets") -> float | None:
        return self.registry.get_sample_value(name, {"resource": resource})


@pytest.fixture
def signs() -> Signs:
    return Signs()


def test_a_watch_that_is_silent_for_long_is_well_as_long_as_nothing_was_missed(signs: Signs) -> None:
    signs.now += 86_400
    check = signs.vitals.checks()["watch-assets"]
    assert check.ok
    assert check.message == "last event 86400 s ago"


def test_the_age_counts_from_the_last_event_and_before_any_from_the_start(signs: Signs) -> None:
    signs.now += 10
    assert signs.value("upwell_watch_last_event_age_seconds") == 10
    signs.vitals.heard("assets")
    signs.now += 3
    assert signs.value("upwell_watch_last_event_age_seconds") == 3
    assert signs.vitals.age("jobs") == 13


def test_news_that_a_full_pass_found_first_proves_a_dead_watch_until_it_is_heard_again(signs: Signs) -> None:
    signs.now += 1
    signs.vitals.missed("assets", 2)
    signs.now += GRACE_SECONDS + 1
    check = signs.vitals.checks()["watch-assets"]
    assert not check.ok
    assert "the watch of assets had not told of" in check.message
    assert signs.vitals.checks()["watch-jobs"].ok
    signs.now += 1
    signs.vitals.heard("assets")
    assert signs.vitals.checks()["watch-assets"].ok


def test_a_list_that_was_faster_than_its_watch_proves_nothing(signs: Signs) -> None:
    signs.now += 1
    signs.vitals.missed("assets", 2)
    signs.now += 1
    assert signs.vitals.checks()["watch-assets"].ok
    signs.vitals.heard("assets")
    signs.now += 3600
    assert signs.vitals.checks()["watch-assets"].ok


def test_news_missed_again_and_again_is_no_excuse(signs: Signs) -> None:
    for _ in range(4):
        signs.now += GRACE_SECONDS / 2
        signs.vitals.missed("assets", 1)
    assert not signs.vitals.checks()["watch-assets"].ok


def test_a_full_pass_that_found_nothing_new_proves_nothing(signs: Signs) -> None:
    signs.now += 1
    signs.vitals.missed("assets", 0)
    assert signs.vitals.checks()["watch-assets"].ok


def test_everything_is_counted(signs: Signs) -> None:
    signs.vitals.heard("assets")
    signs.vitals.heard("assets")
    signs.vitals.deafened("assets")
    signs.vitals.missed("assets", 3)
    assert signs.value("upwell_watch_events_total") == 2
    assert signs.value("upwell_watch_errors_total") == 1
    assert signs.value("upwell_watch_missed_events_total") == 3
