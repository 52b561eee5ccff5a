"""Jobs as real processes: success, retries, deadlines, deletion, results, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from upwell_operator.local import verdicts
from upwell_operator.local.groups import Groups
from upwell_operator.local.memory import MemoryCluster
from upwell_operator.local.processes import Processes

Json = dict[str, Any]
PERMANENT = {
    "rules": [{"action": "FailJob", "onExitCodes": {"containerName": "run", "operator": "In", "values": [78]}}]
}
pytestmark = pytest.mark.timeout(30)


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdicts, "FIRST_PAUSE", 0.01)


INDEXED = {
    "completionMode": "Indexed",
    "completions": 3,
    "parallelism": 2,
    "backoffLimitPerIndex": 1,
    "podFailurePolicy": {
        "rules": [{"action": "FailIndex", "onExitCodes": {"containerName": "run", "operator": "In", "values": [78]}}]
    },
}


class Laptop:
    """A cluster whose Jobs run."""

    def __init__(self, cluster: MemoryCluster, data: Path) -> None:
        self.cluster, self.data = cluster, data

    async def job(self, script: str, container: Json | None = None, pod: Json | None = None, **spec: Any) -> Json:
        """Create a Job that runs a shell script."""
        main = {"name": "run", "image": "localhost/shell:1", "command": ["/bin/sh", "-c", script], **(container or {})}
        template = {"spec": {"restartPolicy": "Never", "containers": [main], **(pod or {})}}
        meta = {"name": "run", "namespace": "shop"}
        return await self.cluster.create(
            "jobs", {"metadata": meta, "spec": {"backoffLimit": 0, "template": template, **spec}}
        )

    async def ended(self) -> Json:
        """Wait for the Job's end; gives its only condition, and its counts."""
        async for _, job in self.cluster.watch("jobs"):
            if verdicts.finished(job):
                status: Json = job["status"]
                return {
                    **status["conditions"][0],
                    **{name: status.get(name, 0) for name in ("active", "succeeded", "failed")},
                }
        raise AssertionError

    async def pods(self) -> list[Json]:
        """Give the pods in the order of their creation."""
        items = (await self.cluster.list("pods", "shop", "job-name=run")).items
        return sorted(items, key=lambda pod: int(pod["status"].get("attempt", 0)))

    async def main(self) -> Json:
        """Give how the main container of the only pod ended."""
        (pod,) = await self.pods()
        state: Json = pod["status"]["containerStatuses"][0]["state"]["terminated"]
        return state

    async def log(self) -> str:
        """Give the log of the only pod."""
        (pod,) = await self.pods()
        return await self.cluster.pod_log("shop", pod["metadata"]["name"])

    async def pid(self, file: Path) -> int:
        """Wait for a process to have written its id."""
        await until(lambda: file.exists() and file.read_text().endswith("\n"))
        return int(await asyncio.to_thread(file.read_text))


@asynccontextmanager
async def running(tmp_path: Path, **options: Any) -> AsyncIterator[Laptop]:
    cluster = MemoryCluster()
    async with Groups() as groups, Processes(cluster, groups, tmp_path / "data", workdir=tmp_path, **options):
        yield Laptop(cluster, tmp_path / "data")


@pytest.fixture
async def laptop(tmp_path: Path) -> AsyncIterator[Laptop]:
    async with running(tmp_path) as laptop:
        yield laptop


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z" if Path("/proc").exists() else True


async def gone(pid: int) -> None:
    await until(lambda: not alive(pid))


async def until(holds: Callable[[], bool]) -> None:
    while not holds():  # noqa: ASYNC110  # a process writes no asyncio.Event
        await asyncio.sleep(0.01)


INDEXES = {
    "all are complete": ("exit 0", "Complete", {"succeeded": 3, "failed": 0}),
    "one fails for good, and the others go on": (
        '[ "$JOB_COMPLETION_INDEX" = 1 ] && exit 78; exit 0',
        "Failed",
        {"succeeded": 0, "failed": 1},
    ),
    "one is tried again": ('[ "$JOB_COMPLETION_INDEX$FAILURES" = 20 ] && exit 1; exit 0', "Complete", {"failed": 1}),
    "one is tried too often": ('[ "$JOB_COMPLETION_INDEX" = 2 ] && exit 1; exit 0', "Failed", {"failed": 2}),
}


@pytest.mark.parametrize(("script", "ending", "counts"), INDEXES.values(), ids=INDEXES.keys())
async def test_every_index_of_a_job_has_its_own_pods(laptop: Laptop, script: str, ending: str, counts: Json) -> None:
    path = "metadata.annotations['batch.kubernetes.io/job-index-failure-count']"
    variables = [{"name": "FAILURES", "valueFrom": {"fieldRef": {"fieldPath": path}}}]
    await laptop.job(script, {"env": variables}, **INDEXED)
    ended = await laptop.ended()
    assert ended["type"] == ending
    assert {name: ended[name] or 0 for name in counts} == counts
    indexes = [pod["metadata"]["labels"]["batch.kubernetes.io/job-completion-index"] for pod in await laptop.pods()]
    assert set(indexes) == {"0", "1", "2"}


