"""Which partitions a request names: keys, ranges of them, or all, as a person writes them on one line.

`2026-01-01..2026-01-31` is a range in the order of the definition, both ends included; either may be left out; `,`
separates several; `*` is all. A key that holds a comma or two dots cannot be named this way.
"""

from __future__ import annotations

from collections.abc import Sequence

from upwell_operator.domain.texts import named
from upwell_operator.errors import Rejected

ALL, DOTS, COMMA = "*", "..", ","


def read(text: str, keys: Sequence[str]) -> list[str]:
    """Give the keys that a text names, each once, in the order of all. Raises Rejected with the word that is none."""
    places = {key: place for place, key in enumerate(keys)}
    wanted = set[str]()
    for word in _words(text):
        wanted.update(_one(word, keys, places))
    return [key for key in keys if key in wanted]


def single(text: str) -> list[str]:
    """Give the keys that a text names one by one, known or not, each once: no ranges, and not all."""
    return [word for word in dict.fromkeys(_words(text)) if word != ALL and DOTS not in word]


def only_single(text: str) -> list[str]:
    """Give the keys that a text names, which must be nothing else. Raises Rejected."""
    found = single(text)
    if others := [word for word in _words(text) if word not in found]:
        raise Rejected(f'partitions: "{others[0]}" takes keys that are known beforehand; name dynamic ones one by one')
    return found


def _words(text: str) -> list[str]:
    return [*map(str.strip, text.split(COMMA))]


def _one(word: str, keys: Sequence[str], places: dict[str, int]) -> Sequence[str]:
    if word == ALL:
        return keys
    if word in places:
        return (word,)
    first, dots, last = word.partition(DOTS)
    if not dots:
        raise Rejected(f'partitions: "{word}" is no partition; {_some(keys)}')
    for one in filter(None, (first, last)):
        if one not in places:
            raise Rejected(f'partitions: "{one}" in "{word}" is no partition; {_some(keys)}')
    begin, end = places.get(first, 0), places.get(last, len(keys) - 1)
    if begin > end:
        raise Rejected(f'partitions: "{word}" ends before it begins; write "{last}{DOTS}{first}"')
    return keys[begin : end + 1]


def _some(keys: Sequence[str]) -> str:
    return f"there are {named(keys)}" if keys else "there is none yet"
