"""Who is asking: a bearer token becomes a Caller by TokenReview, remembered for at most a minute.

A token is never remembered past its own `exp`; a refusal is remembered for seconds, so that a loop with a bad token
does not become a loop of TokenReviews; what is kept is a digest, never the token.

Limits: a revoked token is good for up to `TTL_SECONDS` more; Kubernetes' own webhook authenticator has the same limit.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable
from datetime import datetime
from typing import Final

from upwell_operator.cluster.port import Caller, Cluster
from upwell_operator.server.cached import Cached
from upwell_operator.server.problems import Problem

TTL_SECONDS: Final = 60.0
REFUSED_SECONDS: Final = 5.0
CACHED_TOKENS: Final = 4096
MAX_TOKEN_CHARS: Final = 16 * 1024
API_SERVER: Final = ""
"""The audience of people's tokens: none named, so TokenReview takes the API server's own."""

CHALLENGE: Final = {"WWW-Authenticate": "Bearer"}


class Identity:
    """Turns tokens into callers."""

    def __init__(self, cluster: Cluster, clock: Callable[[], datetime]) -> None:
        self._cluster = cluster
        self._now: Callable[[], float] = lambda: clock().timestamp()
        self._cache: Cached[tuple[bytes, str], Caller | None] = Cached(CACHED_TOKENS, self._now)

    async def of(self, token: str, audience: str) -> Caller:
        """Say whose token it is. Raises Problem (401), ClusterUnavailable."""
        key = (hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest(), audience)
        caller = await self._cache.get(key, lambda: self._review(token, audience))
        if caller is None:
            raise Problem(401, "token-refused", _refusal(audience), headers=CHALLENGE)
        return caller

    async def _review(self, token: str, audience: str) -> tuple[Caller | None, float]:
        caller = await self._cluster.review_token(token, audience)
        now = self._now()
        if caller is None:
            return None, now + REFUSED_SECONDS
        return caller, min(now + TTL_SECONDS, expiry(token))


def _refusal(audience: str) -> str:
    if audience == API_SERVER:
        return "The token is not valid for the Kubernetes API, or it has expired; use one of `kubectl create token`."
    return (
        f"The token is not valid for the audience {audience!r}, or it has expired; "
        "read the token file again, kubelet rotates it."
    )


def expiry(token: str) -> float:
    """Read the `exp` of a JWT without verifying it (TokenReview has); infinity for what is no JWT or names none."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError, binascii.Error):
        return float("inf")


def bearer(header: str | None) -> str:
    """Take the token out of an Authorization header. Raises Problem (401)."""
    scheme, _, token = (header or "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not token or len(token) > MAX_TOKEN_CHARS:
        detail = "This route needs a token: send `Authorization: Bearer TOKEN`."
        raise Problem(401, "token-missing", detail, headers=CHALLENGE)
    return token
