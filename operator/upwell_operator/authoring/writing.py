"""Objects as YAML for git: the same bytes for the same objects, a comment above each that says where it comes from.

Text that a reader of YAML could take for something else (numbers, dates, one letter) is in double quotes, whichever
reader it is: kubectl's knows other numbers than Python's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from upwell_operator.authoring.objects import Made

MARK = "# Compiled by `upwell compile`"
_HEAD = f"""\
{MARK} from {{source}}: change that and compile again, not this file.
# What only one environment has belongs into a kustomize overlay on this folder.
"""


class _Dumper(yaml.SafeDumper):
    """Block style, indented lists, no aliases."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - PyYAML's
        """Indent lists below their field, as people write them."""
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - PyYAML's
        """Write what stands twice twice."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    if "\n" in text:
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|")
    plain = len(text) > 1 and text[0].isascii() and text[0].isalpha()
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _text)


def as_yaml(value: Any) -> str:
    """Write one value."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def head(source: str) -> str:
    """Give the first lines of a compiled file."""
    return _HEAD.format(source=source)


def stream(source: str, made: Sequence[Made]) -> str:
    """Write objects as one file."""
    return "---\n".join([head(source), *map(_document, made)]) if made else head(source)


def _document(one: Made) -> str:
    left_out = [f"# Left out, since no field holds it: {what}.\n" for what in one.left_out]
    return f"# {one.origin}\n{''.join(left_out)}{as_yaml(one.obj)}"