async def test_an_indexed_job_that_is_deleted_leaves_nothing_running(laptop: Laptop, tmp_path: Path) -> None:
    await laptop.job(f"echo $$$$ > {tmp_path}/$JOB_COMPLETION_INDEX; exec sleep 60", **INDEXED)
    files = [tmp_path / "0", tmp_path / "1"]
    await until(lambda: all(file.exists() and file.read_text() for file in files))
    await laptop.cluster.delete("jobs", "shop", "run")
    for file in files:
        await gone(int(file.read_text()))


async def test_a_script_that_succeeds_completes_its_job_and_leaves_its_result(laptop: Laptop) -> None:
    script = 'echo working; printf \'{"dataVersion": "v1"}\' > "$UPWELL_RESULT"'
    await laptop.job(script, {"env": [{"name": "UPWELL_RESULT", "value": "/dev/termination-log"}]})
    ended = await laptop.ended()
    assert (ended["type"], ended["succeeded"], ended["failed"], ended["active"]) == ("Complete", 1, 0, 0)
    main = await laptop.main()
    assert (main["exitCode"], main["reason"], main["message"]) == (0, "Completed", '{"dataVersion": "v1"}')
    assert await laptop.log() == "working\n"
    assert [pod["status"]["phase"] for pod in await laptop.pods()] == ["Succeeded"]


async def test_a_failing_job_is_tried_again_until_its_limit(laptop: Laptop) -> None:
    await laptop.job("exit 3", backoffLimit=2)
    ended = await laptop.ended()
    assert (ended["type"], ended["reason"], ended["failed"]) == ("Failed", "BackoffLimitExceeded", 3)
    assert len(await laptop.pods()) == 3


async def test_a_retry_may_succeed(laptop: Laptop, tmp_path: Path) -> None:
    await laptop.job(f"test -e {tmp_path}/been && exit 0; touch {tmp_path}/been; exit 1", backoffLimit=2)
    ended = await laptop.ended()
    assert (ended["type"], ended["succeeded"], ended["failed"]) == ("Complete", 1, 1)


async def test_a_permanent_failure_ends_the_job_at_once(laptop: Laptop) -> None:
    await laptop.job("exit 78", backoffLimit=6, podFailurePolicy=PERMANENT)
    ended = await laptop.ended()
    assert (ended["reason"], ended["failed"]) == ("PodFailurePolicy", 1)
    assert "exit code 78 matching FailJob rule at index 0" in ended["message"]


async def test_a_job_past_its_deadline_is_ended_with_all_it_started(laptop: Laptop, tmp_path: Path) -> None:
    await laptop.job(f"sleep 600 & echo $! > {tmp_path}/pid; wait", activeDeadlineSeconds=1)
    pid = await laptop.pid(tmp_path / "pid")
    ended = await laptop.ended()
    assert (ended["type"], ended["reason"], ended["failed"]) == ("Failed", "DeadlineExceeded", 1)
    await gone(pid)
    assert (await laptop.main())["exitCode"] == 143


async def test_deleting_a_job_asks_its_processes_to_end_and_then_makes_them(laptop: Laptop, tmp_path: Path) -> None:
    script = f"trap 'touch {tmp_path}/asked' TERM; echo $$$$ > {tmp_path}/pid; while true; do sleep 0.05; done"
    await laptop.job(script, pod={"terminationGracePeriodSeconds": 1})
    pid = await laptop.pid(tmp_path / "pid")
    await laptop.cluster.delete("jobs", "shop", "run")
    await gone(pid)
    assert (tmp_path / "asked").exists()
    assert await laptop.pods() == []


async def test_a_job_of_a_deleted_ones_name_runs_anew(laptop: Laptop, tmp_path: Path) -> None:
    await laptop.job(f"echo $$$$ > {tmp_path}/pid; sleep 600")
    pid = await laptop.pid(tmp_path / "pid")
    await laptop.cluster.delete("jobs", "shop", "run")
    await laptop.job("true")
    assert (await laptop.ended())["type"] == "Complete"
    await gone(pid)


async def test_nothing_outlives_the_laptop(tmp_path: Path) -> None:
    async with running(tmp_path) as laptop:
        await laptop.job(f"sleep 600 & echo $! > {tmp_path}/pid; wait")
        pid = await laptop.pid(tmp_path / "pid")
    await gone(pid)


async def test_a_failure_without_a_result_tells_the_end_of_its_log(laptop: Laptop) -> None:
    await laptop.job("echo first; echo it broke >&2; exit 1", {"terminationMessagePolicy": "FallbackToLogsOnError"})
    await laptop.ended()
    assert (await laptop.main())["message"] == "first\nit broke"


