"""
The screen of texts by one automaton in place of words, where `hyperscan` is installed (the extra `redact`).

The automaton has no look-around, so each expression matches at least what its rule does. The one rule: a text passes only if no
expression matches; any other one, and any problem, is left to `screen`, so that the result is the same with and without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from csg_otel import interruptions
from csg_otel.privacy import views
from csg_otel.privacy.formats import generic
from csg_otel.privacy.formats.finder import Formats
from csg_otel.privacy.known_values import KnownValues
from csg_otel.privacy.structure import marks
from csg_otel.privacy.views import ESCAPE

_SPACE: Final = r"[\s\x1c-\x1f]"
"""The spaces of Python, which has four more than the automaton."""
_BEHIND: Final = rf"[\w.\-]*(?:\[\w{{0,24}})?(?:(?:\]|%5D|{marks.QUOTE}){{0,3}}{_SPACE}{{0,8}}{marks.SEPARATOR}|{marks.QUOTE}?{_SPACE}{{0,4}},?{_SPACE}{{0,16}}{marks.QUOTE}|{marks.LABEL})"
_VALUE: Final = rf"(?:{marks.VALUE}){marks.QUOTE}?\]?{_SPACE}{{0,8}}[:=]"
"""A field with the value of a name, which another field has."""
_NEXT: Final = rf"(?:[\w.\-]*(?:[(\[{{]|(?:,|{_SPACE}){_SPACE}{{0,8}}[^\s\x1c-\x1f,;:=(){{}}\[\]<>]{{8}})|.*[\"'`])"
_SAID: Final = (
    "(?i)(?:password|passwd|pwd|passphrase|secret|token|key|pin|code|otp|by|credentials?) "
    "(?:is|was|of|to|set|with|value|code|key|for|from|(?:G-)?\\d{3}[\\d -]|[\"'`$])"
)
_SCHEMES: Final = rf"(?i)(?:{'|'.join(marks.first_words(marks.SCHEMES))})[+%\-\s\x1c-\x1f]"
_PROGRAMS: Final = rf"(?s)(?:{'|'.join(marks.first_words(marks.PROGRAMS))}).*[\s\x1c-\x1f\"']-(?:[uUpPwabN]|-user|-proxy|-cookie|-auth)"
_OCTET: Final = r"[1-9]|1[1-9]|[2-9]\d|1[013-68]\d|12[0-689]|17[013-9]|19[013-9]|[2-9]\d\d"
_PUBLIC: Final = rf"(?:(?:{_OCTET})\.\d{{1,3}}|172\.(?:\d|1[0-5]|3[2-9]|[4-9]\d|\d{{3}})|192\.(?:\d{{1,2}}|1[0-57-9]\d|16[0-79]|[2-9]\d\d))"
_GAP: Final = rf"(?:[ \-+]|{ESCAPE})"
_OTHERS: Final = (
    "@",
    "%40",
    "-----",
    "PuTTY",
    "Private-MAC",
    "</",
    views.ENCODED.pattern,
    _SAID,
    _SCHEMES,
    _PROGRAMS,
    r"\x1b|(?i)\\(?:x1b|u001b|033|e)\[",
    rf"\d{{3}}{_GAP}\d{{2}}{_GAP}\d{{4}}",
    rf"(?:^|[^\w.]|{ESCAPE})\d{{4}}(?:\d{{8}}|{_GAP}\d{{4}}{_GAP}\d{{4}}|{_GAP}\d{{6}}{_GAP}\d{{4}})",
    rf"(?:^|[^A-Za-z0-9]|{ESCAPE})[A-Z]{{2}}\d{{2}}(?:{_GAP}?[A-Z0-9]){{11}}",
    r"(?:\+|%2B|tel:00)[1-9](?:[ .\-/()]{0,3}\d){7}",
    rf"(?:^|[^\w./]|{ESCAPE}|(?:^|[^A-Za-z])/){_PUBLIC}\.\d{{1,3}}\.(?:[1-9]|0\d)",
    rf"(?:^|[^\w:.]|{ESCAPE})[23][0-9A-Fa-f]{{3}}:[0-9A-Fa-f:]",
    r"[_\-.][A-Za-z0-9]{20,}",
    generic.SIGNED,
)


class Native:
    """
    The automaton of every rule.

    Args:
        formats: The token formats that are on.
        stems: Parts of the keys that announce a secret.
        person_stems: Parts of the keys that announce personal data.
        values: Known secrets.

    Raises:
        Exception: `hyperscan` is not installed, or can't be used with this processor or these expressions.
    """

    def __init__(
        self,
        formats: Formats,
        stems: Iterable[str],
        person_stems: Iterable[str],
        values: KnownValues,
    ) -> None:
        import hyperscan

        names = "|".join(map(re.escape, filter(str.isascii, stems)))
        people = "|".join(map(re.escape, filter(str.isascii, person_stems)))
        sources = [rf"(?i)-[\w.\-]*(?:{names})", *_OTHERS, *_tokens(formats)]
        either = f"(?:{names}{'|' if people else ''}{people})"
        sources.append(rf"(?i){either}{_without_look_around(_BEHIND)}")
        sources.append(rf"(?is)(?:{names}){_NEXT}")
        sources += f"(?is)(?:{people or names}).*(?:values|param|args|binds).*[\"'`]", marks.COMMANDS.pattern
        column = rf"[\w.\-]*(?:{names})[\w.\-]*"
        sources.append(rf"(?i)(?:[,;\t|] *{column}|{column} *[,;\t|])[\w.\-,;\t| ]*\r?\n")
        sources += rf"(?is){either}.*{_VALUE}", rf"(?is){_VALUE}.*{either}"
        sources.extend(re.escape(literal) for literal in values.literals if literal.isascii())
        expressions = [source.encode("ascii") for source in sources]
        database = hyperscan.Database(mode=hyperscan.HS_MODE_BLOCK)
        database.compile(
            expressions=expressions,
            ids=list(range(len(expressions))),
            elements=len(expressions),
            flags=[hyperscan.HS_FLAG_SINGLEMATCH] * len(expressions),
        )
        self._free: list[Any] = [
            database
        ]  # empty while a thread searches: the automaton has memory for one search at a time

    def passes(self, text: str) -> bool:
        """Return whether no expression matches *text*, which is ASCII; False as well while another thread searches."""
        try:
            database = self._free.pop()
        except IndexError:
            return False
        matches: list[int] = []
        try:
            database.scan(text.encode("ascii"), match_event_handler=_note, context=matches)
        except Exception:  # noqa: BLE001 - the screen by words decides
            interruptions.let_through()
            return False
        finally:
            self._free.append(database)
        return not matches


def _note(number: int, _start: int, _end: int, _flags: int, matches: list[int]) -> None:
    matches.append(number)


def _tokens(formats: Formats) -> Iterable[str]:
    """Yield an expression for each token format."""
    for prefix, tail in formats.sources():
        yield re.escape(prefix) + _without_look_around(tail)
    for inner in formats.inner:
        yield _without_look_around(inner.before) + re.escape(inner.anchor) + _without_look_around(inner.after)


def _without_look_around(source: str) -> str:
    """Return an expression without its assertions about what stands before and after a place."""
    kept: list[str] = []
    position = 0
    while position < len(source):
        if source.startswith(("(?=", "(?!", "(?<"), position):
            position = _group_end(source, position)
            continue
        width = 2 if source[position] == "\\" else 1
        kept.append(source[position : position + width])
        position += width
    return "".join(kept)


def _group_end(source: str, start: int) -> int:
    """Return the index behind the group that begins at *start*."""
    depth, position, in_class = 0, start, False
    while position < len(source):
        character = source[position]
        if character == "\\":
            position += 1
        elif in_class:
            in_class = character != "]"
        elif character == "[":
            in_class = True
        elif character in "()":
            depth += 1 if character == "(" else -1
            if not depth:
                return position + 1
        position += 1
    return position
