"""
The API of the dashboard in its own process: from a path and parameters to a document of the model.

It reads the store and the functions of the program, and runs no check. The program may be missing: then the store is filled by
others, and the panes of health and system stay empty.
"""

from __future__ import annotations

import math
import os
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from csg_otel import clocks
from csg_otel.dashboard.alerting import AlertsView
from csg_otel.dashboard.changes import WINDOW_S, Changes
from csg_otel.dashboard.model.fitting import fits
from csg_otel.dashboard.program import Program, Senders
from csg_otel.dashboard.source import NotFoundError, Parameters, SourceError
from csg_otel.dashboard.store.values import MOST_SERIES
from csg_otel.dashboard.updates import Updates
from csg_otel.dashboard.view import charts, errors, naming, system
from csg_otel.dashboard.view import health as health_view
from csg_otel.dashboard.view import status as status_view
from csg_otel.dashboard.view import traces as traces_view
from csg_otel.dashboard.view.charts import Window
from csg_otel.dashboard.view.filters import MOST_ROWS, LogFilter, TraceFilter, text_of
from csg_otel.dashboard.view.parameters import number, only, period, texts, whole
from csg_otel.health import HealthSnapshot
from csg_otel.metrics.history import COARSE_SPAN_S

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricsData

    from csg_otel.config import Config
    from csg_otel.dashboard.model import (
        AlertsPage,
        ChangedPage,
        Chart,
        Counts,
        HealthPage,
        LogsPage,
        MetricsPage,
        Status,
        SystemPage,
        TracePage,
        TracesPage,
    )
    from csg_otel.dashboard.store.kept import Store

_LONGEST_S: Final = 86400.0
_MOST_POINTS: Final = 2000
_SILENCE_S: Final = 7200.0
"""Default length of a silence."""

_CHANGES: Final = 10
"""Default number of rows of "what changed"."""

_MOST_ERRORS: Final = 5
"""Kinds of errors in the status."""

_RECENT_S: Final = 600.0
"""Period of the small charts in the list of instruments."""

_PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "traces": ("limit", "before", "text", "name", "service", "min_ms", "max_ms", "error", "running", "attr"),
    "logs": ("limit", "before", "level", "logger", "text", "trace", "span"),
    "metrics": ("text",),
    "metrics/series": ("name", "range", "end", "by", "attr", "points", "limit"),
    "system": ("range", "end", "points"),
    "changed": ("from", "to", "limit"),
    "export": ("signals",),
}
"""The parameters of each page; the others have none."""


class Transfer(Protocol):
    """The export and the import of a store, as lines of OTLP's JSON."""

    def export(self, signals: Sequence[str] | None) -> str:
        """Return what is kept of *signals*, None for all. Raises SourceError for an unknown signal."""

    def read(self, text: str) -> Any:
        """Keep what *text* has, and return the numbers of items. Raises SourceError if nothing can be read."""


