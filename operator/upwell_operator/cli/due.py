"""What `upwell materialize --observe` builds: assets whose inputs are now at other versions than they were built from.

Versions are compared, not conditions: the operator judges an asset a moment after its input has a new version, and in
that moment the condition still tells of before. Reasons of an asset's own (never built, its code or its list of inputs
changed, too old) are taken from the status; whether it is stale because something above it is, is looked at anew once
that has been built.

Limits: what the operator builds by itself at once (Eager, without a pace, not failed) is waited for and not asked for,
since asking would build it twice. Whatever waits for a time or a person is asked for, and so is what is built by
partition: a request for what is not fresh builds nothing twice.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from upwell_operator.cli import assets as of
from upwell_operator.cli.client import Api
from upwell_operator.cli.exits import Code
from upwell_operator.cli.following import Ended, pauses
from upwell_operator.domain.deciding import OWN_REASONS
from upwell_operator.resources.meta import Reason

Versions = Mapping[str, str]
"""Data version by the asset's path; who has none is not there."""
ITS_OWN = OWN_REASONS - {Reason.UPSTREAM_DATA_CHANGED}
UP_TO_DATE = "it is built from the versions that its inputs have now"


async def sort_out(api: Api, level: Sequence[of.Object]) -> tuple[list[of.Object], list[Ended]]:
    """Read assets again; give those that are to be built, and for the others that they are left as they are."""
    found = await asyncio.gather(*(_read(api, of.path_of(asset)) for asset in level))
    left = [
        Ended(of.key_of(asset), Code.DONE, outcome="UpToDate", message=UP_TO_DATE) for asset, due in found if not due
    ]
    return [asset for asset, due in found if due], left


def is_due(asset: of.Object, versions: Versions) -> bool:
    """Say whether building an asset from these versions of its inputs would change what it was built from.

    What is built by partition always is: which of its partitions are not fresh, the operator says when it is asked.
    """
    if of.is_cut(asset):
        return True
    status = of.status_of(asset)
    if ITS_OWN & {cause.get("reason") for cause in status.get("staleCauses") or [of.condition_of(asset, "Fresh")]}:
        return True
    built = {one["name"]: one.get("dataVersion") for one in (status.get("lastMaterialization") or {}).get("inputs", [])}
    return any(path in versions and versions[path] != built.get(name) for name, path in _inputs(asset))


def builds_itself(asset: of.Object) -> bool:
    """Say whether it is enough to wait for the operator: it builds the asset at once, and that can be seen."""
    return is_eager(asset) and not of.is_cut(asset)


def is_eager(asset: of.Object) -> bool:
    """Say whether the operator builds an asset at once when its inputs have changed."""
    spec, auto = asset["spec"], asset["spec"].get("autoMaterialize") or {}
    held = (
        spec.get("suspend") or auto.get("settle") or auto.get("minInterval") or of.status_of(asset).get("lastFailure")
    )
    return auto.get("policy") == "Eager" and not held


async def until_built(api: Api, asset: of.Object, patience: float) -> Ended:
    """Wait until the operator has built an asset from what its inputs are now, for so many seconds (0: for ever)."""
    key = of.key_of(asset)
    try:
        async with asyncio.timeout(patience or None):
            return await _built(api, of.path_of(asset), key)
    except TimeoutError:
        message = f"the operator has not built it by itself in {patience:g} s; `upwell why {key}` tells more"
        return Ended(key, Code.TIMED_OUT, outcome="TimedOut", message=message)


async def _built(api: Api, path: str, key: str) -> Ended:
    async for _ in pauses():
        asset, due = await _read(api, path)
        status = of.status_of(asset)
        made, failure = status.get("lastMaterialization") or {}, status.get("lastFailure") or {}
        if failure:
            return Ended(key, Code.FAILED, failure.get("run", ""), "Failed", message=failure.get("message", ""))
        if not due:
            return Ended(key, Code.DONE, made.get("run", ""), "Materialized", made.get("dataVersion", ""))
    raise AssertionError("pauses never end")


async def _read(api: Api, path: str) -> tuple[of.Object, bool]:
    asset = await api.get(path)
    above = [one for _, one in _inputs(asset)]
    states = [of.status_of(one) for one in await asyncio.gather(*(api.get(one) for one in above))]
    versions = {one: state["dataVersion"] for one, state in zip(above, states, strict=True) if state.get("dataVersion")}
    return asset, is_due(asset, versions)


def _inputs(asset: of.Object) -> list[tuple[str, str]]:
    """Give the name and the path of each input."""
    return [(name, f"/v1/assets/{namespace}/{name}") for namespace, name in of.deps_of(asset)]
