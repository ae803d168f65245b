"""
The hits in a JSON document of any size, part by part: the scrubber's limits are meant for the value of one attribute.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from csg_otel.privacy import Finding, Scrubber

_MOST_ITEMS: Final = 5_000
_MOST_LEVELS: Final = 16
"""A part has no more items and levels, as far as it can be divided; the scrubber's own limits are higher."""


def findings(scrubber: Scrubber, document: Any) -> Iterator[Finding]:
    """Yield the hits in *document* in its order."""
    yield from _below(scrubber, document, "", "")


def _below(scrubber: Scrubber, value: Any, path: str, key: str) -> Iterator[Finding]:
    if not _is_large(value):
        yield from scrubber.findings(value, path, key)
    elif isinstance(value, dict):
        for name, item in value.items():
            clean = scrubber.text(name)
            if clean is not name:
                yield from scrubber.findings(name, f"{path}/(key)")
            yield from _below(scrubber, item, f"{path}/{clean}", name)
    else:
        for index, item in enumerate(value):
            yield from _below(scrubber, item, f"{path}/{index}", key)


def _is_large(value: Any) -> bool:
    """Return whether *value* has too many items or levels; it looks at no more than the most."""
    waiting, count = [(value, 0)], 0
    while waiting:
        item, level = waiting.pop()
        below = item.values() if isinstance(item, dict) else item if isinstance(item, list) else ()
        count += len(below)
        if count > _MOST_ITEMS or level > _MOST_LEVELS:
            return True
        waiting.extend((inner, level + 1) for inner in below)
    return False
