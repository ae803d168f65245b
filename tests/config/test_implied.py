"""What settings imply about others."""

from __future__ import annotations

from typing import Any

from csg_otel.config import load

MAIL = {"enabled": True, "smtp_server": "mail", "recipients": ["ops@x"], "severity_filter": ["warning"]}


def test_a_receivers_channel_is_on_and_inherits() -> None:
    """A receiver's channel is on and takes settings it lacks from `notifications`, but not the severity filter."""
    source: dict[str, Any] = {
        "notifications": {"email": MAIL},
        "escalation": {"receivers": {"emergency": {"email": {"recipients": ["boss@x"]}}}},
    }
    email = load(source, environ={}).config.escalation.receivers["emergency"].email

    assert email is not None
    assert (email.enabled, email.smtp_server, email.recipients, email.severity_filter) == (
        True,
        "mail",
        ("boss@x",),
        (),
    )


def test_a_receivers_other_channels_are_absent() -> None:
    """A channel a receiver doesn't name isn't one of its channels."""
    source: dict[str, Any] = {"escalation": {"receivers": {"emergency": {"slack": {"webhook_url": "https://x"}}}}}
    receiver = load(source, environ={}).config.escalation.receivers["emergency"]

    assert receiver.slack is not None
    assert receiver.slack.enabled
    assert receiver.email is None


def test_a_datadog_section_switches_datadog_on() -> None:
    """Giving `exporters.datadog` switches it on, an API key in the environment alone does not."""
    environ = {"DD_API_KEY": "k"}

    assert load({"exporters": {"datadog": {"site": "x"}}}, environ=environ).config.exporters.datadog.enabled
    assert not load({}, environ=environ).config.exporters.datadog.enabled
    off = {"exporters": {"datadog": {"enabled": False}}}
    assert not load(off, environ=environ).config.exporters.datadog.enabled


def test_the_datadog_integration_sends_directly() -> None:
    """`integrations.external_monitoring.datadog` sends to Datadog's intake with its key."""
    source = {"integrations": {"external_monitoring": {"enabled": True, "datadog": {"enabled": True, "api_key": "k"}}}}
    datadog = load(source, environ={}).config.exporters.datadog

    assert (datadog.enabled, datadog.mode) == (True, "direct")
    assert datadog.api_key is not None
    assert datadog.api_key.reveal() == "k"


def test_destinations_get_names() -> None:
    """Destinations without a name are otlp, otlp-2, ..., and never take the name of another."""
    source = {"exporters": {"otlp": [{}, {"name": "otlp-2"}, {}]}}

    assert [item.name for item in load(source, environ={}).config.exporters.otlp] == ["otlp", "otlp-2", "otlp-3"]
