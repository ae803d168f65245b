"""Every Python snippet of the user's own document runs, with the import path changed and nothing else."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from support.programs import Program

SEED = Path(__file__).resolve().parents[3] / "shared" / "seed"

# The same calls, for checkouts that don't have the document beside them.
TABLE = [
    """
    from src.customer_snapshot.monitoring.system_monitor import SystemMonitor
    from src.customer_snapshot.utils.config import Config
    monitor = SystemMonitor(Config.get_default())
    monitor.start()
    """,
    """
    from src.customer_snapshot.monitoring.health_monitor import HealthMonitor
    health_monitor = HealthMonitor()
    results = health_monitor.run_all_checks()
    overall_status = health_monitor.get_overall_status()
    summary = health_monitor.get_health_summary()
    """,
    """
    from src.customer_snapshot.monitoring.system_monitor import SystemMonitor
    system_monitor = SystemMonitor()
    system_monitor.start()
    metrics = system_monitor.get_metrics_snapshot()
    status = system_monitor.get_status()
    """,
    """
    from src.customer_snapshot.monitoring.alerting import AlertingService
    alerting = AlertingService()
    alerting.start()
    from src.customer_snapshot.monitoring.system_monitor import Alert
    alert = Alert(
        name="custom_alert",
        level="WARNING",
        message="Custom alert message",
        details={"key": "value"}
    )
    alerting.send_alert(alert)
    """,
    """
    from src.customer_snapshot.monitoring.health_monitor import SystemResourcesHealthCheck
    check = SystemResourcesHealthCheck()
    result = check.check()
    print(result.message)
    """,
    """
    from src.customer_snapshot.utils.config import Config
    config = Config.get_default()
    print('Monitoring enabled:', getattr(config, 'enable_monitoring', False))
    """,
    """
    from src.customer_snapshot.monitoring.alerting import AlertingService
    service = AlertingService()
    status = service.get_notification_status()
    print(status)
    """,
]


def snippets() -> list[str]:
    """Return the Python code of the document: its ``python`` blocks and its ``python -c "..."`` commands."""
    texts = [path.read_text(encoding="utf-8") for path in sorted(SEED.glob("*.txt"))] if SEED.is_dir() else []
    found: list[str] = []
    for text in texts:
        found += re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        found += re.findall(r"^python -c \"\n(.*?)^\"", text, re.DOTALL | re.MULTILINE)
        # One block is marked as YAML and holds Python; it reads a file that is the user's own.
        found += [
            block for block in re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE) if "import " in block
        ]
    return [textwrap.dedent(code) for code in found or TABLE]


def translated(code: str) -> str:
    """Change the import path and nothing else."""
    return re.sub(r"from src\.customer_snapshot\.[\w.]+ import", "from csg_otel import", code)


@pytest.mark.parametrize("code", snippets(), ids=lambda code: re.sub(r"\W+", "-", code.strip())[:40])
def test_a_snippet_of_the_seed_runs(code: str, tmp_path: Path) -> None:
    """The snippet runs to its end, prints no traceback and the process ends by itself."""
    (tmp_path / "monitoring_config.yaml").write_text("system_monitoring: {enabled: true}\n")

    with Program(translated(code), tmp_path) as program:
        assert program.wait(40) == 0, program.stderr
        assert "Traceback" not in program.stderr


def test_the_results_have_the_shape_the_seed_promises(tmp_path: Path) -> None:
    """The summary's keys, the results' attributes and the snapshot's groups are those of the document."""
    source = """
        import csg_otel
        monitor = csg_otel.HealthMonitor()
        results = monitor.run_all_checks()
        summary = monitor.get_health_summary()
        assert set(summary) == {"overall_status", "timestamp", "checks", "summary"}, set(summary)
        assert set(summary["summary"]) == {
            "total_checks", "healthy_checks", "warning_checks", "critical_checks", "unknown_checks",
            "average_response_time_ms"}, summary["summary"]
        for name, check in summary["checks"].items():
            assert {"status", "message", "details", "response_time_ms", "timestamp"} <= set(check), check
            assert results[name].response_time_ms >= 0
        system = csg_otel.SystemMonitor()
        system.start()
        snapshot = system.get_metrics_snapshot()
        groups = {"system", "application", "business"}
        assert set(snapshot) == {"timestamp", "metrics", "metrics_count", "response_times", *groups}, set(snapshot)
        running = system.get_status()
        assert running["monitoring_active"] is running["monitoring_enabled"] is True
        assert running["prometheus_enabled"] is running["prometheus_running"] is True
        assert running["health"]["overall_status"] == running["health_status"]
        assert running["timestamp"] > "2026"
        system.stop()
        stopped = system.get_status()
        assert set(running) - set(stopped) == {"collection_interval", "health_status"}
        assert stopped["monitoring_active"] is stopped["monitoring_enabled"] is stopped["prometheus_running"] is False
    """
    with Program(source, tmp_path) as program:
        assert program.wait(40) == 0, program.stderr


def test_the_programs_own_config_is_refused_in_words(tmp_path: Path) -> None:
    """The document's Config holds the program's own settings, too; each class says what to give instead."""
    source = """
        import csg_otel
        class Config:
            anthropic_api_key = "x"
        for make in (csg_otel.SystemMonitor, csg_otel.HealthMonitor, csg_otel.AlertingService):
            try:
                make(Config())
            except csg_otel.ConfigError as error:
                assert "an object of __main__.Config is not" in str(error), error
                assert "leave config= out" in str(error), error
            else:
                raise AssertionError(make)
    """
    with Program(source, tmp_path) as program:
        assert program.wait(40) == 0, program.stderr
