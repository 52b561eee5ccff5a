"""`upwell report`: what is in the bundle, what never is, and what happens when a part cannot be read."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import httpx
import pytest

from upwell_operator.cli import reporting
from upwell_operator.cli.client import connect
from upwell_operator.cli.exits import CommandError
from upwell_operator.cli.options import Connection
from upwell_operator.cli.redacting import redacted
from verb_server import Object, an_asset, page, problem

TO = Connection(server="http://someone:hunter2@upwell.test", namespace="default")
SECRET = "s3cr3t-0f-the-w4rehouse"  # noqa: S105 -- none, but what one looks like
Serve = Callable[[Callable[[httpx.Request], httpx.Response]], None]


def a_leaky_asset() -> Object:
    """Give an asset with a secret wherever people put one."""
    asset = an_asset("raw")
    env = [{"name": "PASSWORD", "value": SECRET}, {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "keys"}}}]
    template = {"spec": {"containers": [{"name": "sidecar", "env": env}]}}
    asset["spec"]["observe"] = {"env": env, "podTemplate": template}
    asset["spec"]["description"] = f"read from postgres://reader:{SECRET}@db/shop"
    notes = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(asset["spec"]), "team": "orders"}
    asset["metadata"] |= {"annotations": notes, "managedFields": [{"manager": "kubectl"}]}
    return asset


def answers(request: httpx.Request) -> httpx.Response:
    """Answer as a server of one asset with a failed run does."""
    found: dict[str, Any] = {
        "/v1/assets": page(a_leaky_asset()),
        "/v1/runs": page({"name": "raw-1", "namespace": "default", "outcome": "Failed"}),
        "/v1/assets/default/raw/decisions": page({"decision": "NoRun", "message": "fresh"}),
    }
    path = request.url.path
    if path.endswith("/log") or path in ("/metrics", "/readyz"):
        return httpx.Response(200, text=f"the text of {path}")
    return httpx.Response(200, json=found.get(path, page()))


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Serve:
    def behind(server: Callable[[httpx.Request], httpx.Response]) -> None:
        monkeypatch.setattr(reporting, "connect", lambda to: connect(to, httpx.MockTransport(server)))

    return behind


async def bundle(folder: Path, *, logs: bool = False) -> dict[str, str]:
    target = folder / "report.zip"
    await reporting.report(TO, target, everywhere=False, logs=logs)
    with ZipFile(target) as found:
        return {name: found.read(name).decode() for name in found.namelist()}


async def test_it_holds_resources_runs_decisions_and_versions(serve: Serve, tmp_path: Path) -> None:
    serve(answers)
    files = await bundle(tmp_path)
    assert {*files} == {
        "about.json", "problems.json", "assets.json", "observation-jobs.json", "schedules.json", "runs.json",
        "decisions/default/raw.json", "server/readyz.txt", "server/metrics.txt",
    }  # fmt: skip
    assert json.loads(files["decisions/default/raw.json"]) == [{"decision": "NoRun", "message": "fresh"}]
    assert "upwell-operator" in json.loads(files["about.json"])["packages"]
    assert (tmp_path / "report.zip").stat().st_mode & 0o077 == 0, "only its owner reads it"


async def test_no_seeded_secret_is_in_it(serve: Serve, tmp_path: Path) -> None:
    serve(answers)
    files = await bundle(tmp_path)
    assert [name for name, text in files.items() if SECRET in text or "hunter2" in text] == []
    (asset,) = json.loads(files["assets.json"])
    assert asset["spec"]["observe"]["env"][0] == {"name": "PASSWORD", "value": "REDACTED"}
    assert asset["spec"]["observe"]["env"][1]["valueFrom"] == {"secretKeyRef": {"name": "keys"}}
    assert asset["spec"]["description"] == "read from postgres://REDACTED@db/shop"
    assert asset["metadata"]["annotations"] == {"team": "orders"}


async def test_logs_of_failed_runs_are_taken_along_if_asked_for(serve: Serve, tmp_path: Path) -> None:
    serve(answers)
    assert (await bundle(tmp_path, logs=True))["logs/raw-1.txt"] == "the text of /v1/runs/default/raw-1/log"


async def test_what_cannot_be_read_is_named_and_the_rest_is_there(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def without_runs(request: httpx.Request) -> httpx.Response:
        return problem(403, "no right to list runs") if request.url.path == "/v1/runs" else answers(request)

    serve(without_runs)
    files = await bundle(tmp_path)
    assert json.loads(files["problems.json"]) == [{"path": "/v1/runs", "problem": "no right to list runs"}]
    assert "assets.json" in files
    assert "1 of them could not be read" in capsys.readouterr().out


async def test_nothing_is_written_when_nobody_answers(serve: Serve, tmp_path: Path) -> None:
    def away(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused")

    serve(away)
    with pytest.raises(CommandError, match="nothing could be read: no answer from"):
        await bundle(tmp_path)
    assert not (tmp_path / "report.zip").exists()


async def test_a_place_that_cannot_be_written_is_a_sentence(serve: Serve, tmp_path: Path) -> None:
    serve(answers)
    with pytest.raises(CommandError, match=r"cannot be written: .*; name another with --file"):
        await reporting.report(TO, tmp_path / "none" / "report.zip", everywhere=True, logs=False)


def test_what_is_no_text_list_or_object_stays_as_it_is() -> None:
    assert redacted({"env": "production", "count": 3, "none": None, "list": [True, {"env": [7]}]}) == {
        "env": "production", "count": 3, "none": None, "list": [True, {"env": [7]}]
    }  # fmt: skip
