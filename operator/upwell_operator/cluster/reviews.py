"""Who is asking, and may they: TokenReview and SubjectAccessReview as values, without a call.

The API server is the only judge; nothing is parsed out of a token here. Limits: RBAC on our own kinds only.
"""

from __future__ import annotations

from upwell_operator.cluster.api import APIS
from upwell_operator.cluster.port import Caller, Object

POD_NAME = "authentication.kubernetes.io/pod-name"
POD_UID = "authentication.kubernetes.io/pod-uid"
SERVICE_ACCOUNT = "system:serviceaccount:"


def token_review(token: str, audience: str) -> Object:
    """Give the question: whose token is this, for this audience? Without one: for the API server itself."""
    return {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": token, "audiences": [audience]} if audience else {"token": token},
    }


def caller_of(answer: Object, audience: str) -> Caller | None:
    """Read the answer; None when the token is not valid, or valid for somebody else."""
    status = answer.get("status") or {}
    # an authenticator that knows no audiences answers without them: such a token is good for the API server only
    if not status.get("authenticated") or (audience and audience not in (status.get("audiences") or ())):
        return None
    user = status.get("user") or {}
    extra = {key: tuple(values) for key, values in (user.get("extra") or {}).items()}
    return Caller(
        username=user.get("username", ""),
        groups=tuple(user.get("groups") or ()),
        uid=user.get("uid", ""),
        namespace=_namespace(user.get("username", "")),
        pod=next(iter(extra.get(POD_NAME, ())), None),
        pod_uid=next(iter(extra.get(POD_UID, ())), None),
        extra=extra,
    )


def access_review(caller: Caller, verb: str, resource: str, namespace: str, name: str = "") -> Object:
    """Give the question: may the caller do this? `resource` may be `assets/status`."""
    plural, _, subresource = resource.partition("/")
    attributes = {
        "group": APIS[plural].group,
        "resource": plural,
        "subresource": subresource,
        "verb": verb,
        "namespace": namespace,
        "name": name,
    }
    return {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": {
            "user": caller.username,
            "groups": list(caller.groups),
            "uid": caller.uid,
            "extra": {key: list(values) for key, values in caller.extra.items()},
            "resourceAttributes": {key: value for key, value in attributes.items() if value},
        },
    }


def _namespace(username: str) -> str | None:
    if not username.startswith(SERVICE_ACCOUNT):
        return None
    return username.removeprefix(SERVICE_ACCOUNT).partition(":")[0] or None
