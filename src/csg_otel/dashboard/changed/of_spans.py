"""
The spans that moved: durations, and shares of errors and of attribute values, by name, service and route.

Errors and slow traces are kept longer than others, so the time before looks worse than it was: only rises are shown.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from csg_otel import names
from csg_otel.dashboard.changed import wording
from csg_otel.dashboard.changed.bins import Bins
from csg_otel.dashboard.changed.movement import FEWEST, Movement, compare
from csg_otel.dashboard.changed.series import Aspect, Candidate, Period

if TYPE_CHECKING:
    from csg_otel.dashboard.model import SpanRow

_ROUTE: Final = "http.route"
_MOST_VALUES: Final = 12
"""An attribute with more values than this is an identifier, not a kind."""

_PORTIONS: Final = 20
"""Fewest portions before and in a window with enough spans."""

_SHARE_FLOOR: Final = 0.05
_DURATION_FLOOR: Final = 0.002
_SYMPTOM: Final = 0.5
"""Weight of spans that only wait for a slower span inside them, or fail because it fails."""

_KIND: Final = 0.8
"""Weight of the share of an attribute's value: it says where, rather than that something is wrong."""


_Portion = list["SpanRow"]
_Value = Callable[[_Portion], float]


class _Inside:
    """The spans inside each span, by its id: their durations added up, and whether one failed."""

    def __init__(self, spans: Iterable[SpanRow]) -> None:
        self._durations_s: defaultdict[str | None, float] = defaultdict(float)
        self._failed = set()
        for span in spans:
            self._durations_s[span["parent_id"]] += span["duration_s"] or 0.0
            if span["status"] == "error":
                self._failed.add(span["parent_id"])

    def own_p95(self, portion: _Portion) -> float:
        """Return the 95th percentile of the durations without the spans inside."""
        inside = self._durations_s
        return _ninety_fifth([(span["duration_s"] or 0.0) - inside.get(span["span_id"], 0.0) for span in portion])

    def causes(self, portion: _Portion) -> float:
        """Return the share of failed spans without a failed span inside."""
        failed = self._failed
        causes = [span for span in portion if span["status"] == "error" and span["span_id"] not in failed]
        return len(causes) / len(portion)


@dataclass(frozen=True, slots=True)
class _Group:
    """
    The ended spans of one name, service and route before and in the window, in portions of consecutive ones.

    Portions have an equal number of spans: a rare request is a portion of its own.
    """

    name: str
    service: str
    route: str
    before: list[_Portion]
    within: list[_Portion]

    def risen(self, value: _Value, floor: float, *, share: bool = False) -> Movement | None:
        """Return how the *value* of the portions moved, if it rose."""
        before, within = ([value(portion) for portion in side] for side in (self.before, self.within))
        return _risen(before, within, floor, share=share)

    def chart(self, value: _Value, bins: Bins) -> list[float | None]:
        """Return the *value* of each step of time; None for steps without spans."""
        steps: list[_Portion] = [[] for _ in range(bins.count)]
        for portion in (*self.before, *self.within):
            for span in portion:
                place = bins.place(span["end"] or 0.0)
                if place is not None:
                    steps[place].append(span)
        return [value(step) if step else None for step in steps]


@dataclass(frozen=True, slots=True)
class _Row:
    """A property of a group that moved; *head* begins its sentence, *kind* is the attribute and value whose share moved."""

    aspect: Aspect
    field: str
    unit: str
    head: str
    weight: float
    kind: tuple[str, str] = ("", "")


def candidates(spans: Iterable[SpanRow], window: Period, baseline: Period) -> Iterator[Candidate]:
    """Yield a candidate for each group of *spans* that moved in *window* against *baseline*; both are (from, to)."""
    first, last = baseline[0], window[1]
    ended = [span for span in spans if span["end"] is not None and first <= span["end"] <= last]
    if not ended:
        return
    inside = _Inside(ended)
    bins = Bins(window, (max(first, min(span["end"] or 0.0 for span in ended)), baseline[1]))
    for group in _groups(ended, window, baseline):
        yield from _slower(group, inside, bins)
        yield from _failing(group, inside, bins)
        yield from _different(group, bins)


