"""
HTML and SVG in which text can't become markup: every text is escaped, except what was made here. Pure.

A text of a program that is shown is a ``str`` and is escaped; markup is a :class:`Markup`.
"""

from __future__ import annotations

from html import escape
from typing import Final

from csg_otel.display import clean

_VOID: Final = {"br", "meta"}
_MAX_CHARACTERS: Final = 20_000
"""Longest text of one element: more than the stack trace of a log record has."""


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


def text(content: object) -> Markup:
    """Return *content* escaped; line breaks stay, and what can't be printed or turns the direction of text is spelled out."""
    shown = str(content)
    if len(shown) > _MAX_CHARACTERS:
        shown = shown[:_MAX_CHARACTERS] + "…"
    if not shown.isprintable():
        shown = "\n".join(map(clean, shown.splitlines()))
    return Markup(escape(shown))


def element(tag: str, /, *children: object, **attributes: object) -> Markup:
    """
    Return an element.

    Args:
        tag: Its name.
        *children: Its content in this order: markup as it is, anything else as escaped text; None is left out.
        **attributes: Its attributes; a trailing ``_`` is dropped, ``_`` becomes ``-``, and None or False leaves one out.
    """
    pairs = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{text(_number(value))}"'
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if tag in _VOID:
        return Markup(f"<{tag}{pairs}>")
    return Markup(f"<{tag}{pairs}>{join(*children)}</{tag}>")


def join(*children: object) -> Markup:
    """Return *children* one after the other: markup as it is, lists of children, anything else as escaped text."""
    parts: list[str] = []
    for child in children:
        if isinstance(child, (list, tuple)):
            parts.append(join(*child))
        elif isinstance(child, Markup):
            parts.append(child)
        elif child is not None:
            parts.append(text(child))
    return Markup("".join(parts))


def _number(value: object) -> object:
    """Return a coordinate with two decimals: a tenth of a pixel is more than a screen shows."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value
