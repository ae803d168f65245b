"""
Secrets in commands of databases: ``IDENTIFIED BY x``, ``PASSWORD $$x$$``, columns of ``INSERT``, and Redis' ``AUTH`` and ``requirepass``. Pure.

What stands in a row of ``INSERT`` is judged by the name of its column. Linear, since each place is looked at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from csg_otel.privacy import keys
from csg_otel.privacy.options import MASKED, Hit
from csg_otel.privacy.structure import apart, marks, plausible, rows, values

_IDENTIFIED: Final = re.compile(
    r"(?i)\bidentified\s{1,4}(?:with\s{1,4}\S{1,64}\s{1,4})?(?:by|as)\s{1,4}(?:password\s{1,4}|values\s{1,4})?(?!\s)"
)
_ACCOUNT: Final = re.compile(
    r"(?i)\b(?:(?:create|alter)\s{1,8}(?:\w{1,20}\s{1,8}){0,3}(?:user|role|login|link)\s{1,8}(?!identified\b)\S|grant\s)"
)
_REPLACED: Final = re.compile(r"(?i)[\"']?\s{1,4}replace\s{1,4}(?!\s)")
_DOLLARS: Final = re.compile(r"(?i)\bpassword\s{0,4}=?\s{0,4}(\$\w{0,16}\$)(?P<value>[^\n]{1,256}?)\1")
_PRAGMA: Final = re.compile(
    rf"(?i)\b(?:pragma\s{{1,4}}(?:hex)?(?:re)?key\s{{0,4}}=|attach\s[^;\n]{{1,200}}?\bkey)\s{{0,4}}(?={marks.QUOTE})"
)
_AUTH: Final = re.compile(
    r"(?<![\w.\-/])(?P<hello>HELLO [23] )?AUTH2?(?P<quoted>[\"'])? {1,4}"
    r"(?P<first>[^\s\"',;]{1,512}|[\"'][^\"'\n]{1,512}[\"'])(?: {1,4}(?P<second>[^\s\"',;]{1,512}|[\"'][^\"'\n]{1,512}[\"']))?"
    r"(?P<end>[\"')\]]{0,3}(?:\s{0,4}\Z|\s{0,4}[\r\n\\]|[,;]| -> | => |: | SETNAME | KEYS |(?(hello)\s|(?!))))"
)
_SETTING: Final = re.compile(
    r"(?i)(?<![\w.\-])(?:requirepass|masterauth|sentinel auth-pass \S{1,64})[\"']?[ \t]{1,4}[\"']?([^\s\"']{3,512})(?P<end>[\"']?[ \t]*(?:\Z|[\r\n\\]))?"
)
_ACL: Final = re.compile(r"(?i)\bsetuser[\"']? [\"']?\S{1,64}[\"']? (?:[^\s>]{1,64} ){0,8}[\"']?>([^\s\"']{3,256})")


def hits(text: str, rule: apart.Rule) -> Iterator[Hit]:
    """Yield the secrets in commands; *rule* decides about the columns of a row."""
    lower = text.lower()
    if "identified" in lower:
        yield from _identified(text)
    if "$" in text:
        for match in _DOLLARS.finditer(text):
            yield from _password(text, *match.span("value"))
    if "pragma" in lower or "attach" in lower:
        for match in _PRAGMA.finditer(text):
            yield from _password(text, *values.end_of(text, match.end()))
    if "into" in lower and "value" in lower:
        for columns, position in rows.inserts(text):
            yield from _rows(text, columns, position, rule)
    if "AUTH" in text:
        yield from _auth(text)
    for match in _SETTING.finditer(text) if "requirepass" in lower or "auth" in lower else ():
        if match["end"] is not None or plausible.token_like(match[1], 4):
            yield from _password(text, *match.span(1))
    for match in _ACL.finditer(text) if "setuser" in lower else ():
        yield from _password(text, *match.span(1))


def _password(text: str, start: int, end: int) -> Iterator[Hit]:
    if keys.holds_secret(keys.PASSWORD, "password", text[start:end]):
        yield Hit(start, end, "key-value", key="password")


def _identified(text: str) -> Iterator[Hit]:
    """Yield the passwords of accounts; ``identified by`` alone may be prose, so a statement must begin before."""
    for match in _IDENTIFIED.finditer(text):
        if _ACCOUNT.search(text, max(0, match.start() - 300), match.start()) is None:
            continue
        start, end = values.end_of(text, match.end())
        yield from _password(text, start, end)
        if (replaced := _REPLACED.match(text, end)) is not None:
            yield from _password(text, *values.end_of(text, replaced.end()))


def _rows(text: str, columns: list[str], position: int, rule: apart.Rule) -> Iterator[Hit]:
    """Yield the literals of the rows of an ``INSERT`` whose columns name something secret."""
    if not any(rule(column, None) for column in columns):
        return
    for cell in rows.cells(text, position):
        value = text[cell.start : cell.end]
        name = columns[cell.column] if cell.depth and cell.column < len(columns) and not cell.is_place else ""
        of_value = rule(name, value) if name and MASKED.fullmatch(value) is None else ""
        if of_value and not (cell.depth > 1 and len(value) < 4):
            yield Hit(cell.start, cell.end, of_value, key=name)


def _auth(text: str) -> Iterator[Hit]:
    """Yield the passwords of ``AUTH x`` and ``AUTH user x``, which end a line; prose has no word with a digit there."""
    for match in _AUTH.finditer(text):
        group = "first" if match["second"] is None else "second"
        start, end = match.span(group)
        quoted = text[start] in "\"'"
        start, end = (start + 1, end - 1) if quoted else (start, end)
        value = text[start:end]
        line = start == 0 or text[match.start() - 1 : match.start()] in ("", "\n", '"', "'")
        mixed = plausible.token_like(value, 6) and any(map(str.isalpha, value)) and not value.isupper()
        number = re.fullmatch(r"[A-Za-z]+[-_]?\d{1,2}", value) is not None and not line and "redis" not in text.lower()
        if match["hello"] or (quoted and match["quoted"]) or (mixed and not number):
            yield from _password(text, start, end)
