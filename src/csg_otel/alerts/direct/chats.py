"""
Notices in chats: Slack, Microsoft Teams, Discord, Telegram and Webex.

Pure. Each makes one request of a notice. The rule: the texts of an alert are shown as they are written; none of them becomes a
link with another text, a mention or a format.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts.direct import wording
from csg_otel.alerts.direct.outgoing import HttpCall, json_call, plain
from csg_otel.lines import one_line

if TYPE_CHECKING:
    from csg_otel.alerts.direct.notice import Notice

_SLACK_TEXT: Final = 30_000
_TEAMS_TEXT: Final = 12_000
_TEAMS_LINES: Final = 150
"""Most lines of a card, which may have 28 KB with everything around the lines."""
_DISCORD_TEXT: Final = 4_000
_TELEGRAM_TEXT: Final = 4_096
"""Most code units of UTF-16 in a message of Telegram."""
_WEBEX_BYTES: Final = 7_439

_DISCORD_MARKS: Final = re.compile(r"https?://[^\s<>\[\]()*`|\\]+|[\\*_~`|>#\[\]()<@]")
_DISCORD_COLORS: Final = {"good": 0x2EB67D, "warning": 0xECB22E, "danger": 0xE01E5A}
_TEAMS_COLORS: Final = {"good": "Good", "warning": "Warning", "danger": "Attention"}
TELEGRAM: Final = "https://api.telegram.org"
WEBEX: Final = "https://webexapis.com/v1/messages"


def slack(settings: Any, notice: Notice, _now_s: float) -> list[HttpCall]:
    """Return the request to Slack's incoming webhook: an attachment, as Alertmanager sends it."""
    heading = _slack_text(wording.title(notice))
    fields = {key: getattr(settings, key) for key in ("channel", "username", "icon_emoji")}
    attachment = {
        "title": heading,
        "fallback": heading,
        "text": wording.text(notice, _SLACK_TEXT, _slack_text),
        "color": _color(notice),
        "mrkdwn_in": ["pretext"],  # a field that is not set, so asterisks in a message stay asterisks
    }
    content = {**{key: value for key, value in fields.items() if value}, "attachments": [attachment]}
    return [json_call(plain(settings.webhook_url), content)]


def msteams(settings: Any, notice: Notice, _now_s: float) -> list[HttpCall]:
    """Return the request to the webhook of a workflow of Teams: an adaptive card, in which only runs have no format."""
    lines = wording.text(notice, _TEAMS_TEXT, most_lines=_TEAMS_LINES - 1).splitlines()
    if len(lines) > _TEAMS_LINES:
        lines = [*lines[: _TEAMS_LINES - 1], "..."]
    heading = {"weight": "Bolder", "size": "Medium", "color": _TEAMS_COLORS[_color(notice)]}
    blocks = [_teams_line(wording.title(notice), **heading), *(_teams_line(line) for line in lines)]
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
        "msteams": {"width": "Full"},
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return [json_call(plain(settings.webhook_url), {"type": "message", "attachments": [attachment]})]


def discord(settings: Any, notice: Notice, _now_s: float) -> list[HttpCall]:
    """Return the request to Discord's webhook: an embed that mentions no person."""
    embed = {
        "title": wording.title(notice),
        "description": wording.text(notice, _DISCORD_TEXT, _discord_text),
        "color": _DISCORD_COLORS[_color(notice)],
    }
    content = {"embeds": [embed], "allowed_mentions": {"parse": []}}
    return [json_call(plain(settings.webhook_url), content)]


def telegram(settings: Any, notice: Notice, _now_s: float) -> list[HttpCall]:
    """Return the call of ``sendMessage``; without a parse mode every character is shown as it is."""
    heading = wording.title(notice)
    limit = _TELEGRAM_TEXT - len(heading) - 2
    message = f"{heading}\n\n{wording.text(notice, limit)}"
    if len(message.encode("utf-16-le", "replace")) // 2 > _TELEGRAM_TEXT:
        message = f"{heading}\n\n{wording.text(notice, limit // 2)}"
    content: dict[str, Any] = {
        "chat_id": settings.chat_id,
        "text": message,
        "link_preview_options": {"is_disabled": True},
    }
    if settings.message_thread_id is not None:
        content["message_thread_id"] = settings.message_thread_id
    base_url = plain(settings.api_url or TELEGRAM).rstrip("/")
    return [json_call(f"{base_url}/bot{plain(settings.bot_token)}/sendMessage", content)]


def webex(settings: Any, notice: Notice, _now_s: float) -> list[HttpCall]:
    """Return the request for a message in a room of Webex."""
    heading, limit = wording.title(notice), _WEBEX_BYTES
    while len((message := f"{heading}\n\n{wording.text(notice, limit)}").encode("utf-8", "replace")) > _WEBEX_BYTES:
        limit = limit * 3 // 4
    content = {"roomId": settings.room_id, "text": message}
    url = plain(settings.api_url or WEBEX)
    return [json_call(url, content, Authorization=f"Bearer {plain(settings.token)}")]


def _color(notice: Notice) -> str:
    if notice.status == "resolved":
        return "good"
    return "danger" if notice.severity in ("critical", "emergency") else "warning"


def _slack_text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _discord_text(text: str) -> str:
    return _DISCORD_MARKS.sub(lambda mark: mark[0] if len(mark[0]) > 1 else f"\\{mark[0]}", text)


def _teams_line(line: str, **style: str) -> dict[str, Any]:
    run = {"type": "TextRun", "text": one_line(line) or " ", **style}
    return {"type": "RichTextBlock", "spacing": "None", "inlines": [run]}
