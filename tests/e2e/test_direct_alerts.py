"""A program's own alerts with channels and nothing downstream: they reach people, survive outages, and the status is true."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import csg_otel
from csg_otel import sdk
from csg_otel.alerts.events import Event
from csg_otel.exporters.notified import Notified
from support.json_server import json_server
from support.notification_sinks import HttpSink, http_sink, mail_sink
from support.programs import eventually
from support.servers import free_port

TOKEN = "x9YcanaryT0ken77"
TWO_LINES = (
    "import csg_otel; alerts = csg_otel.AlertingService(); alerts.start()\n"
    "alerts.send_alert(csg_otel.Alert('backup_failed', 'critical', 'no backup since Monday'))\n"
)

Started = Callable[..., csg_otel.AlertingService]


@pytest.fixture
def sink() -> Iterator[HttpSink]:
    """A stand-in of Slack and of a webhook."""
    with http_sink() as running:
        yield running


@pytest.fixture
def started() -> Iterator[Started]:
    """Start a service with channels; everything ends with the test."""

    def start(*, window: float = 1, **settings: Any) -> csg_otel.AlertingService:
        quiet = {"health_monitoring": {"enabled": False}, "system_monitoring": {"enabled": False}}
        config = {**quiet, "alerting": {"aggregation_window": window}, **settings}
        csg_otel.instrument("shop", config=config, handle_signals=False)
        service = csg_otel.AlertingService()
        service.start()
        return service

    yield start
    if (telemetry := sdk.current()) is not None:
        telemetry.shutdown(5)


def slack(url: str, **settings: Any) -> dict[str, Any]:
    """Return notifications by Slack at *url*."""
    return {"slack": {"enabled": True, "webhook_url": csg_otel.config.Secret(f"{url}/services/{TOKEN}"), **settings}}


def alert(message: Any = "it broke", level: str = "critical", **more: Any) -> csg_otel.Alert:
    """Return an alert."""
    return csg_otel.Alert("custom_alert", level, message, **more)


def state(service: csg_otel.AlertingService, name: str = "slack") -> dict[str, Any]:
    """Return what the service says of a channel."""
    return dict(service.get_notification_status()["channels"][name])


def texts(sink: HttpSink) -> list[str]:
    """Return the texts that arrived in Slack."""
    return [got.json["attachments"][0]["text"] for got in sink.requests]


def run(folder: Path, source: str, url: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a program whose only setting is the URL of Slack's webhook."""
    env = {key: value for key, value in os.environ.items() if not key.startswith(("XDG", "SLACK"))}
    env |= {"HOME": str(folder), "SLACK_WEBHOOK_URL": url, "PROMETHEUS_PORT": "0", **variables}
    return subprocess.run(
        [sys.executable, "-c", source], cwd=folder, env=env, timeout=60, capture_output=True, text=True
    )


def test_two_lines_and_a_variable_reach_slack(sink: HttpSink, tmp_path: Path) -> None:
    """A script that sends and ends at once waits for no window; the same alert again is no second notification."""
    for _ in range(2):
        done = run(tmp_path, TWO_LINES, f"{sink.url}/services/{TOKEN}")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    (got,) = sink.requests

    assert (got.method, got.path) == ("POST", f"/services/{TOKEN}")
    assert got.json["attachments"][0]["title"] == "[FIRING] critical: backup_failed"
    assert got.json["attachments"][0]["text"].startswith("no backup since Monday\n")


