"""A named channel of each kind, as in a file."""

from __future__ import annotations

from typing import Any

ENVIRON = {"KEY": "c4nary-key", "URL": "https://hooks.example/c4nary-path"}
"""Their secrets; each has `c4nary` in it."""

_CHANNELS: tuple[dict[str, Any], ...] = (
    {
        "name": "ops",
        "type": "email",
        "smtp_server": "mail",
        "username": "ops@x.org",
        "password": "${KEY}",
        "recipients": ["a@x.org"],
    },
    {"name": "chat", "type": "slack", "webhook_url": "${URL}", "channel": "#a"},
    {"name": "hook", "type": "webhook", "url": "${URL}", "headers": {"Authorization": "Bearer ${KEY}"}},
    {"name": "pager", "type": "pagerduty", "integration_key": "${KEY}"},
    {"name": "teams", "type": "msteams", "webhook_url": "${URL}"},
    {"name": "games", "type": "discord", "webhook_url": "${URL}"},
    {"name": "phone", "type": "telegram", "bot_token": "${KEY}", "chat_id": -100, "message_thread_id": 7},
    {
        "name": "genie",
        "type": "opsgenie",
        "api_key": "${KEY}",
        "responders": [{"name": "sre"}, {"type": "user", "name": "a@x.org"}],
        "tags": ["a"],
    },
    {
        "name": "topic",
        "type": "sns",
        "topic_arn": "arn:aws:sns:eu-central-1:1:t",
        "role_arn": "arn:aws:iam::1:role/r",
    },
    {
        "name": "sms",
        "type": "sns",
        "phone_number": "+49301234567",
        "region": "eu-central-1",
        "access_key": "${KEY}",
        "secret_key": "${KEY}",
    },
    {"name": "app", "type": "sns", "target_arn": "arn:aws:sns:eu-central-1:1:endpoint/a"},
    {"name": "victor", "type": "victorops", "api_key": "${KEY}", "routing_key": "team"},
    {"name": "push", "type": "pushover", "user_key": "${KEY}", "token": "${KEY}", "priority": 1},
    {"name": "space", "type": "webex", "token": "${KEY}", "room_id": "r"},
)
EVERY: dict[str, dict[str, Any]] = {one["name"]: one for one in _CHANNELS}
