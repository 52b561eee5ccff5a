"""Runs, their logs, and the record of decisions."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import PlainTextResponse

from upwell_operator.domain.runs import log_ref, observed_by, read_runs
from upwell_operator.domain.snapshot import Ref, Run, RunPhase
from upwell_operator.errors import NotFound
from upwell_operator.resources.meta import Kind, Label
from upwell_operator.server import answers
from upwell_operator.server.answers import Json, Page
from upwell_operator.server.asking import (
    HistoryCursor,
    InNamespace,
    Limit,
    Name,
    Namespace,
    Person,
    RunsCursor,
    TheFace,
)
from upwell_operator.server.face import Face
from upwell_operator.server.past import decision_json, run_json
from upwell_operator.server.problems import Problem, documented

router = APIRouter(tags=["runs"], responses=documented(401, 403, 422, 503))


@router.get("/v1/runs", response_model=Page)
async def list_runs(
    *, face: TheFace, who: Person, namespace: InNamespace = None, cursor: RunsCursor = None, limit: Limit = 50
) -> Json:
    """List runs, newest first."""
    await face.rights.demand(who, "list", Kind.ASSET.plural, namespace or "")
    page = await face.store.runs(namespace, cursor=cursor, limit=limit)
    return answers.page([run_json(run) for run in page.items], page.cursor)


@router.get("/v1/runs/{namespace}/{run}", responses=documented(404))
async def get_run(namespace: Namespace, run: Name, face: TheFace, who: Person) -> Json:
    """Give one run: of which asset, why, since when, and what it came to."""
    found = await _need(face, namespace, run)
    await face.rights.demand(who, "get", Kind.ASSET.plural, namespace, found.asset.name)
    return Json(run_json(found))


@router.get("/v1/runs/{namespace}/{run}/log", response_class=PlainTextResponse, responses=documented(404))
async def get_log(namespace: Namespace, run: Name, face: TheFace, who: Person) -> PlainTextResponse:
    """Give the end of what a run printed; while it runs, what it has printed so far. Needs `get` on `assets/log`."""
    found = await _need(face, namespace, run)
    await face.rights.demand(who, "get", "assets/log", namespace, found.asset.name)
    kept = await face.store.log(*log_ref(found))
    if not kept and found.outcome is None:
        kept = await _living_log(face, found)
    return PlainTextResponse(kept or "")


async def _need(face: Face, namespace: str, name: str) -> Run:
    """Give a run: as its Job says while it goes on, else as it was recorded. Raises Problem (404)."""
    recorded = await face.store.run(namespace, name)
    if recorded is not None and recorded.phase is not RunPhase.ACTIVE:
        return recorded
    found = await _living(face, recorded.job_ref if recorded else Ref(namespace, name), name) or recorded
    if found is None:
        detail = f"There is no run {name!r} in namespace {namespace!r}; GET /v1/runs?namespace={namespace} lists them."
        raise Problem(404, "not-found", detail)
    return found


async def _living(face: Face, job: Ref, name: str) -> Run | None:
    """Give a run as its Job says, if that is still there."""
    try:
        runs = read_runs(await face.cluster.get("jobs", *job))
    except NotFound:
        return None
    return next((run for run in runs if run.ref.name == name), None)


async def _living_log(face: Face, run: Run) -> str:
    namespace, job = run.job_ref
    pods = observed_by(run, (await face.cluster.list("pods", namespace, f"{Label.RUN}={job}")).items)
    if not pods:
        return ""
    newest = max(pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")))
    return await face.cluster.pod_log(namespace, newest["metadata"]["name"])


def _decisions(kind: Kind, path: str) -> None:
    """Add the route that lists the decisions about one kind's objects."""

    async def listed(
        *, namespace: Namespace, name: Name, face: TheFace, who: Person, cursor: HistoryCursor = None, limit: Limit = 50
    ) -> Json:
        await face.rights.demand(who, "get", kind.plural, namespace, name)
        page = await face.store.decisions(kind, Ref(namespace, name), cursor=cursor, limit=limit)
        return answers.page([decision_json(one) for one in page.items], page.cursor)

    listed.__doc__ = f"List why an {kind} ran, or did not, newest first; each differs from the one before it."
    name = f"list_decisions_of_{path.replace('-', '_')}"
    full = f"/v1/{path}/{{namespace}}/{{name}}/decisions"
    router.add_api_route(full, listed, name=name, response_model=Page, methods=["GET"])


_decisions(Kind.ASSET, "assets")
_decisions(Kind.OBSERVATION_JOB, "observation-jobs")
_decisions(Kind.SCHEDULE, "schedules")
