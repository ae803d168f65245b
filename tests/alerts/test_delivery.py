"""
From a gauge of a real program to the people: real Prometheus, real Alertmanager, the relay, a mail server and webhooks.

One run shows it all: what Debian has, and the newest where it is built, watch the same program at the same time.
"""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from csg_otel.alerts import spec
from csg_otel.alerts.alertmanager import config
from csg_otel.alerts.catalog import Catalog
from csg_otel.alerts.compilers import Options, compile_all
from csg_otel.config import load
from csg_otel.exporters import prometheus
from csg_otel.names import Metric
from support import newest
from support.alertmanager import Alertmanager
from support.notification_sinks import HttpSink, MailSink, Request, http_sink, mail_sink
from support.programs import Program, eventually
from support.prometheus import Prometheus
from support.servers import free_port

pytestmark = pytest.mark.real("prometheus", "prometheus-alertmanager")

PASSWORD = "canary-mail pa55"
ESCALATES_AFTER_S = 15

PROGRAM = """
    import sys, csg_otel
    load = csg_otel.gauge("engine.load", attributes=("kind",))
    telemetry = csg_otel.instrument(exporters=["prometheus"], health_monitoring__enabled=False)
    print(telemetry.url, flush=True)
    for line in sys.stdin:
        kind, value = line.split()
        load.set(float(value), {"kind": kind})
"""

HOSTILE = (
    '{{ .Labels }} {{ $value }} {{ template "email.default.html" . }}',
    "{{",
    "}} {{{ and }}}",
    "quotes ' \" ` and \\ backslashes \\n \\u0041",
    "<script>alert(1)</script> <!channel> <http://evil.example|click> &amp;",
    "first line\nsecond: line\n  - third",
    "$(reboot) `reboot` $HOME %s %d %n",
    "*bold* _italic_ ~gone~ :fire: @here #general",
    "日本語 ünïcödé 🚨 \u202eright to left",
    "{nope} {labels} {value:x} yaml: [a, b] # no comment | > & * ! 'x'",
)
"""Messages that would be something else if anything on the way took them for more than text."""

KINDS = {"cpu": "warning", "note": "info", "lasting": "critical", "brief": "critical", "silenced": "critical"}


def configuration(name: str, http: str, smtp_port: int) -> dict[str, Any]:
    """Return the configuration of the world *name*."""
    messages = [(kind, kind, severity, f"{kind} is at {{value}}") for kind, severity in KINDS.items()]
    messages += [(f"hostile_{at}", "hostile", "warning", text) for at, text in enumerate(HOSTILE)]
    rules = [
        {
            "name": rule,
            "metric": "engine.load",
            "filters": {"kind": kind},
            "condition": ">",
            "threshold": 85,
            "severity": severity,
            "message": message,
            "runbook_url": f"https://runbooks.example.com/{rule}",
        }
        for rule, kind, severity, message in messages
    ]
    mail = {"enabled": True, "smtp_server": "127.0.0.1", "smtp_port": smtp_port, "use_tls": False}
    login = {"username": "mailer", "password": "${MAIL}", "from_email": "alerts@example.com"}
    return {
        "alerting": {"aggregation_window": 10, "rules": rules},
        "notifications": {
            "email": {
                **mail,
                **login,
                "recipients": [f"ops@{name}.example"],
                "severity_filter": ["warning", "critical"],
            },
            "slack": {"enabled": True, "webhook_url": "${SLACK}", "channel": "#a", "severity_filter": ["warning"]},
            "webhook": {
                "enabled": True,
                "url": f"{http}/{name}/hook",
                "headers": {"Authorization": "Bearer ${TOKEN}", "X-Team": "ops", "X-Api-Key": "${KEY}"},
            },
            "pagerduty": {"enabled": True, "integration_key": "${KEY}", "severity_filter": ["critical"]},
        },
        "escalation": {
            "rules": [
                {"name": "late", "condition": "time_based", "threshold": ESCALATES_AFTER_S / 60, "target": "emergency"}
            ],
            "receivers": {
                "emergency": {
                    "email": {"recipients": [f"boss@{name}.example"]},
                    "webhook": {"url": f"{http}/{name}/emergency", "method": "PUT", "timeout": 5},
                }
            },
        },
    }


@dataclass
class World:
    """One generation of Prometheus and Alertmanager, and the notifications that arrived from it."""

    name: str
    alertmanager: Alertmanager
    prometheus: Prometheus
    http: HttpSink
    mail: MailSink

    def hook(self, path: str, alert: str, status: str = "firing") -> list[dict[str, Any]]:
        """Return the alerts of this name and status that arrived at webhook *path*."""
        alerts = [one for got in self.http.at(f"/{self.name}/{path}") for one in got.json["alerts"]]
        return [one for one in alerts if (one["labels"]["alertname"], one["status"]) == (alert, status)]

    def mails(self, who: str, subject: str) -> list[str]:
        """Return the texts of mails to *who* whose subject contains *subject*."""
        mails = [mail for mail in self.mail.to(f"{who}@{self.name}.example") if subject in str(mail["Subject"])]
        texts = [mail.get_body(("plain",)) for mail in mails]
        return [text.get_content().replace("\r\n", "\n") for text in texts if text is not None]

    def slack(self, title: str) -> list[dict[str, Any]]:
        """Return the attachments in Slack whose title contains *title*."""
        attachments = [got.json["attachments"][0] for got in self.http.at(f"/{self.name}/slack")]
        return [one for one in attachments if title in one["title"]]

    def first(self, path: str) -> Request:
        """Return the first request to webhook *path*."""
        return self.http.at(f"/{self.name}/{path}")[0]


