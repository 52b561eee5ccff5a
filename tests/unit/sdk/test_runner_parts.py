"""The runner's parts: environment, loading, transport, delivery, the result file."""

from __future__ import annotations

import json
import re
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from upwell import DataVersion
from upwell.errors import FunctionNotFound, InvalidEnvironment, InvalidValue, Refused, UpwellError, WrongType
from upwell.pod import delivery as delivering
from upwell.pod import environment, result
from upwell.pod import transport as transporting
from upwell.pod.delivery import Delivery, delay
from upwell.pod.loading import load
from upwell.pod.transport import Later, Transport
from upwell.protocol import MAX_RESULT_BYTES, Event, EventType, MetadataEntry, Result, RunKind

# The environment


def test_a_whole_environment_is_read(environ: dict[str, str]) -> None:
    inputs = json.dumps([{"name": "a", "key": "x/a", "dataVersion": "1"}, {"name": "b", "key": "b"}])
    more = {"UPWELL_INPUTS": inputs, "UPWELL_SERVER": "https://upwell:8443/base/", "UPWELL_TOKEN_FILE": "/t"}
    settings = environment.read({**environ, **more})
    assert settings.inputs == {"x/a": "1", "b": None}
    assert settings.server
    assert settings.server.geturl() == "https://upwell:8443/base/"
    assert (settings.run.name, settings.run.namespace, settings.run.attempt) == ("raw-1", "shop", "raw-1-abcde")
    assert (settings.run.kind, str(settings.asset_key), settings.budget) == (RunKind.OBSERVE, "warehouse/raw", 10)


def test_a_run_may_be_asked_to_look_at_some_partitions(environ: dict[str, str]) -> None:
    assert environment.read(environ).run.partitions == ()
    assert environment.read({**environ, "UPWELL_PARTITIONS": '["2026-01-31|eu"]'}).run.partitions == ("2026-01-31|eu",)


def test_without_a_server_run_and_namespace_may_be_unknown(environ: dict[str, str]) -> None:
    for name in ("UPWELL_RUN", "UPWELL_NAMESPACE", "UPWELL_POST_BUDGET", "UPWELL_PROTOCOL"):
        del environ[name]
    settings = environment.read(environ)
    assert (settings.server, settings.run.name, settings.run.namespace, settings.budget) == (None, "", None, 30)


BAD_ENVIRONMENT = {
    "no function": ({"UPWELL_FUNCTION": ""}, "UPWELL_FUNCTION is not set; `python -m upwell.runner` is started by"),
    "no key": ({"UPWELL_ASSET_KEY": ""}, "UPWELL_ASSET_KEY is not set"),
    "bad key": ({"UPWELL_ASSET_KEY": "../a"}, r"UPWELL_ASSET_KEY: .*'\.\.'"),
    "unknown kind": ({"UPWELL_KIND": "look"}, "UPWELL_KIND='look': it is observe or materialize"),
    "another protocol": ({"UPWELL_PROTOCOL": "2"}, "comes first on PYTHONPATH: remove it"),
    "no run": ({"UPWELL_SERVER": "http://s", "UPWELL_RUN": ""}, "UPWELL_RUN is not set"),
    "a run that is no name": ({"UPWELL_SERVER": "http://s", "UPWELL_RUN": "a/../b"}, "UPWELL_RUN='a/../b'"),
    "a server that is no URL": ({"UPWELL_SERVER": "upwell:80"}, "'upwell:80' is no URL such as"),
    "inputs that are no JSON": ({"UPWELL_INPUTS": "{"}, "UPWELL_INPUTS is no JSON list"),
    "inputs that are no list": ({"UPWELL_INPUTS": "3"}, "UPWELL_INPUTS is no JSON list"),
    "inputs without a key": ({"UPWELL_INPUTS": "[{}]"}, "UPWELL_INPUTS is no JSON list"),
    "partitions that are no list": ({"UPWELL_PARTITIONS": "3"}, "UPWELL_PARTITIONS is no JSON list"),
    "a partition that is no key": ({"UPWELL_PARTITIONS": '[""]'}, "UPWELL_PARTITIONS is no JSON list"),
    "a config that is no JSON": ({"UPWELL_CONFIG": "{"}, "UPWELL_CONFIG is no JSON object"),
    "a config that is no object": ({"UPWELL_CONFIG": "[1]"}, "UPWELL_CONFIG is no JSON object"),
    "a budget that is no number": ({"UPWELL_POST_BUDGET": "long"}, "UPWELL_POST_BUDGET='long'"),
    "a budget that is NaN": ({"UPWELL_POST_BUDGET": "nan"}, "from 0 to 3600"),
}


