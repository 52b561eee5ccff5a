"""`upwell versions`: what an asset has been, and what was built from each: how far a bad version has come.

Tables show the first twelve characters of a version, so that is what people have at hand: a beginning is enough where
only one known version has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import typer

from upwell_operator.cli import assets as of
from upwell_operator.cli.client import Api, connect
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.options import Connection
from upwell_operator.cli.output import age, columns, emit, utc_now
from upwell_operator.domain.texts import SHORT

HEAD = ("VERSION", "STATE", "FIRST SEEN", "LAST SEEN", "TIMES", "BUILT FROM IT", "RUN")
BUILT_HEAD = ("ASSET", "VERSION", "FROM", "STILL", "AGE", "RUN")
NEWEST = 1000
"""Versions of an asset among which the one meant is looked for."""
NAMES = 3
"""Assets that a cell names."""


async def show(to: Connection, name: str, limit: int) -> None:
    """Print the newest versions of an asset."""
    async with connect(to) as api:
        (asset,) = await of.find(api, to.namespace, [name])
        found = await api.pages(f"{of.path_of(asset)}/versions", limit)
    barred = set(quarantined(asset))
    lines = table(found, barred, to.namespace, utc_now(), held=of.held_of(asset))
    emit(to.output, {"items": found}, lambda: lines or ["No versions."])


async def show_built_from(to: Connection, name: str, version: str) -> None:
    """Print what was built from a version, the nearest first. Raises CommandError for one that the asset never had."""
    async with connect(to) as api:
        (asset,) = await of.find(api, to.namespace, [name])
        whole = meant(version, await known(api, asset), of.key_of(asset))
        found = await api.get(f"{of.path_of(asset)}/built-from", version=whole)
    lines = built_table(found["items"], to.namespace, utc_now())
    emit(to.output, found, lambda: lines or [f"Nothing is known to be built from {of.key_of(asset)} {whole[:SHORT]}."])
    for note in notes(found):
        typer.echo(note, err=True)


async def known(api: Api, asset: of.Object) -> list[str]:
    """Give the versions that an asset is known to have had, the newest first."""
    return [str(one["dataVersion"]) for one in await api.pages(f"{of.path_of(asset)}/versions", NEWEST)]


def quarantined(asset: of.Object) -> list[str]:
    """Give the versions that are quarantined now."""
    return [str(one["dataVersion"]) for one in asset.get("spec", {}).get("quarantine") or []]


def meant(text: str, among: Iterable[str], key: str) -> str:
    """Give the one version that is this text, or begins with it. Raises CommandError when it is none or several."""
    found = {one for one in among if one.startswith(text)}
    if text in found or len(found) == 1:
        return text if text in found else found.pop()
    if found:
        raise CommandError(f"{len(found)} versions of {key} begin with {text!r}; write more of it", Code.USAGE)
    raise CommandError(f"no such version of {key} begins with {text!r}; see `upwell versions {key}`", Code.NOT_FOUND)


def table(
    versions: Sequence[Mapping[str, Any]], barred: set[str], home: str, now: datetime, *, held: str = ""
) -> list[str]:
    """Give a line a version."""
    rows = [
        (
            one["dataVersion"][:SHORT],
            ", ".join(_states(one, barred, held)),
            age(one["firstSeen"], now),
            age(one["lastSeen"], now),
            one["times"],
            names(one, home),
            one.get("run"),
        )
        for one in versions
    ]
    return columns(HEAD, rows)


def _states(one: Mapping[str, Any], barred: set[str], held: str) -> list[str]:
    version = one["dataVersion"]
    return ["held"] * (version == held) + ["current"] * one["current"] + ["quarantined"] * (version in barred)


def names(version: Mapping[str, Any], home: str) -> str:
    """Name the assets that were built from a version, and say how many builds more there were."""
    named = list(dict.fromkeys(seen(one, home) for one in version.get("built") or ()))
    shown = named[:NAMES]
    more = len(named) - len(shown) + max(0, version.get("builds", 0) - len(version.get("built") or ()))
    return ", ".join([*shown, *([f"{more} more"] if more else [])])


def built_table(builds: Sequence[Mapping[str, Any]], home: str, now: datetime) -> list[str]:
    """Give a line a build; `still` if that is what the asset is now."""
    rows = [
        (
            seen(one, home),
            one["dataVersion"][:SHORT],
            f"{seen(one['input'], home)} {one['input']['dataVersion'][:SHORT]}",
            "yes" if one["current"] else "no",
            age(one["time"], now),
            one.get("run"),
        )
        for one in builds
    ]
    return columns(BUILT_HEAD, rows)


def notes(found: Mapping[str, Any]) -> list[str]:
    """Say what is missing from the table."""
    hidden = found["hidden"]
    said = [f"{hidden} more in namespaces whose assets you may not list"] if hidden else []
    return [*said, "there may be more: the search ended at its limit"] if found["endedEarly"] else said


def seen(data: Mapping[str, Any], home: str) -> str:
    """Give a key, with its namespace where it is another one."""
    return str(data["key"]) if data["namespace"] == home else f"{data['namespace']}/{data['key']}"
