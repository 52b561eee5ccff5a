"""Tokens that the embedded cluster issues to pods, and their review.

Idea: as a projected ServiceAccount token, one is bound to its pod: when the pod is gone, so is the token. Limits:
opaque text, not a JWT; never rotated, because it stands only as long as its pod does.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from upwell_operator.cluster.port import Caller, Object


@dataclass(frozen=True, slots=True)
class _Issued:
    caller: Caller
    audience: str
    expires: datetime | None


class Tokens:
    """What was issued, until the pod ends or the time is up."""

    def __init__(self, now: Callable[[], datetime], lives: Callable[[str], bool]) -> None:
        self._now = now
        self._lives = lives
        self._issued: dict[str, _Issued] = {}

    def issue(self, pod: Object, audience: str, lifetime: timedelta | None = None) -> str:
        """Give a token for a stored pod; it holds while the pod lives, and no longer than `lifetime`."""
        self._issued = {text: issued for text, issued in self._issued.items() if self._stands(issued)}
        text = secrets.token_urlsafe(32)
        expires = None if lifetime is None else self._now() + lifetime
        self._issued[text] = _Issued(_caller(pod), audience, expires)
        return text

    def review(self, text: str, audience: str) -> Caller | None:
        """Say whose token it is; None when it is unknown, for another audience, expired, or its pod is gone."""
        issued = self._issued.get(text)
        if issued is None or issued.audience != audience or not self._stands(issued):
            return None
        return issued.caller

    def _stands(self, issued: _Issued) -> bool:
        return self._lives(str(issued.caller.pod_uid)) and (issued.expires is None or self._now() < issued.expires)


def _caller(pod: Object) -> Caller:
    meta = pod["metadata"]
    namespace, name, uid = meta["namespace"], meta["name"], meta["uid"]
    account = pod["spec"].get("serviceAccountName") or "default"
    prefix = "authentication.kubernetes.io"
    return Caller(
        username=f"system:serviceaccount:{namespace}:{account}",
        groups=("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated"),
        namespace=namespace,
        pod=name,
        pod_uid=uid,
        extra={f"{prefix}/pod-name": (name,), f"{prefix}/pod-uid": (uid,)},
    )
