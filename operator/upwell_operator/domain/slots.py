"""Slots: how many materializations go on at once, and who is next where more are wanted.

Runs that go on take slots, whoever asked for them; observations take none (they are short, and knowing is what
everything waits for). Whoever gets no slot stands in line: first those whom a person asked for, then the others in the
order in which they came, upstream before downstream. So nobody is overtaken for ever, and a request starts with the
next slot that becomes free.

Limits: the line is in memory, and forms anew from the same world after a restart. What is running already goes on when
a limit is lowered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from heapq import merge
from itertools import chain, count, islice
from typing import TYPE_CHECKING, NamedTuple

from upwell.protocol import RunKind
from upwell_operator.domain.actions import Planned, StartRun
from upwell_operator.domain.decisions import Decision, Verb, Why
from upwell_operator.domain.snapshot import Ref
from upwell_operator.resources.meta import Kind

if TYPE_CHECKING:
    from upwell_operator.domain.world import Runs, World


NO_LIMIT = 1 << 30


@dataclass(slots=True)
class Line:
    """Who waits in one namespace, in order of arrival."""

    asked: dict[Ref, Ticket] = field(default_factory=dict)
    others: dict[Ref, Ticket] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Ticket]:
        """Give the tickets, those first whom a person asked for."""
        return chain(self.asked.values(), self.others.values())


class Ticket(NamedTuple):
    """A place in the line; smaller ones come first."""

    unasked: bool
    number: int
    asset: Ref


@dataclass(slots=True)
class Slots:
    """The limits (0: none), the line, and the slots of runs that are being started."""

    limit: int = 0
    per_namespace: int = 0
    _lines: dict[str, Line] = field(default_factory=dict)
    _starting: dict[Ref, Ref] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=count)

    @property
    def are_limited(self) -> bool:
        """Say whether anybody ever has to wait."""
        return bool(self.limit or self.per_namespace)

    def leave(self, asset: Ref) -> None:
        """Take an asset out of the line, if it stands there."""
        line = self._lines.get(asset.namespace)
        if line is not None:
            line.asked.pop(asset, None)
            line.others.pop(asset, None)
            if not line.asked and not line.others:
                del self._lines[asset.namespace]

    def release(self, asset: Ref) -> None:
        """Take in that the start of a run is over: its Job is seen by now, or there is none."""
        self._starting.pop(asset, None)

    def next_up(self, runs: Runs) -> list[Ref]:
        """Give those in line who have a slot now, the first ones first."""
        room = self._room(None, runs) if self._lines else 0
        if not room:
            return []
        heads = [islice(line, self._room(namespace, runs)) for namespace, line in self._lines.items()]
        return [ticket.asset for ticket in islice(merge(*heads), room)]

    def waiting(self) -> Counter[str]:
        """Give how many wait in each namespace."""
        lines = self._lines.items()
        return Counter({namespace: len(line.asked) + len(line.others) for namespace, line in lines})

    def join(self, asset: Ref, *, asked: bool) -> Ticket:
        """Give an asset's ticket: the one that it has, or one at the end of its line."""
        line = self._lines.setdefault(asset.namespace, Line())
        here, there = (line.asked, line.others) if asked else (line.others, line.asked)
        there.pop(asset, None)
        if asset not in here:
            here[asset] = Ticket(not asked, next(self._numbers), asset)
        return here[asset]

    def take(self, asset: Ref, run: Ref, runs: Runs) -> str | None:
        """Take a slot for a run that is about to start; None, or the words for the limit that leaves none."""
        if self._room(None, runs) <= 0:
            return f"as many runs as maxConcurrentRuns ({self.limit}) allows are going on"
        if self._room(asset.namespace, runs) <= 0:
            allowed = f"maxConcurrentRunsPerNamespace ({self.per_namespace})"
            return f"as many runs of namespace {asset.namespace} as {allowed} allows are going on"
        self.leave(asset)
        self._starting[asset] = run
        return None

    def _room(self, namespace: str | None, runs: Runs) -> int:
        """Give how many more may start, in one namespace or in all."""
        limit = self.limit if namespace is None else self.per_namespace
        if not limit:
            return NO_LIMIT
        begun = {run for run in self._starting.values() if namespace in (None, run.namespace)}
        return max(0, limit - len(begun.union(runs.building(namespace))))


def admit(world: World, plans: Mapping[Ref, Planned], now: datetime) -> dict[Ref, Planned]:
    """Give the plans of assets with a slot for every materialization in them; the others wait, and their plans say so.

    Who wants nothing any more leaves the line.
    """
    slots, wanted = world.slots, {ref: start for ref, planned in plans.items() if (start := _start(planned))}
    for ref in plans.keys() - wanted.keys():
        slots.leave(ref)
    tickets = [slots.join(ref, asked=wanted[ref].request is not None) for ref in world.graph.in_order(wanted)]
    made = dict(plans)
    for ticket in sorted(tickets):
        full = slots.take(ticket.asset, wanted[ticket.asset].ref, world.runs)
        if full:
            made[ticket.asset] = _waiting(plans[ticket.asset], wanted[ticket.asset], full, now)
    return made


def _start(planned: Planned) -> StartRun | None:
    starts = (one for one in planned.actions if isinstance(one, StartRun) and one.kind is RunKind.MATERIALIZE)
    return next(starts, None)


def _waiting(planned: Planned, start: StartRun, full: str, now: datetime) -> Planned:
    """Give the plan without its run: neither the request nor the tick that it answers is answered yet."""
    asset, asked = start.asset, f"request {start.request}: " if start.request else ""
    message = f"{asked}{full}; it starts when one of them ends"
    why = Decision(Kind.ASSET, asset.ref, Verb.WAIT, Why.MAX_CONCURRENT_RUNS, message, now, asset.id)
    kept = tuple(one for one in planned.actions if one is not start)
    return replace(planned, actions=kept, decisions=(why,), handled_request=None, tick=None)
