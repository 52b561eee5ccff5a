"""Which assets a job is about: `AssetSelection`, made by Dagster's methods and operators.

    AssetSelection.groups("raw") - AssetSelection.kind("draft")      group:raw and not kind:draft

A selection here is the text that it writes, in the syntax of an ObservationJob's `spec.selection`; which assets that
comes to is looked up by Upwell for each run. Limits: nothing is resolved here, and a text given by `from_string` is
read when it is compiled. A selection selects what matches, sources too: `include_sources=False` has no meaning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from upwell.errors import InvalidValue, WrongType, type_name
from upwell.keys import AssetKey

_PLAIN = re.compile(r"[\w./@:*-]+")
_KEYWORDS = frozenset({"and", "or", "not"})
_KEY = re.compile(r"[\w./-]+")
_OR, _AND, _NOT, _AROUND, _ATOM = range(5)
"""How tightly a text is bound; the looser one is put in brackets."""


@dataclass(frozen=True)
class AssetSelection:
    """Assets by what they are; combine with `|`, `&` and `-`."""

    text: str
    """The selection as `spec.selection` has it."""
    named: tuple[AssetKey, ...] | None = None
    """The assets, where it names them one by one."""
    binds: int = _OR

    @staticmethod
    def assets(*assets: Any) -> AssetSelection:
        """Select these: keys, or decorated functions."""
        keys = tuple(dict.fromkeys(AssetKey.from_coercible(asset) for asset in assets))
        if not keys:
            raise InvalidValue("AssetSelection.assets() selects nothing; name at least one asset")
        return _any_of([f"key:{_word('a key', str(key))}" for key in keys], keys)

    @staticmethod
    def all(include_sources: bool = True) -> AssetSelection:
        """Select every asset of the namespace."""
        _with_sources(include_sources)
        return AssetSelection("*", binds=_ATOM)

    @staticmethod
    def groups(*group_strs: str, include_sources: bool = True) -> AssetSelection:
        """Select the assets of any of these groups."""
        _with_sources(include_sources)
        if not group_strs:
            raise InvalidValue("AssetSelection.groups() selects nothing; name at least one group")
        return _any_of([f"group:{_word('a group', name)}" for name in group_strs])

    @staticmethod
    def tag(key: str, value: str, include_sources: bool = True) -> AssetSelection:
        """Select the assets with this tag and value."""
        _with_sources(include_sources)
        written = '""' if value == "" else _word("the value of a tag", value)
        return AssetSelection(f"tag:{_word('a tag', key)}={written}", binds=_ATOM)

    @staticmethod
    def owner(owner: str) -> AssetSelection:
        """Select the assets of this owner."""
        return AssetSelection(f"owner:{_word('an owner', owner)}", binds=_ATOM)

    @staticmethod
    def kind(kind: str, include_sources: bool = True) -> AssetSelection:
        """Select the assets of this kind, such as `csv`."""
        _with_sources(include_sources)
        return AssetSelection(f"kind:{_word('a kind', kind)}", binds=_ATOM)

    @staticmethod
    def from_string(string: str) -> AssetSelection:
        """Take a selection as it is written in `spec.selection`; it is read when it is compiled."""
        given: Any = string
        if not isinstance(given, str) or not given.strip():
            raise InvalidValue(f"a selection is text such as 'group:raw', not {given!r:.100}")
        return AssetSelection(given.strip())

    @classmethod
    def from_coercible(cls, selection: Any) -> AssetSelection:
        """Take what `define_asset_job` does: a selection, a text, or a list of keys, functions and texts."""
        if isinstance(selection, AssetSelection):
            return selection
        if isinstance(selection, str):
            return cls.from_string(selection)
        if not isinstance(selection, (list, tuple)) or not selection:
            raise WrongType(
                f"selection is an AssetSelection, a text, or a list of assets that is not empty, not {selection!r:.100}"
            )
        return _united([_one(item) for item in selection])

    def upstream(self, depth: int | None = None, include_self: bool = True) -> AssetSelection:
        """Add what these are built from: `depth` layers of it, or all."""
        return self._around(f"{_layers(depth)}+{self._bound(_ATOM)}", include_self)

    def downstream(self, depth: int | None = None, include_self: bool = True) -> AssetSelection:
        """Add what is built from these: `depth` layers of it, or all."""
        return self._around(f"{self._bound(_ATOM)}+{_layers(depth)}", include_self)

    def roots(self) -> AssetSelection:
        """Select, of these, those with none of these above them."""
        return AssetSelection(f"roots({self.text})", binds=_ATOM)

    def sinks(self) -> AssetSelection:
        """Select, of these, those with none of these below them."""
        return AssetSelection(f"sinks({self.text})", binds=_ATOM)

    def to_selection_str(self) -> str:
        """Write the selection, as `spec.selection` has it."""
        return self.text

    def __or__(self, other: AssetSelection) -> AssetSelection:
        return _united([self, _selection("|", other)])

    def __and__(self, other: AssetSelection) -> AssetSelection:
        return AssetSelection(f"{self._bound(_AND)} and {_selection('&', other)._bound(_AND)}", binds=_AND)

    def __sub__(self, other: AssetSelection) -> AssetSelection:
        return AssetSelection(f"{self._bound(_AND)} and not {_selection('-', other)._bound(_AROUND)}", binds=_AND)

    def __str__(self) -> str:
        return self.text

    def _around(self, text: str, include_self: bool) -> AssetSelection:
        wide = AssetSelection(text, binds=_AROUND)
        return wide if include_self else wide - self

    def _bound(self, binds: int) -> str:
        """Give the text, in brackets where it would fall apart."""
        return self.text if self.binds >= binds else f"({self.text})"


def _any_of(texts: list[str], named: tuple[AssetKey, ...] | None = None) -> AssetSelection:
    return AssetSelection(" or ".join(texts), named, _ATOM if len(texts) == 1 else _OR)


def _united(selections: list[AssetSelection]) -> AssetSelection:
    """Select what any of these does; keys stay keys."""
    if len(selections) == 1:
        return selections[0]
    keys = tuple(key for one in selections for key in one.named or ())
    if all(one.named for one in selections):
        return AssetSelection.assets(*keys)
    return AssetSelection(" or ".join(one._bound(_AND) for one in selections))  # noqa: SLF001


def _one(item: Any) -> AssetSelection:
    """Read one entry of a list; a text that can be a key is one."""
    if isinstance(item, AssetSelection):
        return item
    if isinstance(item, str) and not (_KEY.fullmatch(item) and item.lower() not in _KEYWORDS):
        return AssetSelection.from_string(item)
    return AssetSelection.assets(item)


def _selection(sign: str, other: Any) -> AssetSelection:
    if not isinstance(other, AssetSelection):
        raise WrongType(f"{sign} joins two selections, this is {type_name(other)}; write AssetSelection.assets(…)")
    return other


def _with_sources(include_sources: Any) -> None:
    if include_sources is not True:
        raise InvalidValue(
            "include_sources=False: a selection selects what matches, sources too; leave it out, and take sources out"
            " with & or -"
        )


def _layers(depth: Any) -> str:
    if depth is None:
        return ""
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 0:
        raise InvalidValue(f"depth is a number of layers from 0, or None for all, not {depth!r:.100}")
    return str(depth)


def _word(what: str, text: Any) -> str:
    """Write a word, in quotes where its signs would mean something else."""
    if not isinstance(text, str) or not text:
        raise WrongType(f"{what} is text that is not empty, not {text!r:.100}")
    if '"' in text or not text.isprintable():
        raise InvalidValue(f"{what} cannot be selected with a quote or a line break in it: {text!r:.100}")
    return text if _PLAIN.fullmatch(text) and text.lower() not in _KEYWORDS else f'"{text}"'
