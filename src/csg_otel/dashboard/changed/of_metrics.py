"""The metrics that moved."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from csg_otel import names
from csg_otel.dashboard.changed import wording
from csg_otel.dashboard.changed.movement import Movement, compare
from csg_otel.dashboard.changed.series import Aspect, Candidate, Period, SeriesValues

_SUBJECTS: Final = (
    *("http.route", names.OPERATION_NAME, names.CACHE_NAME, "url.template", "rpc.method", "db.collection.name"),
    *("messaging.destination.name", names.DESTINATION, names.CHECK_NAME),
)
"""Attributes that name a part of the program, the most telling first."""

_IGNORED: Final = frozenset(
    metric.name
    for metric in (
        *(names.PROCESS_UPTIME, names.SYSTEM_UPTIME, names.HEALTH_CHECK_LAST_EXECUTION),  # clocks
        *(names.HEALTH_CHECK_STATUS, names.HEALTH_STATUS),  # names.HEALTH_CHECK_CODE has the state as a number
    )
)

_SURROUNDINGS: Final = ("system.", "container.", "process.", "cpython.", "csg.runtime.", "otel.sdk.", "csg.exporter.")
"""Metrics of host, process and telemetry: they move because the program does, rather than the other way round."""

_BAD: Final = (
    *("error", "exception", "fail", "miss", "timeout", "timed_out", "drop", "reject", "retr", "evict", "abort"),
    *("refus", "lost", "uncollectable", "oom_kill"),
)
_STATES: Final = ("healthy", "warning", "critical", "unknown")

_WEIGHTS: Final[Mapping[Aspect, tuple[float, float]]] = {
    "errors": (1.0, 0.5),
    "health": (1.0, 0.5),
    "duration": (1.0, 0.5),
    "rate": (0.6, 0.6),
    "level": (0.6, 0.6),
}
"""Weight of a rise and of a fall: people look for the cause of something bad."""

_NEW_SERIES: Final = 0.5
_SURROUNDING: Final = 0.5


def candidates(series: Sequence[SeriesValues], window: Period, baseline: Period) -> Iterator[Candidate]:
    """Yield a candidate for each of *series* that moved in *window* against *baseline*; both are (from, to)."""
    began = min((moment for one in series if (moment := _first_time(one)) is not None), default=0.0)
    differing = _differing(series)
    for one in series:
        if one.name in _IGNORED:
            continue
        start = bisect_left(one.times, max(baseline[0], began))
        before = one.values[start : bisect_left(one.times, min(baseline[1], window[0]))]
        after = one.values[bisect_left(one.times, window[0]) : bisect_right(one.times, window[1])]
        moved = _compare(one, before, after)
        if moved is not None:
            yield _candidate(one, moved, [*before, *after], differing[one.name])


def _first_time(one: SeriesValues) -> float | None:
    return next((time for time, value in zip(one.times, one.values, strict=True) if value is not None), None)


def _differing(series: Sequence[SeriesValues]) -> dict[str, list[str]]:
    """
    Return the attributes by which the series of each metric differ, by the metric's name.

    An attribute that only some of them have is one: the calls that fail are those with an ``error.type``.
    """
    values: defaultdict[str, defaultdict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    holders: Counter[tuple[str, str]] = Counter()
    sizes = Counter(one.name for one in series if one.attributes)  # a sum over all attributes has none
    for one in series:
        for key, value in one.attributes.items():
            values[one.name][key].add(str(value))
            holders[one.name, key] += 1
    return defaultdict(
        list,
        {
            name: [key for key, texts in keys.items() if len(texts) > 1 or holders[name, key] < sizes[name]]
            for name, keys in values.items()
        },
    )


def _compare(one: SeriesValues, before: Sequence[float | None], after: Sequence[float | None]) -> Movement | None:
    """Return the movement of *one*. Before a counter's first value nothing was counted, so its rate was 0."""
    present = [value for value in after if value is not None]
    past = [value for value in before if value is not None]
    rate = one.field == "rate"
    if rate and len(past) < len(before):
        empty = next((place for place, value in enumerate(before) if value is not None), len(before))
        past = [0.0] * empty + past
    if len(past) < len(present) / 2:
        return None  # a program that has just started has no time before: everything moves
    share = one.unit == "1" and not rate and max(present, default=2.0) <= 1 and max(past, default=2.0) <= 1
    return compare(past, present, wording.floor(_unit(one)), counted=rate, share=share)


def _candidate(one: SeriesValues, moved: Movement, values: list[float | None], differing: list[str]) -> Candidate:
    rose = moved.after > moved.before
    aspect = _aspect(one)
    weight = _WEIGHTS[aspect][0 if rose else 1]
    if one.name.startswith(_SURROUNDINGS):
        weight *= _SURROUNDING
    elif aspect == "rate" and not moved.before:
        weight *= _NEW_SERIES
    health = aspect == "health"
    return Candidate(
        score=100 * moved.strength * weight,
        what="health" if health else "metric",
        name=one.name,
        attributes=one.attributes,
        field=one.field,
        unit=_unit(one),
        before=moved.before,
        after=moved.after,
        aspect=aspect,
        subject=_subject(one.attributes),
        text=_state_text(one, moved) if health else _text(one, moved, differing),
        link=_link(one, differing, health=health),
        values=values,
    )


def _aspect(one: SeriesValues) -> Aspect:
    if one.name == names.HEALTH_CHECK_CODE.name:
        return "health"
    if one.field == "rate" and _is_bad(one):
        return "errors"
    if one.kind == "histogram" and one.field != "rate":
        return "duration" if wording.is_duration(one.unit) else "level"
    return "rate" if one.field == "rate" else "level"


def _is_bad(one: SeriesValues) -> bool:
    """Return whether *one* counts something that should not happen, by its name and attributes."""
    if one.attributes.get(names.ERROR_TYPE):
        return True
    if str(one.attributes.get("http.response.status_code", "")).startswith("5"):
        return True
    kinds = [str(value) for key, value in one.attributes.items() if key not in _SUBJECTS]
    return any(word in text.lower() for text in (one.name, *kinds) for word in _BAD)


def _subject(attributes: Mapping[str, Any]) -> str:
    return next((str(attributes[key]) for key in _SUBJECTS if key in attributes), "")


def _text(one: SeriesValues, moved: Movement, differing: Sequence[str]) -> str:
    head = "" if one.field == "value" else f"{one.field} of "
    subject = f"{head}{one.name}{wording.of_attributes(one.attributes, differing)}"
    return wording.movement(subject, moved.before, moved.after, _unit(one))


def _unit(one: SeriesValues) -> str:
    if one.field != "rate":
        return one.unit
    return "1/s" if one.kind == "histogram" else f"{one.unit or '1'}/s"


def _state_text(one: SeriesValues, moved: Movement) -> str:
    before, after = (_STATES[min(max(round(value), 0), 3)] for value in (moved.before, moved.after))
    return f"health check {_subject(one.attributes)} went from {before} to {after}"


def _link(one: SeriesValues, differing: Sequence[str], *, health: bool) -> str:
    if health:
        return wording.fragment("health", [("check", _subject(one.attributes))])
    by = [key for key in differing if key in one.attributes]
    return wording.fragment("metrics", [("name", one.name), *(("by", key) for key in by[:2])])
