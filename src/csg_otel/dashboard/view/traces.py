"""The documents of traces and logs, from kept spans and records. Pure."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from csg_otel.dashboard.view import errors
from csg_otel.dashboard.view.waterfall import waterfall

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from csg_otel.dashboard.model import Attributes, LogRow, TracePage, TraceSummary
    from csg_otel.dashboard.store.items import KeptSpan


def summary(spans: Sequence[KeptSpan], logs: int) -> TraceSummary:
    """Return the row of one trace: of its *spans*, at least one, and the number of its *logs*."""
    by_id = _by_id(spans)
    present = by_id.values()
    root = next((span for span in present if span.parent_id is None), None)
    if root is None:  # not kept, or of another service; in a circle of parents, any span
        orphans = [span for span in present if span.parent_id not in by_id]
        root = min(orphans or present, key=lambda span: span.start)
    start = min(span.start for span in present)
    ends = [span.end for span in present if span.end is not None]
    running = sum(span.end is None for span in present)
    return {
        "trace_id": root.trace_id,
        "root_id": root.span_id,
        "name": root.name,
        "service": root.service,
        "kind": root.kind,
        "start": start,
        "duration_s": None if running else max(0.0, max(ends) - start),
        "spans": len(by_id),
        "errors": sum(span.is_error for span in present),
        "error": errors.text(list(present)),
        "running": running,
        "logs": logs,
    }


def page(
    spans: Sequence[KeptSpan], logs: Sequence[LogRow], now: float, resources: Mapping[str, Attributes]
) -> TracePage:
    """
    Return the document of one trace.

    Args:
        spans: Its spans, at least one.
        logs: Its log records, the oldest first.
        now: The Unix time.
        resources: The attributes of the resource of each service that is known.
    """
    by_id = _by_id(spans)
    rows = [span.row() for span in sorted(by_id.values(), key=partial(_place, by_id))]
    services = sorted({row["service"] for row in rows})
    return {
        "time": now,
        "summary": summary(spans, len(logs)),
        "services": services,
        "resources": {service: resources[service] for service in services if service in resources},
        "spans": rows,
        "rows": waterfall(rows, now),
        "logs": list(logs),
    }


_MOST_ABOVE: Final = 100
"""Most spans above one that are looked at for its place in the list."""


def _place(by_id: Mapping[str, KeptSpan], span: KeptSpan) -> tuple[float, int, float]:
    """Return the place of *span*: by its start, but not before those above it, because clocks of hosts differ a little."""
    latest, depth, above = span.start, 0, by_id.get(span.parent_id or "")
    while above is not None and depth < _MOST_ABOVE:
        latest, depth = max(latest, above.start), depth + 1
        above = by_id.get(above.parent_id or "")
    return latest, depth, span.start


def _by_id(spans: Sequence[KeptSpan]) -> dict[str, KeptSpan]:
    """Return *spans* by their ids; of a span that is there as ended and as running, the ended one."""
    by_id: dict[str, KeptSpan] = {}
    for span in spans:
        present = by_id.get(span.span_id)
        if present is None or present.end is None:
            by_id[span.span_id] = span
    return by_id
