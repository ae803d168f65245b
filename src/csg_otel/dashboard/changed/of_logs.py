"""
The log messages that became more frequent, by logger, level and template: the message without its numbers and identifiers.

The oldest records are dropped first, so the baseline begins with the oldest that is kept; only rises are shown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from csg_otel.dashboard.changed import wording
from csg_otel.dashboard.changed.bins import Bins
from csg_otel.dashboard.changed.movement import compare
from csg_otel.dashboard.changed.series import Candidate, Period

if TYPE_CHECKING:
    from csg_otel.dashboard.model import LogRow

_VARIABLE: Final = re.compile(r"0x[0-9a-fA-F]+|[0-9a-fA-F-]*\d[0-9a-fA-F-]*(?:\.\d+)*")
_MOST_SIGNS: Final = 200
_WEIGHTS: Final = {"fatal": 1.0, "error": 1.0, "warn": 0.9, "info": 0.4, "debug": 0.2, "trace": 0.2}
_FLOOR: Final = 0.02
"""Records per second."""

_Kind = tuple[str, str, str]


def candidates(logs: Sequence[LogRow], window: Period, baseline: Period) -> Iterator[Candidate]:
    """Yield a candidate for each kind of *logs* that came more often in *window* than in *baseline*; both are (from, to)."""
    if not logs:
        return
    bins = Bins(window, (max(baseline[0], min(row["time"] for row in logs)), baseline[1]))
    for kind, (counts, example) in _counts(logs, bins).items():
        rates = [count / bins.step_s for count in counts]
        moved = compare(bins.before(rates), bins.within(rates), _FLOOR, counted=True)
        if moved is not None and moved.after > moved.before:
            logger, level, template = kind
            named = f'{level} log "{wording.short(template)}"{f" of {logger}" if logger else ""}'
            yield Candidate(
                score=100 * moved.strength * _WEIGHTS[level],
                what="logs",
                name=template,
                attributes={"logger": logger, "level": level},
                field="rate",
                unit="{record}/s",
                before=moved.before,
                after=moved.after,
                aspect="errors" if level in ("error", "fatal", "warn") else "rate",
                subject="",
                text=wording.movement(named, moved.before * 60, moved.after * 60, "a minute"),
                link=wording.fragment("logs", [("level", level), ("logger", logger), ("text", _constant(example))]),
                values=rates,
            )


def _counts(logs: Sequence[LogRow], bins: Bins) -> dict[_Kind, tuple[list[int], str]]:
    """Return the number of records by step, and one message, for each kind."""
    kinds: dict[_Kind, tuple[list[int], str]] = {}
    templates: dict[str, str] = {}
    for row in logs:
        place = bins.place(row["time"])
        if place is None:
            continue
        body = row["body"][:_MOST_SIGNS]
        template = templates.get(body)
        if template is None:
            template = templates[body] = _VARIABLE.sub("#", body)
        kind = (row["logger"], row["level"], template)
        if kind not in kinds:
            kinds[kind] = ([0] * bins.count, body)
        kinds[kind][0][place] += 1
    return kinds


def _constant(message: str) -> str:
    """Return the longest part of *message* that all messages of its kind have."""
    return max(_VARIABLE.split(message), key=len).strip()
