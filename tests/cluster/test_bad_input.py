"""Whatever is wrong is said in a sentence that names the field and the remedy, where its owner looks; the rest goes on.

What an API server refuses at once is tested whole in `test_crds_on_a_real_api_server`; here is how it looks to a user,
and all that only shows once there are other objects, a calendar, an image, or a pod.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx
import pytest

from cluster.kubectl import Json, Kubectl, KubectlError, until
from cluster.manifests import asset, config_map, job, python, result, runs, schedule, shell, version
from cluster.replicas import OPERATOR

CODE = """
from upwell import AssetKey, DataVersion, ObserveResult, observable_source_asset

@observable_source_asset
def good(): return DataVersion("1")

@observable_source_asset
def wrong_type(): return 42

@observable_source_asset
def empty(): return DataVersion("")

@observable_source_asset
def number(): return DataVersion(7)

@observable_source_asset
def huge(): return ObserveResult(data_version=DataVersion("1"), metadata={"rows": ["x" * 64] * 32768})
"""


def observed(name: str, how: Json) -> Json:
    """Give a source that is looked at as soon as it is applied."""
    return asset(name, requested="1", observe=how)


def function(name: str) -> Json:
    return observed(name.replace("_", "-"), python(f"bad:{name}", "code"))


SAFE = shell(result('{"dataVersion": "1"}'))
BROKEN = (
    asset("ring-a", deps=[{"name": "ring-b"}], materialize=SAFE),
    asset("ring-b", deps=[{"name": "ring-a"}], materialize=SAFE),
    asset("orphan", deps=[{"name": "nowhere"}], materialize=SAFE),
    job("mixed", "good", "ring-a"),
    job("absent", "good", "nowhere"),
    schedule("no-minute", "99 * * * *", "works"),
    schedule("no-zone", "@daily", "works", timeZone="Europe/Atlantis"),
    schedule("no-job", "@daily", "nothing"),
    *map(function, ("nothing", "wrong_type", "empty", "number", "huge")),
    observed("no-module", python("absent:nothing", "code")),
    observed("shell-empty", shell(result('{"dataVersion": ""}'))),
    observed("shell-number", shell(result('{"dataVersion": 7}'))),
    observed("shell-nothing", shell("true")),
)
GOOD = (
    config_map("code", bad=CODE),
    function("good"),
    observed("good-shell", SAFE),
    asset("derived", deps=[{"name": "good-shell"}], materialize=SAFE, autoMaterialize={"policy": "Eager"}),
    job("works", "good", "good-shell"),
)


class Said(NamedTuple):
    """A condition that an object must come to, with its reason, and what its sentence must have."""

    target: str
    condition: str
    reason: str
    words: tuple[str, ...]


READY, OBSERVED = "Ready=False", "Observed=False"
FAILED = "ObservationFailed"
SENTENCES = {
    "a cycle": Said(
        "asset/ring-a",
        READY,
        "DependencyCycle",
        ("spec.deps", "ring-a → ring-b → ring-a", "remove one of these dependencies"),
    ),
    "a missing dependency": Said(
        "asset/orphan",
        READY,
        "DependencyNotFound",
        ('spec.deps[0].name "nowhere"', "create that asset, or correct the name"),
    ),
    "a mixed selection": Said(
        "observationjob/mixed",
        READY,
        "MixedSelection",
        ("ring-a (no observe function)", "selects observable source assets only"),
    ),
    "a job of an absent asset": Said(
        "observationjob/absent", READY, "AssetNotFound", ("spec.assets", "nowhere", "apply them, or take the names out")
    ),
    "a bad cron line": Said(
        "schedule/no-minute", READY, "InvalidSpec", ('spec.schedule: "99 * * * *"', "use five fields")
    ),
    "a bad time zone": Said(
        "schedule/no-zone", READY, "InvalidSpec", ('spec.timeZone: "Europe/Atlantis"', "use an IANA name")
    ),
    "a schedule of an absent job": Said(
        "schedule/no-job", READY, "JobNotFound", ("spec.job.name", '"nothing"', "apply it, or mend the name")
    ),
    "a function that is not in the image": Said(
        "asset/nothing", OBSERVED, FAILED, ("has no 'nothing'", "it has the functions good, wrong_type")
    ),
    "a module that is not in the image": Said(
        "asset/no-module", OBSERVED, FAILED, ("module 'absent' not found", "put the file into the image")
    ),
    "a result of the wrong type": Said(
        "asset/wrong-type",
        OBSERVED,
        FAILED,
        (
            "bad.wrong_type returned a value of type int",
            "returns a DataVersion, a DataVersionsByPartition or an ObserveResult",
        ),
    ),
    "an empty version in Python": Said(
        "asset/empty", OBSERVED, FAILED, ("a data version has 1 to 512 characters, this one 0",)
    ),
    "a number as version in Python": Said(
        "asset/number", OBSERVED, FAILED, ("a data version is text, not int: 7", "wrap it in str(…)")
    ),
    "2 MiB of metadata": Said(
        "asset/huge", OBSERVED, FAILED, ("the limit is 1,048,576", "'rows'", "record its path or url")
    ),
    "an empty version from a container": Said(
        "asset/shell-empty", OBSERVED, FAILED, ("dataVersion has 0 characters", "1 to 512")
    ),
    "a number as version from a container": Said(
        "asset/shell-number", OBSERVED, FAILED, ("$UPWELL_RESULT cannot be read (dataVersion:", 'write {"dataVersion"')
    ),
    "a container that leaves no result": Said(
        "asset/shell-nothing", OBSERVED, FAILED, ("left no result", "write $UPWELL_RESULT")
    ),
}


@pytest.fixture(scope="module")
def world(cluster: Kubectl, upwell: Kubectl) -> Iterator[Kubectl]:
    """Everything good and everything bad, applied together to one namespace."""
    name = f"test-bad-{secrets.token_hex(4)}"
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
    ours = Kubectl(name)
    ours.apply(*GOOD[:1], *BROKEN, *GOOD[1:])
    yield ours
    cluster.run("delete", "namespace", name, "--wait=false")


@pytest.mark.parametrize("said", SENTENCES.values(), ids=SENTENCES.keys())
def test_a_broken_object_says_what_and_what_to_do(world: Kubectl, said: Said) -> None:
    resource, name = said.target.split("/")
    world.wait(resource, name, said.condition, 120)
    condition = world.condition(resource, name, said.condition.partition("=")[0])
    assert condition["reason"] == said.reason
    for words in said.words:
        assert words in condition["message"]


def test_good_objects_beside_broken_ones_work(world: Kubectl) -> None:
    for name in ("good", "good-shell"):
        world.wait("asset", name, "Observed", 120)
        world.wait("asset", name, "Ready", 10)
    world.wait("asset", "derived", "Fresh", 60)
    world.wait("observationjob", "works", "Ready", 10)


def test_what_no_retry_can_mend_is_not_tried_again(world: Kubectl) -> None:
    world.wait("asset", "nothing", "Observed=False", 120)
    (run,) = runs(world, "nothing")
    assert run["status"]["failed"] == 1


def test_a_failed_observation_is_counted_by_kstatus_as_a_failure(world: Kubectl) -> None:
    world.wait("asset", "wrong-type", "Observed=False", 120)
    world.wait("asset", "wrong-type", "Stalled", 10)
    assert world.condition("asset", "wrong-type", "Ready")["status"] == "False"


REFUSED = {
    "an unknown field": (asset("x", observe={**SAFE, "evry": "5m"}), ("spec.observe.evry", "field not declared")),
    "python and container": (
        asset("x", observe={**SAFE, "python": {"function": "a:b"}}),
        ("spec.observe.container", "not both; remove one of them"),
    ),
    "a bad key": (asset("x", key="../etc"), ("spec.key", "a key is letters, digits")),
    "a cron line of four fields": (
        schedule("x", "0 6 * *", "works"),
        ("spec.schedule", "a cron line is five fields"),
    ),
    "a time zone with a blank": (
        schedule("x", "@daily", "works", timeZone="Europe Lisbon"),
        ("spec.timeZone", "a time zone is an IANA name"),
    ),
}


@pytest.mark.parametrize(("obj", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_what_can_be_seen_at_once_is_refused_at_once(world: Kubectl, obj: Json, words: tuple[str, ...]) -> None:
    with pytest.raises(KubectlError) as refusal:
        world.apply(obj)
    for part in words:
        assert part in str(refusal.value)


def pod_of(world: Kubectl, name: str) -> Json:
    """Give the pod of an asset's run."""
    world.wait("asset", name, "Observed", 120)
    (run,) = runs(world, name)
    (pod,) = world.list("pods", f"upwell.dev/run={run['metadata']['name']}")
    return pod


