"""Manifests, right and wrong, with what a person must be told about the wrong ones.

One table for two judges: `resources.parsing.parse` (unit) and a real API server (cluster). They must agree, because
`upwell dev` has only the first and a cluster asks the second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
PYTHON: Json = {"python": {"function": "shop.sources:raw_orders"}}
CONTAINER: Json = {"container": {"image": "registry.example/checks:2.0"}}


def manifest(kind: str, name: str = "raw-orders", **spec: Any) -> Json:
    return {
        "apiVersion": "upwell.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name, "namespace": "default"},
        "spec": spec,
    }


def asset(name: str = "raw-orders", **spec: Any) -> Json:
    return manifest("Asset", name, **spec)


def job(**spec: Any) -> Json:
    return manifest("ObservationJob", "raw-sources", **spec)


def schedule(**spec: Any) -> Json:
    return manifest("Schedule", "every-morning", **({"schedule": "@daily", "job": {"name": "raw-sources"}} | spec))


def mapped(*, autoMaterialize: Json | None = None, **mapping: Any) -> Json:  # noqa: N803 -- as a manifest has it
    """Give an asset that is built by partition, with this mapping of its input."""
    dep = {"name": "orders", **({"partitionMapping": mapping} if mapping else {})}
    auto = {"autoMaterialize": autoMaterialize} if autoMaterialize else {}
    return asset("daily", deps=[dep], materialize=PYTHON, partitions={"static": ["eu", "us"]}, **auto)


RIGHT: dict[str, Json] = {
    "an external asset": asset(),
    "a source in Python": asset(observe=PYTHON),
    "a source in any language": asset(observe=CONTAINER | {"every": "1h30m"}),
    "a derived asset": asset(
        "daily", deps=[{"name": "raw-orders"}], materialize=PYTHON, autoMaterialize={"policy": "Eager"}
    ),
    "a paced asset": asset(
        materialize=PYTHON, autoMaterialize={"policy": "Eager", "settle": "30s", "minInterval": "10m"}
    ),
    "an asset built at its ticks": asset(
        materialize=PYTHON, autoMaterialize={"policy": "Cron", "cron": "0 6 * * 1-5", "timeZone": "Europe/Lisbon"}
    ),
    "a key with segments": asset(key="warehouse/raw_orders.v2"),
    "a dep of the same name elsewhere": asset(deps=[{"name": "raw-orders", "namespace": "shop"}]),
    "deps of one name in two namespaces": asset(
        deps=[{"name": "a", "namespace": "x"}, {"name": "a", "namespace": "y"}]
    ),
    "a source cut by region": asset(observe=PYTHON, partitions={"static": ["eu", "us west"]}),
    "an asset cut by day": asset(
        partitions={"timeWindow": {"cron": "@daily", "start": "2026-01-01", "timeZone": "UTC", "endOffset": 1}}
    ),
    "an asset built by partition": mapped(autoMaterialize={"policy": "Eager"}),
    "an asset built from the last window": mapped(type="Last"),
    "an asset built from seven windows": mapped(type="TimeWindow", startOffset=-6, endOffset=0),
    "an asset built from what a list says": mapped(type="Static", static={"de": ["eu"], "us": ["us"]}),
    "an asset built along a dimension": mapped(type="Dimension", dimension="region"),
    "an asset cut by what is reported": asset(partitions={"dynamic": {}}),
    "an asset cut by day and region": asset(
        partitions={
            "multi": {
                "date": {"timeWindow": {"cron": "0 0 * * 1", "start": "2026-01-05", "end": "2027-01-04"}},
                "region": {"static": ["eu", "us"]},
            }
        }
    ),
    "a code version": asset(codeVersion="3", materialize=PYTHON),
    "everything a pod can have": asset(
        observe=PYTHON
        | {
            "image": "registry.example/shop:1.4",
            "env": [
                {"name": "A", "value": "1"},
                {"name": "B", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            ],
            "envFrom": [{"secretRef": {"name": "shop"}}],
            "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "raw"}}],
            "volumeMounts": [{"name": "data", "mountPath": "/data", "readOnly": True}],
            "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": 1}},
            "serviceAccountName": "shop",
            "code": {"configMap": "shop-code"},
            "podTemplate": {"metadata": {"labels": {"team": "shop"}}, "spec": {"nodeSelector": {"disk": "ssd"}}},
            "timeoutSeconds": 300,
            "retries": 0,
        }
    ),
    "versions that nothing is built from": asset(
        quarantine=[{"dataVersion": "9f86d081", "reason": "half a file"}, {"dataVersion": "sha256:\u00fc a/b"}]
    ),
    "a source with a guard": asset(
        observe=PYTHON, guard={"holdWhen": "new.rows < 0.5 * old.rows", "message": "half of the rows are gone"}
    ),
    "an external asset with a guard": asset(guard={"holdWhen": "'rows' in new && new['row count'] == 0"}),
    "history, freshness and exports": asset(
        history={"events": 10, "age": "7d", "successfulRuns": 0, "failedRuns": 1},
        freshness={"maximumLag": "26h"},
        exportTo=["*", "marts"],
        tags={"domain": "sales"},
        owners=["team:shop", "ana@example.com"],
        kinds=["file", "csv"],
        group="raw",
        suspend=True,
    ),
    "a job": job(assets=["a", "b"], runOnApply=True),
    "a job by labels": job(
        selector={
            "matchLabels": {"tier": "raw", "shop.example/team": ""},
            "matchExpressions": [
                {"key": "stage", "operator": "In", "values": ["a", "b"]},
                {"key": "old", "operator": "DoesNotExist"},
            ],
        }
    ),
    "a job that says how its runs share": job(
        assets=["a"], concurrencyPolicy="Replace", historyLimit={"successful": 0, "failed": 10}
    ),
    "ticks of what is built by partition": mapped(autoMaterialize={"policy": "Cron", "cron": "@daily"}),
    "a job that looks at the latest partition": job(assets=["a"], partitions={"policy": "Latest"}),
    "a job that looks at some partitions": job(assets=["a"], partitions={"policy": "Keys", "keys": ["eu", "2026|us"]}),
    "a job that says how long and how often": job(assets=["a"], timeoutSeconds=604800, retries=0),
    "a job by a selection": job(selection='group:raw and (kind:csv or tag:tier=gold) and not owner:"team:old"'),
    "a schedule": schedule(schedule="*/5 6-20 * JAN-MAR MON,FRI", timeZone="America/Argentina/Buenos_Aires"),
    "a schedule of several lines": manifest(
        "Schedule", "often", schedules=["0 6 * * 1-5", "0 9 * * 6,0", "@monthly"], job={"name": "raw-sources"}
    ),
    "a schedule that materializes": manifest(
        "Schedule", "nightly", schedule="@daily", materialize={"selection": "group:marts", "onlyStale": False}
    ),
    "a schedule with seconds and jitter": schedule(
        schedule="*/30 0 6 * * *", jitterSeconds=25, concurrencyPolicy="Replace"
    ),
    "a schedule that says what happens where clocks are changed": schedule(
        dst={"repeated": "Both", "skipped": "Skip"}, timeZone="Europe/Lisbon"
    ),
    "a schedule that makes up for all it missed": schedule(
        missedRuns={"policy": "All", "onResume": "None", "max": 100}
    ),
    "a schedule with a shorthand": schedule(schedule="@hourly", startingDeadlineSeconds=300, suspend=True),
}


@dataclass(frozen=True)
class Wrong:
    """A manifest to refuse: the field to be named, what `parse` says, and what the API server says if it differs."""

    obj: Json
    field: str
    says: str
    server_says: str = ""
    server_field: str = ""


_EVERY = "a duration is numbers with d, h, m or s"
_CRON = "a cron line is five fields"

WRONG: dict[str, Wrong] = {
    "an unknown field": Wrong(asset(observ=PYTHON), "spec.observ", "did you mean observe?", "unknown field"),
    "an unknown field deep inside": Wrong(
        asset(observe=PYTHON | {"evry": "5m"}), "spec.observe.evry", "did you mean every?", "unknown field"
    ),
    "every under materialize": Wrong(
        asset(materialize=PYTHON | {"every": "5m"}), "spec.materialize.every", "there is no such field", "unknown field"
    ),
    "partitions of a job without their keys": Wrong(
        job(assets=["a"], partitions={"policy": "Keys"}), "spec.partitions.keys", "the policy Keys lists keys"
    ),
    "keys of a job for all partitions": Wrong(
        job(assets=["a"], partitions={"policy": "All", "keys": ["eu"]}), "spec.partitions.keys", "and no other does"
    ),
    "more partitions than a job can name": Wrong(
        job(assets=["a"], partitions={"policy": "Keys", "keys": [f"k{number}" for number in range(1001)]}),
        "spec.partitions.keys",
        "has 1001 entries; at most 1000 are allowed",
        "Too many",
    ),
    "a policy for partitions that is none": Wrong(
        job(assets=["a"], partitions={"policy": "Newest"}),
        "spec.partitions.policy",
        "is not one of Latest, All or Keys",
        'supported values: "Latest", "All", "Keys"',
    ),
    "parallelism without partitions": Wrong(
        asset(materialize=PYTHON | {"parallelism": 3}), "spec.materialize.parallelism", "this asset has none"
    ),
    "a mapping without partitions": Wrong(
        asset(materialize=PYTHON, deps=[{"name": "a", "partitionMapping": {"type": "Last"}}]),
        "spec.deps",
        "a partitionMapping says what a partition is built from, and this asset builds none",
    ),
    "a mapping of an unknown type": Wrong(
        mapped(type="Some"), "spec.deps[0].partitionMapping.type", "", "Unsupported value"
    ),
    "a list of keys for another type": Wrong(
        mapped(type="Last", static={"a": ["b"]}), "spec.deps[0].partitionMapping.static", "of the type Static lists"
    ),
    "a dimension that is not named": Wrong(
        mapped(type="Dimension"), "spec.deps[0].partitionMapping.dimension", "of the type Dimension names it"
    ),
    "an offset of no window": Wrong(
        mapped(type="All", startOffset=-1), "spec.deps[0].partitionMapping.startOffset", "offsets count windows of time"
    ),
    "a time that ends before it begins": Wrong(
        mapped(type="TimeWindow", startOffset=1, endOffset=-1),
        "spec.deps[0].partitionMapping.endOffset",
        "the time ends before it begins",
    ),
    "partitions of no kind": Wrong(asset(partitions={}), "spec.partitions", "say once how the asset is cut"),
    "partitions of two kinds": Wrong(
        asset(partitions={"static": ["eu"], "dynamic": {}}), "spec.partitions", "say once how the asset is cut"
    ),
    "a dimension whose name is no word": Wrong(
        asset(partitions={"multi": {"Region": {"static": ["eu"]}, "b": {"dynamic": {}}}}),
        "spec.partitions",
        "a dimension's name is a word",
    ),
    "a dimension of no kind": Wrong(
        asset(partitions={"multi": {"a": {}, "b": {"dynamic": {}}}}),
        "spec.partitions.multi.a",
        "give static, timeWindow or dynamic",
        server_field="spec.partitions.multi[a]",
    ),
    "a partition with a bar": Wrong(
        asset(partitions={"static": ["a|b"]}), "spec.partitions.static[0]", "a partition's key is text without"
    ),
    "a partition listed twice": Wrong(
        asset(partitions={"static": ["eu", "eu"]}),
        "spec.partitions.static",
        "is listed twice",
        "Duplicate value",
        "spec.partitions.static[1]",
    ),
    "a window's format with seconds": Wrong(
        asset(partitions={"timeWindow": {"cron": "@daily", "start": "2026-01-01", "format": "%S"}}),
        "spec.partitions.timeWindow.format",
        "a format is made of %Y",
    ),
    "python and container": Wrong(asset(observe=PYTHON | CONTAINER), "spec.observe.container", "remove one of them"),
    "neither python nor container": Wrong(asset(observe={"image": "x"}), "spec.observe", "give python"),
    "an image beside a container": Wrong(
        asset(observe=CONTAINER | {"image": "x"}), "spec.observe.image", "write the image as container.image"
    ),
    "observed and materialized": Wrong(
        asset(observe=PYTHON, materialize=PYTHON), "spec.materialize", "remove one, or make it two assets"
    ),
    "a key that climbs": Wrong(asset(key="../etc"), "spec.key", "a key is letters, digits"),
    "a key with a line break": Wrong(asset(key="a\r\nb"), "spec.key", "a key is letters, digits"),
    "a key that ends in a line break": Wrong(asset(key="a\n"), "spec.key", "a key is letters, digits"),
    "a key that only looks latin": Wrong(asset(key="\u043erders"), "spec.key", "a key is letters, digits"),
    "a key that is too long": Wrong(asset(key="x" * 65536), "spec.key", "from 1 to 256 characters", "Too long"),
    "an empty key": Wrong(asset(key=""), "spec.key", "from 1 to 256 characters", "at least 1 chars long"),
    "itself as a dep": Wrong(asset(deps=[{"name": "raw-orders"}]), "spec.deps", "remove its own name"),
    "a dep twice": Wrong(asset(deps=[{"name": "a"}, {"name": "a"}]), "spec.deps", "listed twice; remove one"),
    "a dep without a name": Wrong(asset(deps=[{}]), "spec.deps[0].name", "is missing; add it", "Required value"),
    "a dep that is no name": Wrong(asset(deps=[{"name": "A b"}]), "spec.deps[0].name", "a name is small letters"),
    "a dep in no namespace": Wrong(
        asset(deps=[{"name": "a", "namespace": "a.b"}]), "spec.deps[0].namespace", "a namespace is small letters"
    ),
    "a function without a module": Wrong(
        asset(observe={"python": {"function": "raw_orders"}}),
        "spec.observe.python.function",
        'written "module:function"',
    ),
    "an image with a space": Wrong(
        asset(observe=PYTHON | {"image": "shop 1.4"}), "spec.observe.image", "an image is written without spaces"
    ),
    "an interval of nothing": Wrong(asset(observe=PYTHON | {"every": "0s"}), "spec.observe.every", _EVERY),
    "an interval in words": Wrong(asset(observe=PYTHON | {"every": "hourly"}), "spec.observe.every", _EVERY),
    "a lag that never ends": Wrong(asset(freshness={"maximumLag": "999999999d"}), "spec.freshness.maximumLag", _EVERY),
    "autoMaterialize without materialize": Wrong(
        asset(observe=PYTHON, autoMaterialize={"policy": "Eager"}), "spec.autoMaterialize", "there is no materialize"
    ),
    "an unknown policy": Wrong(
        asset(materialize=PYTHON, autoMaterialize={"policy": "eager"}),
        "spec.autoMaterialize.policy",
        "did you mean Eager?",
        'supported values: "Never", "Eager", "Cron"',
    ),
    "a pace without runs of its own": Wrong(
        asset(materialize=PYTHON, autoMaterialize={"settle": "30s"}),
        "spec.autoMaterialize",
        "set policy to Eager, or remove them",
    ),
    "the policy Cron without a line": Wrong(
        asset(materialize=PYTHON, autoMaterialize={"policy": "Cron"}),
        "spec.autoMaterialize.cron",
        "give both, or neither",
    ),
    "a cron line for Eager": Wrong(
        asset(materialize=PYTHON, autoMaterialize={"policy": "Eager", "cron": "@daily"}),
        "spec.autoMaterialize.cron",
        "give both, or neither",
    ),
    "a line that is none": Wrong(
        asset(materialize=PYTHON, autoMaterialize={"policy": "Cron", "cron": "at six"}),
        "spec.autoMaterialize.cron",
        _CRON,
    ),
    "a time zone for nothing": Wrong(
        asset(materialize=PYTHON, autoMaterialize={"policy": "Eager", "timeZone": "UTC"}),
        "spec.autoMaterialize.timeZone",
        "add it, or remove timeZone",
    ),
    "a pace for Cron": Wrong(
        asset(materialize=PYTHON, autoMaterialize={"policy": "Cron", "cron": "@daily", "settle": "1m"}),
        "spec.autoMaterialize",
        "set policy to Eager, or remove them",
    ),
    "a pace for nothing": Wrong(
        asset(materialize=PYTHON, autoMaterialize={"policy": "Eager", "minInterval": "0s"}),
        "spec.autoMaterialize.minInterval",
        _EVERY,
    ),
    "codeVersion without materialize": Wrong(asset(codeVersion="3"), "spec.codeVersion", "there is no materialize"),
    "codeVersion as a number": Wrong(
        asset(codeVersion=3, materialize=PYTHON), "spec.codeVersion", "put it in quotes", "must be of type string"
    ),
    "a variable that is a number": Wrong(
        asset(observe=PYTHON | {"env": [{"name": "A", "value": 3}]}),
        "spec.observe.env[0].value",
        "put it in quotes",
        "must be of type string",
    ),
    "a variable twice": Wrong(
        asset(observe=PYTHON | {"env": [{"name": "A"}, {"name": "A"}]}),
        "spec.observe.env",
        "listed twice",
        "Duplicate value",
    ),
    "a value from two places": Wrong(
        asset(observe=PYTHON | {"env": [{"name": "A", "value": "1", "valueFrom": {}}]}),
        "spec.observe.env[0].valueFrom",
        "not both; remove one of them",
    ),
    "a mount path inside nowhere": Wrong(
        asset(observe=PYTHON | {"volumeMounts": [{"name": "data", "mountPath": "data"}]}),
        "spec.observe.volumeMounts[0].mountPath",
        "a mount path begins with a slash",
    ),
    "retries below nothing": Wrong(
        asset(observe=PYTHON | {"retries": -1}), "spec.observe.retries", "at least 0", "greater than or equal to 0"
    ),
    "a timeout of nothing": Wrong(
        asset(observe=PYTHON | {"timeoutSeconds": 0}),
        "spec.observe.timeoutSeconds",
        "at least 1",
        "greater than or equal to 1",
    ),
    "suspend in words": Wrong(asset(suspend="yes"), "spec.suspend", "not true or false", "must be of type boolean"),
    "a version quarantined twice": Wrong(
        asset(quarantine=[{"dataVersion": "v1"}, {"dataVersion": "v1", "reason": "again"}]),
        "spec.quarantine",
        "listed twice",
        "Duplicate value",
        "spec.quarantine[1]",
    ),
    "a quarantine of no version": Wrong(
        asset(quarantine=[{"dataVersion": ""}]), "spec.quarantine[0].dataVersion", "at least 1", "at least 1 chars long"
    ),
    "a quarantine for a reason of two lines": Wrong(
        asset(quarantine=[{"dataVersion": "v1", "reason": "a\nb"}]), "spec.quarantine[0].reason", "this is one line"
    ),
    "a guard of what Upwell makes": Wrong(
        asset(materialize=PYTHON, guard={"holdWhen": "new.rows == 0"}),
        "spec.guard",
        "remove guard, or put it on the input",
    ),
    "a guard of partitions": Wrong(
        asset(partitions={"static": ["eu"]}, guard={"holdWhen": "new.rows == 0"}),
        "spec.guard",
        "remove guard, or partitions",
    ),
    "a guard that says nothing": Wrong(asset(guard={}), "spec.guard.holdWhen", "is missing", "Required value"),
    "a guard of two lines": Wrong(
        asset(guard={"holdWhen": "new.rows == 0\n|| true"}), "spec.guard.holdWhen", "an expression is one line of CEL"
    ),
    "a guard that goes on and on": Wrong(
        asset(guard={"holdWhen": "new.rows == 0" + " || new.rows == 0" * 62}),
        "spec.guard.holdWhen",
        "from 1 to 1000 characters",
        "Too long",
    ),
    "a group of two words": Wrong(asset(group="raw data"), "spec.group", "this is one word"),
    "an owner of two lines": Wrong(asset(owners=["a\nb"]), "spec.owners[0]", "this is one line"),
    "an export to no namespace": Wrong(
        asset(exportTo=["All"]), "spec.exportTo[0]", "this is a namespace such as marts"
    ),
    "a job of nothing": Wrong(job(assets=[]), "spec.assets", "at least 1", "should have at least 1 items"),
    "a job without assets": Wrong(job(), "spec", "say once which assets"),
    "a job that says twice which assets": Wrong(job(assets=["a"], selection="a"), "spec", "say once which assets"),
    "a job with an asset twice": Wrong(
        job(assets=["a", "a"]), "spec.assets", "listed twice", "Duplicate value", "spec.assets[1]"
    ),
    "a job of what is no name": Wrong(job(assets=["a b"]), "spec.assets[0]", "a name is small letters"),
    "a selector of everything": Wrong(job(selector={}), "spec.selector", "an empty selector would select every asset"),
    "a selector of none of many": Wrong(
        job(selector={"matchExpressions": [{"key": "tier", "operator": "In"}]}),
        "spec.selector.matchExpressions[0].values",
        "In and NotIn need values",
    ),
    "a selector of none with values": Wrong(
        job(selector={"matchExpressions": [{"key": "tier", "operator": "Exists", "values": ["raw"]}]}),
        "spec.selector.matchExpressions[0].values",
        "Exists and DoesNotExist take none",
    ),
    "a selector with a label that is none": Wrong(
        job(selector={"matchLabels": {"tier": "the raw ones"}}), "spec.selector.matchLabels.tier", "a label's value is"
    ),
    "a selection of nothing": Wrong(
        job(selection=""), "spec.selection", "at least 1", "should be at least 1 chars long"
    ),
    "an unknown concurrency policy": Wrong(
        job(assets=["a"], concurrencyPolicy="Replaced"),
        "spec.concurrencyPolicy",
        "did you mean Replace?",
        'supported values: "Allow", "Forbid", "Replace"',
    ),
    "a job that never gives up": Wrong(
        job(assets=["a"], retries=101), "spec.retries", "at most 100", "less than or equal to 100"
    ),
    "a job that waits for ever": Wrong(
        job(assets=["a"], timeoutSeconds=604801),
        "spec.timeoutSeconds",
        "at most 604800",
        "less than or equal to 604800",
    ),
    "more history than a namespace should hold": Wrong(
        job(assets=["a"], historyLimit={"failed": 101}),
        "spec.historyLimit.failed",
        "at most 100",
        "less than or equal to 100",
    ),
    "a cron line of four fields": Wrong(schedule(schedule="0 6 * *"), "spec.schedule", _CRON),
    "a cron line of seven fields": Wrong(schedule(schedule="0 0 6 * * * 2026"), "spec.schedule", _CRON),
    "a cron line with a command": Wrong(schedule(schedule="0 6 * * *; ls"), "spec.schedule", _CRON),
    "a schedule without a line": Wrong(
        manifest("Schedule", "never", job={"name": "raw-sources"}), "spec", "say once when"
    ),
    "a schedule that says twice when": Wrong(schedule(schedules=["@hourly"]), "spec", "say once when"),
    "a schedule of too many lines": Wrong(
        manifest("Schedule", "often", schedules=["@hourly"] * 33, job={"name": "raw-sources"}),
        "spec.schedules",
        "at most 32",
        "Too many",
    ),
    "a wrong line among several": Wrong(
        manifest("Schedule", "often", schedules=["@hourly", "6 o'clock"], job={"name": "raw-sources"}),
        "spec.schedules[1]",
        _CRON,
    ),
    "an unknown shorthand": Wrong(schedule(schedule="@dayly"), "spec.schedule", _CRON),
    "a time zone with a space": Wrong(
        schedule(timeZone="Europe Lisbon"), "spec.timeZone", "a time zone is an IANA name"
    ),
    "a repeated hour that is the third": Wrong(schedule(dst={"repeated": "Third"}), "spec.dst.repeated", "Second"),
    "a skipped hour that runs before": Wrong(schedule(dst={"skipped": "RunBefore"}), "spec.dst.skipped", "RunAfter"),
    "missed runs by an unknown policy": Wrong(
        schedule(missedRuns={"policy": "Some"}), "spec.missedRuns.policy", "Last"
    ),
    "more missed runs than are made up for": Wrong(
        schedule(missedRuns={"max": 101}), "spec.missedRuns.max", "at most 100", "less than or equal to 100"
    ),
    "a jitter of the past": Wrong(
        schedule(jitterSeconds=-1), "spec.jitterSeconds", "at least 0", "greater than or equal to 0"
    ),
    "a schedule with an unknown policy": Wrong(
        schedule(concurrencyPolicy="Queue"), "spec.concurrencyPolicy", "Replace"
    ),
    "a schedule of nothing": Wrong(manifest("Schedule", schedule="@daily"), "spec", "say once what"),
    "a schedule of two things": Wrong(schedule(materialize={"selection": "*"}), "spec", "say once what"),
    "a schedule that materializes nothing": Wrong(
        manifest("Schedule", schedule="@daily", materialize={"onlyStale": True}),
        "spec.materialize.selection",
        "is missing; add it",
        "Required value",
    ),
}
