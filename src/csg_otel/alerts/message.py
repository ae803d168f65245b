"""
The message of a rule: text with places for the value, the threshold and labels. Pure.

It is parsed once. Each compiler writes the places in its backend's template language, and everything else as literal text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

_PLACE: Final = re.compile(r"\{(value|value:percent|threshold|labels\.([A-Za-z_][\w.]*))\}")


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a message: the value, the value as a share in percent, the threshold, or the label *name*."""

    kind: Literal["value", "percent", "threshold", "label"]
    name: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """A message: texts and places, in order."""

    parts: tuple[str | Place, ...] = ()

    def write(self, text: Callable[[str], str], place: Callable[[Place], str]) -> str:
        """Return the message for a backend: *text* escapes the literal texts, *place* writes the places."""
        return "".join(text(part) if isinstance(part, str) else place(part) for part in self.parts)


def parse(written: str) -> Message:
    """Return the message *written*; other braces than those of places are text."""
    parts: list[str | Place] = []
    end = 0
    for match in _PLACE.finditer(written):
        if match.start() > end:
            parts.append(written[end : match.start()])
        parts.append(_place(match))
        end = match.end()
    if end < len(written):
        parts.append(written[end:])
    return Message(tuple(parts))


def _place(match: re.Match[str]) -> Place:
    if match[2]:
        return Place("label", match[2])
    if match[1] == "value:percent":
        return Place("percent")
    return Place("threshold" if match[1] == "threshold" else "value")
