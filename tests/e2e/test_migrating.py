"""The page for programs that use the monitoring guide's classes: its code runs, and its dashboards find their keys."""

from __future__ import annotations

import json
import re
from pathlib import Path

import yaml

from csg_otel.config import load
from support.programs import Program

PAGE = Path(__file__).resolve().parents[2] / "docs" / "migrating.md"

READ = """
import json
while not monitor.get_metrics_snapshot()["system"]:  # the first sample of the host is complete after two readings
    time.sleep(0.05)
snapshot = monitor.get_metrics_snapshot()
read = {"summary": summary, "snapshot": snapshot, "state": state, "notifications": notifications}
print(json.dumps({**read, "again": monitor.get_status()["alerts"]}, default=str))
again = monitor.get_metrics_snapshot()
print(json.dumps(again["business"]))
print(type(results).__name__, status.name, trends["hours"], flush=True)
"""


def blocks(language: str) -> list[str]:
    """Return the code blocks of the page."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


KEYS = {
    "snapshot": {"timestamp", "metrics_count", "metrics"},
    "state": {"monitoring_enabled", "timestamp", "health", "alerts", "prometheus_enabled", "prometheus_running"},
    "summary": {"overall_status", "timestamp", "checks", "summary"},
    "notifications": {
        "processing_enabled",
        "queue_size",
        "total_notifications",
        "recent_notifications",
        "active_notifiers",
        "notification_configs",
    },
}
"""What the guide's methods return, by the variables of the page's program."""

COUNTS = {"total_checks", "healthy_checks", "warning_checks", "critical_checks", "average_response_time_ms"}
CHECK = {"name", "status", "message", "details", "timestamp", "response_time_ms"}
ALERTS = {
    "total_alerts": 1,
    "active_alerts": 1,
    "critical_alerts": 0,
    "warning_alerts": 1,
    "info_alerts": 0,
}
"""The alert that the page's program sends."""

PROCESS = {"process": "customer_snapshot"}
LABELS: dict[str, list[dict[str, str]]] = {
    "system_cpu_usage_percent": [{"type": "total"}, {"type": "per_cpu", "cpu": "0"}],
    "system_memory_usage_bytes": [{"type": "used"}, {"type": "available"}],
    "system_memory_usage_percent": [{"type": "usage"}],
    "system_disk_usage_bytes": [{"type": "used", "mount": "/"}, {"type": "free", "mount": "/"}],
    "system_disk_usage_percent": [{"mount": "/"}],
    "system_network_bytes_total": [{"direction": "sent"}, {"direction": "received"}],
    "system_network_packets_total": [{"direction": "sent"}, {"direction": "received"}],
    "system_load_average": [{"period": "1m"}, {"period": "5m"}, {"period": "15m"}],
    "system_processes_total": [{}],
    "application_cpu_usage_percent": [PROCESS],
    "application_memory_usage_bytes": [{**PROCESS, "type": "rss"}, {**PROCESS, "type": "vms"}],
    "application_memory_usage_percent": [PROCESS],
    "application_threads_total": [PROCESS],
    "application_file_descriptors_total": [PROCESS],
    "application_uptime_seconds": [PROCESS],
    "files_processed_total": [{"type": "vtt"}],
    "processing_duration_seconds": [{"type": "average"}],
    "processing_errors_total": [{"type": "all"}],
}
"""The rows of the guide's collector."""


def test_the_pages_program_runs_and_has_the_keys_of_the_guide(tmp_path: Path) -> None:
    """As one program, with the page's settings: every key that the guide's methods return, every metric with its labels."""
    settings = "\n".join([*blocks("yaml"), "service: {name: customer_snapshot}"])
    (tmp_path / "monitoring_config.yaml").write_text(settings, encoding="utf-8")
    source = "\n".join(blocks("python")) + READ
    with Program(source, tmp_path) as program:
        read = json.loads(program.line())
        business = json.loads(program.line())
        last = program.line()
        assert program.wait(40) == 0, program.stderr
    rows, checks, state = read["snapshot"]["metrics"], read["summary"]["checks"], read["state"]

    assert last.startswith("dict ")
    assert [(name, key) for name, keys in KEYS.items() for key in keys - read[name].keys()] == []
    assert all({"name", "value", "unit", "labels", "timestamp"} <= row.keys() for row in rows)
    assert [
        (name, labels)
        for name, every in LABELS.items()
        for labels in every
        if not any(row["name"] == name and row["labels"] == labels for row in rows)
    ] == []
    assert (state["health"].keys(), state["health"]["checks"].keys()) == (read["summary"].keys(), checks.keys())
    assert read["summary"]["summary"].keys() >= COUNTS
    assert [(name, key) for name, check in checks.items() for key in CHECK - check.keys()] == []
    assert all(check["name"] == name for name, check in checks.items())
    assert {"system_resources", "application", "dependencies", "performance"} <= checks.keys()
    assert read["again"].items() >= ALERTS.items()
    assert read["again"]["latest_alert"] is not None
    assert (business["files_processed_total"], business["processing_errors_total"]) == ({"vtt": 1}, 0)


def test_the_pages_settings_are_right(tmp_path: Path) -> None:
    """Without a problem or a warning, and each is one of the sections that the text names."""
    (text,) = blocks("yaml")
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8")
    loaded = load("c.yaml", environ={}, cwd=tmp_path)

    assert (loaded.problems, loaded.warnings) == ((), ())
    assert yaml.safe_load(text)["health_monitoring"]["checks"].keys() == {"application", "dependencies"}
