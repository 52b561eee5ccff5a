"""Freshness by brute force: the table of the design, row by row, for one asset at a time, with nothing remembered.

Written from the table and not from the product's code. Takes specs and the store's facts; gives status and reason of
the condition Fresh. Limits: one namespace, keys are names, no cycles and no rivals for a key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from upwell_operator.domain.snapshot import UNKNOWN_STATE, AssetState, Materialization

Json = dict[str, Any]


class Fresh(NamedTuple):
    """What the condition shall say."""

    status: str
    reason: str


class Oracle:
    """Judges the assets of one namespace at one moment."""

    def __init__(self, specs: Mapping[str, Json], states: Mapping[str, AssetState], now: datetime) -> None:
        self._specs, self._states, self._now = specs, states, now

    def fresh(self, name: str) -> Fresh:
        """Judge one asset."""
        spec = self._specs[name]
        for dep in deps_of(spec):
            if dep not in self._specs:
                return Fresh("Unknown", "DependencyNotFound")
        return self._derived(name, spec) if "materialize" in spec else self._source(name, spec)

    def _state(self, name: str) -> AssetState:
        return self._states.get(name, UNKNOWN_STATE)

    def _source(self, name: str, spec: Json) -> Fresh:
        state = self._state(name)
        if self._too_old(spec, state.observation and state.observation.time):
            return Fresh("False", "FreshnessExpired")
        if state.failure is not None and state.failure.kind == "observe":
            return Fresh("Unknown", "ObservationFailed")
        if state.version is None:
            return Fresh("Unknown", "NeverObserved")
        return Fresh("True", "UpToDate")

    def _derived(self, name: str, spec: Json) -> Fresh:
        made = self._state(name).materialization
        if made is None:
            return Fresh("False", "NeverMaterialized")
        return next((verdict for holds, verdict in self._rows(spec, made) if holds), Fresh("True", "UpToDate"))

    def _rows(self, spec: Json, made: Materialization) -> Iterator[tuple[bool, Fresh]]:
        """Give the rows of the table in their order: whether each holds, and what it says."""
        deps, code = deps_of(spec), spec.get("codeVersion")
        then = {one.key: one.data_version for one in made.inputs}
        now = {dep: self._state(dep).version for dep in deps}
        yield set(then) != set(now), Fresh("False", "DependenciesChanged")
        yield code is not None and code != made.code_version, Fresh("False", "CodeChanged")
        changed = (now[dep] is not None and now[dep] != then[dep] for dep in deps)
        yield any(changed), Fresh("False", "UpstreamDataChanged")
        above = {dep: self.fresh(dep) for dep in deps}
        sources = [dep for dep in deps if "materialize" not in self._specs[dep]]
        derived = [dep for dep in deps if "materialize" in self._specs[dep]]
        yield any(above[dep].status == "False" for dep in derived), Fresh("False", "UpstreamStale")
        yield self._too_old(spec, made.time), Fresh("False", "FreshnessExpired")
        yield any(now[dep] is None for dep in sources), Fresh("Unknown", "UpstreamUnobserved")
        yield any(above[dep].status != "True" for dep in sources), Fresh("Unknown", "ObservationFailed")
        yield any(one.status == "Unknown" for one in above.values()), Fresh("Unknown", "UpstreamUnknown")

    def _too_old(self, spec: Json, when: datetime | None) -> bool:
        lag = (spec.get("freshness") or {}).get("maximumLag")
        return lag is not None and when is not None and self._now >= when + _duration(lag)


def deps_of(spec: Json) -> list[str]:
    """Give the names of an asset's inputs."""
    return [dep["name"] for dep in spec.get("deps") or ()]


def _duration(text: str) -> timedelta:
    units = {"d": 86400, "h": 3600, "m": 60, "s": 1}
    return timedelta(seconds=sum(int(count) * units[unit] for count, unit in re.findall(r"(\d+)([dhms])", text)))
