"""What any `cluster.port.Cluster` must do: one suite for the memory cluster and a real API server.

What Upwell relies on is here, and nothing else; a new reliance begins with a test here.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import pytest

from contract.benches import Bench, eventually, kube_bench, memory_bench, no_real_cluster
from upwell_operator.cluster.lease import Leadership, LeaseName
from upwell_operator.errors import AlreadyExists, Conflict, NotFound, Rejected


@pytest.fixture(params=["memory", pytest.param("kube", marks=pytest.mark.cluster)])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    if request.param == "memory":
        yield memory_bench()
        return
    if missing := no_real_cluster():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(missing)
    async with kube_bench() as found:
        yield found


# ---- create, get --------------------------------------------------------------------------------------------------


async def test_what_is_created_is_read_back_with_the_servers_own_metadata(bench: Bench) -> None:
    created = await bench.admin.create("assets", bench.asset("raw", labels={"tier": "raw"}))
    read = await bench.cluster.get("assets", bench.namespace, "raw")
    assert read == created
    assert all(read["metadata"][field] for field in ("uid", "resourceVersion", "creationTimestamp"))
    assert read["metadata"]["labels"]["tier"] == "raw"
    assert (read["apiVersion"], read["kind"]) == ("upwell.dev/v1alpha1", "Asset")


async def test_a_name_can_be_created_once(bench: Bench) -> None:
    await bench.cluster.create("jobs", bench.job("one"))
    with pytest.raises(AlreadyExists, match="one"):
        await bench.cluster.create("jobs", bench.job("one"))


async def test_of_many_who_create_one_name_one_wins(bench: Bench) -> None:
    tries = [bench.cluster.create("jobs", bench.job("one")) for _ in range(8)]
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(end, AlreadyExists) for end in ended) == 7


async def test_a_dry_run_creates_nothing(bench: Bench) -> None:
    tried = await bench.cluster.create("jobs", bench.job("one"), dry_run=True)
    assert tried["metadata"]["name"] == "one"
    with pytest.raises(NotFound):
        await bench.cluster.get("jobs", bench.namespace, "one")


async def test_a_dry_run_says_that_a_name_is_taken(bench: Bench) -> None:
    await bench.cluster.create("jobs", bench.job("one"))
    with pytest.raises(AlreadyExists):
        await bench.cluster.create("jobs", bench.job("one"), dry_run=True)


async def test_a_name_that_cannot_be_is_rejected(bench: Bench) -> None:
    with pytest.raises(Rejected, match="name"):
        await bench.cluster.create("jobs", bench.job("Not_A_Name"))


@pytest.mark.parametrize("resource", ["assets", "jobs", "pods"])
async def test_what_does_not_exist_is_not_found(bench: Bench, resource: str) -> None:
    with pytest.raises(NotFound, match="gone"):
        await bench.cluster.get(resource, bench.namespace, "gone")


async def test_a_hostile_name_is_not_found_and_leads_nowhere_else(bench: Bench) -> None:
    with pytest.raises((NotFound, Rejected)):
        await bench.cluster.get("jobs", bench.namespace, "../../namespaces/default")


async def test_status_given_at_creation_is_not_taken(bench: Bench) -> None:
    created = await bench.admin.create("assets", bench.asset("raw", status={"dataVersion": "v1"}))
    assert not created.get("status")
    assert created["metadata"]["generation"] == 1


# ---- update, patch, status ----------------------------------------------------------------------------------------


async def test_an_update_needs_the_current_version(bench: Bench) -> None:
    await bench.cluster.create("leases", bench.lease("leader"))
    mine = await bench.cluster.get("leases", bench.namespace, "leader")
    theirs = await bench.cluster.get("leases", bench.namespace, "leader")
    theirs["spec"]["holderIdentity"] = "b"
    await bench.cluster.update("leases", theirs)
    mine["spec"]["holderIdentity"] = "c"
    with pytest.raises(Conflict):
        await bench.cluster.update("leases", mine)
    assert (await bench.cluster.get("leases", bench.namespace, "leader"))["spec"]["holderIdentity"] == "b"


async def test_of_many_who_update_one_version_one_wins(bench: Bench) -> None:
    lease = await bench.cluster.create("leases", bench.lease("leader"))
    tries = [{**lease, "spec": {**lease["spec"], "holderIdentity": f"holder-{n}"}} for n in range(8)]
    ended = await asyncio.gather(*(bench.cluster.update("leases", one) for one in tries), return_exceptions=True)
    assert sum(isinstance(end, Conflict) for end in ended) == 7


async def test_an_update_without_a_version_is_rejected(bench: Bench) -> None:
    await bench.cluster.create("leases", bench.lease("leader"))
    with pytest.raises(Rejected, match="resourceVersion"):
        await bench.cluster.update("leases", bench.lease("leader", "b"))


async def test_what_is_gone_cannot_be_updated(bench: Bench) -> None:
    lease = await bench.cluster.create("leases", bench.lease("leader"))
    await bench.admin.delete("leases", bench.namespace, "leader")
    with pytest.raises((NotFound, Conflict)):
        await bench.cluster.update("leases", lease)


async def test_a_merge_patch_adds_changes_and_takes_away_with_null(bench: Bench) -> None:
    await bench.cluster.create("jobs", bench.job("one", annotations={"keep": "1", "change": "1", "drop": "1"}))
    patch = {"metadata": {"annotations": {"change": "2", "drop": None, "new": "1"}}}
    await bench.cluster.patch("jobs", bench.namespace, "one", patch)
    read = await bench.cluster.get("jobs", bench.namespace, "one")
    assert read["metadata"]["annotations"] == {"keep": "1", "change": "2", "new": "1"}


async def test_a_merge_patch_replaces_lists(bench: Bench) -> None:
    await bench.admin.create("assets", bench.asset("raw"))
    await bench.admin.patch("assets", bench.namespace, "raw", {"spec": {"owners": ["team:a", "team:b"]}})
    changed = await bench.admin.patch("assets", bench.namespace, "raw", {"spec": {"owners": ["team:c"]}})
    assert changed["spec"]["owners"] == ["team:c"]


@pytest.mark.parametrize("verb", ["patch", "patch_status"])
async def test_a_patch_that_names_an_old_version_conflicts(bench: Bench, verb: str) -> None:
    old = await bench.admin.create("assets", bench.asset("raw"))
    await bench.admin.patch("assets", bench.namespace, "raw", {"metadata": {"annotations": {"a": "1"}}})
    patch = {"metadata": {"resourceVersion": old["metadata"]["resourceVersion"]}, "status": {"dataVersion": "v1"}}
    with pytest.raises(Conflict):
        await getattr(bench.cluster, verb)("assets", bench.namespace, "raw", patch)


@pytest.mark.parametrize("verb", ["patch", "patch_status"])
async def test_a_patch_that_names_the_current_version_is_taken(bench: Bench, verb: str) -> None:
    now = await bench.admin.create("assets", bench.asset("raw"))
    annotation = {"annotations": {"upwell.dev/requested-at": "1"}} if verb == "patch" else {}
    meta = {"resourceVersion": now["metadata"]["resourceVersion"], **annotation}
    changed = await getattr(bench.cluster, verb)(
        "assets", bench.namespace, "raw", {"metadata": meta, "status": {"dataVersion": "v1"}}
    )
    assert changed["metadata"]["resourceVersion"] != now["metadata"]["resourceVersion"]


async def test_what_is_gone_cannot_be_patched(bench: Bench) -> None:
    with pytest.raises(NotFound):
        await bench.cluster.patch("assets", bench.namespace, "gone", {"metadata": {"annotations": {"a": "1"}}})
    with pytest.raises(NotFound):
        await bench.cluster.patch_status("assets", bench.namespace, "gone", {"status": {"dataVersion": "v1"}})


async def test_a_patch_does_not_touch_the_status(bench: Bench) -> None:
    await bench.admin.create("assets", bench.asset("raw"))
    await bench.cluster.patch_status("assets", bench.namespace, "raw", {"status": {"dataVersion": "v1"}})
    patch = {"spec": {"description": "other"}, "status": {"dataVersion": "v2"}}
    changed = await bench.admin.patch("assets", bench.namespace, "raw", patch)
    assert changed["spec"]["description"] == "other"
    assert changed["status"] == {"dataVersion": "v1"}


async def test_a_status_patch_touches_nothing_else(bench: Bench) -> None:
    before = await bench.admin.create("assets", bench.asset("raw"))
    patch = {"metadata": {"annotations": {"a": "1"}}, "spec": {"description": "other"}, "status": {"dataVersion": "v1"}}
    after = await bench.cluster.patch_status("assets", bench.namespace, "raw", patch)
    assert after["spec"] == before["spec"]
    assert "a" not in after["metadata"].get("annotations", {})
    assert after["status"] == {"dataVersion": "v1"}


async def test_null_takes_a_field_of_the_status_away(bench: Bench) -> None:
    await bench.admin.create("assets", bench.asset("raw"))
    both = {"dataVersion": "v1", "shortVersion": "v1"}
    await bench.cluster.patch_status("assets", bench.namespace, "raw", {"status": both})
    after = await bench.cluster.patch_status("assets", bench.namespace, "raw", {"status": {"shortVersion": None}})
    assert after["status"] == {"dataVersion": "v1"}


async def test_generation_counts_changes_of_the_spec_only(bench: Bench) -> None:
    await bench.admin.create("assets", bench.asset("raw"))
    where = ("assets", bench.namespace, "raw")
    annotated = await bench.admin.patch(*where, {"metadata": {"annotations": {"a": "1"}}})
    reported = await bench.cluster.patch_status(*where, {"status": {"dataVersion": "v1"}})
    changed = await bench.admin.patch(*where, {"spec": {"description": "other"}})
    seen = [obj["metadata"]["generation"] for obj in (annotated, reported, changed)]
    assert seen == [1, 1, 2]


async def test_a_patch_that_changes_nothing_makes_no_new_version(bench: Bench) -> None:
    await bench.admin.create("assets", bench.asset("raw"))
    patch = {"status": {"dataVersion": "v1"}}
    first = await bench.cluster.patch_status("assets", bench.namespace, "raw", patch)
    second = await bench.cluster.patch_status("assets", bench.namespace, "raw", patch)
    assert first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]


async def test_what_the_caller_was_given_is_not_the_stored_object(bench: Bench) -> None:
    created = await bench.cluster.create("jobs", bench.job("one"))
    created["metadata"]["labels"] = {"mine": "1"}
    assert "mine" not in (await bench.cluster.get("jobs", bench.namespace, "one"))["metadata"].get("labels", {})


# ---- delete -------------------------------------------------------------------------------------------------------


async def test_deleting_what_is_gone_succeeds(bench: Bench) -> None:
    await bench.cluster.delete("jobs", bench.namespace, "gone")


async def test_a_uid_guards_a_namesake(bench: Bench) -> None:
    await bench.cluster.create("jobs", bench.job("one"))
    await bench.cluster.delete("jobs", bench.namespace, "one", uid="11111111-2222-3333-4444-555555555555")
    found = await bench.cluster.get("jobs", bench.namespace, "one")
    await bench.cluster.delete("jobs", bench.namespace, "one", uid=found["metadata"]["uid"])
    await eventually(lambda: is_gone(bench, "jobs", "one"))


async def test_a_name_made_anew_has_another_uid(bench: Bench) -> None:
    first = await bench.admin.create("assets", bench.asset("raw"))
    await bench.admin.delete("assets", bench.namespace, "raw")
    await eventually(lambda: is_gone(bench, "assets", "raw"))
    second = await bench.admin.create("assets", bench.asset("raw"))
    assert first["metadata"]["uid"] != second["metadata"]["uid"]


async def test_dependents_go_with_their_owner(bench: Bench) -> None:
    owner = await bench.admin.create("assets", bench.asset("raw"))
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": "raw",
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    await bench.cluster.create("jobs", bench.job("run", ownerReferences=[reference]))
    await bench.cluster.create("jobs", bench.job("other"))
    await bench.admin.delete("assets", bench.namespace, "raw")
    await eventually(lambda: is_gone(bench, "jobs", "run"))
    assert await bench.cluster.get("jobs", bench.namespace, "other")


# ---- lists --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("selector", "expected"),
    {
        "nothing selects everything": ("", ["a", "b", "c"]),
        "equal": ("tier=raw", ["a", "b"]),
        "not equal, also without the label": ("tier!=raw", ["c"]),
        "both": ("tier=raw,zone=eu", ["a"]),
        "one of": ("zone in (eu, us)", ["a", "b"]),
        "none of, also without the label": ("zone notin (eu)", ["b", "c"]),
        "has": ("zone", ["a", "b"]),
        "has not": ("!zone", ["c"]),
    }.values(),
)
async def test_labels_select(bench: Bench, selector: str, expected: list[str]) -> None:
    labels = {"a": {"tier": "raw", "zone": "eu"}, "b": {"tier": "raw", "zone": "us"}, "c": {"tier": "mart"}}
    for name, given in labels.items():
        await bench.cluster.create("jobs", bench.job(name, labels=given))
    listed = await bench.cluster.list("jobs", bench.namespace, selector)
    assert sorted(item["metadata"]["name"] for item in listed.items) == expected


async def test_items_of_a_list_are_whole_objects(bench: Bench) -> None:
    await bench.admin.create("assets", bench.asset("raw"))
    (item,) = (await bench.cluster.list("assets", bench.namespace)).items
    assert item == await bench.cluster.get("assets", bench.namespace, "raw")


async def test_items_of_a_list_of_a_built_in_kind_say_what_they_are(bench: Bench) -> None:
    await bench.cluster.create("jobs", bench.job("one"))
    (item,) = (await bench.cluster.list("jobs", bench.namespace)).items
    assert (item["apiVersion"], item["kind"]) == ("batch/v1", "Job")


async def test_a_list_tells_the_version_it_is_true_at(bench: Bench) -> None:
    await bench.cluster.create("jobs", bench.job("one"))
    first = await bench.cluster.list("jobs", bench.namespace)
    await bench.cluster.create("jobs", bench.job("two"))
    second = await bench.cluster.list("jobs", bench.namespace)
    assert int(first.items[0]["metadata"]["resourceVersion"]) <= int(first.resource_version)
    assert int(first.resource_version) < int(second.resource_version)


async def test_a_list_of_a_namespace_has_nothing_of_another(bench: Bench) -> None:
    await bench.cluster.create("jobs", bench.job("one"))
    assert (await bench.cluster.list("jobs", "empty-namespace")).items == []
    everywhere = (await bench.cluster.list("jobs")).items
    assert bench.namespace in {item["metadata"]["namespace"] for item in everywhere}


async def test_a_list_is_handed_over_in_pages_and_not_kept(bench: Bench) -> None:
    for name in ("a", "b"):
        await bench.cluster.create("jobs", bench.job(name))
    seen: list[str] = []
    listed = await bench.cluster.list(
        "jobs", bench.namespace, visit=lambda page: seen.extend(one["metadata"]["name"] for one in page)
    )
    assert (sorted(seen), listed.items) == (["a", "b"], [])
    assert int(listed.resource_version) > 0


async def test_a_list_of_more_than_a_page_is_whole(bench: Bench) -> None:
    names = [f"asset-{n:04}" for n in range(1010)]
    await asyncio.gather(*(bench.admin.create("assets", bench.asset(name)) for name in names))
    listed = await bench.cluster.list("assets", bench.namespace)
    assert sorted(item["metadata"]["name"] for item in listed.items) == names


# ---- pods, events, tokens -----------------------------------------------------------------------------------------


async def test_a_pod_that_has_not_started_has_an_empty_log(bench: Bench) -> None:
    await bench.admin.create("pods", bench.pod("run-x"))
    assert await bench.cluster.pod_log(bench.namespace, "run-x") == ""
    assert await bench.cluster.pod_log(bench.namespace, "gone") == ""


async def test_the_same_event_again_is_one_event(bench: Bench) -> None:
    asset = await bench.admin.create("assets", bench.asset("raw"))
    for _ in range(3):
        await bench.cluster.post_event(asset, reason="RunFailed", message="it failed", warning=True)
    events = (await bench.admin.list("events", bench.namespace)).items
    assert [(event["reason"], event["type"]) for event in events] == [("RunFailed", "Warning")]


async def test_an_event_that_cannot_be_written_stops_nobody(bench: Bench) -> None:
    lost = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "no-such-namespace"}}
    await bench.cluster.post_event(lost, reason="RunFailed", message="it failed")


async def test_a_pods_token_names_its_pod(bench: Bench) -> None:
    pod = await bench.admin.create("pods", bench.pod("run-x"))
    caller = await bench.cluster.review_token(await bench.issue("run-x", "upwell"), "upwell")
    assert caller is not None
    assert (caller.namespace, caller.pod, caller.pod_uid) == (bench.namespace, "run-x", pod["metadata"]["uid"])
    assert caller.username == f"system:serviceaccount:{bench.namespace}:default"


async def test_a_token_for_somebody_else_is_nobodys(bench: Bench) -> None:
    await bench.admin.create("pods", bench.pod("run-x"))
    token = await bench.issue("run-x", "upwell")
    assert await bench.cluster.review_token(token, "another-audience") is None
    assert await bench.cluster.review_token("not.a.token", "upwell") is None


async def test_a_token_for_the_api_server_is_no_token_for_us_nor_ours_for_it(bench: Bench) -> None:
    await bench.admin.create("pods", bench.pod("run-x"))
    ours, theirs = await bench.issue("run-x", "upwell"), await bench.issue("run-x", "")
    assert await bench.cluster.review_token(theirs, "")
    assert await bench.cluster.review_token(theirs, "upwell") is None
    assert await bench.cluster.review_token(ours, "") is None


async def test_a_token_ends_with_its_pod(bench: Bench) -> None:
    await bench.admin.create("pods", bench.pod("run-x"))
    token = await bench.issue("run-x", "upwell")
    await bench.admin.delete("pods", bench.namespace, "run-x")

    async def refused() -> bool:
        return await bench.cluster.review_token(token, "upwell") is None

    await eventually(refused, 30)


# ---- leadership ---------------------------------------------------------------------------------------------------


async def test_a_lease_is_held_by_one_and_given_back_to_the_next(bench: Bench) -> None:
    name = LeaseName(bench.namespace, "leader", seconds=8)
    first, second = (Leadership(bench.cluster, name, identity) for identity in ("a", "b"))
    await first.step()
    await second.step()
    assert (first.valid(), second.valid(), second.holder) == (True, False, "a")
    await first.release()
    await second.step()
    assert (first.valid(), second.valid()) == (False, True)
    assert second.transitions == first.transitions + 1


async def test_of_many_who_stand_for_a_lease_one_holds_it(bench: Bench) -> None:
    name = LeaseName(bench.namespace, "leader", seconds=8)
    candidates = [Leadership(bench.cluster, name, f"candidate-{n}") for n in range(5)]
    for _ in range(3):
        await asyncio.gather(*(candidate.step() for candidate in candidates))
        assert sum(candidate.valid() for candidate in candidates) == 1


async def is_gone(bench: Bench, resource: str, name: str) -> bool:
    try:
        await bench.cluster.get(resource, bench.namespace, name)
    except NotFound:
        return True
    return False
