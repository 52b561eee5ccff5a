"""A version is quarantined and released over HTTP, with the caller's rights, and whatever else is listed stays."""

from __future__ import annotations

from typing import Any

import pytest

from server_world import NAMESPACE, World
from upwell_operator.errors import Conflict
from upwell_operator.server.overtaking import TRIES

PATH = "/v1/assets/shop/raw-orders"


async def _listed(world: World) -> Any:
    return (await world.cluster.get("assets", NAMESPACE, "raw-orders"))["spec"].get("quarantine")


async def _post(world: World, verb: str, **params: str) -> Any:
    return await world.post(str(world.http.base_url.copy_with(path=f"{PATH}/{verb}", params=params)))


async def test_a_version_is_quarantined_with_its_reason_beside_those_that_are(world: World) -> None:
    await _post(world, "quarantine", version="v1")
    answer = await _post(world, "quarantine", version="a/b?c", reason="half a file")
    assert answer.json()["quarantine"] == [{"dataVersion": "v1"}, {"dataVersion": "a/b?c", "reason": "half a file"}]
    assert await _listed(world) == answer.json()["quarantine"]


async def test_a_version_has_one_reason_the_last_one(world: World) -> None:
    await _post(world, "quarantine", version="v1", reason="one")
    await _post(world, "quarantine", version="v1", reason="another")
    assert await _listed(world) == [{"dataVersion": "v1", "reason": "another"}]


async def test_a_released_version_leaves_nothing_in_the_spec(world: World) -> None:
    await _post(world, "quarantine", version="v1")
    assert (await _post(world, "release", version="v1")).json()["quarantine"] == []
    assert await _listed(world) is None


async def test_what_is_not_quarantined_cannot_be_released(world: World) -> None:
    await _post(world, "quarantine", version="v1")
    answer = await _post(world, "release", version="v2")
    assert answer.status_code == 404
    assert "no data version 'v2' in quarantine; there: v1." in answer.json()["detail"]


async def test_an_asset_that_is_not_there_is_not_found(world: World) -> None:
    answer = await world.post("/v1/assets/shop/nothing/quarantine?version=v1")
    assert (answer.status_code, answer.json()["type"].endswith("not-found")) == (404, True)


async def test_a_reason_that_the_schema_refuses_is_refused_with_its_sentence(world: World) -> None:
    answer = await _post(world, "quarantine", version="v1", reason="two\nlines")
    assert (answer.status_code, "this is one line" in answer.json()["detail"]) == (422, True)


@pytest.mark.parametrize("conflicts", [1, TRIES - 1, TRIES])
async def test_a_status_written_meanwhile_is_no_reason_to_give_up_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch, conflicts: int
) -> None:
    patch, left = world.cluster.patch, [conflicts]

    async def busy(*given: Any) -> Any:
        left[0] -= 1
        if left[0] >= 0:
            raise Conflict("somebody wrote first")
        return await patch(*given)

    monkeypatch.setattr(world.cluster, "patch", busy)
    answer = await _post(world, "quarantine", version="v1")
    assert answer.status_code == (409 if conflicts == TRIES else 200)
    assert await _listed(world) == (None if conflicts == TRIES else [{"dataVersion": "v1"}])
