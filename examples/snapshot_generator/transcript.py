"""
WebVTT transcripts: from text to cues with speakers.

Follows the W3C's WebVTT file structure where meeting software does: header, NOTE, STYLE and REGION blocks, optional cue
identifiers, timestamps with and without hours, cue settings, voice tags (``<v Name>``) or a ``Name:`` prefix.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from pathlib import Path

import csg_otel

_TIMESTAMP = r"(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})"
_TIMING = re.compile(rf"\s*{_TIMESTAMP}\s+-->\s+{_TIMESTAMP}(?:\s+.*)?")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
_TAG = re.compile(r"</?[a-zA-Z][^>]*>|<\d[\d:.]*>")
_PREFIX = re.compile(r"([A-Z][\w'-]+(?: [A-Z][\w'.-]+){0,3}):\s+")
_MOST_BYTES = 20_000_000


class TranscriptError(Exception):
    """A file is not a transcript; the message says where and why."""


@dataclass(frozen=True)
class Cue:
    """One thing somebody said; ``start`` and ``end`` are seconds from the beginning of the meeting."""

    start: float
    end: float
    speaker: str
    text: str


@dataclass(frozen=True)
class Transcript:
    """A meeting."""

    title: str
    cues: tuple[Cue, ...]

    @property
    def seconds(self) -> float:
        """How long the meeting took."""
        return self.cues[-1].end if self.cues else 0.0


@csg_otel.observe("read_transcript")
def read(path: Path) -> Transcript:
    """Read the transcript at *path*. Raises TranscriptError, and OSError if there is no such file."""
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise TranscriptError(f"{path.name}: {size} bytes is too large for a transcript")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise TranscriptError(f"{path.name}: not a text file in UTF-8") from None
    return parse(text, path.stem.replace("-", " ").replace("_", " ").strip().capitalize())


@csg_otel.observe("parse")
def parse(text: str, title: str = "Meeting") -> Transcript:
    """Parse WebVTT *text*; *title* is used where the header has none. Raises TranscriptError with the line."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not re.fullmatch(r"WEBVTT(?:[ \t].*)?", lines[0]):
        raise TranscriptError("line 1: a transcript begins with WEBVTT")
    cues: list[Cue] = []
    speaker = ""
    for first, block in _blocks(lines):
        cue = _cue(first, block, speaker)
        if cue is not None:
            speaker = cue.speaker
            if cue.text:
                cues.append(cue)
    if not cues:
        raise TranscriptError("no cue: nobody says anything")
    return Transcript(lines[0][6:].strip(" \t-:") or title, tuple(cues))


def _blocks(lines: list[str]) -> list[tuple[int, list[str]]]:
    """Return blocks of lines between blank ones, each with the number of its first line."""
    found: list[tuple[int, list[str]]] = []
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            found.append((number + 1, []))
        elif found:
            found[-1][1].append(line)
    return [(number, block) for number, block in found if block]


def _cue(first: int, block: list[str], last_speaker: str) -> Cue | None:
    if re.match(r"(NOTE|STYLE|REGION)\b", block[0]) and "-->" not in block[0]:
        return None
    at = 0 if "-->" in block[0] else 1
    if at == len(block) or "-->" not in block[at]:
        raise TranscriptError(f"line {first}: neither a cue nor a note: {block[0][:40]!r}")
    timing = _TIMING.fullmatch(block[at])
    if timing is None:
        raise TranscriptError(f"line {first + at}: not a timing: {block[at][:40]!r}")
    start, end = _seconds(timing.groups()[:4]), _seconds(timing.groups()[4:])
    if end < start:
        raise TranscriptError(f"line {first + at}: ends before it starts")
    speaker, text = _spoken(" ".join(block[at + 1 :]))
    return Cue(start, end, speaker or last_speaker or "Unknown", text)


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in parts)
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000


def _spoken(payload: str) -> tuple[str, str]:
    """Return who says a cue and what, without markup."""
    voice = _VOICE.search(payload)
    text = " ".join(html.unescape(_TAG.sub("", payload)).split())
    if voice is not None:
        return html.unescape(voice.group(1)).strip(), text
    prefix = _PREFIX.match(text)
    return (prefix.group(1), text[prefix.end() :]) if prefix is not None else ("", text)
