"""`upwell quarantine`: which version is meant, what is asked of the server, and what is shown."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import httpx
import pytest

from upwell_operator.cli import quarantine
from upwell_operator.cli.client import Api
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.options import Connection

TO = Connection(server="http://upwell.test", namespace="shop")
RAW = {
    "metadata": {"namespace": "shop", "name": "raw"},
    "spec": {"key": "warehouse/raw", "quarantine": [{"dataVersion": "bad1"}]},
}


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    """Put a server behind the verb that knows versions `9f86…`, `9f77…` and `9f`; give what is posted to it."""
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        path, params = request.url.path, dict(request.url.params)
        if request.method == "POST":
            asked.append((path, params))
            listed = [] if path.endswith("release") else [{"dataVersion": params["version"], "reason": "half a file"}]
            return httpx.Response(200, json={"namespace": "shop", "name": "raw", "quarantine": listed})
        items: list[Any] = [RAW]
        if path.endswith("/versions"):
            items = [{"dataVersion": one} for one in ("9f86d081", "9f77aaaa", "9f")]
        return httpx.Response(200, json={"items": items})

    api = Api(httpx.AsyncClient(base_url=TO.server, transport=httpx.MockTransport(answer)))
    monkeypatch.setattr(quarantine, "connect", lambda _: nullcontext(api))
    return asked


async def test_the_beginning_of_a_version_is_enough(posted: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    await quarantine.edit(TO, "warehouse/raw", "9f8", "half a file", release=False)
    assert posted == [("/v1/assets/shop/raw/quarantine", {"version": "9f86d081", "reason": "half a file"})]
    assert capsys.readouterr().out.splitlines()[1].split(None, 2) == ["warehouse/raw", "9f86d081", "half a file"]


async def test_a_whole_version_is_meant_even_if_others_begin_with_it(posted: list[Any]) -> None:
    await quarantine.edit(TO, "raw", "9f", None, release=False)
    assert posted == [("/v1/assets/shop/raw/quarantine", {"version": "9f"})]


async def test_a_release_means_one_of_those_that_are_quarantined(
    posted: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    await quarantine.edit(TO, "raw", "ba", None, release=True)
    assert posted == [("/v1/assets/shop/raw/release", {"version": "bad1"})]
    assert capsys.readouterr().out == "warehouse/raw: nothing is quarantined.\n"


WRONG = {
    "several versions": ("9", False, Code.USAGE, "3 versions of warehouse/raw begin with '9'"),
    "no version": ("x", False, Code.NOT_FOUND, "see `upwell versions warehouse/raw`"),
    "no version in quarantine": ("9f", True, Code.NOT_FOUND, "no such version of warehouse/raw begins with '9f'"),
}


@pytest.mark.parametrize(("text", "release", "code", "sentence"), WRONG.values(), ids=WRONG)
async def test_what_is_not_one_version_changes_nothing(
    posted: list[Any], text: str, release: bool, code: Code, sentence: str
) -> None:
    with pytest.raises(CommandError, match=sentence.replace(".", r"\.")) as caught:
        await quarantine.edit(TO, "raw", text, None, release=release)
    assert (caught.value.code, posted) == (code, [])
