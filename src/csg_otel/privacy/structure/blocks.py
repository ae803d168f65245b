"""Blocks of keys: PEM, OpenSSH, PGP and PuTTY, whole or cut, with line ends as they are or escaped. Pure and linear."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from csg_otel.privacy.options import Hit

_BEGIN: Final = re.compile(
    r"-----BEGIN(?:[A-Z0-9 +]|%20){0,40}PRIVATE(?:[ +]|%20)KEY(?:(?:[ +]|%20)BLOCK)?-----|PuTTY-User-Key-File-\d: "
)
_END: Final = re.compile(
    r"-----END(?:[A-Z0-9 +]|%20){0,40}PRIVATE(?:[ +]|%20)KEY(?:(?:[ +]|%20)BLOCK)?-----|Private-MAC: [0-9a-f]+"
)
_BODY: Final = re.compile(
    r"(?:\\+[rn]|\s|%0[AD]|[A-Za-z0-9+/=%]{20,}|(?:Proc-Type|DEK-Info|Comment|Version):[^\n\\]*)*[A-Za-z0-9+/=%]*"
)
_TAIL: Final = re.compile(r"[A-Za-z0-9+/=]")
RULE: Final = "private-key"
_LONGEST: Final = 32_768


def hits(text: str) -> Iterator[Hit]:
    """Yield each private key; a cut one ends where its lines end, and a tail without its beginning begins with the lines."""
    position, end = 0, _END.search(text)
    while (begin := _BEGIN.search(text, position)) is not None:
        yield from _tails(text, end, position, begin.start())
        while end is not None and end.start() < begin.end():
            end = _END.search(text, end.end())  # each end is searched for once, so that many beginnings stay linear
        if end is not None and end.end() - begin.end() <= _LONGEST:
            position = end.end()
        else:
            body = _BODY.match(text, begin.end(), begin.end() + _LONGEST)
            position = body.end() if body is not None else begin.end()
        yield Hit(begin.start(), position, RULE)
    yield from _tails(text, end, position, len(text))


def _tails(text: str, end: re.Match[str] | None, low: int, high: int) -> Iterator[Hit]:
    """Yield the ends between *low* and *high*, which have no beginning, each with the lines before it; *end* is the first or before."""
    while end is not None and end.start() < high:
        if end.start() >= low:
            yield Hit(_body_start(text, end.start(), low), end.end(), RULE)
            low = end.end()
        end = _END.search(text, end.end())


def _body_start(text: str, end: int, low: int) -> int:
    """Return where the lines of base64 before *end* begin, at *low* at the earliest."""
    start = end
    while start > max(low, end - _LONGEST):
        newline, escaped = text.rfind("\n", low, start - 1), text.rfind("\\n", low, start - 1)
        line_start = max(low, newline + 1 if newline >= 0 else low, escaped + 2 if escaped >= 0 else low)
        line = text[line_start:start].strip().removesuffix("\\n")
        if line_start >= start or (line and re.fullmatch(r"[A-Za-z0-9+/=]+", line) is None):
            return start
        start = line_start
    return start
