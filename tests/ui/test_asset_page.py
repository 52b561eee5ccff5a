"""One asset: what it is, what happened to it, and what can be asked of it; and a run."""

from __future__ import annotations

import re

import httpx
import pytest
from playwright.async_api import Page, expect

from browsing import CLEAN, MONTHLY, RAW
from local_plane import LocalPlane

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.timeout(120)]

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


async def test_a_version_that_a_guard_holds_back_is_told_beside_what_is_fresh(page: Page, plane: LocalPlane) -> None:
    asset = await plane.asset(RAW)
    held = {"type": "Held", "status": "True", "reason": "GuardHeld", "message": "rows fell from 1461 to 3"}
    asset["status"]["conditions"].append(held)
    await page.route(f"**/v1/assets/default/{RAW}", lambda route: route.fulfill(json=asset))
    await page.goto(f"/ui/assets/default/{RAW}")
    verdict = page.locator(".verdict").first
    for text in ("Fresh", "Guard held", held["message"]):
        await expect(verdict).to_contain_text(text)


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


async def test_numbers_are_plotted_over_time(page: Page, plane: LocalPlane) -> None:
    values = [3, 9, "NaN", 6]
    events = [
        {
            "type": "AssetObservation",
            "metadata": {"gaps": {"type": "float", "value": value}, "by": {"type": "text", "value": "me"}},
        }
        for value in values
    ]
    async with httpx.AsyncClient(base_url=plane.to.server) as http:
        answer = await http.post(f"/v1/assets/default/{MONTHLY}/events", json={"protocol": "1", "events": events})
    assert answer.status_code == 200, answer.text
    await page.goto(f"/ui/assets/default/{MONTHLY}?tab=activity&type=observation")
    await page.get_by_role("link", name="Plots").click()
    plot = page.get_by_role("figure").filter(has_text="gaps")
    await expect(plot.locator("circle")).to_have_count(3)
    await expect(plot.get_by_role("img")).to_have_accessible_name(re.compile("gaps: 3 values .* the last 6$"))
    await expect(page.get_by_role("figure").filter(has_text="by")).to_have_count(0)


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


async def test_a_run_says_why_it_ran_and_what_it_came_to(page: Page) -> None:
    await page.goto("/ui/runs")
    await page.get_by_role("row").filter(has_text="Materialized").get_by_role("link").first.click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("weather-")
    await expect(page.get_by_text("Materialized", exact=True)).to_be_visible()
    await expect(page.get_by_role("heading", name="Log")).to_be_visible()
