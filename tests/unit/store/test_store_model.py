"""Random histories against a model in plain Python: the real Lua scripts must come to the same state each time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import fakeredis
from hypothesis import given, settings
from hypothesis import strategies as st

from upwell.protocol import Event, EventType, RunKind
from upwell_operator.domain.snapshot import UNKNOWN_STATE, AssetId, AssetState, Failure, Materialization, Observation
from upwell_operator.settings import Settings
from upwell_operator.store import Append, Appended, Change, Status, Store

START = datetime(2026, 3, 1, tzinfo=UTC)
ASSETS = [AssetId("shop", "a"), AssetId("shop", "b")]
FAILURES = {EventType.OBSERVATION_FAILED: RunKind.OBSERVE, EventType.MATERIALIZATION_FAILED: RunKind.MATERIALIZE}
SUCCESSES = {EventType.OBSERVATION: RunKind.OBSERVE, EventType.MATERIALIZATION: RunKind.MATERIALIZE}


@dataclass
class Model:
    """What the store must remember, said as simply as possible."""

    states: dict[AssetId, AssetState] = field(default_factory=dict)
    spans: dict[AssetId, list[tuple[str, int]]] = field(default_factory=dict)
    seen: set[tuple[object, str]] = field(default_factory=set)
    feed: list[Change] = field(default_factory=list)
    events: dict[AssetId, list[str]] = field(default_factory=dict)

    def append(self, entry: Append) -> Appended:
        key = (entry.run or entry.id, entry.event.id)
        if key in self.seen:
            return Appended(Status.DUPLICATE)
        self.seen.add(key)
        self.events.setdefault(entry.id, []).insert(0, entry.event.id)
        before = self.states.get(entry.id, UNKNOWN_STATE)
        if entry.fence is not None and entry.fence < before.fence:
            return Appended(Status.SUPERSEDED)
        after = self._after(before, entry)
        if after is before:
            return Appended(Status.STORED)
        if entry.fence is not None:
            after = replace(after, fence=entry.fence)
        self.states[entry.id] = after
        changed = after.version != before.version
        if self._matters(before, after, entry.event.type) or changed:
            self.feed.append(Change(entry.id, changed, entry.event.type, entry.run))
        return Appended(Status.STORED, changed)

    def _after(self, before: AssetState, entry: Append) -> AssetState:
        type_, version = entry.event.type, entry.event.data_version
        time = datetime.fromisoformat(entry.event.time)
        if type_ in FAILURES:
            return replace(before, failure=Failure(time, FAILURES[type_], entry.run or "", "boom"))
        if type_ not in SUCCESSES or version is None:
            return before
        after = replace(before, version=version)
        spans = self.spans.setdefault(entry.id, [])
        if version != before.version:
            after = replace(after, version_changed_at=time)
            spans.insert(0, (version, 0))
        spans[0] = (version, spans[0][1] + 1)
        if before.failure and before.failure.kind is SUCCESSES[type_]:
            after = replace(after, failure=None)
        if type_ is EventType.MATERIALIZATION:
            return replace(after, materialization=Materialization(time, version, None, entry.run))
        seen = before.observation
        if seen and seen.version == version:
            return replace(after, observation=replace(seen, time=time, run=entry.run, count=seen.count + 1))
        return replace(after, observation=Observation(time, version, entry.run, time, 1))

    @staticmethod
    def _matters(before: AssetState, after: AssetState, type_: EventType) -> bool:
        recovered = before.failure is not None and after.failure is None
        return type_ is not EventType.OBSERVATION or recovered or before.observation is None


@st.composite
def histories(draw: st.DrawFn) -> list[Append]:
    entries = []
    for number in range(draw(st.integers(1, 20))):
        type_ = draw(st.sampled_from(EventType))
        version = draw(st.sampled_from(["v1", "v2", "v3"]))
        if type_ is EventType.OBSERVATION and draw(st.integers(0, 4)) == 0:
            version = None
        time = (START + timedelta(seconds=number)).isoformat()
        run = draw(st.sampled_from([None, "r1", "r2", "r3"]))
        fence = draw(st.none() | st.integers(1, 4)) if run else None
        event_id = f"e{draw(st.integers(0, 12))}"
        event = Event(event_id, type_, "k", time, version, description="boom" if type_ in FAILURES else None)
        entries.append(Append(draw(st.sampled_from(ASSETS)), event, run=run, fence=fence))
    return entries


@settings(max_examples=25)
@given(histories(), st.integers(1, 7))
def test_any_history_comes_to_what_the_model_says(entries: list[Append], batch: int) -> None:
    asyncio.run(_compare(entries, batch))


async def _compare(entries: list[Append], batch: int) -> None:
    model = Model()
    async with fakeredis.FakeAsyncRedis(server=fakeredis.FakeServer(), decode_responses=True) as client:
        store = Store(Settings(), client)
        position = await store.position()
        answers = [
            answer for at in range(0, len(entries), batch) for answer in await store.append(entries[at : at + batch])
        ]
        assert [model.append(entry) for entry in entries] == answers
        assert await store.states(ASSETS) == model.states
        assert await store.changes(position) == model.feed
        for id_ in ASSETS:
            found = (await store.events(id_, limit=100)).items
            assert [one.event.id for one in found] == model.events.get(id_, [])
            spans = (await store.versions(id_)).items
            assert [(one.version, one.times) for one in spans] == model.spans.get(id_, [])
