"""What an Asset's status says of its guard, and the way back: nothing of it is lost with Redis but long figures."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from upwell_operator.domain.conditions import timestamp
from upwell_operator.domain.guard import Figures, written
from upwell_operator.domain.runs import read_time
from upwell_operator.domain.snapshot import Arrived, AssetState

Json = dict[str, Any]
MOST_FIGURES, FIGURE_CHARS = 10, 256
"""What they may take of an asset's status; one that is left out is missing after Redis was lost, and then holds."""


def guard_status(state: AssetState) -> Json:
    """Give the held version, and the figures of the accepted one."""
    texts = ((label, written(value)) for label, value in known(state).items())
    short = [(label, text) for label, text in texts if len(text) <= FIGURE_CHARS][:MOST_FIGURES]
    return {"guard": {"figures": dict(short)} if short else None, "held": _held(state.arrived)}


def _held(arrived: Arrived | None) -> Json | None:
    if arrived is None or not arrived.held:
        return None
    since = {"since": timestamp(arrived.since)} if arrived.since else {}
    return {"version": arrived.version, **since, "message": arrived.held}


def remembered_guard(status: Json) -> Json:
    """Give the fields of a state that a status remembers of its guard."""
    held, figures = status.get("held"), (status.get("guard") or {}).get("figures") or {}
    if not held and not figures:
        return {}
    read = {}
    for name, text in figures.items():
        with suppress(ValueError):  # somebody else has written there
            read[name] = json.loads(text)
    arrived = Arrived(held["version"], read_time(held.get("since")), held.get("message", "")) if held else None
    return {"accepted": True, "figures": packed(read), "arrived": arrived}


def known(state: AssetState) -> Json:
    """Give the figures of the accepted version."""
    figures: Json = json.loads(state.figures or "{}")
    return figures


def packed(figures: Figures) -> str:
    """Write figures as a state keeps them; nothing is nothing."""
    return written(figures) if figures else ""
