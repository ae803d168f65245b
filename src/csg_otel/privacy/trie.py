"""Many literals as one regular expression in the form of a tree, so that a search looks at few branches. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any


def pattern(literals: Iterable[str]) -> str:
    """Return the source of an expression that matches the longest of *literals* at a place; it has no empty branch."""
    root: dict[str, Any] = {}
    for literal in literals:
        node = root
        for character in literal:
            node = node.setdefault(character, {})
        node[""] = {}
    return _source(root) if root else r"(?!)"


def _source(node: dict[str, Any]) -> str:
    branches = []
    for character, below in sorted(node.items()):
        if not character:
            continue
        tail, text = below, re.escape(character)
        while len(tail) == 1 and "" not in tail:  # a stem without a branch, and without a level of recursion
            ((character_below, tail),) = tail.items()
            text += re.escape(character_below)
        branches.append(text + (_source(tail) if set(tail) - {""} else ""))
    optional = "?" if "" in node and branches else ""
    return f"(?:{'|'.join(branches)}){optional}"
