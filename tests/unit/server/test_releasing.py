"""A held version is released over HTTP, with the caller's rights; what is not held is said not to be."""

from __future__ import annotations

from typing import Any

from server_world import NAMESPACE, World
from upwell_operator.resources.meta import Annotation

PATH = "/v1/assets/shop/raw-orders/held/release"


async def _holds(world: World, version: str) -> None:
    status = {"status": {"held": {"version": version, "message": "version is held"}}}
    await world.cluster.patch_status("assets", NAMESPACE, "raw-orders", status)


async def _post(world: World, version: str) -> Any:
    return await world.post(str(world.http.base_url.copy_with(path=PATH, params={"version": version})))


async def _released(world: World) -> Any:
    meta = (await world.cluster.get("assets", NAMESPACE, "raw-orders"))["metadata"]
    return (meta.get("annotations") or {}).get(Annotation.RELEASED_VERSION)


async def test_the_held_version_is_named_in_an_annotation(world: World) -> None:
    await _holds(world, "a/b?c")
    answer = await _post(world, "a/b?c")
    assert (answer.status_code, answer.json()["version"]) == (202, "a/b?c")
    assert await _released(world) == "a/b?c"


async def test_another_version_than_the_held_one_is_not_released(world: World) -> None:
    await _holds(world, "v2")
    answer = await _post(world, "v9")
    assert answer.status_code == 404
    assert "does not hold the data version 'v9'; it holds 'v2'." in answer.json()["detail"]
    assert await _released(world) is None


async def test_where_nothing_is_held_nothing_is_released(world: World) -> None:
    answer = await _post(world, "v2")
    assert (answer.status_code, "it holds none" in answer.json()["detail"]) == (404, True)


async def test_it_takes_the_right_to_patch_the_asset(world: World) -> None:
    await _holds(world, "v2")
    world.cluster.denied.add(("patch", "assets"))
    assert ((await _post(world, "v2")).status_code, await _released(world)) == (403, None)
