"""One attempt of a run, in this process: what the server gets, what the file holds, the exit code."""

from __future__ import annotations

import io
import os
import runpy
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import upwell
from upwell.pod import signals
from upwell.pod.attempt import attempt, describe, exit_code
from upwell.runner import main

LOOK = """
from upwell import DataVersion, AssetObservation, observable_source_asset

@observable_source_asset
def look(context):
    context.log.info("looking")
    context.log.info("still looking")
    context.log_event(AssetObservation("another", metadata={"rows": 3}))
    print("printed")
    return DataVersion("v1")
"""
FAIL = """
def look(context):
    raise ValueError("the file is gone\\nreally")
"""


@pytest.fixture
def served(environ: dict[str, str], ingest: Any, tmp_path: Path) -> dict[str, str]:
    """The environment of a run with a server."""
    (tmp_path / "token").write_text("token-1")
    return environ | {"UPWELL_SERVER": ingest.url, "UPWELL_TOKEN_FILE": str(tmp_path / "token")}


def test_a_result_is_acknowledged_before_the_exit_with_0(
    served: dict[str, str], ingest: Any, module: Callable[..., str], result: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    module(LOOK)
    assert attempt(served) == 0
    logged, final = ingest.events()
    assert (logged["assetKey"], logged["metadata"]) == ("another", {"rows": {"type": "int", "value": 3}})
    assert (final["assetKey"], final["dataVersion"], final["result"]) == ("warehouse/raw", "v1", True)
    assert final["type"] == "AssetObservation"
    assert ingest.requests[0].body["attempt"] == "raw-1-abcde"
    assert ingest.requests[0].body["protocol"] == "1"
    assert result() is None
    captured = capfd.readouterr()
    assert captured.out == "printed\n"


def test_the_log_is_written_to_standard_error_once(
    served: dict[str, str], module: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    module(LOOK)
    assert attempt(served) == 0
    assert capsys.readouterr().err.count("INFO looking\n") == 1


def test_events_are_visible_while_the_function_still_runs(
    served: dict[str, str], ingest: Any, module: Callable[..., str], tmp_path: Path
) -> None:
    module(f"""
import os, time
from upwell import AssetObservation, DataVersion
def look(context):
    context.log_event(AssetObservation(context.asset_key, metadata={{"n": 1}}))
    while not os.path.exists({str(tmp_path / "go")!r}):
        time.sleep(0.01)
    return DataVersion("v")
""")
    seen: list[int] = []

    def watch() -> None:
        ingest.wait(lambda: ingest.requests)
        seen.append(len(ingest.events()))
        (tmp_path / "go").touch()

    thread = threading.Thread(target=watch)
    thread.start()
    assert attempt(served) == 0
    thread.join()
    assert seen == [1]
    assert len(ingest.events()) == 2


def test_a_plain_function_without_context_materializes(
    served: dict[str, str], ingest: Any, module: Callable[..., str]
) -> None:
    module("async def build(): ...\n")
    assert attempt({**served, "UPWELL_KIND": "materialize", "UPWELL_FUNCTION": "user_code:build"}) == 0
    [event] = ingest.events()
    assert (event["type"], event.get("dataVersion")) == ("AssetMaterialization", None)


def test_a_busy_server_is_asked_again_with_the_same_event(
    served: dict[str, str], ingest: Any, module: Callable[..., str], reply: Any
) -> None:
    module("from upwell import DataVersion\ndef look(): return DataVersion('v')\n")
    ingest.script(reply(503), reply(429, None, {"Retry-After": "0"}), reply(500))
    assert attempt(served) == 0
    assert len(ingest.requests) == 4
    assert len({event["id"] for event in ingest.events()}) == 1


def test_an_expired_token_is_read_again(
    served: dict[str, str], ingest: Any, module: Callable[..., str], reply: Any
) -> None:
    module("from upwell import DataVersion\ndef look(): return DataVersion('v')\n")

    def answer(request: Any) -> Any:
        if request.headers["Authorization"] == "Bearer token-2":
            return reply()
        Path(served["UPWELL_TOKEN_FILE"]).write_text("token-2")
        return reply(401, {"detail": "The token has expired."})

    ingest.answer = answer
    assert attempt(served) == 0
    assert [request.headers["Authorization"] for request in ingest.requests] == ["Bearer token-1", "Bearer token-2"]


def test_a_refusal_fails_the_run_for_good_with_the_servers_words(
    served: dict[str, str],
    ingest: Any,
    module: Callable[..., str],
    result: Any,
    reply: Any,
    capsys: pytest.CaptureFixture[str],
) -> None:
    module("from upwell import DataVersion\ndef look(): return DataVersion('v')\n")
    ingest.answer = lambda _: reply(403, {"detail": "this run is about another asset"})
    assert attempt(served) == 78
    assert result() == {"error": "the server refused the report (403): this run is about another asset"}
    assert [event["type"] for event in ingest.events()] == ["AssetObservation", "AttemptFailed"]
    assert "this run is about another asset" in capsys.readouterr().err


def test_a_refusal_while_the_function_runs_reaches_its_next_log_event(
    served: dict[str, str], ingest: Any, module: Callable[..., str], result: Any, reply: Any
) -> None:
    module("""
import time
from upwell import AssetObservation
def look(context):
    while True:
        context.log_event(AssetObservation("another"))
        time.sleep(0.01)
""")
    ingest.answer = lambda request: reply(
        202 if request.body["events"][0]["type"] == "AttemptFailed" else 403, {"title": "No"}
    )
    assert attempt(served) == 78
    assert result() == {"error": "the server refused the report (403): No"}
    assert ingest.events()[-1]["type"] == "AttemptFailed"


def test_a_server_out_of_reach_leaves_the_result_to_the_file(
    served: dict[str, str], ingest: Any, module: Callable[..., str], result: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    ingest.close()
    module(LOOK)
    assert attempt({**served, "UPWELL_POST_BUDGET": "0.2"}) == 0
    logged, final = result()["events"]
    assert (logged["assetKey"], final["dataVersion"], final["result"]) == ("another", "v1", True)
    assert "the server does not answer (ConnectionRefusedError" in capsys.readouterr().err


def test_a_result_that_is_too_large_for_the_file_keeps_its_version(
    served: dict[str, str], ingest: Any, module: Callable[..., str], result: Any
) -> None:
    ingest.close()
    module("""
from upwell import DataVersion, ObserveResult
def look():
    return ObserveResult(data_version=DataVersion("v" * 512), metadata={"big": "x" * 60_000, "rows": 3})
""")
    assert attempt({**served, "UPWELL_POST_BUDGET": "0"}) == 0
    [final] = result()["events"]
    assert final["dataVersion"] == "v" * 512
    assert final["metadata"] == {"rows": {"type": "int", "value": 3}}
    assert "dropped" in final["description"]


def test_without_a_server_there_is_only_the_file(
    environ: dict[str, str], module: Callable[..., str], result: Any
) -> None:
    module(LOOK)
    assert attempt(environ) == 0
    assert [event["assetKey"] for event in result()["events"]] == ["another", "warehouse/raw"]


@pytest.mark.parametrize("path", [None, "/nowhere/at/all"], ids=["not set", "not writable"])
def test_a_result_that_can_go_nowhere_is_a_failure(
    path: str | None, environ: dict[str, str], module: Callable[..., str], capsys: pytest.CaptureFixture[str]
) -> None:
    module(LOOK)
    changed = {name: value for name, value in environ.items() if name != "UPWELL_RESULT"}
    assert attempt(changed | ({"UPWELL_RESULT": path} if path else {})) == 1
    err = capsys.readouterr().err
    assert "UPWELL_RESULT is not set" in err or "the result file cannot be written" in err


def test_an_exception_is_told_in_the_log_in_an_event_and_in_the_file(
    served: dict[str, str], ingest: Any, module: Callable[..., str], result: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    module(FAIL)
    assert attempt(served) == 1
    [failed] = ingest.events()
    assert failed["type"] == "AttemptFailed"
    assert failed["description"] == "ValueError: the file is gone really"
    assert "user_code.py" in failed["metadata"]["traceback"]["value"]
    assert result() == {"error": "ValueError: the file is gone really"}
    err = capsys.readouterr().err
    assert "Traceback (most recent call last)" in err
    assert err.endswith("ValueError: the file is gone\nreally\n")


def test_an_exception_without_a_server_is_in_the_file(
    environ: dict[str, str], module: Callable[..., str], result: Any
) -> None:
    module(FAIL)
    assert attempt(environ) == 1
    assert result()["error"] == "ValueError: the file is gone really"
    assert [event["type"] for event in result()["events"]] == ["AttemptFailed"]


def test_a_long_traceback_keeps_its_end(served: dict[str, str], ingest: Any, module: Callable[..., str]) -> None:
    module("def look(): raise ValueError('x' * 100_000 + 'the end \\ud800')\n")
    assert attempt(served) == 1
    text = ingest.events()[0]["metadata"]["traceback"]["value"]
    assert len(text.encode()) <= 65536
    assert "the end \\ud800" in text


TOO_MUCH = """
from upwell import ObserveResult
def look():
    return ObserveResult(metadata={str(n): "x" * 50_000 for n in range(40)})
"""

PERMANENT = {
    "a missing function": ("def other(): ...", "has no 'look'; it has the functions other"),
    "a missing module": (None, "module 'user_code' not found"),
    "the wrong type": ("def look(): return 3", "user_code.look returned a value of type int"),
    "an empty version": ("from upwell import DataVersion\ndef look(): return DataVersion('')", "1 to 512 characters"),
    "an int as version": ("from upwell import DataVersion\ndef look(): return DataVersion(3)", "is text, not int"),
    "2 MiB of metadata": (TOO_MUCH, "the limit is 1,048,576"),
    "too many arguments": ("def look(a, b): ...", "needs the arguments a, b"),
}


@pytest.mark.parametrize("case", PERMANENT)
def test_exits_with_78_for(
    case: str, served: dict[str, str], ingest: Any, module: Callable[..., str], result: Any
) -> None:
    source, text = PERMANENT[case]
    if source is not None:
        module(source)
    assert attempt(served) == 78
    assert text in result()["error"]
    assert text in ingest.events()[-1]["description"]


def test_an_environment_that_means_nothing_is_said_and_exits_with_78(
    environ: dict[str, str], result: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert attempt({**environ, "UPWELL_KIND": "look"}) == 78
    assert "UPWELL_KIND='look'" in result()["error"]
    assert capsys.readouterr().err.startswith("upwell: UPWELL_KIND")


class UnreadableError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


ENDINGS: dict[str, tuple[BaseException, int, str]] = {
    "an exit": (SystemExit(0), 1, "SystemExit: 0"),
    "the keyboard": (KeyboardInterrupt(), 130, "KeyboardInterrupt:"),
    "no memory": (MemoryError(), 1, "MemoryError:"),
    "a broken text": (UnreadableError(), 1, "test_runner_attempt.UnreadableError: (its text cannot be read)"),
    "a lost connection": (ConnectionError("x"), 1, "ConnectionError: x"),
}


@pytest.mark.parametrize("case", ENDINGS)
def test_whatever_ends_a_function_has_an_exit_code_and_one_line(case: str) -> None:
    error, code, line = ENDINGS[case]
    assert exit_code(error) == code
    assert describe(error).endswith(line.split(".")[-1])


def test_a_function_that_exits_the_process_has_failed(
    served: dict[str, str], ingest: Any, module: Callable[..., str]
) -> None:
    module("import sys\ndef look(): sys.exit(0)\n")
    assert attempt(served) == 1
    assert ingest.events()[0]["description"] == "SystemExit: 0"


# Being asked to stop


def test_a_signal_interrupts_the_function(
    served: dict[str, str], ingest: Any, module: Callable[..., str], result: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched: list[tuple[float, int]] = []
    monkeypatch.setattr(signals, "end_after", lambda seconds, code, _: watched.append((seconds, code)))
    module("import os, signal, time\ndef look():\n    os.kill(os.getpid(), signal.SIGTERM)\n    time.sleep(60)\n")
    assert attempt(served) == 143
    assert "asked to stop (SIGTERM)" in ingest.events()[0]["description"]
    assert "asked to stop" in result()["error"]
    assert watched == [(20.0, 143)]


def test_a_signal_after_the_function_only_hurries_the_report(
    served: dict[str, str],
    ingest: Any,
    module: Callable[..., str],
    result: Any,
    monkeypatch: pytest.MonkeyPatch,
    reply: Any,
) -> None:
    monkeypatch.setattr("upwell.pod.attempt.TERMINATED_SECONDS", 0.1)

    def stop(_: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return reply(503)

    ingest.answer = stop
    module("from upwell import DataVersion\ndef look(): return DataVersion('v')\n")
    assert attempt({**served, "UPWELL_POST_BUDGET": "600"}) == 0
    assert result()["events"][0]["dataVersion"] == "v"


def test_a_process_that_does_not_end_is_ended_with_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[object] = []
    over = threading.Event()
    monkeypatch.setattr(os, "_exit", lambda code: (said.append(code), over.set()))
    signals.end_after(0, 143, lambda: said.append("words"))
    assert over.wait(10)
    assert said == ["words", 143]


def test_the_last_words_of_a_stubborn_function_are_in_the_file(
    served: dict[str, str], module: Callable[..., str], result: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "end_after", lambda _seconds, _code, last_words: last_words())
    module("""
import os, signal
from upwell import DataVersion
def look():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        while True: pass
    except BaseException:
        return DataVersion("v")
""")
    assert attempt(served) == 0
    assert result() == {"error": "the function did not stop when it was asked to (SIGTERM)"}


@pytest.mark.parametrize("late", [False, True], ids=["while the function runs", "afterwards"])
def test_a_process_that_user_code_forked_dies_of_a_signal_as_ever(late: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[object] = []
    guard = signals.Interruptible(lambda: said.append("late"), lambda: said.append("words"))
    with guard:
        handler = signal.getsignal(signal.SIGTERM)
    handler = signal.getsignal(signal.SIGTERM) if late else handler
    child = os.getpid() + 1
    monkeypatch.setattr(os, "getpid", lambda: child)
    monkeypatch.setattr(os, "kill", lambda pid, number: said.append((pid, number)))
    assert callable(handler)
    handler(signal.SIGTERM, None)
    assert said == [(child, signal.SIGTERM)]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_the_process_leaves_with_the_attempts_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    watched: list[Callable[[], None]] = []
    monkeypatch.setattr(signals, "end_after", lambda _seconds, _code, last_words: watched.append(last_words))
    monkeypatch.setattr("upwell.runner.attempt", lambda _: 7)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 7
    watched[0]()
    assert "threads of the function still run" in capsys.readouterr().err


def test_the_module_is_a_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signals, "end_after", lambda *_: None)
    monkeypatch.setattr("upwell.pod.attempt.attempt", lambda _: 0)
    monkeypatch.delitem(sys.modules, "upwell.runner", raising=False)
    with pytest.raises(SystemExit) as caught:
        runpy.run_module("upwell.runner", run_name="__main__")
    assert caught.value.code == 0


# As a process


@pytest.fixture
def start(served: dict[str, str], tmp_path: Path) -> Iterator[Callable[[str], subprocess.Popen[str]]]:
    """Start `python -m upwell.runner` on a source text; no coverage, a real process."""
    started: list[subprocess.Popen[str]] = []

    def run(source: str, interpreter: str = sys.executable, **env: str) -> subprocess.Popen[str]:
        (tmp_path / "user_code.py").write_text(source)
        paths = f"{Path(upwell.__file__).parents[1]}:{tmp_path}"
        process = subprocess.Popen(
            [interpreter, "-m", "upwell.runner"],
            env={**served, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1", **env},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def test_a_process_observes_and_reports(start: Any, ingest: Any) -> None:
    process = start(LOOK)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "printed\n"), err
    assert [event["assetKey"] for event in ingest.events()] == ["another", "warehouse/raw"]


def test_output_is_seen_line_by_line_while_the_process_runs(start: Any, tmp_path: Path) -> None:
    process = start("import time\ndef look():\n    print('first')\n    time.sleep(60)\n")
    assert process.stdout.readline() == "first\n"
    assert process.poll() is None


def test_a_process_that_is_terminated_reports_it_and_exits_with_143(start: Any, ingest: Any, result: Any) -> None:
    process = start("import time\ndef look():\n    print('ready')\n    time.sleep(60)\n")
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    _, err = process.communicate(timeout=30)
    assert process.returncode == 143
    assert "Terminated" in err
    assert [event["type"] for event in ingest.events()] == ["AttemptFailed"]
    assert "asked to stop" in result()["error"]


def test_an_async_function_is_terminated_too(start: Any, ingest: Any) -> None:
    process = start("import asyncio\nasync def look():\n    print('ready')\n    await asyncio.sleep(60)\n")
    assert process.stdout.readline() == "ready\n"
    process.terminate()
    process.communicate(timeout=30)
    assert process.returncode == 143
    assert [event["type"] for event in ingest.events()] == ["AttemptFailed"]


def test_daemon_threads_of_the_delivery_do_not_hold_the_process(start: Any, ingest: Any, reply: Any) -> None:
    ingest.answer = lambda _: reply(503)
    started = time.monotonic()
    process = start("from upwell import DataVersion\ndef look(): return DataVersion('v')\n", UPWELL_POST_BUDGET="0.3")
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert time.monotonic() - started < 10


def test_a_function_that_forks_at_once_has_children_that_can_import(start: Any, ingest: Any) -> None:
    process = start("""
import os, signal
from upwell import DataVersion

def look():
    child = os.fork()
    if not child:
        signal.alarm(10)  # ends a child that waits for ever
        import http.client
        os._exit(0)
    return DataVersion(str(os.waitpid(child, 0)[1]))
""")
    _, err = process.communicate(timeout=30)
    assert (process.returncode, ingest.events()[-1]["dataVersion"]) == (0, "0"), err


def oldest_python() -> str | None:
    """Find the oldest Python that the SDK supports."""
    found = sorted(Path.home().glob(".pyenv/versions/3.9.*/bin/python3.9"))
    return str(found[0]) if found else None


@pytest.mark.skipif(oldest_python() is None, reason="no Python 3.9 here; the syntax is checked by test_sdk_public")
def test_the_oldest_python_runs_the_runner_and_every_module(start: Any, ingest: Any) -> None:
    source = (
        LOOK
        + """
import upwell
for name in upwell.__all__:
    getattr(upwell, name)
import upwell.reading
upwell.observe([look])
upwell.MetadataValue.table([{"a": 1}])
"""
    )
    process = start(source, oldest_python())
    _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert ingest.events()[-1]["dataVersion"] == "v1"
