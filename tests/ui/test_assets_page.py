"""All assets, what one finds among them, and what the page says when it cannot."""

from __future__ import annotations

from urllib.parse import quote

import httpx
import pytest
from playwright.async_api import Page, Route, expect

from browsing import CLEAN, MONTHLY, RAW, row
from local_plane import LocalPlane
from weather_data import FILE, correction, published

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]


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


async def test_of_many_assets_the_page_says_that_there_are_more_and_reads_on(page: Page, plane: LocalPlane) -> None:
    known = await plane.asset(RAW)
    many = [{**known, "metadata": {**known["metadata"], "uid": str(n), "name": f"source-{n}"}} for n in range(3)]

    async def paged(route: Route) -> None:
        rest = "cursor=next" in route.request.url
        metadata = {} if rest else {"continue": "next"}
        await route.fulfill(json={"metadata": metadata, "items": many[2:] if rest else many[:2]})

    await page.set_viewport_size({"width": 1280, "height": 200})
    await page.add_init_script("window.IntersectionObserver = class { observe() {} disconnect() {} }")
    await page.route("**/v1/assets?*", paged)
    await page.goto("/ui/assets")
    await expect(page.locator(".summary")).to_have_text("2 assets so far")
    await page.get_by_role("button", name="Show more").click()
    await expect(page.locator(".summary")).to_have_text("3 assets")


async def test_a_page_that_nobody_sees_gives_its_connection_back(page: Page) -> None:
    await page.goto("/ui/assets")
    live = page.get_by_text("Live", exact=True)
    await expect(live).to_be_visible()
    turn = """(hidden) => {
      Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    await page.evaluate(turn, arg=True)
    await expect(live).to_have_count(0)
    await page.evaluate(turn, arg=False)
    await expect(live).to_be_visible()


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


async def test_who_asks_without_a_token_is_asked_for_one_and_it_is_sent(page: Page) -> None:
    sent: list[str | None] = []

    async def guard(route: Route) -> None:
        sent.append(await route.request.header_value("authorization"))
        if sent[-1]:
            await route.continue_(headers={k: v for k, v in route.request.headers.items() if k != "authorization"})
            return
        problem = {"title": "Token missing", "status": 401, "detail": "This route needs a token."}
        await route.fulfill(status=401, content_type="application/problem+json", json=problem)

    await page.route("**/v1/**", guard)
    await page.goto("/ui/assets")
    await page.get_by_label("Token", exact=True).fill("of-the-cluster")
    await page.get_by_role("button", name="Go on").click()
    await expect(row(page, "weather_clean")).to_be_visible()
    assert sent[-1] == "Bearer of-the-cluster"
    await page.get_by_role("button", name="Forget token").click()
    await expect(page.get_by_text("Who is asking?")).to_be_visible()


async def test_who_may_not_list_everywhere_names_a_namespace(page: Page) -> None:
    problem = {"title": "Not allowed", "status": 403, "detail": "ana may not list assets in all namespaces; name one."}
    answer = {"status": 403, "content_type": "application/problem+json", "json": problem}
    await page.route("**/v1/assets?limit*", lambda route: route.fulfill(**answer))
    await page.goto("/ui/assets")
    await expect(page.get_by_role("alert")).to_contain_text("ana may not list assets")
    await page.get_by_role("alert").get_by_label("Namespace").fill("default")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url("/ui/assets?namespace=default")
    await expect(row(page, "weather_clean")).to_be_visible()


async def test_data_without_an_asset_is_listed_and_shown_once_it_was_materialized(
    page: Page, plane: LocalPlane
) -> None:
    event = {"type": "AssetMaterialization", "dataVersion": "v1", "description": "by a stranger"}
    async with httpx.AsyncClient(base_url=plane.to.server) as http:
        path = "/v1/assets/default/elsewhere/table/events"
        answer = await http.post(path, json={"protocol": "1", "events": [event]})
    assert answer.status_code == 200, answer.text
    await page.goto("/ui/assets?namespace=default")
    await page.get_by_role("link", name="elsewhere/table").click()
    await expect(page.get_by_role("row").filter(has_text="by a stranger")).to_be_visible()
