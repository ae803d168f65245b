"""Documents of the dashboard, typed by the model: a shop with a slow database, and a source that serves them from memory."""

from __future__ import annotations

import math
import threading
from collections.abc import Mapping
from typing import Any

from csg_otel.dashboard.model import (
    SCHEMA_VERSION,
    AlertRow,
    AlertsPage,
    Chart,
    CheckRow,
    Health,
    HealthPage,
    LogRow,
    MetricRow,
    Series,
    SpanRow,
    Status,
    SystemPage,
    TracePage,
    TraceSummary,
    WaterfallRow,
)
from csg_otel.dashboard.source import NotFoundError, Parameters, SourceError

NOW = 1_795_746_600.0
"""The time of the documents."""
TRACE = "5b8efff798038103d269b633813fc60c"
FEATURES = ["health", "system", "performance", "alerts", "traces", "logs", "trends"]


def wave(count: int, base: float, swing: float, gap: range = range(0)) -> list[float | None]:
    """Return a series with a gap."""
    return [None if i in gap else base + swing * math.sin(i / 9) for i in range(count)]


def check(name: str, status: Health, message: str, **more: Any) -> CheckRow:
    """Return a check."""
    row: CheckRow = {
        "name": name,
        "category": "dependencies",
        "groups": ["readiness"],
        "critical": status == "critical",
        "status": status,
        "raw": status,
        "message": message,
        "error_type": "",
        "duration_ms": 12.4,
        "age_s": 4.0,
        "for_s": 190.0,
        "skipped_by": "",
        "depends_on": [],
        "details": {},
        "measurements": [],
        "timeline": [
            {"start": NOW - 3600, "end": NOW - 1200, "status": "healthy"},
            {"start": NOW - 1200, "end": NOW - 190, "status": "warning"},
            {"start": NOW - 190, "end": None, "status": status},
        ],
        "failures": [],
        "availability": 0.9931,
    }
    return {**row, **more}  # type: ignore[typeddict-item]


def checks() -> list[CheckRow]:
    """Return the checks, the worst first."""
    return [
        check(
            "database",
            "critical",
            "connection to db:5432 refused",
            error_type="ConnectionRefusedError",
            failures=[{"time": NOW - 10, "status": "critical", "message": "connection to db:5432 refused"}],
            measurements=[
                {
                    "name": "connections",
                    "value": 42.0,
                    "unit": "{connection}",
                    "warning": 60.0,
                    "critical": 80.0,
                    "minimum": 0.0,
                    "maximum": 100.0,
                    "attributes": {"pool": "main"},
                }
            ],
            depends_on=["network"],
            details={"host": "db", "port": 5432},
        ),
        check("disk_space", "warning", "/var is 87% full", category="system", groups=["liveness"]),
        check("orders", "healthy", "12 orders a minute", depends_on=["database", "network"]),
        check("network", "healthy", "3 routes", category="system"),
    ]


