"""The house is as the architecture draws it, and its rooms stay small.

The bars are those of the libraries that we learn from: functions of a few lines, modules that fit in a head.
"""

from __future__ import annotations

import ast
import statistics
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = ("operator/upwell_operator", "sdk/src")
FUNCTION_MAX, FUNCTION_MEDIAN, FUNCTION_P90, MODULE_MAX = 50, 8, 25, 400
MIB = 1024 * 1024
FORBIDDEN_NAMES = {"utils", "util", "helpers", "misc", "common", "operator"}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def kept() -> list[Path]:
    """Give every file that is in git, or would be after `git add`."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [ROOT / name for name in listed.split("\0") if name]
    return [file for file in files if file.is_symlink() or file.is_file()]


@cache
def modules() -> list[Path]:
    return sorted(file for folder in CODE for file in (ROOT / folder).rglob("*.py"))


def functions() -> Iterator[tuple[str, int]]:
    """Give every function as `path:line name` with its length in lines, docstring included, decorators not."""
    for file in modules():
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, Function):
                yield f"{file.relative_to(ROOT)}:{node.lineno} {node.name}", (node.end_lineno or 0) - node.lineno + 1


def test_operator_is_never_a_package() -> None:
    """With it, every `python -m …` from here would find our folder in place of the standard library's `operator`."""
    assert not (ROOT / "operator" / "__init__.py").exists()


def test_there_are_no_symlinks_because_gitops_tools_drop_them() -> None:
    assert [str(file.relative_to(ROOT)) for file in kept() if file.is_symlink()] == []


def test_no_file_is_larger_than_a_mebibyte() -> None:
    assert [str(file.relative_to(ROOT)) for file in kept() if file.stat().st_size > MIB] == []


def test_there_is_no_attic() -> None:
    assert [str(file) for file in modules() if FORBIDDEN_NAMES & {file.stem, file.parent.name}] == []


@pytest.mark.parametrize("file", modules(), ids=lambda file: str(file.relative_to(ROOT)))
def test_a_module_says_what_it_is_and_fits_in_a_head(file: Path) -> None:
    text = file.read_text()
    assert ast.get_docstring(ast.parse(text)), "a module begins with a docstring: the idea, and its limits"
    assert len(text.splitlines()) <= MODULE_MAX


def test_no_function_is_long() -> None:
    assert [f"{name}: {lines} lines" for name, lines in functions() if lines > FUNCTION_MAX] == []


def test_most_functions_are_short() -> None:
    lines = [lines for _, lines in functions()]
    assert statistics.median(lines) <= FUNCTION_MEDIAN
    assert statistics.quantiles(lines, n=10)[-1] <= FUNCTION_P90
