"""Tables, explanations and graphs, as people and scripts read them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from upwell_operator.cli import assets as of
from upwell_operator.cli import graph, history, status, why
from upwell_operator.cli.client import Api, connect
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.options import Connection, Format
from upwell_operator.cli.output import age, columns, emit, span

Object = dict[str, Any]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def without_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")


def an_asset(name: str, deps: Sequence[str] = (), **more: Any) -> Object:
    spec = {"deps": [{"name": dep} for dep in deps], ("materialize" if deps else "observe"): {}}
    return {"metadata": {"namespace": "shop", "name": name}, "spec": {**spec, **more.pop("spec", {})}, "status": more}


def is_fresh(status: str = "True", reason: str = "UpToDate", message: str = ""):
    return {"type": "Fresh", "status": status, "reason": reason, "message": message}


SPANS = {
    "now": (0, "0s"),
    "a clock that is ahead": (-5, "0s"),
    "seconds": (59.9, "59s"),
    "minutes and seconds": (192, "3m12s"),
    "many minutes": (12 * 60 + 7, "12m"),
    "whole hours": (7200, "2h"),
    "hours and minutes": (7380, "2h3m"),
    "days and hours": (90000, "1d1h"),
    "many days": (86400 * 400, "400d"),
}


@pytest.mark.parametrize(("seconds", "text"), SPANS.values(), ids=SPANS.keys())
def test_a_time_span_is_written_as_kubectl_writes_it(seconds: float, text: str):
    assert span(seconds) == text


def test_an_age_needs_a_time():
    assert age(None, NOW) == ""
    assert age("2026-11-22T11:59:00Z", NOW) == "1m"


def test_columns_are_aligned_and_empty_cells_are_visible():
    lines = columns(("KEY", "B"), [("a", None), ("longer", "two\nlines")])
    assert lines == ["KEY      B", "a        -", "longer   two lines"]


def test_no_rows_are_no_lines():
    assert columns(("KEY",), []) == []


def test_a_table_has_no_colours_where_nobody_sees_them(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("NO_COLOR")
    emit(Format.TABLE, None, lambda: columns(("FRESH",), [("False",)]))
    assert capsys.readouterr().out == "FRESH\nFalse\n"


def test_json_and_yaml_carry_the_same(capsys: pytest.CaptureFixture[str]):
    data = {"items": [{"name": "täglich", "n": 1}]}
    emit(Format.JSON, data, list)
    as_json = json.loads(capsys.readouterr().out)
    emit(Format.YAML, data, list)
    assert as_json == yaml.safe_load(capsys.readouterr().out) == data


def test_the_status_table_has_a_row_an_asset():
    raw = an_asset(
        "raw", conditions=[is_fresh()], dataVersion="9" * 64, lastObservation={"time": "2026-11-22T11:00:00Z"}
    )
    clean = an_asset("clean", ["raw"], conditions=[is_fresh("False", "UpstreamDataChanged")])
    assert [line.split() for line in status.table([raw, clean], NOW)[1:]] == [
        ["raw", "Source", "9" * 12, "True", "UpToDate", "1h", "-"],
        ["clean", "Derived", "-", "False", "UpstreamDataChanged", "-", "-"],
    ]


def test_the_status_of_all_namespaces_names_them():
    assert status.table([an_asset("raw")], NOW, namespaces=True)[1].split()[:2] == ["shop", "raw"]


def test_an_asset_that_is_not_accepted_says_why_beside_its_freshness():
    ready = {"type": "Ready", "status": "False", "reason": "DependencyCycle"}
    assert status.row(an_asset("raw", conditions=[is_fresh(), ready]), NOW)[4] == "UpToDate (DependencyCycle)"


def test_an_asset_without_status_yet_is_shown_all_the_same():
    fresh = {"metadata": {"namespace": "shop", "name": "new"}, "spec": {}}
    assert status.row(fresh, NOW) == ("new", "External", "", "", "", "", "")


def test_the_explanation_has_verdict_causes_and_decisions():
    cause = {"reason": "UpstreamDataChanged", "message": "raw v1 → v2", "path": ["clean", "raw"]}
    asset = an_asset("clean", ["raw"], conditions=[is_fresh("False", "UpstreamStale", "old")], staleCauses=[cause])
    decision = {"time": "2026-11-22T11:59:00Z", "decision": "NoRun", "reason": "PolicyNever", "message": "it is Never"}
    assert why.report(asset, [decision], NOW) == [
        "clean (Derived, asset shop/clean)",
        "",
        "Fresh=False UpstreamStale: old",
        "",
        "Causes, the nearest first:",
        "  1. UpstreamDataChanged: raw v1 → v2  [clean ← raw]",
        "",
        "Decisions, the newest first:",
        "AGE   DECISION   REASON        RUN   MESSAGE",
        "1m    NoRun      PolicyNever   -     it is Never",
    ]


def test_without_causes_and_decisions_the_explanation_says_so():
    assert why.report(an_asset("raw"), [], NOW)[-1] == "No decision is recorded yet."


def a_schedule(**status: Any) -> Object:
    ready = {"type": "Ready", "status": "True", "reason": "Ready", "message": "the spec is accepted"}
    spec = {"schedules": ["0 6 * * *", "0 9 * * 0"], "timeZone": "Europe/Lisbon", "job": {"name": "sources"}}
    meta = {"namespace": "shop", "name": "daily"}
    return {"metadata": meta, "spec": spec, "status": {"conditions": [ready], **status}}


def test_the_explanation_of_a_schedule_has_its_ticks_and_what_became_of_them():
    schedule = a_schedule(
        upcoming=["2026-11-23T06:00:00Z", "2027-05-24T05:00:00Z"],
        lastScheduleTime="2026-11-22T06:00:00Z",
        lastSkipped={"tick": "2026-11-21T06:00:00Z", "reason": "Forbidden"},
        missedTicks=3,
    )
    decision = {"time": "2026-11-22T06:00:00Z", "decision": "Run", "reason": "Due", "run": "abc", "message": "tick"}
    assert why.schedule_report(schedule, [decision], NOW) == [
        "shop/daily (Schedule: 0 6 * * * and 0 9 * * 0 in Europe/Lisbon, runs ObservationJob sources)",
        "",
        "Ready=True Ready: the spec is accepted",
        "",
        "Next ticks:",
        "  Mon 2026-11-23 06:00:00 WET   in 18h",
        "  Mon 2027-05-24 06:00:00 WEST   in 182d",
        "",
        "Last tick:    Sun 2026-11-22 06:00:00 WET   6h ago",
        "Last skipped: Sat 2026-11-21 06:00:00 WET   Forbidden",
        "Missed while Upwell was down: 3",
        "",
        "Decisions, the newest first:",
        "AGE   DECISION   REASON   RUN   MESSAGE",
        "6h    Run        Due      abc   tick",
    ]


@pytest.mark.parametrize(("stale", "words"), [(True, "what is stale of group:marts"), (False, "group:marts")])
def test_the_explanation_of_a_schedule_says_what_it_materializes(stale: bool, words: str):
    schedule = a_schedule()
    schedule["spec"] = {"schedule": "@daily", "materialize": {"selection": "group:marts", "onlyStale": stale}}
    assert why.schedule_report(schedule, [], NOW)[0] == f"shop/daily (Schedule: @daily in UTC, materializes {words})"


def test_a_schedule_that_has_not_ticked_yet_says_what_it_knows():
    assert why.schedule_report(a_schedule(), [], NOW)[3:] == ["", "No decision is recorded yet."]


@pytest.fixture
def a_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """An asset and a Schedule that are both called daily, and a Schedule called weekly."""
    weekly = a_schedule()
    weekly["metadata"] = {"namespace": "shop", "name": "weekly"}
    items: dict[str, list[Object]] = {"assets": [an_asset("daily")], "schedules": [a_schedule(), weekly]}

    def answer(request: httpx.Request) -> httpx.Response:
        found = items.get(request.url.path.removeprefix("/v1/"), [])
        return httpx.Response(200, json={"items": found, "metadata": {}})

    monkeypatch.setattr(why, "connect", lambda to: connect(to, httpx.MockTransport(answer)))


SUBJECTS = {
    "an asset goes first": ("daily", "asset"),
    "a Schedule that has no namesake": ("weekly", "schedule"),
    "a Schedule by its kind": ("schedule/daily", "schedule"),
}


@pytest.mark.usefixtures("a_server")
@pytest.mark.parametrize(("name", "kind"), SUBJECTS.values(), ids=SUBJECTS.keys())
async def test_why_explains_what_is_called_so(name: str, kind: str, capsys: pytest.CaptureFixture[str]):
    await why.explain(Connection(server="http://upwell.test", output=Format.JSON), name, 10)
    assert json.loads(capsys.readouterr().out)[kind]["name"] == name.removeprefix("schedule/")


@pytest.mark.usefixtures("a_server")
async def test_why_of_nothing_is_an_error():
    with pytest.raises(CommandError, match="no asset in namespace default has the name or key hourly") as error:
        await why.explain(Connection(server="http://upwell.test"), "hourly", 10)
    assert error.value.code is Code.NOT_FOUND


VALUES = {
    "a number": ({"type": "int", "value": 3}, "3"),
    "text on several lines": ({"type": "md", "value": "# a\nb"}, "# a b"),
    "a long text": ({"type": "text", "value": "x" * 99}, "x" * 59 + "…"),
    "a table": ({"type": "table", "value": {"records": [{}, {}]}}, "<2 rows>"),
    "something with structure": ({"type": "json", "value": [1]}, "<json>"),
    "nothing": ({"type": "null", "value": None}, "None"),
}


@pytest.mark.parametrize(("entry", "text"), VALUES.values(), ids=VALUES.keys())
def test_a_metadata_value_fits_into_a_line(entry: Object, text: str):
    assert history.value_text(entry) == text


def test_an_event_without_metadata_shows_its_description_and_never_a_traceback():
    assert (
        history.described({"description": "boom", "metadata": {"traceback": {"type": "text", "value": "…"}}}) == "boom"
    )


def test_an_event_about_a_partition_names_it_before_what_was_seen_there():
    event = {"partition": "2026-11-22", "metadata": {"rows": {"type": "int", "value": 3}}}
    assert history.described(event) == "partition 2026-11-22, rows=3"


def test_an_event_about_many_partitions_counts_what_changed():
    assert history.described({"partitionsSeen": 3500, "partitionsChanged": 3}) == "3 of 3500 partitions changed"
    assert history.described({"partitionsSeen": 3500}) == "0 of 3500 partitions changed"


async def test_the_events_of_a_partition_show_its_own_version(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    many = {"type": "AssetObservation", "partitions": {"eu": "e1", "us": "u1"}, "partitionsSeen": 9}
    listed = [httpx.Response(200, json={"items": items}) for items in ([an_asset("raw")], [many])]
    api, asked = an_api(*listed)
    monkeypatch.setattr(history, "connect", lambda _: nullcontext(api))
    await history.show_events(Connection(namespace="shop"), "raw", 20, partition="us")
    assert asked[-1] == "http://upwell.test/v1/assets/shop/raw/events?limit=20&partition=us"
    assert capsys.readouterr().out.splitlines()[1].split()[:3] == ["-", "Observation", "u1"]


def test_partitions_are_listed_with_their_versions():
    known = {"partition": "2026-11-21", "dataVersion": "1a2b3c4d5e6f7a8b", "changedAt": "2026-11-22T11:50:00Z"}
    assert [line.split() for line in history.partition_table([known, {"partition": "2026-11-20"}], NOW)[1:]] == [
        ["2026-11-21", "1a2b3c4d5e6f", "10m"],
        ["2026-11-20", "-", "-"],
    ]


def test_runs_that_go_on_are_listed_with_those_that_are_over():
    asset = an_asset("raw", activeRuns=[{"name": "r2", "kind": "observe", "startedAt": "2026-11-22T11:58:00Z"}])
    (active,) = history.active_runs(asset)
    over = {
        "name": "r1", "asset": "raw", "kind": "observe", "phase": "Succeeded", "outcome": "Changed",
        "trigger": {"type": "Request"}, "createdAt": "2026-11-22T11:50:00Z", "endedAt": "2026-11-22T11:50:07Z",
    }  # fmt: skip
    assert [line.split() for line in history.run_table([active, over], NOW)[1:]] == [
        ["r2", "raw", "observe", "Active", "-", "-", "2m", "2m"],
        ["r1", "raw", "observe", "Succeeded", "Changed", "Request", "10m", "7s"],
    ]


def a_diamond():
    return [an_asset("raw"), an_asset("left", ["raw"]), an_asset("right", ["raw"]), an_asset("end", ["left", "right"])]


def test_a_diamond_is_drawn_once_and_referred_to_then():
    assert [line.split("  ")[0] for line in graph.text([*a_diamond(), an_asset("last", ["end"])])] == [
        "raw", "├─ left", "│", "│", "└─ right", "",
    ]  # fmt: skip


def test_a_node_that_was_drawn_says_so():
    assert graph.text([*a_diamond(), an_asset("last", ["end"])])[-1].endswith("(drawn above)")


def test_a_cycle_is_drawn_too():
    assert all(line.endswith("(in a cycle)") for line in graph.text([an_asset("a", ["b"]), an_asset("b", ["a"])]))


def test_an_asset_whose_upstream_is_not_there_is_a_root():
    assert graph.text([an_asset("clean", ["gone"])]) == ["clean  Derived  no verdict yet"]


async def test_a_graph_can_be_of_a_selection(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    api, asked = an_api(httpx.Response(200, json={"items": [an_asset("clean", ["raw"])]}))
    monkeypatch.setattr(graph, "connect", lambda _: nullcontext(api))
    await graph.show(Connection(namespace="shop"), "text", "clean+", everywhere=False)
    assert asked == ["http://upwell.test/v1/assets?limit=1000&namespace=shop&selection=clean%2B"]
    assert capsys.readouterr().out == "clean  Derived  no verdict yet\n"


def test_mermaid_quotes_what_people_write():
    lines = graph.mermaid([an_asset("raw", spec={"key": 'a"]b'}), an_asset("clean", ["raw", "gone"])])
    assert lines == ["graph LR", '  a0["a\\"]b"]', '  a1["clean"]', "  a0 --> a1"]


def test_the_graph_as_data_has_nodes_and_edges():
    data = graph.as_data(a_diamond())
    assert [node["key"] for node in data["nodes"]] == ["raw", "left", "right", "end"]
    assert {"from": "shop/left", "to": "shop/end"} in data["edges"]


def an_api(*answers: httpx.Response):
    """Give an API whose server answers these, one after the other, and the list of what it was asked."""
    waiting, asked = list(answers), []

    def answer(request: httpx.Request):
        asked.append(str(request.url))
        return waiting.pop(0)

    return Api(httpx.AsyncClient(base_url="http://upwell.test", transport=httpx.MockTransport(answer))), asked


REFUSALS = {
    "not found": (404, {"detail": "There is no such asset."}, Code.NOT_FOUND, "There is no such asset."),
    "not allowed": (403, {"detail": "ana may not."}, Code.NOT_ALLOWED, "ana may not."),
    "no token": (401, {"detail": "Who are you?"}, Code.NOT_ALLOWED, "--token-file"),
    "a bad argument": (422, {"detail": "limit: too large."}, Code.USAGE, "limit: too large."),
    "the store is away": (503, {"detail": "Redis does not answer."}, Code.FAILED, "Redis does not answer."),
    "no problem document": (502, None, Code.FAILED, "GET http://upwell.test/v1/x: 502 Bad Gateway"),
}


@pytest.mark.parametrize(("status_code", "body", "code", "sentence"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_a_refusal_is_the_server_s_own_sentence(status_code: int, body: Any, code: Code, sentence: str):
    api, _ = an_api(httpx.Response(status_code, json=body) if body else httpx.Response(status_code, text="<html>"))
    with pytest.raises(CommandError) as caught:
        await api.get("/v1/x")
    assert caught.value.code is code
    assert sentence in str(caught.value)


@pytest.mark.parametrize("body", ["<html>", "[]"], ids=["no JSON", "no object"])
async def test_something_else_on_the_port_is_recognised(body: Any):
    api, _ = an_api(httpx.Response(200, text=body))
    with pytest.raises(CommandError, match="is it Upwell's server"):
        await api.get("/v1/x")


async def test_pages_are_followed_by_their_cursors_and_no_further_than_asked():
    first = httpx.Response(200, json={"items": [{"n": 1}, {"n": 2}], "metadata": {"continue": "c"}})
    second = httpx.Response(200, json={"items": [{"n": 3}], "metadata": {"continue": "d"}})
    api, asked = an_api(first, second)
    assert [one["n"] for one in await api.pages("/v1/x", 3, namespace=None)] == [1, 2, 3]
    assert asked == ["http://upwell.test/v1/x?limit=3", "http://upwell.test/v1/x?limit=1&cursor=c"]


async def test_a_parameter_that_is_a_list_is_repeated():
    api, asked = an_api(httpx.Response(200, json={"items": []}))
    await api.pages("/v1/x", 3, type=["failure", "observation"], since="2h")
    assert asked == ["http://upwell.test/v1/x?limit=3&type=failure&type=observation&since=2h"]


async def test_the_token_is_read_from_its_file_and_sent(tmp_path: Path):
    (tmp_path / "token").write_text("s3cret\n")
    seen = []
    transport = httpx.MockTransport(
        lambda request: seen.append(request.headers["authorization"]) or httpx.Response(200, json={})
    )
    async with connect(Connection(token_file=tmp_path / "token"), transport) as api:
        await api.get("/v1/x")
    assert seen == ["Bearer s3cret"]


def test_assets_are_found_by_name_before_key():
    first, second = an_asset("a", spec={"key": "b"}), an_asset("b", spec={"key": "c"})
    assert of.chosen([first, second], ["b", "c", "a"], "shop") == [second, first]
