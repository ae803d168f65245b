"""The whole way of telemetry, from SDK to destination, without OTel's globals: as many at once as a test likes."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from opentelemetry._logs import LogRecord
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

from csg_otel.config import Config
from csg_otel.config.sections.exporters import Exporters, OtlpExporter, Queue, Spool
from csg_otel.exporters.build import build_destinations
from csg_otel.exporters.delivery.destination import Destination, DestinationStatus, items_by_outcome
from csg_otel.pipeline.fanout import LogFanOut, SpanFanOut
from csg_otel.pipeline.readers import LocalReader
from support.otlp_sink import Received


class Pipeline:
    """Spans, logs and a delta counter to one destination."""

    def __init__(
        self, endpoint: str, folder: Path, *, protocol: Any = "http/protobuf", spool: Any = None, **otlp: Any
    ) -> None:
        """Send to *endpoint*; the spool is in *folder*. *otlp* are fields of the destination's settings."""
        settings = OtlpExporter(
            name=folder.name, endpoint=endpoint, protocol=protocol, temporality="delta", **{"timeout": 1.0, **otlp}
        )
        exporters = Exporters(
            otlp=(settings,),
            queue=Queue(delay=0.2),
            spool=spool or Spool(directory=str(folder)),
            metric_interval=0.25,
        )
        self.destination: Destination
        (self.destination,) = build_destinations(Config(exporters=exporters), LocalReader())
        assert self.destination.reader is not None
        spans, logs = SpanFanOut(), LogFanOut()
        spans.puts, logs.puts = (
            tuple(put for signal, put in self.destination.puts.items() if signal == wanted)
            for wanted in ("traces", "logs")
        )
        self._tracers = TracerProvider(shutdown_on_exit=False)
        self._tracers.add_span_processor(spans)
        self._loggers = LoggerProvider(shutdown_on_exit=False)
        self._loggers.add_log_record_processor(logs)
        self._meters = MeterProvider(metric_readers=[self.destination.reader], shutdown_on_exit=False)
        self._tracer, self._logger = self._tracers.get_tracer("t"), self._loggers.get_logger("t")
        self._counter = self._meters.get_meter("t").create_counter("added")
        self.emitted = 0
        self.destination.start()

    def spans(self, count: int) -> None:
        """End *count* spans, nothing else."""
        for _ in range(count):
            self._tracer.start_span(f"item {self.emitted}").end()
            self.emitted += 1

    def emit(self, count: int, rate: float = 1e9) -> None:
        """Emit *count* spans, records and increments, *rate* of each a second."""
        began = time.monotonic()
        for number in range(count):
            name = f"item {self.emitted}"
            self._tracer.start_span(name).end()
            self._logger.emit(LogRecord(body=name))
            self._counter.add(1)
            self.emitted += 1
            if (early := began + number / rate - time.monotonic()) > 0:
                time.sleep(early)

    def emit_meanwhile(self, count: int, rate: float) -> threading.Thread:
        """Emit on a thread of its own."""
        thread = threading.Thread(target=self.emit, args=(count, rate))
        thread.start()
        return thread

    def status(self) -> DestinationStatus:
        """Return the destination's books, which have to be balanced whenever one looks."""
        for lane in self.destination.lanes.values():
            book = lane.status()
            assert (
                book.emitted + book.adopted == book.delivered + sum(book.dropped.values()) + book.queued + book.spooled
            )
        return self.destination.status()

    def flush(self, within_s: float) -> bool:
        """Collect and flush as ``force_flush`` does."""
        deadline = time.monotonic() + within_s
        assert self.destination.ticker is not None
        collected = self.destination.ticker.request().wait(within_s)
        return all([lane.flush(deadline) for lane in self.destination.lanes.values()]) and collected

    def end(self, within_s: float = 5.0) -> Counter[tuple[str, str, str]]:
        """End as ``shutdown`` does; returns items by signal, outcome (``spooled``: left on disk) and reason."""
        deadline = time.monotonic() + within_s
        assert self.destination.ticker is not None
        self.destination.ticker.stop().wait(within_s)
        lanes = self.destination.lanes
        for lane in lanes.values():
            lane.nudge()
            lane.close(deadline)
        books = {signal: lane.join() for signal, lane in lanes.items()}
        counts = Counter({key[1:]: n for key, n in items_by_outcome([self.destination]).items()})
        self.status()
        self.destination.end()
        for signal, book in books.items():
            counts[signal, "spooled", ""] = book.spooled
            assert book.emitted + book.adopted == book.delivered + book.spooled + sum(book.dropped.values())
        return +counts


def arrived(received: Received) -> tuple[Counter[str], Counter[str], int]:
    """Return how often each span and record came, and the sum of all increments."""
    spans = Counter(span.name for span in received.spans if span.name.startswith("item"))
    records = Counter(str(record.body.string_value) for record in received.records)
    return spans, records, sum(point.as_int for point in received.points("added"))
