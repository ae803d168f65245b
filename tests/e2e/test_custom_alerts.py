"""A program's own alerts against real Alertmanagers: they arrive, end, wait for one that is down, and outlive the process."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

import csg_otel
from csg_otel import sdk
from csg_otel.config import Secret
from csg_otel.exporters.delivery.destination import DestinationStatus
from csg_otel.privacy import active
from csg_otel.services import SentAlert
from support.alertmanager import Alertmanager
from support.datadog_api import datadog_api
from support.programs import HUNG_S

HOSTILE = [
    '{{ .Labels }} {{ template "x" }} {{',
    "${HOME} $(reboot) `id`",
    "<script>alert(1)</script> &amp; \"quotes\" 'single'",
    "line one\nline two\r\n\ttabbed",
    "'; DROP TABLE alerts; --",
    "@all @here <!channel> *bold* _x_",
    "\u202eevil\u202c \u200b zero width",
    "\U0001f4a5 ünïcödé 日本語",
    "%s %n %(name)s {value} {0} \\u0041 \\",
    "x" * 5000 + "]]>\x1b[31mred\x07",
]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """An Alertmanager's configuration that tells nobody."""
    file = tmp_path / "alertmanager.yml"
    file.write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    return file


@pytest.fixture
def server(config: Path, tmp_path: Path) -> Alertmanager:
    """An Alertmanager with an address; entering it starts it."""
    return Alertmanager(config, tmp_path / "am")


Started = Callable[..., csg_otel.AlertingService]


@pytest.fixture
def started() -> Iterator[Started]:
    """Start a service that sends to the Alertmanagers given; everything ends with the test."""

    def start(*addresses: str, **settings: Any) -> csg_otel.AlertingService:
        alerting = {"alertmanagers": [f"http://{address}" for address in addresses]}
        quiet = {"health_monitoring": {"enabled": False}, "system_monitoring": {"enabled": False}}
        csg_otel.instrument("shop", config={**quiet, "alerting": alerting, **settings}, handle_signals=False)
        service = csg_otel.AlertingService()
        service.start()
        return service

    yield start
    if (telemetry := sdk.current()) is not None:
        telemetry.shutdown(2)


def send(service: csg_otel.AlertingService, message: str = "it broke", **more: Any) -> SentAlert:
    """Send a warning."""
    ttl_s = more.pop("ttl_s", None)
    return service.send_alert(csg_otel.Alert("custom_alert", "WARNING", message, **more), ttl_s=ttl_s)


def seen(server: Alertmanager, wanted: int, within_s: float = HUNG_S) -> list[dict[str, Any]]:
    """Return the active alerts as soon as there are *wanted* of them."""
    deadline = time.monotonic() + within_s
    while len(found := server.alerts()) != wanted and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(found) == wanted, found
    return found


def books(server: Alertmanager) -> DestinationStatus:
    """Return what became of the alerts for *server*."""
    telemetry = sdk.current()
    assert telemetry is not None
    return telemetry.status()[f"alertmanager {server.address}"]


@pytest.mark.real("prometheus-alertmanager")
def test_an_alert_arrives_with_all_it_says_and_ends_when_it_is_resolved(server: Alertmanager, started: Started) -> None:
    """Labels, annotations and times are in Alertmanager's API; after resolve() the alert is gone."""
    with server:
        sent = send(started(server.address), details={"key": "value"}, timestamp=time.time() - 5)
        (found,) = seen(server, 1)

        assert sent
        assert found["labels"] == {
            "alertname": "custom_alert",
            "severity": "warning",
            "service": "shop",
            "csg_source": "send_alert",
            "csg_event_id": sent.id,
        }
        assert found["annotations"] == {"summary": "it broke", "detail_key": "value"}
        sent.resolve()
        seen(server, 0)


@pytest.mark.real("prometheus-alertmanager")
def test_ten_hostile_messages_arrive_verbatim(server: Alertmanager, started: Started) -> None:
    """Nothing of a message is run, escaped or lost; the same one twice is one alert."""
    with server:
        service = started(server.address)
        for message in (*HOSTILE, HOSTILE[0]):
            assert send(service, message)

        assert sorted(one["annotations"]["summary"] for one in seen(server, 10)) == sorted(HOSTILE)


