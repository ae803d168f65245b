"""A meeting's snapshot as Markdown, for people who were not there."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

import csg_otel
from snapshot_generator.analyse import Action, Insights, Point
from snapshot_generator.vtt import Transcript


@csg_otel.observe
def render(meeting: Transcript, found: Insights) -> str:
    """Return the snapshot of *meeting* as Markdown."""
    counts = (
        _count(len(found.decisions), "decision"),
        _count(len(found.actions), "action item"),
        _count(len(found.questions), "open question"),
    )
    people = [f"| {_cell(s.name)} | {s.share:.0%} | {s.cues} | {_clock(s.seconds)} |" for s in found.speakers]
    topics = [f"- **{_text(t.name)}**: {t.mentions} times, first at {_clock(t.at)}" for t in found.topics]
    parts = [
        f"# {_text(meeting.title)}",
        "",
        f"{meeting.date}, " * bool(meeting.date) + f"{_clock(meeting.seconds)} long, {len(found.speakers)} people.",
        "**" + ", ".join(counts) + ".**",
        *_section("Decisions", [f"{number}. {_point(point)}" for number, point in enumerate(found.decisions, 1)]),
        *_section(
            "Action items", _table("| who | what | by when | said at |", "|---|---|---|---|", _actions(found.actions))
        ),
        *_section("Open questions", [f"- {_point(point)}" for point in found.questions]),
        *_section("Topics", topics),
        *_section("People", _table("| who | of all words | cues | spoke |", "|---|---:|---:|---:|", people)),
    ]
    return "\n".join(parts) + "\n"


@csg_otel.observe
def write(text: str, path: Path) -> None:
    """Write *text* to *path*, whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"## {title}", "", *(lines or ["None."])]


def _table(header: str, rule: str, rows: Sequence[str]) -> list[str]:
    return [header, rule, *rows] if rows else []


def _actions(actions: Sequence[Action]) -> list[str]:
    """Return the rows of the action items, one person's together, in the order people first took one."""
    owners = list(dict.fromkeys(action.owner for action in actions))
    return [
        f"| {_cell(action.owner)} | {_cell(action.text)} | {_cell(action.due) or '-'} | {_clock(action.at)} |"
        for action in sorted(actions, key=lambda action: (owners.index(action.owner), action.at))
    ]


def _point(point: Point) -> str:
    return f"{_text(point.text)} ({_text(point.speaker)}, {_clock(point.at)})"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _text(text: str) -> str:
    """Return *text* with what Markdown would take for markup escaped."""
    return re.sub(r"([\\`*_<>\[\]])", r"\\\1", text)


def _cell(text: str) -> str:
    return _text(text).replace("|", r"\|")
