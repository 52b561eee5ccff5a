"""One suite for every Redis that Upwell promises to work on: Valkey 9, Redis 7, a Redis Cluster, fakeredis."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

import redis_servers
from redis_servers import Backend
from upwell.protocol import Event, EventType, InputVersion, MetadataEntry, RunKind
from upwell_operator.domain.decisions import Decision, Verb
from upwell_operator.domain.snapshot import (
    Arrived,
    AssetId,
    AssetState,
    Failure,
    Materialization,
    Observation,
    Outcome,
    Ref,
    Run,
    RunPhase,
    Trigger,
    TriggerType,
)
from upwell_operator.errors import Fenced, Stalled
from upwell_operator.resources.meta import Kind
from upwell_operator.settings import Settings
from upwell_operator.store import (
    Append,
    Appended,
    Change,
    FellBehind,
    PartitionVersion,
    Status,
    Store,
    append,
    history,
    keys,
    uses,
)

backend, store = redis_servers.backend, redis_servers.store

ORDERS = AssetId("shop", "warehouse/raw_orders")
DAILY = AssetId("shop", "marts/daily")
START = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=12)
"""Recent: what is old is forgotten."""
STORED, CHANGED = Appended(Status.STORED), Appended(Status.STORED, changed=True)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def event(number: int, type_: EventType = EventType.OBSERVATION, version: str | None = None, **more: object) -> Event:
    return Event(f"e{number}", type_, "k", at(number).isoformat(), version, **more)  # type: ignore[arg-type]


def saw(number: int, version: str | None, asset: AssetId = ORDERS, **more: object) -> Append:
    return Append(asset, event(number, version=version, result=True), **{"run": f"r{number}", **more})  # type: ignore[arg-type]


def made(number: int, version: str, asset: AssetId = DAILY, **more: object) -> Append:
    it = event(number, EventType.MATERIALIZATION, version, result=True)
    return Append(asset, it, **{"run": f"r{number}", **more})  # type: ignore[arg-type]


def built(number: int, version: str, asset: AssetId, *inputs: tuple[str, str, str | None], **more: object) -> Append:
    return made(number, version, asset, inputs=tuple(InputVersion(*one) for one in inputs), **more)


def failed(number: int, type_: EventType, asset: AssetId = ORDERS, **more: object) -> Append:
    return Append(asset, event(number, type_, description="boom"), **{"run": f"r{number}", **more})  # type: ignore[arg-type]


def a_run(number: int, namespace: str = "shop", **more: object) -> Run:
    given: dict[str, object] = {
        "ref": Ref(namespace, f"run-{number}"),
        "uid": f"u{number}",
        "asset": Ref(namespace, "daily"),
        "asset_key": "marts/daily",
        "kind": RunKind.MATERIALIZE,
        "phase": RunPhase.ACTIVE,
        "fence": number,
        "trigger": Trigger(TriggerType.EAGER, "v1"),
        "created_at": at(number),
    }
    return Run(**{**given, **more})  # type: ignore[arg-type]


class TestAppending:
    async def test_a_first_observation_gives_the_asset_its_version(self, store: Store) -> None:
        assert await store.append([saw(1, "v1")]) == [CHANGED]
        assert await store.states([ORDERS]) == {
            ORDERS: AssetState("v1", at(1), Observation(at(1), "v1", "r1", at(1), 1)),
        }

    async def test_the_same_version_again_only_counts(self, store: Store) -> None:
        answers = await store.append([saw(1, "v1"), saw(2, "v1"), saw(3, "v1")])
        assert answers == [CHANGED, STORED, STORED]
        state = (await store.states([ORDERS]))[ORDERS]
        assert state == AssetState("v1", at(1), Observation(at(3), "v1", "r3", at(1), 3))

    async def test_an_event_id_is_taken_once_per_run_and_once_per_asset_without_one(self, store: Store) -> None:
        twice = [saw(1, "v1"), saw(1, "v1"), saw(2, "v2", run=None), saw(2, "v2", run=None)]
        answers = await store.append(twice)
        assert [one.status for one in answers] == ["stored", "duplicate", "stored", "duplicate"]
        assert len((await store.events(ORDERS)).items) == 2

    async def test_the_same_id_in_two_runs_is_two_events(self, store: Store) -> None:
        answers = await store.append([saw(1, "v1", run="a"), saw(1, "v1", run="b")])
        assert answers == [CHANGED, STORED]

    async def test_a_superseded_result_is_history_and_never_the_present(self, store: Store) -> None:
        answers = await store.append([saw(1, "new", fence=7), saw(2, "old", fence=6)])
        assert answers == [CHANGED, Appended(Status.SUPERSEDED)]
        state = (await store.states([ORDERS]))[ORDERS]
        assert (state.version, state.fence) == ("new", 7)
        assert [one.superseded for one in (await store.events(ORDERS)).items] == [True, False]
        assert await store.outcome(ORDERS, "r2") is Outcome.UNCHANGED

    async def test_a_materialization_sets_the_one_version_and_keeps_what_it_consumed(self, store: Store) -> None:
        inputs = (InputVersion("raw-orders", "warehouse/raw_orders", "v1"), InputVersion("x", "x", None))
        answers = await store.append([made(1, "m1", inputs=inputs, code_version="3", fence=1)])
        assert answers == [CHANGED]
        expected = Materialization(at(1), "m1", "3", "r1", inputs)
        assert (await store.states([DAILY]))[DAILY] == AssetState("m1", at(1), materialization=expected, fence=1)
        (stored,) = (await store.events(DAILY)).items
        assert (stored.inputs, stored.code_version, stored.changed) == (inputs, "3", True)

    async def test_an_observation_without_a_version_is_an_event_and_nothing_more(self, store: Store) -> None:
        position = await store.position()
        assert await store.append([saw(1, None)]) == [STORED]
        assert await store.states([ORDERS]) == {}
        assert await store.changes(position) == []
        assert len((await store.events(ORDERS)).items) == 1

    async def test_a_failure_stands_until_a_success_of_its_kind(self, store: Store) -> None:
        await store.append([failed(1, EventType.OBSERVATION_FAILED), made(2, "m1", ORDERS)])
        failure = Failure(at(1), RunKind.OBSERVE, "r1", "boom")
        assert (await store.states([ORDERS]))[ORDERS].failure == failure
        await store.append([saw(3, "m1")])
        assert (await store.states([ORDERS]))[ORDERS].failure is None

    async def test_an_attempt_that_failed_changes_nothing(self, store: Store) -> None:
        await store.append([saw(1, "v1"), failed(2, EventType.ATTEMPT_FAILED, fence=9)])
        state = (await store.states([ORDERS]))[ORDERS]
        assert (state.failure, state.fence) == (None, 0)

    async def test_a_materialization_without_a_version_is_refused_before_anything_is_written(
        self, store: Store
    ) -> None:
        with pytest.raises(ValueError, match="has no version"):
            await store.append([saw(1, "v1"), made(2, "")])
        assert await store.states([ORDERS]) == {}

    async def test_only_the_events_that_are_results_make_the_outcome_of_a_run(self, store: Store) -> None:
        logged = Append(DAILY, event(1, version="v1"), run="r", kind=RunKind.MATERIALIZE)
        await store.append([logged])
        assert await store.outcome(DAILY, "r") is None
        await store.append([made(2, "v2", run="r", kind=RunKind.MATERIALIZE)])
        assert await store.outcome(DAILY, "r") is Outcome.MATERIALIZED

    async def test_an_observing_run_that_changed_something_has_changed_it(self, store: Store) -> None:
        await store.append([saw(1, "v1", run="r"), saw(2, "v1", run="r"), saw(3, "v1", run="s")])
        assert await store.outcome(ORDERS, "r") is Outcome.CHANGED
        assert await store.outcome(ORDERS, "s") is Outcome.UNCHANGED
        await store.append([failed(4, EventType.OBSERVATION_FAILED, run="s")])
        assert await store.outcome(ORDERS, "s") is Outcome.FAILED

    async def test_many_assets_are_read_in_one_go_and_unknown_ones_left_out(self, store: Store) -> None:
        ids = [AssetId("shop", f"a/{number}") for number in range(200)]
        await store.append([saw(number, f"v{number}", id_) for number, id_ in enumerate(ids)])
        states = await store.states([*ids, AssetId("shop", "nobody")])
        assert {id_: state.version for id_, state in states.items()} == {
            id_: f"v{number}" for number, id_ in enumerate(ids)
        }


class TestHistory:
    async def test_events_come_newest_first_in_pages_that_join(self, store: Store) -> None:
        entries = [saw(number, f"v{number // 3}") for number in range(25)]
        await store.append(entries)
        seen, cursor = [], None
        while True:
            page = await store.events(ORDERS, cursor, limit=7)
            seen += [one.event.id for one in page.items]
            cursor = page.cursor
            if cursor is None:
                break
        assert seen == [f"e{number}" for number in reversed(range(25))]

    async def test_an_event_comes_back_as_it_was_sent(self, store: Store) -> None:
        metadata = {
            "rows": MetadataEntry("int", 3),
            "nan": MetadataEntry("float", float("inf")),
            "né": MetadataEntry("text", "\ud800ü"),
        }
        sent = event(1, version="v1", metadata=metadata, tags={"a": "b"}, description="said", result=True)
        await store.append([Append(AssetId("shop", "k"), sent, run="r", attempt="pod-1")])
        (stored,) = (await store.events(AssetId("shop", "k"))).items
        assert stored.event == sent
        assert (stored.run, stored.attempt) == ("r", "pod-1")

    async def test_events_are_filtered_by_type(self, store: Store) -> None:
        await store.append(
            [saw(1, "v1"), failed(2, EventType.OBSERVATION_FAILED), *(saw(n, "v1") for n in range(3, 40))]
        )
        page = await store.events(ORDERS, limit=5, types={EventType.OBSERVATION_FAILED})
        assert [one.event.id for one in page.items] == ["e2"]
        assert page.cursor is None

    async def test_a_page_that_looked_at_enough_ends_early_and_the_next_one_goes_on(
        self, store: Store, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(history, "MAX_LOOK", 200)
        await store.append([failed(0, EventType.OBSERVATION_FAILED), *(saw(n, f"v{n}") for n in range(1, 202))])
        types = {EventType.OBSERVATION_FAILED}
        first = await store.events(ORDERS, limit=5, types=types)
        assert (first.items, first.ended_early) == ((), True)
        second = await store.events(ORDERS, first.cursor, limit=5, types=types)
        assert [one.event.id for one in second.items] == ["e0"]
        assert (second.cursor, second.ended_early) == (None, False)

    async def test_events_since_a_time_are_those_recorded_then(self, store: Store) -> None:
        await store.append([saw(number, f"v{number // 2}") for number in range(8)])
        fourth = (await store.events(ORDERS)).items[4]
        recorded = datetime.fromtimestamp(int(fourth.id.partition("-")[0]) / 1000, UTC)
        found = await store.events(ORDERS, since=recorded)
        assert {one.event.id for one in found.items} >= {"e3", "e4", "e5", "e6", "e7"}
        assert (await store.events(ORDERS, since=datetime.now(UTC) + timedelta(hours=1))).items == ()
        page = await store.events(ORDERS, found.items[0].id, limit=2, since=recorded)
        assert [one.event.id for one in page.items] == ["e6", "e5"]

    async def test_versions_say_how_long_each_stood_and_how_often_it_was_seen(self, store: Store) -> None:
        await store.append([saw(n, version) for n, version in enumerate(["a", "a", "a", "b", "a"])])
        page = await store.versions(ORDERS)
        assert [(one.version, one.first_seen, one.last_seen, one.times, one.run) for one in page.items] == [
            ("a", at(4), at(4), 1, "r4"),
            ("b", at(3), at(3), 1, "r3"),
            ("a", at(0), at(2), 3, "r0"),
        ]
        first = await store.versions(ORDERS, limit=1)
        second = await store.versions(ORDERS, first.cursor, limit=1)
        third = await store.versions(ORDERS, second.cursor, limit=1)
        assert [first.items, second.items, third.items] == [(one,) for one in page.items]
        assert third.cursor is None

    async def test_the_newest_hundred_unchanged_observations_stay_and_older_ones_are_a_count(
        self, store: Store
    ) -> None:
        await store.append([saw(number, "v1", run=None) for number in range(150)])
        found = (await store.events(ORDERS, limit=500)).items
        assert [one.event.id for one in found] == [f"e{number}" for number in [*reversed(range(50, 150)), 0]]
        assert (await store.versions(ORDERS)).items[0].times == 150

    async def test_an_unchanged_observation_with_new_metadata_is_kept(self, store: Store) -> None:
        def counted(number: int, rows: int) -> Append:
            return Append(ORDERS, event(number, version="v1", metadata={"rows": MetadataEntry("int", rows)}))

        await store.append([counted(0, 1), counted(1, 2), *(counted(n, 2) for n in range(2, 200))])
        ids = [one.event.id for one in (await store.events(ORDERS, limit=500)).items]
        assert ids[-2:] == ["e1", "e0"]
        assert len(ids) == 102

    async def test_a_decision_is_recorded_only_where_it_differs(self, store: Store) -> None:
        def decision(minute: int, reason: str) -> Decision:
            return Decision(Kind.ASSET, Ref("shop", "daily"), Verb.NO_RUN, reason, "because", at(minute), DAILY, None)

        await store.decide([decision(1, "Fresh"), decision(2, "Fresh"), decision(3, "Stale"), decision(4, "Fresh")])
        page = await store.decisions(Kind.ASSET, Ref("shop", "daily"))
        assert page.items == (decision(4, "Fresh"), decision(3, "Stale"), decision(1, "Fresh"))
        first = await store.decisions(Kind.ASSET, Ref("shop", "daily"), limit=2)
        rest = await store.decisions(Kind.ASSET, Ref("shop", "daily"), first.cursor, limit=2)
        assert first.items + rest.items == page.items
        assert (await store.decisions(Kind.SCHEDULE, Ref("shop", "daily"))).items == ()

    async def test_keys_that_nobody_defined_are_listed(self, store: Store) -> None:
        await store.append(
            [saw(1, None, AssetId("shop", "x/y")), saw(2, "v", ORDERS), saw(3, "v", AssetId("other", "z"))]
        )
        assert await store.undefined("shop", {ORDERS.key}) == ["x/y"]
        assert await store.undefined("shop") == [ORDERS.key, "x/y"]


class TestUses:
    async def test_what_was_built_from_a_version_is_found_however_far_down(self, store: Store) -> None:
        clean, report, other = AssetId("shop", "clean"), AssetId("sales", "report"), AssetId("shop", "other")
        await store.append([saw(1, "v1"), saw(2, "v2")])
        await store.append([built(3, "c1", clean, ("raw", ORDERS.key, "v1"))])
        await store.append([built(4, "o1", other, ("raw", ORDERS.key, "v2"))])
        await store.append([built(5, "r1", report, ("shop/clean", "clean", "c1"), ("shop/raw", ORDERS.key, "v2"))])
        found = await store.built_from(ORDERS, "v1")
        assert [(one.depth, one.id, one.version, one.input, one.consumed, one.run) for one in found.uses] == [
            (1, clean, "c1", ORDERS, "v1", "r3"),
            (2, report, "r1", clean, "c1", "r5"),
        ]
        assert not found.ended_early
        assert {(one.id, one.depth) for one in (await store.built_from(ORDERS, "v2")).uses} == {(other, 1), (report, 1)}
        assert (await store.built_from(ORDERS, "v3")).uses == ()

    async def test_what_counted_for_nothing_and_what_was_not_known_is_no_use(self, store: Store) -> None:
        clean, raw = AssetId("shop", "clean"), ("raw", ORDERS.key, "v1")
        await store.append([built(1, "c1", clean, raw, fence=2), built(2, "c2", clean, raw, fence=1)])
        await store.append([built(3, "c3", clean, ("raw", ORDERS.key, None))])
        assert [one.version for one in await store.uses(ORDERS)] == ["c1"]

    async def test_the_same_result_as_before_is_followed_only_from_then_on(self, store: Store) -> None:
        """`report` was built from c1 when that was still of v1; that it is of v2 now as well is no news to `report`."""
        clean, report = AssetId("shop", "clean"), AssetId("shop", "report")
        await store.append([built(1, "c1", clean, ("raw", ORDERS.key, "v1"))])
        await asyncio.sleep(0.005)  # ids are milliseconds
        await store.append([built(2, "r1", report, ("clean", "clean", "c1"))])
        await asyncio.sleep(0.005)
        await store.append([built(3, "c1", clean, ("raw", ORDERS.key, "v2"))])
        assert [one.id for one in (await store.built_from(ORDERS, "v2")).uses] == [clean]
        assert [one.id for one in (await store.built_from(ORDERS, "v1")).uses] == [clean, report]

    async def test_a_search_that_has_read_enough_ends_and_says_so(
        self, store: Store, backend: Backend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(uses, "MAX_READ", 2 * (1 + backend.settings.redis_shards) + 1)
        chain = [AssetId("shop", f"a{number}") for number in range(9)]
        for number, (above, below) in enumerate(pairwise(chain)):
            await store.append([built(number, "x", below, (above.key, above.key, "x"))])
        found = await store.built_from(chain[0], "x")
        assert ([one.depth for one in found.uses], found.ended_early) == ([1, 2, 3], True)

    async def test_uses_expire_and_their_number_is_bounded(
        self, store: Store, backend: Backend, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(append, "kept_uses", lambda _: 10)
        clean = AssetId("shop", "clean")
        raw = [("raw", ORDERS.key, f"v{n}") for n in range(400)]
        await store.append([built(n, f"c{n}", clean, raw[n]) for n in range(400)])
        assert len(await store.uses(ORDERS)) <= 10 + 100
        assert (await store.uses(ORDERS))[0].version == "c399"
        _, fleeting = await all_keys(store)
        assert any(":uses:" in key for key in fleeting)


class TestRetention:
    async def test_a_purge_leaves_only_what_is_current(self, store: Store, backend: Backend) -> None:
        noise = AssetId("shop", "noise")
        await store.append([*(saw(n, f"v{n // 2}") for n in range(20)), *(saw(n, None, noise) for n in range(30, 35))])
        await store.decide([Decision(Kind.ASSET, Ref("shop", "a"), Verb.RUN, "Stale", "m", at(n)) for n in range(2)])
        await store.record_run(a_run(1))
        await store.put_log(Ref("shop", "run-1"), "log")
        before = (await store.states([ORDERS]))[ORDERS]
        for each in (ORDERS, noise):
            assert await store.trim(each, 0, timedelta(days=90)) > 0
        assert await store.states([ORDERS]) == {ORDERS: before}
        assert [one.version for one in (await store.versions(ORDERS)).items] == ["v9"]
        assert (await store.events(ORDERS)).items == ()
        assert await store.undefined("shop") == [ORDERS.key]
        kept, fleeting = await all_keys(store)
        assert {key.split("}", 1)[-1] for key in kept} == {
            "upwell:meta",
            ":feed",
            ":keys:shop",
            ":asset:shop/warehouse/raw_orders:state",
        }
        assert fleeting

    async def test_nothing_at_all_is_left_of_data_that_nobody_defines(self, store: Store) -> None:
        """Every key that `keys.py` documents is written; what is left bounds itself: it expires, or has a length."""
        clean, ref = AssetId("shop", "clean"), Ref("shop", "clean")
        await store.append([*(saw(n, f"v{n // 3}") for n in range(12)), replace(saw(12, "v4"), run=None)])
        await store.append([failed(13, EventType.OBSERVATION_FAILED)])
        await store.append([built(14, "c1", clean, ("raw", ORDERS.key, "v4")), saw_in(15, {"eu": "a"})])
        await store.decide([Decision(Kind.ASSET, ref, Verb.RUN, "Stale", "m", at(1))])
        await store.record_run(a_run(1))
        await store.put_log(Ref("shop", "run-1"), "log")
        await store.raise_epoch()
        written, fleeting = await all_keys(store)
        assert {documented(key) for key in written | fleeting} == {documented(key) for key in DOCUMENTED}
        await asyncio.sleep(0.005)  # ids are milliseconds
        assert await store.known() == [clean, ORDERS]
        for each in await store.known():
            await store.trim(each, 1000, timedelta(milliseconds=1), defined=False)
        assert await store.known() == []
        assert await store.states([ORDERS, clean]) == {}
        assert {documented(key) for key in (await all_keys(store))[0]} == {"upwell:meta", "{k}:feed", "{k}:epoch"}

    async def test_undefined_data_stays_for_its_time(self, store: Store) -> None:
        await store.append([saw(1, "v1")])
        await store.trim(ORDERS, 0, timedelta(days=1), defined=False)
        assert (await store.states([ORDERS]))[ORDERS].version == "v1"

    async def test_what_was_rebuilt_from_status_is_kept_from_then_on(self, store: Store) -> None:
        await store.restore([(ORDERS, AssetState("v1"))])
        await store.trim(ORDERS, 1000, timedelta(days=1), defined=False)
        assert (await store.states([ORDERS]))[ORDERS].version == "v1"

    async def test_events_beyond_an_age_go(self, store: Store) -> None:
        await store.append([saw(n, f"v{n}") for n in range(5)])
        assert await store.trim(ORDERS, 1000, timedelta(days=1)) == 0
        await asyncio.sleep(0.005)  # ids are milliseconds
        assert await store.trim(ORDERS, 1000, timedelta(milliseconds=1)) == 9

    async def test_the_number_to_keep_holds_for_later_appends(self, store: Store) -> None:
        await store.append([saw(0, "v0")])
        await store.trim(ORDERS, 10, timedelta(days=1))
        await store.append([saw(n, f"v{n}") for n in range(1, 400)])
        assert len((await store.events(ORDERS, limit=1000)).items) <= 10 + 100

    async def test_the_feed_does_not_grow_for_ever(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(append, "FEED_ENTRIES", 0)
        await store.append([saw(n, f"v{n}") for n in range(1500)])
        assert await store._link.read([("XLEN", store._keys.feed(store._keys.shard(ORDERS)))]) < [1200]


DOCUMENTED = re.findall(r"^    (upwell:\S+)", keys.__doc__ or "", re.MULTILINE)


ABOUT = re.compile(
    r":(asset|seen|uses|keys|decisions|run|runs):.*?(:(?:state|events|unchanged|versions|seen|log))?$",
)


def documented(key: str) -> str:
    """Give the sort of a key, whatever it is about."""
    return ABOUT.sub(r":\1:…\2", re.sub(r"^upwell:\{\w+\}:", "{k}:", key))


async def all_keys(store: Store) -> tuple[set[str], set[str]]:
    """Give the keys that stay and those that expire."""
    client = store._link.client
    nodes = client.get_primaries() if hasattr(client, "get_primaries") else [None]
    names: set[str] = set()
    for node in nodes:
        names |= set(await client.keys("*", **({"target_nodes": node} if node else {})))
    stay = {name for name in names if await client.ttl(name) == -1}
    return stay, names - stay


class TestRebuilding:
    FULL = AssetState(
        "v3",
        at(3),
        Observation(at(5), "v3", "r5", at(3), 4),
        Materialization(at(3), "v3", "1", "r3", (InputVersion("a", "a", "x"),)),
        Failure(at(6), RunKind.OBSERVE, "r6", "boom"),
        12,
    )

    async def test_an_emptied_redis_is_noticed_and_refilled(self, store: Store, backend: Backend) -> None:
        assert await store.is_empty()
        assert await store.restore([(ORDERS, self.FULL), (DAILY, AssetState())]) == 1
        assert not await store.is_empty()
        assert await store.states([ORDERS, DAILY]) == {ORDERS: self.FULL}
        backend.empty()
        if backend.name == "fake":
            await store._link.client.flushall()
        assert await store.is_empty()
        assert await store.restore([(ORDERS, self.FULL)]) == 1
        assert await store.restore([(ORDERS, self.FULL)]) == 0

    async def test_what_was_reported_since_is_newer_and_stays(self, store: Store) -> None:
        await store.append([saw(9, "v4", fence=1)])
        await store.restore([(ORDERS, self.FULL)])
        state = (await store.states([ORDERS]))[ORDERS]
        assert state == AssetState(
            "v4", at(9), Observation(at(9), "v4", "r9", at(9), 1), self.FULL.materialization, None, 12
        )

    async def test_the_same_version_seen_since_gets_its_beginning_back(self, store: Store) -> None:
        await store.append([saw(9, "v3")])
        await store.restore([(ORDERS, self.FULL)])
        state = (await store.states([ORDERS]))[ORDERS]
        assert state.version_changed_at == at(3)
        assert state.observation == Observation(at(9), "v3", "r9", at(3), 1)

    async def test_appending_after_a_rebuild_goes_on_from_there(self, store: Store) -> None:
        await store.restore([(ORDERS, self.FULL)])
        assert await store.append([saw(9, "v3", fence=13), saw(10, "v4", fence=11)]) == [
            STORED,
            Appended(Status.SUPERSEDED),
        ]


class TestGuards:
    """What a guard accepted is what those see who read the state; `arrived` is what it has not let through."""

    ACCEPTED = AssetState("v1", at(1), accepted=True, figures='{"rows":100.0}')

    async def test_without_a_guard_the_newest_version_is_the_current_one(self, store: Store) -> None:
        await store.append([saw(1, "v1"), saw(2, "v2")])
        state = (await store.states([ORDERS]))[ORDERS]
        assert (state.version, state.accepted, state.arrived) == ("v2", False, None)

    async def test_what_was_accepted_stays_the_version_until_another_is(self, store: Store) -> None:
        await store.append([saw(1, "v1")])
        assert await store.accept(ORDERS, "v1", self.ACCEPTED)
        assert await store.append([saw(2, "v2")]) == [CHANGED]
        state = (await store.states([ORDERS]))[ORDERS]
        assert (state.version, state.version_changed_at, state.figures) == ("v1", at(1), self.ACCEPTED.figures)
        assert state.arrived == Arrived("v2", at(2))
        assert await store.accept(ORDERS, "v2", AssetState("v2", at(2), accepted=True))
        state = (await store.states([ORDERS]))[ORDERS]
        assert (state.version, state.version_changed_at, state.figures, state.arrived) == ("v2", at(2), "", None)

    async def test_among_its_versions_the_accepted_one_is_the_current_one(self, store: Store) -> None:
        await store.append([saw(1, "v1"), saw(2, "v0"), saw(3, "v1")])
        await store.accept(ORDERS, "v1", AssetState("v1", at(3), accepted=True))
        await store.append([saw(4, "v2")])
        page = await store.versions(ORDERS)
        assert [(one.version, one.current) for one in page.items] == [
            ("v2", False),
            ("v1", True),
            ("v0", False),
            ("v1", False),
        ]
        rest = await store.versions(ORDERS, (await store.versions(ORDERS, limit=1)).cursor)
        assert [(one.version, one.current) for one in rest.items] == [("v1", False), ("v0", False), ("v1", False)]

    async def test_what_was_judged_by_an_older_version_is_not_kept(self, store: Store) -> None:
        await store.append([saw(1, "v1"), saw(2, "v2")])
        assert not await store.accept(ORDERS, "v1", self.ACCEPTED)
        assert not await store.accept(DAILY, "v1", self.ACCEPTED)
        assert not (await store.states([ORDERS]))[ORDERS].accepted

    async def test_without_a_guard_nothing_is_kept_any_more(self, store: Store) -> None:
        await store.append([saw(1, "v1")])
        await store.accept(ORDERS, "v1", self.ACCEPTED)
        await store.append([saw(2, "v2")])
        assert await store.accept(ORDERS, "v2", AssetState("v2", at(2)))
        state = (await store.states([ORDERS]))[ORDERS]
        assert (state.version, state.accepted, state.figures) == ("v2", False, "")

    async def test_an_emptied_redis_is_refilled_with_what_was_held(self, store: Store) -> None:
        held = replace(self.ACCEPTED, arrived=Arrived("v2", at(2), "held"))
        await store.restore([(ORDERS, held)])
        assert (await store.states([ORDERS]))[ORDERS] == replace(held, arrived=Arrived("v2", at(2)))

    async def test_what_came_since_is_held_against_what_the_status_remembers(self, store: Store) -> None:
        await store.append([saw(9, "v3")])
        await store.restore([(ORDERS, self.ACCEPTED)])
        state = (await store.states([ORDERS]))[ORDERS]
        assert (state.version, state.arrived) == ("v1", Arrived("v3", at(9)))
        await store.restore([(ORDERS, AssetState("v0", at(0), accepted=True))])
        assert (await store.states([ORDERS]))[ORDERS].version == "v1", "what is there is newer"


class TestFencing:
    async def test_epochs_rise_and_the_older_operator_is_refused(self, store: Store) -> None:
        other = Store(Settings(redis_shards=store._keys.shards), store._link.client)
        assert await store.raise_epoch() == 1
        assert await other.raise_epoch(7) == 7
        decision = Decision(Kind.ASSET, Ref("shop", "daily"), Verb.RUN, "Stale", "m", at(1))
        for write in (
            store.decide([decision]),
            store.append([saw(1, "v1")]),
            store.restore([(ORDERS, AssetState("v"))]),
            store.accept(ORDERS, "v", AssetState("v", accepted=True)),
            store.record_run(a_run(1)),
            store.put_log(Ref("shop", "r"), ""),
            store.trim(ORDERS, 1, timedelta(1)),
        ):
            with pytest.raises(Fenced, match="epoch 7"):
                await write
        await other.decide([decision])
        assert await store.raise_epoch() == 8

    async def test_a_server_is_not_fenced(self, store: Store) -> None:
        await Store(Settings(redis_shards=store._keys.shards), store._link.client).raise_epoch(5)
        assert await store.append([saw(1, "v1")]) == [CHANGED]

    async def test_another_number_of_shards_refuses_to_start(self, store: Store, backend: Backend) -> None:
        await store.open()
        other = Store(backend.settings.model_copy(update={"redis_shards": 7}), store._link.client)
        with pytest.raises(Stalled, match="UPWELL_REDIS_SHARDS is 7: set it to"):
            await other.open()


class TestRuns:
    async def test_a_run_comes_back_whole_and_its_end_is_never_taken_back(self, store: Store) -> None:
        ended = a_run(
            1,
            phase=RunPhase.FAILED,
            inputs=(InputVersion("a", "a", None),),
            code_version="3",
            request="t",
            observation_job="j",
            job_run="jr",
            outcome=Outcome.FAILED,
            ended_at=at(9),
            message="boom",
        )
        await store.record_run(a_run(1))
        assert await store.run("shop", "run-1") == a_run(1)
        await store.record_run(ended)
        await store.record_run(a_run(1))
        assert await store.run("shop", "run-1") == ended
        assert await store.run("shop", "nobody") is None

    async def test_runs_are_listed_newest_first_over_all_shards(self, store: Store) -> None:
        for number in range(12):
            await store.record_run(a_run(number, "shop" if number % 3 else "other", created_at=at(number // 4)))
        everything = (await store.runs()).items
        assert [one.created_at for one in everything] == [at(number // 4) for number in reversed(range(12))]
        paged, cursor = [], None
        while True:
            page = await store.runs(None, cursor, 5)
            paged += page.items
            cursor = page.cursor
            if cursor is None:
                break
        assert tuple(paged) == everything
        assert [one.ref.namespace for one in (await store.runs("other")).items] == ["other"] * 4

    async def test_the_end_of_a_log_is_kept(self, store: Store) -> None:
        await store.put_log(Ref("shop", "r"), "é" * 100_000)
        log = await store.log("shop", "r")
        assert log is not None
        assert len(log.encode()) <= 65536
        assert set(log) == {"é"}
        assert await store.log("shop", "nobody") is None


class TestHearing:
    async def test_only_what_somebody_could_care_about_is_heard(self, store: Store) -> None:
        position = await store.position()
        await store.append(
            [
                saw(1, "v1"),
                saw(2, "v1"),
                saw(3, None),
                failed(4, EventType.OBSERVATION_FAILED),
                failed(5, EventType.ATTEMPT_FAILED),
                saw(6, "v1"),
                made(7, "v1", ORDERS),
                saw(8, "v2"),
            ]
        )
        heard = await store.changes(position)
        assert [(one.kind, one.changed, one.run) for one in heard] == [
            (EventType.OBSERVATION, True, "r1"),
            (EventType.OBSERVATION_FAILED, False, "r4"),
            (EventType.OBSERVATION, False, "r6"),
            (EventType.MATERIALIZATION, False, "r7"),
            (EventType.OBSERVATION, True, "r8"),
        ]
        assert await store.changes(position) == []

    async def test_following_hears_all_shards_from_now_on(self, store: Store) -> None:
        ids = [AssetId("shop", f"a/{number}") for number in range(40)]
        await store.append([saw(0, "before")])
        heard: set[AssetId] = set()
        async with aclosing(store.follow()) as lists, asyncio.timeout(20):
            async for changes in lists:
                if not changes:
                    await store.append([saw(n, "v", id_, run=None) for n, id_ in enumerate(ids)])
                heard |= {one.id for one in changes}
                if len(heard) == len(ids):
                    break
        assert heard == set(ids)

    async def test_following_from_a_place_misses_nothing_in_between(self, store: Store) -> None:
        position = await store.position()
        await store.append([saw(1, "v1"), saw(2, "v2")])
        async with aclosing(store.follow(position)) as lists, asyncio.timeout(20):
            heard = await anext(lists)
        assert heard == [
            Change(ORDERS, changed=True, kind=EventType.OBSERVATION, run="r1"),
            Change(ORDERS, changed=True, kind=EventType.OBSERVATION, run="r2"),
        ]
        assert await store.changes(position) == []

    async def test_a_reader_that_fell_behind_is_told(self, store: Store) -> None:
        position = await store.position()
        await store.append([saw(n, f"v{n}") for n in range(4)])
        feed = store._keys.feed(store._keys.shard(ORDERS))
        await store._link.read([("XTRIM", feed, "MAXLEN", 2)])
        with pytest.raises(FellBehind, match="are gone"):
            await store.changes(position)

    async def test_an_emptied_feed_is_noticed(self, store: Store) -> None:
        await store.append([saw(1, "v1")])
        position = await store.position()
        feed = store._keys.feed(store._keys.shard(ORDERS))
        await store._link.read([("DEL", feed)])
        with pytest.raises(FellBehind, match="has lost its end"):
            await store.changes(position)
        await store.append([saw(2, "v2")])
        with pytest.raises(FellBehind):
            await store.changes(position)


def saw_in(number: int, versions: dict[str, str], *, last: bool = True, **more: object) -> Append:
    """Say what one observation saw in some partitions."""
    it = event(number, partitions=versions, result=last)
    return Append(ORDERS, it, **{"run": f"r{number}", "versions": versions, "last": last, **more})  # type: ignore[arg-type]


async def version(store: Store) -> str | None:
    return (await store.states([ORDERS]))[ORDERS].version


class TestPartitions:
    async def test_each_partition_has_a_version_and_together_they_are_the_assets(self, store: Store) -> None:
        assert await store.append([saw_in(1, {"eu": "a", "us": "b"})]) == [CHANGED]
        state = (await store.states([ORDERS]))[ORDERS]
        assert (len(state.version or ""), state.partitions) == (32, 2)
        assert state.observation == Observation(at(1), state.version or "", "r1", at(1), 1)
        found = await store.partitions(ORDERS, ["us", "asia", "eu"])
        assert found == {"us": PartitionVersion("b", at(1)), "eu": PartitionVersion("a", at(1))}
        assert await store.partition_keys(ORDERS) == ["eu", "us"]

    async def test_the_assets_version_tells_of_the_set_alone_and_not_of_how_it_came_about(self, store: Store) -> None:
        await store.append([saw_in(1, {"eu": "a", "us": "b"})])
        both = await version(store)
        await store.append([saw_in(2, {"eu": "c"})])
        assert await version(store) != both
        await store.append([saw_in(3, {"us": "b", "eu": "a"})])
        assert await version(store) == both
        await store.append([saw_in(4, {"us": "a", "eu": "b"})])
        assert await version(store) != both

    async def test_what_is_unchanged_makes_no_feed_entry_and_is_folded_away(self, store: Store) -> None:
        await store.append([saw_in(1, {"eu": "a", "us": "b"})])
        cursors = await store.position()
        assert (
            await store.append([saw_in(number, {"eu": "a", "us": "b"}) for number in range(2, 152)]) == [STORED] * 150
        )
        assert await store.changes(cursors) == []
        state = (await store.states([ORDERS]))[ORDERS]
        assert state.observation is not None
        assert (state.observation.count, state.partitions) == (151, 2)
        assert len((await store.events(ORDERS, limit=1000)).items) == 101

    async def test_an_event_names_what_changed_and_counts_what_was_seen(self, store: Store) -> None:
        await store.append([saw_in(1, {"eu": "a", "us": "b"}), saw_in(2, {"eu": "a", "us": "c"})])
        newest, first = (await store.events(ORDERS)).items
        assert (newest.event.partitions, newest.partitions_seen, newest.partitions_changed) == ({"us": "c"}, 2, 1)
        assert (first.partitions_seen, first.partitions_changed, first.changed) == (2, 2, True)

    async def test_no_more_than_a_hundred_changed_partitions_are_named(self, store: Store) -> None:
        await store.append([saw_in(1, {f"p{n:05}": str(n) for n in range(2500)})])
        (stored,) = (await store.events(ORDERS)).items
        assert (len(stored.event.partitions), stored.partitions_changed) == (100, 2500)
        assert len(await store.partition_keys(ORDERS)) == 2500
        assert (await store.partitions(ORDERS, [f"p{n:05}" for n in range(2500)]))["p02499"].version == "2499"

    async def test_the_events_of_a_partition_are_those_that_name_it(self, store: Store) -> None:
        of_eu = Append(ORDERS, event(3, version="c", partition="eu"), versions={"eu": "c"}, last=True)
        await store.append([saw_in(1, {"eu": "a", "us": "b"}), saw_in(2, {"eu": "a", "us": "c"}), of_eu, saw(4, None)])
        assert [one.event.id for one in (await store.events(ORDERS, partition="eu")).items] == ["e3", "e1"]
        assert [one.event.id for one in (await store.events(ORDERS, partition="us")).items] == ["e2", "e1"]
        assert (await store.events(ORDERS, partition="asia")).items == ()
        first = await store.events(ORDERS, limit=1, types={EventType.OBSERVATION}, partition="eu")
        second = await store.events(ORDERS, first.cursor, limit=1, partition="eu")
        assert [one.event.id for page in (first, second) for one in page.items] == ["e3", "e1"]

    async def test_half_a_result_is_never_the_assets_version(self, store: Store) -> None:
        await store.append([saw_in(1, {"eu": "a"})])
        before, cursors = await version(store), await store.position()
        assert await store.append([saw_in(2, {"us": "b"}, last=False, run="r")]) == [STORED]
        assert (await version(store), await store.changes(cursors)) == (before, [])
        assert await store.append([saw_in(3, {"asia": "c"}, run="r")]) == [CHANGED]
        assert await store.outcome(ORDERS, "r") is Outcome.CHANGED
        assert len(await store.changes(cursors)) == 1

    async def test_what_a_run_said_of_partitions_stands_when_it_fails(self, store: Store) -> None:
        await store.append([saw_in(1, {"eu": "a"})])
        before, cursors = await version(store), await store.position()
        await store.append([saw_in(2, {"us": "b"}, last=False, run="r")])
        await store.append([failed(3, EventType.OBSERVATION_FAILED, run="r", last=True)])
        state = (await store.states([ORDERS]))[ORDERS]
        assert (state.version != before, state.failure is not None, state.partitions) == (True, True, 2)
        assert [one.changed for one in await store.changes(cursors)] == [True]

    async def test_a_run_that_was_overtaken_changes_no_partition(self, store: Store) -> None:
        await store.append([saw_in(1, {"eu": "new"}, fence=2)])
        assert await store.append([saw_in(2, {"eu": "old"}, fence=1)]) == [Appended(Status.SUPERSEDED)]
        assert (await store.partitions(ORDERS, ["eu"]))["eu"].version == "new"

    async def test_an_asset_that_is_cut_no_more_forgets_its_partitions(self, store: Store) -> None:
        await store.append([saw_in(1, {"eu": "a"}), saw(2, "whole")])
        state = (await store.states([ORDERS]))[ORDERS]
        assert (state.version, state.partitions, await store.partition_keys(ORDERS)) == ("whole", 0, [])

    async def test_after_a_loss_the_version_stays_until_as_many_partitions_were_seen_again(self, store: Store) -> None:
        everything = {"eu": "a", "us": "b", "asia": "c"}
        await store.append([saw_in(1, everything)])
        remembered = (await store.states([ORDERS]))[ORDERS]
        await store.restore([(DAILY, replace(remembered, fence=0))])
        await store.append([replace(saw_in(2, {"eu": "a"}), id=DAILY), replace(saw_in(3, {"us": "b"}), id=DAILY)])
        assert (await store.states([DAILY]))[DAILY].version == remembered.version
        assert await store.append([replace(saw_in(4, {"asia": "c"}), id=DAILY)]) == [STORED]
        assert await store.append([replace(saw_in(5, {"asia": "d"}), id=DAILY)]) == [CHANGED]

    async def test_the_partitions_go_with_the_asset(self, store: Store) -> None:
        await store.append([saw_in(1, {"eu": "a"}, last=False)])
        await store.trim(ORDERS, 0, timedelta(0))
        assert await store.partition_keys(ORDERS) == []
