"""`observe` and `materialize`: what is asked of the server, in which order, and how the command ends."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

from upwell_operator.cli import asking, following, jobs
from upwell_operator.cli.client import connect
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.following import Request
from upwell_operator.cli.options import Connection, Format
from verb_server import FakeServer, Object, a_chain, an_asset

Serve = Callable[[Any], Any]
TO = Connection(server="http://upwell.test")


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "PAUSES", ())
    monkeypatch.setattr(following, "LONGEST_PAUSE", 0.001)
    monkeypatch.setattr(following, "APPEAR_SECONDS", 0.05)
    monkeypatch.setattr(following, "TOLD_SECONDS", 0.05)


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeServer], FakeServer]:
    """Give a function that puts a server behind the verbs."""

    def behind(server: FakeServer) -> FakeServer:
        for module in (asking, jobs):
            monkeypatch.setattr(module, "connect", lambda to: connect(to, httpx.MockTransport(server)))
        return server

    return behind


async def test_an_observation_is_followed_to_its_outcome(serve: Serve, capsys: pytest.CaptureFixture[str]):
    serve(FakeServer(a_chain()))
    await asking.observe(TO, ["raw"], wait=True, patience=5)
    said = capsys.readouterr()
    assert said.out.splitlines()[1].split()[:1] + said.out.split()[-3:] == ["raw", "Changed", "v" * 12, "-"]
    assert "raw: observe: run raw-" in said.err


async def test_partitions_to_look_at_are_asked_for(serve: Serve):
    server = serve(FakeServer({name: an_asset(name) for name in ("raw", "other")}))
    await asking.observe(TO, ["raw"], partitions="eu..us", wait=False, patience=5)
    assert server.asked == ["observe raw eu..us"]
    with pytest.raises(CommandError, match="--partitions are of one asset, and these are 2; name one"):
        await asking.observe(TO, ["raw", "other"], partitions="eu", wait=False, patience=5)


async def test_json_has_the_whole_version(serve: Serve, capsys: pytest.CaptureFixture[str]):
    serve(FakeServer(a_chain()))
    await asking.observe(Connection(server=TO.server, output=Format.JSON), ["raw"], wait=True, patience=5)
    (item,) = json.loads(capsys.readouterr().out)["items"]
    assert (item["asset"], item["outcome"], item["dataVersion"]) == ("raw", "Changed", "v" * 64)


async def test_a_key_names_an_asset_as_well_as_its_name(serve: Serve):
    server = serve(FakeServer({"raw": an_asset("raw", key="warehouse/raw")}))
    await asking.observe(TO, ["warehouse/raw", "raw"], wait=True, patience=5)
    assert server.asked == ["observe raw"]


async def test_what_is_selected_is_observed(serve: Serve):
    assets = {name: an_asset(name) for name in ("orders", "people", "draft")}
    server = serve(FakeServer(assets, selections={"group:raw": ["orders", "people"]}))
    await asking.observe(TO, [], "group:raw", wait=True, patience=5)
    assert server.asked == ["observe orders", "observe people"]


async def test_a_selection_of_nothing_starts_nothing(serve: Serve):
    server = serve(FakeServer(a_chain(), selections={"group:none": []}))
    with pytest.raises(CommandError, match="--selection 'group:none' comes to no asset of namespace default") as caught:
        await asking.observe(TO, [], "group:none", wait=True, patience=5)
    assert (caught.value.code, server.asked) == (Code.NOT_FOUND, [])


async def test_a_selection_with_one_that_cannot_be_observed_starts_nothing(serve: Serve):
    server = serve(FakeServer(a_chain(), selections={"*": ["raw", "clean"]}))
    with pytest.raises(CommandError, match="cannot observe: clean"):
        await asking.observe(TO, [], "*", wait=True, patience=5)
    assert server.asked == []


async def test_a_failed_run_fails_the_command_with_the_exception_s_words(
    serve: Serve, capsys: pytest.CaptureFixture[str]
):
    serve(FakeServer(a_chain(), outcomes={"raw": "Failed"}))
    with pytest.raises(CommandError, match="raw: failed") as caught:
        await asking.observe(TO, ["raw"], wait=True, patience=5)
    assert caught.value.code is Code.FAILED
    assert "boom" in capsys.readouterr().out


async def test_a_request_that_nobody_answers_times_out_with_its_own_code(serve: Serve):
    serve(FakeServer(a_chain(), slow=frozenset({"raw"})))
    with pytest.raises(CommandError, match="did not end in time") as caught:
        await asking.observe(TO, ["raw"], wait=True, patience=0.05)
    assert caught.value.code is Code.TIMED_OUT


async def test_what_the_operator_waits_for_is_said_while_one_waits(serve: Serve, capsys: pytest.CaptureFixture[str]):
    serve(FakeServer(a_chain(), slow=frozenset({"raw"}), refusals={"raw": "Wait"}))
    with pytest.raises(CommandError):
        await asking.observe(TO, ["raw"], wait=True, patience=0.05)
    assert "raw: Wait: request T001: not now" in capsys.readouterr().err


async def test_a_request_that_is_answered_without_a_run_is_a_failure_with_the_reason(
    serve: Serve, capsys: pytest.CaptureFixture[str]
):
    serve(FakeServer(a_chain(), refusals={"raw": "NoRun"}))
    with pytest.raises(CommandError) as caught:
        await asking.observe(TO, ["raw"], wait=True, patience=5)
    assert caught.value.code is Code.FAILED
    assert "NotRun" in (said := capsys.readouterr().out)
    assert "not now" in said


async def test_without_waiting_the_request_is_all(serve: Serve, capsys: pytest.CaptureFixture[str]):
    server = serve(FakeServer(a_chain(), slow=frozenset({"raw"})))
    await asking.observe(TO, ["raw"], wait=False, patience=5)
    assert server.asked == ["observe raw"]
    assert "Requested" in capsys.readouterr().out


REFUSED = {
    "a source among the assets to build": ("materialize", ["clean", "raw"], Code.USAGE, "cannot materialize: raw "),
    "a derived asset among the sources": ("observe", ["raw", "clean"], Code.USAGE, "cannot observe: clean "),
    "a name that nobody has": ("observe", ["raw", "row"], Code.NOT_FOUND, "name or key row"),
    "a plus without waiting": ("materialize", ["+daily"], Code.USAGE, "--no-wait"),
}


@pytest.mark.parametrize(("verb", "names", "code", "sentence"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_list_with_one_wrong_name_starts_nothing(
    verb: str, names: list[str], code: Code, sentence: str, serve: Serve
):
    server = serve(FakeServer(a_chain()))
    with pytest.raises(CommandError) as caught:
        await getattr(asking, verb)(TO, names, wait=not names[0].startswith("+"), patience=5)
    assert caught.value.code is code
    assert sentence in str(caught.value)
    assert server.asked == []


async def test_plus_builds_the_stale_upstream_first_and_in_order(serve: Serve):
    server = serve(FakeServer(a_chain(raw="True")))
    await asking.materialize(TO, ["+weekly"], wait=True, patience=5)
    assert server.asked == ["materialize clean", "materialize daily", "materialize weekly"]


async def test_plus_leaves_fresh_upstream_alone_but_builds_what_was_named(serve: Serve):
    server = serve(FakeServer(a_chain(raw="True", clean="True", weekly="True")))
    await asking.materialize(TO, ["+weekly"], wait=True, patience=5)
    assert server.asked == ["materialize daily", "materialize weekly"]


async def test_without_plus_only_what_was_named_is_built(serve: Serve):
    server = serve(FakeServer(a_chain()))
    await asking.materialize(TO, ["weekly"], wait=True, patience=5)
    assert server.asked == ["materialize weekly"]


async def test_what_fails_upstream_stops_what_is_below(serve: Serve):
    server = serve(FakeServer(a_chain(), outcomes={"daily": "Failed"}))
    with pytest.raises(CommandError, match="daily: failed"):
        await asking.materialize(TO, ["+weekly"], wait=True, patience=5)
    assert server.asked == ["materialize clean", "materialize daily"]


async def test_what_became_fresh_by_itself_is_not_built_again(serve: Serve):
    server = FakeServer(a_chain())

    def rebuilds_itself(request: httpx.Request) -> httpx.Response:
        answer = server(request)
        if request.method == "POST" and server.asked == ["materialize clean"]:
            server.assets["daily"]["status"]["conditions"] = [{"type": "Fresh", "status": "True"}]
        return answer

    serve(rebuilds_itself)
    await asking.materialize(TO, ["+weekly"], wait=True, patience=5)
    assert server.asked == ["materialize clean", "materialize weekly"]


async def test_what_is_selected_is_materialized_from_above_to_below(serve: Serve):
    """Whichever order the server gives it in: what is below is built from what the one above has just become."""
    server = serve(FakeServer(a_chain(), selections={"+weekly and kind:table": ["weekly", "clean"]}))
    await asking.materialize(TO, [], "+weekly and kind:table", wait=True, patience=5)
    assert server.asked == ["materialize clean", "materialize weekly"]


async def test_a_selection_with_one_that_cannot_be_materialized_starts_nothing(serve: Serve):
    server = serve(FakeServer(a_chain(), selections={"+clean": ["raw", "clean"]}))
    with pytest.raises(CommandError, match="cannot materialize: raw ") as caught:
        await asking.materialize(TO, [], "+clean", wait=True, patience=5)
    assert (caught.value.code, server.asked) == (Code.USAGE, [])


async def test_a_selection_is_asked_for_at_once_without_waiting(serve: Serve):
    """The operator itself holds back what is below an input that has been asked for too."""
    server = serve(FakeServer(a_chain(), selections={"clean+": ["clean", "daily", "weekly"]}))
    await asking.materialize(TO, [], "clean+", wait=False, patience=5)
    assert server.asked == ["materialize clean", "materialize daily", "materialize weekly"]


async def test_a_cycle_does_not_hang_the_command(serve: Serve):
    ring = {"a": an_asset("a", deps=("b",)), "b": an_asset("b", deps=("a",))}
    server = serve(FakeServer(ring))
    await asking.materialize(TO, ["+a"], wait=True, patience=5)
    assert sorted(server.asked) == ["materialize a", "materialize b"]


ANSWERED = {
    "its own token": ("old", "T2", "T2", True),
    "a later token": ("old", "T2", "T3", True),
    "an earlier token": ("T0", "T2", "T1", False),
    "what was answered before, though it sorts later": ("zebra", "T2", "zebra", False),
    "nothing yet": (None, "T2", "", False),
}


@pytest.mark.parametrize(("before", "token", "handled", "answered"), ANSWERED.values(), ids=ANSWERED.keys())
def test_a_request_is_answered_by_its_token_or_a_later_one(
    before: str | None, token: str, handled: str, answered: bool
):
    request = Request({"status": {"lastHandledRequest": before}}, "observe", token)
    assert request.is_answered_by(handled) is answered


def a_job(ready: str = "True", **run: Any) -> dict[str, Object]:
    condition = {"type": "Ready", "status": ready, "reason": "MixedSelection", "message": "cannot observe: clean"}
    metadata = {"namespace": "default", "name": "nightly", "uid": "u"}
    return {"nightly": {"metadata": metadata, "spec": {}, "status": {"conditions": [condition]}, "next": run}}


async def test_a_job_is_followed_to_its_end(serve: Serve, capsys: pytest.CaptureFixture[str]):
    server = serve(FakeServer({}, jobs=a_job(phase="Succeeded", observed=2, changed=1, unchanged=1, failed=0)))
    await jobs.observe(TO, "nightly", wait=True, patience=5)
    assert server.asked == ["run nightly"]
    assert capsys.readouterr().out.splitlines()[1].split()[2:] == ["Succeeded", "2", "1", "1", "0"]


async def test_a_run_that_another_has_taken_the_place_of_is_not_waited_for(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
):
    server = serve(FakeServer({}, jobs=a_job(phase="Active")))

    async def meanwhile() -> AsyncIterator[None]:
        yield
        server.jobs["nightly"]["status"]["lastRun"] = {"name": "newer", "phase": "Active"}
        yield

    monkeypatch.setattr(jobs, "pauses", meanwhile)
    with pytest.raises(CommandError, match="is not the newest any more: run newer began after it; `upwell runs` tells"):
        await jobs.observe(TO, "nightly", wait=True, patience=5)


JOB_ENDS = {
    "one of its observations failed": (
        a_job(phase="Failed", failed=1),
        "nightly",
        Code.FAILED,
        "1 of its observations",
    ),
    "it is refused": (a_job("False"), "nightly", Code.FAILED, "MixedSelection: cannot observe: clean"),
    "there is none of that name": (a_job(), "weekly", Code.NOT_FOUND, "there are: nightly"),
    "it does not end": (a_job(phase="Active"), "nightly", Code.TIMED_OUT, "is not done after"),
}


@pytest.mark.parametrize(("known", "name", "code", "sentence"), JOB_ENDS.values(), ids=JOB_ENDS.keys())
async def test_a_job_that_does_not_end_well_says_so(
    known: dict[str, Object], name: str, code: Code, sentence: str, serve: Serve
):
    serve(FakeServer({}, jobs=known))
    with pytest.raises(CommandError) as caught:
        await jobs.observe(TO, name, wait=True, patience=0.05)
    assert caught.value.code is code
    assert sentence in str(caught.value)
