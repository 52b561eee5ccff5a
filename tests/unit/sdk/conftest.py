"""A small ingest server in a thread, which answers as a test tells it, and the environment of a run."""

from __future__ import annotations

import json
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest


@dataclass
class Reply:
    """One answer of the server; `hang_up` closes the connection after it without a word."""

    status: int = 202
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False


@dataclass
class Request:
    """What the server was sent, and from which port."""

    path: str
    headers: dict[str, str]
    body: Any
    port: int


class Ingest:
    """The server: `answer` decides, `requests` remembers."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answer: Callable[[Request], Reply] = lambda _: Reply()
        self.seen = threading.Condition()
        self._open: list[socket.socket] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    def script(self, *replies: Reply) -> None:
        """Give these answers in turn, then 202."""
        left = list(replies)
        self.answer = lambda _: left.pop(0) if left else Reply()

    def events(self) -> list[dict[str, Any]]:
        """Every event that was sent, in order, repeated ones too."""
        return [event for request in self.requests for event in request.body["events"]]

    def wait(self, condition: Callable[[], object], seconds: float = 20) -> None:
        """Wait until the condition holds; asked again after every request."""
        with self.seen:
            assert self.seen.wait_for(condition, seconds), f"not seen: {self.requests}"

    def close(self) -> None:
        """End, and with it the connections that clients keep."""
        self._server.shutdown()
        self._server.server_close()
        for connection in self._open:
            with suppress(OSError):  # closed already
                connection.shutdown(socket.SHUT_RDWR)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        ingest = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                ingest._open.append(self.connection)

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                request = Request(self.path, dict(self.headers.items()), body, self.client_address[1])
                with ingest.seen:
                    ingest.requests.append(request)
                    reply = ingest.answer(request)
                    ingest.seen.notify_all()
                text = json.dumps(reply.body).encode() if reply.body is not None else b""
                self.send_response(reply.status)
                for name, value in {"Content-Length": str(len(text)), **reply.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(text)
                self.close_connection = self.close_connection or reply.hang_up

            def log_message(self, *_: object) -> None: ...

        return Handler


@pytest.fixture
def ingest() -> Iterator[Ingest]:
    server = Ingest()
    yield server
    server.close()


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Write a user's module; gives its name. Forgotten again after the test."""
    folder = tmp_path / "code"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    before = set(sys.modules)

    def write(source: str, name: str = "user_code") -> str:
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
        return name

    yield write
    for name in set(sys.modules) - before:
        if str(folder) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment of an observing run, without a server."""
    return {
        "UPWELL_PROTOCOL": "1",
        "UPWELL_NAMESPACE": "shop",
        "UPWELL_RUN": "raw-1",
        "UPWELL_ATTEMPT": "raw-1-abcde",
        "UPWELL_KIND": "observe",
        "UPWELL_ASSET_KEY": "warehouse/raw",
        "UPWELL_FUNCTION": "user_code:look",
        "UPWELL_RESULT": str(tmp_path / "result"),
        "UPWELL_POST_BUDGET": "10",
    }


@pytest.fixture
def result(environ: dict[str, str]) -> Callable[[], Any]:
    """Read the result file; None if there is none."""

    def read() -> Any:
        path = Path(environ["UPWELL_RESULT"])
        if not path.exists():
            return None
        content = path.read_bytes()
        assert len(content) <= 4096
        return json.loads(content)

    return read


@pytest.fixture(autouse=True)
def _fresh_logger() -> Iterator[None]:
    logger = logging.getLogger("upwell.run")

    def clear() -> None:
        logger.handlers.clear()
        logger.propagate = True

    clear()
    yield
    clear()


@pytest.fixture(autouse=True)
def _signals_as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def reply() -> type[Reply]:
    return Reply
