"""
The title and the text of a notice, as people read them.

Pure. The rule: the texts of an alert are data. They are cut to what a channel accepts, and each channel escapes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final

from csg_otel.lines import one_line
from csg_otel.privacy.cuts import without_last_word

if TYPE_CHECKING:
    from csg_otel.alerts.direct.notice import Notice, NoticeAlert

_MOST_NAMES: Final = 3
"""Names of alerts in a title."""

_SHOWN: Final = ("alertname", "severity", "csg_rule", "csg_source", "csg_event_id")
"""Labels that the text shows elsewhere, or that only programs read."""

_ANNOTATIONS: Final = ("summary", "description", "runbook_url", "threshold")
_DETAIL: Final = "detail_"
_PLACE: Final = re.compile(
    r"\{(alertname|severity|status|summary|description|runbook_url|dashboard_url|labels\.([A-Za-z_]\w*))\}"
)
_CUT: Final = " ..."


def title(notice: Notice, limit: int = 250) -> str:
    """Return the title in one line of at most *limit* characters, such as ``[FIRING 2] critical: DiskFull``."""
    if notice.title is not None:
        return cut(one_line(_filled(notice.title, notice)), limit)
    count = f" {len(notice.alerts)}" if len(notice.alerts) > 1 else ""
    status = "RESOLVED" if notice.status == "resolved" else "ESCALATED" if notice.escalated else "FIRING"
    names = ", ".join(notice.names[:_MOST_NAMES])
    if len(notice.names) > _MOST_NAMES:
        names += f" and {len(notice.names) - _MOST_NAMES} more"
    return cut(f"[{status}{count}] {notice.severity}: {one_line(names)}", limit)


def text(notice: Notice, limit: int, escape: Callable[[str], str] = str) -> str:
    """
    Return the whole text, at most *limit* characters; what has no room is counted at the end.

    *escape* makes a text safe for the format of the channel. Default: plain text needs no escape.
    """
    room = limit - 40  # for the last line
    parts: list[str] = []
    for alert in notice.alerts:
        whole = (
            "\n".join(_lines(alert)) if notice.text is None else _filled(notice.text, replace(notice, alerts=(alert,)))
        )
        part = escape(whole)
        if len(part) + 2 > room:
            if not parts:
                parts.append(_escaped_head(whole, room, escape))
            break
        parts.append(part)
        room -= len(part) + 2
    left = len(notice.alerts) - len(parts)
    return "\n\n".join([*parts, *([f"and {left} more alerts"] if left else [])])


def cut(line: str, limit: int) -> str:
    """Return *line*, cut at a word and marked if it is longer than *limit* characters."""
    if len(line) <= limit:
        return line
    return without_last_word(line[: limit - len(_CUT)]).rstrip() + _CUT


def when(at_s: float) -> str:
    """Return the time *at_s* (Unix seconds) for people."""
    return f"{datetime.fromtimestamp(int(at_s), timezone.utc):%Y-%m-%d %H:%M:%S} UTC"


def facts(alert: NoticeAlert) -> Iterator[tuple[str, str]]:
    """Yield the further annotations and labels of *alert* with their names."""
    for key, value in sorted(alert.annotations.items()):
        if key not in _ANNOTATIONS:
            yield key.removeprefix(_DETAIL), value
    for key, value in sorted(alert.labels.items()):
        if key not in _SHOWN:
            yield key, value


def _filled(form: str, notice: Notice) -> str:
    """Return *form* with its places filled: by the labels and annotations that all alerts of *notice* share."""
    labels, texts = notice.common_labels(), notice.common_annotations()
    words = {
        "alertname": ", ".join(notice.names[:_MOST_NAMES]),
        "severity": notice.severity,
        "status": notice.status,
        **{name: texts.get(name, "") for name in ("summary", "description", "runbook_url", "dashboard_url")},
    }

    def value(place: re.Match[str]) -> str:
        return labels.get(place[2], "") if place[2] else words[place[1]]

    return _PLACE.sub(value, form)


def _lines(alert: NoticeAlert) -> Iterator[str]:
    over = "RESOLVED: " if alert.ends_s is not None else ""
    yield over + (alert.annotations.get("summary") or alert.name)
    if description := alert.annotations.get("description"):
        yield description
    yield f"Alert: {alert.name}"
    yield f"Severity: {alert.severity}"
    yield f"Since: {when(alert.starts_s)}"
    if alert.ends_s is not None:
        yield f"Until: {when(alert.ends_s)}"
    if runbook := alert.annotations.get("runbook_url"):
        yield f"Runbook: {runbook}"
    yield from (f"{key}: {value}" for key, value in facts(alert))


def _escaped_head(whole: str, room: int, escape: Callable[[str], str]) -> str:
    """Return the escaped beginning of *whole*: it is cut before it is escaped, so that no escape is cut in two."""
    kept = room
    while len(escaped := escape(cut(whole, kept))) > room:
        kept = max(1, kept - max(1, len(escaped) - room))
    return escaped
