"""The hits in a value with their paths, for `csg-otel scrub explain`; never the matched text. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Protocol

from csg_otel.privacy.options import Finding

_MARKER: Final = re.compile(r"\[redacted:[\w-]+\]")


class _Scrubber(Protocol):
    def value(self, key: str, value: Any) -> Any: ...

    def text_findings(self, value: str, key: str = "") -> list[Finding]: ...


def of(scrubber: _Scrubber, value: Any, path: str = "", key: str = "") -> list[Finding]:
    """Return the hits in *value*, which has *key*; a key of a mapping, and the index in a sequence, are parts of the path."""
    return _below(scrubber, key, value, scrubber.value(key, value), path)


def _below(scrubber: _Scrubber, key: str, value: Any, clean: Any, path: str) -> list[Finding]:
    """Compare *value* with its scrubbed form *clean*, down to the texts that differ."""
    if clean is value:
        return []
    if isinstance(value, Mapping) and isinstance(clean, Mapping):
        pairs = zip(value.items(), _clean_items(scrubber, key, value, clean), strict=True)
        return [
            finding
            for (name, item), (clean_name, clean_item) in pairs
            for finding in (
                *_below(scrubber, "", name, clean_name, f"{path}/(key)"),
                *_item(scrubber, value, clean, (name, item, clean_item), f"{path}/{clean_name}".lstrip("/")),
            )
        ]
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)) and isinstance(clean, (list, tuple)):
        items = enumerate(zip(value, clean, strict=True))
        return [
            finding
            for index, (item, clean_item) in items
            for finding in _below(scrubber, key, item, clean_item, f"{path}/{index}".lstrip("/"))
        ]
    if isinstance(value, str) and isinstance(clean, str):
        hits = [replace(finding, path=path) for finding in scrubber.text_findings(value, key)]
        return hits or [Finding(_rule(clean), path, _shown(clean))]
    if isinstance(value, bytes) and isinstance(clean, bytes):
        return _below(scrubber, key, _text(value), _text(clean), path)
    return [Finding(_rule(str(clean)), path, _shown(str(clean)))]


def _item(
    scrubber: _Scrubber, whole: Mapping[Any, Any], clean: Mapping[Any, Any], item: tuple[Any, Any, Any], path: str
) -> list[Finding]:
    """Return the hits in one *item* of a mapping: its key, its value, its clean value; ``value`` belongs to the key beside it."""
    name, value, clean_value = item
    beside = next((other for other in ("key", "name") if isinstance(whole.get(other), str)), "")
    if name != "value" or not beside:
        return _below(scrubber, str(name), value, clean_value, path)
    hits = _below(scrubber, whole[beside], value, clean_value, path)
    return [replace(hit, key=hit.key or str(clean.get(beside, ""))) for hit in hits]


def _clean_items(scrubber: _Scrubber, key: str, value: Mapping[Any, Any], clean: Mapping[Any, Any]) -> list[Any]:
    """Return a scrubbed pair for each of *value*; keys that became equal share one in *clean*, so these are scrubbed alone."""
    if len(value) == len(clean):
        return list(clean.items())
    return [pair for name, item in value.items() for pair in scrubber.value(key, {name: item}).items()]


def _shown(clean: str) -> str:
    """Return what stands in place of a whole value; without what a function of the program returned, which may have a part of it."""
    return clean if _MARKER.fullmatch(clean) else "[redacted]"


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _rule(clean: str) -> str:
    start = clean.find("[redacted:")
    return clean[start + 10 : clean.find("]", start)] if start >= 0 else "key"