class Api:
    """The documents of one process; a ``Source``. Thread-safe."""

    address = ""

    def __init__(
        self,
        config: Config,
        store: Store,
        shown: Program | Senders,
        *,
        transfer: Callable[[], Transfer],
    ) -> None:
        """
        Show what *store* has.

        Args:
            config: The whole configuration.
            store: The store.
            shown: The program of this process, or those that fill the store.
            transfer: Returns what exports and imports the contents of the store; called for each export and import.
        """
        self._config = config
        self._store = store
        self._recent = store.recent
        self._values = store.values
        self._program = shown if isinstance(shown, Program) else None
        self._senders = shown if isinstance(shown, Senders) else None
        self._identity = shown.service
        self._transfer = transfer
        self.session = f"{os.getpid()}-{secrets.token_hex(4)}"
        self._alerts = AlertsView(config)
        self._changes = Changes(store.values, store.recent)
        self._updates = Updates(self, store.recent, store.values)
        self._pages: Mapping[str, Callable[[Parameters], Any]] = {
            "status": self.status,
            "health": self.health,
            "traces": self.traces,
            "logs": self.logs,
            "metrics": self.metrics,
            "metrics/series": self.series,
            "system": self.system,
            "alerts": self.alerts,
            "changed": self.changed,
            "export": self.export,
        }

    # -- as a source -----------------------------------------------------------------------------------------------

    def get(self, path: str, parameters: Parameters | None = None) -> Any:
        """Return the document at *path*; see ``Source``."""
        parameters = parameters or {}
        self._store.watch()
        try:
            if path.startswith("traces/"):
                only(parameters, ())
                return self.trace(path.removeprefix("traces/"))
            page = self._pages.get(path)
            if page is None:
                raise NotFoundError(f"there is no document {path[:80]!r}; there are {', '.join(self._pages)}")
            only(parameters, _PARAMETERS.get(path, ()))
            return page(parameters)
        except ValueError as error:
            raise SourceError(str(error)) from None

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Run the action at *path*; see ``Source``. The body of ``import`` has the text of a file in ``lines``."""
        if path == "import":
            return self._transfer().read(str(body.get("lines", "")))
        if path == "services/restart" and self._program is not None:
            self._program.restart()
            return {"restarted": True}
        if path == "alerts/acknowledge":
            return self._acknowledge(body)
        raise NotFoundError(f"there is no action {path[:80]!r} here")

    # -- overview --------------------------------------------------------------------------------------------------

    def status(self, _parameters: Parameters | None = None) -> Status:
        """Return the snapshot of everything."""
        now, program, settings = time.time(), self._program, self._config.dashboard
        snapshot = program.health() if program is not None else HealthSnapshot(monitored=False)
        statuses = program.destinations() if program is not None else {}
        values = program.snapshot() if program is not None else {}
        page = self._health_page(snapshot, now)
        document = {
            **status_view.head(now, self.session),
            "service": self._identity(),
            "uptime_s": system.uptime(values, now),
            "data_age_s": self._data_age(page),
            "kept_since": self._kept_since(now),
            "state": status_view.worst(page["overall"], self._alerts.firing()),
            "workers": program.workers() if program is not None else 0,
            "overall": page["overall"],
            **status_view.senders(self._senders, now),
            "groups": page["groups"],
            "maintenance": snapshot.maintenance,
            "bypass": snapshot.bypass,
            "monitored": snapshot.monitored,
            **status_view.switches(self._config, statuses, program.url() if program is not None else ""),
            "destinations": status_view.destinations(statuses),
            "features": self.features,
            "charts": {
                "time_window_s": settings.charts.time_window,
                "data_points": settings.charts.data_points,
                "auto_refresh": settings.charts.auto_refresh,
            },
            "refresh_interval_s": settings.refresh_interval,
            "categories": health_view.categories(snapshot),
            "checks": page["checks"],
            "system": system.numbers(values),
            "alerts": self._alerts.counts(),
            "counts": self._counts(),
            "errors": errors.rows(self._recent.failed_since(now - WINDOW_S), now - WINDOW_S, _MOST_ERRORS),
            "changed": self._changes.latest(now) if "trends" in self.features else [],
            "actions": self._actions(),
        }
        return cast("Status", document)

    def _data_age(self, health: HealthPage) -> float | None:
        ages = [row["age_s"] for row in health["checks"] if row["age_s"] is not None]
        if self._values.newest_s:
            ages.append(max(0.0, clocks.monotonic() - self._values.newest_s))
        return min(ages, default=None)

    def _kept_since(self, now: float) -> float | None:
        oldest_s = self._values.oldest_s
        return None if math.isinf(oldest_s) else max(oldest_s + now - clocks.monotonic(), now - COARSE_SPAN_S)

    def _actions(self) -> list[str]:
        """Return the actions that are possible: ``restart`` and ``acknowledge``."""
        can_acknowledge = "alerts" in self.features and self._alerts.can_acknowledge
        return [
            *(["restart"] if self._program is not None else []),
            *(["acknowledge"] if can_acknowledge else []),
        ]

    @property
    def features(self) -> list[str]:
        """The panes that are shown."""
        shown = status_view.features(self._config)
        return (
            shown
            if self._program is not None
            else [name for name in shown if name not in ("health", "system", "alerts")]
        )

    def _counts(self) -> Counts:
        counts = self._recent.counts()
        return {**counts, "series": self._values.series_count, "dropped": self._store.dropped}  # type: ignore[typeddict-item]

    # -- health and system -----------------------------------------------------------------------------------------

    def health(self, _parameters: Parameters | None = None) -> HealthPage:
        """Return all checks."""
        snapshot = self._program.health() if self._program is not None else HealthSnapshot(monitored=False)
        return self._health_page(snapshot, time.time())

    def _health_page(self, snapshot: HealthSnapshot, now: float) -> HealthPage:
        histories = self._program.histories() if self._program is not None else {}
        return health_view.page(snapshot, histories, now, now - clocks.monotonic())

    def system(self, parameters: Parameters) -> SystemPage:
        """Return the charts of host and process."""
        now, program = time.time(), self._program
        if program is None:
            return {"time": now, "numbers": status_view.NO_NUMBERS, "charts": []}
        window = self._window(parameters, now)
        with self._values.lock:
            drawn = system.charts(program.trend, program.trends(), self._values.instrument, window)
        for chart in drawn:
            if (alias := system.COMPARED.get(chart["id"])) is not None:
                chart["thresholds"] = self._alerts.thresholds(alias)
        return {"time": now, "numbers": system.numbers(program.snapshot()), "charts": drawn}

    # -- traces and logs -------------------------------------------------------------------------------------------

    def traces(self, parameters: Parameters) -> TracesPage:
        """Return the list of traces."""
        wanted, began_s = TraceFilter.read(parameters), clocks.monotonic()
        self._store.look()
        traces, total, kept = self._recent.search(wanted)
        logs = self._recent.log_counts()
        rows = [traces_view.summary(spans, logs.get(spans[0].trace_id, 0)) for spans in traces]
        return {
            "time": time.time(),
            "traces": rows,
            "total": total,
            "kept": kept,
            "next": rows[-1]["start"] if len(rows) == wanted.limit else None,
            "took_ms": 1e3 * (clocks.monotonic() - began_s),
        }

    def trace(self, trace_id: str) -> TracePage:
        """Return one trace. Raises NotFoundError if it is not kept."""
        self._store.look()
        spans = self._recent.trace(trace_id.lower())
        if not spans:
            raise NotFoundError("this trace is not kept here: it is too old, was not sampled, or is another program's")
        logs, _, _ = self._recent.logs(LogFilter(trace=trace_id.lower(), limit=1000))
        return traces_view.page(spans, [log.row() for log in reversed(logs)], time.time(), self._store.resources)

    def logs(self, parameters: Parameters) -> LogsPage:
        """Return the list of log records."""
        wanted = LogFilter.read(parameters)
        self._store.look()
        logs, total, kept = self._recent.logs(wanted)
        return {
            "time": time.time(),
            "logs": [log.row() for log in logs],
            "total": total,
            "kept": kept,
            "next": logs[-1].id if len(logs) == wanted.limit else None,
        }

    # -- metrics ---------------------------------------------------------------------------------------------------

    def metrics(self, parameters: Parameters) -> MetricsPage:
        """Return the list of instruments."""
        now, text = time.time(), text_of(parameters, "text").lower()
        window = Window.of(now, _RECENT_S, 60, now - clocks.monotonic())
        with self._values.lock:
            rows = [
                charts.metric_row(instrument, window)
                for instrument in self._values.instruments()
                if text in instrument.name.lower() or text in instrument.description.lower()
            ]
        return {"time": now, "metrics": rows}

    def series(self, parameters: Parameters) -> Chart:
        """Return the chart of one instrument. Raises NotFoundError if it has no values, ValueError for an unknown attribute."""
        window, name = self._window(parameters, time.time()), text_of(parameters, "name")
        lines = whole(parameters, "limit", 1, MOST_SERIES) or charts.MOST_LINES
        with self._values.lock:
            instrument = self._values.instrument(name)
            if instrument is None:
                raise NotFoundError(f"no instrument {name[:80]!r} has values here; see the list of metrics")
            by = naming.attributes(instrument, texts(parameters, "by"))
            having = naming.conditions(instrument, texts(parameters, "attr"))
            chart = charts.metric_chart(instrument, window, by, having, lines=lines)
        return {**chart, "thresholds": self._alerts.thresholds(name)}

    def _window(self, parameters: Parameters, now: float) -> Window:
        charts_of, range_s = self._config.dashboard.charts, number(parameters, "range")
        points = whole(parameters, "points", 2, _MOST_POINTS) or min(charts_of.data_points, _MOST_POINTS)
        range_s = min(max(charts_of.time_window, 1.0), _LONGEST_S) if range_s is None else range_s
        if not 1 <= range_s <= _LONGEST_S:
            raise ValueError(f"range must be 1 to {_LONGEST_S:g} seconds")
        end = number(parameters, "end")
        return Window.of(now if end is None else end, range_s, points, now - clocks.monotonic())

    # -- alerts and changes ----------------------------------------------------------------------------------------

    def alerts(self, _parameters: Parameters | None = None) -> AlertsPage:
        """Return the rules and their states."""
        return self._alerts.page(self._store.latest, time.time())

    def look_at_alerts(self, metrics: MetricsData | None) -> None:
        """Evaluate the rules on *metrics*, the program's newest, so that their states are those of the whole time."""
        self._alerts.look(metrics)

    def _acknowledge(self, body: Mapping[str, Any]) -> Any:
        """Silence an alert; see ``AlertsView.acknowledge``."""
        labels, duration_s = body.get("labels", {}), body.get("duration_s", _SILENCE_S)
        comment, author = body.get("comment", ""), body.get("author", "")
        if not (fits([body.get("alert"), comment, author], list[str]) and fits(labels, dict[str, str])):
            raise SourceError("alert must be the name of an alert, labels a mapping of texts, comment and author texts")
        if not fits(duration_s, float):
            raise SourceError("duration_s must be a number of seconds")
        silence = self._alerts.acknowledge(
            body["alert"],
            labels,
            float(duration_s),
            comment=comment,
            author=author,
        )
        return {"silence_id": silence}

    def changed(self, parameters: Parameters) -> ChangedPage:
        """Return what moved most in a window (default: the last five minutes) against the time before."""
        now = time.time()
        window = period(parameters, now, default_s=WINDOW_S, longest_s=_LONGEST_S)
        limit = whole(parameters, "limit", 1, MOST_ROWS) or _CHANGES
        baseline, changes = self._changes.within(window, now, limit)
        return {"time": now, "window": list(window), "baseline": list(baseline), "changes": changes}

    # -- files and events ------------------------------------------------------------------------------------------

    def export(self, parameters: Parameters) -> str:
        """Return what is kept as lines of OTLP's JSON."""
        signals = text_of(parameters, "signals")
        return self._transfer().export(signals.split(",") if signals else None)

    def update(self, topic: str, mark: int) -> tuple[int, Any | None]:
        """
        Return the new mark of the events *topic*, and the document of an event if something has changed since *mark*.

        *mark* is 0 at first. Raises NotFoundError for an unknown topic. Calling this counts as watching.
        """
        self._store.watch()
        return self._updates.get(topic, mark)
