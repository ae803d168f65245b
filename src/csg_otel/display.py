"""
Text and numbers of others on a screen: escaping, widths in cells, and durations, sizes and quantities for people. Pure.

The rule: text of the program is shown only through ``clean``. It escapes control characters, so that no name, attribute or
message can move the cursor, forge a line or reverse the writing direction.
"""

from __future__ import annotations

import math
import unicodedata


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
