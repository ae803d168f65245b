"""How often capital letters, small letters and digits take turns: often in a random text, seldom in words and identifiers. Pure."""

from __future__ import annotations

import itertools

_SHARE = 0.4
"""Turns, by character, of a random text of letters and digits; words in camel case have fewer."""


def turns(text: str) -> int:
    """Return how often one kind of character follows another."""
    kinds = [0 if c.isdigit() else 1 if c.islower() else 2 for c in text]
    return sum(one != other for one, other in itertools.pairwise(kinds))


def mixed(text: str, share: float = _SHARE) -> bool:
    """Return whether *text* has capital and small letters without an order; *share* is the least number of turns by character."""
    return not text.islower() and not text.isupper() and turns(text) >= share * len(text)


def random(text: str) -> bool:
    """Return whether *text* has digits, small and capital letters without an order."""
    return mixed(text) and any(c.isdigit() for c in text)