def test_a_process_that_ends_in_an_outage_leaves_its_alert_to_the_next(tmp_path: Path) -> None:
    """It is on disk without a secret, the log says so, and the next start delivers it once."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/services/{TOKEN}"
    ended = run(tmp_path, TWO_LINES.replace("no backup", f"token {TOKEN}, no backup"), url)
    files = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())

    assert ended.returncode == 0
    assert "1 items not delivered to" in ended.stderr
    assert b"backup_failed" in files
    assert TOKEN.encode() not in files + ended.stderr.encode()
    with http_sink(port) as sink:
        for _ in range(2):
            run(tmp_path, "import csg_otel; csg_otel.instrument()", url)
        (text,) = texts(sink)
    assert "no backup since Monday" in text
    assert TOKEN not in text


def test_an_alert_waits_for_its_channel_not_for_its_address(tmp_path: Path) -> None:
    """A corrected URL gets it, in the same service and environment only; each alert arrives once."""
    start, wrong = "import csg_otel; csg_otel.instrument()", f"http://127.0.0.1:{free_port()}/service/{TOKEN}"
    shop = {"OTEL_SERVICE_NAME": "shop", "CSG_OTEL_ENVIRONMENT": "production"}
    run(tmp_path, TWO_LINES, wrong, **shop)
    with http_sink() as sink:
        right = f"{sink.url}/services/{TOKEN}"
        for other in ({"OTEL_SERVICE_NAME": "till"}, {**shop, "CSG_OTEL_ENVIRONMENT": "staging"}, {}):
            run(tmp_path, start, right, **other)
        strangers = list(sink.requests)
        for _ in range(2):
            run(tmp_path, start, right, **shop)

    assert strangers == []
    assert [text.split("\n")[0] for text in texts(sink)] == ["no backup since Monday"]


def test_alerts_for_a_channel_that_is_gone_are_reported_and_sent_to_no_other(sink: HttpSink, tmp_path: Path) -> None:
    """One line at the start says how many wait for which, and where; also if no channel is left, and for a nameless program."""
    start, url = "import csg_otel; csg_otel.instrument()", f"http://127.0.0.1:{free_port()}/service/{TOKEN}"
    (tmp_path / "monitoring_config.yaml").write_text("{}")
    run(tmp_path, TWO_LINES, url)
    other = run(tmp_path, start, f"{sink.url}/services/{TOKEN}")
    none = run(tmp_path, start, "")
    of_another = run(tmp_path, start, "", OTEL_SERVICE_NAME="till")

    for ended in (other, none):
        assert "1 alerts wait on disk for channel slack at http://127.0.0.1:" in ended.stderr
        assert "which is no longer configured; they are sent when it is configured again" in ended.stderr
        assert TOKEN not in ended.stderr
    assert "wait on disk" not in of_another.stderr
    assert not sink.requests


def test_the_status_is_true_before_in_and_after_an_outage(started: Started, caplog: pytest.LogCaptureFixture) -> None:
    """Waiting with its reason while Slack is down; delivered once when it is up; nothing that can be printed has the secret."""
    port = free_port()
    service = started(notifications=slack(f"http://127.0.0.1:{port}"))
    before = state(service)
    sent = service.send_alert(alert())
    eventually(lambda: state(service)["state"] == "down")
    during = state(service)

    assert (before["notified_by"], before["queue_size"], before["last_success"]) == ("csg-otel", 0, None)
    assert (bool(sent), sent.reason) == (True, "")
    assert (during["queue_size"], during["delivered"], during["last_success"]) == (1, 0, None)
    assert during["last_failure"]
    assert "refused" in during["last_error"].lower()
    assert service.get_notification_status()["queue_size"] == 1
    with http_sink(port) as sink:
        eventually(lambda: state(service)["queue_size"] == 0)
        after = state(service)
        sent.resolve()
        eventually(lambda: len(sink.requests) == 2)
        first, second = texts(sink)
    assert (after["state"], after["delivered"]) == ("ok", 1)
    assert after["last_success"] >= during["last_failure"]
    assert first.startswith("it broke\n")
    assert second.startswith("RESOLVED: it broke\n")
    printed = caplog.text + json.dumps(service.get_notification_status()) + repr(sdk.current())
    assert TOKEN not in printed


def test_severity_filters_hold_and_a_severity_that_no_channel_takes_is_false(
    started: Started, sink: HttpSink, caplog: pytest.LogCaptureFixture
) -> None:
    """The handle says which severities are taken, also where a destination of logs has the event; one warning is logged."""
    otlp = [{"name": "o", "endpoint": "http://127.0.0.1:9", "protocol": "http/protobuf"}]
    channels = slack(sink.url, severity_filter=["critical"])
    service = started(notifications=channels, exporters={"otlp": otlp})
    quiet = [service.send_alert(alert(level="info")) for _ in range(2)]
    loud = service.send_alert(alert())
    eventually(lambda: len(sink.requests) == 1)

    assert [bool(one) for one in (*quiet, loud)] == [False, False, True]
    assert quiet[0].reason == "no channel takes the severity 'info' (slack takes critical)"
    assert sum("reaches no person" in record.message for record in caplog.records) == 1
    assert state(service)["severity_filter"] == ["critical"]


def test_alerts_within_the_window_are_one_notification(started: Started, sink: HttpSink) -> None:
    """The first ones after the short wait together, later ones of the group at the end of the window; another group sooner."""
    service = started(window=20, notifications=slack(sink.url))
    began = time.monotonic()
    for number in range(5):
        service.send_alert(alert(f"first {number}"))
    eventually(lambda: len(sink.requests) == 1)
    first_s = time.monotonic() - began
    service.send_alert(alert("later"))
    service.send_alert(csg_otel.Alert("other", "critical", "another name"))
    eventually(lambda: len(sink.requests) == 2)
    second_s = time.monotonic() - began

    assert sink.requests[0].json["attachments"][0]["title"] == "[FIRING 5] critical: custom_alert"
    assert all(f"first {number}" in texts(sink)[0] for number in range(5))
    assert first_s < second_s < 20
    assert "another name" in texts(sink)[1]
    assert "later" in texts(sink)[1]
    service.send_alert(alert("at last"))
    telemetry = sdk.current()
    assert telemetry is not None
    telemetry.shutdown(5)
    assert "at last" in texts(sink)[2]


def test_a_flood_of_alerts_is_one_notification(started: Started, sink: HttpSink) -> None:
    """Nine hundred in a loop are one notice to people; its title has their number, and what comes later waits."""
    service = started(window=30, notifications=slack(sink.url))
    for number in range(900):
        service.send_alert(alert(f"number {number}"))
    eventually(lambda: sink.requests)
    service.send_alert(alert("later"))
    eventually(lambda: state(service)["queue_size"] == 1)

    assert [got.json["attachments"][0]["title"] for got in sink.requests] == ["[FIRING 900] critical: custom_alert"]
    assert state(service)["delivered"] == 900


def test_an_alertmanager_leaves_no_channel_to_this_package(started: Started, sink: HttpSink) -> None:
    """No doubles: the channel is Alertmanager's, and nothing is sent to it."""
    alerting = {"aggregation_window": 1, "alertmanagers": ["http://127.0.0.1:9"]}
    service = started(notifications=slack(sink.url), alerting=alerting)
    service.send_alert(alert())
    assert state(service)["notified_by"] == "Alertmanager"
    assert [name for name in service.get_notification_status()["destinations"] if "channel" in name] == []
    telemetry = sdk.current()
    assert telemetry is not None
    telemetry.shutdown(2)
    assert not sink.requests


