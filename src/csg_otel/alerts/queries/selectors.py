"""Mistakes in selectors: series that do not exist, and matchers that match nothing, everything, or something else. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Final

from csg_otel.alerts.queries.tree import Series, quoted
from csg_otel.errors import suggestion

if TYPE_CHECKING:
    from csg_otel.alerts.expr import Matcher
    from csg_otel.alerts.queries.metrics import Metrics

_GLOB: Final = re.compile(r"[\w/-]+\*|\*[\w/-]+\*?")
"""A text with the wildcard of a shell, and nothing else that only a regular expression has."""

_PATTERN: Final = re.compile(r"\.[*+]|\b[1-5]\.\.|\w\|\w|\[[^\]]+\][*+]?|^[1-5]xx$")
"""A text that is meant as a regular expression."""


def mistakes(series: Series, metrics: Metrics, halves: Collection[tuple[str, str]] = ()) -> Iterator[str]:
    """
    Yield the mistakes of a selector.

    Args:
        series: the selector.
        metrics: the metrics that are known.
        halves: labels and patterns that may match everything or nothing.
    """
    yield from _name(series, metrics)
    for matcher in series.matchers:
        if (matcher.label, matcher.value) in halves:
            continue
        if message := _matcher(matcher) or _value(series, matcher, metrics):
            yield f"{quoted(series)}: {message}"
    yield from _contradictions(series)
    if series.offset_s < 0:
        yield f"{quoted(series)}: a negative offset reads the future, which has no samples yet; remove the minus"


def _name(series: Series, metrics: Metrics) -> Iterator[str]:
    hints = [metrics.unknown(name) for name in series.names]
    # A list of names may contain those of other versions.
    if hints and None not in hints:
        yield f"{quoted(series)}: no metric is called {' or '.join(series.names)}{hints[0]}"
    for name in series.names:
        if metrics.is_histogram(name):
            yield f"{quoted(series)}: {name} is a histogram, whose series end in _bucket, _sum and _count; write one of them"


def _matcher(matcher: Matcher) -> str:  # noqa: PLR0911 - one return for each mistake
    """Return what is wrong with *matcher* itself; empty if nothing is."""
    label, value, operator = matcher.label, matcher.value, matcher.operator
    if operator in ("=", "!="):
        if label != "le" and _PATTERN.search(value):
            return f"{operator} compares whole texts, and {value!r} looks like a pattern; write {label}{operator[0]}~"
        return ""
    if value in ("", "^$") and operator == "=~":
        return f'{matcher} selects the series without {label}; write {label}="" if so'
    if value in (".*", "^.*$", "(.*)"):
        effect = "matches every series" if operator == "=~" else "matches no series, so the expression is always empty"
        return f"{matcher} {effect}; remove it"
    if _GLOB.fullmatch(value):
        return (
            f"{value!r} is not a wildcard: in a pattern, * repeats the character before it; write {_unglobbed(value)!r}"
        )
    if "||" in value or "|)" in value or "(|" in value:
        return f"{matcher} has an empty alternative, which also matches series without {label}; remove it"
    return ""


def _unglobbed(value: str) -> str:
    return re.sub(r"(?<!\.)\*", ".*", value)


def _value(series: Series, matcher: Matcher, metrics: Metrics) -> str:
    """Return that *matcher* of *series* asks for a value that its label never has; empty if it may have it."""
    for name in series.names:
        values = [value for value in metrics.values(name, matcher.label) if value]
        if not values or matcher.operator in ("!=", "!~") or any(_matches(matcher, value) for value in values):
            return ""
        hint = suggestion(matcher.value, values) or f" (its values are {', '.join(values)})"
        return f"{matcher.label} never is {matcher.value!r}{hint}, so the selector matches nothing"
    return ""


def _matches(matcher: Matcher, value: str) -> bool:
    """Return whether *value* meets *matcher*, if the regular expression is one of Python's, too; else True."""
    if matcher.operator in ("=", "!="):
        return (value == matcher.value) == (matcher.operator == "=")
    try:
        return (re.fullmatch(matcher.value, value) is not None) == (matcher.operator == "=~")
    except re.error:
        return True


def _contradictions(series: Series) -> Iterator[str]:
    """Yield the matchers of one label that no value meets at once."""
    exact = [matcher for matcher in series.matchers if matcher.operator == "="]
    for at, matcher in enumerate(exact):
        others = [one for one in series.matchers if one.label == matcher.label and one not in exact[: at + 1]]
        for other in others:
            if not _matches(other, matcher.value):
                yield f"{quoted(series)}: {matcher} and {other} exclude each other, so it matches nothing; remove one"