@pytest.mark.parametrize("case", BAD_ENVIRONMENT)
def test_an_environment_is_refused_that_has(case: str, environ: dict[str, str]) -> None:
    change, text = BAD_ENVIRONMENT[case]
    with pytest.raises(InvalidEnvironment, match=text):
        environment.read({**environ, **change})


NO_SERVERS = {
    "another scheme": "ftp://a",
    "no host": "http://",
    "a password": "http://u:p@a",
    "a port that is no number": "http://a:b",
    "port 0": "http://a:0",
    "a port beyond all": "http://a:70000",
    "half an address": "http://[::1",
    "a blank": "http://a/ b",
    "an end of line": "http://a\n",
    "a query": "http://a/?b=c",
    "a fragment": "http://a/#b",
}


@pytest.mark.parametrize("case", NO_SERVERS)
def test_a_server_is_refused_with(case: str, environ: dict[str, str]) -> None:
    with pytest.raises(InvalidEnvironment, match=r"UPWELL_SERVER: .* is no URL such as http://upwell-server:8080"):
        environment.read({**environ, "UPWELL_SERVER": NO_SERVERS[case]})


# Loading

SOURCE = """
from upwell import DataVersion, observable_source_asset, asset

number = 3

@observable_source_asset
def look():
    return DataVersion("v")

@asset
def make(): ...

def plain(): ...

class Box:
    @staticmethod
    def inside(): ...
"""


def test_functions_are_found_decorated_plain_or_inside_a_class(module: Callable[..., str]) -> None:
    module(SOURCE)
    assert load("user_code:look", RunKind.OBSERVE)() == DataVersion("v")
    assert load("user_code:plain", RunKind.OBSERVE)() is None
    assert load("user_code:Box.inside", RunKind.MATERIALIZE)() is None


LOADING: dict[str, tuple[str, type[Exception], str]] = {
    "no colon": ("user_code.look", FunctionNotFound, "write it as `module:function`"),
    "no module": (":look", FunctionNotFound, "write it as"),
    "no function": ("user_code:", FunctionNotFound, "write it as"),
    "a module that is missing": ("nowhere:look", FunctionNotFound, "module 'nowhere' not found.*looked in .*code"),
    "a package that is missing": ("nowhere.at.all:look", FunctionNotFound, "module 'nowhere.at.all' not found"),
    "a module inside a module": ("user_code.sub:look", FunctionNotFound, "'user_code.sub' not found"),
    "a relative module": (".user_code:look", FunctionNotFound, "without a leading dot"),
    "a function that is missing": (
        "user_code:loook",
        FunctionNotFound,
        r"module user_code \(.*user_code\.py\) has no 'loook'; it has the functions look, make, plain",
    ),
    "a number": ("user_code:number", WrongType, "no function but int; it has the functions look"),
    "a function of the other kind": (
        "user_code:make",
        WrongType,
        "decorated with @asset, but this run is to observe; name it under spec.materialize, or decorate it with @obs",
    ),
    "a module with a syntax error": ("broken:look", FunctionNotFound, "broken cannot be read by Python 3"),
    "a module that imports what is missing": (
        "lacking:look",
        FunctionNotFound,
        "'lacking' imports 'pandass', which is not inst",
    ),
    "a module without functions": ("empty:look", FunctionNotFound, "it has no functions"),
}


@pytest.mark.parametrize("case", LOADING)
def test_loading_explains(case: str, module: Callable[..., str]) -> None:
    module(SOURCE)
    module("def look(:\n", "broken")
    module("import pandass\n", "lacking")
    module("", "empty")
    name, error, text = LOADING[case]
    with pytest.raises(error, match=text):
        load(name, RunKind.OBSERVE)


def test_what_a_module_raises_itself_passes_through(module: Callable[..., str]) -> None:
    module("raise TypeError('mine')\n")
    with pytest.raises(TypeError, match="mine"):
        load("user_code:look", RunKind.OBSERVE)


def test_long_lists_are_cut(module: Callable[..., str]) -> None:
    module("\n".join(f"def f{n}(): ..." for n in range(30)))
    with pytest.raises(FunctionNotFound, match="f19 and 10 more"):
        load("user_code:look", RunKind.OBSERVE)


