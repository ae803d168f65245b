"""
The files that outlive the process: the journals of all its workers, and the history of metrics.

They are read once someone watches, so a start of the program costs nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from csg_otel import clocks, faults
from csg_otel.dashboard.store import history_file
from csg_otel.dashboard.store.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from csg_otel.dashboard.model import LogRow, SpanRow
    from csg_otel.dashboard.store.recent import Recent
    from csg_otel.dashboard.store.values import Values

_SAVE_S: Final = 300.0
"""Seconds between two saves of the history: a process that is killed loses this much of its charts."""

_READ_S: Final = 0.5
"""Seconds between two looks at the files of other workers."""


class Files:
    """The files in one folder."""

    def __init__(self, folder: Path) -> None:
        """Use *folder*, which is made with the first file."""
        self._history = folder / "history"
        self._journal = Journal(folder)
        self.reset()

    def reset(self) -> None:
        """Start from scratch, as in a forked child."""
        self._journal.reset()
        self._has_read = self._has_history = False
        self._read_due = float("-inf")
        self._save_due = clocks.monotonic() + _SAVE_S

    def close(self) -> None:
        """Close the file of this process; what it writes later is in another one."""
        self._journal.close()

    def write(self, spans: Sequence[SpanRow], logs: Sequence[LogRow], running: Sequence[SpanRow]) -> None:
        """Append what this process has kept, and its running spans."""
        self._journal.write(spans, logs, running)

    def read(self, recent: Recent, values: Values) -> None:
        """Add what other processes have kept to *recent*; at the first call the history of the run before to *values*, too."""
        now_s = clocks.monotonic()
        if now_s < self._read_due:
            return
        self._read_due = now_s + _READ_S
        self._load_history(values, now_s)
        rows = self._journal.read()
        if self._has_read:
            recent.add(rows.spans, rows.logs)
        else:
            self._has_read = True
            recent.add_older(rows.spans, rows.logs)
        for name, running in rows.running.items():
            recent.set_running(running, name)
        recent.keep_running(rows.running)

    def _load_history(self, values: Values, now_s: float) -> None:
        if not self._has_history:
            self._has_history = True
            history_file.load(self._history, values, time.time(), time.time() - now_s)

    def save_history(self, values: Values, *, if_due: bool = False) -> None:
        """Save the history of metrics; with *if_due* only if the last save is minutes ago. A failure is reported."""
        now_s = clocks.monotonic()
        if if_due and now_s < self._save_due:
            return
        self._save_due = now_s + _SAVE_S
        try:
            self._load_history(values, now_s)  # otherwise this would overwrite what the run before has left
            history_file.save(self._history, values, time.time(), time.time() - now_s)
        except OSError as error:
            faults.report("dashboard", f"the history of metrics is not kept over a restart: {error}")
