"""Tables of words written as running text, which a reader can take in at a glance. Pure."""

from __future__ import annotations


def separate(text: str) -> tuple[str, ...]:
    """Return the words of *text*, which spaces separate."""
    return tuple(text.split())
