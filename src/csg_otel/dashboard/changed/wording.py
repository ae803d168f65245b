"""The words of a row: the sentence, its attributes, the link; and the smallest difference that matters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from csg_otel.dashboard.view.text import value
from csg_otel.display import cut

_MOST_ATTRIBUTES: Final = 3
_MOST_CELLS: Final = 60

_SECONDS: Final = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
_BYTES: Final = {"By": 1.0, "KiBy": 1024.0, "kBy": 1e3, "MiBy": 1024.0**2, "MBy": 1e6, "GiBy": 1024.0**3}


def is_duration(unit: str) -> bool:
    """Return whether *unit* is one of time."""
    return unit in _SECONDS


def floor(unit: str) -> float:
    """Return the smallest difference that matters, in *unit*."""
    base, slash, _ = unit.partition("/")
    if slash:
        return 10_240 / _BYTES[base] if base in _BYTES else 0.05
    if unit in _SECONDS:
        return 0.002 / _SECONDS[unit]
    if unit in _BYTES:
        return 1_048_576 / _BYTES[unit]
    return {"1": 0.02, "%": 2.0}.get(unit, 1.0)


def of_attributes(attributes: Mapping[str, Any], distinguishing: Iterable[str]) -> str:
    """Return `` for route /b, method GET``: the attributes that distinguish a series, at most three; empty for none."""
    keys = [key for key in distinguishing if key in attributes] or list(attributes)
    named = [f"{_word(key)} {short(str(attributes[key]))}" for key in keys]
    return f" for {', '.join(named[:_MOST_ATTRIBUTES])}" if named else ""


def _word(key: str) -> str:
    """Return the word for the attribute *key*: ``route`` for ``http.route``, ``operation`` for ``csg.operation.name``."""
    *parents, last = key.split(".")
    return (parents[-1] if parents and last in ("name", "type") else last).replace("_", " ")


def short(text: str) -> str:
    """Return the beginning of *text*."""
    return cut(text, _MOST_CELLS)


def movement(subject: str, before: float, after: float, unit: str) -> str:
    """Return the sentence that *subject* moved from *before* to *after*; shares of 0 to 1 (unit ``1``) are shown in percent."""
    if unit == "1":
        before, after, unit = before * 100, after * 100, "%"
    texts = (value(float(f"{number:.3g}"), unit) for number in (before, after))
    return f"{subject} {'rose' if after > before else 'fell'} from {' to '.join(texts)}"


def fragment(pane: str, parameters: Iterable[tuple[str, str]]) -> str:
    """Return the fragment of the page that shows *pane* with *parameters*; empty ones are left out."""
    pairs = "&".join(f"{name}={quote(text, safe='')}" for name, text in parameters if text)
    return f"{pane}?{pairs}" if pairs else pane
