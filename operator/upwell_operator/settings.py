"""Every setting of the two processes, with its default; flags and `UPWELL_*` variables are generated from here.

Limits: values only. Nothing reads the environment at import; the CLI calls `Settings.from_env` once and passes it on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """What an installation may choose. Field names give `UPWELL_<NAME>` and `--<name>`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    redis_url: str = Field("redis://127.0.0.1:6379/0", description="Redis or Valkey; `rediss://` for TLS.")
    redis_ca: str = Field("", description="File with the authority of that TLS; empty means the system's.")
    redis_cluster: bool = Field(default=False, description="The URL is a node of a Redis Cluster.")
    redis_shards: int = Field(
        1, ge=1, le=1024, description="Hash-tag shards; 1, or 64 for a Redis Cluster. Never changed later."
    )
    redis_replicas: int = Field(0, ge=0, le=5, description="Replicas that must have a write before it is acknowledged.")
    namespaces: tuple[str, ...] = Field((), description="Namespaces to watch; empty means all.")
    server_url: str = Field("http://upwell-server.upwell-system.svc:8080", description="Where pods reach the server.")
    image: str = Field("upwell:0.1.0", description="Upwell's own image, from which the SDK is copied into pods.")
    audience: str = Field("upwell", description="Audience of the tokens that pods present to the server.")
    leader_election: bool = Field(default=True, description="Hold a Lease before acting.")
    lease_namespace: str = Field("upwell-system", description="Namespace of the Lease.")
    lease_name: str = Field("upwell-operator", description="Name of the Lease.")
    lease_seconds: int = Field(8, ge=3, le=120, description="How long a Lease stands without being renewed.")
    pod_uid: str = Field(
        "", description="UID of this pod (downward API): its container, started again, takes the Lease back at once."
    )
    concurrency: int = Field(32, ge=1, le=256, description="API writes in flight.")
    max_concurrent_runs: int = Field(
        0, ge=0, description="Materializations going on at once; 0 sets no limit. Observations are not counted."
    )
    max_concurrent_runs_per_namespace: int = Field(
        0, ge=0, description="The same for each namespace by itself; 0 sets no limit."
    )
    full_pass_seconds: int = Field(300, ge=5, description="How often everything is looked at again, as a safety net.")
    bind: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8080, ge=0, le=65535, description="Port to listen on; 0 takes a free one.")
    anonymous: bool = Field(
        default=False, description="Serve people without a token; refused unless bound to loopback."
    )

    @classmethod
    def from_env(cls, environ: Mapping[str, str], **flags: object) -> Self:
        """Read `UPWELL_*` variables, overridden by the flags that are not None. Raises pydantic's ValidationError."""
        given = {name: environ[key] for name in cls.model_fields if (key := f"UPWELL_{name.upper()}") in environ}
        if "namespaces" in given:
            given["namespaces"] = tuple(part.strip() for part in given["namespaces"].split(",") if part.strip())  # type: ignore[assignment]
        return cls.model_validate({**given, **{k: v for k, v in flags.items() if v is not None}})
