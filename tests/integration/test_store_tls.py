"""A Redis behind TLS: an authority of one's own is believed when a file names it, and only then."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from redis_servers import free_port, missing, redis_binary, server
from upwell_operator.errors import StoreUnavailable
from upwell_operator.settings import Settings
from upwell_operator.store import Store


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a certificate that is its own authority, for localhost."""
    file = tmp_path_factory.mktemp("tls") / "redis.crt"
    made = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost")
    names = ("-addext", "subjectAltName=DNS:localhost", "-keyout", str(file.with_suffix(".key")), "-out", str(file))
    subprocess.run(["openssl", *made, *names], check=True, capture_output=True)
    return file


@pytest.fixture(scope="module")
def url(certificate: Path) -> Iterator[str]:
    binary, port = redis_binary(), free_port()
    if binary is None:
        missing("redis-server (Redis 7 or later)")
        return
    key = str(certificate.with_suffix(".key"))
    options = ("--tls-cert-file", str(certificate), "--tls-key-file", key, "--tls-auth-clients", "no")
    with server(binary, "--tls-port", str(port), *options):
        yield f"rediss://localhost:{port}/0"


async def test_an_authority_that_is_named_is_believed(url: str, certificate: Path) -> None:
    store = Store(Settings(redis_url=url, redis_ca=str(certificate)))
    await store.ping()
    await store.close()


async def test_an_authority_that_nobody_named_is_not(url: str) -> None:
    store = Store(Settings(redis_url=url))
    with pytest.raises(StoreUnavailable, match="certificate"):
        await store.ping()
    await store.close()
