"""
Names of metrics and labels in Prometheus: translated from OpenTelemetry's, and escaped as a client wants it.

A name is translated to letters, digits and underscores in every format, so that a series has one name whichever program
scrapes it. Only if the settings say so, it keeps its characters for clients that allow UTF-8, or that decode an escaping.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from csg_otel.pipeline import _compat

if TYPE_CHECKING:
    from csg_otel import names

_CACHED: Final = 8192

_PLAIN: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*").fullmatch
_PLAIN_LABEL: Final = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*").fullmatch


class Naming(NamedTuple):
    """The names of one format."""

    family: Callable[[str, str, names.Kind], str]
    """Returns the sample name of an instrument, from its name, unit and kind; for a histogram without ``_bucket``."""
    label: Callable[[str], str]
    """Returns the label's name for the key of an attribute."""


@functools.lru_cache(maxsize=_CACHED)
def family_name(name: str, unit: str, kind: names.Kind) -> str:
    """Return the sample name of the instrument *name*, for a histogram without ``_bucket``; empty if no name is possible."""
    return _with_suffixes(_compat.prometheus_name(name), unit, kind)


@functools.lru_cache(maxsize=_CACHED)
def label_name(key: str) -> str:
    """Return the label's name for the attribute *key*."""
    return _compat.prometheus_label(key) or "_"


@functools.cache
def naming(escaping: str, utf8: bool) -> Naming:
    """
    Return the names for a client.

    Args:
        escaping: One of ``negotiation.ESCAPINGS``; empty if the client named none, which means underscores.
        utf8: Whether names keep their characters if the escaping is another than underscores.
    """
    keep = utf8 and escaping not in ("", "underscores")
    family: Callable[[str, str, names.Kind], str] = _with_suffixes if keep else family_name
    label: Callable[[str], str] = _kept_label if keep else label_name
    escape = {"dots": _dots, "values": _values}.get(escaping)
    if escape is None:
        return Naming(family, label)
    return Naming(lambda name, unit, kind: escape(family(name, unit, kind)), lambda key: escape(label(key)))


def quoted(name: str) -> str:
    """Return the name of a metric in quotes, unless it is plain."""
    return name if _PLAIN(name) else _in_quotes(name)


def quoted_label(name: str) -> str:
    """Return the name of a label in quotes, unless it is plain."""
    return name if _PLAIN_LABEL(name) else _in_quotes(name)


def escape_text(text: str) -> str:
    """Return *text* as it stands between double quotes."""
    if "\\" in text or '"' in text or "\n" in text:
        return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
    return text


def _with_suffixes(name: str, unit: str, kind: names.Kind) -> str:
    """Return *name* with the unit, and ``_total`` for a counter."""
    suffix = _compat.prometheus_unit(unit)
    shown = name.removesuffix("_total") if kind == "counter" else name
    if suffix and not shown.endswith(f"_{suffix}"):
        shown = f"{shown}_{suffix}"
    return f"{shown}_total" if kind == "counter" else shown


def _kept_label(key: str) -> str:
    """Return *key* as it is, unless Prometheus reserves the name."""
    return label_name(key) if not key or key.startswith("__") else key


def _in_quotes(name: str) -> str:
    return f'"{escape_text(name)}"'


def _is_plain(character: str, place: int) -> bool:
    return character.isascii() and (character.isalpha() or character in "_:" or (character.isdigit() and place > 0))


def _dots(name: str) -> str:
    """Return *name* in the escaping ``dots``: only dots and underscores can be decoded."""
    special = {"_": "__", ".": "_dot_"}
    escaped = (special.get(c) or (c if _is_plain(c, place) else "__") for place, c in enumerate(name))
    return "".join(escaped)


def _values(name: str) -> str:
    """Return *name* in the escaping ``values``: every other character as its code point."""
    if not name or _PLAIN(name):
        return name
    escaped = (
        "__" if c == "_" else c if _is_plain(c, place) else "_FFFD_" if "\ud800" <= c <= "\udfff" else f"_{ord(c):x}_"
        for place, c in enumerate(name)
    )
    return "U__" + "".join(escaped)
