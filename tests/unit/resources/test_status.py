"""Statuses: every field may be left out, and what is written must be one of the words."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from upwell_operator.resources.asset_status import AssetStatus
from upwell_operator.resources.observation_job import ObservationJobStatus
from upwell_operator.resources.schedule import ScheduleStatus

CONDITION = {
    "type": "Fresh",
    "status": "False",
    "reason": "UpstreamDataChanged",
    "message": "upstream data has changed: warehouse/raw_orders 1a2b3c → 9f86d0",
    "lastTransitionTime": "2026-01-02T03:04:05Z",
    "observedGeneration": 4,
}


@pytest.mark.parametrize("model", [AssetStatus, ObservationJobStatus, ScheduleStatus])
def test_an_empty_status_is_a_status(model: type[AssetStatus]) -> None:
    assert model.model_validate({}).model_dump(by_alias=True, exclude_defaults=True) == {}


def test_the_status_of_the_design_is_read() -> None:
    run = {"name": "daily-0123456789ab", "kind": "materialize", "startedAt": "2026-01-02T03:04:05Z"}
    status = AssetStatus.model_validate(
        {
            "observedGeneration": 4,
            "conditions": [CONDITION],
            "key": "marts/daily",
            "kind": "Derived",
            "dataVersion": "9f86d081884c7d65",
            "shortVersion": "9f86d081884c",
            "lastMaterialization": {"inputs": [{"name": "raw", "key": "raw", "dataVersion": "1"}], "codeVersion": "3"},
            "lastFailure": {"time": "2026-01-02T03:04:05Z", "kind": "materialize", "run": "x", "message": "no"},
            "staleness": "Stale",
            "staleCauses": [{"reason": "UpstreamStale", "asset": "raw", "message": "m", "path": ["daily", "raw"]}],
            "lastHandledRequest": "42",
            "activeRuns": [run],
        }
    )
    assert status.conditions[0].observed_generation == 4
    assert status.active_runs[0].name == "daily-0123456789ab"


@pytest.mark.parametrize(
    "status",
    [
        {"phase": "Running"},
        {"conditions": [CONDITION | {"reason": "Whatever"}]},
        {"conditions": [CONDITION | {"status": "Maybe"}]},
        {"conditions": [CONDITION, CONDITION]},
        {"kind": "Other"},
    ],
    ids=["a field nobody knows", "a reason nobody knows", "a fourth truth", "a condition twice", "a fourth kind"],
)
def test_a_status_that_nobody_described_is_refused(status: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        AssetStatus.model_validate(status)
