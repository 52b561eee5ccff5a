"""Selections: which texts mean what, and what is said of those that mean nothing."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from upwell_operator.resources.selection import (
    DEEPEST,
    LONGEST,
    All,
    Around,
    By,
    Edge,
    Ends,
    Matching,
    Not,
    Selection,
    SelectionError,
    Some,
    read_selection,
)


def key(name: str) -> Matching:
    return Matching(By.KEY, name)


A, B, C = key("a"), key("b"), key("c")
RAW, CSV = Matching(By.GROUP, "raw"), Matching(By.KIND, "csv")

READ: dict[str, Selection] = {
    "a": A,
    "*": key("*"),
    "warehouse/raw_*": key("warehouse/raw_*"),
    "key:a": A,
    'key:"a"': A,
    "KEY:a": A,
    "group:raw": RAW,
    "kind:csv": CSV,
    "tag:pii": Matching(By.TAG, "pii"),
    "tag:tier=gold": Matching(By.TAG, "tier", "gold"),
    'tag:"a tier"="pure gold"': Matching(By.TAG, "a tier", "pure gold"),
    "owner:ana@example.com": Matching(By.OWNER, "ana@example.com"),
    "owner:team:sales": Matching(By.OWNER, "team:sales"),
    'owner:"team:sales"': Matching(By.OWNER, "team:sales"),
    "not a": Not(A),
    "not not a": A,
    "not not not a": Not(A),
    "a and b and c": All((A, B, C)),
    "a or b or c": Some((A, B, C)),
    "a or b and c": Some((A, All((B, C)))),
    "(a or b) and c": All((Some((A, B)), C)),
    "not a and b": All((Not(A), B)),
    "not (a and b)": Not(All((A, B))),
    "A AND NOT b OR c": Some((All((key("A"), Not(B))), C)),
    "+a": Around(A, up=None),
    "a+": Around(A, down=None),
    "+a+": Around(A, None, None),
    "2+a": Around(A, up=2),
    "a+3": Around(A, down=3),
    "2+a+3": Around(A, 2, 3),
    "+ a": Around(A, up=None),
    "+group:raw": Around(RAW, up=None),
    "1+(a or b)": Around(Some((A, B)), up=1),
    "not +a": Not(Around(A, up=None)),
    "a+ and +b": All((Around(A, down=None), Around(B, up=None))),
    "roots(+a)": Ends(Edge.ROOTS, Around(A, up=None)),
    "Sinks (group:raw)": Ends(Edge.SINKS, RAW),
    "sinks(a)+": Around(Ends(Edge.SINKS, A), down=None),
    "roots": key("roots"),
    "order": key("order"),
    "and-so-on": key("and-so-on"),
    '"and"': key("and"),
    "2026": key("2026"),
    "  a\n or\tb ": Some((A, B)),
}

REFUSED: dict[str, str] = {
    "": "something is missing: a key, a filter such as group:raw, not, + or ( is expected\n  \n  ^",
    "group:": "something is missing: a key, a filter such as group:raw, not, + or ( is expected\n  group:\n        ^",
    "grp:raw": 'nothing is selected by "grp"; it can be key, group, tag, owner, kind\n  grp:raw\n  ^',
    "a or code_location:x": 'nothing is selected by "code_location"; it can be key, group, tag, owner, kind\n'
    "  a or code_location:x\n       ^",
    "a adn b": '"adn" cannot stand here: and, or, + or the end is expected\n  a adn b\n    ^',
    "a and": "something is missing: a key, a filter such as group:raw, not, + or ( is expected\n  a and\n       ^",
    "(a or b": "something is missing: and, or, + or ) is expected\n  (a or b\n         ^",
    "a or b)": '")" cannot stand here: and, or, + or the end is expected\n  a or b)\n        ^',
    "+()": '")" cannot stand here: a key, a filter such as group:raw, not, + or ( is expected\n  +()\n    ^',
    "key:a=b": "only a tag has a value; write key:a, or tag:name=value\n  key:a=b\n        ^",
    "++a": '"+a" cannot stand here: a key, a filter such as group:raw, not, + or ( is expected\n  ++a\n   ^',
    "a++": '"+" cannot stand here: and, or, + or the end is expected\n  a++\n    ^',
    '"a': 'a quote is missing: write "a word" between two of them\n  "a\n  ^',
    "a, b": '"," cannot stand here: and, or, + or the end is expected; a word with such a sign is quoted\n  a, b\n   ^',
    "kind:<null>": '"<null>" cannot stand here: a key, a filter such as group:raw, not, + or ( is expected; '
    "a word with such a sign is quoted\n  kind:<null>\n       ^",
    "a\nand\nnot": "something is missing: a key, a filter such as group:raw, not, + or ( is expected\n  a and not\n"
    "           ^",
}


@pytest.mark.parametrize(("text", "meant"), READ.items(), ids=READ.keys())
def test_a_text_means_one_thing(text: str, meant: Selection) -> None:
    assert read_selection(text) == meant


@pytest.mark.parametrize(("text", "said"), REFUSED.items(), ids=REFUSED.keys())
def test_a_text_that_means_nothing_is_shown_with_the_place_and_what_could_stand_there(text: str, said: str) -> None:
    with pytest.raises(SelectionError) as refused:
        read_selection(text)
    assert str(refused.value) == said


def test_a_text_is_neither_too_long_nor_too_deep() -> None:
    assert read_selection("(" * DEEPEST + "a" + ")" * DEEPEST) == A
    with pytest.raises(SelectionError, match=f"brackets are nested {DEEPEST} deep at most"):
        read_selection("(" * (DEEPEST + 1) + "a" + ")" * (DEEPEST + 1))
    assert read_selection('"' + "(" * (DEEPEST + 1) + '"') == key("(" * (DEEPEST + 1)), "a quoted bracket is none"
    assert read_selection("a" * LONGEST) == key("a" * LONGEST)
    with pytest.raises(SelectionError, match=f"it has {LONGEST} characters at most, here {LONGEST + 1}"):
        read_selection("a" * (LONGEST + 1))


def written(one: Selection) -> str:
    """Write a selection so that it is read as the same."""
    match one:
        case Matching(by, pattern, value):
            return f'{by}:"{pattern}"' + (f'="{value}"' if value is not None else "")
        case Not(of):
            return f"not ({written(of)})"
        case All(of):
            return " and ".join(f"({written(part)})" for part in of)
        case Some(of):
            return " or ".join(f"({written(part)})" for part in of)
        case Around(of, up, down):
            before = "" if up == 0 else f"{'' if up is None else up}+"
            after = "" if down == 0 else f"+{'' if down is None else down}"
            return f"{before}({written(of)}){after}"
        case Ends(which, of):
            return f"{which}({written(of)})"


WORDS = st.text(st.characters(codec="utf-8", exclude_characters='"'), max_size=6)
FILTERS = st.builds(Matching, st.sampled_from([by for by in By if by is not By.TAG]), WORDS) | st.builds(
    Matching, st.just(By.TAG), WORDS, st.none() | WORDS
)
LAYERS = st.none() | st.integers(0, 3)


def larger(parts: st.SearchStrategy[Selection]) -> st.SearchStrategy[Selection]:
    some = st.lists(parts, min_size=2, max_size=3).map(tuple)
    return (
        st.builds(Not, parts.filter(lambda one: not isinstance(one, Not)))
        | st.builds(All, some)
        | st.builds(Some, some)
        | st.builds(Around, parts, LAYERS, LAYERS).filter(lambda one: (one.up, one.down) != (0, 0))
        | st.builds(Ends, st.sampled_from(Edge), parts)
    )


@given(st.recursive(FILTERS, larger, max_leaves=8))
def test_what_is_written_is_read_as_the_same(selection: Selection) -> None:
    text = written(selection)
    if len(text) <= LONGEST:
        assert read_selection(text) == selection


@given(st.text(st.sampled_from('ab:=+()"* \n019') | st.characters(), max_size=40))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    with suppress(SelectionError):
        read_selection(text)
