"""
The spans that moved: durations, and shares of errors and of attribute values, by name, service and route.

Errors and slow traces are kept longer than others, so the time before looks worse than it was: only rises are shown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
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
"""Fewest portions of a window with enough spans."""

_SHARE_FLOOR: Final = 0.05
_DURATION_FLOOR: Final = 0.002
_SYMPTOM: Final = 0.5
"""Weight of spans that only wait for a slower span inside them, or fail because it fails."""

_KIND: Final = 0.8
"""Weight of the share of an attribute's value: it says where, rather than that something is wrong."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """An ended span: *own_s* is its duration without the spans inside it; *cause*: no span inside it failed."""

    end: float
    duration_s: float
    own_s: float
    failed: bool
    cause: bool
    attributes: dict[str, Any]


_Value = Callable[[list[_Ended]], float]


@dataclass(frozen=True, slots=True)
class _Group:
    """
    The ended spans of one name, service and route before and in the window, in portions of consecutive ones.

    Portions have an equal number of spans: a rare request is a portion of its own.
    """

    name: str
    service: str
    route: str
    before: list[list[_Ended]]
    within: list[list[_Ended]]

    def risen(self, value: _Value, floor: float, *, share: bool = False) -> Movement | None:
        """Return how the *value* of the portions moved, if it rose."""
        before, within = ([value(portion) for portion in side] for side in (self.before, self.within))
        moved = compare(before, within, floor, counted=share, share=share)
        return moved if moved is not None and moved.after > moved.before else None

    def chart(self, value: _Value, bins: Bins) -> list[float | None]:
        """Return the *value* of each step of time; None for steps without spans."""
        steps: list[list[_Ended]] = [[] for _ in range(bins.count)]
        for portion in (*self.before, *self.within):
            for span in portion:
                place = bins.place(span.end)
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
    ended = [span for span in spans if span["end"] is not None and baseline[0] <= span["end"] <= window[1]]
    if not ended:
        return
    bins = Bins(window, (max(baseline[0], min(span["end"] or 0.0 for span in ended)), baseline[1]))
    for group in _groups(ended, window, baseline):
        yield from _slower(group, bins)
        yield from _failing(group, bins)
        yield from _different(group, bins)


def _groups(ended: Sequence[SpanRow], window: Period, baseline: Period) -> Iterator[_Group]:
    inside: defaultdict[str | None, float] = defaultdict(float)
    failed_inside = set()
    for span in ended:
        inside[span["parent_id"]] += span["duration_s"] or 0.0
        if span["status"] == "error":
            failed_inside.add(span["parent_id"])
    kinds: defaultdict[tuple[str, str, str], list[_Ended]] = defaultdict(list)
    for span in ended:
        attributes, duration_s, span_id = span["attributes"], span["duration_s"] or 0.0, span["span_id"]
        failed = span["status"] == "error"
        own_s, cause = max(0.0, duration_s - inside.get(span_id, 0.0)), failed and span_id not in failed_inside
        kinds[span["name"], span["service"], str(attributes.get(_ROUTE, ""))].append(
            _Ended(span["end"] or 0.0, duration_s, own_s, failed, cause, attributes)
        )
    for kind, group in kinds.items():
        group.sort(key=lambda span: span.end)
        before = [span for span in group if span.end < min(baseline[1], window[0])]
        within = [span for span in group if span.end >= window[0]]
        if len(before) >= FEWEST <= len(within):
            size = max(1, len(within) // _PORTIONS)
            yield _Group(*kind, _portions(before, size), _portions(within, size))


def _portions(group: list[_Ended], size: int) -> list[list[_Ended]]:
    return [group[place : place + size] for place in range(len(group) % size, len(group), size)]


def _slower(group: _Group, bins: Bins) -> Iterator[Candidate]:
    moved = group.risen(_p95, _DURATION_FLOOR)
    if moved is not None:
        own = group.risen(_own_p95, _DURATION_FLOOR)
        cause = own is not None and own.after - own.before > (moved.after - moved.before) / 2
        row = _Row("duration", "p95", "s", f"p95 of {_title(group)}", 1.0 if cause else _SYMPTOM)
        yield _candidate(group, row, moved, group.chart(_p95, bins))


def _failing(group: _Group, bins: Bins) -> Iterator[Candidate]:
    moved = group.risen(_failed, _SHARE_FLOOR, share=True)
    if moved is not None:
        weight = 1.0 if group.risen(_causes, _SHARE_FLOOR, share=True) else _SYMPTOM
        row = _Row("errors", "value", "1", f"errors of {_title(group)}", weight)
        yield _candidate(group, row, moved, group.chart(_failed, bins))


def _different(group: _Group, bins: Bins) -> Iterator[Candidate]:
    """Yield the attributes' values whose share among the group's spans rose, such as misses of a cache."""
    for key, value in _kinds(group):

        def share(portion: list[_Ended], key: str = key, value: Any = value) -> float:
            return sum(1 for span in portion if span.attributes.get(key) == value) / len(portion)

        moved = group.risen(share, _SHARE_FLOOR, share=True)
        if moved is not None:
            aspect: Aspect = "errors" if key == names.ERROR_TYPE else "level"
            head = f"share of {key} {wording.short(str(value))} in {_title(group)}"
            row = _Row(aspect, "value", "1", head, 1.0 if aspect == "errors" else _KIND, (key, str(value)))
            yield _candidate(group, row, moved, group.chart(share, bins))


def _kinds(group: _Group) -> list[tuple[str, Any]]:
    """Return each value in the window of each attribute that has few."""
    values: defaultdict[str, set[Any]] = defaultdict(set)
    for portion in group.within:
        for span in portion:
            for key, value in span.attributes.items():
                if (key == names.ERROR_TYPE or key.startswith("csg.")) and isinstance(value, (str, bool)):
                    values[key].add(value)
    return [(key, value) for key, kinds in values.items() if len(kinds) <= _MOST_VALUES for value in kinds]


def _p95(portion: list[_Ended]) -> float:
    return _ninety_fifth([span.duration_s for span in portion])


def _own_p95(portion: list[_Ended]) -> float:
    return _ninety_fifth([span.own_s for span in portion])


def _failed(portion: list[_Ended]) -> float:
    return sum(span.failed for span in portion) / len(portion)


def _causes(portion: list[_Ended]) -> float:
    return sum(span.cause for span in portion) / len(portion)


def _ninety_fifth(durations: list[float]) -> float:
    durations.sort()
    return durations[int(0.95 * (len(durations) - 1))]


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
