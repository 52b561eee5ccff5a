"""Each page for each reader: without barriers, on a small screen, by keyboard, with an address and its JSON."""

from __future__ import annotations

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Locator, Page, expect

from browsing import CLEAN, MONTHLY, RAW, row, settled

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

ADDRESSES = {
    "the assets": "/ui/assets",
    "an asset": f"/ui/assets/default/{CLEAN}",
    "its activity": f"/ui/assets/default/{RAW}?tab=activity",
    "its plots": f"/ui/assets/default/{RAW}?tab=activity&view=plots",
    "its versions": f"/ui/assets/default/{RAW}?tab=versions",
    "its decisions": f"/ui/assets/default/{CLEAN}?tab=decisions",
    "the graph": "/ui/graph",
    "the runs": "/ui/runs",
    "nothing": "/ui/nowhere",
    "no such asset": "/ui/assets/default/nowhere",
}
each_page = pytest.mark.parametrize("address", ADDRESSES.values(), ids=ADDRESSES.keys())


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
