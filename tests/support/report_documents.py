"""The report of a program in trouble, built by the model's types: for renderings, where every part must be filled."""

from __future__ import annotations

import copy
import math
from typing import Any

from csg_otel.dashboard.model.report import Report

NOW = 1_795_743_000.0  # 2026-11-27 05:30:00 UTC


def chart(name: str, unit: str, lines: dict[str, list[float | None]], **more: Any) -> dict[str, Any]:
    """Return a chart of one hour whose series are *lines*."""
    count = max(len(values) for values in lines.values())
    return {
        "id": name,
        "title": name,
        "unit": unit,
        "kind": "gauge",
        "step_s": 3600 / count,
        "times": [NOW - 3600 + 3600 / count * number for number in range(1, count + 1)],
        "series": [
            {"label": label, "attributes": {}, "field": "value", "values": values} for label, values in lines.items()
        ],
        "thresholds": [],
        "exemplars": [],
        "hidden": 0,
        **more,
    }


def wave(low: float, high: float, points: int = 120, gap: range = range(0)) -> list[float | None]:
    """Return a wave between *low* and *high*, None at the places in *gap*."""
    middle, half = (low + high) / 2, (high - low) / 2
    return [None if at in gap else middle + half * math.sin(at / 9) * math.cos(at / 31) for at in range(points)]


def check(name: str, status: str, message: str, **more: Any) -> dict[str, Any]:
    """Return a health check."""
    return {
        "name": name,
        "category": "application",
        "groups": ["readiness"],
        "critical": True,
        "status": status,
        "raw": status,
        "message": message,
        "error_type": "",
        "duration_ms": 12.4,
        "age_s": 3.0,
        "for_s": 754.0,
        "skipped_by": "",
        "depends_on": [],
        "details": {},
        "measurements": [],
        "timeline": [{"start": NOW - 3600, "end": None, "status": status}],
        "failures": [],
        "availability": 1.0,
        **more,
    }


def span(number: int, start: float, duration: float | None, name: str, **more: Any) -> dict[str, Any]:
    """Return a span *start* seconds after the trace's."""
    begin = NOW - 60 + start
    return {
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": f"{number:016x}",
        "parent_id": f"{number - 1:016x}" if number else None,
        "name": name,
        "kind": "internal",
        "service": "snapshot-generator",
        "scope": "csg_otel",
        "start": begin,
        "end": None if duration is None else begin + duration,
        "duration_s": duration,
        "status": "unset",
        "status_message": "",
        "attributes": {"file.type": "vtt"},
        "events": [],
        "links": [],
        **more,
    }


def summary(number: int, name: str, duration: float | None, errors: int = 0) -> dict[str, Any]:
    """Return a row of the list of traces."""
    return {
        "trace_id": f"{number:032x}",
        "root_id": f"{number:016x}",
        "name": name,
        "service": "snapshot-generator",
        "kind": "internal",
        "start": NOW - 60 - number,
        "duration_s": duration,
        "spans": 214 + number,
        "errors": errors,
        "error": "ValueError: no such file" if errors else "",
        "running": 0,
        "logs": 2,
    }


def log(number: int, level: str, body: str, **more: Any) -> dict[str, Any]:
    """Return a log record."""
    return {
        "id": number,
        "time": NOW - number * 7.3,
        "level": level,
        "severity": 17,
        "logger": "snapshot_generator",
        "body": body,
        "service": "snapshot-generator",
        "trace_id": "",
        "span_id": "",
        "attributes": {},
        "exception": None,
        **more,
    }


STACK = """Traceback (most recent call last):
  File "vtt.py", line 41, in read
    raise TranscriptError(why)
TranscriptError: no header"""


