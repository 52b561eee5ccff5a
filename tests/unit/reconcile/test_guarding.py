"""A version that a guard holds: what those below see meanwhile, what ends it, and what is left of it without Redis."""

from __future__ import annotations

from typing import Any

import pytest

from reconcile_objects import NAMESPACE, a_derived, a_source, asset_key
from reconcile_world import Bench
from upwell.protocol import EventType, MetadataEntry
from upwell_operator.domain.snapshot import AssetId, Run
from upwell_operator.resources.asset_status import AssetStatus
from upwell_operator.resources.meta import Annotation
from upwell_operator.store import Append

RAW = AssetId(NAMESPACE, "raw")
HALF: dict[str, Any] = {"holdWhen": "new.rows < 0.5 * old.rows"}


async def counted(bench: Bench, version: str, rows: object = None) -> None:
    """Have the source reported as this version with so many rows; None says nothing of them."""
    said = {} if rows is None else {"rows": MetadataEntry("text" if isinstance(rows, str) else "int", rows)}
    bench.clock.forward(minutes=1)
    event = bench.an_event(EventType.OBSERVATION, "raw", version, metadata=said)
    await bench.store.append([Append(RAW, event, version=version)])
    await bench.settle()


async def released(bench: Bench, version: str) -> None:
    patch = {"metadata": {"annotations": {Annotation.RELEASED_VERSION.value: version}}}
    await bench.cluster.patch("assets", NAMESPACE, "raw", patch)
    await bench.settle()


async def holds(bench: Bench) -> str:
    """Give the version that is held; nothing when none is."""
    status = await bench.status("raw")
    assert AssetStatus.model_validate(status)
    assert (await bench.condition("raw", "Held") == ("True", "GuardHeld")) is ("held" in status)
    return str(status.get("held", {}).get("version", ""))


async def seen_below(bench: Bench) -> tuple[str | None, tuple[str, ...]]:
    """Give the version that those below see, and whether they are fresh with it."""
    return (await bench.status("raw"))["dataVersion"], await bench.condition("clean", "Fresh")


async def said(bench: Bench) -> str:
    return str((await bench.status("raw"))["held"]["message"])


async def loses_everything(bench: Bench) -> None:
    await bench.store._link.client.flushall()
    bench._place = {0: "0-0"}


async def emptied(bench: Bench) -> None:
    """Let Redis lose everything, and an operator begin that knows nothing but what the cluster tells."""
    await loses_everything(bench)
    bench.mind = bench.a_mind()
    await bench.looks()


FRESH, STALE = ("True", "UpToDate"), ("False", "UpstreamDataChanged")


@pytest.fixture
async def bench() -> Bench:
    """Build clean from raw v1, which has 100 rows."""
    bench = Bench()
    await bench.apply(a_source("raw", guard=HALF), a_derived("clean", "raw", eager=True))
    await bench.settle()
    await counted(bench, "v1", 100)
    await bench.runs_through("clean", "c1")
    return bench


async def test_the_first_version_has_nothing_to_be_held_against_and_is_built_from(bench: Bench) -> None:
    assert (await holds(bench), await seen_below(bench)) == ("", ("v1", FRESH))


async def test_a_version_that_is_held_changes_nothing_below(bench: Bench) -> None:
    await counted(bench, "v2", 40)
    assert (await holds(bench), await seen_below(bench)) == ("v2", ("v1", FRESH))
    assert await bench.open_runs("clean") == []
    assert await said(bench) == (
        "version v2 is held: new.rows < 0.5 * old.rows is true (rows 40, before 100); release it with "
        "`upwell release raw --version v2`, reject it with `upwell quarantine raw v2`"
    )
    assert (await bench.status("raw"))["lastObservation"]["dataVersion"] == "v2"


async def test_a_request_below_is_built_from_what_was_accepted(bench: Bench) -> None:
    await counted(bench, "v2", 40)
    await bench.request("clean", "now")
    await bench.settle()
    (run,) = await bench.open_runs("clean")
    assert [one.data_version for one in run.inputs] == ["v1"]


async def test_it_is_told_of_once(bench: Bench) -> None:
    await counted(bench, "v2", 40)
    await counted(bench, "v2", 40)
    await bench.looks()
    assert [one for one in await bench.cluster.told("raw") if one[1] == "GuardHeld"] == [("Warning", "GuardHeld")]


async def test_a_version_that_the_guard_lets_pass_is_built_from(bench: Bench) -> None:
    await counted(bench, "v2", 90)
    assert (await holds(bench), (await seen_below(bench))[0]) == ("", "v2")
    await bench.runs_through("clean", "c2")
    await counted(bench, "v3", 44)
    assert (await holds(bench), await seen_below(bench)) == ("v3", ("v2", FRESH)), "44 are few beside 90"


