"""The routes of alerts, compared with ``amtool config routes test`` and a real Alertmanager."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from csg_otel.alerts import routing
from csg_otel.alerts.alertmanager import config
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.compilers import Options, compile_all
from csg_otel.alerts.escalations import SEVERITIES
from csg_otel.alerts.model import AlertSpec
from support.alertmanager import Alertmanager
from support.notification_sinks import HttpSink, http_sink
from support.programs import eventually

Specified = Callable[..., AlertSpec]

LABELS: tuple[dict[str, str], ...] = (
    {},
    {"alertname": "Watchdog"},
    {"alertname": "InMaintenance", "job": "shop"},
    {"csg_escalation": "comes_back", "csg_escalated": "HighCpuUsage"},
    {"csg_escalation": "raised"},
    {"csg_escalation": "of another"},
    {"service": "another"},
    {"service": ""},
)


@pytest.mark.real("amtool")
@pytest.mark.parametrize("which", ["seed_file", "channels"])
def test_the_receivers_are_those_of_amtool(
    specified: Specified, catalog: Catalog, tmp_path: Path, request: pytest.FixtureRequest, which: str
) -> None:
    """The receivers equal amtool's for every severity, an unknown one, and labels of every kind."""
    spec = specified(request.getfixturevalue(which), shipped=True)
    file = tmp_path / config.FILE
    file.write_text(compile_all(spec, catalog, targets=("alertmanager",))[config.FILE])
    for severity in (*SEVERITIES, "unheard-of"):
        for more in LABELS:
            labels = {"service": spec.service, **more, "severity": severity}
            command = ["amtool", "config", "routes", "test", f"--config.file={file}"]
            arguments = [f"{name}={value}" for name, value in labels.items()]
            done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)
            ours = [route.receiver for route in routing.matching(spec, labels)]

            assert done.stdout.strip() == ",".join(ours), labels


def test_a_severity_as_target_means_the_channels_that_accept_it(specified: Specified) -> None:
    """The example's mails and webhook accept emergencies and are notified; its Slack does not."""
    slack = {"enabled": True, "webhook_url": "${SLACK_WEBHOOK_URL}", "severity_filter": ["warning", "critical"]}
    mail = {"enabled": True, "smtp_server": "smtp.example.com", "recipients": ["a@example.com"]}
    rule = {"name": "late", "condition": "time_based", "threshold": 15, "target": "emergency"}
    spec = specified({"notifications": {"slack": slack, "email": mail}, "escalation": {"rules": [rule]}})
    times = {route.receiver: route.when() for route in routing.matching(spec, {"severity": "critical"})}

    assert times == {"email": "at once", "slack": "at once", "emergency.email": "if it lasts 15m"}


# -- seen from outside: an Alertmanager that runs ------------------------------------------------------------------------


def quiet(http: str) -> dict[str, Any]:
    """Return a configuration with maintenance and with a window in which only critical alerts are notified, now."""
    webhook = {"enabled": True, "url": f"{http}/hook"}
    oncall = {"webhook": {"url": f"{http}/oncall", "headers": {}}}
    rules = [
        {
            "name": "always quiet",
            "condition": "time_window",
            "action": "suppress",
            "start": "00:00",
            "end": "24:00",
            "severity_filter": ["info", "warning"],
        },
        {"name": "always", "condition": "time_window", "target": "oncall", "start": "00:00", "end": "00:00"},
        {"name": "back", "condition": "retry_count", "threshold": 3, "target": "oncall"},
        {"name": "maintained", "condition": "maintenance_mode", "action": "suppress"},
    ]
    return {
        "alerting": {"aggregation_window": 10},
        "notifications": {"webhook": webhook},
        "escalation": {"rules": rules, "receivers": {"oncall": oncall}},
    }


def alert(name: str, severity: str, **labels: str) -> dict[str, Any]:
    """Return an alert that fires."""
    now = datetime.now(timezone.utc).isoformat()
    return {"labels": {"alertname": name, "severity": severity, **labels}, "startsAt": now}


@pytest.fixture(scope="module")
def arrived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HttpSink, Alertmanager]]:
    """The notifications of alerts that are muted, inhibited, escalated, or none of these."""
    from csg_otel.alerts import spec
    from csg_otel.config import load
    from csg_otel.exporters import prometheus

    folder = tmp_path_factory.mktemp("quiet")
    catalog = Catalog(series=prometheus.family_name, label=prometheus.label_name)
    with http_sink() as http:
        specification = spec.load(load(quiet(http.url), environ={}).config, catalog)
        (folder / "am.yaml").write_text(yaml.safe_dump(config.document(specification, Options())))
        with Alertmanager(folder / "am.yaml", folder) as running:
            here = {"job": "shop", "instance": "a"}
            alerts = [
                alert("InMaintenance", "info", **here),
                alert("Here", "critical", **here),
                alert("There", "critical", job="shop", instance="b"),
                alert("Nowhere", "critical"),
                alert("Muted", "warning"),
                alert("Back", "critical", csg_escalation="back", csg_escalated="There"),
            ]
            request = urllib.request.Request(
                f"http://{running.address}/api/v2/alerts",
                json.dumps(alerts).encode(),
                {"Content-Type": "application/json"},
            )
            urllib.request.urlopen(request, timeout=10).close()
            eventually(lambda: len(names(http, "hook")) >= 2 and len(names(http, "oncall")) >= 3, 20)
            yield http, running


def names(http: HttpSink, path: str) -> set[str]:
    """Return the names of the alerts that arrived at webhook *path*."""
    return {one["labels"]["alertname"] for got in http.at(f"/{path}") for one in got.json["alerts"]}


@pytest.mark.real("prometheus-alertmanager")
def test_maintenance_mutes_its_own_program_only(arrived: tuple[HttpSink, Alertmanager]) -> None:
    """Alerts of another instance and alerts without one arrive, and the maintenance alert itself does not."""
    http, running = arrived
    state = {one["labels"]["alertname"]: one["status"]["inhibitedBy"] for one in running.alerts()}

    assert names(http, "hook") == {"There", "Nowhere"}
    assert state.pop("Here")
    assert not any(state.values())


@pytest.mark.real("prometheus-alertmanager")
def test_a_time_window_mutes_its_severities_and_notifies_its_target(arrived: tuple[HttpSink, Alertmanager]) -> None:
    """A suppressed severity arrives nowhere, and the target of a window is notified during it."""
    http, _ = arrived

    assert "Muted" not in names(http, "hook")
    assert {"There", "Nowhere"} <= names(http, "oncall")


@pytest.mark.real("prometheus-alertmanager")
def test_a_returning_alert_notifies_its_target_only(arrived: tuple[HttpSink, Alertmanager]) -> None:
    """The other channels were notified of the alert itself, so the escalation notifies only its target."""
    http, _ = arrived

    assert "Back" in names(http, "oncall")
    assert "Back" not in names(http, "hook")
