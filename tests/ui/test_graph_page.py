"""The lineage: the button, the way to a cause, and where the nodes stand."""

from __future__ import annotations

import random
from itertools import combinations
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import Page, expect

from browsing import MONTHLY, RAW
from expectations import until
from local_plane import LocalPlane

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


async def test_the_button_is_there_exactly_when_a_source_can_be_observed(page: Page) -> None:
    button = page.get_by_role("button", name="Observe sources")
    for selection, there in (
        ("", True),
        ("seattle_weather_raw", True),
        ("weather_clean+", False),
        ("+weather_clean", True),
    ):
        await page.goto(f"/ui/graph?namespace=default&selection={quote(selection)}")
        await expect(page.locator(".node").first).to_be_visible()
        await expect(button).to_have_count(1 if there else 0)


async def test_the_button_observes_the_sources_of_the_graph(page: Page, plane: LocalPlane) -> None:
    before = (await plane.asset(RAW))["status"]["lastHandledRequest"]
    await page.goto("/ui/graph")
    await page.get_by_role("button", name="Observe sources").click()
    await expect(page.locator(".asked")).to_have_text("Asked for 1 of 1 observation.")

    async def answered() -> bool:
        return bool((await plane.asset(RAW))["status"]["lastHandledRequest"] > before)

    await until(answered, "the source to be observed")


async def test_a_stale_node_says_why_and_lights_the_way_to_the_cause(page: Page, plane: LocalPlane) -> None:
    await page.goto("/ui/graph")
    await page.locator(".node", has_text="weather_monthly").hover()
    message = next(one for one in (await plane.asset(MONTHLY))["status"]["conditions"] if one["type"] == "Fresh")[
        "message"
    ]
    await expect(page.locator(".tip")).to_contain_text(message)
    await expect(page.locator(".node.lit")).to_have_count(2)
    await expect(page.locator(".edge.lit")).to_have_count(2)


async def test_the_graph_is_moved_and_zoomed(page: Page) -> None:
    await page.goto("/ui/graph")
    node = page.locator(".node", has_text="weather_clean")
    before = await node.bounding_box()
    await page.get_by_role("button", name="Larger").click()
    larger = await node.bounding_box()
    frame = await page.locator(".canvas").bounding_box()
    assert before
    assert larger
    assert frame
    assert larger["width"] > before["width"]
    x, y = frame["x"] + 20, frame["y"] + 20
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + 50, y + 30, steps=4)
    await page.mouse.up()
    moved = await node.bounding_box()
    assert moved
    assert (round(moved["x"] - larger["x"]), round(moved["y"] - larger["y"])) == (50, 30)


LAYOUT = """async ([nodes, pairs]) => {
  const { layout, NODE } = await import(document.querySelector('link[href$="layout.js"]').href);
  const began = performance.now();
  const { places, lines } = layout(nodes, pairs);
  const took = performance.now() - began;
  const at = Object.fromEntries([...places].map(([id, { x, y }]) => [id, [x, y]]));
  return { took, lines: lines.length, size: NODE, places: at };
}"""


async def laid_out(page: Page, nodes: list[str], pairs: list[tuple[str, str]]) -> dict[str, Any]:
    await page.goto("/ui/nowhere")
    found: dict[str, Any] = await page.evaluate(LAYOUT, [nodes, pairs])
    return found


def a_lineage(size: int, seed: int) -> tuple[list[str], list[tuple[str, str]]]:
    """Make assets of which most are built from two of those before them."""
    dice = random.Random(seed)
    pairs = [
        (dice.randrange(max(0, at - 60), at), at) for at in range(8, size) for _ in range(2) if dice.random() < 0.9
    ]
    return [str(at) for at in range(size)], [(str(above), str(below)) for above, below in pairs]


async def test_each_asset_stands_to_the_right_of_what_it_is_made_of_and_none_on_another(page: Page) -> None:
    for seed in range(10):
        nodes, pairs = a_lineage(20 + 15 * seed, seed)
        found = await laid_out(page, nodes, pairs)
        places, width, height = found["places"], found["size"]["width"], found["size"]["height"]
        assert all(places[above][0] + width < places[below][0] for above, below in pairs)
        for one, other in combinations(places.values(), 2):
            assert abs(one[0] - other[0]) >= width or abs(one[1] - other[1]) >= height


async def test_a_circle_of_assets_is_drawn_too(page: Page) -> None:
    found = await laid_out(page, ["a", "b", "c", "d"], [("a", "b"), ("b", "c"), ("c", "a"), ("d", "d")])
    assert len({tuple(place) for place in found["places"].values()}) == 4
    assert found["lines"] == 3


async def test_ten_thousand_assets_are_laid_out_in_seconds(page: Page) -> None:
    assert (await laid_out(page, *a_lineage(10_000, 1)))["took"] < 10_000  # measured: about 1,100, on a quiet machine


async def test_of_a_large_graph_only_what_is_near_is_drawn(page: Page) -> None:
    names, pairs = a_lineage(3000, 2)
    said = {"kind": "Derived", "group": "g", "fresh": "True", "causes": [], "ready": "True", "observable": False}
    nodes = [{"namespace": "default", "name": name, "key": f"table/{name}", **said} for name in names]
    ends = [
        {side: {"namespace": "default", "name": name} for side, name in zip(("from", "to"), pair, strict=True)}
        for pair in pairs
    ]
    body = {"nodes": nodes, "edges": [{**edge, "missing": False} for edge in ends], "observable": False}
    await page.route("**/v1/graph", lambda route: route.fulfill(json=body))
    await page.goto("/ui/graph")
    await expect(page.get_by_text("3,000 assets")).to_be_visible()
    await expect(page.locator(".node").first).to_be_visible()
    assert 0 < await page.locator(".node").count() < 600