async def test_a_released_version_is_built_from_and_is_what_the_next_is_held_against(bench: Bench) -> None:
    await counted(bench, "v2", 40)
    await released(bench, "v2")
    assert (await holds(bench), await seen_below(bench)) == ("", ("v2", STALE))
    run: Run = await bench.runs_through("clean", "c2")
    assert [one.data_version for one in run.inputs] == ["v2"]
    await counted(bench, "v3", 21)
    assert (await holds(bench), await seen_below(bench)) == ("", ("v3", STALE))


async def test_to_release_another_version_changes_nothing(bench: Bench) -> None:
    await counted(bench, "v2", 40)
    await released(bench, "v9")
    assert (await holds(bench), await seen_below(bench)) == ("v2", ("v1", FRESH))


async def test_the_next_version_is_held_against_the_last_that_was_accepted(bench: Bench) -> None:
    await counted(bench, "v2", 40)
    await counted(bench, "v3", 30)
    assert await holds(bench) == "v3"
    assert "(rows 30, before 100)" in await said(bench)
    await counted(bench, "v4", 60)
    assert (await holds(bench), (await seen_below(bench))[0]) == ("", "v4")


async def test_data_that_changes_back_is_held_no_more(bench: Bench) -> None:
    changed = (await bench.status("raw"))["dataVersionChangedAt"]
    await counted(bench, "v2", 40)
    await counted(bench, "v1", 100)
    assert (await holds(bench), await seen_below(bench)) == ("", ("v1", FRESH))
    assert (await bench.status("raw"))["dataVersionChangedAt"] == changed


async def test_a_held_version_that_is_quarantined_is_rejected(bench: Bench) -> None:
    await counted(bench, "v2", 40)
    await bench.apply(a_source("raw", guard=HALF, quarantine=[{"dataVersion": "v2", "reason": "half a file"}]))
    await bench.settle()
    assert (await holds(bench), await seen_below(bench)) == ("", ("v1", FRESH))
    assert await bench.condition("raw", "Fresh") == ("False", "VersionQuarantined")
    await counted(bench, "v3", 40)
    assert "(rows 40, before 100)" in await said(bench), "not before 40: v2 was never accepted"
    await bench.apply(a_source("raw", guard=HALF))
    await counted(bench, "v2", 40)
    assert await holds(bench) == "v2", "it is not quarantined any more"


CANNOT_TELL = {
    "a figure that is missing": (None, "version v2 has no metadata 'rows'"),
    "a figure that is none": ("forty", "No such overload"),
}


@pytest.mark.parametrize(("rows", "words"), CANNOT_TELL.values(), ids=CANNOT_TELL)
async def test_what_cannot_be_told_is_held(bench: Bench, rows: object, words: str) -> None:
    await counted(bench, "v2", rows)
    assert (await holds(bench), await seen_below(bench)) == ("v2", ("v1", FRESH))
    assert words in await said(bench)


async def test_figures_that_come_later_are_looked_at(bench: Bench) -> None:
    await counted(bench, "v2")
    await counted(bench, "v2", 99)
    await bench.looks()
    assert (await holds(bench), (await seen_below(bench))[0]) == ("", "v2")


async def test_figures_of_the_accepted_version_may_come_later_too(bench: Bench) -> None:
    await counted(bench, "v2")
    await released(bench, "v2")
    await counted(bench, "v2", 50)
    await counted(bench, "v3", 20)
    assert "(rows 20, before 50)" in await said(bench)


async def test_another_figure_is_looked_for_in_the_events_of_the_accepted_version(bench: Bench) -> None:
    await bench.apply(a_source("raw", guard={"holdWhen": "new.rows < old.rows && new.size < old.size"}))
    await bench.settle()
    await counted(bench, "v2", 98)
    assert "version v2 has no metadata 'size' and the version accepted before, v1 has no" in await said(bench)


async def test_another_expression_judges_again_and_no_guard_holds_nothing(bench: Bench) -> None:
    await counted(bench, "v2", 40)
    await bench.apply(a_source("raw", guard={"holdWhen": "new.rows < old.rows", "message": "rows were lost"}))
    await bench.settle()
    assert "version v2 is held: rows were lost (rows 40, before 100)" in await said(bench)
    await bench.apply(a_source("raw", guard={"holdWhen": "new.rows == 0"}))
    await bench.settle()
    assert (await holds(bench), (await seen_below(bench))[0]) == ("", "v2")
    await counted(bench, "v3", 0)
    assert await holds(bench) == "v3"
    await bench.apply(a_source("raw"))
    await bench.settle()
    assert (await holds(bench), (await seen_below(bench))[0]) == ("", "v3")
    assert not (await bench.store.states([RAW]))[RAW].accepted


