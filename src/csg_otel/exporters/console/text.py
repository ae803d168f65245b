"""
Text for a terminal: the look of lines, colours, and values of attributes. Pure.

The rule: text of the program reaches a terminal only through ``paint``, which escapes it by ``display.clean``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from csg_otel.display import READABLE, cells, clean, cut
from csg_otel.plain_values import plain

GUTTER: Final = 23
"""Cells before the text of a line: the time, and a label."""

_LABEL: Final = 7
"""Cells of a label: a duration such as ``1.24 s``, a log level, or a word such as ``metrics``."""
_MAX_ATTRIBUTES: Final = 8
"""Most attributes on one line; of the others only their number is shown."""
_MAX_WIDTH: Final = 4096
"""Most cells of a line if the stream is not a terminal."""
_STYLES: Final = {"": "", "dim": "2", "bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Segment(NamedTuple):
    """A run of text in one style: ``dim``, ``bold``, a colour, or nothing."""

    text: str
    style: str = ""


Line = Sequence[Segment]


class Glyphs(NamedTuple):
    """The drawing characters for a stream's encoding."""

    branch: str = "├─ "
    last: str = "└─ "
    through: str = "│  "
    blank: str = "   "
    open: str = "┆  "
    more: str = "…"
    bad: str = "✖"
    good: str = "✔"
    warning: str = "▲"


UNICODE: Final = Glyphs()
ASCII: Final = Glyphs("|- ", "`- ", "|  ", "   ", ":  ", "...", "x", "+", "!")


@dataclass(frozen=True, slots=True)
class Look:
    """
    The look of the output.

    ``width`` is in cells; with None, lines are not cut. Paths below the directory ``base`` are shown relative to it.
    """

    glyphs: Glyphs = UNICODE
    width: int | None = None
    color: bool = False
    encoding: str = "utf-8"
    debug: bool = False
    base: str = ""

    @property
    def room(self) -> int | None:
        """The number of cells after the gutter; None without a width."""
        return None if self.width is None else self.width - GUTTER


def glyphs_for(encoding: str | None) -> Glyphs:
    """Return the drawing characters for *encoding*: ASCII ones if it lacks the others. None counts as UTF-8."""
    try:
        "".join(UNICODE).encode(encoding or "utf-8")
    except (UnicodeError, LookupError):
        return ASCII
    return UNICODE


def paint(line: Line, look: Look) -> str:
    """Return *line* as one row of text: escaped, cut to the width, encodable, and coloured if the look has colours."""
    remaining = look.width if look.width is not None else _MAX_WIDTH
    row: list[str] = []
    for position, (text, style) in enumerate(line):
        shown = clean(text).encode(look.encoding, READABLE).decode(look.encoding)
        follows = any(segment.text.strip() for segment in line[position + 1 :])
        whole = cells(shown) + follows <= remaining
        shown = shown if whole else cut(shown + " " * follows, remaining, look.glyphs.more)
        remaining -= cells(shown)
        code = _STYLES[style] if look.color and shown.strip() else ""
        row.append(f"\x1b[{code}m{shown}\x1b[0m" if code else shown)
        if not whole:
            break
    return "".join(row).rstrip()


def gutter(at_ns: int | None, label: str, style: str = "") -> list[Segment]:
    """Return the beginning of a line: local time and *label*; the time is blank on a continuation line (*at_ns* is 0)."""
    time = time_of_day(at_ns) if at_ns != 0 else " " * 12
    return [Segment(time, "dim"), Segment(f"  {label:>{_LABEL}}  ", style)]


def time_of_day(at_ns: int | None) -> str:
    """Return nanoseconds since the epoch as local ``HH:MM:SS.mmm``."""
    try:
        return f"{datetime.fromtimestamp((at_ns or 0) // 1_000_000 / 1000).astimezone():%H:%M:%S.%f}"[:12]
    except (ValueError, OverflowError, OSError):
        return "--:--:--.---"


def attributes(items: Iterable[tuple[str, Any]], look: Look) -> str:
    """Return attributes as ``k=v k=v``: long values are cut; after 8 attributes the number of the rest (all with ``debug``)."""
    shown = [f"{key}={value(v, look)}" for key, v in items]
    if not look.debug and len(shown) > _MAX_ATTRIBUTES:
        shown[_MAX_ATTRIBUTES:] = [f"+{len(shown) - _MAX_ATTRIBUTES}"]
    return " ".join(shown)


def value(attribute: Any, look: Look) -> str:
    """Return one attribute value in at most 40 cells (200 with ``debug``), quoted where its end would be unclear."""
    text = clean(plain(attribute)[:1000])
    text = cut(text, 200 if look.debug else 40, look.glyphs.more)
    if isinstance(attribute, str) and (not text or " " in text or "=" in text):
        return f'"{text}"'
    return text