# Transport


To = Callable[..., Transport]


@pytest.fixture
def to(environ: dict[str, str]) -> Iterator[To]:
    """Make transports to a URL, which are closed after the test; a pod's is closed by the end of its process."""
    made: list[Transport] = []

    def make(url: str, **more: str) -> Transport:
        settings = environment.read({**environ, "UPWELL_SERVER": url, **more})
        assert settings.server
        made.append(Transport(settings.server, settings))
        return made[-1]

    yield make
    for one in made:
        if one._connection is not None:
            one._connection.close()


@pytest.fixture
def transport(ingest: Any, to: To, tmp_path: Path) -> Transport:
    token = tmp_path / "token"
    token.write_text("first\n")
    return to(ingest.url + "/base", UPWELL_TOKEN_FILE=str(token))


def test_a_post_goes_to_the_runs_url_with_the_token_of_the_moment(
    ingest: Any, transport: Transport, tmp_path: Path
) -> None:
    transport.post(b'{"events":[]}')
    (tmp_path / "token").write_text("second\n")
    transport.post(b'{"events":[]}')
    assert {request.path for request in ingest.requests} == {"/base/v1/runs/shop/raw-1/events"}
    assert [request.headers["Authorization"] for request in ingest.requests] == ["Bearer first", "Bearer second"]
    assert ingest.requests[0].headers["Content-Type"] == "application/json"


def test_without_a_token_file_no_token_is_sent(ingest: Any, to: To) -> None:
    to(ingest.url).post(b'{"events":[]}')
    assert "Authorization" not in ingest.requests[0].headers


@pytest.mark.parametrize("status", [401, 408, 429, 500, 502, 503, 504])
def test_is_tried_again_later(status: int, ingest: Any, transport: Transport, reply: Any) -> None:
    ingest.script(reply(status, {"title": "Busy"}))
    with pytest.raises(Later, match=f"{status}: Busy"):
        transport.post(b'{"events":[]}')


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 415, 422])
def test_is_refused_for_good_with_the_problems_detail(
    status: int, ingest: Any, transport: Transport, reply: Any
) -> None:
    ingest.script(reply(status, {"title": "Bad", "detail": "events[0].id: is wrong"}))
    with pytest.raises(Refused, match=re.escape(f"refused the report ({status}): events[0].id: is wrong")) as caught:
        transport.post(b'{"events":[]}')
    assert caught.value.status == status


DETAILS: dict[str, tuple[Any, str]] = {
    "a list": ([1], r"\[1\]"),
    "no title": ({"a": 1}, '{"a": 1}'),
    "nothing": (None, "HTTP status 403"),
}


@pytest.mark.parametrize("case", DETAILS)
def test_a_refusal_without_a_problem_document_says_what_there_is(
    case: str, ingest: Any, transport: Transport, reply: Any
) -> None:
    body, text = DETAILS[case]
    ingest.script(reply(403, body))
    with pytest.raises(Refused, match=text):
        transport.post(b'{"events":[]}')


def test_a_redirect_is_refused_naming_the_setting(ingest: Any, transport: Transport, reply: Any) -> None:
    ingest.script(reply(307, None, {"Location": "https://elsewhere"}))
    with pytest.raises(Refused, match="redirects to https://elsewhere; UPWELL_SERVER"):
        transport.post(b'{"events":[]}')


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("7", 7, 7),
        (formatdate(time.time() + 6000, usegmt=True), 3000, 6001),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0, 0),
        ("soon", 0, 0),
    ],
    ids=["seconds", "date", "past", "nonsense"],
)
def test_retry_after_is_read(
    value: str, low: float, high: float, ingest: Any, transport: Transport, reply: Any
) -> None:
    ingest.script(reply(429, None, {"Retry-After": value}))
    with pytest.raises(Later) as caught:
        transport.post(b'{"events":[]}')
    assert low <= caught.value.after <= high


def test_no_connection_no_token_and_a_bad_token_are_for_later(
    ingest: Any, transport: Transport, tmp_path: Path
) -> None:
    (tmp_path / "token").write_bytes("täken".encode())
    with pytest.raises(Later, match="UnicodeDecodeError"):
        transport.post(b"{}")
    (tmp_path / "token").unlink()
    with pytest.raises(Later, match="FileNotFoundError"):
        transport.post(b"{}")
    (tmp_path / "token").write_text("t")
    ingest.close()
    with pytest.raises(Later, match="ConnectionRefusedError"):
        transport.post(b"{}")


