"""The rows of "what changed": the candidates of metrics, spans and logs, without duplicates, the strongest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from csg_otel.dashboard.changed import of_logs, of_metrics, of_spans

if TYPE_CHECKING:
    from csg_otel.dashboard.changed.series import Candidate, Period, SeriesValues
    from csg_otel.dashboard.model import Change, LogRow, SpanRow

LEAST_SCORE: Final = 15.0
"""Rows below it are not shown: an ordinary hour has such movements."""

_POINTS: Final = 60
"""Most points of a row's small chart."""

_ANOTHER: Final = 0.7
"""Each further row of the same metric counts less, so that one event does not fill the list."""

_FIELDS: Final = {"p95": 0, "p99": 1, "mean": 2, "p50": 3, "rate": 4, "value": 5}
_NEARLY: Final = 0.9
_MOST_OF: Final = 0.6


def rank(
    series: Sequence[SeriesValues],
    spans: Sequence[SpanRow],
    logs: Sequence[LogRow],
    window: Period,
    baseline: Period,
    *,
    limit: int = 10,
) -> list[Change]:
    """
    Return what moved most in a window against the time before, the strongest first; empty if nothing did.

    Args:
        series: the metrics.
        spans: the kept spans; running ones are ignored.
        logs: the kept log records.
        window: from and to, in Unix seconds.
        baseline: from and to of the time that *window* is compared with; three times as long or more is best.
        limit: most rows. Default 10.
    """
    every = [
        *of_metrics.candidates(series, window, baseline),
        *of_spans.candidates(spans, window, baseline),
        *of_logs.candidates(logs, window, baseline),
    ]
    strong = [one for one in every if one.score >= LEAST_SCORE]
    kept = [one for one in strong if not any(_replaces(other, one) for other in strong)]
    shown: list[tuple[float, Candidate]] = []
    rows: Counter[tuple[str, str]] = Counter()
    for one in sorted(kept, key=lambda one: (-one.score, one.name, one.text)):
        score = one.score * _ANOTHER ** rows[one.what, one.name]
        if score >= LEAST_SCORE and not any(_repeats(one, other) for _, other in shown):
            rows[one.what, one.name] += 1
            shown.append((score, one))
    shown.sort(key=lambda item: -item[0])
    return [_change(place, score, one) for place, (score, one) in enumerate(shown[:limit], 1)]


def _replaces(one: Candidate, other: Candidate) -> bool:
    """Return whether *one* is the better row of two of the same metric: a part before its sum, p95 before the mean."""
    if one.what != other.what or one.name != other.name or not _same_way(one, other):
        return False
    if one.attributes == other.attributes:
        return one.score >= _NEARLY * other.score and _FIELDS[one.field] < _FIELDS[other.field]
    part = other.attributes.items() <= one.attributes.items() and one.aspect == other.aspect
    return part and one.score >= _MOST_OF * other.score


def _repeats(one: Candidate, shown: Candidate) -> bool:
    """Return whether *one* says no more than *shown*, which is stronger."""
    if one.what == shown.what and one.name == shown.name and one.attributes == shown.attributes:
        return True
    if one.aspect != shown.aspect or not _same_way(one, shown):
        return False
    if one.subject and one.subject == shown.subject:
        return True
    same_unit = one.unit == shown.unit or (one.unit.endswith("/s") and shown.unit.endswith("/s"))
    return same_unit and _near(one.before, shown.before) and _near(one.after, shown.after)


def _same_way(one: Candidate, other: Candidate) -> bool:
    return (one.after > one.before) == (other.after > other.before)


def _near(one: float, other: float) -> bool:
    return abs(one - other) <= 0.01 * max(abs(one), abs(other))


def _change(rank: int, score: float, one: Candidate) -> Change:
    return {
        "rank": rank,
        "score": round(score, 1),
        "what": one.what,
        "name": one.name,
        "attributes": dict(one.attributes),
        "field": one.field,
        "unit": one.unit,
        "before": one.before,
        "after": one.after,
        "text": one.text,
        "values": _thinned(one.values),
        "link": one.link,
    }


def _thinned(values: Sequence[float | None]) -> list[float | None]:
    """Return *values* with at most 60 points, each the mean of its part."""
    size = -(-len(values) // _POINTS) or 1
    parts = ([v for v in values[at : at + size] if v is not None] for at in range(0, len(values), size))
    return [sum(part) / len(part) if part else None for part in parts]
