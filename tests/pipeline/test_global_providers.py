"""OpenTelemetry's global providers as libraries use them: what they add stays, and every method does what the SDK's does."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

from support.otlp_sink import HttpSink
from support.programs import HUNG_S, Program, eventually

NO_SPOOL = {"CSG_OTEL_EXPORTERS_SPOOL_ENABLED": "false"}

LIBRARY = """
    import json, logging, os, threading
    import csg_otel
    from opentelemetry import _logs, metrics, trace
    from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import InMemoryMetricReader, MetricReader
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

    class Spans(SpanProcessor):
        '''What a library adds: it notes what it sees, and what is called after its end.'''
        def __init__(self): self.seen, self.flushed, self.late, self.ended = [], 0, 0, 0
        def on_end(self, span): self.seen.append(span.name); self.late += self.ended
        def force_flush(self, timeout_millis=30000): self.flushed += 1; self.late += self.ended; return True
        def shutdown(self): self.late += self.ended; self.ended += 1

    class Logs(LogRecordProcessor):
        def __init__(self): self.seen, self.flushed, self.late, self.ended = [], 0, 0, 0
        def on_emit(self, record): self.seen.append(record.log_record.body); self.late += self.ended
        def force_flush(self, timeout_millis=30000): self.flushed += 1; self.late += self.ended; return True
        def shutdown(self): self.late += self.ended; self.ended += 1

    def providers(): return trace.get_tracer_provider(), metrics.get_meter_provider(), _logs.get_logger_provider()

    def add():
        spans, logs, reader = Spans(), Logs(), InMemoryMetricReader()
        tracers, meters, loggers = providers()
        tracers.add_span_processor(spans); loggers.add_log_record_processor(logs); meters.add_metric_reader(reader)
        return spans, logs, reader

    def emit(name):
        trace.get_tracer("library").start_span(name).end()
        _logs.get_logger("library").emit(_logs.LogRecord(body=name))
        metrics.get_meter("library").create_counter("calls").add(1)

    def calls(reader):
        data = reader.get_metrics_data()
        return sum(point.value for rm in data.resource_metrics for sm in rm.scope_metrics for metric in sm.metrics
                   if metric.name == "calls" for point in metric.data.data_points)

    def start(**settings):
        return csg_otel.instrument("s", health_monitoring__enabled=False, system_monitoring__enabled=False, **settings)
