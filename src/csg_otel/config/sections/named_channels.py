"""
The channels in `notifications.channels`: any number of each kind, each with a name.

The setting `type` decides which of these sections an item of the list is. The one rule: a kind that `notifications` has one of
is the same here, with a name, and on unless it is switched off.
"""

from dataclasses import field
from typing import Literal

from csg_otel.config.sections.channels import Channel, EmailChannel, PagerDutyChannel, SlackChannel, WebhookChannel
from csg_otel.config.sections.fields import setting
from csg_otel.config.sections.printed import Printed
from csg_otel.config.sections.secret import Address, Secret
from csg_otel.config.sections.section import section

_KIND = "The kind of the channel."


@section(frozen=True, kw_only=True)
class NamedChannel(Channel):
    """The settings that all named channels have."""

    name: str = setting(doc="Its name, by which routes and escalations call it; unique.")
    enabled: bool = setting(True, "Notify this channel.")
    location: str = field(default="", compare=False)


@section(frozen=True, kw_only=True)
class NamedEmail(NamedChannel, EmailChannel):
    """Mail; without `smtp_server`, by the server and the account of `notifications.email`."""

    type: Literal["email"] = setting("email", _KIND)


@section(frozen=True, kw_only=True)
class NamedSlack(NamedChannel, SlackChannel):
    """Slack; without `webhook_url`, by that of `notifications.slack`."""

    type: Literal["slack"] = setting("slack", _KIND)


@section(frozen=True, kw_only=True)
class NamedWebhook(NamedChannel, WebhookChannel):
    """An HTTP endpoint."""

    type: Literal["webhook"] = setting("webhook", _KIND)


@section(frozen=True, kw_only=True)
class NamedPagerDuty(NamedChannel, PagerDutyChannel):
    """PagerDuty."""

    type: Literal["pagerduty"] = setting("pagerduty", _KIND)


@section(frozen=True, kw_only=True)
class NamedTeams(NamedChannel):
    """Microsoft Teams."""

    type: Literal["msteams"] = setting("msteams", _KIND)
    webhook_url: Secret | None = setting(None, "URL of the workflow that posts to a Teams channel.")


@section(frozen=True, kw_only=True)
class NamedDiscord(NamedChannel):
    """Discord."""

    type: Literal["discord"] = setting("discord", _KIND)
    webhook_url: Secret | None = setting(None, "Discord's webhook of a channel.")


@section(frozen=True, kw_only=True)
class NamedTelegram(NamedChannel):
    """Telegram."""

    type: Literal["telegram"] = setting("telegram", _KIND)
    bot_token: Secret | None = setting(None, "Token of the bot that writes the messages.")
    chat_id: int | str | None = setting(None, "Number of the chat, such as `-1001234567890`, or `@name` of a channel.")
    message_thread_id: int | None = setting(None, "Number of the topic in a group with topics.")
    api_url: Address | None = setting(None, "URL of the Bot API; by default Telegram's own.")


@section(frozen=True, kw_only=True)
class Responder(Printed):
    """A team or a person that Opsgenie notifies."""

    type: Literal["team", "user", "escalation", "schedule"] = setting("team", "Its kind.", noun="kind of responder")
    name: str = setting(doc="Its name; of a user, the mail address.")


@section(frozen=True, kw_only=True)
class NamedOpsgenie(NamedChannel):
    """Opsgenie."""

    type: Literal["opsgenie"] = setting("opsgenie", _KIND)
    api_key: Secret | None = setting(None, "Key of an API integration.")
    api_url: Address | None = setting(
        None, "URL of the API, such as `https://api.eu.opsgenie.com`; by default that of the US."
    )
    responders: tuple[Responder, ...] = setting((), "Teams and people to notify; by default those of the integration.")
    tags: tuple[str, ...] = setting((), "Tags of its alerts.")


@section(frozen=True, kw_only=True)
class NamedSns(NamedChannel):
    """Amazon SNS: a topic, a phone number or an endpoint of a mobile app."""

    type: Literal["sns"] = setting("sns", _KIND)
    topic_arn: str | None = setting(None, "ARN of the topic.")
    phone_number: str | None = setting(None, "Phone number for an SMS, such as `+49301234567`.")
    target_arn: str | None = setting(None, "ARN of the endpoint of a mobile app.")
    region: str | None = setting(None, "The AWS region; by default that of the ARN.")
    access_key: Secret | None = setting(
        None, "The access key; by default the credentials of the machine on which the sender runs."
    )
    secret_key: Secret | None = setting(None, "The secret access key.")
    role_arn: str | None = setting(None, "ARN of the role to assume.")
    api_url: Address | None = setting(None, "URL of the API; by default that of the region.")


@section(frozen=True, kw_only=True)
class NamedVictorOps(NamedChannel):
    """VictorOps, now Splunk On-Call."""

    type: Literal["victorops"] = setting("victorops", _KIND)
    api_key: Secret | None = setting(None, "Key of the REST endpoint.")
    routing_key: str | None = setting(None, "Routing key, which decides which team is notified.")
    api_url: Address | None = setting(None, "URL of the REST endpoint, without keys; by default VictorOps' own.")


@section(frozen=True, kw_only=True)
class NamedPushover(NamedChannel):
    """Pushover."""

    type: Literal["pushover"] = setting("pushover", _KIND)
    user_key: Secret | None = setting(None, "Key of the user or the group.")
    token: Secret | None = setting(None, "Token of the application.")
    priority: int | None = setting(
        None, "Priority; by default 1 for `critical` and `emergency`, and else 0.", low=-2, high=2
    )


@section(frozen=True, kw_only=True)
class NamedWebex(NamedChannel):
    """Webex."""

    type: Literal["webex"] = setting("webex", _KIND)
    token: Secret | None = setting(None, "Access token of the bot that writes the messages.")
    room_id: str | None = setting(None, "Id of the room.")
    api_url: Address | None = setting(None, "URL of the API's messages; by default Webex' own.")


AnyChannel = (
    NamedEmail
    | NamedSlack
    | NamedWebhook
    | NamedPagerDuty
    | NamedTeams
    | NamedDiscord
    | NamedTelegram
    | NamedOpsgenie
    | NamedSns
    | NamedVictorOps
    | NamedPushover
    | NamedWebex
)
"""One of the kinds of named channels."""
