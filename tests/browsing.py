"""What tests of the page share: the assets of the weather, and how one finds them on a page."""

from __future__ import annotations

from playwright.async_api import Locator, Page, expect

RAW, CLEAN, MONTHLY = "seattle-weather-raw", "weather-clean", "weather-monthly"


def row(page: Page, key: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=key, exact=True))


async def settled(page: Page) -> None:
    """Wait until the page has read what it shows."""
    await expect(page.locator("h1, .empty, .failure").first).to_be_visible()
    await expect(page.locator(".waiting")).to_have_count(0)
