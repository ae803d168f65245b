"""The health part of the HTML report: each check with its measurements, last failures and a timeline of states. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from csg_otel.dashboard.report import tables
from csg_otel.dashboard.report.markup import Markup, element
from csg_otel.dashboard.view import text as view_text

if TYPE_CHECKING:
    from csg_otel.dashboard.model import CheckRow, HealthPage, MeasurementRow

_WIDTH: Final = 180
_HEIGHT: Final = 14
_FAILURES: Final = 3


def state(word: str) -> Markup:
    """Return a state as shape, word and colour."""
    return element("span", view_text.state(word), class_=f"state {word}")


def problems(page: HealthPage | None) -> list[tuple[str, Markup]]:
    """Return the checks that are not healthy: state and line of each."""
    rows = page["checks"] if page is not None else []
    return [
        (
            row["status"],
            element(
                "li",
                state(row["status"]),
                " check ",
                element("b", row["name"]),
                f" for {view_text.age(row['for_s'])}: {row['message'] or 'no message'}",
            ),
        )
        for row in rows
        if row["status"] != "healthy"
    ]


def checks(page: HealthPage) -> Markup:
    """Return the checks of *page* as a table."""
    if not page["checks"]:
        return element("p", "No checks. Declare one with @csg_otel.health_check.", class_="empty")
    start = min((span["start"] for check in page["checks"] for span in check["timeline"]), default=page["time"])
    rows = [_row(check, start, page["time"]) for check in page["checks"]]
    return tables.table("State|Check|Message|>Since|>Duration|>Available|States", rows)


def _row(check: CheckRow, start: float, now: float) -> Sequence[object]:
    available = check["availability"]
    message = element(
        "div", check["message"], _measurements(check["measurements"]), _failures(check, now), class_="body"
    )
    return (
        state(check["status"]),
        tables.named(check["name"], check["category"]),
        message,
        view_text.age(check["for_s"]),
        view_text.value(check["duration_ms"], "ms"),
        view_text.percent(None if available is None else 100 * available),
        _timeline(check, start, now),
    )


def _measurements(rows: list[MeasurementRow]) -> Markup | None:
    """Return the numbers of a check with their limits."""
    items = []
    for row in rows:
        unit = row["unit"]
        limits = ", ".join(
            f"{name} {limit if isinstance(limit, str) else view_text.value(limit, unit)}"
            for name, limit in (("warning", row["warning"]), ("critical", row["critical"]))
            if limit is not None
        )
        value = f"{row['name']} {view_text.value(row['value'], unit)}"
        items.append(element("span", f"{value} ({limits})" if limits else value))
    return element("div", items, class_="measurements") if items else None


def _failures(check: CheckRow, now: float) -> Markup | None:
    """Return the last runs of *check* that failed before its present state, the newest first."""
    earlier = [failure for failure in check["failures"] if failure["time"] < now - check["for_s"]]
    newest = sorted(earlier, key=lambda failure: -failure["time"])[:_FAILURES]
    rows = [
        element("div", element("time", view_text.clock(row["time"])), f" {row['status']}: {row['message']}")
        for row in newest
    ]
    return element("div", rows, class_="failures") if rows else None


def _timeline(check: CheckRow, start: float, now: float) -> Markup:
    """Return the states of *check* from *start* to *now* as a strip; what is not recorded stays empty."""
    length = max(now - start, 1.0)
    pieces = []
    for span in check["timeline"]:
        end = span["end"] if span["end"] is not None else now
        left, right = ((at - start) / length * _WIDTH for at in (span["start"], end))
        title = f"{span['status']} from {view_text.clock(span['start'])} to {view_text.clock(end)}"
        # Height tells the states apart without colour: a healthy time is thin.
        height = float(_HEIGHT if span["status"] != "healthy" else _HEIGHT / 3)
        pieces.append(
            element(
                "rect",
                element("title", title),
                x=left,
                width=max(1.0, right - left),
                y=_HEIGHT - height,
                height=height,
                class_=span["status"],
            )
        )
    label = f"{view_text.clock(start)} to {view_text.clock(now)}"
    return element("svg", pieces, viewBox=f"0 0 {_WIDTH} {_HEIGHT}", class_="timeline", role="img", aria_label=label)
