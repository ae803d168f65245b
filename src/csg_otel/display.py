"""
Text and numbers of others on a screen: escaping, widths in cells, and durations, sizes and quantities for people. Pure.

The rule: text of the program is shown only through ``clean``. It escapes control characters, so that no name, attribute or
message can move the cursor, forge a line or reverse the writing direction. A stream that lacks a character gets a readable one
by the error handler ``READABLE``.
"""

from __future__ import annotations

import codecs
import math
import unicodedata
from typing import Final

EPOCH_S: Final = 1e9
"""Seconds from which a value is a point in time, not a duration: 31 years."""

READABLE: Final = "csg_otel.readable"
"""Name of an error handler for encoding: plain letters for our own signs, escapes for all other characters."""

_LAST_S: Final = 1e11
"""Seconds of the year 5138: larger ones are no time."""
_PLAIN: Final = {"µ": "u", "…": "...", "—": "-", "·": "|"}
_PREFIXES: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""))
_SCALED: Final = ("Hz", "bit")
"""Units that are read with a prefix: ``2.45 GHz``."""


def _readable(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeEncodeError) and (plain := _PLAIN.get(error.object[error.start])):
        return plain, error.start + 1
    return codecs.backslashreplace_errors(error)


codecs.register_error(READABLE, _readable)


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


def cut_middle(text: str, width: int, more: str = "…") -> str:
    """Return *text* in at most *width* cells, with *more* in its middle if it was cut: names often differ at their ends."""
    if cells(text) <= width or width < 2 * len(more) + 2:
        return cut(text, width, more)
    head = cut(text, (width - len(more)) // 2, "")
    remaining, kept = width - len(more) - cells(head), []
    for character in reversed(text):
        remaining -= _cell(character)
        if remaining < 0:
            break
        kept.append(character)
    return head + more + "".join(reversed(kept))


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


def duration(seconds: float) -> str:
    """Return *seconds* for people: ``412 µs``, ``12.3 ms``, ``1.24 s``, ``1m 05s``, ``2h 10m``."""
    if not math.isfinite(seconds):
        return number(seconds)
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if seconds == 0:
        return "0 s"
    if seconds >= 59.95:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes}m {rest:02}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60:02}m"
    scale, unit = next((u for u in ((1.0, "s"), (1e-3, "ms")) if seconds >= 0.9995 * u[0]), (1e-6, "µs"))
    return f"{_three(seconds / scale)} {unit}"


def moment(at: float) -> str:
    """Return Unix seconds as local day and time: ``27 Nov 05:33:11``."""
    from datetime import datetime  # late: a probe of health loads this module, too

    return f"{datetime.fromtimestamp(at).astimezone():%d %b %H:%M:%S}"


def scaled(value: float, unit: str) -> str:
    """Return *value* with the prefix by its magnitude: ``2.45 GHz``."""
    if not math.isfinite(value):
        return number(value)
    size, prefix = next((row for row in _PREFIXES if abs(value) >= 0.9995 * row[0]), _PREFIXES[-1])
    return f"{_three(value / size)} {prefix}{unit}"


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
    if math.isfinite(value) and 1000 <= abs(value) < 1e15:
        return f"{value:,.0f}"
    return f"{value:.4g}".replace("nan", "NaN")


def quantity(value: float, unit: str) -> str:
    """
    Return *value* of the UCUM *unit* for people; annotations such as ``{order}`` are left out.

    Seconds from 2001 on are a time, and shown as local date and time: ``27 Nov 05:33:11``.
    """
    scale = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}.get(unit)
    if scale is not None:
        return moment(value) if unit == "s" and EPOCH_S < value < _LAST_S else duration(value * scale)
    if unit == "By":
        return size(value)
    if unit in _SCALED:
        return scaled(value, unit)
    if unit == "%":
        return f"{number(value)}%"
    return number(value) if unit in ("", "1") or unit.startswith("{") else f"{number(value)} {unit}"
