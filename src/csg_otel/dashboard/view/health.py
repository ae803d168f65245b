"""The rows of health checks, from a snapshot and the kept past. Pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from csg_otel.plain_values import json_value
from csg_otel.privacy import active
from csg_otel.status import SEVERITY_ORDER, HealthStatus

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from csg_otel.check_result import Measurement, Range
    from csg_otel.dashboard.model import CategoryRow, CheckRow, HealthPage, MeasurementRow, StateSpan
    from csg_otel.health import CheckView, HealthSnapshot
    from csg_otel.health.trends import CheckHistory

_TITLES = {"system": "System Resources", "application": "Application", "dependency": "Dependencies"}


def page(snapshot: HealthSnapshot, histories: Mapping[str, CheckHistory], now: float, offset_s: float) -> HealthPage:
    """
    Return the document of health, the worst check first.

    Args:
        snapshot: The state of all checks.
        histories: The kept past of each check by name.
        now: Unix seconds.
        offset_s: Difference between Unix time and the monotonic time of the histories.
    """
    views = sorted(snapshot.checks, key=lambda view: (SEVERITY_ORDER.index(view.status), view.name))
    return {
        "time": now,
        "overall": snapshot.overall.value,
        "groups": {name: status.value for name, status in snapshot.groups.items()},
        "checks": [_row(view, histories.get(view.name), now, offset_s) for view in views],
    }


def _row(view: CheckView, history: CheckHistory | None, now: float, offset_s: float) -> CheckRow:
    result = view.result
    timeline = _timeline(history, offset_s)
    return {
        "name": view.name,
        "category": view.category,
        "groups": list(view.groups),
        "critical": view.critical,
        "status": view.status.value,
        "raw": view.raw.value,
        "message": result.message,
        "error_type": result.error_type,
        "duration_ms": result.response_time_ms if view.age_s is not None else None,
        "age_s": view.age_s,
        "for_s": view.for_s,
        "skipped_by": view.skipped_by,
        "depends_on": list(history.depends_on) if history is not None else [],
        "details": dict(active.scrubber().mapping(json_value(dict(result.details)))),  # again: values have become text
        "measurements": [_measurement(measurement) for measurement in result.measurements],
        "timeline": timeline,
        "failures": [
            {"time": failure.timestamp, "status": failure.status.value, "message": failure.message}
            for failure in reversed(history.failures if history is not None else ())
        ],
        "availability": _availability(timeline, now),
    }


def _timeline(history: CheckHistory | None, offset_s: float) -> list[StateSpan]:
    changes = history.changes if history is not None else ()
    ends = [at_s + offset_s for at_s, _ in changes[1:]]
    return [
        {"start": at_s + offset_s, "end": ends[index] if index < len(ends) else None, "status": status.value}
        for index, (at_s, status) in enumerate(changes)
    ]


def _availability(timeline: Sequence[StateSpan], now: float) -> float | None:
    """Return the share of the known time in which the check worked, 0 to 1."""
    seconds = {status.value: 0.0 for status in HealthStatus}
    for span in timeline:
        seconds[span["status"]] += max(0.0, (now if span["end"] is None else span["end"]) - span["start"])
    known_s = sum(seconds.values()) - seconds["unknown"]
    return (seconds["healthy"] + seconds["warning"]) / known_s if known_s > 0 else None


def _measurement(measurement: Measurement) -> MeasurementRow:
    return {
        "name": measurement.name,
        "value": _finite(measurement.value),
        "unit": measurement.unit,
        "warning": _limit(measurement.warning),
        "critical": _limit(measurement.critical),
        "minimum": _finite(measurement.minimum),
        "maximum": _finite(measurement.maximum),
        "attributes": json_value(dict(measurement.attributes)),
    }


def _finite(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else value


def _limit(limit: float | Range | None) -> float | str | None:
    return _finite(limit) if limit is None or isinstance(limit, (int, float)) else str(limit)


def categories(snapshot: HealthSnapshot) -> list[CategoryRow]:
    """Return each category with its worst check, in the order of their names."""
    rows: list[CategoryRow] = []
    for name in sorted({view.category for view in snapshot.checks}):
        views = [view for view in snapshot.checks if view.category == name]
        worst = min(views, key=lambda view: SEVERITY_ORDER.index(view.status))
        title = _TITLES.get(name, name.replace("_", " ").title())
        healthy = worst.status is HealthStatus.HEALTHY
        times = [view.result.response_time_ms for view in views if view.age_s is not None]
        rows.append(
            {
                "name": name,
                "title": title,
                "status": worst.status.value,
                "message": f"{title} healthy" if healthy else f"{worst.name}: {worst.result.message}",
                "response_time_ms": max(times, default=None),
            }
        )
    return rows
