"""
The search for tokens of known formats: one expression finds the places where a prefix stands, and the rest is compared there. Pure.

The one rule: every expression is linear, because it has no nested quantifier and starts at a prefix.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Final

from csg_otel.privacy import trie
from csg_otel.privacy.formats import cloud, code, generic, models, payments, services
from csg_otel.privacy.formats.shape import Inner, Shape
from csg_otel.privacy.options import Hit

SHAPES: Final[tuple[Shape, ...]] = (
    *cloud.SHAPES,
    *code.SHAPES,
    *models.SHAPES,
    *payments.SHAPES,
    *services.SHAPES,
)
INNER: Final[tuple[Inner, ...]] = (*cloud.INNER, *code.INNER, *payments.INNER, *services.INNER)
SHORTEST: Final = 14
"""Characters of the shortest token, with its prefix; a shorter text has none."""
_WINDOW: Final = 128
"""Characters before the anchor of an `Inner` format that are looked at."""
_MARKS: Final = string.punctuation
_LOOK: Final = re.compile(r"\(\?[:=!<]+")
_MOST_PLACES: Final = 16
"""Places of a prefix that `may_be` looks at."""
_EDGE: Final = r"(?<![A-Za-z0-9])"
_ESCAPED_EDGE: Final = r"(?:(?<![A-Za-z0-9])|(?<=%[0-9A-Fa-f]{2})|(?<=\\[nrtbf])|(?<=\\u[0-9A-Fa-f]{4})|(?<=\\x[0-9A-Fa-f]{2})|(?<=[a-z_]{3}_))"
"""An edge that also stands behind an escape: ``%3Dghp_``, ``\\nghp_``."""

_Search = Callable[..., "re.Match[str] | None"]


@lru_cache(maxsize=1024)
def _compiled(source: str) -> re.Pattern[str]:
    return re.compile(source)


class Formats:
    """Find the tokens of every format that is not in *disabled*."""

    def __init__(self, disabled: frozenset[str] = frozenset()) -> None:
        shapes = [shape for shape in SHAPES if shape.rule not in disabled]
        tails: dict[str, list[tuple[str, str]]] = {}
        for shape in shapes:
            for prefix in shape.prefixes:
                tails.setdefault(prefix, []).append((shape.rule, shape.tail))
        self.prefixes = tuple(sorted(tails, key=len, reverse=True))
        self._tails = {
            literal: [
                (length, *row) for length in range(len(literal), 0, -1) for row in tails.get(literal[:length], ())
            ]
            for literal in self.prefixes
        }
        self._searches: dict[bool, _Search] = {}
        self._literals = trie.pattern(self.prefixes)
        self._generic = generic.RULE not in disabled
        self.inner = tuple(inner for inner in INNER if inner.rule not in disabled)

    def may_be(self, text: str, prefix: str) -> bool:
        """Return whether *text* may have a token that begins with *prefix*: it has, or the prefix stands too often in it."""
        position, times, tails = text.find(prefix), 0, self._tails[prefix]
        while position >= 0:
            times += 1
            if times > _MOST_PLACES:
                return True
            for length, _, tail in tails:
                if _compiled(tail).match(text, position + length) is not None:
                    return True
            position = text.find(prefix, position + 1)
        return False

    def sources(self) -> Iterator[tuple[str, str]]:
        """Yield each prefix with the expression of what follows it."""
        for prefix in self.prefixes:
            yield from ((prefix, tail) for length, _, tail in self._tails[prefix] if length == len(prefix))

    def marks(self, prefix: str) -> str:
        """Return the marks that the tokens with *prefix* may have."""
        tails = [_LOOK.sub("", tail) for _, _, tail in self._tails[prefix]]
        if any(part in tail for tail in tails for part in ("[^", "\\S", "\\D", "\\W")):
            return _MARKS
        return "".join(mark for mark in _MARKS if any(mark in tail.replace("\\w", "_") for tail in tails))

    def inner_in(self, text: str) -> Iterator[Hit]:
        """Yield the tokens in *text* of the formats without a prefix."""
        for inner in self.inner:
            if inner.anchor in text:
                yield from _around(text, inner)

    def _search(self, *, escaped: bool) -> _Search:
        """Return the search for a prefix; it is compiled at its first use, because most texts never get here."""
        search = self._searches.get(escaped)
        if search is None:
            source = (_ESCAPED_EDGE if escaped else _EDGE) + self._literals
            search = self._searches[escaped] = re.compile(source).search
        return search

    def hits(self, text: str) -> Iterator[Hit]:
        """Yield the tokens in *text*, in the order of the tables' anchors."""
        if len(text) < SHORTEST:
            return
        search = self._search(escaped="%" in text or "\\" in text)
        match = search(text)
        while match is not None:
            start = position = match.start()
            for length, rule, tail in self._tails[match[0]]:
                if (rest := _compiled(tail).match(text, start + length)) is not None:
                    yield Hit(start, rest.end(), rule)
                    position = max(position, rest.end() - 1)
            match = search(text, position + 1)
        yield from self.inner_in(text)
        if self._generic:
            yield from generic.hits(text)


def _around(text: str, inner: Inner) -> Iterator[Hit]:
    """Yield the tokens of a format without a prefix: compare what stands before and after each anchor."""
    before, after = _compiled(f"(?:{inner.before})\\Z"), _compiled(inner.after)
    position = text.find(inner.anchor)
    while position >= 0:
        end = position + len(inner.anchor)
        if (rest := after.match(text, end)) is not None:
            low = max(0, position - _WINDOW)
            if (head := before.search(text[low:position])) is not None:
                yield Hit(low + head.start(), rest.end(), inner.rule)
        position = text.find(inner.anchor, end)


def descriptions() -> dict[str, str]:
    """Return the rule of each format with what it redacts; formats of one rule are joined."""
    texts: dict[str, list[str]] = {}
    table: tuple[Shape | Inner, ...] = (*SHAPES, *INNER)
    for row in table:
        kinds = texts.setdefault(row.rule, [])
        if row.what not in kinds:
            kinds.append(row.what)
    return {generic.RULE: generic.WHAT, **{rule: "; ".join(kinds) for rule, kinds in texts.items()}}
