"""An Asset for each asset that Dagster knows: what describes it, what it is made from, and how it is run.

A run names the definitions, and the pod executes the asset with Dagster (`upwell.pod.dagster_run`). An asset that
Upwell cannot run as Dagster does is written as external, so that the graph stays whole. Limits: keys, owners and tags
are taken as they are; whether Upwell takes them is for the check to say.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from upwell.pod.dagster_run import dynamic_names, unlisted_inputs
from upwell.protocol import RunKind
from upwell_operator.authoring.dagster_import import computing
from upwell_operator.authoring.dagster_import.automation import cron_of, freshness_of, policy_of
from upwell_operator.authoring.dagster_import.cuts import cut_of, mapping_of, misfit_of
from upwell_operator.authoring.dagster_import.leftovers import Leftovers
from upwell_operator.authoring.dagster_import.reading import Dagsters
from upwell_operator.authoring.objects import Json, Made, Runs, line_of, make
from upwell_operator.authoring.refused import Uncompilable
from upwell_operator.resources.duration import write
from upwell_operator.resources.meta import Kind
from upwell_operator.resources.partitions import MappingType

_STUB = "dagster/auto_created_stub_asset"
_OWN_METADATA = frozenset({
    "dagster/asset_execution_type", "dagster/io_manager_key", "dagster/dagster_type", _STUB,
    "dagster/auto_observe_interval_minutes", "__source_asset_observation__",
})  # fmt: skip
"""Labels under which Dagster notes what the definition says elsewhere."""
_KIND_TAG = "dagster/kind/"


def key_text(key: Any) -> str:
    """Write a key as Upwell does."""
    return "/".join(key.path)


def defined(repository: Any) -> list[Any]:
    """Give what Dagster knows of every asset that is defined, in the order of the keys."""
    nodes = repository.asset_graph.asset_nodes
    return sorted((one for one in nodes if not one.metadata.get(_STUB)), key=lambda one: one.key.path)


@dataclass(frozen=True, slots=True)
class Assets:
    """Writes assets; knows what they all have in common."""

    dagsters: Dagsters
    runs: Runs
    names: Mapping[str, str]
    """Resource names by key."""
    namespace: str | None
    leftovers: Leftovers

    def all(self) -> Iterator[Made]:
        """Write every asset that is defined."""
        for node in defined(self.dagsters.repository):
            yield self._asset(node, f"asset {key_text(node.key)}")

    def _asset(self, node: Any, where: str) -> Made:
        cut = self._cut(node, where)
        kind = None if node.is_partitioned and cut is None else _kind(node)
        spec = {
            "key": key_text(node.key),
            "description": node.description,
            "group": None if node.group_name == "default" else node.group_name,
            "owners": list(node.owners),
            "tags": {name: value for name, value in node.tags.items() if not name.startswith(_KIND_TAG)},
            "kinds": sorted(node.kinds),
            "deps": list(self._deps(node, where, cut if kind is RunKind.MATERIALIZE else None)),
            "partitions": cut,
            **(self._run(node, where, kind) if kind else {}),
            "freshness": freshness_of(node, where, cut, self.leftovers),
        }
        self._describe(node, where, kind)
        obj = make(Kind.ASSET, self.names[key_text(node.key)], self.namespace, spec)
        return self._made(node, obj)

    def _made(self, node: Any, obj: Json) -> Made:
        source = self.dagsters.source
        code = computing.code_of(node)
        file = Path(code.co_filename) if code else source.file
        labels = tuple(f"metadata {label!r}" for label in node.metadata if label not in _OWN_METADATA)
        return Made(obj, f"{key_text(node.key)} in {source.shown(file)}", file, line_of(code), labels)

    def _cut(self, node: Any, where: str) -> Json | None:
        if node.partitions_def is None:
            return None
        for name in dynamic_names(node.partitions_def):
            self.leftovers.differs(
                "dynamic partitions",
                where,
                f"assets do not share the keys of {name}: each has those that were reported about it",
                "report or request a key once: upwell materialize NAME --partitions KEY, where Dagster code adds one",
            )
        try:
            return cut_of(node.partitions_def)
        except Uncompilable as refused:
            self.leftovers.left_out(
                "partitions definition",
                where,
                str(refused),
                "the asset is written as external, and nothing of it runs; cut it in a way that spec.partitions holds",
            )
            return None

    def _run(self, node: Any, where: str, kind: RunKind) -> Json:
        """Give the fields that say how and when the asset is run."""
        computing.tell(node, where, self.leftovers)
        for key in unlisted_inputs(self.dagsters.repository.asset_graph, node):
            self.leftovers.left_out(
                "loading of dynamic partitions",
                f"{where}, of {key_text(key)}",
                "which keys there are is in no definition, so a run refuses to load all of them",
                "name the input in deps, and let the asset's code read it",
            )
        run = self.runs.calling(self.dagsters.function)
        if kind is RunKind.MATERIALIZE:
            policy = policy_of(node, where, self.leftovers)
            return {"codeVersion": node.code_version, "materialize": run, "autoMaterialize": policy}
        if node.automation_condition is not None and cron_of(node.automation_condition) is None:
            self.leftovers.left_out(
                "automation condition",
                where,
                "a source is looked at by the clock; of the conditions, on_cron() as it comes is one",
                "give observe.every in an overlay, or an ObservationJob with a Schedule",
            )
        minutes = node.auto_observe_interval_minutes
        return {"observe": {**run, **({"every": write(timedelta(minutes=minutes))} if minutes else {})}}

    def _describe(self, node: Any, where: str, kind: RunKind | None) -> None:
        """Tell what of the description no field holds."""
        labels = [label for label in node.metadata if label not in _OWN_METADATA]
        if labels:
            self.leftovers.left_out(
                "metadata of a definition",
                where,
                f"{', '.join(labels)}: results carry metadata, Assets do not",
                "let the asset's code return it, or write it into description or tags",
            )
        if node.code_version and kind is not RunKind.MATERIALIZE:
            self.leftovers.left_out(
                "code version", where, "only what Upwell builds has one", "nothing, if only its data counts"
            )

    # ------------------------------------------------------------- what it is made from

    def _deps(self, node: Any, where: str, cut: Json | None) -> Iterator[Json]:
        for parent in sorted(node.parent_keys, key=lambda key: tuple(key.path)):
            if parent == node.key:
                self.leftovers.left_out(
                    "dependency of an asset on itself",
                    where,
                    "an Asset cannot list itself, so an earlier partition that changes makes no later one stale",
                    "the code may go on reading its earlier partitions; request the later ones when one changes",
                )
                continue
            given = node.partition_mappings.get(parent)
            mapping = self._mapping(parent, given, f"{where}, of {key_text(parent)}", cut)
            yield {"name": self.names[key_text(parent)], **mapping}

    def _mapping(self, parent: Any, given: Any, where: str, cut: Json | None) -> Json:
        """Give the field that says what a partition of `cut` is built from; none, if nothing is built by partition."""
        if cut is None:
            if given is not None:
                self.leftovers.differs(
                    "partition mapping",
                    where,
                    "what Upwell does not build by partition is made from its inputs as a whole",
                    "nothing; it is stale when any partition of the input changes",
                )
            return {}
        try:
            written = {} if given is None else mapping_of(given)
            misfit = misfit_of(written, self._cut_above(parent), cut)
        except Uncompilable as refused:
            misfit = str(refused)
        if misfit is None:
            return {"partitionMapping": written} if written else {}
        self.leftovers.differs(
            "partition mapping",
            where,
            f"{misfit}; All is written: each partition is made from the whole input",
            "nothing is built from too little; to be stale less often, use a mapping that has a counterpart",
        )
        return {"partitionMapping": {"type": MappingType.ALL.value}}

    def _cut_above(self, parent: Any) -> Json | None:
        """Give the partitions of an input, if it is cut in a way that is written."""
        definition = self.dagsters.repository.asset_graph.get(parent).partitions_def
        try:
            return cut_of(definition) if definition else None
        except Uncompilable:
            return None


def _kind(node: Any) -> RunKind | None:
    if node.is_materializable:
        return RunKind.MATERIALIZE
    return RunKind.OBSERVE if node.is_observable else None


def keys_of(nodes: Iterable[Any]) -> list[str]:
    """Give the keys of assets and of what they are made from."""
    return sorted({key_text(key) for node in nodes for key in (node.key, *node.parent_keys)})


def functions_of(nodes: Iterable[Any]) -> set[str]:
    """Give the modules in which assets have their code, as far as that is known."""
    modules = {inspect.getmodulename(code.co_filename) for node in nodes if (code := computing.code_of(node))}
    return {name for name in modules if name}
