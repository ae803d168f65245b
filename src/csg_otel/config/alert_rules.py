"""
The settings of alerting: rules, objectives, channels, escalation. Rules are compiled downstream, never evaluated here.

Only declarations; reading them from a file or the environment is `load`'s, compiling them is `alerts`'. The one rule:
durations are seconds, except an escalation's threshold, which the seed counts in minutes.
"""

# ruff: noqa: RUF009 - setting() makes a dataclass field, not a shared value

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.secret import Secret

Condition = Literal["greater_than", "less_than", "greater_than_or_equal", "less_than_or_equal", "equals", "not_equals"]
Severity = Literal["info", "warning", "critical", "emergency"]

OPERATORS: Mapping[str, str] = {
    ">": "greater_than",
    "<": "less_than",
    ">=": "greater_than_or_equal",
    "<=": "less_than_or_equal",
    "==": "equals",
    "!=": "not_equals",
}


@dataclass(frozen=True, kw_only=True)
class AlertRule:
    """One rule: a metric, a condition and what to say."""

    name: str = setting(doc="Its name; unique.")
    metric: str = setting(doc="The metric it looks at, by its instrument's name or the seed's.")
    condition: Condition = setting(
        doc="How the value is compared; also `> < >= <= == !=`.", noun="condition", aliases=OPERATORS
    )
    threshold: float = setting(doc="What the value is compared with, in the metric's unit.")
    severity: Severity = setting("warning", "How bad it is.", noun="severity")
    message: str = setting("", "What to tell people; `{value}`, `{threshold}` and `{labels.x}` are filled in.")
    for_: float = setting(0.0, "How long the condition must hold before it fires.", unit="s", low=0, key="for")
    window: float = setting(
        300.0, "Window over which counters become rates and histograms quantiles.", unit="s", above=0
    )
    quantile: float = setting(0.95, "Which quantile of a histogram is compared.", low=0, high=1)
    filters: Mapping[str, str] = setting(dict, "Only series with these labels.")
    labels: Mapping[str, str] = setting(dict, "Labels to put on the alert.")
    runbook_url: str | None = setting(None, "Where it says what to do.")
    no_data: Literal["auto", "alert", "ignore"] = setting(
        "auto",
        "Whether missing data fires too; `auto` does for conditions that missing data would hide (less than).",
        noun="no_data",
    )
    enabled: bool = setting(True, "Compile this rule.")
    location: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class Alerting:
    """Rules that are compiled downstream."""

    enabled: bool = setting(True, "Compile rules and send custom alerts.", env=("ENABLE_ALERTING",))
    aggregation_window: float = setting(300.0, "Alerts within it become one notification.", unit="s", above=0)
    alertmanagers: tuple[str, ...] = setting((), "URLs of the Alertmanagers that custom alerts are sent to.")
    rules: tuple[AlertRule, ...] = setting((), "The rules.")


@dataclass(frozen=True, kw_only=True)
class Slo:
    """A service level objective; `good` or `bad`, and `total`, are metrics or PromQL with `[window]`."""

    name: str = setting(doc="Its name; unique.")
    objective: float = setting(doc="Share of good events.", unit="%", above=0, high=100)
    window: float = setting(30 * 86400.0, "The period the objective is about.", unit="s", above=0)
    good: str | None = setting(None, "Counts good events; instead of `bad`.")
    bad: str | None = setting(None, "Counts bad events; instead of `good`.")
    total: str = setting(doc="Counts all events.")
    description: str = setting("", "What the objective is about.")
    labels: Mapping[str, str] = setting(dict, "Labels to put on its alerts.")
    runbook_url: str | None = setting(None, "Where it says what to do.")
    location: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class EmailChannel:
    """Notifications by mail."""

    enabled: bool = setting(False, "Send mails.", env=("EMAIL_ALERTS_ENABLED",))
    smtp_server: str | None = setting(None, "The mail server.", env=("SMTP_SERVER",))
    smtp_port: int = setting(587, "Its port.", low=1, high=65535)
    use_tls: bool = setting(True, "Require TLS (STARTTLS).")
    username: str | None = setting(None, "Account on the mail server.")
    password: Secret | None = setting(None, "The account's password.")
    from_email: str | None = setting(None, "Sender; by default `username`.")
    recipients: tuple[str, ...] = setting((), "Who gets the mails.", env=("ALERT_EMAIL_RECIPIENTS",))
    severity_filter: tuple[Severity, ...] = setting((), "Only these severities; none given means all.", noun="severity")


