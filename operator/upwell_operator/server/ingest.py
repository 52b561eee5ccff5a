"""The pods' door: `POST /v1/runs/{namespace}/{run}/events`.

Who may report what is `reconcile.reporting`'s, the same for results that come as a pod's termination message.
"""

from __future__ import annotations

from functools import partial

from fastapi import APIRouter, Request

from upwell_operator.reconcile.reporting import reporter
from upwell_operator.server import body
from upwell_operator.server.accepting import Acknowledgement, counted, take
from upwell_operator.server.answers import Json
from upwell_operator.server.asking import Name, Namespace, TheFace
from upwell_operator.server.identity import bearer
from upwell_operator.server.problems import documented

router = APIRouter(tags=["reports"])


@router.post(
    "/v1/runs/{namespace}/{run}/events",
    response_model=Acknowledgement,
    responses=documented(400, 401, 403, 413, 415, 422, 503),
    openapi_extra=body.OPENAPI,
)
async def report_of_run(namespace: Namespace, run: Name, request: Request, face: TheFace) -> Json:
    """Take events from a pod of a run; the bearer token is the pod's own, for Upwell's audience."""
    async with counted(face):
        token = bearer(request.headers.get("authorization"))
        caller = await face.identity.of(token, face.settings.audience)
        facts = await face.runs.facts(caller, namespace, run)
        entry_of = partial(reporter(facts.runs, facts.cut, face.clock()), facts.pod)
        return await take(face, await body.read(request), entry_of)
