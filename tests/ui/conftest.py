"""A real browser on a real `upwell dev` with Seattle's weather: one of each for all tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page

from browsing import a_browser, a_page
from local_plane import LocalPlane, local_plane, need_a_server_for_the_data
from weather_data import FILE, correction, published

WEATHER = Path(__file__).parents[2] / "definitions" / "02-weather"


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
    """Give one browser for all tests."""
    async with a_browser() as launched:
        yield launched


@pytest_asyncio.fixture(loop_scope="session")
async def page(browser: Browser, plane: LocalPlane) -> AsyncIterator[Page]:
    """Give a new page."""
    async with a_page(browser, plane.to.server) as made:
        yield made
