"""How every command ends, and what people read then."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer
import yaml

from upwell_operator import errors
from upwell_operator.cli import app as command_line
from upwell_operator.cli.app import code_of, run
from upwell_operator.cli.exits import Code, CommandError
from upwell_operator.cli.generate import documents
from upwell_operator.cli.processes import settings

ROOT = Path(__file__).parents[3]
VERBS = [
    "status",
    "events",
    "versions",
    "partitions",
    "why",
    "runs",
    "logs",
    "graph",
    "observe",
    "materialize",
    "quarantine",
    "release",
    "lint",
    "compile",
    "dev",
    "operator",
    "server",
    "crds",
    "doctor",
    "report",
]
NOWHERE = ["--server", "http://127.0.0.1:9"]

ENDS = {
    "help": (["--help"], Code.DONE),
    "no verb": ([], Code.USAGE),
    "an unknown verb": (["explode"], Code.USAGE),
    "an unknown option": (["status", "--loudly"], Code.USAGE),
    "a format that does not exist": (["status", "-o", "xml"], Code.USAGE),
    "a missing argument": (["events"], Code.USAGE),
    "a sort of event that does not exist": (["events", "raw", "--type", "party", *NOWHERE], Code.USAGE),
    "nothing to observe": (["observe", *NOWHERE], Code.USAGE),
    "assets and a job at once": (["observe", "raw", "--job", "all", *NOWHERE], Code.USAGE),
    "assets and a selection at once": (["observe", "raw", "--selection", "*", *NOWHERE], Code.USAGE),
    "a selection everywhere": (["status", "--selection", "*", "-A", *NOWHERE], Code.USAGE),
    "a graph of a selection everywhere": (["graph", "--selection", "*", "-A", *NOWHERE], Code.USAGE),
    "nothing to materialize": (["materialize", *NOWHERE], Code.USAGE),
    "assets to materialize and a selection at once": (["materialize", "a", "--selection", "*", *NOWHERE], Code.USAGE),
    "a release with a reason": (["quarantine", "a", "v1", "--release", "--reason", "x", *NOWHERE], Code.USAGE),
    "a way that is not built": (["status", "--context", "prod"], Code.USAGE),
    "a folder that is not there": (["dev", "no/such/folder"], Code.USAGE),
    "a server that does not answer": (["status", *NOWHERE], Code.FAILED),
    "a token file that is not there": (["status", "--token-file", "no/such/file"], Code.USAGE),
    "a folder that is not the repository": (["generate", "/"], Code.FAILED),
}


@pytest.mark.parametrize(("arguments", "code"), ENDS.values(), ids=ENDS.keys())
def test_a_command_ends_with_the_code_that_scripts_expect(
    arguments: list[str], code: Code, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == code
    said = capsys.readouterr()
    assert said.err or code in (Code.DONE, Code.USAGE)
    assert "Traceback" not in said.err


RAISED = {
    "typer's Abort": (typer.Abort(), Code.FAILED),
    "typer's Exit": (typer.Exit(5), Code.TIMED_OUT),
    "Ctrl-C": (KeyboardInterrupt(), 130),
    "the end of input": (EOFError(), Code.FAILED),
    "our own error": (CommandError("no", Code.NOT_ALLOWED), Code.NOT_ALLOWED),
    "an error of a room below": (errors.NotFound("no cluster"), Code.NOT_FOUND),
    "any other error of ours": (errors.StoreUnavailable("away"), Code.FAILED),
}


@pytest.mark.parametrize(("error", "code"), RAISED.values(), ids=RAISED.keys())
def test_nothing_but_an_exit_code_leaves_a_command(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = typer.Typer()

    @app.command()
    def fail() -> None:
        raise error

    monkeypatch.setattr(command_line, "app", app)
    assert run([]) == code


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    app = typer.Typer(pretty_exceptions_enable=False)

    @app.command()
    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(command_line, "app", app)
    with pytest.raises(ZeroDivisionError):
        run([])


def test_an_error_of_ours_has_a_code_even_if_nobody_listed_it() -> None:
    assert code_of(errors.Fenced("a newer operator")) is Code.FAILED


def test_the_way_to_the_server_that_is_not_built_says_what_to_do_instead(capsys: pytest.CaptureFixture[str]) -> None:
    run(["status", "--kubeconfig", "x"])
    assert "kubectl port-forward" in capsys.readouterr().err


def test_a_server_that_does_not_answer_is_named_with_a_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    run(["status", *NOWHERE])
    said = capsys.readouterr().err
    assert said.startswith("upwell: no answer from http://127.0.0.1:9")
    assert "UPWELL_SERVER" in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([verb, "-h"]) == Code.DONE
    assert f"Usage: upwell {verb}" in capsys.readouterr().out


def test_help_loads_none_of_the_libraries_that_only_verbs_need() -> None:
    heavy = {"httpx", "fastapi", "uvicorn", "kopf", "kubernetes", "redis", "rich.table", "yaml"}
    code = "import sys\nfrom upwell_operator.cli.app import run\nrun(['--help'])\nprint(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert heavy & set(done.stderr.split()) == set()


def test_the_crds_are_printed_as_one_stream(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["crds"]) == Code.DONE
    found = list(yaml.safe_load_all(capsys.readouterr().out))
    assert [one["spec"]["names"]["kind"] for one in found] == ["Asset", "ObservationJob", "Schedule"]


def test_a_wrong_setting_is_named_as_variable_and_flag() -> None:
    with pytest.raises(CommandError, match=r"UPWELL_PORT \(--port\).*'high'") as caught:
        settings({}, {"UPWELL_PORT": "high"})
    assert caught.value.code is Code.USAGE


def test_a_flag_wins_over_a_variable() -> None:
    assert settings({"port": 1, "bind": None}, {"UPWELL_PORT": "2", "UPWELL_BIND": "::1"}).model_dump().items() >= {
        ("port", 1),
        ("bind", "::1"),
    }


@pytest.mark.parametrize("path", sorted(documents()))
def test_what_upwell_generate_writes_is_committed(path: str) -> None:
    file = ROOT / path
    assert file.is_file(), "run `make generate`"
    assert file.read_text(encoding="utf8") == documents()[path], "run `make generate`"


def test_generate_writes_what_differs_and_then_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "operator" / "upwell_operator").mkdir(parents=True)
    assert run(["generate", str(tmp_path), "--check"]) == Code.FAILED
    assert run(["generate", str(tmp_path)]) == Code.DONE
    assert "wrote docs/reference/cli.md" in capsys.readouterr().out
    assert run(["generate", str(tmp_path)]) == run(["generate", str(tmp_path), "--check"]) == Code.DONE
    assert capsys.readouterr().out == ""


def test_the_reference_has_a_section_for_every_verb_and_none_for_the_hidden_one() -> None:
    page = documents()["docs/reference/cli.md"]
    assert [line[4:-1] for line in page.splitlines() if line.startswith("## ")] == VERBS


def test_doctor_names_what_is_wrong_and_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["doctor", "--redis-url", "redis://127.0.0.1:9", "--kubeconfig", "no/such/file"]
    assert run(arguments) == Code.FAILED
    said = capsys.readouterr()
    assert "2 of " in said.err
    lines = said.out.splitlines()
    wrong = next(number for number, line in enumerate(lines) if line.startswith("not ok   redis:"))
    assert "→ set UPWELL_REDIS_URL" in lines[wrong + 1]
    assert run([*arguments, "-o", "json"]) == Code.FAILED
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert {check["name"] for check in checks if check["ok"]} >= {"python", "kopf", "tzdata"}