def _trace() -> dict[str, Any]:
    raised = {
        "time": NOW - 58,
        "name": "exception",
        "attributes": {
            "exception.type": "TranscriptError",
            "exception.message": "no header",
            "exception.stacktrace": STACK,
        },
    }
    spans = [
        span(0, 0, 2.41, "process_file"),
        span(1, 0.01, 0.31, "read_transcript"),
        *(span(2 + number, 0.33 + number * 0.2, 0.18, "read_chunk", parent_id=f"{0:016x}") for number in range(8)),
        span(10, 2.0, 0.38, "publish", status="error", status_message="no header", events=[raised]),
        span(11, 2.1, None, "upload"),
    ]
    row: dict[str, Any] = {"depth": 1, "critical": False, "self_s": 0.1, "count": 1, "total_s": None, "hidden": []}
    rows = [
        {**row, "span_id": spans[0]["span_id"], "depth": 0, "critical": True},
        {**row, "span_id": spans[1]["span_id"]},
        {
            **row,
            "span_id": spans[2]["span_id"],
            "count": 8,
            "total_s": 1.44,
            "hidden": [each["span_id"] for each in spans[3:10]],
            "critical": True,
        },
        {**row, "span_id": spans[10]["span_id"], "critical": True},
        {**row, "span_id": spans[11]["span_id"], "depth": 2},
    ]
    head = {**summary(7, "process_file", None, errors=1), "spans": len(spans), "start": spans[0]["start"], "running": 1}
    return {
        "time": NOW - 57,
        "summary": head,
        "services": ["snapshot-generator"],
        "resources": {},
        "spans": spans,
        "rows": rows,
        "logs": [],
    }


def _status(checks: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "schema_version": "1.0",
        "generated_at": "2026-11-27T05:30:00+00:00",
        "time": NOW,
        "session": "a1",
        "service": {
            "name": "snapshot-generator",
            "version": "1.4.2",
            "environment": "production",
            "instance": "web-1:4711",
            "pid": 4711,
            "host": "web-1",
            "language": "python",
            "sdk": "csg-otel 0.1.0",
        },
        "uptime_s": 88_920.0,
        "data_age_s": 1.2,
        "kept_since": NOW - 3600,
        "workers": 4,
        "overall": "critical",
        "state": "critical",
        "groups": {"readiness": "critical"},
        "maintenance": "",
        "bypass": False,
        "monitored": True,
        "monitoring_enabled": True,
        "prometheus_enabled": True,
        "prometheus_running": True,
        "processing_enabled": True,
        "queue_size": 12,
        "active_notifiers": ["email"],
        "metrics_url": "http://127.0.0.1:8081/metrics",
        "destinations": [
            _destination("otlp", "down", "connection refused by collector:4317", dropped={"queue full": 112}),
            _destination("prometheus", "ok", ""),
        ],
        "features": ["health", "system", "performance", "alerts", "traces", "logs", "trends"],
        "charts": {"time_window_s": 3600.0, "data_points": 200, "auto_refresh": True},
        "refresh_interval_s": 5.0,
        "categories": _CATEGORIES,
        "checks": checks,
        "system": {
            "cpu_percent": 23.4,
            "memory_percent": 85.2,
            "memory_used_bytes": 13.6e9,
            "memory_total_bytes": 16e9,
            "disk_percent": 97.8,
            "disk_free_bytes": 125.3 * 1024**3,
            "load_1m": 1.2,
            "process_cpu_percent": 11.0,
            "process_memory_bytes": 210e6,
            "process_threads": 14.0,
            "process_open_files": 42.0,
        },
        "alerts": {"firing": 1, "pending": 1, "rules": 3},
        "counts": {"traces": 1200, "spans": 9000, "running": 1, "errors": 14, "logs": 4000, "series": 92, "dropped": 0},
        "errors": [],
        "services": [],
        "receives_at": {},
        "changed": [],
        "actions": ["restart"],
    }


_CATEGORIES = [
    {
        "name": "system",
        "title": "System Resources",
        "status": "healthy",
        "message": "System resources healthy",
        "response_time_ms": 245.3,
    },
    {
        "name": "application",
        "title": "Application",
        "status": "critical",
        "message": "there is a file FAIL in inbox",
        "response_time_ms": 156.7,
    },
    {"name": "dependency", "title": "Dependencies", "status": "warning", "message": "slow", "response_time_ms": None},
    {
        "name": "performance",
        "title": "Performance",
        "status": "unknown",
        "message": "no result yet",
        "response_time_ms": None,
    },
]