GENERATIONS: dict[str, tuple[tuple[int, int], tuple[int, int], Callable[[str], str | None]]] = {
    "debian": ((2, 42), (0, 25), lambda name: {"alertmanager": "prometheus-alertmanager"}.get(name, name)),
    "newest": ((3, 16), (0, 34), newest.find),
}


@contextmanager
def world(name: str, target: str, http: HttpSink, mail: MailSink, folder: Path) -> Iterator[World]:
    """Compile the configuration for a generation and run it, watching *target*."""
    prometheus_version, alertmanager_version, program = GENERATIONS[name]
    folder.mkdir()
    (folder / "monitoring_config.yaml").write_text(json.dumps(configuration(name, http.url, mail.port)))
    environ = {"MAIL": PASSWORD, "SLACK": f"{http.url}/{name}/slack", "TOKEN": "canary-token", "KEY": "canary-key"}
    relay = f"127.0.0.1:{free_port()}"
    options = Options(prometheus_version, alertmanager_version, str(folder / "secrets"), f"http://{relay}")
    load_gauge = Metric("engine.load", "gauge", "", "", ("kind",))
    catalog = Catalog([load_gauge], series=prometheus.family_name, label=prometheus.label_name)
    loaded = load(folder / "monitoring_config.yaml", environ=environ)
    specification = spec.load(loaded.config, catalog, locate=loaded.problem)
    for file, text in compile_all(specification, catalog, options, ("prometheus", "alertmanager")).items():
        (folder / file).write_text(text)
    (folder / "secrets").mkdir()
    for secret in config.secret_files(specification, options):
        (folder / "secrets" / secret.name).write_text(secret.content())
    to_sink = yaml.safe_load((folder / config.FILE).read_text())
    next(one for one in to_sink["receivers"] if one["name"] == "pagerduty")["pagerduty_configs"][0]["url"] = (
        f"{http.url}/{name}/pager"
    )
    (folder / "to-sink.yaml").write_text(yaml.safe_dump(to_sink))
    command = [sys.executable, "-m", "csg_otel", "alerts", "relay", "--no-shipped", "--listen", relay]
    app = folder / "engine.py"
    app.write_text('import csg_otel\nload = csg_otel.gauge("engine.load", attributes=("kind",))\n')
    with ExitStack() as running:
        relaying = running.enter_context(Program([*command, "--app", "engine"], folder, environ))
        manager = running.enter_context(
            Alertmanager(folder / "to-sink.yaml", folder / "am", str(program("alertmanager")))
        )
        relaying.line_with("^relay at")
        watching = running.enter_context(
            Prometheus(
                [target],
                folder / "prom",
                rules=[folder / "prometheus-rules.yaml"],
                alertmanager=manager.address,
                program=str(program("prometheus")),
            )
        )
        yield World(name, manager, watching, http, mail)


def play(worlds: list[World], set_load: Callable[[str, int], None]) -> None:
    """Let everything fire, end one alert early, silence another, and wait for the escalation and for the end of the others."""

    def everywhere(check: Callable[[World], Any], within_s: float) -> None:
        eventually(lambda: all(check(one) for one in worlds), within_s)

    for kind in (*KINDS, "hostile"):
        set_load(kind, 90)
    everywhere(lambda one: one.hook("hook", "Brief") and one.hook("hook", "Silenced"), 30)
    set_load("brief", 0)
    for one in worlds:
        one.alertmanager.silence("Silenced")
    everywhere(lambda one: one.hook("emergency", "Lasting") and one.mails("boss", "ESCALATED"), ESCALATES_AFTER_S + 20)
    for kind in ("cpu", "lasting"):
        set_load(kind, 0)
    everywhere(lambda one: one.hook("hook", "Cpu", "resolved") and one.mails("ops", "RESOLVED] warning: Cpu"), 40)
    everywhere(lambda one: one.slack("RESOLVED] warning: Cpu") and one.hook("emergency", "Lasting", "resolved"), 40)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, World]]:
    """The notifications of each generation; the newest only if it is built."""
    folder = tmp_path_factory.mktemp("delivery")
    names = [
        name for name in GENERATIONS if name == "debian" or (newest.find("alertmanager") and newest.find("prometheus"))
    ]
    with ExitStack() as running:
        http = running.enter_context(http_sink())
        mail = running.enter_context(mail_sink("mailer", PASSWORD))
        program = running.enter_context(Program(textwrap.dedent(PROGRAM), folder))
        target = program.line().removeprefix("http://")
        generations = {name: running.enter_context(world(name, target, http, mail, folder / name)) for name in names}

        def set_load(kind: str, value: int) -> None:
            assert program.process.stdin is not None
            program.process.stdin.write(f"{kind} {value}\n")
            program.process.stdin.flush()

        play(list(generations.values()), set_load)
        yield generations