def token(world: Kubectl, pod: Json | None, *options: str) -> str:
    """Give a token as kubelet asks for one: for a pod, and an audience."""
    bound = [] if pod is None else ["--bound-object-kind=Pod", f"--bound-object-name={pod['metadata']['name']}"]
    return world.run("create", "token", "default", *bound, *options).strip()


def report(server: str, world: Kubectl, pod: Json, bearer: str, **event: Any) -> httpx.Response:
    """Report for the run of a pod, with some token."""
    run = pod["metadata"]["labels"]["upwell.dev/run"]
    body = {"id": secrets.token_hex(8), "type": "AssetObservation", "time": "2026-01-01T00:00:00Z", **event}
    url = f"{server}/v1/runs/{world.namespace}/{run}/events"
    return httpx.post(url, json={"events": [body]}, headers={"Authorization": f"Bearer {bearer}"}, timeout=20)


def test_a_pod_may_report_for_its_own_run_only(world: Kubectl, server: str) -> None:
    mine, other = pod_of(world, "good"), pod_of(world, "good-shell")
    before = version(world, "good-shell")
    bearer = token(world, mine, "--audience=upwell")
    foreign_run = report(server, world, other, bearer, assetKey="good-shell", dataVersion="stolen")
    foreign_asset = report(server, world, mine, bearer, assetKey="good-shell", dataVersion="stolen")
    assert (foreign_run.status_code, foreign_asset.status_code) == (403, 403)
    assert foreign_run.json()["detail"]
    assert "the run" in foreign_asset.json()["detail"]
    assert "only an AssetObservation without a dataVersion" in foreign_asset.json()["detail"]
    own = report(server, world, mine, bearer, assetKey="good")
    assert own.status_code == 200, own.text
    assert version(world, "good-shell") == before


