"""An alert that an Alertmanager does not accept waits, unless the alert itself is refused."""

from __future__ import annotations

import time

import pytest

from csg_otel.alerts import events
from csg_otel.config import load
from csg_otel.exporters.alert_events import AlertSender
from csg_otel.exporters.build import build_destinations
from csg_otel.exporters.delivery.sender import SendError
from csg_otel.pipeline.readers import LocalReader
from support.json_server import json_server


def refusal(url: str) -> SendError:
    """Send an alert to *url*; return the error."""
    now = time.time()
    event = events.make("DiskFull", "critical", "full", service="shop", at=now, details={}, until=now + 60)
    with pytest.raises(SendError) as caught:
        AlertSender(url, lambda *_: b"{}").send_batch(event.encode(), 2)
    return caught.value


RETRIED = (401, 403, 404, 429, 500, 503)
REFUSED = (400, 413, 422)


@pytest.mark.parametrize(
    ("status", "retry"), [*((code, True) for code in RETRIED), *((code, False) for code in REFUSED)]
)
def test_a_wrong_token_or_address_costs_no_alert(status: int, retry: bool) -> None:
    """Only an answer that refuses the alert itself ends the attempts; everything else can be corrected while it waits."""
    with json_server(lambda *_: (status, {"error": "no"})) as url:
        error = refusal(url)

    assert (error.reason, error.retry) == (f"http_{status}", retry)
    assert "no" in str(error)


def test_an_alertmanager_that_is_away_costs_no_alert() -> None:
    """A refused connection is an attempt to be repeated."""
    assert refusal("http://127.0.0.1:9/").retry


@pytest.mark.parametrize("enabled", [True, False])
def test_sending_of_the_programs_alerts_can_be_switched_off(enabled: bool) -> None:
    """With `alerting.enabled: false` no destination takes the program's own alerts."""
    alerting = {"enabled": enabled, "alertmanagers": ["http://127.0.0.1:9093"]}
    config = load({"alerting": alerting, "exporters": {"spool": {"enabled": False}}}, environ={}).config

    assert any("alerts" in each.sinks for each in build_destinations(config, LocalReader())) is enabled
