"""kopf's memory of objects, of which none is wanted: where nothing is kept, nothing is written, and nothing copied.

By default kopf takes a deep copy of every object that it hears of, to find out what changed since a handler last ran,
and removes its own notes from two more; with `on.event` handlers alone nobody ever asks, and it is most of its time.

Limits: handlers that depend on what was before (`on.create`, `on.update`, timers) would run at every event with this.
"""

from __future__ import annotations

from typing import Any

import kopf


class NoDiffBase(kopf.DiffBaseStorage):
    """Remembers no earlier state of an object."""

    def build(self, **_: Any) -> Any:
        """Give an essence that never differs."""
        return {}

    def fetch(self, **_: Any) -> None:
        """Give the state at the last handling: there is none."""

    def store(self, **_: Any) -> None:
        """Keep nothing."""


class NoProgress(kopf.ProgressStorage):
    """Remembers no progress of handlers."""

    def fetch(self, **_: Any) -> None:
        """Give the progress of a handler: there is none."""

    def store(self, **_: Any) -> None:
        """Keep nothing."""

    def purge(self, **_: Any) -> None:
        """Remove nothing."""

    def touch(self, **_: Any) -> None:
        """Mark nothing."""

    def clear(self, *, essence: Any) -> Any:
        """Give the essence as it is: there is nothing of ours in it."""
        return essence
