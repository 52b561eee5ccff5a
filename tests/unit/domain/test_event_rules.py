"""What an event may say: keys held against the SDK that writes them, and a sentence for whatever cannot be."""

from __future__ import annotations

import unicodedata
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from upwell import AssetKey
from upwell.errors import InvalidValue
from upwell.protocol import Event
from upwell_operator.domain.event_rules import MAX_KEY_CHARS, check_event, key_problem
from upwell_operator.errors import Rejected

HOSTILE = st.text(st.sampled_from("ab/._- \r\n\t\0\u200b\u202eé\u0301{}%"), max_size=12) | st.text(max_size=300)


@given(HOSTILE)
def test_an_accepted_key_is_harmless_wherever_it_is_written(key: str) -> None:
    if key_problem(key) is None:
        assert 1 <= len(key) <= MAX_KEY_CHARS
        assert not any(unicodedata.category(char)[0] == "C" for char in key)
        assert len(key.splitlines()) == 1
        assert all(part not in {"", ".", ".."} for part in key.split("/"))
        assert key == key.strip() == unicodedata.normalize("NFC", key)


@given(HOSTILE)
@example("_/ _")  # a blank at the end of a part, and not of the key
def test_the_server_accepts_no_key_that_the_sdk_would_refuse(key: str) -> None:
    try:
        AssetKey(key)
    except InvalidValue:
        assert key_problem(key) is not None


@given(st.lists(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True), min_size=1, max_size=8))
def test_every_ordinary_path_is_a_key(parts: list[str]) -> None:
    assert key_problem("/".join(parts)) is None


# ---------------------------------------------------------------- whole events

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
READ = TypeAdapter(Event).validate_python


def an_event(**fields: Any) -> Event:
    """Make an event from its wire format, an observation unless said otherwise."""
    return READ({"id": "e1", "type": "AssetObservation", "assetKey": "raw", "time": "2026-11-22T12:00:00Z", **fields})


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "id with a blank": (
        {"id": "a b"},
        "id: must be 1 to 64 of the characters A-Z a-z 0-9 : _ . -; a ULID will do.",
    ),
    "id too long": ({"id": "x" * 65}, "id: must be 1 to 64 of"),
    "empty key": ({"assetKey": ""}, "assetKey: must have 1 to 256 characters, has 0; shorten it."),
    "64 KiB of key": ({"assetKey": "k" * 65536}, "assetKey: must have 1 to 256 characters, has 65536"),
    "key that climbs": ({"assetKey": "a/../b"}, "assetKey: must be names joined by single slashes"),
    "key with a double slash": (
        {"assetKey": "a//b"},
        "assetKey: must be names joined by single slashes",
    ),
    "key with CR LF": ({"assetKey": "a\r\nb"}, "assetKey: has control or invisible characters"),
    "key with a blank end": ({"assetKey": "a "}, "assetKey: has control or invisible characters"),
    "key with zero width": ({"assetKey": "a\u200bb"}, "assetKey: has control or invisible characters"),
    "key not in NFC": ({"assetKey": "e\u0301"}, "assetKey: has control or invisible characters"),
    "empty version": ({"dataVersion": ""}, "dataVersion: must have 1 to 512 characters, has 0"),
    "long version": ({"dataVersion": "v" * 513}, "dataVersion: must have 1 to 512 characters, has 513"),
    "time without zone": ({"time": "2026-11-22T12:00:00"}, "time: must be RFC 3339 with a zone"),
    "time that is a date": ({"time": "2026-11-22"}, "time: must be RFC 3339 with a zone"),
    "time that does not exist": ({"time": "2026-02-30T00:00:00Z"}, "time: must be RFC 3339 with a zone"),
    "time in ISO weeks": ({"time": "2026-W10-1T00:00:00Z"}, "time: must be RFC 3339 with a zone"),
    "time before computers": (
        {"time": "0001-01-01T00:00:00+05:00"},
        "time: must be RFC 3339 with a zone",
    ),
    "time far ahead": (
        {"time": "2026-11-22T13:00:01Z"},
        "more than an hour ahead of the server (2026-11-22T12:00:00Z)",
    ),
    "unknown metadata type": (
        {"metadata": {"a": {"type": "blob", "value": 1}}},
        "metadata.a: the type 'blob' is unknown; use one of text, md",
    ),
    "int that is text": (
        {"metadata": {"a": {"type": "int", "value": "many"}}},
        "metadata.a: the type int cannot hold the JSON value 'many'",
    ),
    "bool that is text": (
        {"metadata": {"a": {"type": "bool", "value": "yes"}}},
        "metadata.a: the type bool cannot hold the JSON value 'yes'",
    ),
    "int that is true": (
        {"metadata": {"a": {"type": "int", "value": True}}},
        "metadata.a: true and false are no int; use the type bool.",
    ),
    "text that is a list": (
        {"metadata": {"a": {"type": "text", "value": []}}},
        "metadata.a: the type text cannot hold the JSON value list",
    ),
    "64 KiB of text": (
        {"metadata": {"a": {"type": "text", "value": "x" * 65537}}},
        "metadata.a: may have 65536 bytes, has 65537; store it elsewhere, and report its path or url.",
    ),
    "64 KiB in letters of two bytes": (
        {"description": "é" * 32769},
        "description: may have 65536 bytes, has 65538",
    ),
    "257 metadata": (
        {"metadata": {f"m{i}": {"type": "null"} for i in range(257)}},
        "metadata: may have 256 entries, has 257",
    ),
    "label with a line break": (
        {"metadata": {"a\nb": {"type": "null"}}},
        "metadata: a label must have 1 to 256 characters",
    ),
    "a partition without a name": ({"partition": ""}, "partition: a key must have 1 to 256 characters"),
    "a partition of two lines": ({"partition": "a\nb"}, "no control characters or blanks at an end; 'a\\nb' is none."),
    "a partition with a blank at its end": ({"partition": "a "}, "partition: a key must have"),
    "partitions' materialization": (
        {"partitions": {"eu": "1"}, "type": "AssetMaterialization"},
        "partitions: only an AssetObservation may be about several",
    ),
    "partitions and a version": (
        {"partitions": {"eu": "1"}, "dataVersion": "1"},
        "partitions: says each partition's version; leave out partition and dataVersion.",
    ),
    "a partition and partitions": (
        {"partitions": {"eu": "1"}, "partition": "us"},
        "partitions: says each partition's version",
    ),
    "10,001 partitions": (
        {"partitions": {str(number): "1" for number in range(10_001)}},
        "partitions: may have 10000 entries, has 10001; report the rest in another event.",
    ),
    "a partition among many without a name": ({"partitions": {" ": "1"}}, "partitions: a key must have 1 to 256"),
    "a partition's version of nothing": ({"partitions": {"eu": ""}}, "partitions.eu: must have 1 to 512 characters"),
    "257 tags": ({"tags": {f"t{i}": "" for i in range(257)}}, "tags: may have 256 entries, has 257"),
}


