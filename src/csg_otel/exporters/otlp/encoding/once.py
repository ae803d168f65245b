"""
Encoding once what several destinations send: the first that encodes a span or a log record leaves the result on it.

These do not change any more when they are exported. The result lives as long as the item: until the last queue has encoded it,
or as long as the program keeps it. It is scrubbed, and used only by the scrubber that has done so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from csg_otel.privacy import active

if TYPE_CHECKING:
    from collections.abc import Callable

    from csg_otel.exporters.otlp.encoding.groups import Item

_NAME: Final = "_csg_otel_encoded"


def once(encode: Callable[[Any], Item]) -> Callable[[Any], Item]:
    """Return a function that returns the result on an item, or else calls *encode* and leaves it there."""

    def encoded(item: Any) -> Item:
        if not is_encoded(item):
            scrubber = active.scrubber()  # before: another may be installed meanwhile
            item.__dict__[_NAME] = scrubber, id(item), encode(item)
        result: Item = item.__dict__[_NAME][2]
        return result

    return encoded


def is_encoded(item: Any) -> bool:
    """Return whether *item* has its result, by the scrubber in use; a copy of an item has that of the original."""
    kept = item.__dict__.get(_NAME)
    return kept is not None and kept[0] is active.scrubber() and kept[1] == id(item)
