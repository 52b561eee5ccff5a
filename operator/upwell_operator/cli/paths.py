"""Paths that a person names on the command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from upwell_operator.cli.exits import Code, CommandError


def existing(paths: Sequence[Path]) -> Sequence[Path]:
    """Give the paths. Raises CommandError (usage) naming those that do not exist."""
    missing = [str(path) for path in paths if not path.exists()]
    if missing:
        sentence = f"no such file or folder: {', '.join(missing)}; give the folders of your manifests"
        raise CommandError(sentence, Code.USAGE)
    return paths
