"""Definitions of Dagster, imported and played on `upwell dev`: Dagster's code runs, Upwell says when."""

from __future__ import annotations

from pathlib import Path

import pytest

from dagster_shop import STORY, imported_into
from expectations import play
from local_plane import local_plane, need_a_server_for_the_data


@pytest.mark.timeout(180)
@pytest.mark.filterwarnings("ignore")  # Dagster warns of itself
async def test_imported_definitions_are_observed_and_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_a_server_for_the_data()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    folder = imported_into(tmp_path, "shop:1")
    async with local_plane(folder, tmp_path / "data") as driver:
        await play(STORY, driver)
