"""A request for partitions: those that it names, or those that are not fresh; so many at once.

Limits: a request is answered once every partition that it names has a run, a result or a failure of its own; without
names it means the partitions that are not fresh when it is looked at.
"""

from __future__ import annotations

from dataclasses import replace

from upwell.protocol import RunKind
from upwell_operator.domain import cut as cutting
from upwell_operator.domain import partition_ranges
from upwell_operator.domain.actions import Planned
from upwell_operator.domain.deciding import TO_BUILD, decide, on_hold
from upwell_operator.domain.decisions import Verb, Why
from upwell_operator.domain.identity import requested_run
from upwell_operator.domain.partitions import checked, is_open
from upwell_operator.domain.site import Build, Site, decided, start_runs
from upwell_operator.domain.snapshot import Trigger, TriggerType
from upwell_operator.errors import Rejected


def plan_request(here: Site, token: str) -> Planned:
    """Decide about a request for partitions that is not answered yet."""
    asset = here.asset
    refusal = on_hold(here.world, asset)
    if refusal:
        return Planned(decisions=(decide(asset, Verb.WAIT, refusal[0], f"request {token}: {refusal[1]}", here.now),))
    try:
        keys = _wanted(here)
    except Rejected as error:
        refused = decide(asset, Verb.NO_RUN, Why.RUN_REFUSED, f"request {token}: {error}", here.now)
        return Planned(decisions=(refused,), handled_request=token)
    names = {key: requested_run(asset, RunKind.MATERIALIZE, token, key) for key in keys}
    left = [key for key in keys if not here.has(key, names[key])]
    if not left:
        return Planned(handled_request=token)
    trigger, most = Trigger(TriggerType.REQUEST, token), asset.requested_parallelism or asset.parallelism
    busy = here.busy
    chosen = [key for key in left if key not in busy][: here.room(most)]
    builds = [Build(key, names[key], cutting.inputs_of(here.node, key, here.sight)) for key in chosen]
    starts = start_runs(here, [(one, trigger) for one in builds], token)
    done = token if len(starts) == len(left) else None
    more = f"; {len(left) - len(starts)} more wait for a place among parallelism ({most})"
    said = [decided(here, one, Why.REQUESTED, f"request {token}") for one in starts]
    if not starts:
        waits = f"request {token}: {len(left)} partitions wait for a place among parallelism ({most})"
        said = [decide(asset, Verb.WAIT, Why.ALREADY_RUNNING, waits, here.now)]
    elif done is None:
        said[-1] = replace(said[-1], message=said[-1].message + more)
    return Planned(starts, tuple(said), handled_request=done)


def _wanted(here: Site) -> list[str]:
    """Give the partitions that a request means. Raises Rejected for what is none.

    Of what is dynamic a request may name new ones: building them is how they come about.
    """
    written, cut = here.asset.requested_partitions, here.asset.partitions
    if written is not None:
        keys = list(here.cut.keys)[::-1]
        if cut is not None and is_open(cut):
            new = [key for key in partition_ranges.single(written) if key not in here.cut.keys]
            keys += checked(cut, new, here.now)
        return partition_ranges.read(written, keys)[::-1]
    stale = [key for key, verdict in here.cut.verdicts.items() if verdict.staleness in TO_BUILD]
    return here.cut.newest(stale, len(stale))
