"""The end of a value in a text: at its closing quote, at a space, or where the next pair begins. Pure and linear."""

from __future__ import annotations

import re
from typing import Final

from csg_otel.privacy.structure import marks

QUOTE: Final = re.compile(rf"(?:[bBuUrRfFnNeE]{{1,2}}(?=['\"]))?(\"{{3}}|'{{3}}|{marks.QUOTE})")
"""An opening quote, which may have a prefix of Python or SQL."""
_BARE: Final = re.compile(
    r"(?:[^\s\"'`<>,;&|(){}\[\]%\\]|%(?!2[26])|\\(?![nrt\"'\\])|[,;&|](?=[^\s,;&|\"'])(?![\w.\-]{1,64}(?:\[\w{0,24}\])?(?:=|:\s|%3D|\s->\s)))+"
)
"""A value without quotes: it goes on behind a comma, semicolon or ampersand unless a space or another pair follows."""
_ESCAPED_BREAK: Final = re.compile(r"\\+[nrt]")
_BRACKETS: Final = {
    "[": re.compile(r"\[[^\[\]]{0,4096}\]?"),
    "{": re.compile(r"\{[^{}]{0,4096}\}?"),
    "(": re.compile(r"\([^()]{0,4096}\)?"),
}
_TO_LINE_END: Final = re.compile(r"[^\r\n\"'`<>]*")
_BLOCK: Final = re.compile(r"[|>][+-]?\d?[ \t]*\r?\n(?:([ \t]+)\S[^\n]*(?:\n|\Z))(?:[ \t]+\S[^\n]*(?:\n|\Z)){0,200}")
_WRAPPER: Final = re.compile(
    r"(?:\w{0,20}(?:[Ss]ecret|[Pp]assword|[Tt]oken)\w{0,20}|Some|str|String|bytes|Optional\.of)\((?=[bu]?[\"'])|string\(\d{1,9}\)\s{1,4}(?=\")"
)
"""A call around a literal that a key names."""
LONGEST: Final = 65_536
"""Characters of the longest value; what is longer is redacted in pieces."""


def end_of(text: str, start: int, to_line_end: bool = False) -> tuple[int, int]:
    """Return where the value at *start* begins and ends, without its quotes; equal if there is none."""
    if (quote := QUOTE.match(text, start)) is not None:
        return _quoted(text, quote)
    if to_line_end:
        match = _TO_LINE_END.match(text, start, start + LONGEST)
        end = match.end() if match is not None else start
        cut = _ESCAPED_BREAK.search(text, start, end)
        return start, cut.start() if cut is not None else end
    first = text[start : start + 1]
    if first in "|>" and first and (block := _BLOCK.match(text, start, start + LONGEST)) is not None:
        return block.start(1), block.end()
    if first in _BRACKETS and (match := _BRACKETS[first].match(text, start)) is not None:
        rest = _BARE.match(text, match.end(), match.end() + LONGEST)
        return start, rest.end() if rest is not None else match.end()
    match = _BARE.match(text, start, start + LONGEST)
    return (start, match.end()) if match is not None else (start, start)


def unwrapped(text: str, start: int) -> int:
    """Return where the literal within a call at *start* begins, as in ``Some("x")``; *start* where there is none."""
    wrapper = _WRAPPER.match(text, start)
    return start if wrapper is None else wrapper.end()


def _quoted(text: str, quote: re.Match[str]) -> tuple[int, int]:
    """Return the limits of a quoted value; without a closing quote it ends with the line, or the text."""
    start, closing = quote.end(), quote[1]
    limit = min(len(text), start + LONGEST)
    position = text.find(closing, start, limit)
    while position > start and not closing.startswith(("\\", "%", "&")) and _escaped(text, start, position):
        position = text.find(closing, position + 1, limit)
    if position >= 0:
        return start, position
    line_end = text.find("\n", start, limit)
    return start, line_end if line_end >= 0 else limit


def _escaped(text: str, start: int, position: int) -> bool:
    """Return whether an odd number of backslashes stands before *position*; 16 are looked at."""
    before = text[max(start, position - 16) : position]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1
