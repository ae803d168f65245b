"""
The message of a rule: text with places for the value, the threshold and labels. Pure.

A message is parsed once. Each compiler writes its places in the backend's template language, and the rest as literal text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

_PLACE: Final = re.compile(r"\{(value|value:percent|threshold|labels\.([A-Za-z_][\w.]*))\}")


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a message: for the value, for the value in percent, for the threshold, or for the label *name*."""

    kind: Literal["value", "percent", "threshold", "label"]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message: texts and places, in order."""

    parts: tuple[str | Place, ...] = ()

    def write(self, text: Callable[[str], str], place: Callable[[Place], str]) -> str:
        """Return the message for a backend: *text* escapes the literal texts, *place* writes the places."""
        return "".join(text(part) if isinstance(part, str) else place(part) for part in self.parts)


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
    if match[2]:
        return Place("label", match[2])
    if match[1] == "value:percent":
        return Place("percent")
    return Place("threshold" if match[1] == "threshold" else "value")
