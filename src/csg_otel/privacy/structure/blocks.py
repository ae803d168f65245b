"""Blocks of keys: PEM, OpenSSH, PGP and PuTTY, whole or cut, with line ends as they are or escaped. Pure and linear."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from csg_otel.privacy.options import Hit

_BEGIN: Final = re.compile(r"-----BEGIN[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d: ")
_END: Final = re.compile(r"-----END[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|Private-MAC: [0-9a-f]+")
_BODY: Final = re.compile(
    r"(?:\\+[rn]|\s|[A-Za-z0-9+/=]{20,}|(?:Proc-Type|DEK-Info|Comment|Version):[^\n\\]*)*[A-Za-z0-9+/=]*"
)
_TAIL: Final = re.compile(r"[A-Za-z0-9+/=]")
RULE: Final = "private-key"
_LONGEST: Final = 32_768


def hits(text: str) -> Iterator[Hit]:
    """Yield each private key; a cut one ends where its lines end, and a tail without its beginning begins with the lines."""
    position, end = 0, _END.search(text)
    while (begin := _BEGIN.search(text, position)) is not None:
        while end is not None and end.start() < begin.end():
            end = _END.search(text, end.end())  # each end is searched for once, so that many beginnings stay linear
        if end is not None and end.end() - begin.end() <= _LONGEST:
            position = end.end()
        else:
            body = _BODY.match(text, begin.end(), begin.end() + _LONGEST)
            position = body.end() if body is not None else begin.end()
        yield Hit(begin.start(), position, RULE)
    first = _END.search(text)
    before = _BEGIN.search(text, 0, first.start()) if first is not None else None
    if first is not None and before is None:
        yield Hit(_body_start(text, first.start()), first.end(), RULE)


def _body_start(text: str, end: int) -> int:
    """Return where the lines of base64 before *end* begin."""
    start = end
    while start > max(0, end - _LONGEST):
        line_start = max(text.rfind("\n", 0, start - 1), text.rfind("\\n", 0, start - 1) + 1, -1) + 1
        line = text[line_start:start].strip().removesuffix("\\n")
        if line_start >= start or (line and re.fullmatch(r"[A-Za-z0-9+/=]+", line) is None):
            return start
        start = line_start
    return start