def test_one_connection_serves_all_posts(ingest: Any, transport: Transport, reply: Any) -> None:
    ingest.script(reply(202, {"accepted": 1}), reply(503), reply(202))
    for _ in range(2):
        with suppress(Later):
            transport.post(b'{"events":[]}')
    transport.post(b'{"events":[]}')
    assert len(ingest.requests) == 3
    assert len({request.port for request in ingest.requests}) == 1


ENDS: dict[str, dict[str, Any]] = {
    "as it said": {"headers": {"Connection": "close"}},
    "without a word": {"hang_up": True},
    "or whose answer is too long to be read": {"body": "x" * 100_000},
}


@pytest.mark.parametrize("case", ENDS)
def test_a_connection_is_replaced_that_the_server_has_closed(
    case: str, ingest: Any, transport: Transport, reply: Any
) -> None:
    ingest.script(reply(**ENDS[case]))
    transport.post(b'{"events":[1]}')
    transport.post(b'{"events":[2]}')
    assert [request.body["events"] for request in ingest.requests] == [[1], [2]]
    assert len({request.port for request in ingest.requests}) == 2


class RawServer:
    """Answers one connection with these bytes, or never (None)."""

    def __init__(self, raw: bytes | None, *, read: bool = True) -> None:
        self._raw, self._read = raw, read
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> str:
        self._thread.start()
        return f"127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        connection, _ = self._socket.accept()
        with connection:
            if self._read:
                connection.recv(65536)
            if self._raw is None:
                self._over.wait(10)
                return
            with suppress(OSError):  # the client may have enough
                connection.sendall(self._raw)


NO_ANSWERS: dict[str, tuple[bytes | None, str]] = {
    "nothing": (b"", "RemoteDisconnected|ConnectionResetError"),
    "another protocol": (b"SSH-2.0-OpenSSH\r\n", "BadStatusLine: SSH"),
    "silence": (None, "time"),
}


@pytest.mark.parametrize("case", NO_ANSWERS)
def test_what_is_no_answer_is_for_later(case: str, to: To, monkeypatch: pytest.MonkeyPatch) -> None:
    raw, text = NO_ANSWERS[case]
    monkeypatch.setattr(transporting, "REQUEST_SECONDS", 0.05 if raw is None else 10)
    with RawServer(raw) as address, pytest.raises(Later, match=text):
        to(f"http://{address}").post(b"{}")


def test_an_endless_answer_is_cut(to: To) -> None:
    with RawServer(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1_000_000) as address:
        to(f"http://{address}").post(b"{}")


def test_an_answer_of_a_server_that_reads_nothing_still_counts(to: To) -> None:
    server = RawServer(b"HTTP/1.1 413 Big\r\nContent-Length: 0\r\n\r\n", read=False)
    # the kernel may throw the answer away together with what was not read
    with server as address, pytest.raises((Refused, Later), match=r"413|Reset|Disconnected"):
        to(f"http://{address}").post(b"x" * 5_000_000)


def test_https_uses_pythons_trust(to: To, monkeypatch: pytest.MonkeyPatch) -> None:
    wrapped: list[Any] = []

    class Context:
        verify_mode, check_hostname = ssl.CERT_REQUIRED, True

        def wrap_socket(self, connection: socket.socket, server_hostname: str) -> socket.socket:
            wrapped.append(server_hostname)
            return connection

    monkeypatch.setattr(ssl, "create_default_context", Context)
    with RawServer(b"HTTP/1.1 202 OK\r\nContent-Length: 0\r\n\r\n") as address:
        transport = to(f"https://{address}")
        transport.post(b"{}")
    assert wrapped == ["127.0.0.1"]


ADDRESSES = {
    "http://a": ("a", 80),
    "https://a.b-c/": ("a.b-c", 443),
    "http://[::1]:8080/x/y/": ("::1", 8080),
}


@pytest.mark.parametrize("url", ADDRESSES)
def test_a_server_has_the_address_of_its_url(url: str) -> None:
    connection = transporting._connection(urlsplit(url))
    assert (connection.host, connection.port) == ADDRESSES[url]


# Delivery