def _destination(name: str, state: str, error: str, **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "address": f"{name}.example:4317",
        "state": state,
        "emitted": 120_000,
        "adopted": 0,
        "delivered": 119_200,
        "queued": 688,
        "spooled": 12,
        "dropped": {},
        "last_error": error,
        "failing_s": 0.0 if state == "ok" else 95.0,
        **more,
    }


def _checks() -> list[dict[str, Any]]:
    changes = [(3600, 1900, "healthy"), (1900, 1100, "warning"), (1000, 754, "healthy"), (754, None, "critical")]
    timeline = [
        {"start": NOW - start, "end": None if end is None else NOW - end, "status": status}
        for start, end, status in changes
    ]
    failures = [
        {"time": NOW - 754, "status": "critical", "message": "there is a file FAIL in inbox"},
        {"time": NOW - 1500, "status": "warning", "message": "2 transcripts are older than a day"},
    ]
    used = {
        "name": "used",
        "value": 82.5,
        "unit": "%",
        "warning": 80.0,
        "critical": 95.0,
        "minimum": 0.0,
        "maximum": 100.0,
    }
    return [
        check(
            "inbox",
            "critical",
            "there is a file FAIL in inbox",
            timeline=timeline,
            failures=failures,
            availability=0.91,
        ),
        check("disk", "warning", "82.5 % of / are used", measurements=[{**used, "attributes": {}}], category="system"),
        check("anthropic-api", "unknown", "", category="dependency", duration_ms=None),
        check("output-writable", "healthy", "ok"),
        check("memory", "healthy", "45.2 % used", category="system"),
    ]


def _alerts() -> dict[str, Any]:
    def rule(alert: str, state: str, value: float, unit: str, threshold: float) -> dict[str, Any]:
        return {
            "alert": alert,
            "severity": "critical" if state == "firing" else "warning",
            "state": state,
            "metric": "p95(operation.duration)",
            "condition": f"> {threshold:g}",
            "threshold": threshold,
            "unit": unit,
            "for_s": 300.0,
            "summary": "Operations take longer than their objective",
            "runbook_url": "",
            "series": [{"labels": {"operation": "process_file"}, "value": value, "state": state, "remaining_s": None}],
            "silence": None,
        }

    silence = {"id": "1", "ends": NOW + 3600, "comment": "deploy", "created_by": "ops"}
    rules = [
        rule("SlowOperations", "firing", 2.41, "s", 2.0),
        {**rule("DiskFull", "pending", 97.8, "%", 95.0), "silence": silence},
        rule("HighErrorRate", "ok", 0.001, "1", 0.05),
    ]
    return {"time": NOW, "rules": rules, "alertmanagers": [], "can_acknowledge": False, "problem": ""}


def _changed() -> dict[str, Any]:
    change = {
        "rank": 1,
        "score": 9.1,
        "what": "metric",
        "name": "operation.duration",
        "attributes": {"operation": "read_chunk"},
        "field": "p95",
        "unit": "s",
        "before": 0.082,
        "after": 1.24,
        "text": "15 times as slow",
        "values": [0.08, 0.09, 0.08, None, None, 0.4, 1.1, 1.3, 1.24],
        "link": "metrics?name=operation.duration",
    }
    second = {
        **change,
        "rank": 2,
        "name": "cache.hit_rate",
        "unit": "%",
        "before": 92.0,
        "after": 8.0,
        "text": "misses",
    }
    return {"time": NOW, "window": [NOW - 300, NOW], "baseline": [NOW - 3900, NOW - 300], "changes": [change, second]}


