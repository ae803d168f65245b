"""Programs that live shorter than an interval: their last export is whole, and they deliver what earlier ones left on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.otlp_sink import HttpSink, attributes
from support.programs import Program


def run(source: str, folder: Path) -> None:
    """Run the program *source* to its end."""
    with Program(source, folder, {"XDG_STATE_HOME": str(folder)}) as program:
        assert program.wait() == 0, program.stderr


def last(points: list[Any], wanted: dict[str, str]) -> int:
    """Return the value of the newest of *points* with the attributes *wanted*."""
    return int([point for point in points if wanted.items() <= attributes(point).items()][-1].as_int)


def test_the_last_export_has_the_health_and_the_items(sink: HttpSink, tmp_path: Path) -> None:
    """The states of the checks, the change of the failing one, and the items that were delivered before."""
    source = f"""
    import csg_otel, time
    @csg_otel.health_check("db", interval_s=1, timeout_s=1)
    def db():
        raise csg_otel.Critical("down")
    telemetry = csg_otel.instrument("job", exporters=["otlp+{sink.endpoint}"], system_monitoring__prometheus__enabled=False)
    for _ in range(30):
        with csg_otel.observe("work"):
            pass
    checks = lambda: {{view.name: view.status for view in telemetry.health.snapshot().checks}}
    while checks()["db"] is not csg_otel.HealthStatus.CRITICAL:
        time.sleep(0.01)
    """
    run(source, tmp_path)

    points, check = sink.received.points, {"csg.health.check.name": "db"}
    assert last(points("csg.health.check.status"), {**check, "csg.health.state": "critical"}) == 1
    assert last(points("csg.health.check.transitions"), check) == 1
    delivered = last(points("csg.exporter.items"), {"signal": "traces", "csg.result": "delivered"})
    assert delivered == len(sink.received.spans) >= 30
    assert any("db: " in record.body.string_value for record in sink.received.records)
