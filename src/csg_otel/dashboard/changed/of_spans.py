"""
The spans that moved: durations, and shares of errors and of attribute values, by name, service and route.

Errors and slow traces are kept longer than others, so the time before looks worse than it was: only rises are shown.
"""

from __future__ import annotations

from collections import Counter, defaultdict
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

_SHARE_FLOOR: Final = 0.05
_DURATION_FLOOR: Final = 0.002
_SYMPTOM: Final = 0.5
"""Weight of spans that only wait for a slower span inside them, or fail because it fails."""

_KIND: Final = 0.8
"""Weight of the share of an attribute's value: it says where, rather than that something is wrong."""


@dataclass(frozen=True, slots=True)
class _Ended:
    """An ended span: *own_s* is its duration without the spans inside it; *cause*: no span inside it failed."""

    duration_s: float
    own_s: float
    failed: bool
    cause: bool
    attributes: dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Group:
    """The ended spans of one name, service and route, in a list per step of time."""

    name: str
    service: str
    route: str
    steps: list[list[_Ended]]

    def values(self, value: Callable[[list[_Ended]], float]) -> list[float | None]:
        """Return *value* of each step; None for steps without spans."""
        return [value(step) if step else None for step in self.steps]


def candidates(spans: Iterable[SpanRow], window: Period, baseline: Period) -> Iterator[Candidate]:
    """Yield a candidate for each group of *spans* that moved in *window* against *baseline*; both are (from, to)."""
    ended = [span for span in spans if span["end"] is not None and baseline[0] <= span["end"] <= window[1]]
    if not ended:
        return
    bins = Bins(window, (max(baseline[0], min(span["start"] for span in ended)), baseline[1]))
    for group in _groups(ended, bins):
        if sum(map(bool, bins.before(group.steps))) >= FEWEST <= sum(map(bool, bins.within(group.steps))):
            yield from _slower(group, bins)
            yield from _failing(group, bins)
            yield from _different(group, bins)


def _groups(ended: Sequence[SpanRow], bins: Bins) -> Iterable[_Group]:
    groups: dict[tuple[str, str, str], _Group] = {}
    inside: defaultdict[str | None, float] = defaultdict(float)
    failed_inside = set()
    for span in ended:
        inside[span["parent_id"]] += span["duration_s"] or 0.0
        if span["status"] == "error":
            failed_inside.add(span["parent_id"])
    for span in ended:
        place = bins.place(span["end"] or 0.0)
        if place is None:
            continue
        attributes, duration_s, span_id = span["attributes"], span["duration_s"] or 0.0, span["span_id"]
        key = (span["name"], span["service"], str(attributes.get(_ROUTE, "")))
        group = groups.get(key)
        if group is None:
            group = groups[key] = _Group(*key, [[] for _ in range(bins.count)])
        own_s = max(0.0, duration_s - inside.get(span_id, 0.0))
        failed = span["status"] == "error"
        group.steps[place].append(
            _Ended(duration_s, own_s, failed, failed and span_id not in failed_inside, attributes)
        )
    return groups.values()


def _slower(group: _Group, bins: Bins) -> Iterator[Candidate]:
    values = group.values(lambda step: _p95([span.duration_s for span in step]))
    moved = _risen(values, bins, _DURATION_FLOOR)
    if moved is None:
        return
    own = _risen(group.values(lambda step: _p95([span.own_s for span in step])), bins, _DURATION_FLOOR)
    cause = own is not None and own.after - own.before > (moved.after - moved.before) / 2
    text = wording.movement(
        f"p95 of {_title(group)}", *(wording.quantity(value, "s") for value in (moved.before, moved.after)), rose=True
    )
    weight = 1.0 if cause else _SYMPTOM
    yield _candidate(group, moved, values, weight, "duration", text, field="p95", unit="s")


