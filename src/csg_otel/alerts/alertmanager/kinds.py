"""
The settings of Alertmanager's receivers, for each kind of channel that needs no relay.

Pure. The rule: text of the configuration is escaped where Alertmanager reads it as a template, and text of alerts where the
channel reads it as markup.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from csg_otel.alerts.alertmanager import templates
from csg_otel.alerts.direct import mails
from csg_otel.alerts.text import inert

File = Callable[[str], str]
"""Returns the path of the file that holds the secret setting of this name."""


def email(settings: Any, file: File, *, escalated: bool) -> dict[str, Any]:
    """Return the settings of a receiver of mails."""
    account = settings.username or ""
    host = f"[{settings.smtp_server}]" if ":" in settings.smtp_server else settings.smtp_server
    login = {"auth_username": account} if account else {}
    if settings.password is not None:
        login["auth_password_file"] = file("password")
    return {
        "to": inert(", ".join(settings.recipients)),
        "from": inert(mails.sender(settings)),
        "smarthost": f"{host}:{settings.smtp_port}",
        **login,
        # On this port TLS begins at once; a server there offers no STARTTLS, which this setting would require.
        "require_tls": settings.use_tls and settings.smtp_port != mails.IMPLICIT_TLS_PORT,
        "headers": {"Subject": templates.title(settings, escalated=escalated)},
        "html": "",  # plain text shows every character as it was written
        "text": templates.body(settings),
    }


def slack(settings: Any, file: File, *, escalated: bool) -> dict[str, Any]:
    """Return the settings of a receiver in Slack."""
    fields = {key: getattr(settings, key) for key in ("channel", "username", "icon_emoji")}
    title = templates.title(settings, escalated=escalated, markup="slack")
    return {
        "api_url_file": file("webhook_url"),
        **{key: inert(value) for key, value in fields.items() if value},
        "color": templates.SLACK_COLOR,
        "title": title,
        "fallback": title,
        "text": templates.body(settings, markup="slack"),
        "mrkdwn_in": ["pretext"],  # a field that is not set, so asterisks in a message stay asterisks
    }


def pagerduty(settings: Any, file: File, *, escalated: bool) -> dict[str, Any]:
    """Return the settings of a receiver at PagerDuty."""
    return {
        "routing_key_file": file("integration_key"),
        "severity": templates.PAGERDUTY_SEVERITY,
        "class": "{{ .CommonLabels.alertname }}",
        "component": "{{ .CommonLabels.service }}",
        "description": templates.title(settings, escalated=escalated),
        "details": {"alerts": templates.body(settings)},
        "links": [{"href": "{{ .CommonAnnotations.runbook_url }}", "text": "Runbook"}],
    }


def msteams(settings: Any, file: File, *, escalated: bool) -> dict[str, Any]:
    """Return the settings of a receiver in Teams, by a workflow."""
    return {
        "webhook_url_file": file("webhook_url"),
        "title": templates.title(settings, escalated=escalated, markup="markdown"),
        "text": templates.body(settings, markup="markdown"),
    }


def discord(settings: Any, file: File, *, escalated: bool) -> dict[str, Any]:
    """Return the settings of a receiver in Discord."""
    return {
        "webhook_url_file": file("webhook_url"),
        "title": templates.title(settings, escalated=escalated, markup="markdown"),
        "message": templates.body(settings, markup="markdown"),
    }


def telegram(settings: Any, file: File, *, escalated: bool) -> dict[str, Any]:
    """Return the settings of a receiver in Telegram."""
    topic = {"message_thread_id": settings.message_thread_id} if settings.message_thread_id is not None else {}
    title, body = templates.title(settings, escalated=escalated), templates.body(settings)
    return {
        **_api(settings),
        "bot_token_file": file("bot_token"),
        "chat_id": settings.chat_id,
        **topic,
        "message": f"{title}\n{body}",
        "parse_mode": "",  # plain text, so that no character of an alert is markup
    }


def opsgenie(settings: Any, file: File, *, escalated: bool) -> dict[str, Any]:
    """Return the settings of a receiver at Opsgenie."""
    responders = [
        {"type": one.type, ("username" if one.type == "user" else "name"): inert(one.name)}
        for one in settings.responders
    ]
    return {
        "api_key_file": file("api_key"),
        **_api(settings),
        "message": templates.title(settings, escalated=escalated),
        "description": templates.body(settings),
        "priority": templates.OPSGENIE_PRIORITY,
        **({"responders": responders} if responders else {}),
        **({"tags": inert(",".join(settings.tags))} if settings.tags else {}),
    }


def sns(settings: Any, _file: File, *, escalated: bool) -> dict[str, Any]:
    """Return the settings of a receiver at Amazon SNS, with the credentials that Alertmanager's machine has."""
    target = next(key for key in ("topic_arn", "phone_number", "target_arn") if getattr(settings, key))
    value = getattr(settings, target)
    region = settings.region or value.split(":")[3]
    role = {"role_arn": settings.role_arn} if settings.role_arn else {}
    subject = {"subject": templates.title(settings, escalated=escalated)} if target == "topic_arn" else {}
    return {
        **_api(settings),
        target: inert(value),
        "sigv4": {"region": region, **role},
        **subject,
        "message": templates.body(settings),
    }


