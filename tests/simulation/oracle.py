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


Row = tuple[bool, Fresh]


class Oracle:
    """Judges the assets of one namespace at one moment."""

    def __init__(self, specs: Mapping[str, Json], states: Mapping[str, AssetState], now: datetime) -> None:
        self._specs, self._states, self._now = specs, states, now

    def fresh(self, name: str, *, beside_quarantine: bool = False) -> Fresh:
        """Judge one asset; `beside_quarantine` as those below it see it that were built from something better."""
        spec = self._specs[name]
        if not self._is_sound(spec):
            return Fresh("Unknown", "DependencyNotFound")
        rows = self._derived(name, spec) if "materialize" in spec else self._source(name, spec)
        held = [verdict for holds, verdict in rows if holds]
        counted = [one for one in held if not (beside_quarantine and one.reason == "VersionQuarantined")]
        return counted[0] if counted else Fresh("True", "UpToDate")

    def barred(self, name: str) -> set[str | None]:
        """Give the versions of an asset that nothing may be built from: those listed, and one that came of such."""
        spec, state = self._specs[name], self._state(name)
        listed: set[str | None] = {one["dataVersion"] for one in spec.get("quarantine") or ()}
        made = state.materialization if "materialize" in spec and self._is_sound(spec) else None
        return listed | ({state.version} if made and self._built_from_barred(spec, made) else set())

    def _built_from_barred(self, spec: Json, made: Materialization) -> bool:
        then = {one.key: one.data_version for one in made.inputs}
        return any(dep in then and then[dep] in self.barred(dep) for dep in deps_of(spec))

    def _is_sound(self, spec: Json) -> bool:
        return all(dep in self._specs for dep in deps_of(spec))

    def _state(self, name: str) -> AssetState:
        return self._states.get(name, UNKNOWN_STATE)

    def _source(self, name: str, spec: Json) -> Iterator[Row]:
        state = self._state(name)
        yield state.version in self.barred(name), Fresh("False", "VersionQuarantined")
        yield self._too_old(spec, state.observation and state.observation.time), Fresh("False", "FreshnessExpired")
        failed = state.failure is not None and state.failure.kind == "observe"
        yield failed, Fresh("Unknown", "ObservationFailed")
        yield state.version is None, Fresh("Unknown", "NeverObserved")

    def _derived(self, name: str, spec: Json) -> Iterator[Row]:
        """Give the rows of the table in their order: whether each holds, and what it says."""
        made = self._state(name).materialization
        yield made is None, Fresh("False", "NeverMaterialized")
        if made is None:
            return
        yield self._state(name).version in self.barred(name), Fresh("False", "VersionQuarantined")
        deps, code = deps_of(spec), spec.get("codeVersion")
        then = {one.key: one.data_version for one in made.inputs}
        now = {dep: self._state(dep).version for dep in deps}
        yield set(then) != set(now), Fresh("False", "DependenciesChanged")
        yield code is not None and code != made.code_version, Fresh("False", "CodeChanged")
        changed = (now[dep] not in {None, then.get(dep), *self.barred(dep)} for dep in deps)
        yield any(changed), Fresh("False", "UpstreamDataChanged")
        above = {dep: self.fresh(dep, beside_quarantine=True) for dep in deps}
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
