"""What was decided and started, written down where `upwell why` and `upwell runs` read it.

A decision is written before it is carried out, so that a crash between the two leaves a reason without a run, never a
run without a reason. While the store is away the newest decisions wait here; Jobs carry their trigger themselves.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from upwell_operator.domain.decisions import Decision
from upwell_operator.domain.runs import read_runs
from upwell_operator.domain.snapshot import Outcome, Ref, Run, RunPhase
from upwell_operator.errors import StoreUnavailable
from upwell_operator.resources.meta import Kind
from upwell_operator.store.store import Store

Subject = tuple[Kind, Ref]
WAITING_AT_MOST = 10_000
"""Subjects whose newest decision waits for the store; of more, the oldest are dropped (their Jobs still say why)."""


class Diary:
    """Writes decisions and runs down; what would only repeat the last word about a subject is not written.

    `reachable` says whether the store is worth asking: a pass must not wait for one that is known to be away.
    """

    def __init__(self, store: Store, reachable: Callable[[], bool] = lambda: True) -> None:
        self._store, self._reachable = store, reachable
        self._last: dict[Subject, int] = {}
        self._waiting: OrderedDict[Subject, Decision] = OrderedDict()

    async def note(self, decisions: Sequence[Decision]) -> None:
        """Write decisions down. A store that is away keeps nobody from acting; Fenced is raised."""
        self._collect(decisions)
        batch = dict(self._waiting)
        if not batch or not self._reachable():
            return
        try:
            await self._store.decide(list(batch.values()))
        except StoreUnavailable:
            for subject in batch:  # nobody knows what was written
                self._last.pop(subject, None)
            return
        for subject, why in batch.items():
            self._last[subject] = _words(why)
            if self._waiting.get(subject) is why:
                del self._waiting[subject]

    def mistrust(self) -> None:
        """Write the next word about every subject: the store may have been emptied, and keeps none twice."""
        self._last.clear()

    def _collect(self, decisions: Sequence[Decision]) -> None:
        for why in decisions:
            self._waiting.pop((why.kind, why.ref), None)  # what waited is not the last word any more
            if self._last.get((why.kind, why.ref)) != _words(why):
                self._waiting[why.kind, why.ref] = why
        while len(self._waiting) > WAITING_AT_MOST:
            self._waiting.popitem(last=False)

    async def started(self, job: dict[str, Any]) -> None:
        """Have runs listed as soon as their Job exists; while the store is away it is listed when it ends."""
        runs = read_runs(job) if self._reachable() else ()
        try:
            for run in runs:
                await self._store.record_run(run)
        except StoreUnavailable:
            return

    async def ended(self, runs: Iterable[Run], message: str, at: datetime) -> None:
        """Write down why runs are about to be ended; while the store is away, the decision that waits says it."""
        if not self._reachable():
            return
        failed = RunPhase.FAILED
        try:
            for run in runs:
                ended = replace(run, phase=failed, outcome=Outcome.FAILED, ended_at=at, message=message)
                await self._store.record_run(ended)
        except StoreUnavailable:
            return


def _words(why: Decision) -> int:
    """What makes two decisions the same; a hash, since there is one for each of 10,000 assets."""
    return hash((why.verb, why.reason, why.message, why.run))