@pytest.mark.real("prometheus-alertmanager")
def test_every_alertmanager_gets_it_and_a_dead_one_delays_nobody(
    server: Alertmanager, config: Path, tmp_path: Path, started: Started
) -> None:
    """Two live ones have it while a third refuses connections; sending took no time."""
    with server, Alertmanager(config, tmp_path / "other") as other:
        service = started(server.address, "127.0.0.1:9", other.address)
        active.scrubber().text("the first text builds the rules")
        began = time.monotonic()
        send(service)

        assert time.monotonic() - began < 5
        seen(server, 1)
        seen(other, 1)


@pytest.mark.real("prometheus-alertmanager")
def test_an_alertmanager_that_is_down_gets_it_later_as_it_was(server: Alertmanager, started: Started) -> None:
    """Sent into an outage, it arrives when the outage is over, begun when it began and still active."""
    service = started(server.address)
    at = math.floor(time.time()) - 3600
    send(service, timestamp=float(at))
    deadline = time.monotonic() + HUNG_S
    while (status := books(server)).state != "down" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert (status.state, status.spooled) == ("down", 1)

    with server:
        (found,) = seen(server, 1)
        assert found["startsAt"] == time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at))


@pytest.mark.real("prometheus-alertmanager")
def test_an_alert_outlives_its_process(server: Alertmanager, tmp_path: Path) -> None:
    """A program sends into an outage and ends; the next start of it delivers."""
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, csg_otel\n"
        "quiet = {'health_monitoring': {'enabled': False}, 'system_monitoring': {'enabled': False}}\n"
        f"config = {{**quiet, 'alerting': {{'alertmanagers': ['http://{server.address}']}}}}\n"
        "telemetry = csg_otel.instrument('shop', config=config)\n"
        "service = csg_otel.AlertingService(); service.start()\n"
        "if len(sys.argv) > 1:\n"
        "    service.send_alert(csg_otel.Alert('custom_alert', 'critical', 'last words'))\n"
        "else:\n"
        "    import time; deadline = time.monotonic() + 30\n"
        "    while not telemetry.status()['alertmanager "
        + server.address
        + "'].delivered and time.monotonic() < deadline:\n"
        "        time.sleep(0.05)\n"
    )
    done = subprocess.run([sys.executable, program, "send"], timeout=60, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

    with server:
        subprocess.run([sys.executable, program], timeout=60, check=True)
        (found,) = seen(server, 1)
        assert found["annotations"]["summary"] == "last words"


@pytest.mark.real("prometheus-alertmanager")
def test_an_alert_that_lasts_is_sent_again_until_it_is_resolved(
    server: Alertmanager, config: Path, tmp_path: Path, started: Started
) -> None:
    """An Alertmanager that has forgotten it is told again by the keep-alive; a resolved one is not sent again."""
    address = server.address
    service = started(address)
    with server:
        lasting, short = send(service, "lasts", ttl_s=math.inf), send(service, "short")
        seen(server, 2)
    with Alertmanager(config, tmp_path / "empty", address=address) as restarted:
        assert service.renew(time.time()) == 1
        (found,) = seen(restarted, 1)
        assert found["annotations"]["summary"] == "lasts"
        lasting.resolve()
        short.resolve()
        seen(restarted, 0)
    assert service.renew(time.time()) == 0


def test_datadog_gets_an_event_where_it_is_configured(started: Started) -> None:
    """With an account and its key, an alert and its end are two events."""
    with datadog_api() as account:
        datadog = {"enabled": True, "api_key": Secret("api-k3y"), "api_url": account.url}
        service = started(integrations={"external_monitoring": {"enabled": True, "datadog": datadog}})
        send(service).resolve()
        with account.arrived:
            assert account.arrived.wait_for(lambda: len(account.changes) == 2, 15)

        assert [one["alert_type"] for one in account.held["/api/v1/events"].values()] == ["warning", "success"]


def test_without_anybody_it_is_an_event_and_a_count(captured: Any) -> None:
    """No Alertmanager, no Datadog: the log record with all details, and one in csg.alerts.sent."""
    service = csg_otel.AlertingService(csg_otel.Config())
    service._active = True
    sent = send(service, details={"key": "value"})
    sent.resolve()
    sent.resolve()

    assert [(one.event_name, one.attributes["csg.alert.resolved"]) for one in captured.logs] == [
        ("csg.alert", False),
        ("csg.alert", True),
    ]
    assert captured.logs[0].attributes["csg.alert.details.key"] == "value"
    assert captured.values("csg.alerts.sent", "csg.result") == {"emitted": 1, "resolved": 1}


def test_a_service_that_was_not_started_takes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The handle is false, the log says why, and resolving it is nothing."""
    sent = send(csg_otel.AlertingService(csg_otel.Config()))
    sent.resolve()

    assert (bool(sent), sent.id) == (False, "")
    assert "call AlertingService.start() first" in caplog.text


def test_an_alert_that_reaches_no_person_is_not_accepted(started: Started, caplog: pytest.LogCaptureFixture) -> None:
    """Without any destination the handle is false with its reason, logged once."""
    service = started()
    first, second = send(service), send(service)

    assert not first and not second  # noqa: PT018 - both are the same
    assert first.reason == second.reason
    assert "no Alertmanager (alerting.alertmanagers)" in first.reason
    assert "no channel (notifications)" in first.reason
    assert sum("reaches no person" in record.message for record in caplog.records) == 1
    assert service.get_notification_status()["destinations"] == []
    first.resolve()


def test_a_destination_of_logs_gets_an_alert(started: Started) -> None:
    """An OTel event in a destination of logs is a way to people, so the alert is accepted."""
    service = started(
        exporters={"otlp": [{"name": "o", "endpoint": "http://127.0.0.1:9", "protocol": "http/protobuf"}]}
    )

    sent = send(service)
    assert (bool(sent), sent.reason) == (True, "")


@pytest.mark.real("prometheus-alertmanager")
def test_an_alert_may_be_sent_as_resolved(server: Alertmanager, started: Started) -> None:
    """As the guide's class has it: it ends the alert of the same content, renewed ones too, and no other."""
    with server:
        service = started(server.address)
        send(service, "gone", ttl_s=math.inf)
        send(service, "stays")
        seen(server, 2)
        sent = send(service, "gone", resolved=True, ttl_s=math.inf)
        (left,) = seen(server, 1)

        assert (bool(sent), left["annotations"]["summary"]) == (True, "stays")
        assert service.renew(time.time()) == 0


STATUS_OF_THE_GUIDE = (
    "processing_enabled",
    "queue_size",
    "total_notifications",
    "recent_notifications",
    "active_notifiers",
    "notification_configs",
)


def test_the_status_has_true_numbers_under_the_guides_names(started: Started) -> None:
    """Two alerts wait for a receiver that is down; one is over, and each alert and each end is a notification."""
    webhook, slack = {"enabled": True, "url": "http://127.0.0.1:9"}, {"enabled": False}
    service = started("127.0.0.1:9", notifications={"webhook": webhook, "slack": slack})
    system = csg_otel.SystemMonitor()
    before, alerts = service.get_notification_status(), system.get_status()["alerts"]
    first = send(service, "it waits")
    service.send_alert(csg_otel.Alert("other", "EMERGENCY", "worse"))
    first.resolve()
    after, now = service.get_notification_status(), system.get_status()["alerts"]
    grown = {key: after[key] - before[key] for key in ("queue_size", "total_notifications", "recent_notifications")}
    service.stop()

    assert grown == {"queue_size": 3, "total_notifications": 3, "recent_notifications": 3}
    assert (after["processing_enabled"], service.get_notification_status()["processing_enabled"]) == (True, False)
    assert (after["active_notifiers"], after["notification_configs"]) == (["webhook"], 1)
    assert set(STATUS_OF_THE_GUIDE) <= after.keys()
    assert now["total_alerts"] - alerts["total_alerts"] == 2
    assert now["active_alerts"] - alerts["active_alerts"] == now["critical_alerts"] - alerts["critical_alerts"] == 1
    assert now["warning_alerts"] == alerts["warning_alerts"]
    assert now["latest_alert"].endswith("+00:00")


@pytest.mark.parametrize(
    ("text", "unix_s"),
    [
        ("2026-11-26T10:30:00+01:00", 1_795_685_400.0),
        ("2026-11-26T09:30:00.500Z", 1_795_685_400.5),
        (datetime(2026, 11, 26, 10, 30).isoformat(), datetime(2026, 11, 26, 10, 30).timestamp()),  # noqa: DTZ001
    ],
)
def test_an_alerts_time_may_be_a_text(text: str, unix_s: float) -> None:
    """As the guide's class has it: ISO 8601, in the local zone without another."""
    assert csg_otel.Alert("a", "INFO", "m", timestamp=text).timestamp == unix_s


def test_an_alert_without_a_time_is_of_now() -> None:
    """An empty text is the present time; another one is refused with what to write."""
    alert = csg_otel.Alert(name="a", level="INFO", message="m", timestamp="", details={})

    assert abs(float(alert.timestamp) - time.time()) < 60
    with pytest.raises(ValueError, match="'soon' is no time; write Unix seconds or ISO 8601"):
        csg_otel.Alert("a", "INFO", "m", timestamp="soon")
