"""
Read the text of a regular expression into a small tree, as far as its backtracking is concerned.

What a part captures does not matter here; which characters it matches, where it repeats and where it may fail does. The
expression has been compiled by `re` before, so its syntax is correct. The one rule: a form that is not understood raises
`UnreadableError`, and the caller says nothing of such an expression.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

_COMMON: Final = "".join(map(chr, range(128))) + "\xa0éßЖ中٣\u2028"
"""Characters that stand for all, with those of the expression."""

_ESCAPE: Final = re.compile(
    r"\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|N\{[^}]*\}|0[0-7]{0,2}|[0-3][0-7]{2}|[1-9][0-9]?|.)",
    re.DOTALL,
)
_SET: Final = re.compile(r"\[\^?\]?(?:\\.|[^\]\\])*\]", re.DOTALL)
_COUNTS: Final = re.compile(r"\{(?:(\d+)|(\d*),(\d*))\}")
_SPACE: Final = re.compile(r"(?:\s+|#[^\n]*)+")
_FLAGS: Final = re.compile(r"\(\?([aiLmsux]*)(?:-([imsx]+))?([:)])")
_GROUP: Final = re.compile(r"\((?:\?(?:P<\w+>|:|>|<?[=!]|\(\w+\)))?")
_REFERENCE: Final = re.compile(r"\(\?P=\w+\)")
_COMMENT: Final = re.compile(r"\(\?#[^)]*\)")


class UnreadableError(ValueError):
    """A form of regular expressions that this module does not read."""


@dataclass(frozen=True, eq=False)
class Part:
    """A part of an expression; *start* and *end* are its place in the text."""

    start: int
    end: int


@dataclass(frozen=True, eq=False)
class Characters(Part):
    """One character out of a set; the empty set is a part of unknown text, such as a reference to a group."""

    characters: frozenset[str]


@dataclass(frozen=True, eq=False)
class Assertion(Part):
    """
    A place without a width.

    `edge` is the start or the end of the text, ``^`` and ``$`` of a line, ``\\b`` and ``\\B`` of a word, `look` anything else.
    """

    kind: str


@dataclass(frozen=True, eq=False)
class Sequence(Part):
    """Parts behind each other."""

    parts: list[Part]


@dataclass(frozen=True, eq=False)
class Choice(Part):
    """Alternatives."""

    parts: list[Part]


@dataclass(frozen=True, eq=False)
class Repeat(Part):
    """A part that is repeated from *least* to *most* times; None is without an end."""

    part: Part
    least: int
    most: int | None


@dataclass(frozen=True, eq=False)
class Atomic(Part):
    """A part that is never entered again once it has matched, as `(?>...)` and `a++`."""

    part: Part


@dataclass
class Reader:
    """
    A position in the text of an expression.

    Attributes:
        text: The expression.
        flags: Its flags in force at the position, as letters.
        at: The position.
        separate: Parts that are matched on their own: bodies of lookarounds and of atomic groups.

    """

    text: str
    flags: frozenset[str] = frozenset()
    at: int = 0
    separate: list[Part] = field(default_factory=list)
    _sets: dict[tuple[str, str], frozenset[str]] = field(default_factory=dict)

    def read(self) -> Part:
        """Return the tree of the whole expression."""
        tree = self._choice()
        if self.at < len(self.text):
            raise UnreadableError(self.text[self.at :])
        return tree

    def _take(self, expression: re.Pattern[str]) -> re.Match[str] | None:
        match = expression.match(self.text, self.at)
        if match is not None:
            self.at = match.end()
        return match

    def _skip(self) -> None:
        """Pass comments, and blanks where the flag `x` is in force."""
        while self._take(_COMMENT) or ("x" in self.flags and self._take(_SPACE)):
            pass

    def _choice(self) -> Part:
        start, branches = self.at, [self._sequence()]
        while self.text.startswith("|", self.at):
            self.at += 1
            branches.append(self._sequence())
        if len(branches) == 1:
            return branches[0]
        return self._merged(start, branches) or Choice(start, self.at, branches)

    def _merged(self, start: int, branches: list[Part]) -> Part | None:
        """Return alternatives of one character as one set, where `re` makes one of them: it never tries them one by one."""
        texts = {self.text[branch.start : branch.end] for branch in branches}
        single = [branch.characters for branch in branches if isinstance(branch, Characters)]
        if len(single) < len(branches) or len(texts) == 1 or any(text.startswith((".", "[^")) for text in texts):
            return None
        return Characters(start, self.at, frozenset[str]().union(*single))

    def _sequence(self) -> Part:
        start, parts = self.at, list[Part]()
        self._skip()
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            begin = self.at
            if (part := self._atom()) is not None:
                self._skip()
                while (repeat := self._quantified(part, begin)) is not None:
                    part = repeat
                parts.append(part)
            self._skip()
        return parts[0] if len(parts) == 1 else Sequence(start, self.at, parts)

    def _quantified(self, part: Part, start: int) -> Part | None:
        sign = self.text[self.at : self.at + 1]
        least, most = 0, None
        if sign and sign in "*+?":
            self.at += 1
            least, most = int(sign == "+"), 1 if sign == "?" else None
        elif counts := self._take(_COUNTS):
            exactly, low, high = counts.groups()
            least, most = int(exactly or low or 0), int(exactly or high) if exactly or high else None
        else:
            return None
        suffix = self.text[self.at : self.at + 1]
        self.at += bool(suffix) and suffix in "?+"
        repeat = Repeat(start, self.at, part, least, most)
        return self._atomic(repeat) if suffix == "+" else repeat

    def _atomic(self, part: Part) -> Part:
        self.separate.append(part)
        return Atomic(part.start, part.end, part)

    def _atom(self) -> Part | None:
        """Return the next part without its repetition, or None for flags, which match nothing."""
        start, sign = self.at, self.text[self.at]
        if sign == "(":
            return self._group()
        if sign == "[":
            if self._take(_SET) is None:
                raise UnreadableError(self.text[start:])
        elif sign == "\\":
            self._take(_ESCAPE)
            if (kind := self.text[start + 1 : start + 2]) and kind in "AZzbB":
                return Assertion(start, self.at, f"\\{kind}" if kind in "bB" else "edge")
            if re.fullmatch(r"\\[1-9][0-9]?", self.text[start : self.at]):
                return Characters(start, self.at, frozenset())
        else:
            self.at += 1
            if sign in "^$":
                return Assertion(start, self.at, sign if "m" in self.flags else "edge")
        return Characters(start, self.at, self._matched(self.text[start : self.at]))

    def _matched(self, atom: str) -> frozenset[str]:
        """Return the characters of the sample that *atom* matches."""
        flags = "".join(sorted(self.flags & set("ais")))
        if (flags, atom) not in self._sets:
            expression = re.escape(atom) if len(atom) == 1 and atom != "." else atom
            sample = _COMMON + "".join(sign for sign in self.text if ord(sign) > 127)
            self._sets[flags, atom] = frozenset(re.findall(f"(?{flags}:{expression})", sample))
        return self._sets[flags, atom]

    def _group(self) -> Part | None:
        start = self.at
        if self._take(_REFERENCE):
            return Characters(start, self.at, frozenset())
        flags = self.flags
        switched = self._take(_FLAGS)
        if switched is not None:
            self.flags = (flags | set(switched[1])) - set(switched[2] or "")
            if switched[3] == ")":  # for the rest of the expression
                return None
            kind = ""
        else:
            opening = self._take(_GROUP)
            kind = opening[0][2:] if opening else ""
        body = self._choice()
        self.flags = flags
        if not self.text.startswith(")", self.at):
            raise UnreadableError(self.text[start:])
        self.at += 1
        if kind in ("=", "!", "<=", "<!"):
            self.separate.append(body)
            return Assertion(start, self.at, "look")
        return self._atomic(body) if kind == ">" else Sequence(start, self.at, [body])
