"""The replacement of hits in a text: overlaps are joined, and the callback of the user is asked for its replacement. Pure."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import replace as changed
from typing import Final

from csg_otel.privacy.options import MASKED, Finding, Hit, Match, marker

_MARKER: Final = re.compile(r"\[redacted(?::[\w.-]{1,80})?\]")
_FIRST: Final = ("known-secret", "private-key", "extra-key", "extra-pattern")
"""Rules that name a joined hit, before the rule of its first part."""


def _outside_markers(text: str, hits: Sequence[Hit]) -> list[Hit]:
    """Return *hits* without those within a marker, which hold nothing but its own words."""
    spans = [match.span() for match in _MARKER.finditer(text)]
    starts = [start for start, _ in spans]

    def inside(hit: Hit) -> bool:
        index = bisect_right(starts, hit.start) - 1
        return index >= 0 and hit.end <= spans[index][1]

    return [hit for hit in hits if not inside(hit)]


def joined(hits: Sequence[Hit]) -> list[Hit]:
    """Return *hits* in order, those that overlap as one; a replacement of its own is kept only by a hit that stands alone."""
    result: list[Hit] = []
    for hit in sorted(hits, key=lambda hit: (hit.start, -hit.end)):
        if result and hit.start < result[-1].end:
            last = result[-1]
            plain, other = (last, hit) if not last.replacement else (hit, last)
            rule = next((rule for rule in _FIRST if rule in (last.rule, hit.rule)), plain.rule)
            end = max(last.end, hit.end)
            both = last.replacement and hit.replacement
            result[-1] = Hit(last.start, end, rule, last.replacement if both else "", plain.key or other.key)
        elif hit.end > hit.start:
            result.append(hit)
    return result


def replace(
    text: str, hits: Sequence[Hit], on_match: Callable[[Match], str | None] | None, key: str
) -> tuple[str, list[Finding]]:
    """Return *text* with each of *hits* replaced, and what was replaced."""
    pieces: list[str] = []
    findings: list[Finding] = []
    position = 0
    if "[redacted" in text:
        hits = _outside_markers(text, hits)
    for hit in joined(hits):
        value = text[hit.start : hit.end]
        if MASKED.fullmatch(value) is not None:
            continue
        replacement = None if on_match is None else on_match(Match(hit.rule, value, hit.key or key))
        if replacement is None:
            replacement = hit.replacement or marker(hit.rule, value)
        if replacement == value:
            continue
        pieces += text[position : hit.start], str(replacement)
        findings.append(Finding(hit.rule, "", str(replacement), hit.start, len(value)))
        position = hit.end
    return ("".join([*pieces, text[position:]]) if findings else text), findings


def placed(findings: list[Finding], passes: Sequence[Sequence[Finding]]) -> list[Finding]:
    """Return *findings*, which are offsets in the text that *passes* have left, with their offsets in the text before them."""
    for earlier in reversed(passes):
        findings = [changed(finding, start=_before(finding.start, earlier)) for finding in findings]
    return findings


def _before(position: int, earlier: Sequence[Finding]) -> int:
    """Return the offset that *position* had before the replacements *earlier*."""
    shift = 0
    for finding in earlier:
        start = finding.start + shift
        if position < start:
            break
        if position < start + len(finding.replacement):
            return finding.start
        shift += len(finding.replacement) - finding.length
    return position - shift
