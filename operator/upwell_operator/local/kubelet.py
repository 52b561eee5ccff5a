"""The kubelet of the laptop: runs a pod's containers as processes, one after the other, and tells the pod's status.

Everything of a pod stands in a folder of its own that goes with it; its log stays. Limits: images are not used;
sidecars are not started; limits of CPU and memory are not enforced; a container that never could be started counts as
a failed attempt, where a cluster would wait for what is missing.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from upwell.protocol import EXIT_PERMANENT
from upwell_operator.cluster.port import Object
from upwell_operator.errors import NotFound
from upwell_operator.local.groups import Groups, exit_code, inherited
from upwell_operator.local.launch import (
    CannotStartError,
    Launch,
    containers_of,
    environment,
    launch,
    main_container,
    result_path,
)
from upwell_operator.local.logs import Logs, termination_message
from upwell_operator.local.memory import MemoryCluster
from upwell_operator.local.objects import stamp
from upwell_operator.local.verdicts import Ended
from upwell_operator.local.volumes import Files, Sources, files_of, mount

log = logging.getLogger(__name__)
_NOT_FOUND, _NOT_EXECUTABLE, _START_ERROR = 127, 126, 128
_DEFAULT_GRACE = 30.0
_LAST_GRACE = 5.0


@dataclass(frozen=True, slots=True)
class _Pod:
    """A pod that is being run, with its folder, its log and its volumes' sources."""

    obj: Object
    folder: Path
    log: Path
    sources: Sources

    @property
    def place(self) -> tuple[str, str]:
        return self.obj["metadata"]["namespace"], self.obj["metadata"]["name"]


class Kubelet:
    """Runs pods of a memory cluster with files below `data`, starting them in `workdir`."""

    def __init__(self, cluster: MemoryCluster, groups: Groups, data: Path, workdir: Path) -> None:
        self._cluster = cluster
        self._groups = groups
        self._data = data
        self._workdir = workdir
        self.logs = Logs(data / "logs")
        self.longest_grace = _DEFAULT_GRACE
        self._said_images = False

    async def begin(self) -> None:
        """Clear away what an earlier process that was killed has left."""
        await asyncio.to_thread(shutil.rmtree, self._data / "pods", ignore_errors=True)
        await asyncio.to_thread(self.logs.prune)

    async def run(self, pod: Object) -> Ended:
        """Run a stored pod to its end. Cancelled, it ends the processes (SIGTERM, then SIGKILL) before it returns."""
        running = await self._prepare(pod)
        try:
            ended = await self._containers(running)
            await self._phase(running, "Succeeded" if ended.code == 0 else "Failed")
        except asyncio.CancelledError:
            await self._phase(running, "Failed")
            raise
        else:
            return ended
        finally:
            await asyncio.to_thread(shutil.rmtree, running.folder, ignore_errors=True)

    async def _prepare(self, pod: Object) -> _Pod:
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        folder = self._data.absolute() / "pods" / namespace / name
        await asyncio.to_thread(_fresh, folder)
        objects = {
            (resource, obj["metadata"]["name"]): obj
            for resource in ("configmaps", "secrets")
            for obj in (await self._cluster.list(resource, namespace)).items
        }

        def files(resource: str, wanted: str) -> Files | None:
            found = objects.get((resource, wanted))
            return files_of(found) if found else None

        def token(audience: str) -> str:
            return self._cluster.issue_token(namespace, name, audience)

        sources = Sources(files, token, self._data.absolute() / "volumes")
        return _Pod(pod, folder, self.logs.path(namespace, name), sources)

    async def _containers(self, pod: _Pod) -> Ended:
        ended = Ended(0)
        for container in containers_of(pod.obj):
            ended = await self._container(pod, container)
            if ended.code:
                break
        return ended

    async def _container(self, pod: _Pod, container: Object) -> Ended:
        started = stamp(self._cluster.now())
        try:
            plan = await asyncio.to_thread(_plan, pod, container, self._workdir)
            self._say_images(container)
            ended = await self._process(pod, container, plan, started)
        except CannotStartError as error:
            code = EXIT_PERMANENT if error.permanent else _START_ERROR
            ended = Ended(code, str(error), container["name"], "CreateContainerConfigError")
        except OSError as error:
            ended = Ended(_os_code(error), _os_message(error, container), container["name"], "StartError")
        await self._tell(pod, container, {"terminated": self._terminated(ended, started)})
        return ended

    async def _process(self, pod: _Pod, container: Object, plan: Launch, started: str) -> Ended:
        # Cancelled while it starts, asyncio would kill the process without asking it; so starting is a task of its own.
        starting = asyncio.create_task(self._start(pod, plan))
        try:
            process = await asyncio.shield(starting)
            await self._tell(pod, container, {"running": {"startedAt": started}})
            code = exit_code(await self._groups.wait(process))
        except asyncio.CancelledError:
            with contextlib.suppress(OSError):
                code = exit_code(await self._groups.end(await starting, self._grace(pod.obj)))
                ended = _ended(pod, container, plan, code)
                await self._tell(pod, container, {"terminated": self._terminated(ended, started)})
            raise
        return await asyncio.to_thread(_ended, pod, container, plan, code)

    async def _start(self, pod: _Pod, plan: Launch) -> asyncio.subprocess.Process:
        with pod.log.open("ab") as output:
            return await self._groups.start(plan.argv, output=output, env=_whole_env(plan), folder=plan.folder)

    def _grace(self, pod: Object) -> float:
        return min(float(pod["spec"].get("terminationGracePeriodSeconds", _DEFAULT_GRACE)), self.longest_grace)

    def hurry(self) -> None:
        """Give processes five seconds to end from now on: we are being stopped."""
        self.longest_grace = _LAST_GRACE

    def _terminated(self, ended: Ended, started: str) -> Object:
        reason = ended.reason or ("Completed" if ended.code == 0 else "Error")
        state = {
            "exitCode": ended.code,
            "reason": reason,
            "startedAt": started,
            "finishedAt": stamp(self._cluster.now()),
        }
        return {**state, "message": ended.message} if ended.message else state

    async def _tell(self, pod: _Pod, container: Object, state: Object) -> None:
        main = container["name"] == main_container(pod.obj)["name"]
        running = "running" in state
        status = {"name": container["name"], "image": container["image"], "restartCount": 0, "state": state}
        status |= {"imageID": "", "ready": running, "started": running}
        patch: Object = {"containerStatuses" if main else "initContainerStatuses": [status]}
        if running:
            patch |= {"phase": "Running" if main else "Pending", "startTime": state["running"]["startedAt"]}
        await self._patch(pod, patch)

    async def _phase(self, pod: _Pod, phase: str) -> None:
        await self._patch(pod, {"phase": phase})

    async def _patch(self, pod: _Pod, status: Object) -> None:
        try:
            await self._cluster.patch_status("pods", *pod.place, {"status": status})
        except NotFound:
            log.debug("pod %s/%s is gone; its status is told to nobody", *pod.place)

    def _say_images(self, container: Object) -> None:
        if not self._said_images:
            self._said_images = True
            log.info(
                "images are not used on a laptop: %s and others run with the programs of this machine",
                container["image"],
            )


