"""The embedded cluster beyond the contract suite: apply, watches, admission, owners, tokens, determinism."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upwell_operator.errors import Conflict, NotFound, Rejected
from upwell_operator.local.memory import MemoryCluster
from upwell_operator.local.objects import merged, three_way
from upwell_operator.local.watching import HISTORY, Change, Deliver, ExpiredError

Json = dict[str, Any]
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time


def asset(name: str = "raw", spec: Json | None = None, **meta: Any) -> Json:
    return {
        "apiVersion": "upwell.dev/v1alpha1",
        "kind": "Asset",
        "metadata": {"name": name, "namespace": "shop", **meta},
        "spec": {"description": "a file"} if spec is None else spec,
    }


def config(name: str = "code", **meta: Any) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": "shop", **meta},
        "data": {},
    }


def job(name: str = "run", **spec: Any) -> Json:
    container = {"name": "run", "image": "shell", "command": ["true"]}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    meta = {"name": name, "namespace": "shop"}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": meta, "spec": {"template": template, **spec}}


def pod(name: str = "pod") -> Json:
    spec = {"containers": [{"name": "run", "image": "shell"}], "serviceAccountName": "loader"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "shop"}, "spec": spec}


def owned_by(*owners: Json) -> list[Json]:
    return [
        {
            "apiVersion": one["apiVersion"],
            "kind": one["kind"],
            "name": one["metadata"]["name"],
            "uid": one["metadata"]["uid"],
        }
        for one in owners
    ]


async def drain(watch: Any) -> list[tuple[str, Json]]:
    watch.close()
    return [event async for event in watch]


def names(events: list[tuple[str, Json]]) -> list[tuple[str, str]]:
    return [(event, obj["metadata"]["name"]) for event, obj in events]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def cluster(clock: Clock) -> MemoryCluster:
    return MemoryCluster(clock)


# ---- apply --------------------------------------------------------------------------------------------------------


async def test_applying_the_same_again_is_no_write(cluster: MemoryCluster) -> None:
    first = await cluster.apply(asset())
    assert (await cluster.apply(asset()))["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_applying_keeps_status_and_what_others_annotated(cluster: MemoryCluster) -> None:
    await cluster.apply(asset(annotations={"ours": "1"}))
    await cluster.patch_status("assets", "shop", "raw", {"status": {"dataVersion": "v1"}})
    await cluster.patch("assets", "shop", "raw", {"metadata": {"annotations": {"upwell.dev/requested-at": "now"}}})
    after = await cluster.apply(asset(spec={"description": "another"}))
    assert after["status"] == {"dataVersion": "v1"}
    assert after["metadata"]["annotations"] == {"upwell.dev/requested-at": "now"}
    assert after["metadata"]["generation"] == 2


async def test_a_field_that_is_applied_no_more_goes(cluster: MemoryCluster) -> None:
    await cluster.apply(asset(spec={"description": "a file", "owners": ["team:a"]}))
    after = await cluster.apply(asset())
    assert "owners" not in after["spec"]


async def test_an_object_that_was_deleted_and_is_applied_again_is_a_new_one(cluster: MemoryCluster) -> None:
    first = await cluster.apply(asset())
    await cluster.delete("assets", "shop", "raw")
    second = await cluster.apply(asset())
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    assert second["metadata"]["generation"] == 1


JSON = st.recursive(st.integers() | st.text(max_size=3), lambda inner: st.dictionaries(st.sampled_from("abc"), inner))


@given(st.dictionaries(st.sampled_from("abc"), JSON), st.dictionaries(st.sampled_from("abc"), JSON))
def test_whatever_was_applied_before_what_is_wanted_comes_out(before: Json, wanted: Json) -> None:
    assert merged(before, three_way(before, wanted)) == wanted


# ---- what is refused ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("obj", "says"),
    [
        pytest.param(asset("Raw_Orders"), "metadata.name", id="a name in capitals"),
        pytest.param(asset("x" * 254), "at most 253", id="a name that is too long"),
        pytest.param(asset(labels={"tier": "a b"}), r"labels\[tier\]", id="a label's value with a space"),
        pytest.param(asset(annotations={"count": 3}), r"annotations\[count\].*quotes", id="a number in an annotation"),
        pytest.param(asset(spec={"descripton": "x"}), "did you mean description", id="an unknown field"),
        pytest.param(asset(spec={"key": "a//b"}), "spec.key", id="a bad key"),
        pytest.param(
            {**asset(), "apiVersion": "upwell.dev/v2"}, "write apiVersion: upwell.dev/v1alpha1", id="a wrong version"
        ),
        pytest.param({**asset(), "kind": "Deployment"}, "embedded cluster knows .*Asset", id="a kind of elsewhere"),
        pytest.param(
            job(template={"spec": {"restartPolicy": "Never"}}), "containers: Required", id="a Job without containers"
        ),
        pytest.param(
            job(
                podFailurePolicy={},
                template={"spec": {**job()["spec"]["template"]["spec"], "restartPolicy": "OnFailure"}},
            ),
            'only "Never"',
            id="a failure policy with restarts",
        ),
        pytest.param({**asset(), "spec": {"owners": {1, 2}}}, "is not JSON", id="something that is not JSON"),
    ],
)
async def test_what_cannot_be_is_rejected_with_field_and_remedy(cluster: MemoryCluster, obj: Json, says: str) -> None:
    with pytest.raises(Rejected, match=says):
        await cluster.apply(obj)


async def test_a_key_cannot_be_changed(cluster: MemoryCluster) -> None:
    await cluster.apply(asset(spec={"key": "warehouse/raw"}))
    with pytest.raises(Rejected, match=r"spec\.key: the key cannot be changed"):
        await cluster.apply(asset(spec={"key": "warehouse/other"}))


async def test_defaults_of_the_schema_are_stored(cluster: MemoryCluster) -> None:
    stored = await cluster.apply(asset())
    assert stored["spec"]["suspend"] is False


async def test_a_status_field_that_the_crd_does_not_know_vanishes(cluster: MemoryCluster) -> None:
    await cluster.apply(asset())
    after = await cluster.patch_status("assets", "shop", "raw", {"status": {"dataVersion": "v1", "surprise": 1}})
    assert after["status"] == {"dataVersion": "v1"}


async def test_a_status_of_the_wrong_type_is_rejected(cluster: MemoryCluster) -> None:
    await cluster.apply(asset())
    with pytest.raises(Rejected, match=r"status\.dataVersion: must be of type string"):
        await cluster.patch_status("assets", "shop", "raw", {"status": {"dataVersion": 1}})


async def test_a_resource_that_is_not_served_is_not_found(cluster: MemoryCluster) -> None:
    with pytest.raises(NotFound, match="no resource 'deployments'"):
        await cluster.list("deployments")


async def test_an_update_with_another_uid_conflicts(cluster: MemoryCluster) -> None:
    stored = await cluster.create("configmaps", config())
    stored["metadata"]["uid"] = "another"
    with pytest.raises(Conflict):
        await cluster.update("configmaps", stored)


# ---- owners -------------------------------------------------------------------------------------------------------


async def test_dependents_of_dependents_go_too_and_shared_ones_stay(cluster: MemoryCluster) -> None:
    first, second = await cluster.create("configmaps", config("a")), await cluster.create("configmaps", config("b"))
    child = await cluster.create("configmaps", config("child", ownerReferences=owned_by(first)))
    await cluster.create("configmaps", config("grandchild", ownerReferences=owned_by(child)))
    await cluster.create("configmaps", config("shared", ownerReferences=owned_by(first, second)))
    await cluster.delete("configmaps", "shop", "a")
    left = [item["metadata"]["name"] for item in (await cluster.list("configmaps")).items]
    assert left == ["b", "shared"]


async def test_what_is_created_for_an_owner_that_is_gone_is_collected(cluster: MemoryCluster) -> None:
    owner = await cluster.create("configmaps", config("a"))
    await cluster.delete("configmaps", "shop", "a")
    await cluster.create("configmaps", config("child", ownerReferences=owned_by(owner)))
    assert (await cluster.list("configmaps")).items == []


# ---- watches ------------------------------------------------------------------------------------------------------


async def test_a_watch_gives_what_exists_and_then_every_change_in_order(cluster: MemoryCluster) -> None:
    await cluster.create("configmaps", config("a"))
    watch = cluster.watch("configmaps")
    await cluster.create("configmaps", config("b"))
    await cluster.patch("configmaps", "shop", "a", {"data": {"x": "1"}})
    await cluster.delete("configmaps", "shop", "b")
    events = await drain(watch)
    assert names(events) == [("ADDED", "a"), ("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]
    versions = [int(obj["metadata"]["resourceVersion"]) for _, obj in events]
    assert versions == sorted(set(versions))


async def test_a_watch_since_a_list_misses_nothing_and_repeats_nothing(cluster: MemoryCluster) -> None:
    await cluster.create("configmaps", config("a"))
    listed = await cluster.list("configmaps")
    await cluster.create("configmaps", config("b"))
    watch = cluster.watch("configmaps", listed.resource_version)
    await cluster.create("configmaps", config("c"))
    assert names(await drain(watch)) == [("ADDED", "b"), ("ADDED", "c")]


async def test_a_version_that_fell_out_of_the_history_is_expired(cluster: MemoryCluster) -> None:
    await cluster.create("configmaps", config("a"))
    for number in range(HISTORY + 1):
        await cluster.patch("configmaps", "shop", "a", {"data": {"x": str(number)}})
    with pytest.raises(ExpiredError):
        cluster.watch("configmaps", "1")
    assert await drain(cluster.watch("configmaps", cluster.resource_version)) == []


async def test_a_reader_that_waits_is_woken_by_a_write(cluster: MemoryCluster) -> None:
    watch = cluster.watch("configmaps")
    reading = asyncio.ensure_future(anext(watch))
    await asyncio.sleep(0)
    await cluster.create("configmaps", config("a"))
    assert (await reading)[0] == "ADDED"


async def test_an_adversary_may_drop_double_delay_and_reorder(cluster: MemoryCluster) -> None:
    held: list[tuple[Change, Deliver]] = []

    def adversary(change: Change, deliver: Deliver) -> None:
        name = change.object["metadata"]["name"]
        if name == "twice":
            deliver(change)
            deliver(change)
        elif name == "late":
            held.append((change, deliver))
        elif name != "lost":
            deliver(change)

    honest, fooled = cluster.watch("configmaps"), cluster.watch("configmaps", through=adversary)
    for name in ("late", "lost", "twice", "plain"):
        await cluster.create("configmaps", config(name))
    for change, deliver in held:
        deliver(change)
    assert fooled.pending() == 4
    assert [name for _, name in names(await drain(fooled))] == ["twice", "twice", "plain", "late"]
    assert [name for _, name in names(await drain(honest))] == ["late", "lost", "twice", "plain"]


async def test_a_watchers_object_is_its_own(cluster: MemoryCluster) -> None:
    watch = cluster.watch("configmaps")
    await cluster.create("configmaps", config("a"))
    _, seen = await anext(watch)
    seen["data"]["mine"] = "1"
    assert (await cluster.get("configmaps", "shop", "a"))["data"] == {}


# ---- events, tokens, clock ----------------------------------------------------------------------------------------


async def test_the_same_event_counts_up_and_another_is_another(cluster: MemoryCluster, clock: Clock) -> None:
    stored = await cluster.apply(asset())
    for _ in range(2):
        clock.time += timedelta(minutes=1)
        await cluster.post_event(stored, reason="RunFailed", message="it failed", warning=True)
    await cluster.post_event(stored, reason="Changed", message="v1 to v2")
    events = (await cluster.list("events", "shop")).items
    assert sorted((one["reason"], one["type"], one["count"]) for one in events) == [
        ("Changed", "Normal", 1),
        ("RunFailed", "Warning", 2),
    ]
    assert {one["involvedObject"]["uid"] for one in events} == {stored["metadata"]["uid"]}


async def test_a_token_expires_by_the_clusters_clock(cluster: MemoryCluster, clock: Clock) -> None:
    await cluster.create("pods", pod())
    token = cluster.issue_token("shop", "pod", "upwell", timedelta(minutes=10))
    caller = await cluster.review_token(token, "upwell")
    assert caller is not None
    assert caller.username == "system:serviceaccount:shop:loader"
    clock.time += timedelta(minutes=10)
    assert await cluster.review_token(token, "upwell") is None


async def test_a_token_is_issued_to_a_living_pod_only(cluster: MemoryCluster) -> None:
    with pytest.raises(NotFound):
        cluster.issue_token("shop", "gone", "upwell")


async def test_the_same_story_gives_the_same_cluster(clock: Clock) -> None:
    async def story() -> list[Json]:
        cluster = MemoryCluster(clock)
        await cluster.apply(asset())
        await cluster.create("jobs", job())
        await cluster.create("configmaps", {**config(), "metadata": {"generateName": "made-", "namespace": "shop"}})
        return [item for resource in ("assets", "jobs", "configmaps") for item in (await cluster.list(resource)).items]

    assert await story() == await story()


async def test_another_seed_gives_other_uids(clock: Clock) -> None:
    uids = {(await MemoryCluster(clock, seed=seed).apply(asset()))["metadata"]["uid"] for seed in ("a", "b")}
    assert len(uids) == 2
