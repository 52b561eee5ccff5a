"""`upwell materialize --observe`: sources are looked at, what they changed is built, and the rest is left as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from upwell_operator.cli import asking, due, following
from upwell_operator.cli.client import connect
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.options import Connection
from verb_server import FakeServer, Object, a_chain, an_asset

TO = Connection(server="http://upwell.test")
EAGER = {"policy": "Eager"}
Serve = Callable[[Any], Any]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PAUSES", ())
    monkeypatch.setattr(following, "LONGEST_PAUSE", 0.001)
    monkeypatch.setattr(following, "APPEAR_SECONDS", 0.05)
    monkeypatch.setattr(following, "TOLD_SECONDS", 0.05)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    """Give a function that puts a server behind the verbs."""

    def behind(server: Any) -> Any:
        monkeypatch.setattr(asking, "connect", lambda to: connect(to, httpx.MockTransport(server)))
        return server

    return behind


def a_built_chain(**versions: str) -> FakeServer:
    """Give raw → clean → daily → weekly, all built from version 1 of the one above; these come next."""
    server = FakeServer(a_chain(raw="True", clean="True", daily="True", weekly="True"), versions=versions)
    for name, asset in server.assets.items():
        asset["status"] |= {"dataVersion": "1", "lastMaterialization": {"inputs": server.inputs(name)}}
    return server


async def materialize(*names: str, wait: bool = True, patience: float = 5) -> None:
    await asking.materialize(TO, names, look=True, wait=wait, patience=patience)


async def test_what_the_sources_changed_is_built_in_order(serve: Serve) -> None:
    server = serve(a_built_chain(raw="2", clean="2", daily="2", weekly="2"))
    await materialize("+weekly")
    assert server.asked == ["observe raw", "materialize clean", "materialize daily", "materialize weekly"]


async def test_what_has_not_changed_is_skipped_and_said(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    server = serve(a_built_chain(raw="1"))
    await materialize("+daily")
    assert server.asked == ["observe raw"]
    assert capsys.readouterr().out.count(due.UP_TO_DATE) == 2


async def test_what_is_built_by_partition_is_asked_for_what_is_not_fresh_and_followed(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    server = a_built_chain(raw="2", clean="2", daily="2")
    server.assets["clean"]["spec"] |= {"partitions": {"static": ["eu", "us"]}, "autoMaterialize": EAGER}
    server.of_partitions["clean"] = ["eu", "us"]
    serve(server)
    await materialize("daily")
    assert server.asked == ["observe raw", "materialize clean", "materialize daily"]
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()[2:4]] == [
        ["clean", "eu"],
        ["clean", "us"],
    ]


async def test_of_what_is_built_by_partition_nothing_may_be_left_to_do(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    server = a_built_chain(raw="1")
    server.assets["clean"]["spec"] |= {"partitions": {"static": ["eu", "us"]}}
    serve(server)
    await materialize("clean")
    assert "NothingToDo" in capsys.readouterr().out


async def test_a_version_that_comes_out_the_same_ends_the_chain(serve: Serve) -> None:
    server = serve(a_built_chain(raw="2", clean="1"))
    await materialize("+weekly")
    assert server.asked == ["observe raw", "materialize clean"]


async def test_the_versions_count_and_not_a_condition_that_lags_behind(serve: Serve) -> None:
    server = a_built_chain(raw="2", clean="1")
    server.assets["daily"]["status"]["conditions"] = [{"type": "Fresh", "status": "False", "reason": "UpstreamStale"}]
    serve(server)
    await materialize("+daily")
    assert server.asked == ["observe raw", "materialize clean"]


async def test_without_plus_only_what_was_named_is_built(serve: Serve) -> None:
    server = serve(a_built_chain(raw="2", clean="2"))
    await materialize("clean")
    assert server.asked == ["observe raw", "materialize clean"]


async def test_a_source_that_cannot_be_observed_ends_it_before_anything_is_built(serve: Serve) -> None:
    server = a_built_chain()
    server.outcomes["raw"] = "Failed"
    serve(server)
    with pytest.raises(CommandError, match="raw: failed") as caught:
        await materialize("+weekly")
    assert (caught.value.code, server.asked) == (Code.FAILED, ["observe raw"])


async def test_it_has_to_wait(serve: Serve) -> None:
    server = serve(a_built_chain())
    with pytest.raises(CommandError, match="--observe builds in order and has to wait") as caught:
        await materialize("weekly", wait=False)
    assert (caught.value.code, server.asked) == (Code.USAGE, [])


class Operator:
    """Does what the operator does with an Eager asset that has become stale, one look after."""

    def __init__(self, server: FakeServer, **status: Any) -> None:
        self.server, self.status, self.looks = server, status, 0
        server.assets["clean"]["spec"]["autoMaterialize"] = EAGER

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET" and request.url.path.endswith("/clean") and "observe raw" in self.server.asked:
            self.looks += 1
        if self.looks == 2:
            made = {"run": "clean-1", "inputs": self.server.inputs("clean")}
            self.server.assets["clean"]["status"] |= self.status or {"dataVersion": "2", "lastMaterialization": made}
        return self.server(request)


@pytest.mark.parametrize("name", ["daily", "+daily"])
async def test_what_the_operator_builds_by_itself_is_waited_for_and_not_asked_for(name: str, serve: Serve) -> None:
    operator = Operator(a_built_chain(raw="2"))
    serve(operator)
    await materialize(name)
    assert operator.server.asked == ["observe raw", "materialize daily"]


async def test_what_the_operator_fails_to_build_ends_it(serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    operator = Operator(a_built_chain(raw="2"), lastFailure={"run": "clean-1", "message": "no disk"})
    serve(operator)
    with pytest.raises(CommandError, match="clean: failed"):
        await materialize("+daily")
    assert "no disk" in capsys.readouterr().out


async def test_what_the_operator_does_not_come_to_ends_it_in_time(serve: Serve) -> None:
    server = a_built_chain(raw="2")
    server.assets["clean"]["spec"]["autoMaterialize"] = EAGER
    serve(server)
    with pytest.raises(CommandError, match="clean: did not end in time"):
        await materialize("+daily", patience=0.05)


OWN: dict[str, tuple[Object, dict[str, str], bool]] = {
    "built from this version": ({}, {"raw": "1"}, False),
    "built from another version": ({}, {"raw": "2"}, True),
    "an input without a version": ({}, {}, False),
    "never built": ({"conditions": [{"type": "Fresh", "reason": "NeverMaterialized"}]}, {"raw": "1"}, True),
    "stale through its input alone": ({"staleCauses": [{"reason": "UpstreamStale"}]}, {"raw": "1"}, False),
    "too old as well": (
        {"staleCauses": [{"reason": "UpstreamStale"}, {"reason": "FreshnessExpired"}]},
        {"raw": "1"},
        True,
    ),
}


@pytest.mark.parametrize(("status", "versions", "is_due"), OWN.values(), ids=OWN.keys())
def test_an_asset_is_due_by_the_versions_of_its_inputs_or_for_a_reason_of_its_own(
    status: Object, versions: dict[str, str], is_due: bool
) -> None:
    asset = an_asset("clean", deps=("raw",))
    built = {"inputs": [{"name": "raw", "dataVersion": "1"}]}
    asset["status"] = {"conditions": [], "lastMaterialization": built, **status}
    assert due.is_due(asset, {f"/v1/assets/default/{name}": version for name, version in versions.items()}) is is_due


ITSELF: dict[str, tuple[Object, Object, bool]] = {
    "Eager": ({"autoMaterialize": EAGER}, {}, True),
    "Never": ({}, {}, False),
    "Cron": ({"autoMaterialize": {"policy": "Cron", "cron": "@daily"}}, {}, False),
    "Eager that waits for its inputs to rest": ({"autoMaterialize": {**EAGER, "settle": "5m"}}, {}, False),
    "Eager that spaces its runs": ({"autoMaterialize": {**EAGER, "minInterval": "1h"}}, {}, False),
    "Eager and suspended": ({"autoMaterialize": EAGER, "suspend": True}, {}, False),
    "Eager and failed": ({"autoMaterialize": EAGER}, {"lastFailure": {"run": "clean-0"}}, False),
}


@pytest.mark.parametrize(("spec", "status", "itself"), ITSELF.values(), ids=ITSELF.keys())
def test_the_operator_builds_at_once_what_is_eager_and_not_held(spec: Object, status: Object, itself: bool) -> None:
    asset = an_asset("clean", deps=("raw",))
    asset["spec"] |= spec
    asset["status"] |= status
    assert due.builds_itself(asset) is itself
