"""What tests of the page share: a browser, the assets of the weather, and how one finds them on a page.

What the page says on its console is the test's business too: an error there, which a breach of the page's own policy
is, fails the test that saw it.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Browser, ConsoleMessage, Locator, Page, async_playwright, expect

from local_plane import need

FLAGS = (
    *("--no-sandbox", "--disable-gpu"),
    *("--disable-background-networking", "--disable-component-update", "--no-first-run"),
)

RAW, CLEAN, MONTHLY = "seattle-weather-raw", "weather-clean", "weather-monthly"


@asynccontextmanager
async def a_browser() -> AsyncIterator[Browser]:
    """Give the Chromium of this machine."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        need("no browser here: apt-get install chromium")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield launched
        await launched.close()


@asynccontextmanager
async def a_page(browser: Browser, server: str) -> AsyncIterator[Page]:
    """Give a new page of a server; at its end nothing may have gone wrong in it."""
    context = await browser.new_context(base_url=server, viewport={"width": 1280, "height": 800})
    made = await context.new_page()
    wrong: list[str] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.text.startswith("Failed to load resource"):  # a problem's status
            wrong.append(message.text)

    made.on("console", hear)
    made.on("pageerror", lambda error: wrong.append(str(error)))
    yield made
    await context.close()
    assert wrong == []


def row(page: Page, key: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=key, exact=True))


async def settled(page: Page) -> None:
    """Wait until the page has read what it shows."""
    await expect(page.locator("h1, .empty, .failure").first).to_be_visible()
    await expect(page.locator(".waiting")).to_have_count(0)
