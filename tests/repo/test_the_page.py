"""Every row of Dagster's page has a page of ours and a test on a real cluster, and the table that says so is right."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "the-page.md"
TESTS = ROOT / "tests" / "cluster" / "test_rows_of_the_page.py"
ROW = re.compile(r"^\| (\d+) \| (.+) \| \[.+\]\((.+\.md)\) \| `(test_row_(\d\d)_\w+)` \|$", re.MULTILINE)
ROWS = [(int(number), page, test, int(of)) for number, _, page, test, of in ROW.findall(PAGE.read_text("utf-8"))]


def written_tests() -> list[str]:
    found = [node.name for node in ast.walk(ast.parse(TESTS.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)]
    return [name for name in found if name.startswith("test_")]


def test_all_thirteen_rows_are_there() -> None:
    assert [number for number, *_ in ROWS] == list(range(1, 14))


@pytest.mark.parametrize(("number", "page", "test", "of"), ROWS, ids=[str(row[0]) for row in ROWS])
def test_a_row_has_a_page_and_a_test(number: int, page: str, test: str, of: int) -> None:
    assert (PAGE.parent / page).resolve().is_file()
    assert of == number
    assert test in written_tests()


def test_every_test_of_the_file_is_of_a_row() -> None:
    assert written_tests() == [test for _, _, test, _ in ROWS]
