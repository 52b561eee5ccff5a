"""`upwell release`: let the data version pass that an asset's guard holds."""

from __future__ import annotations

from upwell_operator.cli import assets as of
from upwell_operator.cli.client import connect
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.options import Connection
from upwell_operator.cli.output import emit


async def release(to: Connection, name: str, version: str | None) -> None:
    """Release the held version. Raises CommandError when none is held, or another one than was named."""
    async with connect(to) as api:
        (asset,) = await of.find(api, to.namespace, [name])
        done = await api.post(f"{of.path_of(asset)}/held/release", version=_meant(asset, version))
    emit(to.output, done, lambda: [f"{of.key_of(asset)}: version {done['version']} is released."])


def _meant(asset: of.Object, version: str | None) -> str:
    key, held = of.key_of(asset), of.held_of(asset)
    if not held:
        raise CommandError(f"no version of {key} is held; `upwell why {key}` says how it is", Code.NOT_FOUND)
    if not held.startswith(version or ""):
        raise CommandError(f"{key} holds no version that begins with {version!r}; it holds {held}", Code.NOT_FOUND)
    return held