@pytest.mark.parametrize(("fields", "sentence"), BAD.values(), ids=BAD)
def test_a_bad_event_is_refused_with_a_sentence_that_names_the_field(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Rejected) as refused:
        check_event(an_event(**fields), NOW)
    assert sentence in str(refused.value)


GOOD: dict[str, dict[str, Any]] = {
    "an int beyond JavaScript": {"metadata": {"a": {"type": "int", "value": "9007199254740993"}}},
    "a time without an end": {"metadata": {"a": {"type": "timestamp", "value": "Infinity"}}},
    "a reference to a job": {"metadata": {"a": {"type": "job", "value": {"jobName": "j"}}}},
    "an observation of one partition": {"partition": "2026-11-22"},
    "a version of one partition": {"partition": "2026-11-22", "dataVersion": "1"},
    "versions of many partitions": {"partitions": {"eu": "1", "us": "2"}},
    "tags": {"tags": {"team": "shop", "empty": ""}},
    "64 KiB of text": {"description": "x" * 65536},
    "a version of any text": {"dataVersion": "2026-11-22 \n é \u2028"},
    "a key with blanks and umlauts": {"assetKey": "a b/für alle/{x}"},
    "a time in lower case": {"time": "2026-11-22t12:00:00.123456789z"},
}


@pytest.mark.parametrize("fields", GOOD.values(), ids=GOOD)
def test_what_is_unusual_but_sound_is_taken_as_it_is(fields: dict[str, Any]) -> None:
    event = an_event(**fields)
    assert replace(check_event(event, NOW), time=event.time) == event


def test_a_time_of_another_zone_becomes_utc() -> None:
    assert check_event(an_event(time="2026-11-22T13:30:00.5+02:00"), NOW).time == "2026-11-22T11:30:00.500000Z"
