"""What a person sees and can do, in a browser."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, expect

from expectations import until
from local_plane import LocalPlane
from weather_data import FILE, correction, published

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

RAW, CLEAN, MONTHLY = "seattle-weather-raw", "weather-clean", "weather-monthly"
ADDRESSES = {
    "the assets": "/ui/assets",
    "an asset": f"/ui/assets/default/{CLEAN}",
    "its activity": f"/ui/assets/default/{RAW}?tab=activity",
    "its versions": f"/ui/assets/default/{RAW}?tab=versions",
    "its decisions": f"/ui/assets/default/{CLEAN}?tab=decisions",
    "the graph": "/ui/graph",
    "the runs": "/ui/runs",
    "nothing": "/ui/nowhere",
    "no such asset": "/ui/assets/default/nowhere",
}
each_page = pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES.keys())
METADATA = {
    "rows": {"type": "int", "value": 120331},
    "exact": {"type": "int", "value": "9007199254740993"},
    "share": {"type": "float", "value": 0.25},
    "file": {"type": "path", "value": "/exports/orders.parquet"},
    "home": {"type": "url", "value": "https://example.org/orders"},
    "trap": {"type": "url", "value": "javascript:alert(1)"},
    "note": {"type": "md", "value": "Two **late** orders <img src=x onerror=alert(1)>"},
    "profile": {"type": "json", "value": {"amount": {"nulls": 3}}},
    "sample": {"type": "table", "value": {"records": [{"country": "DE", "amount": 1999}]}},
    "exported": {"type": "timestamp", "value": 1796000000},
    "clean": {"type": "asset", "value": "weather_clean"},
}


def row(page: Page, key: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=key, exact=True))


async def settled(page: Page) -> None:
    """Wait until the page has read what it shows."""
    await expect(page.locator("h1, .empty, .failure").first).to_be_visible()
    await expect(page.locator(".waiting")).to_have_count(0)


# ---- assets ----


async def test_the_host_alone_leads_to_the_assets(page: Page) -> None:
    await page.goto("/")
    await expect(page).to_have_url("/ui/assets")
    await expect(page.get_by_role("heading", level=1)).to_have_text("Assets")


async def test_an_asset_is_shown_as_its_conditions_say(page: Page, plane: LocalPlane) -> None:
    await page.goto("/ui/assets")
    for name in (RAW, CLEAN, MONTHLY):
        asset = await plane.asset(name)
        fresh = next(one for one in asset["status"]["conditions"] if one["type"] == "Fresh")
        shown = row(page, asset["spec"]["key"])
        await expect(shown).to_contain_text({"True": "Fresh", "False": "Not fresh"}[fresh["status"]])
        await expect(shown).to_contain_text(asset["status"]["shortVersion"])
        if fresh["status"] != "True":
            await expect(shown).to_contain_text(fresh["message"])


async def test_a_downstream_says_in_words_that_upstream_data_has_changed(page: Page) -> None:
    await page.goto("/ui/assets")
    await expect(row(page, "weather_clean").locator(".reason")).to_have_text("Upstream data has changed")


async def test_a_selection_is_in_the_address_and_is_the_servers(page: Page) -> None:
    await page.goto("/ui/assets")
    await expect(row(page, "weather_clean")).to_be_visible()
    await page.get_by_label("Selection").fill("+weather_clean")
    await page.get_by_role("button", name="Select").click()
    await expect(page).to_have_url("/ui/assets?selection=%2Bweather_clean&namespace=default")
    await expect(row(page, "weather_monthly")).to_have_count(0)
    await page.reload()
    await expect(row(page, "seattle_weather_raw")).to_be_visible()
    await expect(page.get_by_label("Selection")).to_have_value("+weather_clean")


async def test_an_error_is_the_servers_sentence(page: Page, plane: LocalPlane) -> None:
    query = "namespace=default&selection=" + quote("group:a adn b")
    async with httpx.AsyncClient() as http:
        problem = (await http.get(f"{plane.to.server}/v1/assets?{query}")).json()
    await page.goto(f"/ui/assets?{query}")
    await expect(page.get_by_role("alert")).to_contain_text(" ".join(problem["detail"].split()))


async def test_an_address_that_leads_nowhere_says_so(page: Page) -> None:
    await page.goto("/ui/nowhere")
    await expect(page.get_by_text("There is nothing at this address")).to_be_visible()
    await page.get_by_role("link", name="All assets").click()
    await expect(row(page, "weather_clean")).to_be_visible()


async def test_what_changes_is_shown_without_a_reload(page: Page, plane: LocalPlane) -> None:
    await page.goto("/ui/assets")
    await expect(page.get_by_text("Live", exact=True)).to_be_visible()
    before = (await plane.asset(RAW))["status"]["shortVersion"]
    await expect(row(page, "seattle_weather_raw")).to_contain_text(before)
    await plane.write(*FILE, correction(published()) + b"2099/01/01,0.0,-10.0,30.0,1.0,sun\n")
    await plane.request("observe", (RAW,))
    after = (await plane.asset(RAW))["status"]["shortVersion"]
    assert after != before
    await expect(row(page, "seattle_weather_raw")).to_contain_text(after)


async def test_without_a_server_the_page_says_that_it_is_old(page: Page) -> None:
    await page.goto("/ui/assets")
    await expect(row(page, "weather_clean")).to_be_visible()
    await page.route("**/v1/**", lambda route: route.abort())
    await page.get_by_label("Find an asset").fill("weather")
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Not fresh").click()
    await expect(page.get_by_role("alert")).to_contain_text("The server does not answer")


# ---- one asset ----


async def test_an_assets_page_has_what_its_status_says(page: Page, plane: LocalPlane) -> None:
    await page.goto(f"/ui/assets/default/{CLEAN}")
    asset = await plane.asset(CLEAN)
    await expect(page.get_by_role("heading", level=1)).to_have_text("weather_clean")
    await expect(page.get_by_text(asset["spec"]["description"])).to_be_visible()
    for one in asset["status"]["conditions"]:
        shown = page.locator(".conditions tr").filter(has_text=one["type"])
        await expect(shown.first).to_contain_text(one["message"])
    steps = page.locator(".steps")
    await expect(steps.get_by_role("link", name="seattle_weather_raw")).to_be_visible()
    await expect(steps.get_by_role("link", name="weather_monthly")).to_be_visible()


async def test_only_what_an_asset_has_a_function_for_can_be_asked(page: Page) -> None:
    for name, verb, other in ((RAW, "Observe", "Materialize"), (CLEAN, "Materialize", "Observe")):
        await page.goto(f"/ui/assets/default/{name}")
        await expect(page.get_by_role("button", name=verb)).to_be_visible()
        await expect(page.get_by_role("button", name=other)).to_have_count(0)


async def test_observing_an_asset_says_when_it_is_done(page: Page, plane: LocalPlane) -> None:
    seen = len(await plane.events(RAW))
    await page.goto(f"/ui/assets/default/{RAW}?tab=activity")
    await page.get_by_role("button", name="Observe").click()
    await expect(page.locator(".asked")).to_contain_text("Done", timeout=20000)
    await expect(page.locator(".events tbody > tr")).to_have_count(seen + 1)


async def test_metadata_is_shown_by_its_type(page: Page, plane: LocalPlane) -> None:
    event = {"type": "AssetObservation", "description": "by hand", "metadata": METADATA}
    async with httpx.AsyncClient(base_url=plane.to.server) as http:
        answer = await http.post(f"/v1/assets/default/{MONTHLY}/events", json={"protocol": "1", "events": [event]})
    assert answer.status_code == 200, answer.text
    await page.goto(f"/ui/assets/default/{MONTHLY}?tab=activity&type=observation")
    shown = page.get_by_role("row").filter(has_text="by hand")
    for text in ("120,331", "9,007,199,254,740,993", "0.25", "/exports/orders.parquet", "javascript:alert(1)"):
        await expect(shown).to_contain_text(text)
    await expect(shown.get_by_role("link", name="https://example.org/orders")).to_have_attribute(
        "rel", "noopener noreferrer"
    )
    await expect(shown.locator('a[href^="javascript"]')).to_have_count(0)
    await expect(shown.locator("strong")).to_have_text("late")
    await expect(shown.locator("img")).to_have_count(0)
    await expect(shown.get_by_role("columnheader", name="amount")).to_be_visible()
    await expect(shown.get_by_role("cell", name="1,999")).to_be_visible()
    await expect(shown.locator("details.tree").first).to_contain_text("amount")
    await expect(shown.locator("time", has_text="2026").first).to_be_visible()
    await expect(shown.get_by_role("link", name="weather_clean")).to_be_visible()


async def test_the_activity_goes_on_as_one_scrolls(page: Page, plane: LocalPlane) -> None:
    events = [{"type": "AssetObservation", "description": f"number {n}"} for n in range(120)]
    async with httpx.AsyncClient(base_url=plane.to.server) as http:
        answer = await http.post(f"/v1/assets/default/{CLEAN}/events", json={"protocol": "1", "events": events})
    assert answer.status_code == 200, answer.text
    await page.goto(f"/ui/assets/default/{CLEAN}?tab=activity&type=observation")
    rows = page.locator(".events tbody > tr")
    await expect(rows).to_have_count(50)
    await page.keyboard.press("End")
    await expect(rows).to_have_count(100)
    await page.keyboard.press("End")
    await expect(rows).to_have_count(120)
    await expect(rows.last).to_contain_text("number 0")


async def test_decisions_say_why_it_did_not_run(page: Page) -> None:
    await page.goto(f"/ui/assets/default/{CLEAN}?tab=decisions")
    await expect(page.get_by_text("spec.autoMaterialize.policy is Never").first).to_be_visible()


async def test_versions_say_what_was_built_from_each(page: Page) -> None:
    await page.goto(f"/ui/assets/default/{RAW}?tab=versions")
    built = page.locator(".versions tr").filter(has=page.get_by_role("link", name="weather_clean"))
    await expect(built.first).to_be_visible()


# ---- the graph ----


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


# ---- runs ----


async def test_a_run_says_why_it_ran_and_what_it_came_to(page: Page) -> None:
    await page.goto("/ui/runs")
    await page.get_by_role("row").filter(has_text="Materialized").get_by_role("link").first.click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("weather-")
    await expect(page.get_by_text("Materialized", exact=True)).to_be_visible()
    await expect(page.get_by_role("heading", name="Log")).to_be_visible()


# ---- for everybody ----


@each_page
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_page_has_no_barrier_that_axe_knows(page: Page, address: str, scheme: str) -> None:
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    await page.goto(address)
    await settled(page)
    found = await Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]})
    assert found.violations_count == 0, found.generate_report()


@each_page
async def test_a_page_fits_a_window_of_360_pixels(page: Page, address: str) -> None:
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto(address)
    await settled(page)
    assert await page.evaluate("document.documentElement.scrollWidth") == 360


@each_page
async def test_a_page_has_its_title_and_its_json(page: Page, address: str) -> None:
    await page.goto(address)
    await settled(page)
    assert (await page.title()).endswith(" · Upwell")
    link = page.get_by_role("link", name="JSON")
    if "nowhere" in address:
        return
    answer = await page.request.get(str(await link.get_attribute("href")))
    assert answer.headers["content-type"] == "application/json"


async def test_one_can_work_with_the_keyboard_alone(page: Page) -> None:
    await page.goto("/ui/assets")
    await expect(row(page, "weather_clean")).to_be_visible()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("link", name="To the content")).to_be_focused()
    await page.keyboard.press("/")
    await expect(page.get_by_label("Find an asset")).to_be_focused()
    await page.keyboard.type("clean")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url("/ui/assets?find=clean")
    await expect(row(page, "weather_clean")).to_be_visible()
    await reach(page, page.locator(".assets").get_by_role("link", name="weather_clean"))
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"/ui/assets/default/{CLEAN}")
    await expect(page.locator("main")).to_be_focused()
    await reach(page, page.get_by_role("link", name="in the graph"))
    await page.keyboard.press("Enter")
    node = page.locator(".node", has_text="weather_monthly")
    await reach(page, node)
    await expect(page.locator(".tip")).to_contain_text("weather_monthly")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"/ui/assets/default/{MONTHLY}")
    await page.go_back()
    await expect(page.locator(".canvas")).to_be_visible()


async def reach(page: Page, target: Locator) -> None:
    """Press Tab until something has the focus."""
    await expect(target).to_be_visible()
    for _ in range(40):
        await page.keyboard.press("Tab")
        if await target.evaluate("(element) => element === document.activeElement"):
            return
    pytest.fail(f"the Tab key does not reach {target}")
