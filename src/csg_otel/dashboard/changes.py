"""
"What changed" of the kept data: which steps are compared, and the answer about the last minutes for all who watch.

The rule: the ranking takes a tenth of a second, so the answer that every overview shows is made at most every 15 s.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from csg_otel import clocks, forks, waits
from csg_otel.dashboard.store.series import LIVE_SPAN_S, LIVE_STEP_S
from csg_otel.metrics.history import COARSE_SPAN_S, COARSE_STEP_S, FINE_SPAN_S, FINE_STEP_S
from csg_otel.server.background import Background

if TYPE_CHECKING:
    from csg_otel.dashboard.changed.series import Field, Kind, Period, SeriesValues
    from csg_otel.dashboard.model import Change
    from csg_otel.dashboard.store.recent import Recent
    from csg_otel.dashboard.store.values import Values

WINDOW_S: Final = 300.0
_MOST_ROWS: Final = 5
_SHOWN_FOR_S: Final = 15.0
_KNOWN_FOR_S: Final = 60.0
"""An older answer, from before the page was closed, is none."""

_LATER_S: Final = 0.3
_SHORT_S: Final = 5 * FINE_STEP_S
"""A shorter window has too few steps of 10 s: those of one second are compared, if someone has watched."""

_MOST_SPANS: Final = 10_000
_MOST_LOGS: Final = 10_000
_FIELDS: Final = ("value", "rate", "mean", "p95")


class Changes:
    """What changed in the kept metrics, traces and log records. Thread-safe."""

    def __init__(self, values: Values, recent: Recent) -> None:
        """Compare *values* and *recent*."""
        self._values = values
        self._recent = recent
        self._background = Background("dashboard-changes")
        self.reset_after_fork()
        forks.follow(self.reset_after_fork)

    def reset_after_fork(self) -> None:
        """Start from scratch, as the store does."""
        self._lock = threading.Lock()
        self._latest: list[Change] = []
        self._due_s = self._known_until_s = float("-inf")

    def latest(self, now: float) -> list[Change] | None:
        """
        Return what changed in the last five minutes before *now* (Unix seconds), as it was some 15 s ago; None if unknown yet.

        A new answer is made on a thread of its own, a moment later: the page that has asked is drawn first.
        """
        now_s = clocks.monotonic()
        with self._lock:
            if now_s >= self._due_s and self._background.run(partial(self._make, now)):
                self._due_s = math.inf
            return self._latest if now_s < self._known_until_s else None

    def _make(self, now: float) -> None:
        waits.Wakeup().wait(_LATER_S)
        try:
            _, self._latest = self.within((now - WINDOW_S, now), now, _MOST_ROWS)
            self._known_until_s = clocks.monotonic() + _KNOWN_FOR_S
        finally:
            self._due_s = clocks.monotonic() + _SHOWN_FOR_S

    def within(self, window: Period, now: float, limit: int) -> tuple[Period, list[Change]]:
        """Return the baseline, and at most *limit* rows about what changed in *window* against it; all in Unix seconds."""
        # Imported here, because perhaps no page is ever opened, and it takes a quarter of a megabyte.
        from csg_otel.dashboard.changed import rank

        step_s, past_s = _steps(window, now)
        baseline = max(window[0] - past_s, now - COARSE_SPAN_S), window[0]
        series = list(self._series(step_s, baseline[0], window[1], now - clocks.monotonic()))
        spans, logs = self._recent.everything()
        ended = [span.row() for span in spans if span.end is not None and baseline[0] <= span.end <= window[1]]
        records = [log.row() for log in logs if baseline[0] <= log.time <= window[1]]
        return baseline, rank(series, ended[-_MOST_SPANS:], records[-_MOST_LOGS:], window, baseline, limit=limit)

    def _series(self, step_s: float, start: float, end: float, offset_s: float) -> Iterator[SeriesValues]:
        from csg_otel.dashboard.changed import SeriesValues

        first, last = int((start - offset_s) // step_s), int((end - offset_s) // step_s) + 1
        times = [step * step_s + offset_s for step in range(first, last)]
        with self._values.lock:
            for instrument in self._values.instruments():
                histories = list(instrument.series.items())
                if instrument.total is not None and len(histories) > 1:
                    histories.append(((), instrument.total))  # has the series that are not kept, too
                for attributes, history in histories:
                    for field, line in history.lines.items():
                        if field in _FIELDS:
                            values = line.between(step_s, first, last)
                            kind, named = cast("Kind", instrument.kind), cast("Field", field)
                            yield SeriesValues(
                                instrument.name, kind, instrument.unit, dict(attributes), named, times, values
                            )


def _steps(window: Period, now: float) -> tuple[float, float]:
    """Return the length of the steps that are compared, and of the time before *window*, both in seconds."""
    length_s = window[1] - window[0]
    if length_s < _SHORT_S and window[0] > now - LIVE_SPAN_S:
        return LIVE_STEP_S, LIVE_SPAN_S
    if window[0] > now - FINE_SPAN_S / 2:
        return FINE_STEP_S, FINE_SPAN_S
    return COARSE_STEP_S, max(FINE_SPAN_S, 4 * length_s)
