"""A meeting's snapshot as Markdown, for people who were not there."""

from __future__ import annotations

import os
import re
from pathlib import Path

from insights import Insights
from transcript import Transcript

import csg_otel


@csg_otel.observe("render")
def render(meeting: Transcript, found: Insights) -> str:
    """Return the snapshot of *meeting* as Markdown."""
    parts = [
        f"# {_text(meeting.title)}",
        "",
        f"{len(found.speakers)} people, {_clock(meeting.seconds)}, {len(meeting.cues)} contributions.",
    ]
    parts += _section(
        "Topics", [f"- **{_text(t.name)}**, {t.mentions} times, first at {_clock(t.at)}" for t in found.topics]
    )
    parts += _section(
        "Decisions",
        [f"{n}. {_text(d.text)} ({_text(d.speaker)}, {_clock(d.at)})" for n, d in enumerate(found.decisions, 1)],
    )
    rows = [f"| {_cell(a.owner)} | {_cell(a.text)} | {_cell(a.due) or '-'} | {_clock(a.at)} |" for a in found.actions]
    parts += _section("Action items", rows and ["| who | what | by | at |", "|---|---|---|---|", *rows])
    parts += _section(
        "Open questions", [f"- {_text(q.text)} ({_text(q.speaker)}, {_clock(q.at)})" for q in found.questions]
    )
    rows = [f"| {_cell(s.name)} | {s.share:.0%} | {s.cues} | {_clock(s.seconds)} |" for s in found.speakers]
    parts += _section("People", ["| who | share of words | contributions | time |", "|---|---:|---:|---:|", *rows])
    return "\n".join(parts) + "\n"


@csg_otel.observe("write")
def write(text: str, path: Path) -> None:
    """Write *text* to *path*, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _section(title: str, lines: list[str]) -> list[str]:
    return ["", f"## {title}", "", *(lines or ["None."])]


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _text(text: str) -> str:
    """Return *text* with what Markdown would take for markup escaped."""
    return re.sub(r"([\\`*_<>\[\]])", r"\\\1", text)


def _cell(text: str) -> str:
    return _text(text).replace("|", r"\|")