def test_mails_and_webhooks_and_named_channels_all_get_it(started: Started, sink: HttpSink) -> None:
    """Each by its own settings; one channel that is away delays no other."""
    with mail_sink("mailer", "canary-pa55") as mails:
        login = {"username": "mailer", "password": csg_otel.config.Secret("canary-pa55"), "from_email": "a@example.com"}
        server = {"smtp_server": "127.0.0.1", "smtp_port": mails.port, "use_tls": False, **login}
        hook = {"name": "team hook", "type": "webhook", "url": f"{sink.url}/hook", "title": "x"}
        away = {"name": "away", "type": "discord", "webhook_url": csg_otel.config.Secret("http://127.0.0.1:9/x9Y")}
        service = started(
            notifications={
                "email": {"enabled": True, "recipients": ["ops@example.com", "Boss <boss@example.com>"], **server},
                "channels": [hook, away],
            }
        )
        sent = service.send_alert(alert("ünïcödé 日本語\n.dot"))
        eventually(lambda: mails.mails and sink.at("/hook"))
        (mail,) = mails.to("ops@example.com")
        text = mail.get_content().replace("\r\n", "\n")
        (posted,) = sink.at("/hook")

        assert mails.mails[0][1] == ["ops@example.com", "boss@example.com"]
        assert (mail["Subject"], mail["From"]) == ("[FIRING] critical: custom_alert", "a@example.com")
        assert text.startswith("ünïcödé 日本語\n.dot\nAlert: custom_alert\n")
        assert posted.json["receiver"] == "shop.team hook"
        assert posted.json["alerts"][0]["labels"]["csg_event_id"] == sent.id
        assert state(service, "away")["queue_size"] == 1


