"""
The message of a rule: text with places for the value, the threshold and labels. Pure.

A message is parsed once. Each compiler writes its places in the backend's template language, and the rest as literal text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

_PLACE: Final = re.compile(
    r"\{(?:(value|threshold)(?::(percent|bytes|duration|\.[0-9]f))?|labels\.([A-Za-z_][\w.]*))\}"
)


@dataclass(frozen=True, slots=True)
class Place:
    """
    A place in a message: for the value, for the threshold, or for the label *name*.

    *form* is the form of a number: ``percent`` of a share, ``bytes``, ``duration`` of seconds, or decimals such as ``.2f``; by
    default four digits.
    """

    kind: Literal["value", "threshold", "label"]
    name: str = ""
    form: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message: texts and places, in order."""

    parts: tuple[str | Place, ...] = ()

    def write(self, text: Callable[[str], str], place: Callable[[Place], str]) -> str:
        """Return the message for a backend: *text* escapes the literal texts, *place* writes the places."""
        return "".join(text(part) if isinstance(part, str) else place(part) for part in self.parts)

    @property
    def has_value(self) -> bool:
        """Whether it has a place for the value."""
        return any(isinstance(part, Place) and part.kind == "value" for part in self.parts)

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the labels that it has places for."""
        return tuple(part.name for part in self.parts if isinstance(part, Place) and part.kind == "label")


def parse(text: str) -> Message:
    """Return *text* as a message; braces that do not form a place are literal text."""
    parts: list[str | Place] = []
    end = 0
    for match in _PLACE.finditer(text):
        if match.start() > end:
            parts.append(text[end : match.start()])
        parts.append(_place(match))
        end = match.end()
    if end < len(text):
        parts.append(text[end:])
    return Message(tuple(parts))


def _place(match: re.Match[str]) -> Place:
    if match[3]:
        return Place("label", match[3])
    return Place("value" if match[1] == "value" else "threshold", form=match[2] or "")


_BINARY: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_SMALL: Final = ("", "m", "u", "n", "p")


def formatted(value: float, form: str, *, percent: bool = False) -> str:
    """
    Return *value* as Prometheus' template functions write it, so that a limit and a preview read like the alert.

    Args:
        value: the number.
        form: see :class:`Place`.
        percent: whether the number is in percent already, and no share. Default False.
    """
    if form == "percent":
        return f"{value if percent else 100 * value:.4g}%"
    if form == "bytes":
        return f"{_scaled(value, 1024.0, _BINARY)}B"
    if form == "duration":
        return _duration(value)
    return f"{value:{form}}" if form else f"{value:.4g}"


def _scaled(value: float, base: float, prefixes: tuple[str, ...]) -> str:
    power = 0
    while abs(value) >= base and power < len(prefixes) - 1:
        value, power = value / base, power + 1
    return f"{value:.4g}{prefixes[power]}"


def _duration(seconds: float) -> str:
    if seconds == 0 or not math.isfinite(seconds):
        return f"{seconds:.4g}s"
    if abs(seconds) < 1:
        power = 0
        while abs(seconds) < 1 and power < len(_SMALL) - 1:
            seconds, power = seconds * 1000, power + 1
        return f"{seconds:.4g}{_SMALL[power]}s"
    if abs(seconds) < 60:
        return f"{seconds:.4g}s"
    sign, whole = "-" if seconds < 0 else "", int(abs(seconds))
    days, hours, minutes = whole // 86_400, whole // 3600 % 24, whole // 60 % 60
    parts = [f"{days}d"] if days else []
    parts += [f"{hours}h"] if days or hours else []
    return sign + " ".join([*parts, f"{minutes}m", f"{whole % 60}s"])
