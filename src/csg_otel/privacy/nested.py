"""Values that hold others: sequences, mappings, bytes, objects; a list of arguments; lists of names and values. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from operator import is_
from typing import Any, Final, Protocol

from csg_otel.privacy import keys
from csg_otel.privacy.options import MASKED, marker

_MOST_LEVELS: Final = 24
_MOST_ITEMS: Final = 20_000
_NAMES: Final = ("key", "name", "Key", "Name", "header", "field", "ParameterKey", "OptionName")
_VALUES: Final = frozenset(("value", "Value", "val", "stringValue", "ParameterValue"))
_TYPED: Final = ("stringValue", "arrayValue", "kvlistValue")
"""What OTLP's JSON puts between an attribute's key and its value."""
_NAME: Final = re.compile(r"[\w.\-]{1,100}")
_BYTES: Final = (bytes, bytearray, memoryview)
_LEAVES: Final = (bool, int, float, type(None))


class _Classes(Protocol):
    def allowed(self, key: str) -> bool: ...


class Nested:
    """Scrub one value with what it holds; *scrub* scrubs a leaf under its key."""

    def __init__(self, scrub: Callable[[str, Any], Any], classes: _Classes) -> None:
        self._scrub, self._allowed = scrub, classes.allowed
        self._items = 0

    def value(self, key: str, value: Any, depth: int = 0) -> Any:
        """Return *value* without secrets; the same object if it has none."""
        self._items += 1
        if depth > _MOST_LEVELS or self._items > _MOST_ITEMS:
            return marker("too-deep") if not isinstance(value, _LEAVES) else value
        if type(value) is str or isinstance(value, _LEAVES):
            return self._scrub(key, value)
        if isinstance(value, str):
            text = str.__str__(value)
            clean = self._scrub(key, text)
            return value if clean == text else clean
        if isinstance(value, (bytes, bytearray, memoryview)):
            return self._bytes(key, value)
        if isinstance(value, Mapping):
            return self._mapping(key, value, depth)
        if isinstance(value, (Sequence, set, frozenset)):
            return self._sequence(key, value, depth)
        return self._object(key, value)

    def _bytes(self, key: str, value: Any) -> Any:
        raw = bytes(value)
        try:
            text, encoding = raw.decode("utf-8"), "utf-8"
        except UnicodeDecodeError:
            text, encoding = raw.decode("latin-1"), "latin-1"
        clean = self._scrub(key, text)
        return value if clean == text else clean.encode(encoding, "replace")

    def _mapping(self, key: str, value: Mapping[Any, Any], depth: int) -> Any:
        """Return a mapping; below a sensitive key, each value has that key unless its own is sensitive, too."""
        named = next((value[name] for name in _NAMES if isinstance(value.get(name), str)), None)
        named = named if named is not None and _NAME.fullmatch(named) is not None else None
        result, changed = {}, False
        for name, item in value.items():
            text = name if isinstance(name, str) else str(name)
            below = key if keys.strength(key) and not keys.strength(text) and not isinstance(item, _LEAVES) else text
            if named is not None and text in _VALUES and (keys.strength(named) or not keys.strength(key)):
                below = named
            if text in _TYPED and len(value) == 1 and key:
                below = key
            clean, clean_name = self.value(below, item, depth + 1), self._name(name)
            changed = changed or clean is not item or clean_name is not name
            result[clean_name] = clean
        return result if changed else value

    def _name(self, name: Any) -> Any:
        return self._scrub("", name) if type(name) is str else name

    def _sequence(self, key: str, value: Any, depth: int) -> Any:
        items = list(value)
        clean = [self.value(key, item, depth + 1) for item in items]
        if len(items) > 1:
            self._neighbours(items, clean)
        if all(map(is_, clean, items)):
            return value
        return tuple(clean) if isinstance(value, (tuple, set, frozenset)) else clean

    def _neighbours(self, items: list[Any], clean: list[Any]) -> None:
        """Redact in *clean* the values of secret options, and the second item of a pair whose first names a secret."""
        from csg_otel.privacy.structure import arguments  # late: a start needs none of its expressions

        texts = [_text(item) if isinstance(item, _BYTES) else item for item in items]
        for index, offset in arguments.secret_items(texts, self._allowed):
            secret = texts[index][offset:]
            if MASKED.fullmatch(secret) is not None:
                continue
            replaced = self._scrub("password", secret)
            argument = texts[index][:offset] + (replaced if replaced != secret else marker("argument", secret))
            clean[index] = argument.encode("latin-1", "replace") if isinstance(items[index], _BYTES) else argument
        first, second = items[0], items[1]
        if len(items) == 2 and _NAME.fullmatch(_text(first)) is not None and not _text(first).startswith("-"):
            name, text = _text(first), _text(second)
            if text and keys.strength(name) and not keys.strength(text) and len(text) >= 6 and clean[1] is second:
                clean[1] = self.value(name, second)

    def _object(self, key: str, value: Any) -> Any:
        text = str(value)
        clean = self._scrub(key, text)
        return value if clean == text else clean


def _text(value: Any) -> str:
    if isinstance(value, _BYTES):
        return bytes(value).decode("latin-1")
    return value if isinstance(value, str) else ""