def test_a_recipient_that_the_mail_server_refuses_is_named_by_its_setting(
    started: Started, caplog: pytest.LogCaptureFixture
) -> None:
    """The others get the mail; an address is personal data, so the log has its place in the configuration."""
    with mail_sink("mailer", "canary-pa55", refuses="gone@example.com") as mails:
        login = {"username": "mailer", "password": csg_otel.config.Secret("canary-pa55"), "from_email": "a@example.com"}
        server = {"smtp_server": "127.0.0.1", "smtp_port": mails.port, "use_tls": False, **login}
        recipients = ["ops@example.com", "Left <Gone@example.com>"]
        service = started(notifications={"email": {"enabled": True, "recipients": recipients, **server}})
        service.send_alert(alert())
        eventually(lambda: state(service, "email")["delivered"] == 1)

    assert mails.to("ops@example.com")
    assert "channel shop.email: the mail server refuses notifications.email.recipients[1]" in caplog.text


def test_routes_lead_alerts_to_their_channels(started: Started, sink: HttpSink) -> None:
    """As the compiled configuration does it: the first route that matches counts."""
    hooks = [{"name": name, "type": "webhook", "url": f"{sink.url}/{name}"} for name in ("db", "rest")]
    routes = [{"match": {"alertname": {"matches": "db_.*"}}, "to": ["db"]}]
    service = started(notifications={"channels": hooks, "routes": routes})
    service.send_alert(csg_otel.Alert("db_down", "critical", "gone"))
    service.send_alert(alert())
    eventually(lambda: sink.at("/db") and sink.at("/rest"))

    assert [one["labels"]["alertname"] for got in sink.at("/db") for one in got.json["alerts"]] == ["db_down"]
    assert [one["labels"]["alertname"] for got in sink.at("/rest") for one in got.json["alerts"]] == ["custom_alert"]


def test_a_channel_that_no_alert_of_the_program_reaches_has_no_notifier(started: Started, sink: HttpSink) -> None:
    """One that only a route by team, an escalation or the watchdog leads to; a severity of the user's own leads to its own."""
    names = ("team", "late", "dead", "by name", "pager", "rest")
    hooks: list[dict[str, Any]] = [{"name": name, "type": "webhook", "url": f"{sink.url}/{name[0]}"} for name in names]
    hooks[4]["severity_filter"] = ["page"]
    routes = [
        {"match": {"team": "payments", "severity": "critical"}, "to": ["team"]},
        {"match": {"alertname": {"matches": "db_.*"}}, "to": ["by name"]},
    ]
    late = {"name": "late", "condition": "time_based", "threshold": 15, "action": "escalate", "target": "late"}
    service = started(
        alerting={"severities": ["page"]},
        notifications={"channels": hooks, "routes": routes, "watchdog": "dead"},
        escalation={"rules": [late]},
    )
    status = service.get_notification_status()
    notified_by = {name: status["channels"][name]["notified_by"] for name in names}

    assert notified_by == {**dict.fromkeys(names[:3]), **dict.fromkeys(names[3:], "csg-otel")}
    assert status["active_notifiers"] == list(names[3:])


