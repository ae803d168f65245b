"""Texts without what hides their words from rules: colours of terminals, escapes, invisible characters. Pure and linear."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final

from csg_otel.privacy.options import Hit

NOISE: Final = re.compile(r"(?i:\x1b|\\x1b|\\u001b|\\033|\\e)\[[0-9;]{0,32}[A-Za-z]|[\u200b-\u200f\u2060\ufeff\u00ad]")
"""Colours of a terminal, also escaped, and characters without a width."""
ESCAPE: Final = r"(?:%[0-9A-Fa-f]{2}|\\(?:[nrtbf]|u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}))"
"""One escape of JSON or of an address."""
ESCAPES: Final = re.compile(rf"{ESCAPE}|(?<=\d)\+(?=\d)")
"""Escapes, and the plus that is a space between digits of an address."""
ENCODED: Final = re.compile(
    r"&(?:amp;)?(?:#[xX]?[0-9A-Fa-f]{2,6}|[lg]t);|&amp;quot;|\\u00(?:[4-7][0-9A-Fa-f]|3[cCeE])|%(?:3[CcEe]|[46][1-9A-Fa-f]|[57][0-9Aa])"
)
"""Letters and angle brackets as HTML, JSON and addresses may write them, which hides a word."""
DECODED: Final = re.compile(
    r"&(?:amp;)?(?:#[xX]?[0-9A-Fa-f]{2,6}|[lg]t|quot|apos|amp);|\\u00[2-7][0-9A-Fa-f]|%[2-7][0-9A-Fa-f]"
)
"""All characters that are written so, for a text that has one of `ENCODED`."""
_CODE: Final = re.compile(r"#[xX]?[0-9A-Fa-f]+|[lg]t|quot|apos|[0-9A-Fa-f]{2,4}\Z|amp")
_NAMED: Final = {"lt": "<", "gt": ">", "quot": '"', "apos": "'", "amp": "&"}
_WIDE: Final = str.maketrans("＝：＠", "=:@")


def decoded(match: re.Match[str]) -> str:
    """Return the character that a match of `DECODED` stands for; a space for what is no printable one of ASCII."""
    code = _CODE.search(match[0].removeprefix("&amp;"))
    name = "" if code is None else code[0]
    if name in _NAMED:
        return _NAMED[name]
    digits = name.lstrip("#xX")
    decimal = name[:1] == "#" and name[1:2] not in "xX"
    number = int(digits, 10 if decimal else 16) if digits and not (decimal and not digits.isdigit()) else 32
    return chr(number) if 32 <= number < 127 else " "


class View:
    """
    A text with a space for each match of an expression; for those without a width, nothing.

    Args:
        text: The text.
        pattern: What is left out.
        shown: Returns what stands there instead.
    """

    def __init__(
        self, text: str, pattern: re.Pattern[str], shown: Callable[[re.Match[str]], str] | None = None
    ) -> None:
        pieces: list[str] = []
        self._ends: list[int] = []
        self._left_out: list[int] = []
        position = length = left_out = 0
        for match in pattern.finditer(text):
            space = "" if match.end() - match.start() == 1 and not match[0].isascii() else " "
            space = space if shown is None else shown(match)
            pieces += text[position : match.start()], space
            length += match.start() - position + len(space)
            left_out += match.end() - match.start() - len(space)
            position = match.end()
            self._ends.append(length)
            self._left_out.append(left_out)
        self.text = "".join([*pieces, text[position:]]) if pieces else text
        if not self.text.isascii():
            self.text = self.text.translate(_WIDE)

    def hits(self, hits: Iterable[Hit]) -> Iterator[Hit]:
        """Yield *hits*, which are places in this view, with their places in the text."""
        for hit in hits:
            yield replace(hit, start=self._place(hit.start), end=self._place(hit.end)) if self._ends else hit

    def _place(self, position: int) -> int:
        index = bisect_right(self._ends, position)
        return position + (self._left_out[index - 1] if index else 0)
