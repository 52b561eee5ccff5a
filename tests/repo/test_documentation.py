"""Links lead somewhere, every page can be reached, and decisions have a number each."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from upwell_operator.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("definitions/**/*.md")])
LINK = re.compile(r"\]\(([^)#\s]+)")


def links(page: Path) -> list[Path]:
    """Give the files and folders that a page links to."""
    found = [link for link in LINK.findall(page.read_text(encoding="utf8")) if "://" not in link]
    return [(page.parent / link).resolve() for link in found]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_link_leads_somewhere(page: Path) -> None:
    assert [str(target) for target in links(page) if not target.exists()] == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    frontier, seen = [ROOT / "README.md"], {ROOT / "README.md"}
    while frontier:
        page = frontier.pop()
        pages = {target for target in links(page) if target.suffix == ".md"} - seen
        seen |= pages
        frontier += pages
    unreached = {page for page in PAGES if page.is_relative_to(ROOT / "docs")} - seen
    assert sorted(str(page.relative_to(ROOT)) for page in unreached) == []


def test_each_decision_has_a_number_of_its_own_and_says_what_was_decided() -> None:
    pages = sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md"))
    assert len({page.name[:4] for page in pages}) == len(pages)
    for page in pages:
        text = page.read_text(encoding="utf8")
        assert text.startswith(f"# {page.name[:4]} · ")
        for part in ("**Decided:**", "**Why:**", "**Instead:**", "**Costs:**"):
            assert part in text, f"{page.name} has no {part}"


COMMAND = re.compile(r"(?:^|[`$/] ?)upwell ([a-z]+)", re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_a_page_names_exists(page: Path) -> None:
    known = {command.name or command.callback.__name__ for command in app.registered_commands if command.callback}
    named = set(COMMAND.findall(page.read_text(encoding="utf8")))
    assert named <= known, f"`upwell --help` has no {named - known}"
