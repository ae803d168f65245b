"""
The keeper: the dashboard's one thread in the process. It fills the store from the intake and from collections of metrics.

The rule: nothing happens on the program's threads, and while no page is open, the thread looks at two queues once a second and
collects every ten seconds.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from csg_otel import clocks, faults, forks, waits
from csg_otel.dashboard.store.collections import collection, latest_points
from csg_otel.dashboard.store.files import Files
from csg_otel.dashboard.store.intake import Intake
from csg_otel.dashboard.store.recent import Recent
from csg_otel.dashboard.store.series import LIVE_STEP_S
from csg_otel.dashboard.store.values import Values
from csg_otel.metrics.history import FINE_STEP_S
from csg_otel.pipeline import _compat
from csg_otel.threads import OwnThread

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from opentelemetry.sdk.metrics.export import MetricsData

    from csg_otel.dashboard.model import Attributes, LogRow, SpanRow
    from csg_otel.dashboard.store.kept import LatestPoints


_WATCHED_S: Final = 5.0
"""Seconds after a request in which someone counts as watching."""

_TICK_S: Final = 0.25
"""Seconds between two looks at the queues while someone watches: an ended span is on the page within a second."""

_IDLE_TICK_S: Final = 1.0
_RUNNING_S: Final = 1.0
_LONG_S: Final = 1.0
"""Seconds after which a running span of another worker is shown."""


class Keeper:
    """
    The store of this process and its thread.

    ``intake`` takes what the program emits, ``recent`` has traces and logs, ``values`` the history of metrics, and ``latest``
    the newest collection as the SDK returns it.
    """

    def __init__(
        self,
        service: Callable[[], str],
        collect: Callable[[], MetricsData | None],
        *,
        resource: Callable[[], Attributes] = dict,
        serves: Callable[[], bool] = lambda: True,
        folder: Path | None = None,
    ) -> None:
        """
        Prepare the store.

        Args:
            service: Returns the name of the service.
            collect: Returns the metrics of all workers now; may wait a quarter of a second for them.
            resource: Returns the attributes of the program's resource. Default: none are known.
            serves: Returns whether this process serves the page, and so reads what other workers have kept. Default: it does.
            folder: The folder of the files that outlive the process. Default: none, and nothing outlives it.
        """
        self.intake = Intake(service)
        self.recent = Recent()
        self.values = Values()
        self.on_metrics: Callable[[MetricsData | None], object] = lambda _: None
        """Called on the keeper's thread with each collection."""
        self._collect = collect
        self._service = service
        self._resource = resource
        self._serves = serves
        self._files = None if folder is None else Files(folder)
        self._started = False
        self._reset()
        forks.follow(self.reset_after_fork)

    def _reset(self) -> None:
        self.latest: MetricsData | None = None
        self._latest_time = 0.0
        self._lock = threading.RLock()
        self._turn = threading.RLock()
        self._ended = waits.Latch()
        self._watched_until = float("-inf")
        self._fine_due = self._live_due = float("-inf")
        self._running_ids: tuple[int, ...] = ()
        self._running_due = float("-inf")
        if self._files is not None:
            self._files.reset()
        self._thread: threading.Thread | None = None
        self._wakeup = waits.Wakeup()
        self.intake.wake = self._wakeup.set

    def start(self) -> None:
        """Start the thread; idempotent."""
        with self._lock:
            self._started = True
            if self._thread is None:
                self._ended = waits.Latch()
                self._thread = OwnThread(target=self._run, args=(self._ended,), name="csg-otel-dashboard")
                self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """End the thread within *timeout_s* seconds, after a last look at the queues."""
        with self._lock:
            self._started = False
            thread, self._thread = self._thread, None
            self._ended.set()
        self._wakeup.set()
        if thread is not None:
            thread.join(timeout_s)

    def reset_after_fork(self) -> None:
        """Start from scratch in a forked child, where the store is empty."""
        started = self._started
        self._reset()
        self.intake.reset()
        self.recent.reset()
        self.values.reset()
        if started:
            forks.afterwards(self.start)

    def watch(self) -> None:
        """Note that someone watches, so that the store is filled more often."""
        was_watched = self.watched
        self._watched_until = clocks.monotonic() + _WATCHED_S
        if not was_watched:
            self.look()  # so that the first answer has what the files have, too
            self._wakeup.set()

    @property
    def dropped(self) -> int:
        """The number of items that were not kept, because the program emits more than is converted."""
        return self.intake.dropped

    @property
    def resources(self) -> dict[str, Attributes]:
        """The attributes of the resource of this program, by its service."""
        return {self._service(): self._resource()}

    @property
    def watched(self) -> bool:
        """Whether someone has watched within the last seconds."""
        return clocks.monotonic() < self._watched_until

    def latest_points(self) -> list[LatestPoints]:
        """Return the points of the newest collection."""
        data = self.latest
        return latest_points(data, self._latest_time) if data is not None else []

    def _run(self, ended: waits.Latch) -> None:
        _compat.suppress_instrumentation()
        while True:
            last = ended.is_set()
            try:
                self.look()
                if not last:
                    self._collect_if_due()
                elif self._files is not None and self._serves():
                    self._files.save_history(self.values)
            except Exception:  # noqa: BLE001 - the next look may succeed
                faults.contain("dashboard")
            if last:
                if self._files is not None:
                    self._files.close()
                return
            self._wakeup.wait(_TICK_S if self.watched else _IDLE_TICK_S)

    def look(self) -> None:
        """Move what is queued into the store, and into the files; read what others have kept while someone watches."""
        with self._turn:
            watched = self.watched
            spans, logs = self.intake.take(watched=watched)
            if spans or logs:
                self.recent.add(spans, logs)
            if watched:
                self._show_running()
            if self._files is not None:
                began_s = time.thread_time()
                self._use_files(self._files, spans, logs, watched=watched)
                self.intake.spend(time.thread_time() - began_s)

    def _show_running(self) -> None:
        """Keep the running spans if there are others than before, and once a second, because the program adds to them."""
        ids, now_s = self.intake.running_ids, clocks.monotonic()
        if ids != self._running_ids or (ids and now_s >= self._running_due):
            self._running_ids, self._running_due = ids, now_s + _RUNNING_S
            self.recent.set_running(self.intake.running())

    def _use_files(self, files: Files, spans: list[SpanRow], logs: list[LogRow], *, watched: bool) -> None:
        serves = self._serves()
        files.write(spans, logs, [] if serves else self.intake.running(time.time() - _LONG_S))
        if serves and watched:
            files.read(self.recent, self.values)

    def _collect_if_due(self) -> None:
        now = clocks.monotonic()
        fine, live = now >= self._fine_due, self.watched and now >= self._live_due
        if not (fine or live) or not self._serves():
            return
        data = self._collect()
        self.latest, self._latest_time = data, time.time()
        taken = collection(data, time.time())
        at_s = clocks.monotonic()
        if fine:
            self._fine_due = _next_step(now, FINE_STEP_S)
            self.values.add(taken, at_s)
        if live:
            self._live_due = _next_step(now, LIVE_STEP_S)
            self.values.add(taken, at_s, live=True)
        if self._files is not None and fine:
            self._files.save_history(self.values, if_due=True)
        self.on_metrics(data)


def _next_step(now_s: float, step_s: float) -> float:
    """Return when the next step begins: one value in each, although the thread looks at the time only now and then."""
    return (now_s // step_s + 1) * step_s
