"""
WebVTT transcripts: from a file to cues with speakers.

Follows the W3C's WebVTT file structure where meeting software does: header, NOTE, STYLE and REGION blocks, optional cue
identifiers, timestamps with and without hours, cue settings, voice tags (``<v Name>``) or a ``Name:`` prefix. The rule: an
error names the line and what belongs there, and never repeats what was said in the meeting.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import csg_otel

_TIMESTAMP = r"(?:(\d{2,}):)?([0-5]\d):([0-5]\d)\.(\d{3})"
_TIMING = re.compile(rf"\s*{_TIMESTAMP}\s+-->\s+{_TIMESTAMP}(?:\s+.*)?")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^>]+)>")
_TAG = re.compile(r"</?[a-zA-Z][^>]*>|<\d[\d:.]*>")
_PREFIX = re.compile(r"([A-Z][\w'-]+(?: [A-Z][\w'.-]+){0,3}):\s+")
_TAGGED = re.compile(r"<v[.\s]")
_DATE = re.compile(r"\b\d{4}-\d\d-\d\d\b")
_MOST_BYTES = 20_000_000


class TranscriptError(Exception):
    """A file is not a transcript; the message says where and why, and quotes nothing."""


@dataclass(frozen=True)
class Cue:
    """What one person said at one time; ``start`` and ``end`` are seconds from the beginning of the meeting."""

    start: float
    end: float
    speaker: str
    text: str


@dataclass(frozen=True)
class Transcript:
    """A meeting; ``date`` is the one its notes give (``2026-03-04``), or empty."""

    title: str
    cues: tuple[Cue, ...]
    date: str = ""

    @property
    def seconds(self) -> float:
        """How long the meeting took."""
        return max(cue.end for cue in self.cues)


def read(path: Path) -> Transcript:
    """Read the transcript at *path*. Raises TranscriptError, and OSError if it can't be read."""
    size = path.stat().st_size
    if size > _MOST_BYTES:
        raise TranscriptError(f"{size} bytes are too many for a transcript (at most {_MOST_BYTES})")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise TranscriptError("not a text file in UTF-8") from None
    return parse(text, path.stem.replace("-", " ").replace("_", " ").strip().capitalize())


@csg_otel.observe
def parse(text: str, title: str = "Meeting") -> Transcript:
    """Parse WebVTT *text*; *title* is used where the header has none. Raises TranscriptError."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not re.fullmatch(r"WEBVTT(?:[ \t].*)?", lines[0]):
        raise TranscriptError("line 1: a transcript begins with WEBVTT")
    cues: list[Cue] = []
    date = ""
    prefixes = _TAGGED.search(text) is None  # where voices are tagged, a word and a colon are just speech
    for first, block in _blocks(lines):
        if _is_comment(block):
            date = date or (found[0] if (found := _DATE.search("\n".join(block))) else "")
        else:
            cues.extend(_cues(first, block, cues[-1].speaker if cues else "Unknown", prefixes))
    if not cues:
        raise TranscriptError("there is no cue, so no speech")
    return Transcript(lines[0][6:].strip(" \t-:") or title, tuple(cues), date)


def _blocks(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Yield the blocks between blank lines, each with the number of its first line; the header is none."""
    block: list[str] = []
    for number, line in enumerate([*lines[1:], ""], start=2):
        if line.strip():
            block.append(line)
        elif block:
            if number - len(block) > 2:  # what follows the header without a blank line belongs to it
                yield number - len(block), block
            block = []


def _is_comment(block: list[str]) -> bool:
    return re.match(r"(NOTE|STYLE|REGION)\b", block[0]) is not None and "-->" not in block[0]


def _cues(first: int, block: list[str], last_speaker: str, prefixes: bool) -> Iterator[Cue]:
    """Yield a cue for each voice in *block*, whose first line is number *first* of the file."""
    at = 0 if "-->" in block[0] else 1
    if at == len(block) or "-->" not in block[at]:
        raise TranscriptError(f"line {first}: a cue needs a line with its timing (00:01.000 --> 00:04.000)")
    timing = _TIMING.fullmatch(block[at])
    if timing is None:
        raise TranscriptError(
            f"line {first + at}: a timing reads 00:01.000 --> 00:04.000 or 00:00:01.000 --> 00:00:04.000"
        )
    start, end = _seconds(timing.groups()[:4]), _seconds(timing.groups()[4:])
    if end < start:
        raise TranscriptError(f"line {first + at}: the cue ends before it starts")
    for speaker, text in _voices(" ".join(block[at + 1 :]), prefixes):
        if text:
            yield Cue(start, end, speaker or last_speaker, text)


def _seconds(parts: tuple[str | None, ...]) -> float:
    hours, minutes, seconds, thousandths = (int(part or 0) for part in parts)
    return hours * 3600 + minutes * 60 + seconds + thousandths / 1000


def _voices(payload: str, prefixes: bool) -> Iterator[tuple[str, str]]:
    """Yield who says what in a cue, without markup; the speaker is empty where the cue does not tell."""
    before, *rest = _VOICE.split(payload)
    text = _plain(before)
    prefix = _PREFIX.match(text) if prefixes else None
    yield (prefix[1], text[prefix.end() :]) if prefix is not None else ("", text)
    for speaker, said in zip(rest[::2], rest[1::2], strict=True):
        yield html.unescape(speaker).strip(), _plain(said)


def _plain(text: str) -> str:
    return " ".join(html.unescape(_TAG.sub("", text)).split())
