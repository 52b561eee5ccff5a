"""YAML as kubectl reads it, with the line of every field.

Dates stay text, as in JSON; a key that stands twice is an error instead of a silent loss. Limits: YAML 1.1's booleans
(`yes`, `on`) are booleans, as in kubectl.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from upwell_operator.local.problems import Problem

Steps = tuple[str | int, ...]
"""Where a field stands in a document: ("spec", "deps", 0, "name")."""


class _Loader(yaml.SafeLoader):
    """SafeLoader without timestamps."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


class _TwiceError(yaml.MarkedYAMLError):
    """A key stands twice in one mapping."""


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a file."""

    path: Path
    value: Any
    lines: dict[Steps, int]

    def line(self, steps: Steps = ()) -> int:
        """Give the line (from 1) of a field, or of the nearest one that encloses it."""
        while steps and steps not in self.lines:
            steps = steps[:-1]
        return self.lines.get(steps, 1)


def documents(path: Path, text: str | None = None) -> tuple[list[Document], list[Problem]]:
    """Read a file, or a text that stands in it; what comes before a broken document is kept."""
    found: list[Document] = []
    try:
        loader = _Loader(path.read_text(encoding="utf-8") if text is None else text)
        while loader.check_node():
            if (node := loader.get_node()) is not None:
                found.append(_document(path, loader, node))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        return found, [Problem(path, mark.line + 1 if mark else 1, _sentence(error), remedy=_remedy(error))]
    except yaml.reader.ReaderError as error:
        return found, [Problem(path, 1, f"not YAML: {error.reason}", remedy="save the file as plain UTF-8 text")]
    except (OSError, UnicodeDecodeError) as error:
        return found, [Problem(path, 1, f"cannot be read: {error}", remedy="make it a readable file of UTF-8 text")]
    except (ValueError, RecursionError) as error:  # a tag that lies about its value; an alias to itself
        return found, [
            Problem(path, 1, f"not a manifest: {error}", remedy="write plain values, without tags or aliases")
        ]
    return found, []


def _document(path: Path, loader: _Loader, node: yaml.Node) -> Document:
    lines = dict(_lines(node, ()))
    return Document(path, loader.construct_document(node), lines)


def _lines(node: yaml.Node, steps: Steps) -> Iterator[tuple[Steps, int]]:
    if not steps:
        yield steps, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        yield from _mapping_lines(node, steps)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield (*steps, index), item.start_mark.line + 1
            yield from _lines(item, (*steps, index))


def _mapping_lines(node: yaml.MappingNode, steps: Steps) -> Iterator[tuple[Steps, int]]:
    seen: dict[str, int] = {}
    for key, item in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        if name in seen and name != "<<":
            raise _TwiceError(None, None, f"{name!r} stands twice, here and in line {seen[name]}", key.start_mark)
        seen[name] = line
        yield (*steps, name), line
        yield from _lines(item, (*steps, name))


def _sentence(error: yaml.MarkedYAMLError) -> str:
    if isinstance(error, _TwiceError):
        return str(error.problem)
    said = " ".join(part for part in (error.context, error.problem) if part)
    return f"not YAML: {said}"


def _remedy(error: yaml.MarkedYAMLError) -> str:
    if isinstance(error, _TwiceError):
        return "keep one of the two"
    return "check indentation, quotes and colons of this line and the one before"
