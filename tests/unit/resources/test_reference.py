"""The words of the conditions are complete, and the pages have one skeleton."""

from __future__ import annotations

import pytest

from upwell_operator.domain.causes import ROWS, Staleness
from upwell_operator.domain.conditions import HUMAN_MUST_ACT
from upwell_operator.domain.snapshot import AssetKind, AutoPolicy, RunPhase
from upwell_operator.resources import reference
from upwell_operator.resources.asset import Policy
from upwell_operator.resources.asset_status import KindOfAsset
from upwell_operator.resources.meta import POLARITY, ConditionType, Kind, Reason
from upwell_operator.resources.observation_job import JobRunPhase


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_polarity_a_sentence_and_a_section(reason: Reason) -> None:
    assert POLARITY[reason]
    assert reference.docstrings(Reason)[reason.name].endswith(".")
    assert f"### {reason.value}\n" in reference.render()["docs/reference/conditions.md"]


@pytest.mark.parametrize("type_", ConditionType)
def test_every_condition_has_a_sentence_and_a_reason(type_: ConditionType) -> None:
    assert reference.docstrings(ConditionType)[type_.name].endswith(".")
    assert any(says.type is type_ for all_of in POLARITY.values() for says in all_of)


@pytest.mark.parametrize("kind", Kind)
def test_pages_have_one_skeleton(kind: Kind) -> None:
    page = reference.render()[f"docs/reference/{kind.plural}.md"]
    headings = [line for line in page.splitlines() if line.startswith("## ")]
    assert headings == ["## Example", "## Writing a spec", "## Working with it", "## Status"]


def test_words_that_the_domain_has_as_well_are_the_same() -> None:
    assert set(Policy) == {policy.value for policy in AutoPolicy}
    assert set(KindOfAsset) == {kind.value for kind in AssetKind}
    assert set(JobRunPhase) == {phase.value for phase in RunPhase}


def reasons_of(type_: ConditionType) -> dict[Reason, str]:
    """Give the status that each reason comes with in a condition."""
    return {reason: one.status for reason, says in POLARITY.items() for one in says if one.type is type_}


def test_stalled_stands_where_the_domain_puts_it() -> None:
    assert reasons_of(ConditionType.STALLED).keys() == HUMAN_MUST_ACT


def test_fresh_means_what_the_domain_makes_of_each_cause() -> None:
    fresh = {Staleness.STALE: "False", Staleness.MISSING: "False", Staleness.UNKNOWN: "Unknown"}
    made = {reason: fresh[staleness] for reason, staleness in ROWS.items()}
    assert reasons_of(ConditionType.FRESH) == made | {Reason.UP_TO_DATE: "True"}