@dataclass(frozen=True, kw_only=True)
class SlackChannel:
    """Notifications in Slack."""

    enabled: bool = setting(False, "Post to Slack; `SLACK_WEBHOOK_URL` switches it on unless the file says otherwise.")
    webhook_url: Secret | None = setting(None, "Slack's incoming webhook.", env=("SLACK_WEBHOOK_URL",))
    channel: str | None = setting(None, "Channel, such as `#alerts`.")
    username: str | None = setting(None, "Name the messages are posted under.")
    icon_emoji: str | None = setting(None, "Icon of the messages, such as `:warning:`.")
    severity_filter: tuple[Severity, ...] = setting((), "Only these severities; none given means all.", noun="severity")


@dataclass(frozen=True, kw_only=True)
class WebhookChannel:
    """Notifications to an HTTP endpoint."""

    enabled: bool = setting(False, "Call the webhook.")
    url: str | None = setting(None, "Where to send them.")
    method: Literal["POST", "PUT", "PATCH", "GET", "DELETE"] = setting("POST", "HTTP method.", noun="method")
    headers: Mapping[str, str | Secret] = setting(
        dict, "Headers of the request; those that look like credentials are secrets."
    )
    timeout: float = setting(10.0, "Deadline of one request.", unit="s", above=0)
    severity_filter: tuple[Severity, ...] = setting((), "Only these severities; none given means all.", noun="severity")


@dataclass(frozen=True, kw_only=True)
class PagerDutyChannel:
    """Notifications to PagerDuty."""

    enabled: bool = setting(False, "Page.")
    integration_key: Secret | None = setting(None, "Integration key of the Events API v2.")
    severity_filter: tuple[Severity, ...] = setting((), "Only these severities; none given means all.", noun="severity")


@dataclass(frozen=True, kw_only=True)
class Notifications:
    """The channels people are told through."""

    email: EmailChannel = setting(EmailChannel, "Mail.")
    slack: SlackChannel = setting(SlackChannel, "Slack.")
    webhook: WebhookChannel = setting(WebhookChannel, "An HTTP endpoint.")
    pagerduty: PagerDutyChannel = setting(PagerDutyChannel, "PagerDuty.")


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """Whom an escalation tells; a channel given here is on, and takes what it doesn't say from `notifications`."""

    email: EmailChannel | None = setting(None, "Mail.")
    slack: SlackChannel | None = setting(None, "Slack.")
    webhook: WebhookChannel | None = setting(None, "An HTTP endpoint.")
    pagerduty: PagerDutyChannel | None = setting(None, "PagerDuty.")


@dataclass(frozen=True, kw_only=True)
class EscalationRule:
    """When somebody else is told, or nobody."""

    name: str = setting(doc="Its name; unique.")
    condition: Literal["time_based", "retry_count", "time_window", "maintenance_mode"] = setting(
        doc="What it waits for.", noun="condition"
    )
    threshold: float | None = setting(
        None, "Minutes (`time_based`) or repetitions (`retry_count`).", unit="min", above=0
    )
    action: Literal["escalate", "suppress"] = setting("escalate", "What happens then.", noun="action")
    target: str | None = setting(None, "The receiver, or for `retry_count` the severity, it escalates to.")
    severity_filter: tuple[Severity, ...] = setting(
        (),
        "Only these severities; none given means critical where it escalates, all where it suppresses.",
        noun="severity",
    )
    start: str | None = setting(None, "`time_window`: when it begins, `HH:MM`.")
    end: str | None = setting(None, "`time_window`: when it ends, `HH:MM`.")
    days: tuple[str, ...] = setting(
        (), "`time_window`: on which weekdays (`monday`, `saturday`); none given means all."
    )
    timezone: str = setting("UTC", "`time_window`: the time zone of start and end.")
    enabled: bool = setting(True, "Compile this rule.")
    location: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class Escalation:
    """What happens to alerts that last."""

    rules: tuple[EscalationRule, ...] = setting((), "The rules.")
    receivers: Mapping[str, Receiver] = setting(dict, "Whom they tell, by name.")