def event(identity: str = "1", text: str = "", **more: Any) -> Event:
    metadata = {"text": MetadataEntry("text", text)} if text else {}
    return Event(
        **{"id": identity, "type": EventType.OBSERVATION, "asset_key": "a", "time": "t", "metadata": metadata, **more}
    )


class Server:
    """A `post` that fails as it is told, then takes everything."""

    def __init__(self, *answers: Exception) -> None:
        self.answers = list(answers)
        self.batches: list[list[str]] = []
        self.open = threading.Event()
        self.open.set()

    def ids(self) -> list[str]:
        return [identity for batch in self.batches for identity in batch]

    def __call__(self, body: bytes) -> None:
        self.open.wait(10)
        self.batches.append([one["id"] for one in json.loads(body)["events"]])
        if self.answers:
            raise self.answers.pop(0)


def test_events_that_wait_go_out_together_and_in_order() -> None:
    server = Server()
    server.open.clear()
    delivery = Delivery(server, "pod", 10)
    for n in range(5):
        delivery.log(event(str(n)))
    server.open.set()
    assert delivery.flush(10) == []
    assert server.ids() == ["0", "1", "2", "3", "4"]
    assert len(server.batches) <= 2


def test_a_failure_is_tried_again_and_nothing_is_lost() -> None:
    server = Server(Later("503"), Later("503"))
    delivery = Delivery(server, "pod", 10)
    delivery.log(event())
    assert delivery.flush(10) == []
    assert server.batches == [["1"]] * 3
    assert delivery.trouble == "503"


def test_what_is_not_posted_in_time_is_given_back() -> None:
    delivery = Delivery(Server(*[Later("down")] * 1000), "pod", 10)
    delivery.put(event("1"))
    delivery.put(event("2"))
    started = time.monotonic()
    assert [one.id for one in delivery.flush(0.3)] == ["1", "2"]
    assert time.monotonic() - started < 5


def test_retry_after_is_honoured() -> None:
    delivery = Delivery(Server(Later("429", after=60)), "pod", 10)
    delivery.put(event())
    assert delivery.flush(0.5) == [event()]


def test_without_a_server_everything_is_given_back_at_once() -> None:
    delivery = Delivery(None, None, 10)
    delivery.log(event())
    assert delivery.flush(10) == [event()]


def test_only_the_guilty_event_of_a_batch_is_dropped_and_the_run_hears_of_it() -> None:
    server = Server(Refused(403, "no"), Refused(403, "not yours"), Refused(403, "nor this"))
    server.open.clear()
    delivery = Delivery(server, "pod", 10)
    delivery.put(event("0"))
    delivery.put(event("1"))
    delivery.put(event("2"))
    server.open.set()
    assert delivery.flush(10) == []
    assert [batch for batch in server.batches if len(batch) == 1][-1] == ["2"]
    with pytest.raises(Refused, match="no"):
        delivery.log(event("3"))
    delivery.put(event("4"))
    assert delivery.flush(10) == []
    assert server.batches[-1] == ["4"]


def test_a_batch_has_at_most_a_mebibyte_unless_one_event_alone_has_more() -> None:
    server = Server()
    server.open.clear()
    delivery = Delivery(server, "pod", 10)
    for n in range(40):
        delivery.put(event(str(n), "x" * 60_000))
    server.open.set()
    assert delivery.flush(10) == []
    assert max(map(len, server.batches)) <= 17
    assert server.ids() == [str(n) for n in range(40)]


def test_too_much_that_waits_is_an_error_after_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivering, "MAX_BACKLOG_BYTES", 100)
    delivery = Delivery(Server(*[Later("down")] * 1000), "pod", 0.05)
    delivery.log(event("1"))
    with pytest.raises(UpwellError, match="bytes of events wait; the server does not answer: down"):
        delivery.log(event("2"))


def test_a_larger_event_than_allowed_is_refused_where_it_is_logged() -> None:
    delivery = Delivery(None, None, 10)
    with pytest.raises(InvalidValue, match="limit is 1,048,576"):
        delivery.log(event("1", "x" * 1_100_000))


def test_a_flush_can_be_hurried() -> None:
    delivery = Delivery(Server(*[Later("down")] * 1000), "pod", 10)
    delivery.put(event())
    threading.Timer(0.1, delivery.hurry, [0]).start()
    started = time.monotonic()
    assert delivery.flush(60) == [event()]
    assert time.monotonic() - started < 10