def status(**more: Any) -> Status:
    """Return the snapshot."""
    row: Status = {
        "schema_version": SCHEMA_VERSION,
        "generated_at": "2026-11-27T10:30:00+00:00",
        "time": NOW,
        "session": "one",
        "service": {
            "name": "shop",
            "version": "1.4.2",
            "environment": "production",
            "instance": "shop-1",
            "pid": 4711,
            "host": "web-3",
            "language": "python",
            "sdk": "csg_otel",
        },
        "uptime_s": 12_345.0,
        "data_age_s": 2.0,
        "kept_since": NOW - 3600,
        "workers": 4,
        "overall": "critical",
        "state": "critical",
        "groups": {"readiness": "critical", "liveness": "warning"},
        "maintenance": "",
        "bypass": False,
        "monitored": True,
        "monitoring_enabled": True,
        "prometheus_enabled": True,
        "prometheus_running": True,
        "processing_enabled": True,
        "queue_size": 3,
        "active_notifiers": ["slack", "pagerduty"],
        "metrics_url": "http://127.0.0.1:8000/metrics",
        "destinations": [
            _destination("otlp", "https://collector:4318", 120_345, "503 from collector"),
            _destination("prometheus", "127.0.0.1:8000", 5_321, ""),
        ],
        "features": FEATURES,
        "charts": {"time_window_s": 3600.0, "data_points": 100, "auto_refresh": True},
        "refresh_interval_s": 5.0,
        "categories": [],
        "checks": checks(),
        "system": {
            "cpu_percent": 23.4,
            "memory_percent": 45.2,
            "memory_used_bytes": 7.2e9,
            "memory_total_bytes": 16e9,
            "disk_percent": 87.8,
            "disk_free_bytes": 125.3e9,
            "load_1m": 1.25,
            "process_cpu_percent": 2.1,
            "process_memory_bytes": 96e6,
            "process_threads": 14.0,
            "process_open_files": 38.0,
        },
        "alerts": {"firing": 1, "pending": 1, "rules": 4},
        "counts": {
            "traces": 412,
            "spans": 9_871,
            "running": 2,
            "errors": 9,
            "logs": 2_310,
            "series": 318,
            "dropped": 0,
        },
        "services": [],
        "receives_at": {},
        "errors": [
            {
                "service": "shop",
                "name": "charge",
                "type": "PaymentError",
                "message": "the card was declined",
                "count": 14,
                "last": NOW - 4,
                "trace_id": TRACE,
                "span_id": "a1",
            }
        ],
        "changed": [
            {
                "rank": 1,
                "score": 9.1,
                "what": "metric",
                "name": "http.server.request.duration",
                "attributes": {"http.route": "/checkout"},
                "field": "p95",
                "unit": "s",
                "before": 0.0121,
                "after": 0.31,
                "text": "p95 of /checkout rose from 12.1 ms to 310 ms",
                "values": [*[0.012] * 14, 0.1, 0.2, 0.28, 0.31, 0.3, 0.31],
                "link": "metrics?name=http.server.request.duration&by=http.route",
            }
        ],
        "actions": ["restart", "acknowledge"],
    }
    return {**row, **more}  # type: ignore[typeddict-item]


def _destination(name: str, address: str, delivered: int, error: str) -> Any:
    return {
        "name": name,
        "address": address,
        "state": "degraded" if error else "ok",
        "emitted": delivered + 20,
        "adopted": 0,
        "delivered": delivered,
        "queued": 20,
        "spooled": 0,
        "dropped": {"queue full": 12} if error else {},
        "last_error": error,
        "failing_s": 12.0 if error else 0.0,
    }


def summary(index: int, **more: Any) -> TraceSummary:
    """Return the row number *index* of the list of traces; 0 is the newest."""
    row: TraceSummary = {
        "trace_id": TRACE if index == 0 else f"{index:032x}",
        "root_id": "a1",
        "name": ["POST /checkout", "GET /products", "import orders", "GET /cart"][index % 4],
        "service": "shop",
        "kind": "server",
        "start": NOW - 1.5 - index * 0.7,
        "duration_s": None if index == 1 else 0.0007 * 3 ** (index % 8) + 0.0123,
        "spans": 1 + index % 30,
        "errors": 1 if index % 9 == 0 else 0,
        "error": "PaymentError: the card was declined" if index % 9 == 0 else "",
        "running": 1 if index == 1 else 0,
        "logs": index % 5,
    }
    return {**row, **more}  # type: ignore[typeddict-item]


def span(number: str, parent: str | None, name: str, start: float, took: float | None, **more: Any) -> SpanRow:
    """Return a span; *start* is in seconds after the trace's start."""
    begin = NOW - 1.5 + start
    row: SpanRow = {
        "trace_id": TRACE,
        "span_id": number,
        "parent_id": parent,
        "name": name,
        "kind": "internal",
        "service": "shop",
        "scope": "shop.orders",
        "start": begin,
        "end": None if took is None else begin + took,
        "duration_s": took,
        "status": "unset",
        "status_message": "",
        "attributes": {"order.id": 4711, "user.id": "42"},
        "events": [],
        "links": [],
    }
    return {**row, **more}  # type: ignore[typeddict-item]


def log(number: int, **more: Any) -> LogRow:
    """Return a log record; greater numbers are newer."""
    level = ("info", "debug", "info", "warn", "info", "error")[number % 6]
    row: LogRow = {
        "id": number,
        "time": NOW - 100 + number * 0.5,
        "level": level,  # type: ignore[typeddict-item]
        "severity": {"debug": 5, "info": 9, "warn": 13, "error": 17}[level],
        "logger": "shop.orders",
        "body": f"order {4700 + number} is {'late' if level == 'warn' else 'placed'}",
        "service": "shop",
        "trace_id": TRACE if number % 2 else "",
        "span_id": "a1" if number % 2 else "",
        "attributes": {"order.id": 4700 + number},
        "exception": {"type": "ValueError", "message": "no stock", "stacktrace": "Traceback ...\n  raise ValueError"}
        if level == "error"
        else None,
    }
    return {**row, **more}  # type: ignore[typeddict-item]


