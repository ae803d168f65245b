"""
The endpoints of a program without a dashboard as documents: its health from ``/healthz``, its metrics from ``/metrics``.

There is no history, no trace and no log record; the panes of these are off. A rate needs two documents.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

from csg_otel import clocks
from csg_otel.alerts import evaluate
from csg_otel.dashboard.model import SCHEMA_VERSION
from csg_otel.dashboard.source import NotFoundError, SourceError

if TYPE_CHECKING:
    from csg_otel.dashboard.model import Chart, CheckRow, HealthPage, MetricRow, MetricsPage, Status
    from csg_otel.dashboard.source import Parameters

Fetch = Callable[[str, str], bytes]
"""Returns the body at a path for a header ``Accept``. Raises SourceError."""

_MOST_SERIES: Final = 20
"""Most series of a chart."""

_ORDER: Final = ("critical", "unknown", "warning", "healthy")
_KINDS: Final = {"counter": "counter", "histogram": "histogram"}
_PARTS: Final = ("_bucket", "_sum", "_count")

_NO_SYSTEM: Final = dict.fromkeys(
    (
        *(
            "cpu_percent",
            "memory_percent",
            "memory_used_bytes",
            "memory_total_bytes",
            "disk_percent",
            "disk_free_bytes",
        ),
        *("load_1m", "process_cpu_percent", "process_memory_bytes", "process_threads", "process_open_files"),
    )
)


class EndpointsSource:
    """The documents that can be had from the endpoints of one program."""

    def __init__(self, address: str, metrics_path: str, fetch: Fetch) -> None:
        """Read from the program at *address* by *fetch*; *metrics_path* is empty if it serves no metrics."""
        self._address = address
        self._metrics_path = metrics_path
        self._fetch = fetch
        self._before: evaluate.Scrape | None = None

    def get(self, path: str, parameters: Parameters) -> Any:
        """Return the document at *path*; see ``Source``."""
        if path == "health":
            return self._health()
        if path == "status":
            return self._status()
        if path == "metrics" and self._metrics_path:
            return self._metrics(str(parameters.get("text", "")).lower())
        if path == "metrics/series" and self._metrics_path:
            return self._chart(str(parameters.get("name", "")))
        raise SourceError(
            f"{self._address} serves the endpoints of a program without a dashboard, so only health and metrics are here; "
            "set dashboard.enabled: true, and give the address of the dashboard"
        )

    # -- health ----------------------------------------------------------------------------------------------------

    def _health(self) -> HealthPage:
        content = json.loads(self._fetch("/healthz", "application/health+json"))
        now = time.time()
        checks = [_check(name, rows[0], now) for name, rows in content["checks"].items()]
        checks.sort(key=lambda row: (_ORDER.index(row["status"]), row["name"]))
        overall = content["state"]
        return {"time": now, "overall": overall, "groups": {"overall": overall}, "checks": checks}

    def _status(self) -> Status:
        page = self._health()
        ages = [row["age_s"] for row in page["checks"] if row["age_s"] is not None]
        document = {
            "schema_version": SCHEMA_VERSION,
            "generated_at": datetime.now().astimezone().isoformat(timespec="seconds"),
            "time": page["time"],
            "session": "",
            "service": {
                **dict.fromkeys(("name", "version", "environment", "instance", "host", "language", "sdk"), ""),
                "name": self._address,
                "pid": None,
            },
            "uptime_s": None,
            "data_age_s": min(ages, default=None),
            "kept_since": None,
            "workers": 0,
            "overall": page["overall"],
            "state": page["overall"],
            "groups": page["groups"],
            "maintenance": "",
            "bypass": False,
            "monitored": bool(page["checks"]),
            "monitoring_enabled": True,
            "prometheus_enabled": bool(self._metrics_path),
            "prometheus_running": bool(self._metrics_path),
            "processing_enabled": False,
            "queue_size": 0,
            "active_notifiers": [],
            "metrics_url": f"{self._address}{self._metrics_path}" if self._metrics_path else "",
            "destinations": [],
            "features": ["health", *(["performance"] if self._metrics_path else [])],
            "charts": {"time_window_s": 3600.0, "data_points": 100, "auto_refresh": True},
            "refresh_interval_s": 5.0,
            "categories": _categories(page["checks"]),
            "checks": page["checks"],
            "system": _NO_SYSTEM,
            "alerts": {"firing": 0, "pending": 0, "rules": 0},
            "counts": dict.fromkeys(("traces", "spans", "running", "errors", "logs", "series", "dropped"), 0),
            "errors": [],
            "services": [],
            "receives_at": {},
            "changed": [],
            "actions": [],
        }
        return cast("Status", document)

    # -- metrics ---------------------------------------------------------------------------------------------------

    def _metrics(self, text: str) -> MetricsPage:
        page = self._page()
        now = evaluate.parse(page, clocks.monotonic())
        rows = [
            _metric(name, kind, help_text, now, self._before) for name, (kind, help_text) in _families(page).items()
        ]
        self._before = now
        shown = [row for row in rows if row["series"] and text in f"{row['name']} {row['description']}".lower()]
        return {"time": time.time(), "metrics": sorted(shown, key=lambda row: row["name"])}

    def _chart(self, name: str) -> Chart:
        page, now = self._page(), time.time()
        kind, help_text = _families(page).get(name, ("", ""))
        scrape = evaluate.parse(page, 0.0)
        series = scrape.samples.get(name) or scrape.samples.get(f"{name}_count")
        if not series:
            raise NotFoundError(f"no metric {name[:80]!r} has values here; see the list of metrics")
        shown = list(series.items())[:_MOST_SERIES]
        document = {
            "id": name,
            "title": help_text or name,
            "unit": "",
            "kind": _KINDS.get(kind, "gauge"),
            "step_s": 0.0,
            "times": [now],
            "series": [
                {
                    "label": ", ".join(f"{key}={value}" for key, value in labels) or name,
                    "attributes": dict(labels),
                    "field": "value",
                    "values": [value],
                }
                for labels, value in shown
            ],
            "thresholds": [],
            "exemplars": [],
            "hidden": len(series) - len(shown),
        }
        return cast("Chart", document)

    def _page(self) -> str:
        return self._fetch(self._metrics_path, "text/plain; version=0.0.4").decode("utf-8", "replace")


def _check(name: str, row: Mapping[str, Any], now: float) -> CheckRow:
    age_s = now - datetime.fromisoformat(row["time"]).timestamp() if "time" in row else None
    keys = ("name", "value", "unit", "warning", "critical", "minimum", "maximum")
    document = {
        "name": name,
        "category": row["componentType"],
        "groups": [],
        "critical": row["critical"],
        "status": row["state"],
        "raw": row["state"],
        "message": row["output"],
        "error_type": "",
        "duration_ms": row.get("responseTimeMs"),
        "age_s": None if age_s is None else max(0.0, age_s),
        "for_s": 0.0,
        "skipped_by": "",
        "depends_on": [],
        "details": row.get("details", {}),
        "measurements": [
            {**{key: measured.get(key) for key in keys}, "unit": measured.get("unit", ""), "attributes": {}}
            for measured in row.get("measurements", ())
        ],
        "timeline": [],
        "failures": [],
        "availability": None,
    }
    return cast("CheckRow", document)


def _categories(checks: list[CheckRow]) -> list[dict[str, Any]]:
    """Return the categories of *checks*, which begin with the worst."""
    rows: dict[str, dict[str, Any]] = {}
    for check in checks:
        name = check["category"]
        row = rows.setdefault(
            name,
            {
                "name": name,
                "title": name.replace("_", " ").title(),
                "status": check["status"],
                "message": check["message"],
                "response_time_ms": None,
            },
        )
        if check["duration_ms"] is not None:
            row["response_time_ms"] = max(check["duration_ms"], row["response_time_ms"] or 0.0)
    return list(rows.values())


def _families(page: str) -> dict[str, tuple[str, str]]:
    """Return type and description of each family of an exposition, by its name."""
    kinds, texts = dict[str, str](), dict[str, str]()
    for line in page.splitlines():
        if line.startswith(("# TYPE ", "# HELP ")):
            _, word, name, rest = (*line.split(" ", 3), "")[:4]
            (kinds if word == "TYPE" else texts)[name] = rest
    return {name: (kind, texts.get(name, "")) for name, kind in kinds.items()}


def _metric(name: str, kind: str, help_text: str, now: evaluate.Scrape, before: evaluate.Scrape | None) -> MetricRow:
    is_histogram = kind == "histogram"
    series = now.samples.get(f"{name}_count" if is_histogram else name, {})
    total = sum(series.values())
    latest: float | None = total
    if is_histogram:
        latest = sum(now.samples.get(f"{name}_sum", {}).values()) / total if total else None
    elif kind == "counter":
        earlier = sum(before.samples.get(name, {}).values()) if before is not None else total
        elapsed_s = now.at_s - before.at_s if before is not None else 0.0
        latest = (total - earlier) / elapsed_s if elapsed_s > 0 and total >= earlier else None
    attributes: dict[str, list[str]] = {}
    for labels in series:
        for key, value in labels:
            values = attributes.setdefault(key, [])
            if value not in values and len(values) < _MOST_SERIES:
                values.append(value)
    document = {
        "name": name,
        "kind": _KINDS.get(kind, "gauge"),
        "unit": "",
        "description": help_text,
        "series": len(series),
        "latest": latest,
        "values": [],
        "attributes": attributes,
        "exemplars": False,
    }
    return cast("MetricRow", document)
