"""What systems report that Upwell does not run: kept like any other event, with what it was built from."""

from __future__ import annotations

from server_world import NAMESPACE, World, an_asset_object
from upwell_operator.domain.snapshot import AssetId

MADE = {"events": [{"type": "AssetMaterialization", "dataVersion": "m1"}]}
RUN = {"python": {"function": "m:f"}}


async def state_of(world: World, key: str) -> object:
    data = AssetId(NAMESPACE, key)
    return (await world.store.states([data])).get(data)


async def test_a_build_that_others_report_consumes_what_its_inputs_are_now(world: World) -> None:
    await world.cluster.apply(an_asset_object("clean", key="clean", deps=[{"name": "raw-orders"}], materialize=RUN))
    seen = {"events": [{"type": "AssetObservation", "dataVersion": "v7"}]}
    assert (await world.post("/v1/assets/shop/raw-orders/events", seen)).status_code == 200
    assert (await world.post("/v1/assets/shop/clean/events", MADE)).status_code == 200
    made = (await state_of(world, "clean")).materialization  # type: ignore[attr-defined]
    assert [(one.name, one.data_version) for one in made.inputs] == [("raw-orders", "v7")]


async def test_an_input_that_does_not_exist_is_not_consumed(world: World) -> None:
    await world.cluster.apply(an_asset_object("clean", key="clean", deps=[{"name": "nowhere"}], materialize=RUN))
    assert (await world.post("/v1/assets/shop/clean/events", MADE)).status_code == 200
    assert (await state_of(world, "clean")).materialization.inputs == ()  # type: ignore[attr-defined]


async def test_events_of_a_key_that_nobody_defined_are_kept(world: World) -> None:
    assert (await world.post("/v1/assets/shop/not/defined/events", MADE)).status_code == 200
    assert (await state_of(world, "not/defined")).version == "m1"  # type: ignore[attr-defined]


async def test_versions_of_partitions_are_taken_with_the_last_event_of_the_report(world: World) -> None:
    await world.cluster.apply(an_asset_object("sales", key="sales", partitions={"static": ["eu", "us", "asia"]}))
    seen = [
        {"type": "AssetObservation", "partitions": {"eu": "a", "us": "b"}},
        {"type": "AssetObservation", "partition": "asia", "dataVersion": "c", "metadata": {}},
    ]
    cursors = await world.store.position()
    assert (await world.post("/v1/assets/shop/sales/events", {"events": seen})).status_code == 200
    assert [one.changed for one in await world.store.changes(cursors)] == [True]
    assert (await state_of(world, "sales")).partitions == 3  # type: ignore[attr-defined]


async def test_a_report_of_what_is_no_partition_is_refused_whole(world: World) -> None:
    await world.cluster.apply(an_asset_object("sales", key="sales", partitions={"static": ["eu"]}))
    seen = {"events": [{"type": "AssetObservation", "partitions": {"eu": "a", "mars": "b"}}]}
    answer = await world.post("/v1/assets/shop/sales/events", seen)
    assert answer.status_code == 422
    assert answer.json()["detail"] == 'events[0].partition: "mars" is not one of the partitions: eu.'
    assert await state_of(world, "sales") is None
