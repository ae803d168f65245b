"""Secrets in XML, by the name of an element or its attribute, and in parts of forms. Pure and linear."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from csg_otel.privacy import keys
from csg_otel.privacy.options import Hit

_ELEMENT: Final = re.compile(
    r"<(?:[\w]{1,40}:)?([\w.\-]{2,100})(?:\s[^<>]{0,200})?>(?:<!\[CDATA\[)?([^<>\]]{1,4096})(?=</|\]\]>)"
)
_NAMED_ELEMENT: Final = re.compile(
    r"(?:<\w{1,40}\s[^<>]{0,200}?\b(?:name|key|id)=[\"']([\w.\-]{2,100})[\"'][^<>]{0,200}>|<(?:key|name)>([\w.\-]{2,100})</(?:key|name)>\s{0,40}<\w{1,40}>)"
    r"([^<>]{1,4096})(?=</)"
)
_PART: Final = re.compile(
    r"name=[\"']?([\w.\-\[\]]{2,100})[\"']?(?:;[^\r\n]{0,200})?(?:\r?\n[^\r\n]{1,200}){0,4}\r?\n\r?\n([^\r\n]{1,4096})"
)


def hits(text: str, allowed: Callable[[str], bool]) -> Iterator[Hit]:
    """Yield the values of elements and of parts of a form whose names are sensitive keys."""
    if "</" in text:
        for match in _ELEMENT.finditer(text):
            yield from _value(match, 2, match[1], allowed)
        for match in _NAMED_ELEMENT.finditer(text):
            yield from _value(match, 3, match[1] or match[2], allowed)
    if "name=" in text:
        for match in _PART.finditer(text):
            yield from _value(match, 2, match[1].rpartition("[")[2].rstrip("]"), allowed)


def _value(match: re.Match[str], group: int, key: str, allowed: Callable[[str], bool]) -> Iterator[Hit]:
    if not allowed(key) and keys.secret(key, match[group]):
        yield Hit(match.start(group), match.end(group), "key-value", key=key)
