"""The grammar of selections, and the words for a text that leaves it. `selection` tells what the syntax means.

Limits: lark's parser takes no recursion for a text, but whoever walks the values does: hence the limit on brackets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Any, cast

from lark import Lark, Token, Transformer, UnexpectedInput, UnexpectedToken, v_args

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
)

NAMED_AT_MOST = 40
"""Characters of a wrong word that are repeated to its writer."""


def parse(text: str) -> Selection:
    """Read a selection. Raises SelectionError."""
    if len(text) > LONGEST:
        why = f"it has {LONGEST} characters at most, here {len(text)}; it begins"
        raise SelectionError(why, text[:NAMED_AT_MOST], 0)
    if (place := next((at for at, depth in enumerate(_depths(text)) if depth > DEEPEST), None)) is not None:
        raise SelectionError(f"brackets are nested {DEEPEST} deep at most", text, place)
    try:
        return cast("Selection", _parser().parse(text))  # the transformer makes no tree
    except _WrongWordError as error:
        raise SelectionError(str(error), text, error.place) from None
    except UnexpectedInput as error:
        ended = isinstance(error, UnexpectedToken) and error.token.type == "$END"
        place = len(text) if ended else cast("int", error.pos_in_stream)
        raise SelectionError(_why(error, text, place), text, place) from None


_GRAMMAR = r"""
?start: some
?some: all (_OR all)*
?all: not (_AND not)*
?not: _NOT not -> negated | around
?around: atom | UP atom -> above | atom DOWN -> below | UP atom DOWN -> above_and_below
?atom: "(" some ")" | EDGE "(" some ")" -> ends
     | word -> bare | FILTER word -> matching | FILTER word "=" word -> tagged
?word: WORD | QUOTED

_OR.4: /or(?![\w.\/@:*-])/i
_AND.4: /and(?![\w.\/@:*-])/i
_NOT.4: /not(?![\w.\/@:*-])/i
UP.3: /[0-9]*\+/
DOWN.3: /\+[0-9]*/
EDGE.2: /(roots|sinks)(?=\s*\()/i
FILTER.2: /[A-Za-z_]+:/
WORD: /[\w.\/@:*-]+/
QUOTED: /"[^"]*"/
%ignore /\s+/
"""


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", transformer=_Values())


class _WrongWordError(Exception):
    """A word at a place where its form is right and its meaning is not."""

    def __init__(self, message: str, place: int) -> None:
        super().__init__(message)
        self.place = place


@v_args(inline=True)
class _Values(Transformer[Token, Selection]):
    """Makes the values, from the inside out, while the text is read."""

    def some(self, *of: Selection) -> Selection:
        return Some(of)

    def all(self, *of: Selection) -> Selection:
        return All(of)

    def negated(self, of: Selection) -> Selection:
        return of.of if isinstance(of, Not) else Not(of)

    def above(self, up: Token, of: Selection) -> Selection:
        return Around(of, up=_layers(up))

    def below(self, of: Selection, down: Token) -> Selection:
        return Around(of, down=_layers(down))

    def above_and_below(self, up: Token, of: Selection, down: Token) -> Selection:
        return Around(of, _layers(up), _layers(down))

    def ends(self, which: Token, of: Selection) -> Selection:
        return Ends(Edge(which.lower()), of)

    def bare(self, word: Token) -> Selection:
        return Matching(By.KEY, _word(word))

    def matching(self, name: Token, word: Token) -> Selection:
        return Matching(_by(name), _word(word))

    def tagged(self, name: Token, word: Token, value: Token) -> Selection:
        by = _by(name)
        if by is not By.TAG:
            raise _WrongWordError(f"only a tag has a value; write {by}:{_word(word)}, or tag:name=value", _place(value))
        return Matching(by, _word(word), _word(value))


def _by(name: Token) -> By:
    word = name.removesuffix(":").lower()
    try:
        return By(word)
    except ValueError:
        why = f'nothing is selected by "{word[:NAMED_AT_MOST]}"; it can be {", ".join(By)}'
        raise _WrongWordError(why, _place(name)) from None


def _word(word: Token) -> str:
    return str(word[1:-1] if word.type == "QUOTED" else word)


def _layers(hop: Token) -> int | None:
    digits = hop.strip("+")
    return int(digits) if digits else None


def _place(token: Token) -> int:
    return token.start_pos or 0


def _why(error: Any, text: str, place: int) -> str:
    """Say what stands there, and what could; lark's own sentence speaks of its terminals."""
    expected = set(getattr(error, "accepts", None) or getattr(error, "expected", None) or error.allowed)
    if text.count('"') % 2:
        return 'a quote is missing: write "a word" between two of them'
    found = f'"{_next_word(text, place)}" cannot stand here' if place < len(text.rstrip()) else "something is missing"
    if "WORD" in expected:
        return f"{found}: a key, a filter such as group:raw, not, + or ( is expected{_hint(text[place:])}"
    end = ")" if place and [*_depths(text)][place - 1] else "the end"
    return f"{found}: and, or, + or {end} is expected{_hint(text[place:])}"


def _hint(rest: str) -> str:
    return "; a word with such a sign is quoted" if re.match(r"[^\w\s()+]", rest) else ""


def _next_word(text: str, place: int) -> str:
    return (text[place:].split() or [""])[0][:NAMED_AT_MOST]


def _depths(text: str) -> Iterator[int]:
    """Give for each character how many brackets are open behind it."""
    depth, quoted = 0, False
    for sign in text:
        quoted ^= sign == '"'
        depth += 0 if quoted else (sign == "(") - (sign == ")")
        yield depth