def trace() -> TracePage:
    """Return a trace with repeats, an error, a running span and a log record."""
    exception = {
        "time": NOW - 1.5 + 0.5,
        "name": "exception",
        "attributes": {
            "exception.type": "TimeoutError",
            "exception.message": "no answer within 300 ms",
            "exception.stacktrace": 'Traceback (most recent call last):\n  File "pay.py", line 3, in pay',
        },
    }
    spans = [
        span("a1", None, "POST /checkout", 0, 1.24, kind="server"),
        span("b1", "a1", "load cart", 0.02, 0.08),
        span("c1", "b1", "SELECT cart", 0.03, 0.05, kind="client", service="db"),
        span("d1", "a1", "charge card", 0.15, 0.40, status="error", status_message="timeout", events=[exception]),
        *(span(f"e{i}", "a1", "read_chunk", 0.6 + i * 0.02, 0.015) for i in range(20)),
        span("f1", "a1", "send mail", 1.1, None, kind="producer", links=[_link()]),
    ]
    shown = ["a1", "b1", "c1", "d1", "e0", "f1"]
    rows: list[WaterfallRow] = [
        {
            "span_id": one,
            "depth": {"a1": 0, "c1": 2}.get(one, 1),
            "critical": one in ("a1", "d1"),
            "self_s": 0.02,
            "count": 20 if one == "e0" else 1,
            "total_s": 0.3 if one == "e0" else None,
            "hidden": [f"e{i}" for i in range(1, 20)] if one == "e0" else [],
        }
        for one in shown
    ]
    record = log(7, span_id="d1", time=NOW - 1.5 + 0.3, body="payment is slow")
    return {
        "time": NOW,
        "summary": summary(0, spans=len(spans), errors=1, duration_s=1.24),
        "services": ["shop", "db"],
        "resources": {"shop": {"service.name": "shop", "host.name": "till-3"}},
        "spans": spans,
        "rows": rows,
        "logs": [record],
    }


def _link() -> Any:
    return {"trace_id": f"{3:032x}", "span_id": "a1", "attributes": {"reason": "retry"}}


def metric(name: str, kind: Any, unit: str, latest: float | None, **more: Any) -> MetricRow:
    """Return an instrument."""
    row: MetricRow = {
        "name": name,
        "kind": kind,
        "unit": unit,
        "description": f"The {name} of the shop.",
        "series": 3,
        "latest": latest,
        "values": wave(40, latest or 1.0, (latest or 1.0) / 3, range(10, 14)),
        "attributes": {"http.route": ["/cart", "/checkout"], "http.method": ["GET", "POST"]},
        "exemplars": kind == "histogram",
    }
    return {**row, **more}  # type: ignore[typeddict-item]


def metrics() -> list[MetricRow]:
    """Return the instruments."""
    return [
        metric("http.server.active_requests", "up_down_counter", "{request}", 4.0),
        metric("http.server.request.duration", "histogram", "s", 0.0821),
        metric("orders.placed", "counter", "{order}", 12.5, attributes={}),
        metric("process.memory.usage", "gauge", "By", 96e6),
        metric("queue.length", "gauge", "{job}", None, values=[None] * 40),
    ]


def chart(name: str, title: str, unit: str, labels: list[str], base: float) -> Chart:
    """Return a chart with a gap, a threshold and an exemplar."""
    series: list[Series] = [
        {
            "label": label,
            "attributes": {},
            "field": "value",
            "values": wave(120, base * (i + 1), base / 3, range(40, 55)),
        }
        for i, label in enumerate(labels)
    ]
    return {
        "id": name,
        "title": title,
        "unit": unit,
        "kind": "gauge",
        "step_s": 30.0,
        "times": [NOW - 3600 + i * 30 for i in range(120)],
        "series": series,
        "thresholds": [{"label": "slow", "value": base * 2.5, "severity": "warning"}],
        "exemplars": [
            {"time": NOW - 60, "value": base, "trace_id": TRACE, "span_id": "d1", "attributes": {"http.route": "/cart"}}
        ],
        "hidden": 0,
    }


