"""Which keys are keys: held against the SDK, which writes them, and against what a URL and a log can bear."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from upwell import AssetKey
from upwell.errors import InvalidValue
from upwell_operator.domain.event_rules import MAX_KEY_CHARS, key_problem

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
def test_the_server_accepts_no_key_that_the_sdk_would_refuse(key: str) -> None:
    try:
        AssetKey(key)
    except InvalidValue:
        assert key_problem(key) is not None


@given(st.lists(st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,20}", fullmatch=True), min_size=1, max_size=8))
def test_every_ordinary_path_is_a_key(parts: list[str]) -> None:
    assert key_problem("/".join(parts)) is None