def test_a_token_that_is_not_of_a_living_pod_and_for_upwell_is_refused(world: Kubectl, server: str) -> None:
    pod = pod_of(world, "good")
    gone = shell_pod(world)
    bearers = {
        "for another audience": token(world, pod),
        "of a pod that is gone": token(world, gone, "--audience=upwell"),
        "of nobody": "no-token-at-all",
    }
    world.run("delete", "pod", gone["metadata"]["name"], "--grace-period=0", "--force")
    for what, bearer in bearers.items():
        answer = report(server, world, pod, bearer, assetKey="good")
        assert answer.status_code == 401, what
        assert "read the token file again" in answer.json()["detail"], what
    not_bound = report(server, world, pod, token(world, None, "--audience=upwell"), assetKey="good")
    assert not_bound.status_code == 403
    assert "not bound to a pod" in not_bound.json()["detail"]


def shell_pod(world: Kubectl) -> Json:
    """Give a pod that waits for nobody's scheduler: it need not run to have a token."""
    safe = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    user = {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}}
    container = {"name": "run", "image": "localhost/shell:1", "securityContext": safe}
    spec = {"schedulerName": "nobody", "securityContext": user, "containers": [container]}
    world.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "waits"}, "spec": spec})
    return world.get("pod", "waits")


def test_the_operator_tells_of_no_fault_of_its_own(world: Kubectl, upwell: Kubectl) -> None:
    world.wait("asset", "shell-number", "Observed=False", 120)
    assert "Traceback" not in upwell.run("logs", f"deployment/{OPERATOR}")
    restarts = until(lambda: upwell.list("pods", f"app.kubernetes.io/name={OPERATOR}"), 10)
    assert restarts[0]["status"]["containerStatuses"][0]["restartCount"] == 0
