"""`upwell release`: which version is meant, what is asked of the server, and what is said when none is held."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import httpx
import pytest

from reconcile_objects import START
from upwell_operator.cli import releasing
from upwell_operator.cli.client import Api
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.options import Connection
from upwell_operator.cli.status import row

TO = Connection(server="http://upwell.test", namespace="shop")
HELD = [{"type": "Held", "status": "True", "reason": "GuardHeld"}]
FRESH = [{"type": "Fresh", "status": "True", "reason": "UpToDate"}]
RAW = {
    "metadata": {"namespace": "shop", "name": "raw"},
    "spec": {"key": "warehouse/raw", "guard": {}},
    "status": {"held": {"version": "9f86d081"}, "conditions": FRESH + HELD},
}
CALM = {"metadata": {"namespace": "shop", "name": "calm"}, "spec": {}, "status": {"conditions": FRESH}}


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, str]]]:
    """Put a server behind the verb that knows raw, which is held, and calm; give what is posted to it."""
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            asked.append((request.url.path, dict(request.url.params)))
            version = request.url.params["version"]
            return httpx.Response(202, json={"namespace": "shop", "name": "raw", "version": version})
        return httpx.Response(200, json={"items": [RAW, CALM]})

    api = Api(httpx.AsyncClient(base_url=TO.server, transport=httpx.MockTransport(answer)))
    monkeypatch.setattr(releasing, "connect", lambda _: nullcontext(api))
    return asked


@pytest.mark.parametrize("text", [None, "9f", "9f86d081"])
async def test_the_held_version_is_released_whole(
    posted: list[Any], capsys: pytest.CaptureFixture[str], text: str | None
) -> None:
    await releasing.release(TO, "warehouse/raw", text)
    assert posted == [("/v1/assets/shop/raw/held/release", {"version": "9f86d081"})]
    assert capsys.readouterr().out == "warehouse/raw: version 9f86d081 is released.\n"


WRONG = {
    "another version": ("raw", "ab", "warehouse/raw holds no version that begins with 'ab'; it holds 9f86d081"),
    "nothing that is held": ("calm", None, "no version of calm is held"),
}


@pytest.mark.parametrize(("name", "text", "sentence"), WRONG.values(), ids=WRONG)
async def test_what_is_not_held_is_not_released(posted: list[Any], name: str, text: str | None, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence) as caught:
        await releasing.release(TO, name, text)
    assert (caught.value.code, posted) == (Code.NOT_FOUND, [])


def test_status_shows_beside_freshness_that_a_version_is_held() -> None:
    assert [row(asset, START)[4] for asset in (RAW, CALM)] == ["UpToDate (GuardHeld)", "UpToDate"]
