"""What every route needs, in one frozen value: built once by `create_app`, reached through the application's state.

There are no module-level singletons, so that two servers with two clusters can live in one process (tests do).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from upwell_operator.cluster.port import Cluster
from upwell_operator.server.hub import Hub
from upwell_operator.server.identity import Identity
from upwell_operator.server.metrics import Metrics
from upwell_operator.server.people import Rights
from upwell_operator.server.runfacts import RunBook
from upwell_operator.settings import Settings
from upwell_operator.store import Store


@dataclass(frozen=True, slots=True)
class Face:
    """The server's hands, memory and guards."""

    cluster: Cluster
    store: Store
    settings: Settings
    clock: Callable[[], datetime]
    identity: Identity
    rights: Rights
    runs: RunBook
    hub: Hub
    metrics: Metrics


def build(cluster: Cluster, store: Store, settings: Settings, clock: Callable[[], datetime]) -> Face:
    """Wire one server."""
    metrics = Metrics()
    return Face(
        cluster=cluster,
        store=store,
        settings=settings,
        clock=clock,
        identity=Identity(cluster, clock),
        rights=Rights(cluster, clock),
        runs=RunBook(cluster, clock),
        hub=Hub(store, metrics),
        metrics=metrics,
    )


def face_of(request: Request) -> Face:
    """Give the Face of the application that serves a request."""
    face: Face = request.app.state.face
    return face
