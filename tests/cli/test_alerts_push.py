"""``csg-otel alerts push`` and ``alerts send``: their output, their requests, and their exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from csg_otel.alerts.text import HEADER
from support.alert_specs import rule
from support.alertmanager import Alertmanager
from support.datadog_api import datadog_api
from support.grafana_api import grafana_api
from support.programs import eventually
from support.prometheus import Prometheus


def alerts(*arguments: object, config: Path, **env: str) -> tuple[int, str, str]:
    """Run ``csg-otel alerts`` with the configuration and return its exit code, stdout and stderr."""
    done = subprocess.run(
        [sys.executable, "-m", "csg_otel", "alerts", *map(str, arguments), "--config", str(config)],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        timeout=60,
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A file with one rule of a service called shop, Datadog and Grafana."""
    account = {
        "enabled": True,
        "api_key": "${DD_API_KEY}",
        "app_key": "${DD_APP_KEY}",
        "api_url": "${DD_URL:-http://127.0.0.1:9}",
    }
    grafana = {"enabled": True, "dashboard_url": "${GRAFANA_URL:-http://127.0.0.1:9}", "api_key": "${GRAFANA_TOKEN}"}
    integrations = {"grafana": grafana, "external_monitoring": {"enabled": True, "datadog": account}}
    settings: dict[str, Any] = {
        "service": {"name": "shop"},
        "alerting": {"rules": [rule()]},
        "integrations": integrations,
    }
    file = tmp_path / "monitoring_config.yaml"
    file.write_text(json.dumps(settings))  # JSON is YAML
    return file


LOADED = "Completed loading of configuration file"
"""What Prometheus logs when it has read its files."""

DRY = "dry run: nothing was changed; run without --dry-run to make these changes\n"
"""The last line of a dry run."""

KEYS = {"DD_API_KEY": "api-k3y", "DD_APP_KEY": "app-k3y", "GRAFANA_TOKEN": "t0ken"}


def test_a_dry_run_prints_the_changes_that_the_push_then_makes_once(config: Path) -> None:
    """At both backends, the dry run changes nothing, the push everything, and a second push nothing."""
    with datadog_api() as datadog, grafana_api() as grafana:
        env = {**KEYS, "DD_URL": datadog.url, "GRAFANA_URL": grafana.url}
        code, planned, _ = alerts("push", "--no-shipped", "--dry-run", config=config, **env)
        assert (code, datadog.changes, grafana.changes) == (0, [], [])
        assert "+ datadog monitor [shop] high_cpu_usage" in planned
        assert planned.endswith(DRY)

        code, pushed, _ = alerts("push", "--no-shipped", config=config, **env)
        assert (code, pushed) == (0, planned.removesuffix(DRY))
        assert datadog.changes == ["POST /api/v1/monitor"]
        _, again, _ = alerts("push", "--no-shipped", config=config, **env)
        assert "datadog: 0 to create, 0 to update, 0 to remove, 1 unchanged" in again
        assert "grafana: 0 to create, 0 to update, 0 to remove, 4 unchanged" in again


def test_a_backend_that_is_not_there_is_an_error_with_its_address(config: Path) -> None:
    """The error is one line on stderr with exit code 1, and contains no key."""
    code, _, problem = alerts("push", "--target", "datadog", config=config, **KEYS)

    assert code == 1
    assert problem.startswith("GET http://127.0.0.1:9/api/v1/slo: ConnectionRefusedError")
    assert "k3y" not in problem


def test_a_push_without_a_backend_says_how_to_give_one(tmp_path: Path) -> None:
    """The error lists the options and settings that name a backend."""
    file = tmp_path / "c.yaml"
    file.write_text(json.dumps({"alerting": {"rules": [rule()]}}))
    code, _, problem = alerts("push", config=file)

    assert code == 1
    assert "no backend to push to: give --prometheus-url and --prometheus-file" in problem


def with_channels(config: Path, **webhook: Any) -> None:
    """Add two channels, whose secrets are in variables, to the file *config*."""
    settings = json.loads(config.read_text())
    settings["notifications"] = {
        "channels": [
            {"name": "people", "type": "slack", "webhook_url": "${PEOPLE}"},
            {"name": "hook", "type": "webhook", "url": "http://127.0.0.1:9", "headers": {"X-Token": "Bearer ${HOOK}"}},
        ]
    }
    settings["notifications"]["channels"][1]["headers"].update(webhook)
    config.write_text(json.dumps(settings))