async def test_who_reads_the_store_sees_the_accepted_version(bench: Bench) -> None:
    await counted(bench, "v2", 40)
    state = (await bench.store.states([RAW]))[RAW]
    assert (state.version, state.arrived and state.arrived.version) == ("v1", "v2")


async def test_a_guard_that_comes_later_begins_with_what_is_there(bench: Bench) -> None:
    await bench.apply(a_source("raw"))
    await bench.settle()
    await counted(bench, "v2", 40)
    await bench.apply(a_source("raw", guard=HALF))
    await bench.settle()
    assert (await holds(bench), (await seen_below(bench))[0]) == ("", "v2")


class TestWithoutRedis:
    async def test_a_version_that_was_held_is_held(self, bench: Bench) -> None:
        await counted(bench, "v2", 40)
        since = (await bench.status("raw"))["held"]["since"]
        await emptied(bench)
        assert (await holds(bench), await seen_below(bench)) == ("v2", ("v1", FRESH))
        assert (await bench.status("raw"))["held"]["since"] == since
        assert "version v2 has no metadata 'rows'" in await said(bench), "its events are lost"
        await released(bench, "v2")
        assert (await holds(bench), await seen_below(bench)) == ("", ("v2", STALE))

    async def test_the_figures_of_the_accepted_version_are_known(self, bench: Bench) -> None:
        assert (await bench.status("raw"))["guard"] == {"figures": {"rows": "100.0"}}
        await emptied(bench)
        await counted(bench, "v2", 40)
        assert await holds(bench) == "v2"
        assert "(rows 40, before 100)" in await said(bench)

    async def test_what_comes_into_an_emptied_store_is_not_the_first(self, bench: Bench) -> None:
        await loses_everything(bench)
        await counted(bench, "v2", 40)
        assert (await holds(bench), await seen_below(bench)) == ("v2", ("v1", FRESH))
        state = (await bench.store.states([RAW]))[RAW]
        assert (state.version, state.accepted) == ("v1", True)

    async def test_while_the_store_is_away_nothing_moves(self, bench: Bench) -> None:
        await counted(bench, "v2", 40)
        bench.redis.connected = False
        bench.mind = bench.a_mind()
        await bench.looks()
        assert (await holds(bench), await seen_below(bench)) == ("v2", ("v1", FRESH))


async def test_a_version_that_comes_while_another_is_judged_is_judged_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept = bench.store.accept

    async def slow(*args: Any) -> bool:
        monkeypatch.setattr(bench.store, "accept", accept)
        event = bench.an_event(EventType.OBSERVATION, "raw", "v3", metadata={"rows": MetadataEntry("int", 3)})
        await bench.store.append([Append(RAW, event, version="v3")])
        return await accept(*args)

    monkeypatch.setattr(bench.store, "accept", slow)
    await counted(bench, "v2", 90)
    assert (await holds(bench), await seen_below(bench)) == ("v3", ("v1", FRESH))


async def test_an_operator_that_begins_judges_what_came_before(bench: Bench) -> None:
    event = bench.an_event(EventType.OBSERVATION, "raw", "v2", metadata={"rows": MetadataEntry("int", 4)})
    await bench.store.append([Append(RAW, event, version="v2")])
    bench.mind = bench.a_mind()
    await bench.looks()
    assert (await holds(bench), await seen_below(bench)) == ("v2", ("v1", FRESH))


async def test_a_guard_that_cannot_be_read_is_said_and_what_was_accepted_stays(bench: Bench) -> None:
    """An API server cannot tell; here one that could was asked first, so the operator hears it only in this test."""
    obj = await bench.cluster.get("assets", NAMESPACE, "raw")
    newer = str(int(obj["metadata"]["resourceVersion"]) + 1000)
    bad = {**obj["spec"], "guard": {"holdWhen": "new.rows <"}}
    bench.mind.hear(
        "assets", "MODIFIED", {**obj, "spec": bad, "metadata": {**obj["metadata"], "resourceVersion": newer}}
    )
    seen = bench.mind.mirror.get(asset_key("raw"))
    assert seen
    assert 'spec.guard.holdWhen: "new.rows <" cannot be used: it is no expression in CEL: at character' in str(
        seen.error
    )
    bench.mind.gatherer.read_again([RAW])
    await bench.mind.gatherer.gather([])
    assert (await bench.store.states([RAW]))[RAW].accepted