def victorops(settings: Any, file: File, *, escalated: bool) -> dict[str, Any]:
    """Return the settings of a receiver at VictorOps."""
    return {
        "api_key_file": file("api_key"),
        **_api(settings),
        "routing_key": inert(settings.routing_key),
        "message_type": templates.VICTOROPS_TYPE,
        "entity_display_name": templates.title(settings, escalated=escalated),
        "state_message": templates.body(settings),
    }


def pushover(settings: Any, file: File, *, escalated: bool) -> dict[str, Any]:
    """Return the settings of a receiver at Pushover, whose address Alertmanager does not let anyone change."""
    priority = templates.PUSHOVER_PRIORITY if settings.priority is None else str(settings.priority)
    return {
        "user_key_file": file("user_key"),
        "token_file": file("token"),
        "title": templates.title(settings, escalated=escalated),
        "message": templates.body(settings),
        "priority": priority,
    }


def webex(settings: Any, file: File, *, escalated: bool) -> dict[str, Any]:
    """Return the settings of a receiver in Webex."""
    title = templates.title(settings, escalated=escalated, markup="markdown")
    return {
        **_api(settings),
        "room_id": inert(settings.room_id),
        "http_config": {"authorization": {"credentials_file": file("token")}},
        "message": f"{title}\n{templates.body(settings, markup='markdown')}",
    }


def _api(settings: Any) -> dict[str, str]:
    return {"api_url": settings.api_url} if settings.api_url else {}


WRITERS: Final[Mapping[str, Callable[..., dict[str, Any]]]] = {
    "email": email,
    "slack": slack,
    "pagerduty": pagerduty,
    "msteams": msteams,
    "discord": discord,
    "telegram": telegram,
    "opsgenie": opsgenie,
    "sns": sns,
    "victorops": victorops,
    "pushover": pushover,
    "webex": webex,
}
"""The settings of a receiver by the kind of its channel; those of webhooks are in ``receivers``."""

SECTIONS: Final[Mapping[str, str]] = {"msteams": "msteamsv2_configs"}
"""The key of the receivers of a kind, where it is not the kind and ``_configs``."""

SECRETS: Final[Mapping[str, tuple[str, ...]]] = {
    "email": ("password",),
    "slack": ("webhook_url",),
    "webhook": ("url",),
    "pagerduty": ("integration_key",),
    "msteams": ("webhook_url",),
    "discord": ("webhook_url",),
    "telegram": ("bot_token",),
    "opsgenie": ("api_key",),
    "sns": (),
    "victorops": ("api_key",),
    "pushover": ("user_key", "token"),
    "webex": ("token",),
}
"""The settings of each kind whose secret Alertmanager reads from a file."""
