"""What people read and ask for."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any, get_args

import pytest

from builders import NOW
from server_world import KEY, NAMESPACE, POD, RUN, World, an_asset_object, an_event
from upwell_operator.cluster.port import Listed, Object
from upwell_operator.domain.decisions import Decision, Verb
from upwell_operator.domain.runs import read_run
from upwell_operator.domain.snapshot import AssetId, Ref
from upwell_operator.domain.sorts import TYPES
from upwell_operator.resources.meta import Annotation, Kind
from upwell_operator.server.assets import Word
from upwell_operator.server.graph import graph
from upwell_operator.store import history

DERIVED = {"materialize": {"python": {"function": "shop:clean"}, "image": "shop:1"}, "deps": [{"name": "raw-orders"}]}
PATH = "/v1/assets/shop/raw-orders"


async def _apply(world: World, *objects: Object) -> None:
    for obj in objects:
        await world.cluster.apply(obj)


def _job(**spec: Any) -> Object:
    metadata = {"namespace": NAMESPACE, "name": "all"}
    return {
        "apiVersion": "upwell.dev/v1alpha1",
        "kind": "ObservationJob",
        "metadata": metadata,
        "spec": {"assets": ["raw-orders"], **spec},
    }


# ---- lists ---


async def test_assets_come_in_kubernetes_own_shape_by_name(world: World) -> None:
    await _apply(world, an_asset_object("clean", group="marts", **DERIVED), an_asset_object("also", **DERIVED))
    body = (await world.get("/v1/assets")).json()
    assert (body["apiVersion"], body["kind"]) == ("upwell.dev/v1alpha1", "AssetList")
    assert [one["metadata"]["name"] for one in body["items"]] == ["also", "clean", "raw-orders"]
    assert {one["kind"] for one in body["items"]} == {"Asset"}


FILTERS = {
    "group=marts": ["clean"],
    "group=default": ["raw-orders"],
    "fresh=True": ["raw-orders"],
    "fresh=Unknown": ["clean"],
    "namespace=other": [],
    f"namespace={NAMESPACE}&selection=group:marts": ["clean"],
    f"namespace={NAMESPACE}&selection=roots(*)": ["raw-orders"],
    f"namespace={NAMESPACE}&selection=group:marts&fresh=True": [],
}


@pytest.mark.parametrize(("query", "names"), FILTERS.items(), ids=FILTERS)
async def test_assets_can_be_filtered(world: World, query: str, names: list[str]) -> None:
    await _apply(world, an_asset_object("clean", group="marts", **DERIVED))
    status = {
        "conditions": [
            {"type": "Ready", "status": "False", "reason": "RunFailed"},
            {"type": "Fresh", "status": "True", "reason": "UpToDate"},
        ]
    }
    await world.cluster.patch_status("assets", NAMESPACE, "raw-orders", {"status": status})
    items = (await world.get(f"/v1/assets?{query}")).json()["items"]
    assert [one["metadata"]["name"] for one in items] == names


SELECTIONS = {
    "which cannot be read": (f"namespace={NAMESPACE}&selection=a adn b", "invalid-selection", "a adn b\n    ^"),
    "of no namespace": ("selection=a", "invalid-parameters", "name it with ?namespace="),
}


@pytest.mark.parametrize(("query", "slug", "words"), SELECTIONS.values(), ids=SELECTIONS)
async def test_a_selection_is_refused(world: World, query: str, slug: str, words: str) -> None:
    answer = await world.get(f"/v1/assets?{query}")
    assert answer.status_code == 422
    assert answer.json()["type"].endswith(slug)
    assert words in answer.json()["detail"]


async def test_what_cannot_be_read_is_not_selected(world: World) -> None:
    broken = an_asset_object("broken", nonsense=True)
    broken["metadata"]["uid"] = "of-an-older-version"
    world.cluster._shelf.put("assets", broken)
    items = (await world.get(f"/v1/assets?namespace={NAMESPACE}&selection=*")).json()["items"]
    assert [one["metadata"]["name"] for one in items] == ["raw-orders"]


async def test_pages_of_assets_meet_without_gap_or_overlap(world: World) -> None:
    await _apply(world, *(an_asset_object(f"a{number}", **DERIVED) for number in range(7)))
    names, cursor = [], ""
    for _ in range(4):
        body = (await world.get("/v1/assets", limit=2, **({"cursor": cursor} if cursor else {}))).json()
        names += [one["metadata"]["name"] for one in body["items"]]
        cursor = body["metadata"].get("continue")
    assert (names, cursor) == ([*(f"a{number}" for number in range(7)), "raw-orders"], None)


async def test_keys_that_nobody_defined_are_listed_with_their_namespace(world: World) -> None:
    await world.report([an_event(), an_event(assetKey="nobody/defined/this")])
    assert (await world.get("/v1/assets", namespace=NAMESPACE)).json()["undefined"] == ["nobody/defined/this"]


@pytest.mark.parametrize(("path", "kind"), [("observation-jobs", "ObservationJobList"), ("schedules", "ScheduleList")])
async def test_the_other_kinds_are_listed(world: World, path: str, kind: str) -> None:
    schedule = {
        "apiVersion": "upwell.dev/v1alpha1",
        "kind": "Schedule",
        "metadata": {"namespace": NAMESPACE, "name": "all"},
    }
    await _apply(world, _job(), {**schedule, "spec": {"schedule": "@daily", "job": {"name": "all"}}})
    body = (await world.get(f"/v1/{path}")).json()
    assert (body["kind"], [one["metadata"]["name"] for one in body["items"]]) == (kind, ["all"])


@pytest.mark.parametrize("path", ["assets", "observation-jobs", "schedules"])
async def test_without_a_namespace_those_that_are_watched_are_listed(
    world: World, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str | None] = []
    original = world.cluster.list

    async def noting(resource: str, namespace: str | None = None, *args: Any, **more: Any) -> Listed:
        asked.append(namespace)
        return await original(resource, namespace, *args, **more)

    monkeypatch.setattr(world.cluster, "list", noting)
    face = world.app.state.face
    world.app.state.face = replace(face, settings=face.settings.model_copy(update={"namespaces": ("shop", "till")}))
    assert (await world.get(f"/v1/{path}")).status_code == 200
    assert asked == ["shop", "till"]


async def test_one_asset_comes_as_kubectl_gives_it(world: World) -> None:
    body = (await world.get(PATH)).json()
    assert (body["kind"], body["metadata"]["name"], body["spec"]["key"]) == ("Asset", "raw-orders", KEY)
    missing = await world.get("/v1/assets/shop/nothing")
    assert (missing.status_code, "`kubectl get assets -n shop` lists them" in missing.json()["detail"]) == (404, True)


# ---- the past ---


async def test_events_come_newest_first_in_the_wire_format(world: World) -> None:
    await world.report([an_event(id="one", dataVersion="v1"), an_event(id="two", description="again")])
    body = (await world.get(f"{PATH}/events", limit=1)).json()
    (event,) = body["items"]
    assert {name: event[name] for name in ("id", "type", "assetKey", "run", "attempt", "description")} == {
        "id": "two",
        "type": "AssetObservation",
        "assetKey": KEY,
        "run": RUN,
        "attempt": POD,
        "description": "again",
    }
    rest = (await world.get(f"{PATH}/events", cursor=body["metadata"]["continue"])).json()
    assert ([one["id"] for one in rest["items"]], rest["metadata"]) == (["one"], {})
    assert (rest["items"][0]["dataVersion"], rest["items"][0]["changed"]) == ("v1", True)


async def test_events_can_be_of_some_types_only(world: World) -> None:
    await world.report([an_event(), an_event(id="made", type="AssetMaterialization")])
    items = (await world.get(f"{PATH}/events", type=["AssetMaterialization", "AttemptFailed"])).json()["items"]
    assert [one["id"] for one in items] == ["made"]
    items = (await world.get(f"{PATH}/events", type=["observation", "failure"])).json()["items"]
    assert [one["type"] for one in items] == ["AssetObservation"]


def test_every_sort_and_every_type_of_event_can_be_asked_for() -> None:
    assert set(get_args(Word)) == set(TYPES)


async def test_events_can_be_of_one_partition_only(world: World) -> None:
    await world.report([an_event(), an_event(id="eu", partition="eu"), an_event(id="us", partition="us")])
    items = (await world.get(f"{PATH}/events", partition="eu")).json()["items"]
    assert [one["id"] for one in items] == ["eu"]
    assert (await world.get(f"{PATH}/events", partition="")).status_code == 422


SINCE = {
    "a duration": ("1h", 1),
    "a time": ("2020-01-31T12:00:00+01:00", 1),
    "a time to come": ("2999-01-01T00:00:00Z", 0),
}


@pytest.mark.parametrize(("since", "count"), SINCE.values(), ids=SINCE)
async def test_events_can_be_those_since_some_time(world: World, since: str, count: int) -> None:
    await world.report([an_event()])
    assert len((await world.get(f"{PATH}/events", since=since)).json()["items"]) == count


@pytest.mark.parametrize("since", ["yesterday", "0s", "2026-01-31T12:00:00"])
async def test_what_is_no_point_in_time_is_refused_with_the_two_forms(world: World, since: str) -> None:
    answer = await world.get(f"{PATH}/events", since=since)
    assert answer.status_code == 422
    assert "such as 2h" in answer.json()["detail"]


async def test_a_page_that_ends_early_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MAX_LOOK", 1)
    await world.report([an_event(dataVersion=f"v{number}") for number in range(201)])
    metadata = (await world.get(f"{PATH}/events", type="failure")).json()["metadata"]
    assert metadata == {"continue": metadata["continue"], "endedEarly": True}


async def test_versions_say_since_when_and_how_often(world: World) -> None:
    await world.report([an_event(dataVersion=version) for version in ("v1", "v2", "v2")])
    items = (await world.get(f"{PATH}/versions")).json()["items"]
    assert [(one["dataVersion"], one["times"], one["current"]) for one in items] == [("v2", 2, True), ("v1", 1, False)]


async def test_decisions_say_why(world: World) -> None:
    ref = Ref(NAMESPACE, "raw-orders")
    await world.store.decide([Decision(Kind.ASSET, ref, Verb.NO_RUN, "Fresh", "it is fresh", NOW)])
    (one,) = (await world.get(f"{PATH}/decisions")).json()["items"]
    assert (one["decision"], one["reason"], one["message"], one["name"]) == (
        "NoRun",
        "Fresh",
        "it is fresh",
        "raw-orders",
    )
    assert (await world.get("/v1/schedules/shop/x/decisions")).json()["items"] == []


async def test_events_of_undefined_data_are_shown_once_it_was_materialized(world: World) -> None:
    path = "/v1/assets/shop/nobody/defined/events"
    await world.post(path, {"events": [{"type": "AssetObservation"}]})
    hidden = await world.get(path)
    assert (hidden.status_code, "shown once an Asset with this key is applied" in hidden.json()["detail"]) == (
        404,
        True,
    )
    await world.post(path, {"events": [{"type": "AssetMaterialization"}]})
    assert len((await world.get(path)).json()["items"]) == 2


# ---- reports from outside ---


async def test_an_outside_report_needs_no_more_than_a_type_and_a_version(world: World) -> None:
    answer = await world.post(f"{PATH}/events", {"events": [{"type": "AssetObservation", "dataVersion": "v9"}]})
    assert answer.json() == {"accepted": 1, "duplicates": 0, "superseded": 0}
    (event,) = (await world.get(f"{PATH}/events")).json()["items"]
    assert (event["assetKey"], event["dataVersion"], event["time"]) == (KEY, "v9", "2026-11-22T12:00:00Z")


async def test_an_outside_report_with_an_id_is_taken_once(world: World) -> None:
    body = {"events": [{"id": "theirs", "type": "AssetMaterialization"}]}
    await world.post(f"{PATH}/events", body)
    assert (await world.post(f"{PATH}/events", body)).json()["duplicates"] == 1


OUTSIDE = {
    "another asset": (
        {"events": [{"type": "AssetObservation", "assetKey": "x"}]},
        "events[0].assetKey: must be 'warehouse/raw_orders'",
    ),
    "a failed attempt": (
        {"events": [{"type": "AttemptFailed"}]},
        "events[0].type: only AssetObservation and AssetMaterialization",
    ),
    "no list": ({"events": 5}, "events must be a list."),
    "no object": ({"events": [5]}, "events[0] must be an object."),
    "no body": (None, "The body cannot be read. Invalid JSON"),
}


@pytest.mark.parametrize(("body", "sentence"), OUTSIDE.values(), ids=OUTSIDE)
async def test_a_bad_outside_report_is_refused_with_a_sentence(world: World, body: Any, sentence: str) -> None:
    answer = await world.post(f"{PATH}/events", body)
    assert answer.status_code in {400, 422}
    assert sentence in answer.json()["detail"]


# ---- requests ---


async def test_a_request_is_an_annotation_with_a_token_that_sorts_by_time(world: World) -> None:
    first = await world.post(f"{PATH}/observe")
    world.clock[0] += timedelta(seconds=1)
    second = await world.post(f"{PATH}/observe")
    asset = await world.cluster.get("assets", NAMESPACE, "raw-orders")
    assert (first.status_code, second.json()["kind"]) == (202, "Asset")
    assert first.json()["token"] < second.json()["token"] == asset["metadata"]["annotations"][Annotation.REQUESTED_AT]


async def test_a_derived_asset_and_a_job_can_be_asked_too(world: World) -> None:
    await _apply(world, an_asset_object("clean", **DERIVED), _job())
    assert (await world.post("/v1/assets/shop/clean/materialize")).status_code == 202
    assert (await world.post("/v1/observation-jobs/shop/all/run")).status_code == 202
    assert (
        Annotation.REQUESTED_AT
        in (await world.cluster.get("observationjobs", NAMESPACE, "all"))["metadata"]["annotations"]
    )


async def test_a_backfill_names_partitions_beside_its_token_and_the_next_request_names_none(world: World) -> None:
    await _apply(world, an_asset_object("clean", **DERIVED, partitions={"static": ["eu", "us", "asia"]}))
    path = "/v1/assets/shop/clean/materialize"
    answer = await world.post(f"{path}?partitions=us..&parallelism=3")
    assert (answer.status_code, answer.json()["partitions"]) == (202, ["asia", "us"])
    notes = (await world.cluster.get("assets", NAMESPACE, "clean"))["metadata"]["annotations"]
    named = [notes[Annotation.REQUESTED_PARTITIONS], notes[Annotation.REQUESTED_PARALLELISM]]
    assert named == ["us..", "3"]
    await world.post(path)
    assert [*(await world.cluster.get("assets", NAMESPACE, "clean"))["metadata"]["annotations"]] == [
        Annotation.REQUESTED_AT
    ]


async def test_an_observation_may_be_asked_of_some_partitions(world: World) -> None:
    look = {"python": {"function": "shop:sales"}, "image": "shop:1"}
    await _apply(world, an_asset_object("sales", observe=look, partitions={"static": ["eu", "us"]}))
    path = "/v1/assets/shop/sales/observe"
    answer = await world.post(f"{path}?partitions=us")
    assert (answer.status_code, answer.json()["partitions"]) == (202, ["us"])
    notes = (await world.cluster.get("assets", NAMESPACE, "sales"))["metadata"]["annotations"]
    assert notes[Annotation.REQUESTED_PARTITIONS] == "us"
    assert (await world.post(f"{path}?partitions=mars")).status_code == 422
    await _take_up(world, "sales")
    await world.post(path)
    notes = (await world.cluster.get("assets", NAMESPACE, "sales"))["metadata"]["annotations"]
    assert [*notes] == [Annotation.REQUESTED_AT], "the next request is about no partition in particular"


async def _take_up(world: World, name: str) -> None:
    """Answer a request, as the operator does."""
    asset = await world.cluster.get("assets", NAMESPACE, name)
    handled = {"lastHandledRequest": asset["metadata"]["annotations"][Annotation.REQUESTED_AT]}
    await world.cluster.patch_status("assets", NAMESPACE, name, {"status": handled})


async def test_a_request_for_other_partitions_never_takes_the_place_of_one_that_is_not_taken_up(world: World) -> None:
    look = {"python": {"function": "shop:sales"}, "image": "shop:1"}
    await _apply(world, an_asset_object("sales", observe=look, partitions={"static": ["eu", "us"]}))
    path = "/v1/assets/shop/sales/observe"
    both = await asyncio.gather(world.post(f"{path}?partitions=us"), world.post(f"{path}?partitions=eu"))
    assert sorted(answer.status_code for answer in both) == [202, 409]
    (refused,) = (answer.json() for answer in both if answer.status_code == 409)
    assert "is asked to observe partitions" in refused["detail"]
    assert (await world.post(path)).status_code == 409, "one for no partition in particular would lose them too"
    await _take_up(world, "sales")
    assert [(await world.post(path)).status_code for _ in range(2)] == [202, 202], "one run answers both"
    assert "no partitions in particular" in (await world.post(f"{path}?partitions=eu")).json()["detail"]


async def test_a_backfill_of_what_is_no_partition_is_refused_before_anything_is_asked(world: World) -> None:
    cut = {"partitions": {"static": ["eu", "us"]}}
    await _apply(world, an_asset_object("clean", **DERIVED, **cut), an_asset_object("whole", **DERIVED))
    await _apply(world, an_asset_object("open", **DERIVED, partitions={"dynamic": {}}))
    answer = await world.post("/v1/assets/shop/clean/materialize?partitions=mars")
    assert (answer.status_code, '"mars" is no partition; there are eu, us' in answer.json()["detail"]) == (422, True)
    assert (await world.post("/v1/assets/shop/whole/materialize?partitions=eu")).status_code == 404
    assert (await world.post("/v1/assets/shop/open/materialize?partitions=ana")).status_code == 202


async def test_what_cannot_be_asked_is_refused_with_the_way_out(world: World) -> None:
    await _apply(
        world, an_asset_object("clean", **DERIVED), an_asset_object("outside", description="theirs"), _job(suspend=True)
    )
    await _apply(world, an_asset_object("asleep", suspend=True, **DERIVED))
    refused = {
        "/v1/assets/shop/clean/observe": (
            422,
            "has no spec.observe, so Upwell cannot observe it; add one, or ask it to materialize.",
        ),
        f"{PATH}/materialize": (
            422,
            "has no spec.materialize, so Upwell cannot materialize it; add one, or ask it to observe.",
        ),
        "/v1/assets/shop/outside/observe": (422, "add one, or report its events from outside."),
        "/v1/assets/shop/asleep/materialize": (
            409,
            "is suspended, so nothing of it runs; set spec.suspend to false first.",
        ),
        "/v1/observation-jobs/shop/all/run": (409, "is suspended"),
        "/v1/assets/shop/nothing/observe": (404, "There is no Asset 'nothing' in namespace 'shop'"),
    }
    for path, (status, sentence) in refused.items():
        answer = await world.post(path)
        assert (answer.status_code, sentence in answer.json()["detail"]) == (status, True), answer.json()


async def test_an_object_that_is_being_deleted_takes_no_request(world: World) -> None:
    real = world.cluster.get

    async def get(resource: str, namespace: str, name: str) -> Object:
        obj = await real(resource, namespace, name)
        return {**obj, "metadata": {**obj["metadata"], "deletionTimestamp": "2026-11-22T12:00:00Z"}}

    world.cluster.get = get  # type: ignore[method-assign]
    assert (await world.post(f"{PATH}/observe")).status_code == 409


# ---- runs and graph ---


async def _record(world: World, **fields: Any) -> None:
    run = read_run(await world.cluster.get("jobs", NAMESPACE, RUN))
    assert run is not None
    await world.store.record_run(run)


async def test_a_run_is_found_by_its_job_and_when_that_is_gone_by_its_record(world: World) -> None:
    living = (await world.get(f"/v1/runs/{NAMESPACE}/{RUN}")).json()
    assert (living["name"], living["phase"], living["trigger"]) == (RUN, "Active", {"type": "Request", "detail": "t1"})
    await _record(world)
    assert [one["name"] for one in (await world.get("/v1/runs", namespace=NAMESPACE)).json()["items"]] == [RUN]
    await world.cluster.delete("jobs", NAMESPACE, RUN)
    assert (await world.get(f"/v1/runs/{NAMESPACE}/{RUN}")).json()["asset"] == "raw-orders"
    assert (await world.get(f"/v1/runs/{NAMESPACE}/nothing")).status_code == 404


async def test_a_log_is_the_pods_while_it_runs_and_the_kept_one_after(world: World) -> None:
    async def read(namespace: str, pod: str, tail_bytes: int) -> str:
        return f"printed by {pod}"

    world.cluster.log_reader = read
    path = f"/v1/runs/{NAMESPACE}/{RUN}/log"
    assert (await world.get(path)).text == f"printed by {POD}"
    await world.store.put_log(Ref(NAMESPACE, RUN), "kept")
    assert (await world.get(path)).text == "kept"


async def test_a_run_without_pods_has_an_empty_log(world: World) -> None:
    await world.cluster.delete("pods", NAMESPACE, POD)
    answer = await world.get(f"/v1/runs/{NAMESPACE}/{RUN}/log")
    assert (answer.status_code, answer.text) == (200, "")


async def test_the_graph_has_nodes_edges_and_knows_what_is_missing(world: World) -> None:
    deps = {**DERIVED, "deps": [{"name": "raw-orders"}, {"name": "else", "namespace": "other"}]}
    await _apply(world, an_asset_object("clean", **deps))
    body = (await world.get("/v1/graph")).json()
    assert [(one["name"], one["observable"]) for one in body["nodes"]] == [("clean", False), ("raw-orders", True)]
    assert [(one["from"]["name"], one["missing"]) for one in body["edges"]] == [("raw-orders", False), ("else", True)]
    assert body["observable"] is True


async def test_a_selected_graph_misses_nothing_that_is_there(world: World) -> None:
    """The dep that was not selected exists; so does the one in another namespace, which was not even listed."""
    far = an_asset_object("far", key="far", observe={"python": {"function": "shop:far"}, "image": "shop:1"})
    far["metadata"]["namespace"] = "sales"
    deps = [{"name": "raw-orders"}, {"name": "far", "namespace": "sales"}, {"name": "gone", "namespace": "sales"}]
    await _apply(world, far, an_asset_object("clean", **{**DERIVED, "deps": deps}))
    body = (await world.get("/v1/graph", namespace=NAMESPACE, selection="key:clean")).json()
    assert [one["name"] for one in body["nodes"]] == ["clean"]
    missing = {one["from"]["name"]: one["missing"] for one in body["edges"]}
    assert missing == {"raw-orders": False, "far": False, "gone": True}
    assert body["observable"] is False


async def test_a_graph_is_selected_in_one_namespace(world: World) -> None:
    answer = await world.get("/v1/graph", selection="*")
    assert (answer.status_code, "name it with ?namespace=" in answer.json()["detail"]) == (422, True)


def test_a_graph_without_sources_has_nothing_to_observe() -> None:
    assert graph([an_asset_object("clean", **DERIVED)], set())["observable"] is False


UNASKABLE: dict[str, tuple[Object, Object]] = {
    "it is suspended": ({"suspend": True}, {}),
    "it is being deleted": ({}, {"deletionTimestamp": "2026-11-22T12:00:00Z"}),
}


@pytest.mark.parametrize(("spec", "metadata"), UNASKABLE.values(), ids=UNASKABLE.keys())
def test_a_source_that_would_refuse_to_be_observed_is_not_observable(spec: Object, metadata: Object) -> None:
    source = an_asset_object()
    source["spec"] |= spec
    source["metadata"] |= metadata
    assert graph([source], set())["observable"] is False


def test_a_node_tells_what_its_conditions_say() -> None:
    cause = {"reason": "UpstreamStale", "asset": "raw", "message": "upstream is stale", "path": ["raw", "file"]}
    conditions = [
        {"type": "Fresh", "status": "False", "reason": "UpstreamStale", "message": "upstream is stale: raw"},
        {"type": "Ready", "status": "True", "reason": "Ready", "message": "the spec is accepted"},
    ]
    status = {"conditions": conditions, "staleCauses": [cause], "activeRuns": [{"name": "clean-1"}]}
    node = graph([{**an_asset_object("clean", **DERIVED), "status": status}], set())["nodes"][0]
    assert (node["fresh"], node["reason"], node["message"]) == ("False", "UpstreamStale", "upstream is stale: raw")
    assert (node["ready"], node["readyMessage"]) == ("True", "the spec is accepted")
    assert (node["causes"], node["running"]) == ([cause], True)


def test_ids_of_data_and_names_of_resources_differ() -> None:
    assert str(AssetId(NAMESPACE, KEY)) == "shop/warehouse/raw_orders"


# ---- partitions ---

DAYS = {"timeWindow": {"cron": "@daily", "start": "2026-11-18"}}


async def _cut(world: World, partitions: Any, versions: dict[str, str]) -> None:
    await _apply(world, an_asset_object("sales", key="sales", partitions=partitions))
    seen = {"events": [{"type": "AssetObservation", "partitions": versions}]}
    assert (await world.post("/v1/assets/shop/sales/events", seen)).status_code == 200


async def test_partitions_are_listed_newest_first_page_by_page(world: World) -> None:
    await _cut(world, DAYS, {"2026-11-19": "a", "2026-11-21": "b"})
    first = (await world.get("/v1/assets/shop/sales/partitions", limit=3)).json()
    assert first["items"] == [
        {"partition": "2026-11-21", "dataVersion": "b", "changedAt": "2026-11-22T12:00:00Z"},
        {"partition": "2026-11-20"},
        {"partition": "2026-11-19", "dataVersion": "a", "changedAt": "2026-11-22T12:00:00Z"},
    ]
    rest = (await world.get("/v1/assets/shop/sales/partitions", cursor=first["metadata"]["continue"])).json()
    assert rest == {"items": [{"partition": "2026-11-18"}], "metadata": {}}


async def test_dynamic_partitions_are_those_that_were_reported(world: World) -> None:
    await _cut(world, {"dynamic": {}}, {"b": "1", "a": "2"})
    found = (await world.get("/v1/assets/shop/sales/partitions")).json()["items"]
    assert [(one["partition"], one["dataVersion"]) for one in found] == [("b", "1"), ("a", "2")]


async def test_an_asset_that_is_not_cut_has_no_partitions_to_list(world: World) -> None:
    answer = await world.get(f"{PATH}/partitions")
    assert (answer.status_code, "has no spec.partitions" in answer.json()["detail"]) == (404, True)


async def test_the_history_tells_what_changed_of_what_was_seen(world: World) -> None:
    await _cut(world, DAYS, {"2026-11-19": "a", "2026-11-21": "b"})
    (event,) = (await world.get("/v1/assets/shop/sales/events")).json()["items"]
    assert (event["partitionsSeen"], event["partitionsChanged"]) == (2, 2)
    assert event["partitions"] == {"2026-11-19": "a", "2026-11-21": "b"}
