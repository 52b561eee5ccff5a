"""Asset keys: paths such as `warehouse/raw_orders`, which name data, not files.

Limits: 1 to 256 characters; a part is printable text in Unicode's NFC that is neither empty nor `.` or `..`, and has no
slash and no blank at its ends, so that a key is written in one way only and is harmless in a URL, a log line and a file
name.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Sequence, Union

from upwell.errors import InvalidValue, WrongType, type_name

MAX_KEY_CHARS = 256


@dataclass(frozen=True, order=True, init=False, repr=False)
class AssetKey:
    """The name of an asset's data: its parts, from `"a/b"` or `["a", "b"]`. Raises InvalidValue and WrongType."""

    path: tuple[str, ...]

    def __init__(self, path: Union[str, Sequence[str]]) -> None:
        if not isinstance(path, (str, list, tuple)):
            raise WrongType(f"an asset key is text or a list of text, not {type_name(path)}")
        parts = tuple(path.split("/")) if isinstance(path, str) else tuple(path)
        _check(parts)
        object.__setattr__(self, "path", parts)

    def to_user_string(self) -> str:
        """Write the key as people do, parts joined by slashes."""
        return "/".join(self.path)

    @classmethod
    def from_user_string(cls, text: str) -> AssetKey:
        """Read what `to_user_string` wrote."""
        return cls(text)

    @classmethod
    def from_coercible(cls, value: Any) -> AssetKey:
        """Take an AssetKey, text, a list of text, or a function decorated with one of Upwell's decorators."""
        if isinstance(value, AssetKey):
            return value
        definition = getattr(value, "__upwell__", None)
        return definition.key if definition is not None else cls(value)

    def with_prefix(self, prefix: Union[str, Sequence[str]]) -> AssetKey:
        """Give the key below `prefix`."""
        return AssetKey(AssetKey(prefix).path + self.path)

    def __str__(self) -> str:
        return self.to_user_string()

    def __repr__(self) -> str:
        return f"AssetKey({list(self.path)!r})"


def _check(parts: tuple[Any, ...]) -> None:
    """Refuse what cannot be a key, naming the key and the remedy."""
    wrong = [part for part in parts if not isinstance(part, str)]
    if wrong:
        raise WrongType(f"a part of an asset key is text, not {type_name(wrong[0])}: {list(parts)!r:.300}")
    text = "/".join(parts)
    if not text:
        raise InvalidValue("an asset key cannot be empty; name the data, for example `warehouse/raw_orders`")
    if len(text) > MAX_KEY_CHARS:
        raise InvalidValue(f"an asset key has at most {MAX_KEY_CHARS} characters, this one {len(text)}: {text[:40]!r}…")
    for part in parts:
        _check_part(part, text)


def _check_part(part: str, key: str) -> None:
    """Refuse a part that would make the key ambiguous or dangerous where it is shown."""
    if part in {"", ".", ".."}:
        raise InvalidValue(f"asset key {key!r} has a part {part!r}; use names joined by single slashes")
    if "/" in part:
        raise InvalidValue(f"asset key part {part!r} holds a slash; give its pieces as parts of their own")
    if not part.isprintable():
        raise InvalidValue(f"asset key {key!r} holds a character that cannot be printed; use visible characters only")
    if part != part.strip() or not _normal(part):
        raise InvalidValue(f"asset key {key!r} has blanks at an end, or is not in Unicode's NFC; write it without")


def _normal(text: str) -> bool:
    """Tell whether text has the one form in which equal letters are equal characters."""
    if text.isascii():
        return True
    import unicodedata  # noqa: PLC0415 - few keys need it

    return unicodedata.is_normalized("NFC", text)
