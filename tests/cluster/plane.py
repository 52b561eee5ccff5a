"""A driver that plays a definition's story on the real cluster: with the command line's own verbs, as a user would.

Limits: the volumes are folders of the node, which on the built cluster are folders of this machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from local_plane import succeeds
from upwell_operator.cli import asking, jobs
from upwell_operator.cli.client import connect
from upwell_operator.cli.history import newest_runs
from upwell_operator.cli.options import Connection

PATIENCE = 120.0
"""Seconds for a run: on a busy machine a pod takes several to start."""


class ClusterPlane:
    """Upwell on a cluster, in one namespace; `volumes` are the folders behind its claims."""

    def __init__(self, server: str, token_file: Path, namespace: str, volumes: dict[str, Path]) -> None:
        self.to = Connection(server=server, token_file=token_file, namespace=namespace)
        self.volumes = volumes

    async def write(self, volume: str, path: str, content: bytes | None) -> None:
        file = self.volumes[volume] / path
        file.unlink() if content is None else file.write_bytes(content)

    async def read(self, volume: str, path: str) -> bytes:
        return (self.volumes[volume] / path).read_bytes()

    async def request(self, verb: str, assets: tuple[str, ...]) -> bool:
        return await succeeds(getattr(asking, verb)(self.to, assets, wait=True, patience=PATIENCE))

    async def run_job(self, name: str) -> bool:
        return await succeeds(jobs.observe(self.to, name, wait=True, patience=PATIENCE))

    async def asset(self, name: str) -> dict[str, Any]:
        return await self._get(f"/v1/assets/{self.to.namespace}/{name}")

    async def events(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self._get(f"/v1/assets/{self.to.namespace}/{name}/events"))["items"]
        return found

    async def runs(self, name: str, kind: str) -> list[dict[str, Any]]:
        async with connect(self.to) as api:
            found = await newest_runs(api, self.to.namespace, await self.asset(name), 1000)
        return [run for run in found if run["kind"] == kind]

    async def _get(self, path: str) -> dict[str, Any]:
        async with connect(self.to) as api:
            return await api.get(path)
