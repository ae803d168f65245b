"""
What a rule tells people: text with places for the value, the threshold and labels. Pure.

Parsed once, so that each compiler writes the places in its backend's own template language and everything else as inert text.
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
    """Texts and places, in order."""

    parts: tuple[str | Place, ...] = ()

    def write(self, text: Callable[[str], str], place: Callable[[Place], str]) -> str:
        """Return the message as *text* writes what is literal and *place* what is filled in."""
        return "".join(text(part) if isinstance(part, str) else place(part) for part in self.parts)


def parse(written: str) -> Message:
    """Return the message *written*; braces that are no place are text."""
    parts: list[str | Place] = []
    end = 0
    for found in _PLACE.finditer(written):
        if found.start() > end:
            parts.append(written[end : found.start()])
        parts.append(_place(found))
        end = found.end()
    if end < len(written):
        parts.append(written[end:])
    return Message(tuple(parts))


def _place(found: re.Match[str]) -> Place:
    if found[2]:
        return Place("label", found[2])
    return (
        Place("percent") if found[1] == "value:percent" else Place("threshold" if found[1] == "threshold" else "value")
    )
