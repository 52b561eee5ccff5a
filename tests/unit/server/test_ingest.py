"""The pods' door: what is taken, what is refused and with which sentence, and that repeating harms nothing."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from server_world import (
    ALICE,
    KEY,
    NAMESPACE,
    POD,
    RUN,
    START,
    World,
    a_job_object,
    a_pod_object,
    a_run_in,
    an_event,
    outcome_of,
)
from upwell.protocol import EventType
from upwell_operator.cluster.port import Caller
from upwell_operator.domain.snapshot import AssetId, Outcome
from upwell_operator.domain.versions import derived_version
from upwell_operator.errors import StoreUnavailable
from upwell_operator.resources.meta import Annotation, Label

DATA = AssetId(NAMESPACE, KEY)


async def test_a_report_is_stored_and_acknowledged(world: World) -> None:
    answer = await world.report(
        [an_event(dataVersion="v1", result=True, metadata={"rows": {"type": "int", "value": 3}})]
    )
    assert (answer.status_code, answer.json()) == (200, {"accepted": 1, "duplicates": 0, "superseded": 0})
    assert (await world.store.states([DATA]))[DATA].version == "v1"
    assert await outcome_of(world.cluster, world.store) is Outcome.CHANGED


async def test_a_repeated_report_changes_nothing_and_says_so(world: World) -> None:
    events = [an_event(dataVersion="v1"), an_event()]
    await world.report(events)
    assert (await world.report(events)).json() == {"accepted": 0, "duplicates": 2, "superseded": 0}
    assert len((await world.store.events(DATA)).items) == 2


async def test_a_report_of_an_overtaken_run_is_kept_but_changes_no_state(world: World) -> None:
    later = await a_run_in(world.cluster, "later", "later-pod", **{Annotation.FENCE.value: "2"})
    await world.report([an_event(dataVersion="new")], run="later", token=later)
    assert (await world.report([an_event(dataVersion="old")])).json()["superseded"] == 1
    assert (await world.store.states([DATA]))[DATA].version == "new"


async def test_a_materialization_without_a_version_gets_one_from_the_trusted_facts_of_its_job(world: World) -> None:
    inputs = '[{"name": "a", "key": "a", "dataVersion": "v7"}]'
    notes = {Annotation.INPUTS.value: inputs, Annotation.CODE_VERSION.value: "3"}
    token = await a_run_in(world.cluster, "made", "made-pod", **notes)
    await world.report([an_event(type="AssetMaterialization")], run="made", token=token)
    state = (await world.store.states([DATA]))[DATA]
    assert state.materialization is not None
    assert state.version == derived_version("3", "made", state.materialization.inputs)
    assert state.materialization.inputs[0].data_version == "v7"


async def test_a_run_may_observe_another_asset_of_its_namespace_without_a_version(world: World) -> None:
    assert (await world.report([an_event(assetKey="other/key")])).status_code == 200
    assert len((await world.store.events(AssetId(NAMESPACE, "other/key"))).items) == 1


ANOTHERS = {
    "with a version": {"dataVersion": "v1"},
    "materialized": {"type": "AssetMaterialization"},
    "failed": {"type": "AssetObservationFailed"},
}


@pytest.mark.parametrize("fields", ANOTHERS.values(), ids=ANOTHERS)
async def test_anything_else_about_another_asset_is_forbidden(world: World, fields: dict[str, Any]) -> None:
    answer = await world.report([an_event(), an_event(assetKey="other", **fields)])
    problem = answer.json()
    assert (answer.status_code, problem["event"]) == (403, 1)
    assert problem["detail"] == (
        f"events[1].assetKey: the run {RUN} is about {KEY!r}; about 'other' it may report only an AssetObservation "
        "without a dataVersion."
    )
    assert (await world.store.events(DATA)).items == ()


BAD_EVENTS: dict[str, tuple[dict[str, Any], int, str]] = {
    "no id": ({"id": ...}, 422, "events[0].id is missing; add it."),
    "id that is a number": ({"id": 5}, 422, "events[0].id must be text (a JSON string)."),
    "unknown type": ({"type": "Nonsense"}, 422, "events[0].type is not an event type that Upwell knows"),
    "version that is a number": ({"dataVersion": 7}, 422, "events[0].dataVersion must be text (a JSON string)."),
    "version that is true": ({"dataVersion": True}, 422, "events[0].dataVersion must be text (a JSON string)."),
    "tag that is a number": ({"tags": {"a": 1}}, 422, "events[0].tags.a must be text (a JSON string)."),
    "2 MiB of metadata": (
        {"metadata": {"a": {"type": "json", "value": ["x" * 60000] * 40}}},
        413,
        "events[0]: an event may have 1048576 bytes",
    ),
    "empty version": ({"dataVersion": ""}, 422, "events[0].dataVersion: must have 1 to 512 characters, has 0"),
    "64 KiB of text": (
        {"metadata": {"a": {"type": "text", "value": "x" * 65537}}},
        422,
        "events[0].metadata.a: may have 65536 bytes, has 65537; store it elsewhere, and report its path or url.",
    ),
}
"""Shapes, and a few of the rules that `test_event_rules` knows all of."""


@pytest.mark.parametrize(("fields", "status", "sentence"), BAD_EVENTS.values(), ids=BAD_EVENTS)
async def test_a_bad_event_is_refused_with_a_sentence(
    world: World, fields: dict[str, Any], status: int, sentence: str
) -> None:
    answer = await world.report([an_event(**fields)])
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert sentence in answer.json()["detail"]
    assert (await world.store.events(DATA)).items == ()


BAD_BODIES: dict[str, tuple[bytes, int, str]] = {
    "not JSON": (b"{", 400, "The body cannot be read. Invalid JSON: EOF while parsing"),
    "half a character": (b'{"events": ["\\ud800"]}', 400, "The body cannot be read. Invalid JSON"),
    "too deep": (b"[" * 100_000, 400, "recursion limit exceeded"),
    "too deep, with NaN": (b"[NaN" * 100_000, 400, "The body cannot be read. Invalid JSON"),
    "a list": (b"[]", 422, "the body must be an object."),
    "no events": (b"{}", 422, "events is missing; add it."),
    "events that are an object": (b'{"events": {}}', 422, "events must be a list."),
    "no event": (b'{"events": []}', 422, "events: is empty; send at least one event."),
    "many mistakes": (
        b'{"events": [{}, {}]}',
        422,
        "events[0].id is missing; add it; events[0].type is missing; add it;",
    ),
    "10,001 events": (
        json.dumps({"events": [an_event()] * 10_001}).encode(),
        413,
        "events: a request may have 10000, has 10001; send several requests.",
    ),
    "17 MiB": (
        b" " * (17 * 1024 * 1024),
        413,
        "A request may have 16777216 bytes; send the events in several requests.",
    ),
}


@pytest.mark.parametrize(("body", "status", "sentence"), BAD_BODIES.values(), ids=BAD_BODIES)
async def test_a_bad_body_is_refused_with_a_sentence(world: World, body: bytes, status: int, sentence: str) -> None:
    answer = await world.report(content=body)
    assert answer.status_code == status
    assert sentence in answer.json()["detail"]


async def test_a_body_that_grows_beyond_the_limit_is_not_read_to_its_end(world: World) -> None:
    sent = 0

    async def endless() -> Any:
        nonlocal sent
        for _ in range(64):
            sent += 1
            yield b" " * (1024 * 1024)

    headers = {"Authorization": f"Bearer {world.token}"}
    answer = await world.http.post(f"/v1/runs/{NAMESPACE}/{RUN}/events", content=endless(), headers=headers)
    assert (answer.status_code, sent) == (413, 17)


@pytest.mark.parametrize("header", [{"Content-Type": "text/plain"}, {"Content-Encoding": "gzip"}])
async def test_only_plain_json_is_read(world: World, header: dict[str, str]) -> None:
    headers = {"Authorization": f"Bearer {world.token}", **header}
    answer = await world.http.post(f"/v1/runs/{NAMESPACE}/{RUN}/events", content=b"{}", headers=headers)
    assert answer.status_code == 415


async def test_fields_of_a_newer_writer_are_ignored(world: World) -> None:
    assert (await world.report([an_event(fromTheFuture=1)], alsoNew=[])).status_code == 200


async def test_numbers_that_json_cannot_spell_survive(world: World) -> None:
    body = json.dumps(
        {
            "events": [
                an_event(
                    metadata={
                        "x": {"type": "float", "value": float("nan")},
                        "y": {"type": "json", "value": [float("inf")]},
                    }
                )
            ]
        }
    )
    assert (await world.report(content=body.encode())).status_code == 200
    (event,) = (await world.get("/v1/assets/shop/raw-orders/events")).json()["items"]
    assert (event["metadata"]["x"]["value"], event["metadata"]["y"]["value"]) == ("NaN", ["Infinity"])


async def test_a_number_too_large_for_a_float_does_not_break_reading(world: World) -> None:
    raw = json.dumps({"events": [an_event(metadata={"x": {"type": "float", "value": 1}})]}).replace(
        '"value": 1', '"value": 1e999'
    )
    assert (await world.report(content=raw.encode())).status_code == 200
    assert (await world.get("/v1/assets/shop/raw-orders/events")).status_code == 200


async def test_a_time_of_another_zone_is_kept_in_utc(world: World) -> None:
    await world.report([an_event(time="2026-11-22T13:30:00.5+02:00")])
    assert (await world.store.events(DATA)).items[0].event.time == "2026-11-22T11:30:00.500000Z"


async def test_a_store_that_does_not_answer_is_a_503_that_says_when_to_come_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def down(_: object) -> None:
        raise StoreUnavailable("Redis at redis:6379 does not answer; the report was not stored", after=3)

    monkeypatch.setattr(world.store, "append", down)
    answer = await world.report([an_event()])
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "3")
    assert answer.json()["type"] == "https://upwell.dev/problems/store-unavailable"


# ---- who may report ---


async def test_no_token_is_401(world: World) -> None:
    answer = await world.http.post(f"/v1/runs/{NAMESPACE}/{RUN}/events", json={"events": []})
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


BAD_TOKENS = {"unknown": "nonsense", "a person's": ALICE, "far too long": "x" * 20_000, "empty": ""}


@pytest.mark.parametrize("token", BAD_TOKENS.values(), ids=BAD_TOKENS)
async def test_a_token_that_is_not_for_us_is_401(world: World, token: str) -> None:
    assert (await world.report([an_event()], token=token)).status_code == 401


async def test_an_expired_token_is_401_even_if_it_was_seen_before(world: World) -> None:
    assert (await world.report([an_event()])).status_code == 200
    world.clock[0] = START + timedelta(hours=1, seconds=1)
    answer = await world.report([an_event()])
    assert answer.status_code == 401
    assert "it has expired; read the token file again" in answer.json()["detail"]


async def test_a_pod_may_not_report_for_another_run(world: World) -> None:
    await a_run_in(world.cluster, "other-run", "other-pod")
    answer = await world.report([an_event()], run="other-run")
    assert answer.status_code == 403
    assert "does not belong to the run other-run" in answer.json()["detail"]


async def test_a_pod_may_not_report_in_another_namespace(world: World) -> None:
    headers = {"Authorization": f"Bearer {world.token}"}
    answer = await world.http.post(f"/v1/runs/elsewhere/{RUN}/events", json={"events": []}, headers=headers)
    assert answer.status_code == 403


async def test_a_token_that_no_pod_holds_is_refused(world: World) -> None:
    async def review(token: str, audience: str) -> Caller:
        return Caller("system:serviceaccount:shop:default", namespace=NAMESPACE)

    world.cluster.review_token = review  # type: ignore[method-assign]
    answer = await world.report([an_event()])
    assert (answer.status_code, "is not bound to a pod" in answer.json()["detail"]) == (403, True)


async def test_a_label_alone_makes_no_pod_of_a_run(world: World) -> None:
    pod = a_pod_object(a_job_object() | {"metadata": {"name": RUN, "uid": "forged"}}, "forger", ownerReferences=[])
    await world.cluster.create("pods", pod)
    token = world.cluster.issue_token(NAMESPACE, "forger", "upwell")
    assert (await world.report([an_event()], token=token)).status_code == 403


async def test_a_pod_of_an_earlier_job_of_the_same_name_is_refused(world: World) -> None:
    await world.cluster.patch(
        "pods",
        NAMESPACE,
        POD,
        {"metadata": {"ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": RUN, "uid": "earlier"}]}},
    )
    answer = await world.report([an_event()])
    assert (answer.status_code, "earlier Job" in answer.json()["detail"]) == (403, True)


async def test_a_job_that_is_not_ours_is_refused(world: World) -> None:
    await world.cluster.patch("jobs", NAMESPACE, RUN, {"metadata": {"labels": {Label.MANAGED_BY.value: "helm"}}})
    answer = await world.report([an_event()])
    assert (answer.status_code, "was not made by Upwell" in answer.json()["detail"]) == (403, True)


async def test_a_pod_whose_job_is_gone_is_refused(world: World) -> None:
    real = world.cluster.get

    async def get(resource: str, namespace: str, name: str) -> Any:
        return await real(resource, namespace, name if resource == "pods" else "gone")

    world.cluster.get = get  # type: ignore[method-assign]
    answer = await world.report([an_event()])
    assert (answer.status_code, "is gone" in answer.json()["detail"]) == (403, True)


async def test_every_type_that_a_run_may_report_is_taken(world: World) -> None:
    events = [an_event(type=kind.value) for kind in EventType]
    assert (await world.report(events)).json()["accepted"] == len(EventType)


async def test_reports_are_counted_without_names(world: World) -> None:
    await world.report([an_event(dataVersion="v1")])
    await world.report([an_event(id="a b")])
    text = (await world.http.get("/metrics")).text
    assert 'upwell_ingest_events_total{status="stored"} 1.0' in text
    assert 'upwell_ingest_rejected_total{reason="invalid-event"} 1.0' in text
    assert NAMESPACE not in text