def system() -> SystemPage:
    """Return the charts of the system."""
    return {
        "time": NOW,
        "numbers": status()["system"],
        "charts": [
            chart("cpu", "CPU", "%", ["cpu"], 20.0),
            chart("memory", "Memory", "%", ["used"], 45.0),
            chart("network", "Network", "By/s", ["received", "sent"], 120_000.0),
            chart("process_memory", "Memory of the process", "By", ["resident"], 96e6),
        ],
    }


def rule(alert: str, state: Any, severity: str, value: float | None, **more: Any) -> AlertRow:
    """Return a rule."""
    series_state: Any = state if state in ("firing", "pending") else "ok"
    row: AlertRow = {
        "alert": alert,
        "severity": severity,
        "state": state,
        "metric": "system.memory.utilization",
        "condition": ">",
        "threshold": 0.9,
        "unit": "1",
        "for_s": 300.0,
        "summary": f"{alert} is {state}.",
        "runbook_url": f"https://runbooks.example/{alert}",
        "series": []
        if value is None
        else [{"labels": {"host": "web-3"}, "value": value, "state": series_state, "remaining_s": 120.0}],
        "silence": None,
    }
    return {**row, **more}  # type: ignore[typeddict-item]


def alerts() -> AlertsPage:
    """Return the rules, those that fire first."""
    silence = {"id": "s1", "ends": NOW + 3600, "comment": "known", "created_by": "sam"}
    return {
        "time": NOW,
        "rules": [
            rule("HighMemory", "firing", "critical", 0.95),
            rule("SlowCheckout", "pending", "warning", 0.31, unit="s", threshold=0.25),
            rule("DiskFull", "ok", "critical", 0.7, silence=silence),
            rule("NoOrders", "no data", "warning", None),
        ],
        "alertmanagers": [{"address": "http://am:9093", "reachable": True, "error": ""}],
        "can_acknowledge": True,
        "problem": "",
    }


class MemorySource:
    """A source that serves ``documents``; ``down`` is the error of a lost connection, ``blocked`` makes it hang."""

    def __init__(self, **documents: Any) -> None:
        health: HealthPage = {"time": NOW, "overall": "critical", "groups": {}, "checks": checks()}
        series = chart("duration", "http.server.request.duration", "s", ["p50", "p95", "p99"], 0.08)
        self.documents: dict[str, Any] = {
            "status": status(),
            "health": health,
            "traces": [summary(i) for i in range(60)],
            f"traces/{TRACE}": trace(),
            "logs": [log(i) for i in range(199, -1, -1)],
            "metrics": {"time": NOW, "metrics": metrics()},
            "metrics/series": series,
            "system": system(),
            "alerts": alerts(),
            **documents,
        }
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.posted: list[tuple[str, dict[str, Any]]] = []
        self.down = ""
        self.refused = ""
        self.go_on = threading.Event()
        self.go_on.set()

    @property
    def address(self) -> str:
        """The address of a web page."""
        return "http://127.0.0.1:8080"

    def get(self, path: str, parameters: Parameters | None = None) -> Any:
        """Return a document; the lists obey ``text`` and ``limit``."""
        self.asked.append((path, dict(parameters or {})))
        self.go_on.wait(60)
        if self.down:
            raise SourceError(self.down)
        if path not in self.documents:
            raise NotFoundError(f"there is no {path}")
        document = self.documents[path]
        limit, words = int(str((parameters or {}).get("limit", 100))), str((parameters or {}).get("text", ""))
        if path == "traces":
            rows = [row for row in document if words in row["name"]]
            last = rows[limit - 1]["start"] if len(rows) > limit else None
            return {
                "time": NOW,
                "traces": rows[:limit],
                "total": len(rows),
                "kept": len(document),
                "next": last,
                "took_ms": 1,
            }
        if path == "logs":
            rows = [row for row in document if words in row["body"]]
            return {"time": NOW, "logs": rows[:limit], "total": len(rows), "kept": len(document), "next": None}
        return document

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Record an action."""
        self.posted.append((path, dict(body)))
        if self.refused:
            raise SourceError(self.refused)
        return {"restarted": True}