@settings(deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 100), st.floats(0, 1))
def test_delays_grow_are_bounded_and_never_shorter_than_asked(tries: int, asked: float, noise: float) -> None:
    seconds = delay(tries, asked, noise)
    assert asked <= seconds <= max(asked, 3.0)
    assert seconds >= min(0.1 * 2.0 ** min(tries, 10), 3.0) / 2


# The result file


def fitted(what: Result) -> dict[str, Any]:
    content = result.fitted(what)
    assert len(content) <= MAX_RESULT_BYTES
    parsed = json.loads(content)
    assert isinstance(parsed, dict)
    return parsed


def test_a_small_result_is_written_whole() -> None:
    assert fitted(Result(events=[event("1", "hello", result=True)])) == {
        "events": [
            {
                "id": "1",
                "type": "AssetObservation",
                "assetKey": "a",
                "time": "t",
                "metadata": {"text": {"type": "text", "value": "hello"}},
                "result": True,
            }
        ]
    }


def test_the_biggest_metadata_is_dropped_first_and_the_description_says_so() -> None:
    metadata = {"big": MetadataEntry("text", "x" * 5000), "small": MetadataEntry("int", 1)}
    one = event("1", data_version="v" * 512, metadata=metadata, description="seen", result=True)
    [shown] = fitted(Result(events=[one]))["events"]
    assert shown["dataVersion"] == "v" * 512
    assert shown["metadata"] == {"small": {"type": "int", "value": 1}}
    assert shown["description"].startswith("seen (1 metadata entries dropped: the server could not be reached")


def test_older_events_are_left_out_before_the_result() -> None:
    events = [*(event(str(n), description="d" * 100) for n in range(500)), event("last", data_version="v", result=True)]
    shown = fitted(Result(events=events))["events"]
    assert shown[-1]["id"] == "last"
    assert shown[-1]["dataVersion"] == "v"
    assert "earlier events dropped" in shown[-1]["description"]
    assert len(shown) > 5


def test_tags_and_long_descriptions_are_left_out_before_events() -> None:
    tags = {f"t{n}": "x" * 60 for n in range(100)}
    [shown] = fitted(Result(events=[event("1", tags=tags, description="d" * 9000, data_version="v", result=True)]))[
        "events"
    ]
    assert "tags" not in shown
    assert "tags dropped" in shown["description"]
    assert len(shown["description"]) < 400


def test_a_version_that_takes_most_of_the_room_is_kept_without_its_event() -> None:
    one = event("1", asset_key="😀" * 256, data_version="\x01" * 512, result=True)
    assert fitted(Result(events=[one], error=None)) == {"dataVersion": "\x01" * 512}


def test_an_attempts_failure_fits_without_its_traceback() -> None:
    failure = event("1", "t" * 60_000, type=EventType.ATTEMPT_FAILED, asset_key="☃" * 256, description="e" * 9000)
    shown = fitted(Result(events=[failure], error="line one\nline \x00two " + "x" * 9000))
    assert shown["error"].startswith("line one line two xxx")
    assert len(shown["error"]) == 500
    assert len(shown["events"]) == 1


@settings(deadline=None, max_examples=40)
@given(
    st.lists(
        st.builds(
            lambda version, metadata, tags, text, final: event(
                data_version=version or None, metadata=metadata, tags=tags, description=text, result=final
            ),
            st.text(max_size=512),
            st.dictionaries(
                st.text(max_size=9), st.builds(MetadataEntry, st.just("text"), st.text(max_size=2000)), max_size=6
            ),
            st.dictionaries(st.text(max_size=63), st.text(max_size=63), max_size=3),
            st.text(max_size=500),
            st.just(False),
        ),
        max_size=60,
    ),
    st.text(min_size=1, max_size=512),
    st.none() | st.text(max_size=3000),
)
def test_whatever_there_is_the_file_fits_and_has_the_results_version(
    events: list[Event], version: str, error: str | None
) -> None:
    last = event("last", data_version=version, result=True)
    shown = fitted(Result(events=[*events, last], error=error))
    found = [one.get("dataVersion") for one in shown.get("events", [])][-1:] or [shown["dataVersion"]]
    assert found == [version]


def test_the_search_path_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["", "/somewhere"])
    with pytest.raises(FunctionNotFound, match=r"looked in '', /somewhere;"):
        load("nowhere_to_be_found:look", RunKind.OBSERVE)