def test_severities_of_the_users_own_are_delivered_and_routed(
    started: Started, sink: HttpSink, caplog: pytest.LogCaptureFixture
) -> None:
    """In any case; a word that is none is a false handle with the word that was meant, and one line in the log."""
    hooks = [
        {"name": "pager", "type": "webhook", "url": f"{sink.url}/pager", "severity_filter": ["page"]},
        {"name": "desk", "type": "webhook", "url": f"{sink.url}/desk"},
    ]
    routes = [{"match": {"severity": "ticket"}, "to": ["desk"]}]
    alerting = {"aggregation_window": 1, "severities": ["page", "ticket"]}
    service = started(alerting=alerting, notifications={"channels": hooks, "routes": routes})
    before = csg_otel.SystemMonitor().get_status()["alerts"]
    accepted = [service.send_alert(alert(level=level)) for level in ("PAGE", "ticket")]
    wrong = service.send_alert(alert(level="pgae"))
    telemetry = sdk.current()
    assert telemetry is not None
    telemetry.force_flush(5)
    after = csg_otel.SystemMonitor().get_status()["alerts"]

    assert [bool(one) for one in (*accepted, wrong)] == [True, True, False]
    assert wrong.reason.startswith("'pgae' is no severity (did you mean 'page'?); valid are info, ")
    assert wrong.reason in caplog.text
    assert [one["labels"]["severity"] for got in sink.at("/pager") for one in got.json["alerts"]] == ["page"]
    assert [one["labels"]["severity"] for got in sink.at("/desk") for one in got.json["alerts"]] == ["ticket"]
    assert after["active_alerts"] - before["active_alerts"] == after["warning_alerts"] - before["warning_alerts"] == 2


def test_an_alert_never_raises_where_an_exception_is_handled(started: Started, sink: HttpSink) -> None:
    """An exception as the message, and details without a text, reach people; so does an alert without a level or a number."""

    class Broken:
        def __str__(self) -> str:
            raise RuntimeError("no text")

    service = started(notifications=slack(sink.url))
    error = ValueError("disk is full")
    sent = service.send_alert(alert(error, details={"k": Broken(), Broken(): None}), ttl_s=math.nan)
    none = service.send_alert(alert(level=None, details=None))  # type: ignore[arg-type]
    eventually(lambda: sink.requests)

    assert (bool(sent), bool(none)) == (True, False)
    assert none.reason.startswith("'None' is no severity")
    assert texts(sink)[0].startswith("disk is full\n")
    assert "k: &lt;Broken&gt;" in texts(sink)[0]


@pytest.mark.parametrize("moment", [math.nan, math.inf, 1e15, "1e400", [], -1.0])
def test_a_moment_that_is_no_time_is_refused_when_the_alert_is_made(moment: Any) -> None:
    """So that it is not refused, or shown as another time, when it is sent."""
    with pytest.raises(ValueError, match="is no time; write Unix seconds or ISO 8601"):
        alert(timestamp=moment)


def test_the_command_sends_to_channels_and_says_where(sink: HttpSink, tmp_path: Path) -> None:
    """The first run notifies, the second says that it does not; a severity that no channel takes is exit code 1."""
    file = tmp_path / "monitoring_config.yaml"
    file.write_text("alerting: {severities: [page]}\nnotifications: {slack: {severity_filter: [warning, page]}}\n")
    command = "import sys; from csg_otel.cli import main; sys.exit(main(['alerts', 'send', 'x', '--message', 'm'{}]))"
    config = f", '--config', {str(file)!r}"
    url = f"{sink.url}/services/{TOKEN}"
    first, second = (run(tmp_path, command.format(config), url) for _ in range(2))
    none = run(tmp_path, command.format(config + ", '--severity', 'info'"), url)
    gone = run(tmp_path, command.format(config + ", '--detail', 'a=b'"), f"http://127.0.0.1:9/services/{TOKEN}")

    own, wrong = (run(tmp_path, command.format(f"{config}, '--severity', {word!r}"), url) for word in ("Page", "pgae"))
    off = run(tmp_path, command.format(config), url, CSG_OTEL_ALERTING_ENABLED="false")

    assert (first.returncode, second.returncode, none.returncode, gone.returncode) == (0, 0, 1, 1), first.stderr
    assert (own.returncode, wrong.returncode, off.returncode) == (0, 1, 1), own.stderr
    assert "--severity: 'pgae' is no severity (did you mean 'page'?)" in wrong.stderr
    assert "alerting.enabled is false" in off.stderr
    assert first.stdout.startswith("channel slack: accepted (")
    assert second.stdout.startswith("channel slack: was notified before, and is not again now (")
    assert none.stdout == "channel slack: takes no alert of severity info\n"
    assert "run the command again when it is up" in gone.stderr
    assert TOKEN not in gone.stderr
    assert [got.json["attachments"][0]["title"] for got in sink.requests] == ["[FIRING] warning: x", "[FIRING] page: x"]


