"""The code behind an asset: where it stands, and what Dagster does around it that a manifest does not say.

Limits: all of it runs in the pod as it is; only what works there differently, or not at all, is told.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import CodeType
from typing import Any

from upwell_operator.authoring.dagster_import.leftovers import Leftovers
from upwell_operator.authoring.dagster_import.reading import of_dagster

_ANY_TAG = ("runs have no tags", "nothing, if only people read it")
_TAGS = {
    "dagster-k8s/config": (
        "pods are described in manifests",
        "give resources, env, volumes or podTemplate in --template, or in an overlay",
    ),
    "dagster/compute_kind": ("it is the older word for kinds", "give the asset kinds={…}"),
}


def code_of(node: Any) -> CodeType | None:
    """Give the code of the user's function that makes or observes an asset; None where Dagster hides it."""
    for op in _ops(node):
        function = inspect.unwrap(getattr(op.compute_fn, "decorated_fn", op.compute_fn))
        code: CodeType | None = getattr(function, "__code__", None)
        if code and not of_dagster(function):
            return code
    return None


def _ops(node: Any) -> Iterator[Any]:
    computation = node.assets_def.computation
    yield from computation.node_def.iterate_op_defs() if computation else ()


def tell(node: Any, where: str, leftovers: Leftovers) -> None:
    """Tell of everything around an asset's code."""
    _together(node, where, leftovers)
    if node.assets_def.hook_defs:
        leftovers.in_pod("hooks", where, "Dagster calls them within the pod", "nothing")
    if getattr(node, "is_virtual", False):
        leftovers.differs(
            "virtual asset",
            where,
            "its data follows its inputs without a run; Upwell knows that of a run only",
            "set autoMaterialize: {policy: Eager}, so that a short run says so",
        )
    for op in _ops(node):
        if op.retry_policy:
            leftovers.in_pod(
                "retry policy",
                where,
                "Dagster tries again within the pod",
                "nothing; a pod that fails is tried again `retries` times besides",
            )
        if op.pool:
            leftovers.left_out(
                "concurrency pool",
                where,
                f"{op.pool}: Upwell knows no limits that assets share",
                "limit pods by a ResourceQuota, or runs by materialize.parallelism of one asset",
            )
        if op.config_field and op.config_field.is_required:
            leftovers.left_out(
                "required run configuration",
                where,
                "a run has no configuration to give, so it would fail",
                "give the configuration defaults, or read dagster.EnvVar and set env in --template",
            )
        _tags(op, where, leftovers)


def _tags(op: Any, where: str, leftovers: Leftovers) -> None:
    for name in sorted(op.tags):
        leftovers.left_out("op tag", where, f"{name}: {_TAGS.get(name, _ANY_TAG)[0]}", _TAGS.get(name, _ANY_TAG)[1])


def _together(node: Any, where: str, leftovers: Leftovers) -> None:
    """Tell of what concerns several assets, or several partitions, of one function."""
    others = sorted("/".join(key.path) for key in node.execution_set_asset_keys if key != node.key)
    if others:
        leftovers.differs(
            "assets that are made together",
            where,
            f"each has runs of its own, and a run of one executes the code for {', '.join(others)} too",
            "let the function make part of them (can_subset=True), or make it several",
        )
    if node.backfill_policy and node.backfill_policy.max_partitions_per_run != 1:
        leftovers.differs(
            "backfill policy",
            where,
            "each partition is built by a run of its own",
            "let the code build the one partition of context.partition_key",
        )
    if any(not output.is_required for op in _ops(node) for output in op.output_defs) and not node.assets_def.can_subset:
        leftovers.differs(
            "output that is not required",
            where,
            "a run that makes nothing has failed",
            "let the function return a result in any case, with the data version unchanged",
        )
