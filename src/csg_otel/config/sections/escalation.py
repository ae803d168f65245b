"""The section `escalation`: alerts that last are sent to more receivers, or suppressed for a time."""

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Final, Literal

from csg_otel.config.sections.alerting import Severity
from csg_otel.config.sections.channels import EmailChannel, PagerDutyChannel, SlackChannel, WebhookChannel
from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.printed import Printed
from csg_otel.config.sections.section import section

_HOURS: Final = re.compile(r"\s*(\d\d:\d\d)\s*-\s*(\d\d:\d\d)\s*")


@section(frozen=True, kw_only=True)
class Receiver(Printed):
    """Channels of an escalation; a channel here is on, and settings it lacks come from `notifications`."""

    email: EmailChannel | None = setting(None, "Mail.")
    slack: SlackChannel | None = setting(None, "Slack.")
    webhook: WebhookChannel | None = setting(None, "An HTTP endpoint.")
    pagerduty: PagerDutyChannel | None = setting(None, "PagerDuty.")


@section(frozen=True, kw_only=True)
class EscalationRule(Printed):
    """A rule that sends an alert to another receiver, or suppresses it."""

    name: str = setting(doc="Its name; unique.")
    condition: Literal["time_based", "retry_count", "time_window", "maintenance_mode"] = setting(
        doc="The condition of the escalation.", noun="condition"
    )
    threshold: float | bool | str | None = setting(
        None,
        "Minutes (`time_based`), repetitions (`retry_count`), or start and end of a `time_window`, such as `09:00-17:00`.",
        unit="min",
        above=0,
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

    def __post_init__(self) -> None:
        """Read a threshold of the forms ``09:00-17:00``, which is start and end, and ``true``, which says nothing more."""
        hours = _HOURS.fullmatch(self.threshold) if isinstance(self.threshold, str) else None
        if hours is not None and self.condition == "time_window":
            for key, value in (("start", self.start or hours[1]), ("end", self.end or hours[2]), ("threshold", None)):
                object.__setattr__(self, key, value)
        elif self.threshold is True and self.condition in ("time_window", "maintenance_mode"):
            object.__setattr__(self, "threshold", None)


@section(frozen=True, kw_only=True)
class Escalation(Printed):
    """Alerts that last are sent to more receivers, or suppressed."""

    rules: tuple[EscalationRule, ...] = setting((), "The rules.")
    receivers: Mapping[str, Receiver] = setting(dict, "The receivers by name.")
