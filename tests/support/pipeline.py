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
from csg_otel.exporters.delivery.accounting import items_by_result
from csg_otel.exporters.delivery.destination import Destination, DestinationStatus
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
        spans.sinks, logs.sinks = (
            tuple(sink for signal, sink in self.destination.sinks.items() if signal == wanted)
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
        """Return the destination's status; the counts of each queue must balance at any moment."""
        for queue in self.destination.queues.values():
            counts = queue.status()
            assert counts.emitted + counts.adopted == (
                counts.delivered + sum(counts.dropped.values()) + counts.queued + counts.spooled
            )
        return self.destination.status()

    def flush(self, within_s: float) -> bool:
        """Collect and flush as ``force_flush`` does."""
        deadline = time.monotonic() + within_s
        assert self.destination.ticker is not None
        collected = self.destination.ticker.request().wait(within_s)
        return all([queue.flush(deadline) for queue in self.destination.queues.values()]) and collected

    def end(self, within_s: float = 5.0) -> Counter[tuple[str, str, str]]:
        """End as ``shutdown`` does; return items by signal, result (``spooled``: left on disk) and reason."""
        deadline = time.monotonic() + within_s
        assert self.destination.ticker is not None
        self.destination.ticker.stop().wait(within_s)
        queues = self.destination.queues
        for queue in queues.values():
            queue.nudge()
            queue.close(deadline)
        final = {signal: queue.join() for signal, queue in queues.items()}
        counts = Counter({key[1:]: n for key, n in items_by_result([self.destination]).items()})
        self.status()
        self.destination.end()
        for signal, status in final.items():
            counts[signal, "spooled", ""] = status.spooled
            assert status.emitted + status.adopted == (status.delivered + status.spooled + sum(status.dropped.values()))
        return +counts


def arrived(received: Received) -> tuple[Counter[str], Counter[str], int]:
    """Return how often each span and record came, and the sum of all increments."""
    spans = Counter(span.name for span in received.spans if span.name.startswith("item"))
    records = Counter(str(record.body.string_value) for record in received.records)
    return spans, records, sum(point.as_int for point in received.points("added"))