def _fresh(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)


def _plan(pod: _Pod, container: Object, workdir: Path) -> Launch:
    """Make volumes and work out what to start. Raises CannotStartError, OSError."""

    def lookup(resource: str, name: str) -> dict[str, str] | None:
        files = pod.sources.files(resource, name)
        return None if files is None else {key: data.decode(errors="replace") for key, data in files.items()}

    result = pod.folder / f"result-{container['name']}"
    result.touch()
    places = {**mount(pod.obj, container, pod.folder, pod.sources), result_path(container): result}
    return launch(container, environment(container, pod.obj, lookup), places, workdir=workdir)


def _whole_env(plan: Launch) -> dict[str, str]:
    ours = inherited()
    env = {**ours, **plan.env}
    if "PYTHONPATH" in plan.env and "PYTHONPATH" in ours:
        env["PYTHONPATH"] = os.pathsep.join((plan.env["PYTHONPATH"], ours["PYTHONPATH"]))
    return env


def _ended(pod: _Pod, container: Object, plan: Launch, code: int) -> Ended:
    return Ended(code, termination_message(container, code, plan.result, pod.log), container["name"])


def _os_code(error: OSError) -> int:
    codes: Callable[[type[OSError]], int | None] = {FileNotFoundError: _NOT_FOUND, PermissionError: _NOT_EXECUTABLE}.get
    return codes(type(error)) or _START_ERROR


def _os_message(error: OSError, container: Object) -> str:
    return (
        f"container {container['name']!r} cannot be started: {error.filename or ''}: {error.strerror or error}; on "
        "a laptop its image is not used, so the program and the working folder must exist on this machine"
    )
