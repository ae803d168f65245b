"""
Times of the week as Alertmanager writes them: from ``22:00`` to ``06:00`` on these days, in this time zone.

Pure. The rule: a day is the day on which a window begins; one that goes over midnight ends on the next.
"""

from __future__ import annotations

import re
from typing import Any, Final

from csg_otel.errors import suggestion

DAYS: Final[tuple[str, ...]] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_MIDNIGHT: Final = "24:00"


def mistakes(rule: Any) -> list[tuple[str, str]]:
    """Return (setting, what is wrong) for the times and days of *rule*, an escalation of condition ``time_window``."""
    found = [
        (key, f"{given!r} is not a time of the day (HH:MM, such as 06:00 or 22:30)")
        for key in ("start", "end")
        if not _TIME.fullmatch(given := getattr(rule, key) or "")
    ]
    found.extend(
        ("days", f"{day!r} is not a weekday{suggestion(day, DAYS) or ' (such as monday, or mon)'}")
        for day in rule.days
        if not _day(day)
    )
    return found


def always(rule: Any) -> bool:
    """Tell whether *rule*, which has no mistakes, is about all times of the week."""
    return {_day(day) for day in rule.days} in (set(), set(DAYS)) and _minute(rule.start) % 1440 == _minute(
        rule.end
    ) % 1440


def intervals(rule: Any) -> list[dict[str, Any]]:
    """Return the time intervals of *rule*, which has no mistakes; start and end at the same time mean a whole day."""
    days = [day for day in DAYS if day in {_day(given) for given in rule.days}]
    start, end = rule.start, rule.end
    if start == _MIDNIGHT:
        start = "00:00"
    if end == "00:00":
        end = _MIDNIGHT
    if _minute(start) < _minute(end):
        return [_interval(start, end, days, rule.timezone)]
    following = [DAYS[(DAYS.index(day) + 1) % 7] for day in days]
    return [
        _interval(start, _MIDNIGHT, days, rule.timezone),
        _interval("00:00", end, following, rule.timezone),
    ]


def _interval(start: str, end: str, days: list[str], zone: str) -> dict[str, Any]:
    weekdays = {"weekdays": days} if days else {}
    return {"times": [{"start_time": start, "end_time": end}], **weekdays, "location": zone}


def _day(given: str) -> str:
    """Return the weekday *given* in full, or an empty string."""
    wanted = given.strip().lower()
    return next((day for day in DAYS if len(wanted) >= 3 and day.startswith(wanted)), "")


def _minute(time: str) -> int:
    hours, _, minutes = time.partition(":")
    return int(hours) * 60 + int(minutes)
