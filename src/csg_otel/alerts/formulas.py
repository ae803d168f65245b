"""
Formulas over named values, such as ``a / (a + b)`` and ``100 * rate(x) / rate(y)``.

Pure. The four operators bind as in arithmetic. The rule: a name is returned as it was written; the caller resolves it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

_TOKEN: Final = re.compile(
    r"""\s*(?:
      (?P<number> (?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)? ) (?![\w.])
    | (?P<name> [A-Za-z_][\w.:]* (?: \( \s* [A-Za-z_][\w.:]* \s* \) )? )
    | (?P<sign> [-+*/()] )
    )""",
    re.VERBOSE,
)
_DEEPEST: Final = 50
"""Most parentheses inside each other."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name in a formula, or a function of one: ``rate(x)``."""

    text: str


@dataclass(frozen=True, slots=True)
class Operation:
    """Two sides and their operator."""

    operator: Literal["+", "-", "*", "/"]
    left: Tree
    right: Tree


Tree = Name | Operation | float


def is_formula(text: str) -> bool:
    """Return whether *text* is more than one name: whether it contains an operator outside of a name's parentheses."""
    return re.search(r"[-+*/]", re.sub(r"^\w+\(([^()]*)\)$", r"\1", text.strip())) is not None


def parse(text: str) -> Tree:
    """Return the formula *text*. Raises ValueError with what is wrong."""
    return _Parser(text).whole()


class _Parser:
    """Reads one formula from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        self._depth = 0
        at = 0
        while text[at:].strip():
            token = _TOKEN.match(text, at)
            if token is None:
                raise ValueError(
                    f"can't be read from {text[at:].strip()!r} on; write names, numbers, + - * / and parentheses"
                )
            self._tokens.append((token.lastgroup or "", token[0].strip()))
            at = token.end()

    def whole(self) -> Tree:
        tree = self._sum()
        if self._tokens:
            raise ValueError(f"has {self._tokens[0][1]!r} where an operator belongs")
        return tree

    def _next_is(self, *signs: str) -> bool:
        return bool(self._tokens) and self._tokens[0] in [("sign", sign) for sign in signs]

    def _sum(self) -> Tree:
        left = self._product()
        while self._next_is("+", "-"):
            operator = self._tokens.pop(0)[1]
            left = Operation(operator, left, self._product())  # type: ignore[arg-type] # one of the two
        return left

    def _product(self) -> Tree:
        left = self._single()
        while self._next_is("*", "/"):
            operator = self._tokens.pop(0)[1]
            left = Operation(operator, left, self._single())  # type: ignore[arg-type] # one of the two
        return left

    def _single(self) -> Tree:
        if not self._tokens:
            raise ValueError("ends where a name or a number belongs")
        kind, text = self._tokens.pop(0)
        if kind == "name":
            return Name(text)
        if kind == "number":
            return float(text)
        if text == "-" and self._tokens and self._tokens[0][0] == "number":
            return -float(self._tokens.pop(0)[1])
        if text != "(" or self._depth == _DEEPEST:
            raise ValueError(f"has {text!r} where a name or a number belongs")
        self._depth += 1
        tree = self._sum()
        self._depth -= 1
        if not self._next_is(")"):
            raise ValueError("has no ')' for each '('")
        self._tokens.pop(0)
        return tree