def test_the_command_says_what_a_refusal_needs(tmp_path: Path) -> None:
    """A receiver that is up and refuses the alert does not take it later."""
    command = "import sys; from csg_otel.cli import main; sys.exit(main(['alerts', 'send', 'x', '--message', 'm']))"
    with json_server(lambda *_: (400, {"error": "no_text"})) as url:
        refused = run(tmp_path, command, f"{url}/services/{TOKEN}")

    assert refused.returncode == 1
    assert "the receiver refuses this alert" in refused.stderr
    assert "when it is up" not in refused.stderr


# -- what was notified ---------------------------------------------------------------------------------------------------

NOW_S = 1_800_000_000.0
EVENT = Event("backup_failed", "warning", "no space", "shop", NOW_S, until=NOW_S + 300)
OVER = EVENT.resolved(NOW_S + 60)


def due(record: Notified, *sent: Event, now_s: float = NOW_S, ends: bool = True) -> list[Event]:
    """Return what is due, and record it as notified."""
    events = record.due(sent, now_s, ends=ends)
    record.record(sent, events, now_s)
    return events


@pytest.mark.parametrize("on_disk", [True, False])
def test_an_active_alert_notifies_again_only_after_the_repeat_interval(tmp_path: Path, *, on_disk: bool) -> None:
    """Also in another process, if there is a folder; one that had ended and comes back notifies at once."""
    record = Notified(tmp_path if on_disk else None, "slack\nhttp://x", 4 * 3600)
    assert due(record, EVENT, EVENT) == [EVENT]
    again = Notified(tmp_path, "slack\nhttp://x", 4 * 3600) if on_disk else record
    longer = replace(EVENT, until=NOW_S + 90_000)
    assert due(again, longer, now_s=NOW_S + 200) == []
    assert due(again, longer, now_s=NOW_S + 4 * 3600) == [longer]
    later = replace(EVENT, at=NOW_S + 100_000, until=NOW_S + 100_300)
    assert due(again, later, now_s=NOW_S + 100_000) == [later]
    assert due(again, longer, now_s=NOW_S - 100) == [longer]  # a clock that was set back silences nothing


def test_the_end_of_an_alert_notifies_once(tmp_path: Path) -> None:
    """Not where ends are off, unless it is the only notice; an alert that comes back after its end is a new one."""
    record = Notified(tmp_path, "slack\nhttp://x", 4 * 3600)
    assert due(record, EVENT, OVER, ends=False) == [OVER]
    assert due(record, OVER) == []
    assert due(record, EVENT) == [EVENT]
    assert due(record, OVER) == [OVER]
    assert due(record, EVENT) == [EVENT]
    assert due(record, OVER, ends=False) == []


def test_a_damaged_record_costs_no_alert(tmp_path: Path) -> None:
    """Nor does a folder that can't be written."""
    record = Notified(tmp_path, "slack\nhttp://x", 4 * 3600)
    due(record, EVENT)
    (file,) = tmp_path.rglob("notified-*.json")
    for damage in (b"", b"{", b"[1]", b'{"a": 1}', b'{"a": [1, "x", 2]}'):
        file.write_bytes(damage)
        assert due(Notified(tmp_path, "slack\nhttp://x", 4 * 3600), EVENT) == [EVENT]
    assert due(Notified(Path("/proc/none"), "slack\nhttp://x", 4 * 3600), EVENT) == [EVENT]