async def test_a_result_is_cut_to_what_kubelet_keeps(laptop: Laptop) -> None:
    await laptop.job("head -c 9000 /dev/zero | tr '\\0' x > /dev/termination-log")
    await laptop.ended()
    assert len((await laptop.main())["message"]) == 4096


async def test_volumes_token_and_environment_reach_the_process(laptop: Laptop) -> None:
    code = {"kind": "ConfigMap", "metadata": {"name": "code", "namespace": "shop"}, "data": {"a.txt": "of the map"}}
    await laptop.cluster.create("configmaps", code)
    token = {"projected": {"sources": [{"serviceAccountToken": {"audience": "upwell", "path": "token"}}]}}
    volumes = [
        {"name": "code", "configMap": {"name": "code"}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "c"}},
        {"name": "token", **token},
    ]
    mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("code", "data", "token")]
    env = [
        {"name": "DATA_DIR", "value": "/data"},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
    ]
    script = 'cat /code/a.txt > "$DATA_DIR/copy"; cat /token/token > "$DATA_DIR/token"; echo "$POD"'
    await laptop.job(script, {"env": env, "volumeMounts": mounts}, {"volumes": volumes})
    assert (await laptop.ended())["type"] == "Complete"
    claim = laptop.data / "volumes" / "shop.c"
    assert (claim / "copy").read_text() == "of the map"
    caller = await laptop.cluster.review_token((claim / "token").read_text(), "upwell")
    assert caller is not None
    assert f"{caller.pod}\n" == await laptop.log()


async def test_python_is_the_interpreter_that_has_the_sdk(laptop: Laptop) -> None:
    await laptop.job("", {"command": ["python3", "-c", "import sys, upwell; print(sys.executable)"]})
    assert (await laptop.ended())["type"] == "Complete"
    assert await laptop.log() == f"{sys.executable}\n"


async def test_what_upwell_itself_was_told_is_not_the_pods(laptop: Laptop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UPWELL_REDIS_URL", "redis://secret")
    await laptop.job('echo "[$UPWELL_REDIS_URL]"')
    await laptop.ended()
    assert await laptop.log() == "[]\n"


@pytest.mark.parametrize(
    ("container", "code", "says"),
    {
        "a program that is not here": ({"command": ["no-such-program"]}, 127, "must exist on this machine"),
        "a folder that is not here": ({"workingDir": "/no/such/folder"}, 127, "/no/such/folder"),
        "no command": ({"command": []}, 78, "entrypoint of an image is not known"),
        "a variable from nowhere": ({"envFrom": [{"secretRef": {"name": "s"}}]}, 128, "secrets 's' does not exist"),
    }.values(),
)
async def test_a_container_that_cannot_start_says_why(laptop: Laptop, container: Json, code: int, says: str) -> None:
    await laptop.job("true", container)
    await laptop.ended()
    main = await laptop.main()
    assert main["exitCode"] == code
    assert says in main["message"]


async def test_init_containers_come_first_and_may_fail_the_pod(laptop: Laptop) -> None:
    prepare = {"name": "prepare", "image": "shell", "command": ["/bin/sh", "-c", "echo prepared; exit 4"]}
    await laptop.job("echo never", pod={"initContainers": [prepare]})
    await laptop.ended()
    (pod,) = await laptop.pods()
    assert pod["status"]["initContainerStatuses"][0]["state"]["terminated"]["exitCode"] == 4
    assert await laptop.log() == "prepared\n"


async def test_a_suspended_job_waits_until_it_is_let_go(laptop: Laptop) -> None:
    await laptop.job("true", suspend=True)
    await asyncio.sleep(0)
    assert await laptop.pods() == []
    await laptop.cluster.patch("jobs", "shop", "run", {"spec": {"suspend": False}})
    assert (await laptop.ended())["type"] == "Complete"


async def test_more_jobs_than_slots_wait_their_turn(tmp_path: Path) -> None:
    async with running(tmp_path, at_once=1) as laptop:
        lock = f"mkdir {tmp_path}/lock || exit 1; sleep 0.05; rmdir {tmp_path}/lock"
        main = {"name": "run", "image": "shell", "command": ["/bin/sh", "-c", lock]}
        template = {"spec": {"restartPolicy": "Never", "containers": [main]}}
        for number in range(3):
            meta = {"name": f"run-{number}", "namespace": "shop"}
            await laptop.cluster.create("jobs", {"metadata": meta, "spec": {"backoffLimit": 0, "template": template}})
        ended = set()
        async for _, job in laptop.cluster.watch("jobs"):
            if verdicts.finished(job):
                assert job["status"]["conditions"][0]["type"] == "Complete"
                ended.add(job["metadata"]["name"])
            if len(ended) == 3:
                break


async def test_a_pods_folder_goes_with_it_and_its_log_stays(laptop: Laptop) -> None:
    await laptop.job("echo hello")
    await laptop.ended()
    assert list((laptop.data / "pods" / "shop").iterdir()) == []
    assert [path.read_text() for path in (laptop.data / "logs").rglob("*.log")] == ["hello\n"]
