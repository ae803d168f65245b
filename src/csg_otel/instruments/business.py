"""
Ready-made business metrics, those of the seed document: files processed, caches, events.

Uses the OTel API only. The rule: what can be counted starts at nought, so that rates work from the first scrape.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal, Protocol

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.metrics import CallbackOptions, Observation

from csg_otel import attributes as clean
from csg_otel import faults, metric_groups, names, scope
from csg_otel.errors import InstrumentError, suggestion
from csg_otel.instruments.defined import Counter, Histogram, once
from csg_otel.tallies import TallySeries

Severity = Literal["debug", "info", "warning", "error", "critical"]

_SEVERITIES: Final = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}


def file_processed(file_type: str, *, size_bytes: int | None = None, outcome: str = "ok") -> None:
    """
    Count a file as processed, under ``csg.files.processed``, and record its size in bytes under ``csg.files.size``.

    *file_type* is a short word such as ``vtt``; *outcome* is ``ok``, ``error`` or another word from a small, fixed set.
    """
    if not metric_groups.is_on(names.FILES_PROCESSED.name):
        return
    files: _Files = once("files", _Files)
    files.processed(file_type, size_bytes, outcome)


class _Files:
    def __init__(self) -> None:
        declared = names.FILES_PROCESSED.attributes
        self._count = Counter(names.FILES_PROCESSED.name, "{file}", names.FILES_PROCESSED.description, declared)
        self._size = Histogram(names.FILES_SIZE.name, "By", names.FILES_SIZE.description, declared, None)
        self._types: set[str] = set()

    def processed(self, given_type: Any, size_bytes: int | None, outcome: str) -> None:
        file_type = clean.text(given_type)
        if file_type not in self._types and len(self._types) < names.CARDINALITY_LIMIT:
            self._types.add(file_type)
            for zero in ("ok", "error"):
                self._count.add(0, {names.FILE_TYPE: file_type, names.OUTCOME: zero})
        attributes = {names.FILE_TYPE: file_type, names.OUTCOME: clean.text(outcome)}
        self._count.add(1, attributes)
        if size_bytes is not None:
            self._size.record(size_bytes, attributes)


class Cache:
    """The look-ups of one cache, by result; hits and misses both start at nought."""

    def __init__(self, name: str, series: TallySeries) -> None:
        self._hits = series.at(name, "hit")
        self._misses = series.at(name, "miss")

    def hit(self) -> None:
        """Count a look-up that found something."""
        self._hits.increment()

    def miss(self) -> None:
        """Count a look-up that found nothing."""
        self._misses.increment()


class Cached(Protocol):
    """What ``functools.lru_cache`` makes, and other caches with the same method."""

    def cache_info(self) -> Any:
        """Return an object with ``hits`` and ``misses``."""


class _Caches:
    """All caches of the program, behind the one instrument ``csg.cache.requests``."""

    def __init__(self) -> None:
        self.counted = TallySeries(names.CACHE_REQUESTS)
        self.read: dict[str, _Read] = {}
        callbacks = (self.counted.observe, self._observe)
        metric = names.CACHE_REQUESTS
        scope.create(metric, [metric_groups.switchable(metric, callback) for callback in callbacks])

    def _observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        for name, read in tuple(self.read.items()):
            for result, count in read().items():
                yield Observation(count, {names.CACHE_NAME: name, names.CACHE_RESULT: result})


class _Read:
    """Hits and misses of somebody else's cache, which may begin again at nought when it is cleared."""

    def __init__(self, cached: Cached) -> None:
        self._cached = cached
        self._last = {"hit": 0, "miss": 0}
        self._before = {"hit": 0, "miss": 0}

    def __call__(self) -> dict[str, int]:
        info = self._cached.cache_info()
        now = {"hit": info.hits, "miss": info.misses}
        for result, count in now.items():
            if count < self._last[result]:
                self._before[result] += self._last[result]
        self._last = now
        return {result: count + self._before[result] for result, count in now.items()}


def cache(name: str) -> Cache:
    """Return the counters of the cache *name*: call ``hit()`` or ``miss()`` at each look-up."""
    caches: _Caches = once("caches", _Caches)
    return Cache(clean.text(name), caches.counted)


def observe_cache(name: str, cached: Cached) -> None:
    """
    Count hits and misses of *cached*, what ``functools.lru_cache`` made or anything with ``cache_info()``.

    They are read when metrics are collected; calls of the cache cost nothing more. Raises InstrumentError for anything
    without ``cache_info()``.
    """
    if not callable(getattr(cached, "cache_info", None)):
        raise InstrumentError(f"observe_cache: {cached!r} has no cache_info() (functools.lru_cache makes what has)")
    caches: _Caches = once("caches", _Caches)
    caches.read[clean.text(name)] = _Read(cached)


def event(
    name: str, attributes: Mapping[str, Any] | None = None, *, body: str | None = None, severity: Severity = "info"
) -> None:
    """
    Emit an event: a log record named *name*, with *attributes*, belonging to the span that is current.

    A severity that does not exist counts as ``info`` and is reported once; nothing is raised.
    """
    try:
        shown = clean.text(severity)
        if shown not in _SEVERITIES:
            faults.report("event", f"{shown!r} is not a severity{suggestion(shown, _SEVERITIES)}; it counts as 'info'")
            shown = "info"
        scope.logger().emit(
            LogRecord(
                timestamp=time.time_ns(),
                severity_number=_SEVERITIES[shown],
                severity_text=shown.upper(),
                body=body,
                event_name=clean.text(name),
                attributes=clean.clean(attributes or {}),
            )
        )
    except Exception:  # noqa: BLE001 - telemetry never raises into the program
        faults.contain("event")
