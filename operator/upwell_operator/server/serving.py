"""How uvicorn runs the server: the one place of its options.

A stream never ends by itself, so a graceful stop tells the hub to end all of them, and is bounded all the same.
"""

from __future__ import annotations

from typing import Final

import uvicorn
from fastapi import FastAPI

from upwell_operator.server.face import Face
from upwell_operator.settings import Settings

GRACE_SECONDS: Final = 10


class Serving(uvicorn.Server):
    """A server that ends its streams before it waits for its connections."""

    async def shutdown(self, sockets: list[object] | None = None) -> None:  # type: ignore[override] # sockets pass through
        """Stop as uvicorn does, streams first."""
        face: Face = self.config.app.state.face  # type: ignore[union-attr] # always our FastAPI
        await face.hub.close()
        await super().shutdown(sockets)  # type: ignore[arg-type]


def serving(app: FastAPI, settings: Settings) -> Serving:
    """Give the server that `await .serve()` runs; signals end it gracefully."""
    config = uvicorn.Config(
        app,
        host=settings.bind,
        port=settings.port,
        log_config=None,
        access_log=False,  # metrics count; a line for every report would be a flood
        server_header=False,
        timeout_graceful_shutdown=GRACE_SECONDS,
        lifespan="on",
    )
    return Serving(config)
