"""Partitions on a real cluster: each is built by a pod that is told its key, and only where its own input changed."""

from __future__ import annotations

import json

from cluster.kubectl import Json, Kubectl, until
from cluster.manifests import asset, config_map, job, python, runs, shell

REGIONS = {"static": ["eu", "us", "asia"]}
LOOKS = """
import json, os
from upwell import DataVersion, DataVersionsByPartition, observable_source_asset

@observable_source_asset
def raw():
    versions = json.loads(os.environ["VERSIONS"])
    return DataVersionsByPartition({key: DataVersion(value) for key, value in versions.items()})
"""
BUILDS = """
from upwell import DataVersion, MaterializeResult, asset

@asset(deps=["raw"])
def clean(context):
    (version,) = context.input_versions.values()
    return MaterializeResult(data_version=DataVersion(f"{context.partition_key} of {version}"))
"""


def raw(requested: str, **versions: str) -> Json:
    """Give the source, to be observed with these versions."""
    look = python("looks:raw", "looks", env=[{"name": "VERSIONS", "value": json.dumps(versions)}])
    return asset("raw", observe=look, partitions=REGIONS, requested=requested)


def counts(kubectl: Kubectl, name: str) -> Json:
    found: Json = (kubectl.get("asset", name).get("status") or {}).get("partitions", {})
    return {key: found.get(key) for key in ("fresh", "stale", "missing", "failed")}


def built(kubectl: Kubectl, name: str) -> list[str]:
    """Give the partitions that an asset's Jobs were for, in the order of their fences."""
    notes = [job["metadata"]["annotations"] for job in runs(kubectl, name)]
    fenced = sorted(notes, key=lambda note: int(note["upwell.dev/fence"]))
    return [note["upwell.dev/partition"] for note in fenced]


def test_row_07_each_partition_is_observed_judged_and_built_on_its_own(upwell: Kubectl, kubectl: Kubectl) -> None:
    kubectl.apply(
        config_map("looks", looks=LOOKS),
        config_map("builds", builds=BUILDS),
        raw("1", eu="e1", us="u1"),
        asset(
            "clean",
            deps=[{"name": "raw"}],
            partitions=REGIONS,
            materialize=python("builds:clean", "builds"),
            autoMaterialize={"policy": "Eager"},
            history={"successfulRuns": 10},
        ),
        asset(
            "report",
            deps=[{"name": "clean"}],
            materialize=shell('echo "{\\"dataVersion\\": \\"$UPWELL_RUN\\"}" > $UPWELL_RESULT'),
            autoMaterialize={"policy": "Eager"},
        ),
    )
    until(lambda: counts(kubectl, "clean") == {"fresh": 2, "stale": 0, "missing": 1, "failed": 0}, 180)
    assert sorted(built(kubectl, "clean")) == ["eu", "us"]

    kubectl.apply(raw("2", eu="e1", us="u2", asia="a1"))
    kubectl.wait("asset", "clean", "Fresh", 120)
    assert sorted(built(kubectl, "clean")) == ["asia", "eu", "us", "us"]
    kubectl.wait("asset", "report", "Fresh", 120)

    kubectl.run("annotate", "asset", "clean", "upwell.dev/requested-partitions=eu..us")
    kubectl.annotate("asset", "clean", requested_at="backfill")
    until(lambda: kubectl.get("asset", "clean")["status"].get("lastHandledRequest") == "backfill", 60)
    until(lambda: sorted(built(kubectl, "clean")) == ["asia", "eu", "eu", "us", "us", "us"], 60)
    kubectl.wait("asset", "clean", "Fresh", 120)


def test_a_job_looks_at_the_partitions_that_it_names_and_a_request_at_its_own(
    upwell: Kubectl, kubectl: Kubectl
) -> None:
    looks = """
from upwell import DataVersion, DataVersionsByPartition, observable_source_asset

@observable_source_asset
def shops(context):
    return DataVersionsByPartition({key: DataVersion(f"seen in {context.run_id}") for key in context.partition_keys})
"""
    kubectl.apply(
        config_map("shops", shops=looks),
        asset("shops", observe=python("shops:shops", "shops"), partitions=REGIONS),
        job("last", "shops", partitions={"policy": "Latest"}, runOnApply=True),
        job("wrong", "shops", partitions={"policy": "Keys", "keys": ["mars"]}, runOnApply=True),
    )
    until(lambda: kubectl.get("asset", "shops").get("status", {}).get("partitions", {}).get("known") == 1, 180)
    kubectl.run("annotate", "asset", "shops", "upwell.dev/requested-partitions=eu")
    kubectl.annotate("asset", "shops", requested_at="eu")
    until(lambda: kubectl.get("asset", "shops")["status"]["partitions"]["known"] == 2, 120)
    (ready,) = (one for one in kubectl.get("observationjob", "wrong")["status"]["conditions"] if one["type"] == "Ready")
    assert ready["reason"] == "InvalidSpec"
    assert 'spec.partitions: asset shops: "mars" is not one of the partitions: eu, us, asia' in ready["message"]


def test_partitions_that_do_not_fit_are_refused_with_a_sentence(upwell: Kubectl, kubectl: Kubectl) -> None:
    days = {"timeWindow": {"cron": "@daily", "start": "2026-01-01"}}
    kubectl.apply(
        asset("shops", partitions=REGIONS),
        asset("daily", deps=[{"name": "shops"}], partitions=days, materialize=shell("true")),
    )

    def ready() -> Json:
        found = (kubectl.get("asset", "daily").get("status") or {}).get("conditions", [])
        return next((one for one in found if one["type"] == "Ready"), {})

    until(lambda: ready().get("reason") == "PartitionsDoNotFit", 60)
    assert "set its partitionMapping to a type that fits" in ready()["message"]
