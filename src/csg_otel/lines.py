"""One line for text of others, so that a message can't look like further lines of the output. Pure."""

from __future__ import annotations


def one_line(text: str) -> str:
    """Return *text* with a space for each line break and each character that is not printable."""
    return text if text.isprintable() else "".join(c if c.isprintable() else " " for c in text)


def printable(text: str) -> str:
    """Return *text* of one or more lines, each as :func:`one_line` does."""
    return "\n".join(map(one_line, text.split("\n")))
