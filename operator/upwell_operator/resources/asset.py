"""An Asset: data in the world, who made it, and how Upwell looks at it or builds it.

`observe` makes it a source that can be looked at, `materialize` makes it something that Upwell builds; with neither it
is external, and others report its events.

Limits: the spec only; what Upwell reports back is `asset_status`. Every field here has behaviour.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar

from pydantic import Field

from upwell.protocol import MAX_VERSION_CHARS
from upwell_operator.resources.asset_status import AssetStatus
from upwell_operator.resources.condition import Resource
from upwell_operator.resources.duration import Duration
from upwell_operator.resources.expression import Expression
from upwell_operator.resources.model import Bool, Int, Model, Name, Namespace, Rule, Text, Unique
from upwell_operator.resources.partitions import PartitionMapping, Partitions
from upwell_operator.resources.pod import RunTemplate
from upwell_operator.resources.schedule import CronLine, ZoneName

Key = Annotated[
    str,
    Text(
        'a key is letters, digits, "_", "-" and ".", in segments joined by "/", such as warehouse/raw_orders',
        r"^[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*$",
        256,
    ),
]
Line = Annotated[str, Text("this is one line without control characters, such as team:shop", r"^[^\x00-\x1f\x7f]+$")]
Word = Annotated[
    str,
    Text(
        'this is one word of letters, digits, "_", "-", "." and "/", such as csv',
        r"^[A-Za-z0-9_][A-Za-z0-9_./-]*$",
        63,
    ),
]
Importer = Annotated[
    str, Text('this is a namespace such as marts, or "*" for all', r"^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)$", 63)
]
TagValue = Annotated[str, Field(strict=True, max_length=256)]
CodeVersion = Annotated[
    str, Text('a code version is text of up to 128 characters; quote a number: "3"', r"^[^\x00-\x1f\x7f]+$", 128)
]


class Policy(StrEnum):
    """When a derived asset is rebuilt by itself."""

    NEVER = "Never"
    EAGER = "Eager"
    CRON = "Cron"


class Dep(Model):
    """An upstream asset."""

    name: Name = Field(description="Resource name (metadata.name) of the upstream Asset, for example `raw-orders`.")
    namespace: Namespace | None = Field(
        None, description="Its namespace, if it is another one. That asset must list ours in its `exportTo`."
    )
    partition_mapping: PartitionMapping | None = Field(
        None,
        description="Which of its partitions one of ours is built from, for example `{type: Last}`. Left out, it is "
        "the evident one: windows of the same time, the same key, or the input as a whole.",
    )


class Observe(RunTemplate):
    """A look at data that somebody else owns."""

    every: Duration | None = Field(
        None, description="Look again after this long, for example `15m`. For set times of the day, use a Schedule."
    )


class Materialize(RunTemplate):
    """How the data is built from its inputs."""

    parallelism: Int | None = Field(
        None,
        ge=1,
        le=1000,
        description="With partitions: how many of them are built at once, each by a run of its own; 10, if left out.",
    )


class AutoMaterialize(Model):
    """Whether Upwell rebuilds the asset by itself."""

    rules: ClassVar = (
        Rule(
            "settle and minInterval pace runs that Eager starts; set policy to Eager, or remove them",
            cel="(has(self.policy) && self.policy == 'Eager') || (!has(self.settle) && !has(self.minInterval))",
            holds=lambda auto: auto.policy is Policy.EAGER or (auto.settle is None and auto.min_interval is None),
        ),
        Rule(
            "the policy Cron runs at the ticks of cron, and no other policy does; give both, or neither",
            cel="(has(self.policy) && self.policy == 'Cron') == has(self.cron)",
            holds=lambda auto: (auto.policy is Policy.CRON) == (auto.cron is not None),
            path=".cron",
        ),
        Rule(
            "timeZone is the zone of cron, and there is no cron; add it, or remove timeZone",
            cel="!has(self.timeZone) || has(self.cron)",
            holds=lambda auto: auto.time_zone is None or auto.cron is not None,
            path=".timeZone",
        ),
    )

    policy: Policy = Field(
        Policy.NEVER,
        description="`Never`: being stale is only shown. `Eager`: one run for every distinct set of input versions, as "
        "soon as all inputs exist and none of them is being rebuilt. `Cron`: one run at each tick of `cron` at which "
        "it is stale.",
    )
    cron: CronLine | None = Field(
        None,
        description='With Cron: when, for example `"0 6 * * *"`. A tick stays open until the asset is fresh or a run '
        "of it has begun; of missed ticks the newest is made up for.",
    )
    time_zone: ZoneName | None = Field(
        None, description="With Cron: the time zone that the line is read in, for example `Europe/Lisbon`; else UTC."
    )
    settle: Duration | None = Field(
        None,
        description="With Eager: run only once no input has changed for this long, for example `30s`, so that a burst "
        "of changes makes one run. An input that changes more often than that keeps the asset from being built.",
    )
    min_interval: Duration | None = Field(
        None,
        description="With Eager: start no run earlier than this after the last one began, for example `10m`. Requests "
        "by people are answered at once.",
    )


class Freshness(Model):
    """How old the data may become."""

    maximum_lag: Duration = Field(
        description="Fresh turns False (FreshnessExpired) when the last success is older than this, for example `26h`: "
        "of a source its last observation, of a derived asset its last materialization. What builds on such a source "
        "turns Unknown (ObservationFailed). With `partitions.timeWindow` it counts for each window: its data must be "
        "there this long after the window is over."
    )


class History(Model):
    """How much of the past is kept."""

    events: Int = Field(1000, ge=1, le=100000, description="Events and past versions kept, the newest.")
    age: Duration = Field("90d", validate_default=True, description="What is older goes; the current version stays.")
    successful_runs: Int = Field(3, ge=0, le=100, description="Jobs of successful runs kept, with their pods and logs.")
    failed_runs: Int = Field(3, ge=0, le=100, description="Jobs of failed runs kept, with their pods and logs.")


class Quarantined(Model):
    """A data version of this asset that nothing may be built from."""

    data_version: Annotated[str, Field(strict=True, min_length=1, max_length=MAX_VERSION_CHARS)] = Field(
        description="The version, whole, as `status.dataVersion` gives it."
    )
    reason: Line | None = Field(None, description="Why, for whoever is kept waiting by it, for example `half a file`.")


class Guard(Model):
    """What holds a new data version back, until a person has looked at it."""

    hold_when: Expression = Field(
        description="A new data version is held when this is true, or cannot be told, for example `new.rows < 0.5 * "
        "old.rows`. In CEL: `new` and `old` are the metadata of the new version and of the one accepted before, "
        "`newVersion` and `oldVersion` these versions. Numbers are doubles: `old.rows - 10.0`."
    )
    message: Line | None = Field(
        None, description="What it means when a version is held, for example `less than half of the rows`."
    )


def _deps_differ(spec: AssetSpec) -> bool:
    return len({(dep.name, dep.namespace) for dep in spec.deps}) == len(spec.deps)


_SPEC_RULES = (
    Rule(
        "an asset is either observed (somebody else makes it) or materialized (Upwell makes it), not both; "
        "remove one, or make it two assets",
        cel="!(has(self.observe) && has(self.materialize))",
        holds=lambda spec: spec.observe is None or spec.materialize is None,
        path=".materialize",
        reason="FieldValueForbidden",
    ),
    Rule(
        "an upstream asset is listed twice; remove one of the two",
        cel="!has(self.deps) || self.deps.all(d, self.deps.exists_one(e, e.name == d.name && "
        "(has(e.__namespace__) ? e.__namespace__ : '') == (has(d.__namespace__) ? d.__namespace__ : '')))",
        holds=_deps_differ,
        path=".deps",
    ),
    Rule(
        "autoMaterialize says when materialize runs, and there is no materialize; add it, or remove autoMaterialize",
        cel="!has(self.autoMaterialize) || has(self.materialize)",
        holds=lambda spec: spec.auto_materialize is None or spec.materialize is not None,
        path=".autoMaterialize",
        reason="FieldValueForbidden",
    ),
    Rule(
        "parallelism says how many partitions are built at once, and this asset has none; add partitions, or remove it",
        cel="has(self.partitions) || !has(self.materialize) || !has(self.materialize.parallelism)",
        holds=lambda spec: bool(spec.partitions or not spec.materialize or spec.materialize.parallelism is None),
        path=".materialize.parallelism",
        reason="FieldValueForbidden",
    ),
    Rule(
        "a partitionMapping says what a partition is built from, and this asset builds none; add partitions and "
        "materialize, or remove partitionMapping",
        cel="!has(self.deps) || (has(self.partitions) && has(self.materialize)) || "
        "self.deps.all(d, !has(d.partitionMapping))",
        holds=lambda spec: (
            bool(spec.partitions and spec.materialize) or all(dep.partition_mapping is None for dep in spec.deps)
        ),
        path=".deps",
        reason="FieldValueForbidden",
    ),
    Rule(
        "codeVersion is the version of what materialize runs, and there is no materialize; add it, or remove this",
        cel="!has(self.codeVersion) || has(self.materialize)",
        holds=lambda spec: spec.code_version is None or spec.materialize is not None,
        path=".codeVersion",
        reason="FieldValueForbidden",
    ),
    Rule(
        "a guard holds back what others bring, and Upwell makes this asset: let materialize fail when its result is "
        "bad; remove guard, or put it on the input",
        cel="!has(self.guard) || !has(self.materialize)",
        holds=lambda spec: spec.guard is None or spec.materialize is None,
        path=".guard",
        reason="FieldValueForbidden",
    ),
    Rule(
        "a guard judges one version by its metadata, and this asset has one for each partition; remove guard, or "
        "partitions",
        cel="!has(self.guard) || !has(self.partitions)",
        holds=lambda spec: spec.guard is None or spec.partitions is None,
        path=".guard",
        reason="FieldValueForbidden",
    ),
)


class AssetSpec(Model):
    """What the asset is, what it is made from, and how Upwell looks at it or builds it."""

    rules: ClassVar = _SPEC_RULES

    key: Key | None = Field(
        None,
        description="The asset's key: a path such as `warehouse/raw_orders`, under which its events are recorded. "
        "Unique in the namespace. The resource's name if left out. It cannot be changed later.",
    )
    description: Annotated[str, Field(strict=True, max_length=4096)] = Field(
        "", description="What the data is, for the people who use it, for example `Orders as the shop exports them`."
    )
    group: Word = Field("default", description="The group in which the graph draws the asset, for example `raw`.")
    owners: tuple[Line, ...] = Field(
        (), max_length=32, description="Whom to ask, for example `[team:shop, ana@example.com]`."
    )
    tags: dict[str, TagValue] = Field(
        default_factory=dict, max_length=64, description="Tags of the data, for example `{domain: sales}`."
    )
    kinds: tuple[Word, ...] = Field(
        (), max_length=16, description="What sort of thing it is, for example `[file, csv]`; shown as badges."
    )
    deps: tuple[Dep, ...] = Field(
        (),
        max_length=256,
        description="The assets that this one is made from, for example `[{name: raw-orders}]`. A new data version of "
        "one of them makes this asset stale.",
    )
    code_version: CodeVersion | None = Field(
        None,
        description='The version of the code in `materialize`, for example `"3"`. When it differs from the one that '
        "the asset was last materialized with, the asset is stale (CodeChanged).",
    )
    partitions: Partitions | None = Field(
        None,
        description="Into which slices the data is cut, for example `{static: [eu, us]}`: each has a data version of "
        "its own, and together they are the asset's. What Upwell builds, it builds by partition.",
    )
    observe: Observe | None = Field(
        None,
        description="How to look at data that somebody else makes: a run that returns its data version. Present on "
        "sources only, and what makes them observable.",
    )
    materialize: Materialize | None = Field(
        None, description="How Upwell builds the data from its inputs. Present on derived assets only."
    )
    auto_materialize: AutoMaterialize | None = Field(
        None, description="When Upwell runs `materialize` by itself; never, if left out."
    )
    freshness: Freshness | None = Field(
        None, description="How old the data may become before Fresh turns False; any age, if left out."
    )
    history: History = Field(
        default_factory=History, description="How many events and finished runs are kept, and for how long."
    )
    export_to: tuple[Importer, ...] = Field(
        (),
        max_length=256,
        description='Other namespaces whose assets may depend on this one, for example `[marts]`; `["*"]` means all. '
        "Only its own, if left out.",
    )
    quarantine: Annotated[tuple[Quarantined, ...], Unique(("data_version",))] = Field(
        (),
        max_length=100,
        description="Data versions that nothing may be built from, for example `[{dataVersion: 9f86d081, reason: a bad "
        "file}]`. What was built from one, however far down, is stale (VersionQuarantined); what was built from an "
        "earlier version stays as it is until there is a later one.",
    )
    guard: Guard | None = Field(
        None,
        description="Which new data versions are held back, for example `{holdWhen: new.rows < 0.5 * old.rows}`: those "
        "below see the version accepted before, until `upwell release`. On observed and external assets without "
        "partitions.",
    )
    suspend: Bool = Field(
        default=False, description="Start no runs of this asset. What runs already goes on; freshness is still shown."
    )


_KEY_NOW = "(has(self.spec.key) ? self.spec.key : self.metadata.name)"
_KEY_THEN = "(has(oldSelf.spec.key) ? oldSelf.spec.key : oldSelf.metadata.name)"


def _not_its_own_dep(asset: Asset) -> bool:
    own = (asset.metadata.name, asset.metadata.namespace)
    return all((dep.name, dep.namespace or asset.metadata.namespace) != own for dep in asset.spec.deps)


class Asset(Resource):
    """Data in the world: a file, a table, a bucket.

    Upwell knows its version, and says when something built on it is stale.
    """

    rules: ClassVar = (
        Rule(
            "the key cannot be changed, because the asset's history is recorded under it (left out, it is "
            "metadata.name); set it back, or delete the asset and create one with the new key",
            cel=f"{_KEY_NOW} == {_KEY_THEN}",
            path=".spec.key",
        ),
        Rule(
            "the asset lists itself; remove its own name from deps",
            cel="!has(self.spec.deps) || "
            "!self.spec.deps.exists(d, d.name == self.metadata.name && !has(d.__namespace__))",
            holds=_not_its_own_dep,
            path=".spec.deps",
        ),
    )

    spec: AssetSpec
    status: AssetStatus | None = None

    @property
    def key(self) -> str:
        """Give the key that its events are recorded under."""
        return self.spec.key or self.metadata.name
