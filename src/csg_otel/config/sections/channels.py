"""The channels of which `notifications`, and each receiver of an escalation, has one of each kind."""

from collections.abc import Mapping
from typing import Literal

from csg_otel.config.sections.alerting import Severity
from csg_otel.config.sections.concealed import WithSecrets
from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.secret import Secret
from csg_otel.config.sections.section import section


@section(frozen=True, kw_only=True)
class Channel(WithSecrets):
    """The settings that channels of all kinds have."""

    enabled: bool = setting(False, "Notify this channel.")
    severity_filter: tuple[Severity, ...] = setting((), "Send only these severities; by default all.", noun="severity")
    send_resolved: bool = setting(True, "Notify when an alert is over, too.")
    title: str | None = setting(
        None,
        "The title of a notification, with the places `{alertname}`, `{severity}`, `{status}`, `{summary}`, `{description}`,"
        " `{runbook_url}`, `{dashboard_url}` and `{labels.x}`; by default severity and name of the alert.",
    )
    text: str | None = setting(
        None, "The text for each alert in a notification, with the same places; by default all that the alert has."
    )


@section(frozen=True, kw_only=True)
class EmailChannel(Channel):
    """Notifications by mail."""

    enabled: bool = setting(False, "Send mails.", env=("EMAIL_ALERTS_ENABLED",))
    smtp_server: str | None = setting(None, "The mail server.", env=("SMTP_SERVER",))
    smtp_port: int = setting(587, "Its port.", low=1, high=65535)
    use_tls: bool = setting(True, "Require TLS (STARTTLS).")
    username: str | None = setting(None, "Account on the mail server.")
    password: Secret | None = setting(None, "The account's password.")
    from_email: str | None = setting(None, "Address of the sender; by default `username`.")
    recipients: tuple[str, ...] = setting((), "Addresses that get the mails.", env=("ALERT_EMAIL_RECIPIENTS",))


@section(frozen=True, kw_only=True)
class SlackChannel(Channel):
    """Notifications in Slack."""

    enabled: bool = setting(
        False,
        "Post to Slack; `SLACK_WEBHOOK_URL` switches it on unless the file has `enabled: false` or a named channel of its URL.",
    )
    webhook_url: Secret | None = setting(None, "Slack's incoming webhook.", env=("SLACK_WEBHOOK_URL",))
    channel: str | None = setting(None, "Channel, such as `#alerts`.")
    username: str | None = setting(None, "Name the messages are posted under.")
    icon_emoji: str | None = setting(None, "Icon of the messages, such as `:warning:`.")


@section(frozen=True, kw_only=True)
class WebhookChannel(Channel):
    """Notifications to an HTTP endpoint."""

    enabled: bool = setting(False, "Send to the webhook.")
    url: str | Secret | None = setting(
        None,
        "URL of the endpoint; a secret unless its path has only lower-case words and numbers below 100, and nothing follows.",
    )
    method: Literal["POST", "PUT", "PATCH", "GET", "DELETE"] = setting("POST", "HTTP method.", noun="method")
    headers: Mapping[str, str | Secret] = setting(
        dict, "Headers of the request; a header whose name looks like a credential is a secret."
    )
    timeout: float = setting(10.0, "Deadline of one request.", unit="s", above=0)


@section(frozen=True, kw_only=True)
class PagerDutyChannel(Channel):
    """Notifications to PagerDuty."""

    enabled: bool = setting(False, "Send to PagerDuty.")
    integration_key: Secret | None = setting(None, "Integration key of the Events API v2.")
