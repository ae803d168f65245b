"""The section `notifications`: the channels that alerts are sent through, and which alerts go to which of them."""

from collections.abc import Mapping
from typing import Any

from csg_otel.config.sections.channels import EmailChannel, PagerDutyChannel, SlackChannel, WebhookChannel
from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.named_channels import AnyChannel
from csg_otel.config.sections.printed import Printed
from csg_otel.config.sections.section import section


@section(frozen=True, kw_only=True)
class NotificationRoute(Printed):
    """Alerts with certain labels, and the channels that they go to."""

    match: Mapping[str, Any] = setting(
        dict,
        "Labels of the alerts, such as `team`, `severity` or `alertname`: a value, a list of values, `{matches: regex}`,"
        " `{not: value or list}` or `{not_matches: regex}`; by default all alerts.",
    )
    to: tuple[str, ...] = setting(doc="Names of the channels.")
    continue_: bool = setting(
        False, "Let the routes after this one, and the channels without routes, have its alerts, too.", key="continue"
    )
    send_resolved: bool | None = setting(None, "Notify when an alert is over; by default as the channel is set.")
    group_by: tuple[str, ...] = setting(
        (), "Alerts with equal values of these labels are one notification; by default `[alertname, severity]`."
    )
    group_wait: float | None = setting(
        None, "Time to wait for further alerts before the first notification.", unit="s", low=0
    )
    group_interval: float | None = setting(
        None, "Time between two notifications of a group; by default `alerting.aggregation_window`.", unit="s", low=10
    )
    repeat_interval: float | None = setting(None, "Time after which a notification is repeated.", unit="s", above=0)


@section(frozen=True, kw_only=True)
class Notifications(Printed):
    """The channels that alerts are sent through, and which alerts go to which of them."""

    email: EmailChannel = setting(EmailChannel, "Mail.")
    slack: SlackChannel = setting(SlackChannel, "Slack.")
    webhook: WebhookChannel = setting(WebhookChannel, "An HTTP endpoint.")
    pagerduty: PagerDutyChannel = setting(PagerDutyChannel, "PagerDuty.")
    channels: tuple[AnyChannel, ...] = setting((), "Further channels: any number of each kind, each with a name.")
    routes: tuple[NotificationRoute, ...] = setting(
        (),
        "Which alerts go to which channels; the first that matches counts, and alerts without one go to all channels.",
    )
    watchdog: str | None = setting(
        None, "Name of the channel that gets only the watchdog, every minute: a service that notices when it stops."
    )
