"""Real Prometheus and Alertmanager: people hear of a dead instance and of a batch job's only failure, of their service only."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from csg_otel.alerts import bundle, spec
from csg_otel.alerts.alertmanager import config, merge
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.compilers import compile_all
from csg_otel.alerts.prometheus.rules import FILE
from csg_otel.config import load
from csg_otel.exporters import prometheus
from support.alertmanager import Alertmanager
from support.notification_sinks import HttpSink, http_sink
from support.programs import Program, eventually
from support.prometheus import Prometheus

pytestmark = pytest.mark.real("prometheus", "prometheus-alertmanager")

SERVICE = """
    import csg_otel
    telemetry = csg_otel.instrument("shop", exporters=["prometheus"], health_monitoring__enabled=False)
    print(telemetry.url, flush=True)
    input()
"""

BATCH = """
    import csg_otel
    telemetry = csg_otel.instrument("batch", exporters=["prometheus"], health_monitoring__enabled=False)
    print(telemetry.url, flush=True)
    csg_otel.file_processed("vtt")
    input()  # until Prometheus has seen it succeed
    csg_otel.file_processed("vtt", outcome="error")
    input()  # until Prometheus has seen it fail
"""

DOWN = {"name": "instance_down", "metric": "up", "condition": "<", "threshold": 1, "severity": "critical"}
FAILED = {
    "name": "failed",
    "metric": "increase(csg.files.processed)",
    "filters": {"outcome": "error"},
    "condition": ">",
    "threshold": 0,
}


def compiled(name: str, sink: HttpSink) -> dict[str, str]:
    """Return the files of the service *name*, whose rules have the same names as those of the other service."""
    content: dict[str, Any] = {
        "service": {"name": name},
        "alerting": {"aggregation_window": 10, "rules": [DOWN, FAILED]},
        "notifications": {"webhook": {"enabled": True, "url": f"{sink.url}/{name}"}},
    }
    catalog = Catalog(series=prometheus.family_name, label=prometheus.label_name)
    specification = spec.load(load(content, environ={}).config, catalog, **bundle.shipped())
    return compile_all(specification, catalog, targets=("prometheus", "alertmanager"))


def heard(sink: HttpSink, service: str, alert: str) -> list[dict[str, Any]]:
    """Return the alerts of this name that the people of *service* have heard of."""
    alerts = [one for got in sink.at(f"/{service}") for one in got.json["alerts"]]
    return [one for one in alerts if one["labels"]["alertname"] == alert]


def test_people_hear_of_their_own_service(tmp_path: Path) -> None:
    """One of two instances dies, a batch job fails once and ends: the people of each hear of it, and only they."""
    with ExitStack() as running:
        sink = running.enter_context(http_sink())
        programs = [running.enter_context(Program(text, tmp_path)) for text in (SERVICE, SERVICE, BATCH)]
        alive, dead, job = (program.line().removeprefix("http://") for program in programs)
        files = {name: compiled(name, sink) for name in ("shop", "batch")}
        for name, texts in files.items():
            (tmp_path / f"{name}.yaml").write_text(texts[FILE])
        routes, rules = tmp_path / "alertmanager.yaml", [tmp_path / f"{name}.yaml" for name in files]
        routes.write_text(merge.merge({name: texts[config.FILE] for name, texts in files.items()}))
        manager = running.enter_context(Alertmanager(routes, tmp_path / "am"))
        jobs = {"shop": [alive, dead], "batch": [job]}
        watching = running.enter_context(Prometheus(jobs, tmp_path / "prom", rules=rules, alertmanager=manager.address))
        _play(watching, programs[2], programs[1], sink)

    assert heard(sink, "shop", "Failed") == []
    assert {alert["labels"]["service"] for alert in heard(sink, "batch", "Failed")} == {"batch"}
    assert {alert["labels"]["instance"] for alert in heard(sink, "shop", "InstanceDown")} == {dead}
    assert {alert["labels"]["instance"] for alert in heard(sink, "batch", "InstanceDown")} <= {job}


def _play(watching: Prometheus, batch: Program, dying: Program, sink: HttpSink) -> None:
    """Let the batch job fail once and end, and an instance of the service die, and wait for both notifications."""
    succeeded = 'csg_files_processed_total{csg_outcome="ok"} == 1'
    eventually(lambda: watching.query(succeeded) and watching.query("count(up == 1) == 3"), within_s=40)
    _go_on(batch)
    eventually(lambda: watching.query('csg_files_processed_total{csg_outcome="error"} == 1'), within_s=40)
    _go_on(batch)
    dying.process.kill()
    eventually(lambda: heard(sink, "batch", "Failed") and heard(sink, "shop", "InstanceDown"), within_s=60)


def _go_on(program: Program) -> None:
    assert program.process.stdin is not None
    program.process.stdin.write("\n")
    program.process.stdin.flush()
