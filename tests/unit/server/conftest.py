"""A server and a world for every test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from server_world import World, a_world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with a_world() as made:
        yield made
