"""`upwell compile --from-dagster`: definitions of Dagster in, checked manifests and a report out.

Naming, writing and checking are those of `upwell compile`. Limits: nothing is run, and nothing is read from a Dagster
instance: which schedules were started there, or which partitions were added, stands in no definition.
"""

from __future__ import annotations

import warnings
from collections import Counter
from datetime import datetime

from upwell_operator.authoring.code import code_of
from upwell_operator.authoring.compiling import Compiled, Wanted, checked, runs_of
from upwell_operator.authoring.dagster_import import assets, jobs, looking, schedules, surroundings
from upwell_operator.authoring.dagster_import.leftovers import Leftovers, page
from upwell_operator.authoring.dagster_import.reading import Dagsters, read
from upwell_operator.authoring.naming import names_of
from upwell_operator.authoring.objects import Made, Runs
from upwell_operator.authoring.refused import Uncompilable
from upwell_operator.resources.meta import Kind


def imported(wanted: Wanted, now: datetime) -> Compiled:
    """Compile a module of Dagster's. Raises Uncompilable with every mistake on a line of its own."""
    if not wanted.image:
        raise Uncompilable(
            "Upwell's own image has no Dagster; give --image with one that has Dagster and what the assets import (the"
            " module itself too, or bring it with --code)"
        )
    with warnings.catch_warnings(action="ignore"):  # Dagster speaks of its own betas; the module's author has read it
        return _imported(wanted, now)


def _imported(wanted: Wanted, now: datetime) -> Compiled:
    dagsters = read(wanted.target)
    nodes = assets.defined(dagsters.repository)
    code = code_of(dagsters.source, assets.functions_of(nodes)) if wanted.with_code else None
    told = Leftovers()
    made = _made(dagsters, runs_of(wanted, code), wanted, told)
    if not made:
        raise Uncompilable(
            f"{dagsters.function} defines no asset, so there is nothing to write; jobs of ops have no counterpart"
        )
    found = checked(dagsters.source, made, code, wanted, now)
    report = page(found.source, _counts(made), told)
    return Compiled(found.source, made, code, found.notes, report)


def _made(dagsters: Dagsters, runs: Runs, wanted: Wanted, told: Leftovers) -> list[Made]:
    names = names_of("the keys", assets.keys_of(assets.defined(dagsters.repository)))
    written = list(assets.Assets(dagsters, runs, names, wanted.namespace, told).all())
    by_key = {one.obj["spec"]["key"]: one.obj for one in written}
    surroundings.tell(dagsters, told)
    listed = jobs.Jobs(dagsters, by_key, wanted.namespace, told)
    return [*written, *listed.all(), *schedules.Schedules(listed).all(), *looking.by_the_clock(listed)]


def _counts(made: list[Made]) -> str:
    """Say how many objects of each kind there are."""
    counted = Counter(one.obj["kind"] for one in made)
    return ", ".join(
        f"{counted[kind]} {kind.value}{'' if counted[kind] == 1 else 's'}" for kind in Kind if counted[kind]
    )