"""


def run(source: str, cwd: Path, env: dict[str, str] | None = None) -> Any:
    """Run *source* after the library above; return the JSON it printed last."""
    with Program(LIBRARY.replace("\n    ", "\n") + "\n" + source.replace("\n        ", "\n"), cwd, env) as program:
        assert program.wait(HUNG_S) == 0, program.stderr
        assert program.process.stdout is not None
        assert "Traceback" not in program.stderr, program.stderr
        return json.loads(program.process.stdout.read().splitlines()[-1])


def test_they_are_the_sdks_own_classes(tmp_path: Path) -> None:
    """Libraries check the class before they add a processor, and read the sampler and the generator of ids."""
    shown = run(
        """
        start(exporters=["prometheus"], sampling__ratio=0.25)
        tracers, meters, loggers = providers()
        print(json.dumps([
            [isinstance(tracers, TracerProvider), isinstance(meters, MeterProvider), isinstance(loggers, LoggerProvider)],
            [tracers.resource.attributes["service.name"], loggers.resource.attributes["service.name"]],
            "0.25" in tracers.sampler.get_description(),
            tracers.id_generator.generate_trace_id() > 0,
            len(tracers._active_span_processor._span_processors),
            tracers.get_tracer("t", "1", "https://schema", {"a": 1}).sampler is tracers.sampler,
        ]))
        """,
        tmp_path,
    )

    assert shown == [[True] * 3, ["s", "s"], True, True, 1, True]


def test_what_libraries_add_lives_through_everything(tmp_path: Path) -> None:
    """New settings, a fork, the end of the telemetry and a new one: each item is seen once, until the provider is shut down."""
    shown = run(
        """
        start(exporters=["prometheus"])
        spans, logs, reader = add()
        providers()[0].add_span_processor(spans)  # a library that is set up twice
        emit("first")
        telemetry = start(exporters=["prometheus"], exporters__queue__delay=2.0)
        emit("other settings")
        start(exporters=["prometheus"], sampling__ratio=0.0)  # ends with the telemetry, as others have not asked for it
        telemetry.shutdown()
        emit("after the end")
        telemetry = start(exporters=["prometheus"])
        emit("begun again")
        read, write = os.pipe()
        if (pid := os.fork()) == 0:
            emit("child")
            os.write(write, json.dumps([spans.seen[-1], logs.seen[-1]]).encode())
            os._exit(0)
        os.waitpid(pid, 0)
        child = json.loads(os.read(read, 1000))
        counted = calls(reader)
        for provider in providers(): provider.shutdown()
        emit("when the provider has ended")
        for provider in providers(): provider.force_flush(); provider.shutdown()
        print(json.dumps([spans.seen, logs.seen, counted, child, [spans.ended, spans.late, logs.ended, logs.late]]))
        """,
        tmp_path,
    )
    expected = ["first", "other settings", "after the end", "begun again"]

    assert shown == [expected, expected, 4, ["child", "child"], [1, 0, 1, 0]]


def test_the_end_of_the_process_ends_what_libraries_have_added(tmp_path: Path) -> None:
    """Once, as the SDK's providers do it; it is flushed before that, with this package's own destinations."""
    shown = run(
        """
        class Last(Spans):
            def shutdown(self):
                super().shutdown()
                print(json.dumps([self.seen, self.flushed > 0, self.ended, self.late]))
        start(exporters=["prometheus"])
        providers()[0].add_span_processor(Last())
        emit("item")
        """,
        tmp_path,
    )

    assert shown == [["item"], True, 1, 0]


def test_a_flush_of_a_provider_sends(sink: HttpSink, tmp_path: Path) -> None:
    """After True the items are at the collector, although the process ends the hard way: a frozen Lambda depends on it."""
    with Program(
        LIBRARY
        + f"""
    start(exporters=["otlp+http://127.0.0.1:{sink.port}"], exporters__queue__delay=30.0, exporters__metric_interval=60.0)
    emit("item")
    print(json.dumps([provider.force_flush(20000) for provider in providers()]), flush=True)
    os.kill(os.getpid(), 9)
    """,
        tmp_path,
        NO_SPOOL,
    ) as program:
        assert json.loads(program.line()) == [True] * 3, program.stderr
        assert program.wait() == -signal.SIGKILL
    received = sink.received

    assert [span.name for span in received.spans] == ["item"]
    assert [record.body.string_value for record in received.records] == ["item"]
    assert [point.as_int for point in received.points("calls")] == [1]


def test_a_flush_that_fails_says_so_in_time(tmp_path: Path) -> None:
    """A destination that is not there, a processor that hangs and one that raises: False, within the time, for each signal."""
    sink = HttpSink()
    sink.close()
    shown = run(
        f"""
        import time
        class Hangs(Spans):
            def force_flush(self, timeout_millis=0): threading.Event().wait(60)
        class Raises(Logs):
            def force_flush(self, timeout_millis=0): raise ValueError("no")
        telemetry = start(exporters=["otlp+http://127.0.0.1:{sink.port}"])
        tracers, meters, loggers = providers()
        emit("item")
        refused = [provider.force_flush(300) for provider in providers()]
        telemetry.shutdown(0.1)
        idle = [provider.force_flush(30000) for provider in providers()]
        loggers.add_log_record_processor(Raises())
        tracers.add_span_processor(Hangs())
        began = time.monotonic()
        others = [tracers.force_flush(500), loggers.force_flush(500)]
        print(json.dumps([refused, idle, others, time.monotonic() - began < 20]), flush=True)
        os._exit(0)
        """,
        tmp_path,
        NO_SPOOL,
    )

    assert shown == [[False] * 3, [True] * 3, [False, False], True]


def test_a_shutdown_of_another_sends_and_leaves_the_telemetry_running(sink: HttpSink, tmp_path: Path) -> None:
    """Libraries shut the global providers down when they end; items before that are sent, and so are later ones."""
    shown = run(
        f"""
        telemetry = start(exporters=["otlp+http://127.0.0.1:{sink.port}"], exporters__queue__delay=30.0)
        emit("before")
        for provider in providers(): provider.shutdown()
        emit("after")
        report = telemetry.shutdown(20)
        for provider in providers(): provider.shutdown(); provider.force_flush()
        trace.get_tracer("t").start_span("no-op").end()
        print(json.dumps([report.dropped, trace.get_tracer("t").start_span("no-op").is_recording()]))
        """,
        tmp_path,
    )

    assert shown == [{}, False]
    assert [span.name for span in sink.received.spans] == ["before", "after"]
    assert [record.body.string_value for record in sink.received.records] == ["before", "after"]
    assert sink.received.points("calls")[-1].as_int == 2


def test_a_processor_that_raises_harms_nobody(sink: HttpSink, tmp_path: Path) -> None:
    """Neither the program, nor this package, nor the processors after it."""
    shown = run(
        f"""
        class Broken(SpanProcessor):
            def on_start(self, span, parent_context=None): raise ValueError("start")
            def on_end(self, span): raise ValueError("end")
        class Foreign:  # not even a processor: it has no other method
            def on_end(self, span): self.seen = span.name
        class BrokenLogs(Logs):
            def on_emit(self, record): raise ValueError("emit")
        telemetry = start(exporters=["otlp+http://127.0.0.1:{sink.port}"])
        tracers, _, loggers = providers()
        foreign = Foreign()
        for processor in (Broken(), foreign): tracers.add_span_processor(processor)
        loggers.add_log_record_processor(BrokenLogs())
        spans, logs, _ = add()
        emit("item")
        telemetry.shutdown(20)
        for provider in providers(): provider.force_flush(); provider.shutdown()
        print(json.dumps([spans.seen, logs.seen, foreign.seen]))
        """,
        tmp_path,
    )

    assert shown == [["item"], ["item"], "item"]
    assert [span.name for span in sink.received.spans] == ["item"]


def test_telemetry_that_is_off_leaves_the_providers_to_others(tmp_path: Path) -> None:
    """A library that comes later sets its own provider, and it is adopted when telemetry is switched on."""
    shown = run(
        """
        telemetry = start(exporters=["prometheus"], disabled=True)
        tracers = TracerProvider(); spans = Spans(); tracers.add_span_processor(spans)
        trace.set_tracer_provider(tracers)
        emit("off")
        start(exporters=["prometheus"])
        emit("on")
        print(json.dumps([trace.get_tracer_provider() is tracers, spans.seen]))
        """,
        tmp_path,
    )

    assert shown == [True, ["off", "on"]]


def test_sigterm_flushes_what_libraries_have_added(tmp_path: Path) -> None:
    """The process ends by the signal, and no `atexit` function runs."""
    with Program(
        LIBRARY
        + """
    import time
    class Kept(Spans):
        def force_flush(self, timeout_millis=0): open("flushed", "w").write(json.dumps(self.seen)); return True
    start(exporters=["prometheus"])
    providers()[0].add_span_processor(Kept())
    emit("item")
    print("ready", flush=True)
    time.sleep(60)
    """,
        tmp_path,
    ) as program:
        assert program.line() == "ready", program.stderr
        program.terminate()
        assert program.wait() == -signal.SIGTERM
    eventually((tmp_path / "flushed").exists)

    assert json.loads((tmp_path / "flushed").read_text()) == ["item"]


def test_an_interpreter_without_threads_is_enough(tmp_path: Path) -> None:
    """At the end of the interpreter no thread can be started: a flush there still flushes."""
    shown = run(
        """
        import atexit
        spans = Spans()
        def last():
            flushed = providers()[0].force_flush(30000)
            print(json.dumps([flushed, spans.flushed > 0]))
        atexit.register(last)
        start(exporters=["prometheus"])
        providers()[0].add_span_processor(spans)
        """,
        tmp_path,
    )

    assert shown == [True, True]


def test_a_shutdown_does_not_wait_for_a_collection_that_hangs(sink: HttpSink, tmp_path: Path) -> None:
    """The readers of many destinations are removed after it, if the process goes on."""
    source = f"""
        destinations = [{{"name": f"c{{number}}", "endpoint": "{sink.endpoint}"}} for number in range(8)]
        telemetry = start(config={{"exporters": {{"otlp": destinations}}}}, system_monitoring__prometheus__enabled=False)
        consumer = metrics.get_meter_provider()._measurement_consumer  # its lock is held for as long as a collection lasts
        with consumer._lock:
            ending = threading.Thread(target=telemetry.shutdown, args=(1,), daemon=True)
            ending.start()
            ending.join(20)
            hangs = ending.is_alive()
        for thread in threading.enumerate():
            if thread.name == "csg-otel-detach":
                thread.join(20)
        print(json.dumps([hangs, len(consumer._reader_storages)]))
    """
    assert run(source, tmp_path, NO_SPOOL) == [False, 0]