def _failing(group: _Group, bins: Bins) -> Iterator[Candidate]:
    values = group.values(lambda step: sum(span.failed for span in step) / len(step))
    moved = _risen(values, bins, _SHARE_FLOOR, share=True)
    if moved is None:
        return
    own = _risen(
        group.values(lambda step: sum(span.cause for span in step) / len(step)), bins, _SHARE_FLOOR, share=True
    )
    text = wording.movement(
        f"share of errors of {_title(group)}",
        *(wording.quantity(value, "1") for value in (moved.before, moved.after)),
        rose=True,
    )
    yield _candidate(group, moved, values, 1.0 if own else _SYMPTOM, "errors", text, field="value", unit="1")


def _different(group: _Group, bins: Bins) -> Iterator[Candidate]:
    """Yield the attributes' values whose share among the group's spans rose, such as misses of a cache."""
    for (key, value), counts in _kinds(group):
        values: list[float | None] = [
            counts[place] / len(step) if step else None for place, step in enumerate(group.steps)
        ]
        moved = _risen(values, bins, _SHARE_FLOOR, share=True)
        if moved is None:
            continue
        aspect: Aspect = "errors" if key == names.ERROR_TYPE else "level"
        before, after = (wording.quantity(share, "1") for share in (moved.before, moved.after))
        named = f"spans of {_title(group)} with {key} {wording.short(value)}"
        text = wording.movement(named, before, after, rose=True)
        yield _candidate(
            group,
            moved,
            values,
            1.0 if aspect == "errors" else _KIND,
            aspect,
            text,
            field="value",
            unit="1",
            kind=(key, value),
        )


def _kinds(group: _Group) -> Iterator[tuple[tuple[str, str], Counter[int]]]:
    """Yield each value of each attribute that has few, with the number of its spans by step."""
    counts: defaultdict[str, defaultdict[str, Counter[int]]] = defaultdict(lambda: defaultdict(Counter))
    for place, step in enumerate(group.steps):
        for span in step:
            for key, value in span.attributes.items():
                if key == names.ERROR_TYPE or (key.startswith("csg.") and isinstance(value, (str, bool))):
                    counts[key][str(value)][place] += 1
    for key, values in counts.items():
        if len(values) <= _MOST_VALUES:
            yield from (((key, value), by_step) for value, by_step in values.items())


def _risen(values: Sequence[float | None], bins: Bins, floor: float, *, share: bool = False) -> Movement | None:
    before, after = ([v for v in part if v is not None] for part in (bins.before(values), bins.within(values)))
    moved = compare(before, after, floor, counted=share, share=share)
    return moved if moved is not None and moved.after > moved.before else None


def _p95(durations: list[float]) -> float:
    durations.sort()
    return durations[int(0.95 * (len(durations) - 1))]


def _title(group: _Group) -> str:
    route = f" {group.route}" if group.route and group.route not in group.name else ""
    return f"{wording.short(group.name)}{route}"


def _candidate(
    group: _Group,
    moved: Movement,
    values: list[float | None],
    weight: float,
    aspect: Aspect,
    text: str,
    *,
    field: str,
    unit: str,
    kind: tuple[str, str] = ("", ""),
) -> Candidate:
    """
    Return the candidate of *group*.

    Args:
        group: the spans.
        moved: how they moved.
        values: one for each step of time.
        weight: 0 to 1.
        aspect: the property that moved.
        text: the sentence.
        field: the field of *values*.
        unit: the unit of *values*.
        kind: the attribute and its value whose share moved; by default none.
    """
    route = {_ROUTE: group.route} if group.route else {}
    filtered = [("attr", f"{kind[0]}={kind[1]}")] if kind[0] else []
    failing = [("error", "true")] if aspect == "errors" else []
    return Candidate(
        score=100 * moved.strength * weight,
        what="traces",
        name=group.name,
        attributes={**route, **({kind[0]: kind[1]} if kind[0] else {})},
        field=field,
        unit=unit,
        before=moved.before,
        after=moved.after,
        aspect=aspect,
        subject=group.route or group.name,
        text=text,
        link=wording.fragment("traces", [("name", group.name), ("service", group.service), *failing, *filtered]),
        values=values,
    )
