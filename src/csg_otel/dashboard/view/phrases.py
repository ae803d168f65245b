"""What several renderings of a document say in the same way: lengths of spans, attributes, the numbers of a line. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from csg_otel.dashboard.view import text

if TYPE_CHECKING:
    from csg_otel.dashboard.model import Chart, Series


def attributes(values: Mapping[str, object]) -> str:
    """Return attributes in one line: ``key=value other=value``; without the place in the code, which is long."""
    return " ".join(f"{key}={value}" for key, value in values.items() if not key.startswith("code."))


def length(duration_s: float | None) -> str:
    """Return the duration of a span or trace; ``running`` for None."""
    return text.value(duration_s, "s") if duration_s is not None else "running"


def unit(chart: Chart, line: Series) -> str:
    """Return the unit of *line*: the chart's, or that of a rate: of what a counter counts, of a histogram's measurements."""
    if line["field"] != "rate":
        return chart["unit"]
    return "1/s" if chart["kind"] == "histogram" else f"{chart['unit']}/s"


def numbers(chart: Chart, line: Series) -> tuple[str, str, str]:
    """Return the newest, smallest and largest value of *line* with the unit."""
    values = [value for value in line["values"] if value is not None]
    if not values:
        return text.MISSING, text.MISSING, text.MISSING
    last, least, most = (text.value(value, unit(chart, line)) for value in (values[-1], min(values), max(values)))
    return last, least, most
