"""
The updates of the dashboard: what has changed since a mark, for the pages that watch.

A mark is a number that grows with the changes of one topic, or stands for its content.
"""

from __future__ import annotations

import time
import zlib
from typing import TYPE_CHECKING, Any, Final

from csg_otel import clocks
from csg_otel.dashboard.source import NotFoundError
from csg_otel.dashboard.view import traces as traces_view

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from csg_otel.dashboard.api import Api
    from csg_otel.dashboard.store.recent import Recent
    from csg_otel.dashboard.store.values import Values

_MOST: Final = 200
"""Traces and log records in one event; a page that misses some reads the list again."""


class Updates:
    """The events of each topic."""

    def __init__(self, api: Api, recent: Recent, values: Values) -> None:
        """Read documents from *api*, and the changes from *recent* and *values*."""
        self._api = api
        self._recent = recent
        self._values = values
        self._topics: Mapping[str, Callable[[int], tuple[int, Any | None]]] = {
            "status": self._status,
            "health": self._health,
            "traces": self._traces,
            "logs": self._logs,
            "metrics": self._metrics,
            "alerts": self._alerts,
        }

    def get(self, topic: str, mark: int) -> tuple[int, Any | None]:
        """Return the new mark of *topic* and its event; see ``Api.update``."""
        update = self._topics.get(topic)
        if update is None:
            raise NotFoundError(f"there are no events {topic[:40]!r}; there are {', '.join(self._topics)}")
        return update(mark)

    def _status(self, mark: int) -> tuple[int, Any | None]:
        second = int(clocks.monotonic())
        return (mark, None) if second == mark else (second, self._api.status())

    def _health(self, mark: int) -> tuple[int, Any | None]:
        page = self._api.health()
        state = [(row["name"], row["status"], row["message"], len(row["failures"])) for row in page["checks"]]
        return _if_changed(mark, state, page)

    def _traces(self, mark: int) -> tuple[int, Any | None]:
        number, _ = self._recent.mark
        if number == mark:
            return mark, None
        traces = self._recent.changed_since(mark, _MOST)
        logs = self._recent.log_counts()
        rows = [traces_view.summary(spans, logs.get(spans[0].trace_id, 0)) for spans in traces]
        return number, {"time": time.time(), "traces": rows}

    def _logs(self, mark: int) -> tuple[int, Any | None]:
        _, number = self._recent.mark
        if number == mark:
            return mark, None
        rows = [log.row() for log in self._recent.logs_since(mark, _MOST)]
        return number, {"time": time.time(), "logs": rows}

    def _metrics(self, mark: int) -> tuple[int, Any | None]:
        version = self._values.version
        return (mark, None) if version == mark else (version, {"time": time.time()})

    def _alerts(self, mark: int) -> tuple[int, Any | None]:
        page = self._api.alerts()
        states = [(row["alert"], row["state"]) for row in page["rules"]]
        counts = {state: sum(row["state"] == state for row in page["rules"]) for state in ("firing", "pending")}
        return _if_changed(mark, states, {"time": page["time"], **counts})


def _if_changed(mark: int, state: object, document: Any) -> tuple[int, Any | None]:
    """Return a mark that stands for *state*, and *document* if the mark is another one than *mark*."""
    now = zlib.crc32(repr(state).encode()) or 1
    return now, None if now == mark else document
