"""The environment of a run, read once and checked; `protocol.Env` documents every variable.

Limits: values only; nothing here opens the token file or the result file.
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Mapping
from urllib.parse import SplitResult, urlsplit

from upwell.context import Run
from upwell.errors import InvalidEnvironment, PermanentError
from upwell.keys import AssetKey
from upwell.partitions import checked_partition
from upwell.protocol import PROTOCOL_VERSION, Env, RunKind

INDEX_VARIABLE = "JOB_COMPLETION_INDEX"
"""Kubernetes' own, in the pods of an Indexed Job."""
BUDGET_VARIABLE = "UPWELL_POST_BUDGET"
DEFAULT_BUDGET = 30.0
SCHEMES = ("http", "https")


@dataclass(frozen=True)
class Place:
    """Where a pod is: what it is part of, and where it reports to."""

    run: Run
    server: SplitResult | None
    token_file: str | None
    result_file: str | None
    budget: float


@dataclass(frozen=True)
class Settings(Place):
    """One run, as its environment tells it."""

    function: str
    asset_key: AssetKey
    inputs: Mapping[str, str | None]


@dataclass(frozen=True)
class Member:
    """One of the assets that a pod observes."""

    run: str
    key: AssetKey
    function: str
    retries: int
    timeout_seconds: int


@dataclass(frozen=True)
class GroupSettings(Place):
    """Several runs that share a pod; `run` is the Job that carries them."""

    members: tuple[Member, ...]
    failures: int = 0
    """How many pods failed before this one."""


def read(environ: Mapping[str, str]) -> Settings:
    """Read the environment of a run. Raises InvalidEnvironment naming the variable."""
    return Settings(
        **_place(environ),
        function=_needed(environ, Env.FUNCTION),
        asset_key=_key(_needed(environ, Env.ASSET_KEY)),
        inputs=_inputs(environ.get(Env.INPUTS.value) or "[]"),
    )


def read_group(environ: Mapping[str, str]) -> GroupSettings:
    """Read the environment of a pod that several runs share. Raises InvalidEnvironment naming the variable."""
    index = environ.get(INDEX_VARIABLE, "0")
    failures = environ.get(Env.FAILURES.value) or "0"
    return GroupSettings(
        **_place(environ),
        members=_members(_needed(environ, Env.MEMBERS), index),
        failures=int(failures) if failures.isdigit() else 0,
    )


def _place(environ: Mapping[str, str]) -> dict[str, Any]:
    """Read what every pod is told."""
    _check_protocol(environ.get(Env.PROTOCOL.value))
    server = _server(environ.get(Env.SERVER.value))
    run = Run(
        name=_name(environ, Env.RUN) if server else environ.get(Env.RUN.value, ""),
        kind=_kind(_needed(environ, Env.KIND)),
        namespace=_name(environ, Env.NAMESPACE) if server else environ.get(Env.NAMESPACE.value),
        attempt=environ.get(Env.ATTEMPT.value),
        partition=environ.get(Env.PARTITION.value) or None,
        partitions=_partitions(environ.get(Env.PARTITIONS.value) or "[]"),
        config=_config(environ.get(Env.CONFIG.value) or "{}"),
    )
    return {
        "run": run,
        "server": server,
        "token_file": environ.get(Env.TOKEN_FILE.value),
        "result_file": environ.get(Env.RESULT.value),
        "budget": _budget(environ.get(BUDGET_VARIABLE)),
    }


def _members(text: str, index: str) -> tuple[Member, ...]:
    """Read the assets that this pod observes, of all that share its Job."""
    try:
        mine = [one for one in json.loads(text) if str(one["pod"]) == index]
        return tuple(
            Member(one["run"], _key(one["key"]), one["function"], one["retries"], one["timeoutSeconds"]) for one in mine
        )
    except (ValueError, TypeError, KeyError) as error:
        raise InvalidEnvironment(f"{Env.MEMBERS.value} is no JSON list of assets: {text!r:.200}") from error


