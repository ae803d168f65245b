"""One row of the tables of token formats: the literals that announce a token, and the expression of the rest. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

END: Final = r"(?![A-Za-z0-9])"
"""No letter or digit follows: a longer run of characters is something else."""
_END_MARK: Final = re.compile(r"(?<!\\)\$")


@dataclass(frozen=True)
class Shape:
    """
    A token format.

    Attributes:
        rule: The rule's name.
        what: What the token is, for `csg-otel scrub rules`.
        prefixes: The literals that it begins with.
        tail: The expression of the characters after the prefix.
    """

    rule: str
    what: str
    prefixes: tuple[str, ...]
    tail: str


@dataclass(frozen=True)
class Inner:
    """
    A token format without a literal at its beginning.

    Attributes:
        rule: The rule's name.
        what: What the token is.
        anchor: The literal within each token; a text without it is not searched.
        before: The expression of the characters before the anchor, searched backwards in at most 128 characters.
        after: The expression of the characters after the anchor.
    """

    rule: str
    what: str
    anchor: str
    before: str
    after: str


def rows(text: str) -> tuple[Shape, ...]:
    """Return the shapes of a table with lines ``rule | what | prefixes | tail``."""
    shapes = []
    for line in filter(None, map(str.strip, text.splitlines())):
        rule, what, prefixes, tail = (cell.strip() for cell in line.split(" | "))
        shapes.append(Shape(rule, what, tuple(prefixes.split()), _END_MARK.sub(lambda _: END, tail)))
    return tuple(shapes)
