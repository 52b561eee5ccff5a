"""The parts of the reference pages that people write: an example, and how to work with each kind.

Limits: text only. Every example is parsed by a test, and every command named here exists in the CLI or in kubectl.
"""

from __future__ import annotations

from typing import NamedTuple

from upwell_operator.resources.meta import Kind


class Prose(NamedTuple):
    """What a page says besides its fields."""

    example: str
    after_example: str
    working: str


_ASSET = Prose(
    example="""\
apiVersion: upwell.dev/v1alpha1
kind: Asset
metadata:
  name: raw-orders
  namespace: shop
spec:
  key: warehouse/raw_orders
  description: Orders as the shop exports them
  group: raw
  owners: [team:shop]
  observe:
    python: {function: "shop.sources:raw_orders"}
    image: registry.example/shop:1.4
    every: 15m
---
apiVersion: upwell.dev/v1alpha1
kind: Asset
metadata:
  name: daily-revenue
  namespace: shop
spec:
  key: marts/daily_revenue
  group: marts
  deps: [{name: raw-orders}]
  codeVersion: "3"
  materialize:
    container:
      image: registry.example/revenue:2.0
      command: [/bin/sh, -c]
      args: ["build-revenue && printf '{\\"metadata\\": {\\"rows\\": 365}}' > $UPWELL_RESULT"]
    env: [{name: TARGET, value: "s3://marts/revenue"}]
  autoMaterialize: {policy: Eager}
  freshness: {maximumLag: 26h}
""",
    after_example="""\
The first asset is a source: somebody else makes the file, and a Python function looks at it every quarter of an hour.
The second is derived: a container builds it, and Upwell runs that once for every new version of the first. An asset
with neither `observe` nor `materialize` is external: others report its events.
""",
    working="""\
**See it.** `kubectl get assets` shows each asset's version and whether it is fresh, `-o wide` adds why in words.
`kubectl get upwell` lists all three kinds.

**Look now, or build now.** `upwell observe raw-orders` or `upwell materialize daily-revenue`. From git or a script,
set the annotation to any new value; each value is answered once and echoed in `status.lastHandledRequest`:

```sh
kubectl annotate asset raw-orders upwell.dev/requested-at="$(date -Is)" --overwrite
```

**Wait for it.** `Ready` says whether Upwell can work with the resource, `Fresh` says whether its data is up to date.
Old data never makes `Ready` False, so a deployment is not held up by it; wait for `Fresh` where it matters:

```sh
kubectl wait --for=condition=Fresh asset/daily-revenue --timeout=30m
```

**Ask why.** `upwell why daily-revenue` lists what was decided and for which reason, also every decision not to run.
`upwell events daily-revenue` lists what was observed and built, `upwell logs RUN` what a run printed.

**Pause it.** `kubectl patch asset daily-revenue --type=merge -p '{"spec":{"suspend":true}}'`. What runs goes on;
nothing new is started; its freshness is still shown.

**Rename it.** The key cannot be changed, because history is recorded under it. Delete the resource and create one
with the new key; create one with the old key again, and the old history is shown again.
""",
)

_JOB = Prose(
    example="""\
apiVersion: upwell.dev/v1alpha1
kind: ObservationJob
metadata:
  name: raw-sources
  namespace: shop
spec:
  assets: [raw-orders, raw-customers]
  runOnApply: true
""",
    after_example="""\
Both assets are looked at when the resource is applied, whenever a Schedule names it, and when it is requested.
""",
    working="""\
**Run it now.** `upwell observe --job raw-sources`, or the annotation, which is answered once for every new value:

```sh
kubectl annotate observationjob raw-sources upwell.dev/requested-at="$(date -Is)" --overwrite
```

**Run it by the clock.** Give it a [Schedule](schedules.md).

**A mixed selection is refused.** If one of the assets has no `observe`, nothing at all is run: `Ready` is False with
the reason `MixedSelection`, and the message names the assets.

**See how it went.** `kubectl get obsjob`; `status.lastRun` counts what was observed, what had changed and what
failed.
""",
)

_SCHEDULE = Prose(
    example="""\
apiVersion: upwell.dev/v1alpha1
kind: Schedule
metadata:
  name: every-morning
  namespace: shop
spec:
  schedule: "0 6 * * *"
  timeZone: Europe/Lisbon
  job: {name: raw-sources}
  startingDeadlineSeconds: 3600
""",
    after_example="""\
The job runs at six in the morning in Lisbon, summer and winter. If Upwell was down at six and is back by seven, it
runs then. With `materialize: {selection: "group:marts"}` instead of `job`, what is stale of these assets is built.
""",
    working="""\
**See it.** `kubectl get sched` shows the last tick and the next one; `upwell why every-morning` says what became of
each.

**Pause it.** `kubectl patch schedule every-morning --type=merge -p '{"spec":{"suspend":true}}'`. Ticks that pass
while it is suspended are not made up for, unless `missedRuns.onResume` says so; nor are those of a line that has been
changed.

**After an outage.** The newest missed tick runs, or all of them, or none: `missedRuns.policy` says so. Those that do
not run are counted in `status.missedTicks`. A tick runs once, however often the operator restarts.

**Summer time.** `dst` says what becomes of a local time that happens twice, or not at all; see
[observe on a schedule](../how-to/observe-on-a-schedule.md#where-clocks-are-changed).
""",
)

PROSE: dict[Kind, Prose] = {Kind.ASSET: _ASSET, Kind.OBSERVATION_JOB: _JOB, Kind.SCHEDULE: _SCHEDULE}

CONDITIONS_INTRO = """\
Conditions say what is true of a resource now. They follow Kubernetes' conventions: `status` is True, False or
Unknown, `reason` is one word for programs, `message` is for people, `lastTransitionTime` moves with `status` and with
nothing else.

`Ready` and `Stalled` are about the resource, `Fresh` and `Observed` about the data. They never mix: old data is not a
broken resource, so Argo CD and Flux report an asset as healthy while its data is stale. Gate on the data where you
mean to:

```sh
kubectl wait --for=condition=Fresh asset/daily-revenue --timeout=30m
```

Whenever the reason of `Ready`, `Fresh` or `Observed` turns, an Event says so on the resource, with the condition's
reason and message: Warning where `Ready` or `Observed` turned False, Normal otherwise. The reasons below are therefore
all the reasons of Upwell's Events (`kubectl events --for asset/daily-revenue`).
"""
