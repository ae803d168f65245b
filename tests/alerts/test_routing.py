"""Who is told, held against ``amtool config routes test`` and a real Alertmanager."""

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
from csg_otel.alerts.compilers import compile_all
from csg_otel.alerts.spec import SEVERITIES, AlertSpec
from support.alertmanager import Alertmanager
from support.programs import eventually
from support.told import HttpSink, http_sink

Specified = Callable[..., AlertSpec]

LABELS: tuple[dict[str, str], ...] = (
    {},
    {"alertname": "Watchdog"},
    {"alertname": "InMaintenance", "job": "shop"},
    {"csg_escalation": "comes_back", "csg_escalated": "HighCpuUsage"},
    {"csg_escalation": "raised"},
    {"csg_escalation": "of another", "service": "shop"},
)


@pytest.mark.real("amtool")
@pytest.mark.parametrize("which", ["seed_file", "channels"])
def test_it_says_what_amtool_says(
    specified: Specified, catalog: Catalog, tmp_path: Path, request: pytest.FixtureRequest, which: str
) -> None:
    """For every severity and one that is none, with labels of every kind."""
    spec = specified(request.getfixturevalue(which), shipped=True)
    file = tmp_path / config.FILE
    file.write_text(compile_all(spec, catalog, targets=("alertmanager",))[config.FILE])
    for severity in (*SEVERITIES, "unheard-of"):
        for more in LABELS:
            labels = {**more, "severity": severity}
            command = ["amtool", "config", "routes", "test", f"--config.file={file}"]
            given = [f"{name}={value}" for name, value in labels.items()]
            done = subprocess.run([*command, *given], capture_output=True, text=True, timeout=60)
            ours = [route.receiver for route in routing.matching(spec, labels)]

            assert done.stdout.strip() == ",".join(ours), labels


def test_a_severity_as_target_means_those_who_take_it(specified: Specified) -> None:
    """The seed names `emergency` and no receivers: its mails and its webhook take emergencies, its Slack does not."""
    slack = {"enabled": True, "webhook_url": "${SLACK_WEBHOOK_URL}", "severity_filter": ["warning", "critical"]}
    mail = {"enabled": True, "smtp_server": "smtp.example.com", "recipients": ["a@example.com"]}
    rule = {"name": "late", "condition": "time_based", "threshold": 15, "target": "emergency"}
    spec = specified({"notifications": {"slack": slack, "email": mail}, "escalation": {"rules": [rule]}})
    found = {route.receiver: route.when() for route in routing.matching(spec, {"severity": "critical"})}

    assert found == {"email": "at once", "slack": "at once", "emergency.email": "if it lasts 15m"}


# -- seen from outside: an Alertmanager that runs ------------------------------------------------------------------------


def quiet(http: str) -> dict[str, Any]:
    """Return a configuration with a window in which only what is critical is told, now, and with maintenance."""
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
def heard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HttpSink, Alertmanager]]:
    """What arrives of alerts that are muted, inhibited, escalated or none of it."""
    from csg_otel.alerts import spec
    from csg_otel.config import load
    from csg_otel.exporters import prometheus

    folder = tmp_path_factory.mktemp("quiet")
    catalog = Catalog(series=prometheus.family_name, label=prometheus.label_name)
    with http_sink() as http:
        found = spec.load(load(quiet(http.url), environ={}).config, catalog)
        (folder / "am.yaml").write_text(yaml.safe_dump(config.document(found, spec.Options())))
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
    """Return the names of the alerts that webhook *path* was told of."""
    return {one["labels"]["alertname"] for got in http.at(f"/{path}") for one in got.json["alerts"]}


@pytest.mark.real("prometheus-alertmanager")
def test_maintenance_mutes_the_program_that_says_so_and_nothing_else(heard: tuple[HttpSink, Alertmanager]) -> None:
    """Not another instance's alerts, and not those that have no instance; nobody is told of the maintenance itself."""
    http, running = heard
    state = {one["labels"]["alertname"]: one["status"]["inhibitedBy"] for one in running.alerts()}

    assert names(http, "hook") == {"There", "Nowhere"}
    assert state.pop("Here")
    assert not any(state.values())


@pytest.mark.real("prometheus-alertmanager")
def test_a_time_window_mutes_its_severities_and_tells_others(heard: tuple[HttpSink, Alertmanager]) -> None:
    """What is suppressed now is told to nobody; whom a window escalates to is told during it."""
    http, _ = heard

    assert "Muted" not in names(http, "hook")
    assert {"There", "Nowhere"} <= names(http, "oncall")


@pytest.mark.real("prometheus-alertmanager")
def test_what_comes_back_is_told_to_its_target_only(heard: tuple[HttpSink, Alertmanager]) -> None:
    """Those who are told at once have been told of the alert itself."""
    http, _ = heard

    assert "Back" in names(http, "oncall")
    assert "Back" not in names(http, "hook")
