"""What the server counts. One registry an application, so that two of them in a process do not mix.

Every label has a small, fixed set of values; no namespace, asset or run is ever one.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Metrics:
    """The server's metrics and the registry they are in."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        self.seconds = Histogram(
            "upwell_ingest_seconds", "Arrival of a report to its acknowledgement.", registry=registry, buckets=BUCKETS
        )
        self.events = Counter(
            "upwell_ingest_events", "Events taken: stored, duplicate, superseded.", ["status"], registry=registry
        )
        self.rejected = Counter(
            "upwell_ingest_rejected", "Reports refused, by the problem's slug.", ["reason"], registry=registry
        )
        self.bytes = Counter("upwell_ingest_bytes", "Bytes of reports that were read.", registry=registry)
        self.clients = Gauge("upwell_stream_clients", "Clients that follow the stream.", registry=registry)
        self.resets = Counter("upwell_stream_resets", "Clients told to read everything again.", registry=registry)
