"""
The title and the text of a notice, as people read them.

Pure. The rule: the texts of an alert are data. They are cut to what a channel accepts, and each channel escapes them.
"""

from __future__ import annotations

import re
import sys
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
_LAST_LINE: Final = 40
"""Characters that are kept free at the end of a text."""
_SHORTER: Final = (2000, 1000, 500, 250, 120, 60)
"""Characters of each value of an alert, tried one after the other until all alerts of a notice have room."""
_BRIEF: Final = 120
"""Characters of a value from which on an alert has no more than its message, its name and its severity."""
_LINE_LENGTH: Final = 40
"""Characters of a line, by which the lines of a shortened value are counted."""
_ANY_LINES: Final = sys.maxsize


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


def text(notice: Notice, limit: int, escape: Callable[[str], str] = str, most_lines: int = _ANY_LINES) -> str:
    """
    Return the whole text, at most *limit* characters. A long alert hides no other: all are shortened until each has room.

    Where there are too many for that, the names of the rest are at the end, with their number.

    Args:
        notice: The notice.
        limit: Most characters of the result, escaped.
        escape: Makes a text safe for the format of the channel. Default: plain text needs no escape.
        most_lines: Most lines of several alerts. Default: any number.
    """
    room = limit - _LAST_LINE
    parts = _fitting(notice, room, most_lines, None, escape)
    if len(parts) < len(notice.alerts) == 1:
        return _escaped_head(_whole(notice, notice.alerts[0], None), room, escape)
    for most in _SHORTER:
        if len(parts) == len(notice.alerts):
            break
        parts = _fitting(notice, room, most_lines, most, escape)
    if len(parts) == len(notice.alerts):
        return "\n\n".join(parts)
    names_room = limit // 3
    parts = _fitting(notice, limit - names_room, most_lines - 1, _SHORTER[-1], escape)
    if not parts:
        parts = [_escaped_head(_whole(notice, notice.alerts[0], None), limit - names_room - 2, escape)]
    return "\n\n".join([*parts, _escaped_head(_rest(notice, len(parts)), names_room - 2, escape)])


def _fitting(notice: Notice, room: int, lines: int, most: int | None, escape: Callable[[str], str]) -> list[str]:
    """Return the escaped texts of the first alerts of *notice*, as many as fit in *room* characters and *lines* lines."""
    parts: list[str] = []
    for alert in notice.alerts:
        part = escape(_whole(notice, alert, most))
        room -= len(part) + 2
        lines -= part.count("\n") + 2
        if room < 0 or lines < 0:
            break
        parts.append(part)
    return parts


def _whole(notice: Notice, alert: NoticeAlert, most: int | None) -> str:
    """Return the text of *alert*, of which each value has at most *most* characters; None: all it has."""
    if notice.text is not None:
        form = _filled(notice.text, replace(notice, alerts=(alert,)))
        return form if most is None else _shorter(form, most)
    if most is None:
        return "\n".join(_lines(alert))
    lines = _lines(alert) if most > _BRIEF else _first_lines(alert)
    return "\n".join(_shorter(line, most) for line in lines)


def _shorter(value: str, most: int) -> str:
    lines = value.splitlines()
    most_lines = most // _LINE_LENGTH + 1
    return cut(value if len(lines) <= most_lines else "\n".join(lines[:most_lines]) + _CUT, most)


def _rest(notice: Notice, shown: int) -> str:
    """Return the line about the alerts after the first *shown* ones: their number, and the names that none of these has."""
    seen = {alert.name for alert in notice.alerts[:shown]}
    names = dict.fromkeys(alert.name for alert in notice.alerts[shown:] if alert.name not in seen)
    listed = f": {', '.join(map(one_line, names))}" if names else ""
    return f"and {len(notice.alerts) - shown} more alerts{listed}"


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


def _first_lines(alert: NoticeAlert) -> Iterator[str]:
    yield ("RESOLVED: " if alert.ends_s is not None else "") + (alert.annotations.get("summary") or alert.name)
    yield f"Alert: {alert.name}"
    yield f"Severity: {alert.severity}"


def _lines(alert: NoticeAlert) -> Iterator[str]:
    summary, *names = _first_lines(alert)
    yield summary
    if description := alert.annotations.get("description"):
        yield description
    yield from names
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
