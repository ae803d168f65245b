"""The plain values that describe scrubbing: its options, a match, a finding and the marker. Pure; the configuration builds them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

MASKED: Final = re.compile(r"(?:\[redacted(?::[\w.-]{1,80})?\]|\[\*+\]|\.{3} \[cut\]|\*{2,}|•{2,}|[xX]{4,}|\.{3}|…)+")
"""What stands where a secret was, by us or by others; it is never redacted again."""


@dataclass(frozen=True)
class Match:
    """One match, as `on_match` receives it: the rule, the matched text, and the key of its value (empty in a text)."""

    rule: str
    value: str = field(repr=False)
    key: str = ""


@dataclass(frozen=True)
class Finding:
    """
    One hit without its text.

    Attributes:
        rule: The rule's name.
        path: The path of the value, such as ``/attributes/0``; empty in a text.
        replacement: What replaces the matched text.
        start: The offset of the matched text; -1 where the whole value is replaced.
        length: The number of its characters.
        key: The scrubbed key of an attribute whose value is beside its key, as in OTLP's JSON; else empty.
    """

    rule: str
    path: str
    replacement: str
    start: int = -1
    length: int = 0
    key: str = ""


@dataclass(frozen=True)
class Hit:
    """A part of a text to replace, from *start* to *end*; *replacement* is empty for the marker."""

    start: int
    end: int
    rule: str
    replacement: str = ""
    key: str = ""


@dataclass(frozen=True)
class Options:
    """
    The settings of section `scrubbing` as plain values.

    Attributes:
        enabled: False returns every value as it is.
        extra_keys: More words; a key that contains one has its value redacted.
        extra_patterns: More regular expressions, each applied to the first 16,384 characters of a text.
        allow_keys: Keys, or patterns with ``*``, whose values only the layer of known values redacts.
        personal_data: False switches the rules of personal data off.
        disabled_rules: Names of rules that are off.
        on_match: A function that returns the replacement of a match, or None for the marker.
    """

    enabled: bool = True
    extra_keys: tuple[str, ...] = ()
    extra_patterns: tuple[str, ...] = ()
    allow_keys: tuple[str, ...] = ()
    personal_data: bool = True
    disabled_rules: tuple[str, ...] = ()
    on_match: Callable[[Match], str | None] | None = None


def marker(rule: str, text: str = "") -> str:
    """Return the marker of *rule* for the matched *text*: the first of three forms that does not contain the text."""
    for form in (f"[redacted:{rule}]", "[redacted]"):
        if not text or text not in form:
            return form
    return "[***]"
