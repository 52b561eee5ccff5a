"""Builders: a test says what matters to it, the rest is filled in.

    raw, clean = an_asset("raw"), an_asset("clean", deps=["raw"], eager=True)
    states = {raw.id: a_state("v2"), clean.id: a_materialized("c1", {"raw": "v1"})}

Names: `x` is in namespace `shop`, `sales/x` in `sales`. Keys are the names unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from upwell.protocol import InputVersion, RunKind
from upwell_operator.domain.graph import Graph
from upwell_operator.domain.snapshot import (
    Asset,
    AssetId,
    AssetKind,
    AssetState,
    AutoPolicy,
    Failure,
    Materialization,
    Observation,
    Ref,
    Run,
    RunPhase,
    Trigger,
    TriggerType,
)

NAMESPACE = "shop"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
"""The one moment at which tests happen unless they say otherwise."""


def a_ref(name: str | Ref) -> Ref:
    """Read `x` or `namespace/x`."""
    if isinstance(name, Ref):
        return name
    namespace, slash, rest = name.partition("/")
    return Ref(namespace, rest) if slash else Ref(NAMESPACE, name)


def an_id(name: str | Ref) -> AssetId:
    """Give the identity of the data of an asset whose key is its name."""
    return AssetId(*a_ref(name))


def an_asset(
    name: str | Ref,
    *,
    deps: Iterable[str | Ref] = (),
    kind: AssetKind | str | None = None,
    eager: bool = False,
    **fields: Any,
) -> Asset:
    """Make an asset: Derived if it has deps, else a Source; `fields` are those of Asset."""
    ref = a_ref(name)
    upstream = tuple(a_ref(dep) for dep in deps)
    fields.setdefault("key", ref.name)
    fields.setdefault("uid", f"uid-{ref}")
    fields.setdefault("created_at", NOW - timedelta(days=30))
    if eager:
        fields["policy"] = AutoPolicy.EAGER
    default = AssetKind.DERIVED if upstream else AssetKind.SOURCE
    return Asset(ref=ref, deps=upstream, kind=AssetKind(kind or default), **fields)


def a_state(version: str | None = "v1", *, at: datetime = NOW, run: str | None = None, **fields: Any) -> AssetState:
    """Make the state of a source observed with this version (None: never); `fields` are those of AssetState."""
    if version is None:
        return AssetState(**fields)
    fields.setdefault("observation", Observation(time=at, version=version, run=run, unchanged_since=at))
    fields.setdefault("version_changed_at", at)
    return AssetState(version=version, **fields)


def an_input(name: str, version: str | None = None, key: str | None = None) -> InputVersion:
    """Make one consumed version; `name` is written as `spec.deps` of a reader in the same namespace would."""
    return InputVersion(name=name, key=key or name.rpartition("/")[2], data_version=version)


def a_materialized(
    version: str = "m1",
    inputs: Mapping[str, str | None] | Iterable[InputVersion] = (),
    *,
    at: datetime = NOW,
    code_version: str | None = None,
    run: str | None = "run-1",
    **fields: Any,
) -> AssetState:
    """Make the state of an asset materialized from these inputs: `{name: version}`, or InputVersions."""
    consumed = inputs.items() if isinstance(inputs, Mapping) else ()
    given = tuple(an_input(name, seen) for name, seen in consumed) if consumed else tuple(inputs)
    made = Materialization(time=at, version=version, code_version=code_version, run=run, inputs=given)  # type: ignore[arg-type]
    fields.setdefault("version_changed_at", at)
    return AssetState(version=version, materialization=made, **fields)


def a_failure(message: str = "ValueError: no such file", *, kind: str = "observe", at: datetime = NOW) -> Failure:
    """Make the record of a run that failed after its retries."""
    return Failure(time=at, kind=RunKind(kind), run="run-failed", message=message)


def a_run(
    name: str = "run-1",
    *,
    asset: str | Ref = "a",
    kind: str = "materialize",
    phase: RunPhase | str = RunPhase.ACTIVE,
    trigger: Trigger | TriggerType | str = TriggerType.EAGER,
    **fields: Any,
) -> Run:
    """Make a run of an asset; `fields` are those of Run."""
    target = a_ref(asset)
    why = trigger if isinstance(trigger, Trigger) else Trigger(TriggerType(trigger))
    fields.setdefault("fence", 1)
    fields.setdefault("asset_key", target.name)
    fields.setdefault("created_at", NOW)
    fields.setdefault("uid", f"uid-{name}")
    ref = Ref(target.namespace, name)
    return Run(ref=ref, asset=target, kind=RunKind(kind), phase=RunPhase(phase), trigger=why, **fields)


def a_graph(*assets: Asset) -> Graph:
    """Make the graph of these assets."""
    graph = Graph()
    for asset in assets:
        graph.put(asset)
    return graph
