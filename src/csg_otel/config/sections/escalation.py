"""The section `escalation`: alerts that last are sent to more receivers, or suppressed for a time."""

# ruff: noqa: RUF009 - setting() makes a dataclass field, not a shared value

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from csg_otel.config.sections.alerting import Severity
from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.notifications import EmailChannel, PagerDutyChannel, SlackChannel, WebhookChannel


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """Channels of an escalation; a channel here is on, and settings it lacks come from `notifications`."""

    email: EmailChannel | None = setting(None, "Mail.")
    slack: SlackChannel | None = setting(None, "Slack.")
    webhook: WebhookChannel | None = setting(None, "An HTTP endpoint.")
    pagerduty: PagerDutyChannel | None = setting(None, "PagerDuty.")


@dataclass(frozen=True, kw_only=True)
class EscalationRule:
    """A rule that sends an alert to another receiver, or suppresses it."""

    name: str = setting(doc="Its name; unique.")
    condition: Literal["time_based", "retry_count", "time_window", "maintenance_mode"] = setting(
        doc="The condition of the escalation.", noun="condition"
    )
    threshold: float | None = setting(
        None, "Minutes (`time_based`) or repetitions (`retry_count`).", unit="min", above=0
    )
    action: Literal["escalate", "suppress"] = setting("escalate", "The action when the condition holds.", noun="action")
    target: str | None = setting(None, "The receiver it escalates to; for `retry_count` also a severity.")
    severity_filter: tuple[Severity, ...] = setting(
        (),
        "Only these severities; by default `critical` where it escalates, all where it suppresses.",
        noun="severity",
    )
    start: str | None = setting(None, "`time_window`: the time it begins, `HH:MM`.")
    end: str | None = setting(None, "`time_window`: the time it ends, `HH:MM`.")
    days: tuple[str, ...] = setting((), "`time_window`: its weekdays (`monday`, `saturday`); by default all.")
    timezone: str = setting("UTC", "`time_window`: the time zone of start and end.")
    enabled: bool = setting(True, "Compile this rule.")
    location: str = field(default="", compare=False)


@dataclass(frozen=True, kw_only=True)
class Escalation:
    """Alerts that last are sent to more receivers, or suppressed."""

    rules: tuple[EscalationRule, ...] = setting((), "The rules.")
    receivers: Mapping[str, Receiver] = setting(dict, "The receivers by name.")
