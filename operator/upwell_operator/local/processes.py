"""The job controller of the laptop: every Job of the memory cluster becomes processes, with retries and deadlines.

It watches Jobs, creates their pods one after the other, lets the kubelet run each, and writes the Job's status as
Kubernetes would: active, succeeded, failed, conditions Complete and Failed. A deleted Job's processes are ended.
Limits: one completion, or an Indexed Job, `parallelism` of whose indexes run at once; `suspend` holds a Job back only
before it starts; a pod that passed its deadline stays visible, where a cluster deletes it; as many pods run at once as
`at_once` says, the others are Pending.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from functools import partial
from itertools import count
from pathlib import Path
from typing import Self

from upwell_operator.cluster.port import Object
from upwell_operator.errors import NotFound
from upwell_operator.local.groups import Groups
from upwell_operator.local.kubelet import Kubelet
from upwell_operator.local.memory import MemoryCluster
from upwell_operator.local.objects import stamp
from upwell_operator.local.verdicts import Next, Verdict, finished, indexes, judge, pause, pod_of, whole

_Counts = Counter[int | None]
"""Failed pods, by index; a Job without indexes counts under None."""
log = logging.getLogger(__name__)


class Processes:
    """Runs the Jobs of a memory cluster as processes; an async context manager, at whose end nothing is left running.

    `data` takes logs, volumes and pods' folders; processes start in `workdir` (the folder of `upwell dev`).
    """

    def __init__(
        self,
        cluster: MemoryCluster,
        groups: Groups,
        data: Path,
        *,
        workdir: Path | None = None,
        at_once: int | None = None,
    ) -> None:
        self._cluster = cluster
        self._kubelet = Kubelet(cluster, groups, data, workdir or Path.cwd())
        self._slots = asyncio.Semaphore(at_once or max(4, 2 * (os.cpu_count() or 1)))
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._watcher: asyncio.Task[None] | None = None
        self._watch = cluster.watch("jobs")

    async def __aenter__(self) -> Self:
        """Begin with the Jobs that exist."""
        await self._kubelet.begin()
        self._cluster.log_reader = self._kubelet.logs.read
        self._watcher = asyncio.create_task(self._listen(), name="jobs of the laptop")
        return self

    async def __aexit__(self, *exc: object) -> None:
        """End everything."""
        self._watch.close()
        self._kubelet.hurry()
        tasks = [*self._tasks.values(), *([self._watcher] if self._watcher else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _listen(self) -> None:
        async for event, job in self._watch:
            uid = job["metadata"]["uid"]
            if event == "DELETED":
                if task := self._tasks.get(uid):
                    task.cancel()
            elif uid not in self._tasks and await self._waits(job):
                self._tasks[uid] = task = asyncio.create_task(self._job(job), name=f"job {job['metadata']['name']}")
                task.add_done_callback(partial(self._forget, uid))

    async def _waits(self, job: Object) -> bool:
        """Say whether the Job, as it is now and not as it was when the event was made, is to be started."""
        try:
            stands = await self._current(job)
        except NotFound:
            return False
        return not finished(stands) and not stands["spec"].get("suspend")

    def _forget(self, uid: str, _: asyncio.Task[None]) -> None:
        self._tasks.pop(uid, None)

    async def _job(self, job: Object) -> None:
        """Run one Job to its end; whatever goes wrong with it is its own failure, never another's."""
        try:
            await self._until_deadline(job)
        except NotFound:
            log.debug("job %s is gone", job["metadata"]["name"])
        except Exception as error:  # a bug here must not leave the Job active for ever
            log.exception("job %s could not be run", job["metadata"]["name"])
            await self._end(
                job, Verdict(Next.FAILED, "InternalError", f"the laptop's job controller failed: {error!r}"), 1
            )

    async def _until_deadline(self, job: Object) -> None:
        await self._status(job, {"startTime": stamp(self._cluster.now()), "active": 1})
        try:
            async with asyncio.timeout(job["spec"].get("activeDeadlineSeconds")) as limit:
                await self._attempts(job)
        except TimeoutError:
            if not limit.expired():
                raise
            verdict = Verdict(Next.FAILED, "DeadlineExceeded", "Job was active longer than specified deadline")
            failed = (await self._current(job)).get("status", {}).get("failed", 0)
            await self._end(job, verdict, failed + 1)

    async def _attempts(self, job: Object) -> None:
        counts = _Counts()
        several = indexes(job)
        if several is None:
            verdict = await self._index(job, None, counts)
        else:
            verdict = whole(await self._indexes(job, several, counts))
        await self._end(job, verdict, sum(counts.values()), 1 if several is None else len(several))

    async def _indexes(self, job: Object, several: range, counts: _Counts) -> list[Verdict]:
        """Run all indexes, as many at once as the Job says; one that fails leaves the others alone."""
        gate = asyncio.Semaphore(job["spec"].get("parallelism", 1))

        async def one(index: int) -> Verdict:
            async with gate:
                return await self._index(job, index, counts)

        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(one(index)) for index in several]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        return [task.result() for task in tasks]

    async def _index(self, job: Object, index: int | None, counts: _Counts) -> Verdict:
        """Run the pods of one index, or of a Job without any, until it is complete or failed."""
        attempts = count()
        while True:
            pod = await self._cluster.create("pods", pod_of(job, next(attempts), index, counts[index]))
            async with self._slots:
                ended = await self._kubelet.run(pod)
            counts[index] += ended.code != 0
            verdict = judge(job, pod["metadata"]["name"], ended, counts[index])
            if verdict.next in (Next.COMPLETE, Next.FAILED):
                return verdict
            counts[index] -= verdict.next is Next.IGNORE
            await self._status(job, {"failed": sum(counts.values()), "active": 1})
            await asyncio.sleep(pause(counts[index]))

    async def _end(self, job: Object, verdict: Verdict, failed: int, completions: int = 1) -> None:
        moment = stamp(self._cluster.now())
        complete = verdict.next is Next.COMPLETE
        condition = {"type": verdict.next.value, "status": "True", "reason": verdict.reason, "message": verdict.message}
        condition |= {"lastProbeTime": moment, "lastTransitionTime": moment}
        counts: Object = {"active": 0, "failed": failed or None, "succeeded": completions if complete else None}
        done = {"completionTime": moment} if complete else {}
        await self._status(job, {**counts, **done, "conditions": [condition]})

    async def _status(self, job: Object, status: Object) -> None:
        await self._current(job)
        meta = job["metadata"]
        await self._cluster.patch_status("jobs", meta["namespace"], meta["name"], {"status": status})

    async def _current(self, job: Object) -> Object:
        """Read the Job again. Raises NotFound, also when only a namesake stands there."""
        meta = job["metadata"]
        stands = await self._cluster.get("jobs", meta["namespace"], meta["name"])
        if stands["metadata"]["uid"] != meta["uid"]:
            raise NotFound(f"job {meta['name']} was deleted, and another of its name stands there")
        return stands
