"""
Time windows of a week, such as 22:00 to 06:00 on Mondays in Berlin, as the time intervals of a notification policy.

Pure. The rule: the days of a window are those on which it begins; a window that crosses midnight ends on the next day.
"""

from __future__ import annotations

import re
from typing import Any, Final

from csg_otel.errors import suggestion

DAYS: Final[tuple[str, ...]] = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")
_MIDNIGHT: Final = "24:00"


def mistakes(rule: Any) -> list[tuple[str, str]]:
    """Return (setting, message) for each invalid time and day of *rule*, an escalation with condition ``time_window``."""
    problems = [
        (key, f"{text!r} is not a time of day; write HH:MM, such as 06:00 or 22:30")
        for key in ("start", "end")
        if not _TIME.fullmatch(text := getattr(rule, key) or "")
    ]
    problems.extend(
        ("days", f"{day!r} is not a weekday{suggestion(day, DAYS) or ' (such as monday, or mon)'}")
        for day in rule.days
        if not _day(day)
    )
    return problems


def always(rule: Any) -> bool:
    """Return whether *rule*, which is valid, covers the whole week."""
    return {_day(day) for day in rule.days} in (set(), set(DAYS)) and minute(rule.start) % 1440 == minute(
        rule.end
    ) % 1440


def intervals(rule: Any) -> list[dict[str, Any]]:
    """Return the time intervals of *rule*, which is valid; an end equal to the start makes a whole day."""
    days = [day for day in DAYS if day in {_day(text) for text in rule.days}]
    start, end = rule.start, rule.end
    if start == _MIDNIGHT:
        start = "00:00"
    if end == "00:00":
        end = _MIDNIGHT
    if minute(start) < minute(end):
        parts = [(start, end, days)]
    else:
        following = [DAYS[(DAYS.index(day) + 1) % 7] for day in days]
        parts = [(start, _MIDNIGHT, days), ("00:00", end, following)]
    return [
        {
            "times": [{"start_time": part_start, "end_time": part_end}],
            **({"weekdays": weekdays} if weekdays else {}),
            "location": rule.timezone,
        }
        for part_start, part_end, weekdays in parts
    ]


def other_hours(rule: Any) -> list[dict[str, Any]]:
    """Return the time intervals of the week outside of *rule*, which is valid; an empty list if it covers the whole week."""
    begins = [DAYS.index(day) for day in DAYS if day in {_day(text) for text in rule.days}] or list(range(7))
    start, end = minute(rule.start) % 1440, minute(rule.end)
    covered: dict[int, list[tuple[int, int]]] = {day: [] for day in range(7)}
    for day in begins:
        if start < end:
            covered[day].append((start, end))
        else:
            covered[day].append((start, 1440))
            covered[(day + 1) % 7].append((0, end))
    days: dict[tuple[tuple[int, int], ...], list[str]] = {}
    for day, parts in covered.items():
        days.setdefault(_gaps(parts), []).append(DAYS[day])
    return [
        {
            "times": [{"start_time": _clock(gap_start), "end_time": _clock(gap_end)} for gap_start, gap_end in gaps],
            **({"weekdays": weekdays} if len(weekdays) < 7 else {}),
            "location": rule.timezone,
        }
        for gaps, weekdays in days.items()
        if gaps
    ]


def _gaps(parts: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Return the minutes of a day outside of *parts*."""
    gaps, reached = [], 0
    for start, end in [*sorted(parts), (1440, 1440)]:
        if start > reached:
            gaps.append((reached, start))
        reached = max(reached, end)
    return tuple(gaps)


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02}:{minutes % 60:02}"


def hours(rule: Any) -> str:
    """Return the times of *rule*, which is valid, in words: the hours, the days on which they begin, and the time zone."""
    begins = [day for day in DAYS if day in {_day(text) for text in rule.days}]
    overnight = " of the next day" if minute(rule.start) % 1440 >= minute(rule.end) and rule.end != "00:00" else ""
    return f"from {rule.start} to {rule.end}{overnight}, {', '.join(begins) or 'every day'}, in {rule.timezone}"


def _day(text: str) -> str:
    """Return the full name of the weekday *text*, which may be shortened to three letters; empty for any other text."""
    start = text.strip().lower()
    return next((day for day in DAYS if len(start) >= 3 and day.startswith(start)), "")


def minute(time: str) -> int:
    """Return the minutes since midnight of a valid time ``HH:MM``."""
    hours, _, minutes = time.partition(":")
    return int(hours) * 60 + int(minutes)
