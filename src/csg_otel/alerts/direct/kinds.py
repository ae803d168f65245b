"""The kinds of channels that this package notifies itself. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from csg_otel.alerts.direct import chats, incidents, mails, sns, webhook
from csg_otel.alerts.direct.outgoing import plain
from csg_otel.net import addresses

if TYPE_CHECKING:
    from csg_otel.alerts.direct.notice import Notice
    from csg_otel.alerts.direct.outgoing import HttpCall, Mail

    Make = Callable[[Any, Notice, float], Sequence[HttpCall | Mail]]

MAKERS: Final[Mapping[str, Make]] = {
    "email": mails.mail,
    "slack": chats.slack,
    "webhook": webhook.webhook,
    "pagerduty": incidents.pagerduty,
    "msteams": chats.msteams,
    "discord": chats.discord,
    "telegram": chats.telegram,
    "opsgenie": incidents.opsgenie,
    "sns": sns.sns,
    "victorops": incidents.victorops,
    "pushover": incidents.pushover,
    "webex": chats.webex,
}
"""What each kind sends for a notice: a function of the channel's settings, the notice, and the time in Unix seconds."""

OF_INCIDENTS: Final = frozenset(("pagerduty", "opsgenie", "victorops"))
"""The kinds that send a request for each alert of a notice: each is an incident of its own."""

_URLS: Final = ("webhook_url", "url", "api_url")
_HOMES: Final = {
    "pagerduty": incidents.PAGERDUTY,
    "telegram": chats.TELEGRAM,
    "opsgenie": incidents.OPSGENIE,
    "victorops": incidents.VICTOROPS,
    "pushover": incidents.PUSHOVER,
    "webex": chats.WEBEX,
}


def address(kind: str, settings: Any) -> str:
    """Return where the channel's notices go, without a secret: the address of a server, or a URL."""
    if kind == "email":
        return f"{settings.smtp_server}:{settings.smtp_port}"
    url = next((value for name in _URLS if (value := getattr(settings, name, None))), _HOMES.get(kind, ""))
    return addresses.shown(plain(url)) if url else sns.address(settings)
