"""
Titles and texts of notifications that the user wrote, as Go templates.

Pure. Alertmanager and Grafana have the same fields. The rule: a place is replaced by a field of the alert, and everything else
is literal text.
"""

from __future__ import annotations

import re
from typing import Any, Final

from csg_otel.alerts.text import inert

_PLACE: Final = re.compile(
    r"\{(alertname|severity|status|summary|description|runbook_url|dashboard_url|labels\.([A-Za-z_][\w.]*))\}"
)


def title(settings: Any, escape: str = "") -> str | None:
    """Return the title in the *settings* of a channel, about all alerts of a notification; None for the backend's own."""
    return None if settings.title is None else _filled(settings.title, "Common", escape)


def body(settings: Any, escape: str = "") -> str | None:
    """Return the text in the *settings* of a channel, for each alert; None for the backend's own."""
    if settings.text is None:
        return None
    return f"{{{{ range .Alerts }}}}{_filled(settings.text, '', escape)}\n{{{{ end }}}}"


def _filled(text: str, prefix: str, escape: str) -> str:
    """
    Return *text* with its places replaced.

    Args:
        text: the text of the user.
        prefix: start of the names of the fields that have labels and annotations.
        escape: rest of an action that escapes what replaces a place.
    """

    def action(place: re.Match[str]) -> str:
        if place[1] == "status":
            return "{{ .Status }}"
        name = re.sub(r"\W", "_", place[2] or place[1])
        source = "Labels" if place[2] or place[1] in ("alertname", "severity") else "Annotations"
        return f"{{{{ .{prefix}{source}.{name}{escape} }}}}"

    parts, end = [], 0
    for place in _PLACE.finditer(text):
        parts += [inert(text[end : place.start()]), action(place)]
        end = place.end()
    return "".join([*parts, inert(text[end:])])