@pytest.fixture(params=GENERATIONS)
def notified(request: pytest.FixtureRequest, worlds: dict[str, World]) -> World:
    """The generations, one after the other."""
    if request.param not in worlds:
        newest.need("alertmanager")
        newest.need("prometheus")
    return worlds[request.param]


def test_a_gauge_above_its_threshold_notifies_every_channel(notified: World) -> None:
    """Mail over SMTP AUTH, Slack and the webhook get the summary with its value, the severity, the runbook and the labels."""
    (text,) = notified.mails("ops", "[FIRING] warning: Cpu")
    (attachment,) = notified.slack("[FIRING] warning: Cpu")
    (alert,) = notified.hook("hook", "Cpu")

    for message in (text, attachment["text"]):
        assert message.startswith("cpu is at 90\nSeverity: warning\nSince: 20")
        assert "\nRunbook: https://runbooks.example.com/cpu\n" in message
        assert "\nkind = cpu\n" in message
    assert alert["annotations"]["summary"] == "cpu is at 90"
    assert {account for account, _, _ in notified.mail.mails} == {"mailer"}


def test_each_channel_gets_its_severities_only(notified: World) -> None:
    """The webhook gets all alerts, mails no info, Slack only warnings, pages only critical ones."""
    assert notified.hook("hook", "Note")
    assert notified.mails("ops", "Lasting")
    assert not notified.mails("ops", "Note")
    assert {one["title"].split("] ")[1].split(":")[0] for one in notified.slack("")} == {"warning"}
    pages = [got.json for got in notified.http.at(f"/{notified.name}/pager")]
    assert {page["payload"]["severity"] for page in pages} == {"critical"}
    assert {page["routing_key"] for page in pages} == {"canary-key"}
    assert {"href": "https://runbooks.example.com/lasting", "text": "Runbook"} in [
        link for page in pages for link in page["links"]
    ]


def test_authorization_and_own_headers_arrive(notified: World) -> None:
    """Custom headers arrive from Alertmanager itself if it can send them, else through the relay."""
    got = notified.first("hook")

    assert (got.method, got.headers["Authorization"]) == ("POST", "Bearer canary-token")
    assert (got.headers["X-Team"], got.headers["X-Api-Key"]) == ("ops", "canary-key")
    sender = "csg-otel-alerts-relay" if notified.name == "debian" else "Alertmanager/"
    assert got.headers["User-Agent"].startswith(sender)


def test_another_method_goes_through_the_relay(notified: World) -> None:
    """A webhook with the method PUT gets the same JSON by PUT."""
    got = notified.first("emergency")

    assert (got.method, got.headers["Content-Type"]) == ("PUT", "application/json")
    assert got.json["alerts"][0]["labels"]["alertname"] == "Lasting"


def test_only_a_lasting_alert_escalates(notified: World) -> None:
    """An alert that ended in time and one that was silenced do not escalate, although both were notified first."""
    escalated = {
        one["labels"]["alertname"]
        for got in notified.http.at(f"/{notified.name}/emergency")
        for one in got.json["alerts"]
    }

    assert escalated == {"Lasting"}
    assert notified.hook("hook", "Brief")
    assert notified.hook("hook", "Lasting")
    (text,) = notified.mails("boss", "[ESCALATED] critical: Lasting")
    assert "lasting is at 90" in text


def test_the_end_of_an_alert_is_notified(notified: World) -> None:
    """Every channel that notified of the start, and the target of the escalation, notifies of the end."""
    (text,) = notified.mails("ops", "[RESOLVED] warning: Cpu")
    (attachment,) = notified.slack("[RESOLVED] warning: Cpu")

    assert text.startswith("RESOLVED: cpu is at 90\n")
    assert "\nUntil: 20" in text
    assert attachment["color"] == "good"
    assert notified.hook("emergency", "Lasting", "resolved")
    assert notified.hook("hook", "Brief", "resolved")


@pytest.mark.parametrize("at", range(len(HOSTILE)))
def test_hostile_messages_arrive_as_they_were_written(notified: World, at: int) -> None:
    """Mails, Slack (whose escapes make it show the text) and the webhook contain the messages unchanged."""
    name, message = f"Hostile{at}", HOSTILE[at]
    (alert,) = notified.hook("hook", name)
    (text,) = notified.mails("ops", f"[FIRING] warning: {name}")
    (attachment,) = notified.slack(f"[FIRING] warning: {name}")
    escaped = message.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

    assert alert["annotations"]["summary"] == message
    assert text.startswith(f"{message}\nSeverity: warning")
    assert attachment["text"].startswith(f"{escaped}\nSeverity: warning")
    assert attachment["mrkdwn_in"] == ["pretext"]
