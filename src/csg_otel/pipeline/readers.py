"""
Metric readers: one that is read on demand, and one per pushing destination, with a ticker that collects at an interval.

The time of a collection is bounded (see ``callbacks``).
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING

from opentelemetry.sdk.metrics.export import AggregationTemporality, MetricReader, MetricsData

from csg_otel import clocks, faults, forks, names, waits
from csg_otel.pipeline import _compat, callbacks
from csg_otel.pipeline.exemplars import KeptExemplars
from csg_otel.pipeline.global_providers import problems
from csg_otel.pipeline.groups import exported, named
from csg_otel.pipeline.scrub_metrics import ScrubbedMetrics
from csg_otel.pipeline.sdk_counts import ON_DEMAND, PERIODIC, collection_recorder
from csg_otel.threads import OwnThread

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.sdk.metrics.view import Aggregation

    from csg_otel.pipeline.sink import Sink

_log = logging.getLogger("csg_otel")


class LocalReader(MetricReader):
    """The reader of this process's cumulative metrics: scrapes, the console and snapshots read it on demand."""

    def __init__(self) -> None:
        super().__init__()
        _compat.limit_cardinality(names.CARDINALITY_LIMIT)
        _compat.time_collections(self, collection_recorder(ON_DEMAND, names.SCOPE))
        self._received = threading.local()
        self._overflowing: set[str] = set()
        self._scrubbed = ScrubbedMetrics()
        self._scrubbed_part = ScrubbedMetrics()
        self._exemplars = KeptExemplars()

    def read(self, only: frozenset[str] | None = None) -> MetricsData | None:
        """
        Collect now and return all metrics; None if there are none or the collection failed (reported once).

        With *only* return the metrics of these names; the callbacks of other observable instruments do not run.
        """
        self._received.data, self._received.is_part = None, only is not None
        try:
            with callbacks.collection(only):
                self.collect()
        except Exception:  # noqa: BLE001 - a scrape gets a response even if an instrument breaks the SDK's collection
            faults.contain("collection")
        data: MetricsData | None = self._received.data
        if data is None:
            return None
        self._warn_of_overflow(data)
        data = self._exemplars.fill(data)
        return data if only is None else named(data, only)

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: object) -> None:  # noqa: ARG002 - the SDK's
        # A part has its own scrubber, because each scrubber keeps only the results of its last collection.
        scrubbed = self._scrubbed_part if self._received.is_part else self._scrubbed
        self._received.data = scrubbed.scrub(exported(metrics_data))

    def shutdown(self, timeout_millis: float = 30_000, **_: object) -> None:
        """Do nothing: this reader has no connection and no thread."""

    def _warn_of_overflow(self, data: MetricsData) -> None:
        """Log once for each instrument with too many series; name its attribute with the most values."""
        for metric in (m for r in data.resource_metrics for s in r.scope_metrics for m in s.metrics):
            points = metric.data.data_points
            if metric.name in self._overflowing or len(points) <= 1:
                continue
            if not any(names.OVERFLOW in (point.attributes or {}) for point in points[-2:]):
                continue
            self._overflowing.add(metric.name)
            values: dict[str, set[object]] = {}
            for point in points:
                for key, value in (point.attributes or {}).items():
                    values.setdefault(key, set()).add(str(value))
            widest = max(values, key=lambda key: len(values[key]))
            _log.warning(
                "metric %r has more than %d series; further ones are added up under %s=true; attribute %r has the most "
                "values: leave it out, or give it fewer values",
                metric.name,
                len(points) - 1,
                names.OVERFLOW,
                widest,
            )


class PushReader(MetricReader):
    """The reader of one pushing destination: it has the destination's temporality, and queues each collection in a sink."""

    def __init__(
        self,
        temporality: dict[type, AggregationTemporality],
        sink: Sink,
        name: str,
        aggregation: dict[type, Aggregation] | None = None,
    ) -> None:
        """
        Prepare to collect for *sink*.

        Args:
            temporality: Temporality by class of instrument; cumulative for all other classes.
            sink: Accepts the collections.
            name: Name of the destination, in the metrics of telemetry.
            aggregation: Aggregation by class of instrument. Default: the SDK's.
        """
        super().__init__(preferred_temporality=temporality, preferred_aggregation=aggregation)
        _compat.time_collections(self, collection_recorder(PERIODIC, name))
        self.form = temporality, {kind: type(chosen) for kind, chosen in (aggregation or {}).items()}
        """The form of the series; only a reader with the same form can continue them."""
        self._sink = sink
        self._scrubbed = ScrubbedMetrics()

    def push(self) -> None:
        """Collect once and queue the result in the sink; log a provider that keeps a signal from it."""
        problems()
        with callbacks.collection():
            self.collect()

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **_: object) -> None:  # noqa: ARG002 - the SDK's
        self._sink.enqueue(self._scrubbed.scrub(callbacks.dated(exported(metrics_data))))

    def shutdown(self, timeout_millis: float = 30_000, **_: object) -> None:
        """Do nothing: the destination stops its ticker and its queue."""


class Ticker:
    """
    A daemon thread that calls *work* every *interval_s* seconds, on request, and a last time when it is stopped.

    It waits by the monotonic clock. An exception of *work* is reported and does not end the thread.
    """

    def __init__(self, name: str, interval_s: float, work: Callable[[], None]) -> None:
        self._name = name
        self._interval_s = interval_s
        self._work = work
        self._reset()

    def _reset(self) -> None:
        self._lock = threading.RLock()
        self._wake = waits.Wakeup()
        self._requests: list[waits.Latch] = []
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Start the thread; idempotent."""
        with self._lock:
            if self._thread is None:
                self._thread = OwnThread(target=self._run, name=f"csg-otel-{self._name}")
                self._thread.start()

    def request(self) -> waits.Latch:
        """Request *work* now; return a latch that is set when it is done, or at once if the thread does not run."""
        done = waits.Latch()
        with self._lock:
            if self._thread is None:
                done.set()
            else:
                self._requests.append(done)
        self._wake.set()
        return done

    def stop(self) -> waits.Latch:
        """Request *work* a last time and then the end of the thread; return a latch that is set when *work* is done."""
        done = self.request()
        with self._lock:
            self._stopping = True
        self._wake.set()
        return done

    def reset_after_fork(self) -> None:
        """Start again in a child, if the parent's thread was running."""
        running = self._thread is not None and not self._stopping
        self._reset()
        if running:
            forks.afterwards(self.start)

    def _run(self) -> None:
        _compat.suppress_instrumentation()
        due = clocks.monotonic() + self._interval_s
        while True:
            self._wake.wait(due - clocks.monotonic())
            with self._lock:
                requests, self._requests = self._requests, []
                stopping = self._stopping
            now = clocks.monotonic()
            if requests or now >= due:
                try:
                    self._work()
                except BaseException:  # noqa: BLE001 - the next tick may succeed
                    faults.contain(self._name)
                if now >= due:
                    due = max(due + self._interval_s, now)
            for request in requests:
                request.set()
            if stopping:
                with self._lock:
                    late, self._requests = self._requests, []
                    self._thread = None
                for request in late:
                    request.set()
                return
