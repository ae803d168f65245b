"""
What scrubbing costs: a decorated call on its own thread, and a scrape of 9,500 series, with and without, side by side.

Rounds with and without alternate in one process, and the medians are compared. Of the call the CPU time of its thread counts,
because the exporting thread shares the machine. Run by ``python -m bench.scrubbing`` in ``tests``.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from opentelemetry.sdk.metrics import MeterProvider

import csg_otel
from bench.__main__ import sink
from csg_otel.exporters import prometheus
from csg_otel.pipeline.readers import LocalReader
from csg_otel.privacy import Options, Scrubber, active

_ROUNDS = 600
_CALLS = 100
_SERIES = 9_500
_ON, _OFF = Scrubber(), Scrubber(Options(enabled=False))


def compared(work: Callable[[], object], clock: Callable[[], float], rounds: int) -> tuple[float, float]:
    """Return the median seconds of *work* with scrubbing and without."""
    seconds: dict[Scrubber, list[float]] = {_ON: [], _OFF: []}
    for number in range(rounds + 1):
        for scrubber in (_ON, _OFF) if number % 2 else (_OFF, _ON):
            active.install(scrubber)
            begun = clock()
            work()
            if number:  # the first round fills the caches
                seconds[scrubber].append(clock() - begun)
    return statistics.median(seconds[_ON]), statistics.median(seconds[_OFF])


def call() -> tuple[float, float]:
    """Return the seconds of 100 decorated calls whose telemetry is exported."""
    with sink() as url:
        settings = {
            "exporters": {
                "console": {"enabled": False},
                "otlp": [{"name": "sink", "endpoint": url, "protocol": "http/protobuf"}],
                "queue": {"max_items": 100_000},
            },
            "system_monitoring": {"enabled": False, "prometheus": {"enabled": False}},
            "health_monitoring": {"enabled": False},
        }
        with csg_otel.instrument("bench", config=settings):

            @csg_otel.observe("work", {"customer": "ann@example.org", "b": 1, "c": True})
            def work() -> None:
                pass

            def many() -> None:
                for _ in range(_CALLS):
                    work()

            return compared(many, time.thread_time, _ROUNDS)


def scrape() -> tuple[float, float]:
    """Return the seconds of a page of 9,500 series without secrets."""
    reader = LocalReader()
    meter = MeterProvider([reader]).get_meter("bench")
    for number in range(_SERIES // 500):
        counter = meter.create_counter(f"orders{number}")
        for series in range(500):
            counter.add(1, {"route": f"/orders/{series}", "method": "GET", "status": 200})
    form = prometheus.negotiate("")
    return compared(lambda: prometheus.render(reader.read(), form), time.thread_time, 21)


if __name__ == "__main__":
    for name, unit, (with_it, without) in (
        ("100 calls, thread CPU", 1e3, call()),
        ("scrape of 9,500 series", 1e3, scrape()),
    ):
        print(f"{name}: {with_it * unit:.2f} ms with, {without * unit:.2f} ms without, ratio {with_it / without:.3f}")
