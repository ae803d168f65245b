"""
Text for a terminal: escaping, widths, colours, and numbers for people. Pure.

The rule: text of the program reaches a terminal only through ``paint``. It escapes control characters, so that no name,
attribute or message can move the cursor, forge a line or reverse the writing direction.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

GUTTER: Final = 23
"""Cells before the text of a line: the time, and a label."""

_LABEL: Final = 7
"""Cells of a label: a duration such as ``1.24 s``, a log level, or a word such as ``metrics``."""
_MAX_DEPTH: Final = 6
"""Levels of nested values; deeper values are shown by their ``str()``."""
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


def clean(text: str) -> str:
    """Return *text* with escapes for characters that cannot be printed; tabs and other spaces become plain spaces."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    if character == "\t" or unicodedata.category(character) == "Zs":
        return " "
    return character.encode("unicode_escape").decode("ascii")


def cells(text: str) -> int:
    """Return the number of terminal columns that *text* needs."""
    return len(text) if text.isascii() else sum(map(_cell, text))


def _cell(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def cut(text: str, width: int, more: str = "…") -> str:
    """Return *text* in at most *width* cells, with *more* at the end if it was cut."""
    if cells(text) <= width:
        return text
    remaining, kept = width - len(more), []
    for character in text:
        remaining -= _cell(character)
        if remaining < 0:
            break
        kept.append(character)
    return "".join(kept) + more if width >= len(more) else more[:width]


def wrap(text: str, width: int | None) -> list[str]:
    """Return *text* in lines of at most *width* cells, broken at spaces if possible; one line without a width."""
    if width is None or cells(text) <= width:
        return [text]
    lines, rest = [], text
    while cells(rest) > width:
        head = cut(rest, width, "") or rest[0]
        space = head.rfind(" ")
        if space > len(head) // 2 and rest[len(head) : len(head) + 1] != " ":
            head = head[:space]
        lines.append(head.rstrip())
        rest = rest[len(head) :].lstrip()
    return [*lines, rest] if rest else lines


def paint(line: Line, look: Look) -> str:
    """Return *line* as one row of text: escaped, cut to the width, encodable, and coloured if the look has colours."""
    remaining = look.width if look.width is not None else _MAX_WIDTH
    row: list[str] = []
    for position, (text, style) in enumerate(line):
        shown = clean(text).encode(look.encoding, "backslashreplace").decode(look.encoding)
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


def duration(seconds: float) -> str:
    """Return *seconds* for people: ``412 us``, ``12.3 ms``, ``1.24 s``, ``1m 05s``, ``2h 10m``."""
    if not math.isfinite(seconds):
        return number(seconds)
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds >= 59.95:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes}m {rest:02}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02}m"
    scale, unit = next((u for u in ((1.0, "s"), (1e-3, "ms")) if seconds >= 0.9995 * u[0]), (1e-6, "us"))
    return f"{_three(seconds / scale)} {unit}"


def size(count: float) -> str:
    """Return *count* bytes for people, in a binary unit: ``812 B``, ``48.2 MiB``."""
    if not math.isfinite(count):
        return number(count)
    units = iter(("B", "KiB", "MiB", "GiB", "TiB"))
    unit, value = next(units), float(count)
    for larger in units:
        if abs(value) < 999.5:
            break
        unit, value = larger, value / 1024
    return f"{value:.0f} B" if unit == "B" else f"{_three(value)} {unit}"


def _three(value: float) -> str:
    """Return *value* with three significant digits."""
    if value == 0:
        return "0"
    return f"{value:.{2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0}f}"


def number(value: float) -> str:
    """Return a number in few characters: thousands are grouped, floats have four significant digits."""
    if isinstance(value, int) or (math.isfinite(value) and value == int(value) and abs(value) < 1e15):
        return f"{int(value):,}" if abs(value) < 10**18 else f"1e{int(int(value).bit_length() * math.log10(2))}"
    if math.isfinite(value) and 1000 <= abs(value) < 1e9:
        return f"{value:,.1f}"
    return f"{value:.4g}".replace("nan", "NaN")


def quantity(value: float, unit: str) -> str:
    """Return *value* of the UCUM *unit* for people; annotations such as ``{order}`` are left out."""
    scale = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}.get(unit)
    if scale is not None:
        return duration(value * scale)
    if unit == "By":
        return size(value)
    if unit == "%":
        return f"{number(value)}%"
    return number(value) if unit in ("", "1") or unit.startswith("{") else f"{number(value)} {unit}"


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


def plain(item: Any, depth: int = 0) -> str:
    """Return any attribute value or log body as text; never raises."""
    if item is None or isinstance(item, (str, bool)):
        return item if isinstance(item, str) else {None: "-", True: "true", False: "false"}[item]
    if isinstance(item, float):
        return f"{item:.6g}"
    if depth < _MAX_DEPTH and isinstance(item, Mapping):
        return "{" + ", ".join(f"{plain(k, depth + 1)}: {plain(v, depth + 1)}" for k, v in item.items()) + "}"
    if depth < _MAX_DEPTH and isinstance(item, (list, tuple)):
        return "[" + ", ".join(plain(v, depth + 1) for v in item) + "]"
    try:
        return str(item)
    except BaseException:  # noqa: BLE001 - str() of the program's object may raise, even SystemExit
        return f"<{type(item).__name__}>"
