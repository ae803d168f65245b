"""
Ready-made business metrics: caches and events.

Uses the OTel API only. The rule: every counter starts at 0, so that rates work from the first scrape.
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
from csg_otel.instruments.definitions import once
from csg_otel.tallies import TallySeries

Severity = Literal["debug", "info", "warning", "error", "critical"]

_SEVERITIES: Final = {
    "debug": SeverityNumber.DEBUG,
    "info": SeverityNumber.INFO,
    "warning": SeverityNumber.WARN,
    "error": SeverityNumber.ERROR,
    "critical": SeverityNumber.FATAL,
}


class Cache:
    """The look-ups of one cache, by result; hits and misses both start at 0."""

    def __init__(self, name: str, series: TallySeries) -> None:
        self._hits = series.at(name, "hit")
        self._misses = series.at(name, "miss")

    def hit(self) -> None:
        """Count a look-up with a result in the cache."""
        self._hits.increment()

    def miss(self) -> None:
        """Count a look-up without a result in the cache."""
        self._misses.increment()


class Cached(Protocol):
    """A function with ``functools.lru_cache``, or another cache with the same method."""

    def cache_info(self) -> Any:
        """Return an object with ``hits`` and ``misses``."""


class _Caches:
    """All caches of the program, behind the one instrument ``csg.cache.requests``."""

    def __init__(self) -> None:
        self.counted = TallySeries(names.CACHE_REQUESTS)
        self.readers: dict[str, _CacheReader] = {}
        callbacks = (self.counted.observe, self._observe)
        metric = names.CACHE_REQUESTS
        scope.create(metric, [metric_groups.switchable(metric, callback) for callback in callbacks])

    def _observe(self, _options: CallbackOptions) -> Iterable[Observation]:
        for name, read in tuple(self.readers.items()):
            for result, count in read().items():
                yield Observation(count, {names.CACHE_NAME: name, names.CACHE_RESULT: result})


class _CacheReader:
    """Reads hits and misses of a cache; they never shrink, although ``cache_clear()`` resets the cache's own counts to 0."""

    def __init__(self, cached: Cached) -> None:
        self._cached = cached
        self._last = {"hit": 0, "miss": 0}
        self._before_clear = {"hit": 0, "miss": 0}

    def __call__(self) -> dict[str, int]:
        info = self._cached.cache_info()
        now = {"hit": info.hits, "miss": info.misses}
        for result, count in now.items():
            if count < self._last[result]:
                self._before_clear[result] += self._last[result]
        self._last = now
        return {result: count + self._before_clear[result] for result, count in now.items()}


def cache(name: str) -> Cache:
    """Return the counters of the cache *name*; call ``hit()`` or ``miss()`` on them at each look-up."""
    caches: _Caches = once("caches", _Caches)
    return Cache(clean.text(name), caches.counted)


def observe_cache(name: str, cached: Cached) -> None:
    """
    Count hits and misses of the cache *name*; *cached* is a function with ``lru_cache`` or an object with ``cache_info()``.

    They are read when metrics are collected, so calls of the cache cost nothing more. Raises InstrumentError for an object
    without ``cache_info()``.
    """
    if not callable(getattr(cached, "cache_info", None)):
        raise InstrumentError(
            f"observe_cache: {cached!r} has no cache_info(); decorate it with functools.lru_cache, or count by csg_otel.cache()"
        )
    caches: _Caches = once("caches", _Caches)
    caches.readers[clean.text(name)] = _CacheReader(cached)


def event(
    name: str, attributes: Mapping[str, Any] | None = None, *, body: str | None = None, severity: Severity = "info"
) -> None:
    """
    Emit an event: a log record named *name* with *attributes*, in the current span.

    Args:
        name: The event's name, constant and short.
        attributes: Its attributes.
        body: A text for people; by default none.
        severity: Its severity. An unknown one counts as ``info`` and is reported once; this function never raises.
    """
    try:
        level = clean.text(severity)
        if level not in _SEVERITIES:
            faults.report("event", f"{level!r} is not a severity{suggestion(level, _SEVERITIES)}; it counts as 'info'")
            level = "info"
        scope.logger().emit(
            LogRecord(
                timestamp=time.time_ns(),
                severity_number=_SEVERITIES[level],
                severity_text=level.upper(),
                body=body,
                event_name=clean.text(name),
                attributes=clean.clean(attributes or {}),
            )
        )
    except Exception:  # noqa: BLE001 - telemetry never raises into the program
        faults.contain("event")
