"""A real browser on a real `upwell dev` with Seattle's weather: one of each for all tests of this folder.

What the page says on its console is the test's business too: an error there, which a breach of the page's own policy
is, fails the test that saw it.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright

from local_plane import LocalPlane, local_plane, need, need_a_server_for_the_data
from weather_data import FILE, correction, published

WEATHER = Path(__file__).parents[2] / "definitions" / "02-weather"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--no-first-run",
]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def plane(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalPlane]:
    """Give weather that was observed, built, and has changed since: the cleaned table is stale."""
    need_a_server_for_the_data()
    async with local_plane(WEATHER, tmp_path_factory.mktemp("ui") / "data") as made:
        await made.write(*FILE, published())
        await made.request("observe", ("seattle-weather-raw",))
        await made.request("materialize", ("weather-clean",))
        await made.write(*FILE, correction(published()))
        await made.request("observe", ("seattle-weather-raw",))
        yield made


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Give the Chromium of this machine."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        need("no browser here: apt-get install chromium")
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield launched
        await launched.close()


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, plane: LocalPlane) -> AsyncIterator[Page]:
    """Give a new page; at its end nothing may have gone wrong in it."""
    context = await browser.new_context(base_url=plane.to.server, viewport={"width": 1280, "height": 800})
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
