"""The attributes that a query names, whole or by a part: ``operation`` is ``csg.operation.name`` where no other fits. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from csg_otel.errors import suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence

    from csg_otel.dashboard.store.values import Instrument


def attributes(instrument: Instrument, words: Sequence[str]) -> list[str]:
    """Return the attributes of *instrument* that *words* name. Raises ValueError for a word that names none, or several."""
    valid = sorted({name for key in instrument.series for name, _ in key})
    return [_attribute(instrument.name, valid, word) for word in words]


def conditions(instrument: Instrument, words: Sequence[str]) -> list[tuple[str, str]]:
    """Return attribute and value of each ``key=value`` in *words*. Raises ValueError, as :func:`attributes` does."""
    pairs = []
    for word in words:
        name, equals, value = word.partition("=")
        if not equals:
            raise ValueError(f"attr must be key=value, not {word[:40]!r}")
        pairs.append((attributes(instrument, [name])[0], value))
    return pairs


def _attribute(metric: str, valid: Sequence[str], word: str) -> str:
    if word in valid:
        return word
    ways = (
        [name for name in valid if f".{name.removesuffix('.name')}".endswith(f".{word}")],
        [name for name in valid if f".{name}".endswith(f".{word}")],
        [name for name in valid if word in name.split(".")],
    )
    names = next((names for names in ways if names), [])
    if len(names) == 1:
        return names[0]
    if names:
        raise ValueError(f"{word[:40]!r} may be {' or '.join(names)} of {metric}; give one of them")
    if not valid:
        raise ValueError(f"{metric} has no attributes, so not {word[:40]!r}")
    parts = {part for name in valid for part in name.split(".")}
    raise ValueError(
        f"{metric} has no attribute {word[:40]!r}{suggestion(word, [*valid, *parts])}; it has {', '.join(valid)}"
    )
