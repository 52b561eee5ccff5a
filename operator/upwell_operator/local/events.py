"""Kubernetes Events of the embedded cluster: one object for each (object, reason, message), counted.

Limits: what a recorder aggregates over time (series, spam filter) is not imitated.
"""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from upwell_operator.cluster.port import Object
from upwell_operator.local.objects import stamp
from upwell_operator.resources.meta import FIELD_MANAGER

_MAX_MESSAGE = 1024


def event_about(regarding: Object, *, reason: str, message: str, warning: bool, now: datetime) -> Object:
    """Build the Event; its name is derived from what it says, so that saying it again finds it."""
    meta = regarding["metadata"]
    said = "\0".join((regarding["kind"], meta.get("uid", ""), reason, message))
    name = f"{meta['name'][:230]}.{sha256(said.encode()).hexdigest()[:16]}"
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": meta["namespace"], "creationTimestamp": stamp(now)},
        "involvedObject": _reference(regarding),
        "reason": reason,
        "message": message[:_MAX_MESSAGE],
        "type": "Warning" if warning else "Normal",
        "source": {"component": FIELD_MANAGER},
        "firstTimestamp": stamp(now),
        "lastTimestamp": stamp(now),
        "count": 1,
    }


def merge_into(event: Object, now: datetime) -> Object:
    """Give the Event as said once more."""
    return {**event, "count": event["count"] + 1, "lastTimestamp": stamp(now)}


def _reference(regarding: Object) -> Object:
    meta = regarding["metadata"]
    return {
        "apiVersion": regarding["apiVersion"],
        "kind": regarding["kind"],
        **{name: meta[name] for name in ("namespace", "name", "uid", "resourceVersion") if name in meta},
    }