def _system() -> dict[str, Any]:
    limits = [
        {"label": "warning", "value": 80.0, "severity": "warning"},
        {"label": "critical", "value": 95.0, "severity": "critical"},
    ]
    cpu = {"host": wave(5, 60, gap=range(40, 52)), "process": wave(1, 20, gap=range(40, 52))}
    return {
        "time": NOW,
        "numbers": _status([])["system"],
        "charts": [
            chart("CPU", "%", cpu, thresholds=limits),
            chart("Memory", "By", {"used": wave(9e9, 13.6e9), "cached": wave(1e9, 3e9)}),
            chart("Disk I/O", "By/s", {"read": wave(0, 4e6), "write": wave(1e5, 9e6)}),
        ],
    }


def _metrics() -> list[dict[str, Any]]:
    quantiles: dict[str, list[float | None]] = {"p50": wave(0.05, 0.09), "p95": wave(0.2, 1.3), "p99": wave(0.4, 2.4)}
    durations = chart("operation.duration", "s", {**quantiles, "rate": wave(2, 14)}, kind="histogram")
    for series in durations["series"]:
        series["field"] = series["label"]
    durations["thresholds"] = [
        {"label": "SlowOperations", "value": 2.0, "severity": "critical"},
        {"label": "never seen", "value": 60.0, "severity": "warning"},
    ]
    many: dict[str, list[float | None]] = {f"region {number}": wave(number, number + 9) for number in range(11)}
    single: list[float | None] = [None] * 50 + [3.0] + [None] * 20 + [4.0, 5.0]
    return [
        durations,
        chart("orders.placed", "{order}/s", many),
        chart("snapshots.open", "{snapshot}", {"open": single}),
        chart("cache.hit_rate", "%", {"summaries": wave(5, 92)}),
    ]


def report() -> Report:
    """Return the report of a program in trouble, with every part filled."""
    checks = _checks()
    failed = {"type": "TranscriptError", "message": "no header", "stacktrace": STACK}
    document: Any = {
        "schema_version": "1.0",
        "generated_at": "2026-11-27T05:30:00+00:00",
        "time": NOW,
        "range_s": 3600.0,
        "status": _status(checks),
        "health": {"time": NOW, "overall": "critical", "groups": {"readiness": "critical"}, "checks": checks},
        "changed": _changed(),
        "system": _system(),
        "metrics": _metrics(),
        "alerts": _alerts(),
        "slowest": [
            summary(number, "process_file", 2.4 / 2**number, errors=int(number % 3 == 1)) for number in range(8)
        ],
        "failing": [summary(20 + number, "process_file", 0.031 * number + 0.002, errors=1) for number in range(3)],
        "traces": [_trace()],
        "logs": [
            log(1, "error", "no snapshot of 012-review.vtt: no header", exception=failed),
            log(2, "warn", "the queue of otlp is half full", attributes={"queue.size": 1024}),
        ],
    }
    return copy.deepcopy(document)  # type: ignore[no-any-return]


def documents() -> dict[str, Any]:
    """Return the documents of the API, by path, of which the report is made."""
    whole: Any = report()
    pages = {key: whole[key] for key in ("status", "health", "changed", "system", "alerts")}
    rows = [
        {
            "name": each["title"],
            "kind": each["kind"],
            "unit": each["unit"],
            "description": "",
            "series": len(each["series"]),
            "latest": 1.0,
            "values": [],
            "attributes": {},
            "exemplars": False,
        }
        for each in whole["metrics"]
    ]
    charts = {each["title"]: each for each in whole["metrics"]}
    return {
        **pages,
        "traces": {"time": NOW, "traces": whole["slowest"], "total": 8, "kept": 8, "next": None, "took_ms": 1.0},
        "traces/0af7": whole["traces"][0],
        "logs": {"time": NOW, "logs": whole["logs"], "total": 2, "kept": 2, "next": None},
        "metrics": {"time": NOW, "metrics": rows},
        "metrics/series": lambda parameters: charts[first(parameters["name"])],
        **{f"traces/{each['trace_id']}": whole["traces"][0] for each in (*whole["slowest"], *whole["failing"])},
    }


def first(value: str | list[str]) -> str:
    """Return a parameter that is given once, however the transport has it."""
    return value if isinstance(value, str) else value[0]
