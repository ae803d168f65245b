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
