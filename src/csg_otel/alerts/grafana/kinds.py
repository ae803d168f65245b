"""
The settings of Grafana's contact points, for each kind of channel.

Pure. The rule: a secret is the name of a variable, which *secret* returns for the name of a setting.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from csg_otel.alerts import notices
from csg_otel.alerts.text import inert

Secret = Callable[[str], str]

_MESSAGE: Final = '{{ template "csg_otel.message" . }}'
_VICTOROPS: Final = "https://alert.victorops.com/integrations/generic/20131114/alert"
_OPSGENIE: Final = "https://api.opsgenie.com"

TYPES: Final[Mapping[str, str]] = {"msteams": "teams"}
"""The type of a contact point, where it is not the kind of the channel."""


def settings_of(kind: str, settings: Any, secret: Secret) -> dict[str, Any]:
    """Return the settings of a contact point of a *kind* that is no webhook."""
    return _WRITERS[kind](settings, secret)


def secrets_of(kind: str, settings: Any) -> dict[str, str]:
    """Return the secret values of a *kind* that is no webhook, by the names of its settings; for the push only."""
    values = ((name, getattr(settings, name, None)) for name in _SECRET)
    texts = {name: _plain(value) for name, value in values if hasattr(value, "reveal")}
    if kind == "opsgenie" and "api_url" in texts:
        texts["api_url"] = f"{texts['api_url'].rstrip('/')}/v2/alerts"
    if kind == "victorops":  # the key is a part of the URL
        base = _plain(settings.api_url) or _VICTOROPS
        return {"url": f"{base.rstrip('/')}/{texts.pop('api_key', '')}/{settings.routing_key}"}
    return texts


_SECRET: Final = (
    "webhook_url",
    "integration_key",
    "bot_token",
    "api_key",
    "api_url",
    "access_key",
    "secret_key",
    "user_key",
    "token",
)


def texts(settings: Any) -> dict[str, str]:
    """Return the title and the text that the user wrote for a channel, as a webhook has them; nothing for Grafana's own."""
    text = notices.body(settings)
    return {**_title(settings, "title"), **({"message": text} if text is not None else {})}


def _plain(value: Any) -> str:
    return str(value.reveal() if hasattr(value, "reveal") else value or "")


def _address(settings: Any, secret: Secret, key: str) -> dict[str, str]:
    """Return the address of an API under *key*, if there is one; the name of its variable if it is a secret."""
    url = settings.api_url
    return {key: secret("api_url") if hasattr(url, "reveal") else url} if url else {}


def _title(settings: Any, key: str) -> dict[str, str]:
    title = notices.title(settings)
    return {} if title is None else {key: title}


def _text(settings: Any) -> str:
    return notices.body(settings) or _MESSAGE


def _email(settings: Any, _secret: Secret) -> dict[str, Any]:
    return {"addresses": ";".join(settings.recipients), **_title(settings, "subject"), "message": _text(settings)}


def _slack(settings: Any, secret: Secret) -> dict[str, Any]:
    optional = {"recipient": settings.channel, "username": settings.username, "icon_emoji": settings.icon_emoji}
    filled = {key: value for key, value in optional.items() if value}
    return {"url": secret("webhook_url"), **filled, **_title(settings, "title"), "text": _text(settings)}


def _pagerduty(settings: Any, secret: Secret) -> dict[str, Any]:
    return {"integrationKey": secret("integration_key"), "summary": notices.title(settings) or _text(settings)}


def _chat(settings: Any, secret: Secret) -> dict[str, Any]:
    return {"url": secret("webhook_url"), **_title(settings, "title"), "message": _text(settings)}


def _telegram(settings: Any, secret: Secret) -> dict[str, Any]:
    topic = settings.message_thread_id
    return {
        "bottoken": secret("bot_token"),
        "chatid": str(settings.chat_id),
        **({"message_thread_id": str(topic)} if topic is not None else {}),
        "message": _text(settings),
        "parse_mode": "None",
    }


def _opsgenie(settings: Any, secret: Secret) -> dict[str, Any]:
    url = settings.api_url
    api = secret("api_url") if hasattr(url, "reveal") else f"{(url or _OPSGENIE).rstrip('/')}/v2/alerts"
    people = [
        {"type": one.type, ("username" if one.type == "user" else "name"): inert(one.name)}
        for one in settings.responders
    ]
    return {
        "apiKey": secret("api_key"),
        "apiUrl": api,
        **_title(settings, "message"),
        "description": _text(settings),
        **({"responders": people} if people else {}),
    }


def _sns(settings: Any, secret: Secret) -> dict[str, Any]:
    target = next(key for key in ("topic_arn", "phone_number", "target_arn") if getattr(settings, key))
    value = getattr(settings, target)
    keys = ("access_key", "secret_key") if settings.access_key is not None else ()
    role = {"role_arn": settings.role_arn} if settings.role_arn else {}
    return {
        **_address(settings, secret, "api_url"),
        "sigv4": {"region": settings.region or value.split(":")[3], **{key: secret(key) for key in keys}, **role},
        target: value,
        **_title(settings, "subject"),
        "message": _text(settings),
    }


def _victorops(settings: Any, secret: Secret) -> dict[str, Any]:
    return {
        "url": secret("url"),
        "messageType": "CRITICAL",
        **_title(settings, "title"),
        "description": _text(settings),
    }


def _pushover(settings: Any, secret: Secret) -> dict[str, Any]:
    return {
        "userKey": secret("user_key"),
        "apiToken": secret("token"),
        "priority": str(settings.priority or 0),
        **_title(settings, "title"),
        "message": _text(settings),
    }


def _webex(settings: Any, secret: Secret) -> dict[str, Any]:
    return {
        "bot_token": secret("token"),
        "room_id": settings.room_id,
        **_address(settings, secret, "api_url"),
        "message": _text(settings),
    }


_WRITERS: Final[Mapping[str, Callable[[Any, Secret], dict[str, Any]]]] = {
    "email": _email,
    "slack": _slack,
    "pagerduty": _pagerduty,
    "msteams": _chat,
    "discord": _chat,
    "telegram": _telegram,
    "opsgenie": _opsgenie,
    "sns": _sns,
    "victorops": _victorops,
    "pushover": _pushover,
    "webex": _webex,
}
