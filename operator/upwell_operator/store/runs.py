"""The runs of the past, and the ends of their logs: what is left when a Job and its pods have been pruned.

A run is recorded when it is first seen and again when it has ended; an older look never takes an end back. Runs and
logs expire by themselves. Lists are merged over shards.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from typing import Any

from upwell.protocol import RunKind
from upwell_operator.domain.snapshot import Outcome, Ref, Run, RunPhase, Trigger, TriggerType
from upwell_operator.store.chapter import Chapter
from upwell_operator.store.link import Call
from upwell_operator.store.packing import dumps, loads, moment_or_none, pack_inputs, timestamp, unpack_inputs
from upwell_operator.store.records import Page

RUN_AGE = timedelta(days=30)
MAX_RUNS = 10_000
"""Most runs of a namespace, and of all together, that a shard lists."""
MAX_LOG_BYTES = 64 * 1024


class Runs(Chapter):
    """The verbs about runs."""

    async def record_run(self, run: Run) -> None:
        """Keep what is known of a run. Raises StoreUnavailable, Fenced."""
        at = self._keys.run(run.ref)
        created = run.created_at or datetime.now(UTC)
        call = Call(
            "run",
            (at.run, at.of_namespace, at.of_all, at.epoch),
            (
                self._epoch,
                dumps(_pack(run)),
                _member(created, str(run.ref)),
                "0" if run.phase is RunPhase.ACTIVE else "1",
                int(RUN_AGE.total_seconds()),
                _member(datetime.now(UTC) - RUN_AGE, ""),
                MAX_RUNS,
            ),
        )
        await self._link.calls([call])

    async def run(self, namespace: str, name: str) -> Run | None:
        """Give a run, if it is remembered. Raises StoreUnavailable."""
        ref = Ref(namespace, name)
        (text,) = await self._link.read([("HGET", self._keys.run(ref).run, "j")])
        return _unpack(ref, loads(text)) if text else None

    async def runs(self, namespace: str | None = None, cursor: str | None = None, limit: int = 50) -> Page[Run]:
        """Give a page of the runs of a namespace or of all, the newest start first. Raises StoreUnavailable."""
        start = f"({cursor}" if cursor else "+"
        lists = await self._link.read(
            [
                ("ZREVRANGEBYLEX", self._keys.runs(shard, namespace), start, "-", "LIMIT", 0, limit + 1)
                for shard in range(self._keys.shards)
            ]
        )
        newest = nlargest(limit + 1, (member for some in lists for member in some))
        refs = [_ref(member) for member in newest[:limit]]
        texts = await self._link.read([("HGET", self._keys.run(ref).run, "j") for ref in refs])
        found = tuple(_unpack(ref, loads(text)) for ref, text in zip(refs, texts, strict=True) if text)
        return Page(found, newest[limit - 1] if len(newest) > limit else None)

    async def put_log(self, ref: Ref, text: str) -> None:
        """Keep the end of a run's log. Raises StoreUnavailable, Fenced."""
        at = self._keys.run(ref)
        end = text.encode(errors="replace")[-MAX_LOG_BYTES:].decode(errors="ignore")
        await self._link.calls([Call("log", (at.log, at.epoch), (self._epoch, end, int(RUN_AGE.total_seconds())))])

    async def log(self, namespace: str, name: str) -> str | None:
        """Give the end of a run's log, if it is kept. Raises StoreUnavailable."""
        (text,) = await self._link.read([("GET", self._keys.run(Ref(namespace, name)).log)])
        return None if text is None else str(text)


def _member(moment: datetime, ref: str) -> str:
    """Give a run's place in the lists: they are sorted as text, so the time has a fixed width."""
    return f"{max(0, int(moment.timestamp() * 1000)):013d} {ref}"


def _ref(member: str) -> Ref:
    namespace, _, name = member.split(" ", 1)[1].partition("/")
    return Ref(namespace, name)


def _pack(run: Run) -> dict[str, Any]:
    """Write a run without its own name, which is the key's, and without what is empty."""
    row: dict[str, Any] = {
        "uid": run.uid,
        "asset": list(run.asset),
        "key": run.asset_key,
        "kind": run.kind.value,
        "phase": run.phase.value,
        "fence": run.fence,
        "trigger": [run.trigger.type.value, run.trigger.detail],
        "inputs": pack_inputs(run.inputs),
        "codeVersion": run.code_version,
        "request": run.request,
        "partition": run.partition,
        "observationJob": run.observation_job,
        "jobRun": run.job_run,
        "group": run.group,
        "pod": run.pod,
        "outcome": run.outcome and run.outcome.value,
        "createdAt": run.created_at and timestamp(run.created_at),
        "endedAt": run.ended_at and timestamp(run.ended_at),
        "message": run.message,
    }
    return {name: value for name, value in row.items() if value or name in ("fence", "pod")}


def _unpack(ref: Ref, row: dict[str, Any]) -> Run:
    """Read what `_pack` wrote."""
    outcome = row.get("outcome")
    bare = Run(
        ref=ref,
        uid=row.get("uid", ""),
        asset=Ref(*row["asset"]),
        asset_key=row["key"],
        kind=RunKind(row["kind"]),
        phase=RunPhase(row["phase"]),
        fence=row["fence"],
        trigger=Trigger(TriggerType(row["trigger"][0]), row["trigger"][1]),
    )
    return replace(
        bare,
        inputs=unpack_inputs(row.get("inputs", [])),
        code_version=row.get("codeVersion"),
        request=row.get("request"),
        partition=row.get("partition"),
        observation_job=row.get("observationJob"),
        job_run=row.get("jobRun"),
        group=row.get("group"),
        pod=row.get("pod"),
        outcome=Outcome(outcome) if outcome else None,
        created_at=moment_or_none(row.get("createdAt")),
        ended_at=moment_or_none(row.get("endedAt")),
        message=row.get("message", ""),
    )
