"""
The waterfall of a trace: the order of its lines, repeats that are drawn as one line, and the critical path. Pure.

The critical path has the spans that the duration of the trace depends on: from the end of a span back to its start, the child
that ended last before each moment.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from csg_otel.dashboard.model import SpanRow, WaterfallRow

_REPEATS: Final = 5
"""Siblings of one name, without children and without a failure, that are drawn as one line."""

_TOLERANCE_S: Final = 1e-6
"""Clocks of two threads may differ by less than this."""


class _Tree:
    """The spans of a trace by their parents; a span whose parent is missing, or is its own descendant, is a root."""

    def __init__(self, spans: Sequence[SpanRow], now: float) -> None:
        self.now = now
        self.by_id = {span["span_id"]: span for span in spans}
        self.children: defaultdict[str | None, list[SpanRow]] = defaultdict(list)
        for span in sorted(self.by_id.values(), key=lambda span: (span["start"], span["span_id"])):
            self.children[self._parent(span)].append(span)
        self._break_circles()

    def _parent(self, span: SpanRow) -> str | None:
        parent = span["parent_id"]
        return parent if parent in self.by_id and parent != span["span_id"] else None

    def _break_circles(self) -> None:
        """Make a root of the first span of each circle, so that all spans are reached."""
        reached = set(self._below(None))
        for span in sorted(self.by_id.values(), key=lambda span: span["start"]):
            if span["span_id"] not in reached:
                self.children[self._parent(span)].remove(span)
                self.children[None].append(span)
                reached.update([span["span_id"], *self._below(span["span_id"])])

    def _below(self, parent: str | None) -> list[str]:
        ids, waiting = list[str](), [parent]
        while waiting:
            for child in self.children.get(waiting.pop(), ()):
                ids.append(child["span_id"])
                waiting.append(child["span_id"])
        return ids

    def end(self, span: SpanRow) -> float:
        """Return the end of *span*; that of a running one is now."""
        end = span["end"]
        return max(self.now, span["start"]) if end is None else end


def waterfall(spans: Sequence[SpanRow], now: float) -> list[WaterfallRow]:
    """Return the lines for *spans* of one trace; *now* (Unix seconds) ends those that are running."""
    tree = _Tree(spans, now)
    critical = _critical_path(tree)
    rows: list[WaterfallRow] = []
    waiting = [(row, 0) for row in reversed(_lines(tree, None))]
    while waiting:
        (span, hidden), depth = waiting.pop()
        group = [span, *hidden]
        rows.append(
            {
                "span_id": span["span_id"],
                "depth": depth,
                "critical": any(each["span_id"] in critical for each in group),
                "self_s": _self_s(tree, span) if not hidden else None,
                "count": len(group),
                "total_s": _total(group),
                "hidden": [each["span_id"] for each in hidden],
            }
        )
        waiting += [(row, depth + 1) for row in reversed(_lines(tree, span["span_id"]))]
    return rows


def _lines(tree: _Tree, parent: str | None) -> list[tuple[SpanRow, list[SpanRow]]]:
    """Return the children of *parent* in their order; of repeats, the first child with the others."""
    groups: dict[str, list[SpanRow]] = {}
    children = tree.children.get(parent, [])
    for span in children:
        if not tree.children.get(span["span_id"]) and span["status"] != "error" and span["end"] is not None:
            groups.setdefault(span["name"], []).append(span)
    repeats = {spans[0]["span_id"]: spans[1:] for spans in groups.values() if len(spans) >= _REPEATS}
    hidden = {span["span_id"] for spans in repeats.values() for span in spans}
    return [(span, repeats.get(span["span_id"], [])) for span in children if span["span_id"] not in hidden]


def _total(group: Sequence[SpanRow]) -> float | None:
    durations = [span["duration_s"] for span in group if span["duration_s"] is not None]
    return sum(durations) if len(durations) == len(group) else None


def _self_s(tree: _Tree, span: SpanRow) -> float | None:
    """Return the seconds of *span* in which none of its children ran; None while it is running."""
    if span["end"] is None:
        return None
    left_s, reached = span["end"] - span["start"], span["start"]
    for child in tree.children.get(span["span_id"], ()):
        begin, end = max(child["start"], reached), min(tree.end(child), span["end"])
        if end > begin:
            left_s -= end - begin
            reached = end
    return max(0.0, left_s)


def _critical_path(tree: _Tree) -> set[str]:
    """Return the ids of the spans that the duration of the longest root depends on."""
    roots = tree.children.get(None, [])
    if not roots:
        return set()
    path: set[str] = set()
    waiting = [max(roots, key=lambda span: tree.end(span) - span["start"])]
    while waiting:
        span = waiting.pop()
        path.add(span["span_id"])
        moment = tree.end(span)
        children = sorted(tree.children.get(span["span_id"], ()), key=tree.end, reverse=True)
        for child in children:
            if tree.end(child) <= moment + _TOLERANCE_S and child["start"] < moment:
                waiting.append(child)
                moment = child["start"]
    return path