def _needed(environ: Mapping[str, str], name: Env) -> str:
    """Give a variable that no run is without."""
    value = environ.get(name.value)
    if not value:
        raise InvalidEnvironment(
            f"{name.value} is not set; `python -m upwell.runner` is started by Upwell in a run's pod"
            " (without Upwell, call upwell.observe([…]) or upwell.materialize([…]))"
        )
    return value


def _name(environ: Mapping[str, str], name: Env) -> str:
    """Give a variable that becomes part of a URL: a Kubernetes name."""
    value = _needed(environ, name)
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", value):
        raise InvalidEnvironment(f"{name.value}={value!r:.100}: it is a name of letters, digits, `-`, `_` and `.`")
    return value


def _check_protocol(version: str | None) -> None:
    """Refuse to be started by an operator that speaks another protocol."""
    if version not in (None, "", PROTOCOL_VERSION):
        raise InvalidEnvironment(
            f"{Env.PROTOCOL.value}={version!r}, but this SDK speaks protocol {PROTOCOL_VERSION}; an `upwell` of another"
            " version comes first on PYTHONPATH: remove it from the image"
        )


def _server(url: str | None) -> SplitResult | None:
    """Read the server's URL, http[s]://host[:port][/path]; without one, everything goes to the result file."""
    if not url:
        return None
    with suppress(ValueError):  # a port that is no number, half an IPv6 address
        parts = urlsplit(url)
        if _is_plain(parts) and re.fullmatch("[!-~]+", url):
            return parts
    raise InvalidEnvironment(f"{Env.SERVER.value}: {url!r:.200} is no URL such as http://upwell-server:8080")


def _is_plain(url: SplitResult) -> bool:
    """Tell a URL of scheme, host, port and path from everything else. Raises ValueError."""
    more = url.username is not None or url.query or url.fragment
    return url.scheme in SCHEMES and bool(url.hostname) and url.port != 0 and not more


def _kind(text: str) -> RunKind:
    """Read what the run does."""
    try:
        return RunKind(text)
    except ValueError as error:
        kinds = " or ".join(kind.value for kind in RunKind)
        raise InvalidEnvironment(f"{Env.KIND.value}={text!r:.100}: it is {kinds}") from error


def _key(text: str) -> AssetKey:
    """Read the key of the run's asset."""
    try:
        return AssetKey(text)
    except PermanentError as error:
        raise InvalidEnvironment(f"{Env.ASSET_KEY.value}: {error}") from error


def _inputs(text: str) -> dict[str, str | None]:
    """Read the versions that the run consumes, by key."""
    try:
        return {item["key"]: item.get("dataVersion") for item in json.loads(text)}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InvalidEnvironment(f"{Env.INPUTS.value} is no JSON list of inputs: {text!r:.200}") from error


def _partitions(text: str) -> tuple[str, ...]:
    """Read which partitions the run is asked to look at."""
    try:
        return tuple(map(checked_partition, json.loads(text)))
    except (ValueError, TypeError, PermanentError) as error:
        raise InvalidEnvironment(f"{Env.PARTITIONS.value} is no JSON list of partitions: {text!r:.200}") from error


def _config(text: str) -> dict[str, Any]:
    """Read the values of the function's Config."""
    with suppress(ValueError):
        values = json.loads(text)
        if isinstance(values, dict):
            return values
    raise InvalidEnvironment(f'{Env.CONFIG.value} is no JSON object such as {{"date": "2026-01-31"}}: {text!r:.200}')


def _budget(text: str | None) -> float:
    """Read how many seconds the end of a run may wait for the server."""
    try:
        seconds = float(text) if text else DEFAULT_BUDGET
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= 3600:  # noqa: PLR2004 - an hour; also refuses NaN
        raise InvalidEnvironment(f"{BUDGET_VARIABLE}={text!r:.100}: it is a number of seconds from 0 to 3600")
    return seconds
