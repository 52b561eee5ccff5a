"""One HTTP/1.1 exchange over a socket of its own.

Why not http.client: importing it takes longer than everything else that the runner imports together (it brings the
`email` package), and every pod would pay. Limits: one request a connection, an answer of at most 64 KiB, a deadline for
the whole; no redirects, no proxies, no cookies. TLS is Python's `ssl` with its default context.
"""

from __future__ import annotations

import re
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Mapping

MAX_ANSWER_BYTES = 64 * 1024
CHUNK_BYTES = 16 * 1024

_URL = re.compile(
    r"(?P<scheme>https?)://(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:(?P<port>[0-9]{1,5}))?(?P<path>/[!-~]*)?"
)
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5][0-9][0-9])[ \r\n]")


class BadAnswer(Exception):  # noqa: N818 - as errors.py
    """What was answered is not HTTP."""


@dataclass(frozen=True)
class Url:
    """Where a server is."""

    secure: bool
    host: str
    port: int
    path: str

    @classmethod
    def parse(cls, text: str) -> Url:
        """Read `http[s]://host[:port][/path]`. Raises ValueError for anything else."""
        found = _URL.fullmatch(text)
        secure = found is not None and found["scheme"] == "https"
        port = int((found and found["port"]) or (443 if secure else 80))
        if not found or not 1 <= port <= 65535:  # noqa: PLR2004 - the ports there are
            raise ValueError(f"{text!r:.200} is no URL such as http://upwell-server:8080")
        return cls(secure, found["host"], port, (found["path"] or "").rstrip("/"))


@dataclass(frozen=True)
class Answer:
    """What a server answered; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def post(url: Url, path: str, headers: Mapping[str, str], body: bytes, seconds: float) -> Answer:
    """Send one POST and read the answer, in at most about `seconds`. Raises OSError and BadAnswer."""
    deadline = time.monotonic() + seconds
    lines = [
        f"POST {url.path}{path} HTTP/1.1",
        f"Host: {url.host}:{url.port}",
        "Connection: close",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    head = "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")
    with _connected(url, seconds) as connection:
        _send(connection, head + body)
        return _parsed(_received(connection, deadline))


def _connected(url: Url, seconds: float) -> socket.socket:
    """Open a connection, with TLS for https."""
    host = url.host.strip("[]")
    connection = socket.create_connection((host, url.port), timeout=seconds)
    if not url.secure:
        return connection
    import ssl  # noqa: PLC0415 - inside a cluster the server is plain HTTP by default

    return ssl.create_default_context().wrap_socket(connection, server_hostname=host)


def _send(connection: socket.socket, data: bytes) -> None:
    """Send everything; a server may refuse before it has read the whole, and its answer is what matters then."""
    with suppress(BrokenPipeError, ConnectionResetError):
        connection.sendall(data)


def _received(connection: socket.socket, deadline: float) -> bytes:
    """Read until the server closes, the answer is complete, or there is more than anybody needs."""
    answer = b""
    while len(answer) <= MAX_ANSWER_BYTES and not _complete(answer):
        connection.settimeout(max(0.001, deadline - time.monotonic()))
        piece = connection.recv(CHUNK_BYTES)
        if not piece:
            break
        answer += piece
    return answer


def _complete(answer: bytes) -> bool:
    """Tell whether an answer with a length has been read whole, for servers that do not close."""
    head, end, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length:[ \t]*([0-9]+)", head)
    if not end:
        return False
    return (length is not None and len(body) >= int(length[1])) or (length is None and body.endswith(b"0\r\n\r\n"))


def _parsed(answer: bytes) -> Answer:
    """Take an answer apart. Raises BadAnswer."""
    status = _STATUS.match(answer)
    head, end, body = answer.partition(b"\r\n\r\n")
    if not status or not end:
        raise BadAnswer(f"no HTTP answer: {answer[:80]!r}" if answer else "the connection was closed without an answer")
    pairs = (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    chunked = headers.get("transfer-encoding", "").lower() == "chunked"
    return Answer(int(status[1]), headers, _joined(body) if chunked else body)


def _joined(body: bytes) -> bytes:
    """Put the chunks of a body together; what is cut stays cut."""
    whole = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size.split(b";")[0] or b"0", 16) if re.fullmatch(rb"[0-9A-Fa-f]+(;.*)?", size) else 0
        if not length:
            break
        whole, body = whole + rest[:length], rest[length + 2 :]
    return whole
