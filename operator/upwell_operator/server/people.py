"""What people may do: RBAC on `assets.upwell.dev` and its sisters is the whole model, asked with the caller's name.

Rights are those of Kubernetes' own verbs; two subresources exist only as names in Roles: `assets/events` (update:
report events from outside) and `assets/log` (get: read what a run printed). Without a namespace the right must be
cluster-wide, as with `kubectl get -A`. On loopback, and only there, settings may let everybody in.

Limits: an answer is believed for `ALLOWED_SECONDS`; a Role that was taken away works that much longer.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import datetime
from typing import Final

from fastapi import Request

from upwell_operator.cluster.port import Caller, Cluster
from upwell_operator.errors import UpwellError
from upwell_operator.resources.meta import GROUP
from upwell_operator.server.cached import Cached
from upwell_operator.server.problems import Problem
from upwell_operator.settings import Settings

ALLOWED_SECONDS: Final = 10.0
DENIED_SECONDS: Final = 3.0
CACHED_ANSWERS: Final = 8192
ANONYMOUS: Final = Caller(username="upwell:loopback")
"""Whoever sits at the machine of `upwell dev`; may do everything."""


class Rights:
    """Asks the cluster what a caller may do, and remembers the answer briefly."""

    def __init__(self, cluster: Cluster, clock: Callable[[], datetime]) -> None:
        self._cluster = cluster
        self._now: Callable[[], float] = lambda: clock().timestamp()
        self._cache: Cached[tuple[str, ...], bool] = Cached(CACHED_ANSWERS, self._now)

    async def demand(self, caller: Caller, verb: str, resource: str, namespace: str, name: str = "") -> None:
        """Pass if the caller may; raise Problem (403) with the right that is missing. `namespace` "" means all."""
        if caller is ANONYMOUS:
            return
        key = (caller.username, caller.uid, *caller.groups, "", verb, resource, namespace, name)
        if not await self._cache.get(key, lambda: self._ask(caller, verb, resource, namespace, name)):
            raise Problem(403, "not-allowed", _denial(caller, verb, resource, namespace))

    async def _ask(self, caller: Caller, verb: str, resource: str, namespace: str, name: str) -> tuple[bool, float]:
        allowed = await self._cluster.may(caller, verb, resource, namespace, name)
        return allowed, self._now() + (ALLOWED_SECONDS if allowed else DENIED_SECONDS)


def _denial(caller: Caller, verb: str, resource: str, namespace: str) -> str:
    right = f"{caller.username} may not {verb} {resource} (API group {GROUP})"
    if namespace:
        return f"{right} in namespace {namespace}; ask for a Role with that verb and resource."
    return f"{right} in all namespaces; name one with ?namespace=, or ask for a ClusterRole."


def is_loopback(host: str | None) -> bool:
    """Say whether a host's name or address can only be this machine."""
    if host is None:
        return False
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def check_settings(settings: Settings) -> None:
    """Refuse to serve anonymously where others could reach it. Raises UpwellError."""
    if settings.anonymous and not is_loopback(settings.bind):
        raise UpwellError(
            f"settings: anonymous=true with bind={settings.bind!r} would let everybody on the network in; "
            "bind to 127.0.0.1, or leave anonymous off and let people send a token."
        )


def check_local(request: Request) -> None:
    """Refuse a request that a foreign web page made through a browser on this machine. Raises Problem (403).

    A page can make its own name resolve to 127.0.0.1 (hence Host) and can post without reading (hence Origin).
    """
    origin = request.headers.get("origin")
    here = f"{request.url.scheme}://{request.headers.get('host', '')}"
    if not is_loopback(request.url.hostname) or (origin is not None and origin != here):
        detail = "Without a token only this machine's own pages and programs are served; call http://localhost."
        raise Problem(403, "foreign-origin", detail)
