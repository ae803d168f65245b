"""Two services with all shipped rules at real Prometheus and Alertmanager: who is notified of what, and how soon."""

from __future__ import annotations

import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from csg_otel.alerts import bundle, spec
from csg_otel.alerts.alertmanager import config, merge
from csg_otel.alerts.compilers import compile_all
from csg_otel.alerts.prometheus.rules import FILE
from csg_otel.config import load
from support.alert_specs import CATALOG
from support.alertmanager import Alertmanager
from support.notification_sinks import HttpSink, http_sink
from support.programs import Program, eventually
from support.prometheus import Prometheus

pytestmark = [pytest.mark.real("prometheus", "prometheus-alertmanager", "promtool"), pytest.mark.slow]

SERVICE = """
    import csg_otel
    telemetry = csg_otel.instrument("{name}", exporters=["prometheus"], health_monitoring__enabled=False)
    csg_otel.file_processed("vtt")
    print(telemetry.url, flush=True)
    input()
"""
THREADS = {"name": "threads", "metric": "process.thread.count", "condition": ">", "threshold": 0}
ESCALATION = {"name": "again", "condition": "retry_count", "threshold": 5, "action": "escalate", "target": "critical"}
OBJECTIVE = {"name": "files", "objective": 99, "total": "csg.files.processed", "bad": "csg.files.processed"}
STARTS = 5
"""How often the warning had fired before the test."""


def compiled(name: str, sink: HttpSink, rules: list[dict[str, Any]]) -> dict[str, str]:
    """Return the files of the service *name*, whose objective has the same name as that of the other service."""
    content: dict[str, Any] = {
        "service": {"name": name},
        "alerting": {"rules": rules, "aggregation_window": 300},
        "slos": [OBJECTIVE],
        "escalation": {"rules": [ESCALATION]},
        "notifications": {
            "webhook": {"enabled": True, "url": f"{sink.url}/{name}"},
            "channels": [
                {"name": "pager", "type": "webhook", "url": f"{sink.url}/{name}/pager", "severity_filter": ["critical"]}
            ],
        },
    }
    specification = spec.load(load(content, environ={}).config, CATALOG, **bundle.shipped())
    return compile_all(specification, CATALOG, targets=("prometheus", "alertmanager"))


def fired_before(instance: str, folder: Path) -> None:
    """Write into *folder* the history in which the warning of *instance* has fired some times within the last hours."""
    labels = f'alertname="Threads",alertstate="firing",csg_rule="threads",instance="{instance}",job="shop"'
    now = int(time.time())
    lines = ["# TYPE ALERTS gauge"]
    for back_s in range(STARTS * 900, 0, -900):
        times = range(now - back_s - 300, now - back_s - 180, 15)
        lines += [f'ALERTS{{{labels},service="shop",severity="warning"}} 1 {at}' for at in times]
    folder.mkdir(parents=True)
    source = folder.parent / "history.om"
    source.write_text("\n".join([*lines, "# EOF", ""]))
    command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(source), str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def notified(sink: HttpSink, path: str, alert: str) -> list[dict[str, Any]]:
    """Return the alerts of this name that arrived at *path*."""
    alerts = [one for got in sink.at(path) for one in got.json["alerts"]]
    return [one for one in alerts if one["labels"]["alertname"] == alert]


def test_the_people_of_a_dead_service_know_within_two_minutes(tmp_path: Path) -> None:
    """They get InstanceDown, others do not; a sixth warning escalates; rules and objectives of equal names stay apart."""
    with ExitStack() as running:
        sink = running.enter_context(http_sink())
        shop, batch = (
            running.enter_context(Program(SERVICE.format(name=name), tmp_path)) for name in ("shop", "batch")
        )
        addresses = [program.line().removeprefix("http://") for program in (shop, batch)]
        files = {"shop": compiled("shop", sink, [THREADS]), "batch": compiled("batch", sink, [])}
        for name, texts in files.items():
            (tmp_path / f"{name}.yaml").write_text(texts[FILE])
        routes, rules = tmp_path / "alertmanager.yaml", [tmp_path / f"{name}.yaml" for name in files]
        routes.write_text(merge.merge({name: texts[config.FILE] for name, texts in files.items()}))
        fired_before(addresses[0], tmp_path / "prom" / "data")
        manager = running.enter_context(Alertmanager(routes, tmp_path / "am"))
        jobs = {"shop": addresses[:1], "batch": addresses[1:]}
        watching = running.enter_context(Prometheus(jobs, tmp_path / "prom", rules=rules, alertmanager=manager.address))
        eventually(lambda: len(watching.query("up == 1")) == 2, within_s=40)
        before = _rules_of(watching, "batch")
        eventually(lambda: notified(sink, "/shop/pager", "Again"), within_s=150)
        shop.process.kill()
        died_s = time.monotonic()
        eventually(lambda: notified(sink, "/shop/pager", "InstanceDown"), within_s=120)

        assert time.monotonic() - died_s < 120
        assert _rules_of(watching, "batch") == before
        assert not [got for got in sink.at("/batch") if "InstanceDown" in str(got.json)]
        assert {alert["labels"]["severity"] for alert in notified(sink, "/shop/pager", "Again")} == {"critical"}
        totals = watching.query('count by (service) (max_over_time(slo:sli_total:per_second{slo="files"}[5m]))')
        assert sorted((labels["service"], count) for labels, count in totals) == [("batch", 1), ("shop", 1)]


def _rules_of(watching: Prometheus, name: str) -> list[tuple[str, str, str]]:
    """Return the rules of the file of the service *name*: their names, expressions and errors."""
    groups = [group for group in watching.get("rules")["groups"] if group["file"].endswith(f"/{name}.yaml")]
    return [(rule["name"], rule["query"], rule.get("lastError", "")) for group in groups for rule in group["rules"]]