def _groups(ended: Sequence[SpanRow], window: Period, baseline: Period) -> Iterator[_Group]:
    kinds: defaultdict[tuple[str, str, str], _Portion] = defaultdict(list)
    for span in ended:
        kinds[span["name"], span["service"], str(span["attributes"].get(_ROUTE, ""))].append(span)
    for kind, group in kinds.items():
        group.sort(key=itemgetter("end"))
        ends = [span["end"] or 0.0 for span in group]
        before = group[: bisect_left(ends, min(baseline[1], window[0]))]
        within = group[bisect_left(ends, window[0]) :]
        if len(before) >= FEWEST <= len(within):
            size = max(1, min(len(before), len(within)) // _PORTIONS)
            yield _Group(*kind, _portions(before, size), _portions(within, size))


def _portions(group: _Portion, size: int) -> list[_Portion]:
    return [group[place : place + size] for place in range(len(group) % size, len(group), size)]


def _slower(group: _Group, inside: _Inside, bins: Bins) -> Iterator[Candidate]:
    moved = group.risen(_p95, _DURATION_FLOOR)
    if moved is not None:
        own = group.risen(inside.own_p95, _DURATION_FLOOR)
        cause = own is not None and own.after - own.before > (moved.after - moved.before) / 2
        row = _Row("duration", "p95", "s", f"p95 of {_title(group)}", 1.0 if cause else _SYMPTOM)
        yield _candidate(group, row, moved, group.chart(_p95, bins))


def _failing(group: _Group, inside: _Inside, bins: Bins) -> Iterator[Candidate]:
    moved = group.risen(_failed, _SHARE_FLOOR, share=True)
    if moved is not None:
        weight = 1.0 if group.risen(inside.causes, _SHARE_FLOOR, share=True) else _SYMPTOM
        row = _Row("errors", "value", "1", f"errors of {_title(group)}", weight)
        yield _candidate(group, row, moved, group.chart(_failed, bins))


def _different(group: _Group, bins: Bins) -> Iterator[Candidate]:
    """Yield the attributes' values whose share among the group's spans rose, such as misses of a cache."""
    for key, kinds in _kinds(group).items():
        before, within = (
            [[span["attributes"].get(key) for span in portion] for portion in side]
            for side in (group.before, group.within)
        )
        for kind in kinds:
            moved = _risen(_shares(before, kind), _shares(within, kind), _SHARE_FLOOR, share=True)
            if moved is not None:
                yield _candidate(group, _share_row(group, key, kind), moved, group.chart(_share_of(key, kind), bins))


def _shares(portions: Iterable[list[Any]], kind: Any) -> list[float]:
    return [values.count(kind) / len(values) for values in portions]


def _share_row(group: _Group, key: str, kind: Any) -> _Row:
    aspect: Aspect = "errors" if key == names.ERROR_TYPE else "level"
    head = f"share of {key} {wording.short(str(kind))} in {_title(group)}"
    return _Row(aspect, "value", "1", head, 1.0 if aspect == "errors" else _KIND, (key, str(kind)))


def _share_of(key: str, kind: Any) -> _Value:
    return lambda portion: sum(1 for span in portion if span["attributes"].get(key) == kind) / len(portion)


def _kinds(group: _Group) -> dict[str, set[Any]]:
    """Return the values in the window of each attribute that has few."""
    values: defaultdict[str, set[Any]] = defaultdict(set)
    for portion in group.within:
        for span in portion:
            for key, value in span["attributes"].items():
                if (key == names.ERROR_TYPE or key.startswith("csg.")) and isinstance(value, (str, bool)):
                    values[key].add(value)
    return {key: kinds for key, kinds in values.items() if len(kinds) <= _MOST_VALUES}


def _risen(before: Sequence[float], within: Sequence[float], floor: float, *, share: bool = False) -> Movement | None:
    moved = compare(before, within, floor, counted=share, share=share)
    return moved if moved is not None and moved.after > moved.before else None


def _p95(portion: _Portion) -> float:
    return _ninety_fifth([span["duration_s"] or 0.0 for span in portion])


def _ninety_fifth(durations: list[float]) -> float:
    durations.sort()
    return durations[int(0.95 * (len(durations) - 1))]


def _failed(portion: _Portion) -> float:
    return len([span for span in portion if span["status"] == "error"]) / len(portion)


def _title(group: _Group) -> str:
    route = f" {group.route}" if group.route and group.route not in group.name else ""
    return f"{wording.short(group.name)}{route}"


def _candidate(group: _Group, row: _Row, moved: Movement, values: list[float | None]) -> Candidate:
    key, value = row.kind
    filters = [
        *([("error", "true")] if row.aspect == "errors" else []),
        *([("attr", f"{key}={value}")] if key else []),
    ]
    return Candidate(
        score=100 * moved.strength * row.weight,
        what="traces",
        name=group.name,
        attributes={**({_ROUTE: group.route} if group.route else {}), **({key: value} if key else {})},
        field=row.field,
        unit=row.unit,
        before=moved.before,
        after=moved.after,
        aspect=row.aspect,
        subject=group.route or group.name,
        text=wording.movement(row.head, moved.before, moved.after, row.unit),
        link=wording.fragment("traces", [("name", group.name), ("service", group.service), *filters]),
        values=values,
    )
