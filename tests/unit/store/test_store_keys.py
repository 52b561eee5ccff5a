"""Keys: unique, of one slot where one script writes, and all documented."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from redis.crc import key_slot

from upwell_operator.domain.snapshot import AssetId, Ref
from upwell_operator.store import keys
from upwell_operator.store.keys import Keys

TEXT = st.text(min_size=1, max_size=30)


@given(TEXT, TEXT, st.integers(1, 1024))
def test_what_a_script_writes_together_is_in_one_slot(namespace: str, key: str, shards: int) -> None:
    spelled = Keys(shards)
    data = AssetId(namespace, key)
    shard = spelled.shard(data)
    together = [*spelled.asset(data), spelled.seen(data, "r"), spelled.seen(data, None), spelled.feed(shard)]
    together.append(spelled.uses(shard, AssetId("other", key)))
    assert len({key_slot(one.encode()) for one in together}) == 1
    assert spelled.state(data) == spelled.asset(data).state
    assert len({key_slot(one.encode()) for one in spelled.run(Ref(namespace, key))}) == 1


@given(st.tuples(TEXT, TEXT), st.tuples(TEXT, TEXT))
def test_no_two_assets_share_a_key(one: tuple[str, str], other: tuple[str, str]) -> None:
    ours, theirs = (AssetId(namespace.replace("/", "-"), key) for namespace, key in (one, other))
    if ours != theirs:
        assert set(Keys(1).asset(ours)[:4]).isdisjoint(Keys(1).asset(theirs)[:4])


def test_shards_are_used_evenly() -> None:
    spelled = Keys(64)
    counts = [0] * 64
    for number in range(6400):
        counts[spelled.shard(AssetId("shop", f"warehouse/table_{number}"))] += 1
    assert min(counts) > 50
    assert max(counts) < 200


def test_the_layout_names_every_key_that_is_spelled() -> None:
    spelled = Keys(1)
    data, ref = AssetId("ns", "key"), Ref("ns", "run")
    every = [
        *spelled.asset(data),
        spelled.seen(data, None),
        spelled.seen(data, "run"),
        spelled.feed(0),
        spelled.uses(0, data),
        *spelled.run(ref),
        spelled.decisions("Kind", Ref("ns", "name")),
        keys.META,
    ]
    documented = set(re.findall(r"^    (upwell:\S+)", keys.__doc__ or "", re.MULTILINE))
    assert {one.replace("{0}", "{k}") for one in every} == documented