def test_only_the_secrets_that_are_written_must_be_set(config: Path) -> None:
    """A dry run needs none, and a push those of the contact points that it writes; the rest is left alone."""
    with datadog_api() as datadog, grafana_api() as grafana:
        with_channels(config)
        env = {**KEYS, "DD_URL": datadog.url, "GRAFANA_URL": grafana.url}
        for target, variables in (("grafana", ["PEOPLE", "HOOK"]), ("datadog", ["HOOK"])):
            command = ("push", "--no-shipped", "--target", target)
            assert alerts(*command, "--dry-run", config=config, **env)[0] == 0
            code, _, problem = alerts(*command, config=config, **env)
            assert (code, [name for name in ("PEOPLE", "HOOK") if f"the variable {name} is not set" in problem]) == (
                1,
                variables,
            )
            assert "notifications.channels[1].headers.X-Token: the variable HOOK is not set" in problem
            assert (datadog.changes if target == "datadog" else grafana.changes) == []
            secrets = {"PEOPLE": "https://s.example/T", "HOOK": "s3cret"}
            assert alerts(*command, config=config, **env, **secrets)[0] == 0
            config.write_text(config.read_text().replace("CPU at", f"{target}: CPU at"))
            code, changed, problem = alerts(*command, config=config, **env)
            assert (code, problem, f"{target}: CPU at" in changed) == (0, "", True)
            assert alerts(*command, "--secrets", config=config, **env)[0] == 1


def test_an_account_is_needed_for_a_dry_run(config: Path) -> None:
    """Without the key of the account nothing is requested; the text of the file is no key."""
    for target, variable in (("datadog", "DD_API_KEY"), ("grafana", "GRAFANA_TOKEN")):
        code, _, problem = alerts("push", "--target", target, "--dry-run", config=config)
        assert (code, f"the variable {variable} is not set" in problem, "127.0.0.1" in problem) == (1, True, False)


def test_rules_and_routes_need_no_secret(config: Path, tmp_path: Path) -> None:
    """The files of Prometheus and Alertmanager contain none; only a header whose scheme is unknown decides the file."""
    for name in ("prometheus", "alertmanager"):
        file = tmp_path / f"{name}.yaml"
        command = ("push", "--target", name, f"--{name}-url", "http://127.0.0.1:9", f"--{name}-file", file, "--dry-run")
        with_channels(config, Authorization="Bearer ${AUTH}")
        assert alerts(*command, config=config)[0] == 0
        for header in ("${AUTH}", "Basic ${AUTH}"):
            with_channels(config, Authorization=header)
            code, _, problem = alerts(*command, config=config)
            assert (code, "the variable AUTH is not set" in problem) == (
                (1, True) if name == "alertmanager" else (0, False)
            )


@pytest.mark.real("prometheus")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_push_that_a_signal_ends_restores_the_file(number: signal.Signals, tmp_path: Path) -> None:
    """While it waits for Prometheus, which does not read this file, the old file is restored and reloaded."""
    config, file = tmp_path / "c.yaml", tmp_path / "rules.yaml"
    config.write_text(json.dumps({"service": {"name": "shop"}, "alerting": {"rules": [rule()]}}))
    old = f'# {HEADER}\n# service: "shop"\ngroups: []\n'
    file.write_text(old)
    with Prometheus((), tmp_path / "prometheus") as server:
        loads = server.log.count(LOADED)
        command = [sys.executable, "-m", "csg_otel", "alerts", "push", "--config", str(config), "--no-shipped"]
        command += ["--prometheus-url", server.url, "--prometheus-file", str(file)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as push:
            eventually(lambda: server.log.count(LOADED) == loads + 1)
            written = file.read_text()
            push.send_signal(number)
            code = push.wait(60)

        assert (code, file.read_text()) == (128 + number, old)
        assert "HighCpuUsage" in written
        assert server.log.count(LOADED) == loads + 2


@pytest.mark.real("prometheus-alertmanager")
def test_an_alert_is_sent_and_resolved_by_the_same_words(tmp_path: Path) -> None:
    """Alertmanager has the alert with its details, and none after --resolve."""
    routes, file = tmp_path / "am.yml", tmp_path / "c.yaml"
    routes.write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    words = ["backup_failed", "--severity", "critical", "--message", "none since {{ Monday", "--detail", "host=a=b"]
    with Alertmanager(routes, tmp_path / "am") as server:
        file.write_text(
            json.dumps({"service": {"name": "shop"}, "alerting": {"alertmanagers": [f"http://{server.address}"]}})
        )
        code, output, _ = alerts("send", *words, config=file)
        (found,) = server.alerts()

        assert (code, found["labels"]["csg_event_id"] in output) == (0, True)
        assert found["annotations"] == {"summary": "none since {{ Monday", "detail_host": "a=b"}
        assert alerts("send", *words, "--resolve", config=file)[0] == 0
        assert server.alerts() == []


def test_an_alert_that_no_destination_accepts_is_exit_code_one(tmp_path: Path) -> None:
    """The error names the destination; without any destination it names the setting."""
    file = tmp_path / "c.yaml"
    file.write_text("{}")
    code, _, problem = alerts("send", "x", "--message", "m", "--alertmanager", "http://127.0.0.1:9", config=file)
    assert (code, "alertmanager 127.0.0.1:9: not accepted" in problem) == (1, True)

    code, _, problem = alerts("send", "x", "--message", "m", config=file)
    assert (code, "set alerting.alertmanagers" in problem) == (1, True)
