"""The page about selections: whatever it tells people to write can be read, and what it shows is what is said."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from manifest_cases import job
from upwell_operator.errors import Stalled
from upwell_operator.resources.meta import Kind
from upwell_operator.resources.parsing import parse
from upwell_operator.resources.selection import read_selection

PAGE = (Path(__file__).resolve().parents[2] / "docs/how-to/select-assets.md").read_text("utf-8")
ROWS = [row.split("|")[1] for row in PAGE.splitlines() if row.startswith("| `")]
EXAMPLES = [text for row in ROWS for text in re.findall(r"`([^`]+)`", row)]


@pytest.mark.parametrize("text", EXAMPLES)
def test_an_example_can_be_read(text: str) -> None:
    read_selection(text)


def test_there_are_examples_of_everything() -> None:
    assert len(EXAMPLES) > 15


def test_the_page_shows_what_is_said_of_a_slip() -> None:
    with pytest.raises(Stalled) as refused:
        parse(Kind.OBSERVATION_JOB, job(selection="group:raw adn kind:csv"))
    assert "\n".join(f"  {line}" for line in str(refused.value).splitlines()) in PAGE
