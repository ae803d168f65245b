"""Providers that the program has set: nothing of theirs changes, and what is added is removed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from support.otlp_sink import HttpSink, attributes
from support.programs import HUNG_S, Program

HOST = """
import json, logging, os, urllib.request
from opentelemetry import _logs, metrics, trace
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import DropAggregation, ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

shop = Resource.create({"service.name": "shop", "team": "a"})
reader = InMemoryMetricReader()

def processors(provider):
    holder = getattr(provider, "_active_span_processor", None) or provider._multi_log_record_processor
    return len(getattr(holder, "_span_processors", None) or getattr(holder, "_log_record_processors", ()))

def start(**settings):
    import csg_otel
    return csg_otel.instrument("mine", health_monitoring__enabled=False, system_monitoring__enabled=False, **settings)

def scrape(telemetry): return urllib.request.urlopen(telemetry.url + "/metrics").read().decode()
"""


def run(source: str, cwd: Path) -> tuple[Any, str]:
    """Run *source* in the host above; return the JSON it printed last, and its log."""
    with Program(HOST + source.replace("\n        ", "\n"), cwd) as program:
        assert program.wait(HUNG_S) == 0, program.stderr
        assert program.process.stdout is not None
        assert "Traceback" not in program.stderr, program.stderr
        return json.loads(program.process.stdout.read().splitlines()[-1]), program.stderr


def test_its_views_and_resource_stay(tmp_path: Path) -> None:
    """Its own reader and `/metrics` obey the views; also with other settings, and in a forked child."""
    shown, _ = run(
        """
        metrics.set_meter_provider(MeterProvider([reader], shop, views=[
            View(instrument_name="lat", aggregation=ExplicitBucketHistogramAggregation((1, 2, 3))),
            View(instrument_name="secret.*", aggregation=DropAggregation()),
            View(instrument_name="req", attribute_keys={"route"}),
        ]))
        telemetry = start(exporters=["prometheus"])
        telemetry = start(exporters=["prometheus"], exporters__queue__delay=2.0)
        meter = metrics.get_meter("shop")
        def emit():
            meter.create_histogram("lat").record(1.5)
            meter.create_counter("secret.users").add(1)
            meter.create_counter("req").add(1, {"route": "/", "user": "u1"})
        def view():
            (rm,) = reader.get_metrics_data().resource_metrics
            points = {x.name: x.data.data_points[0] for sm in rm.scope_metrics for x in sm.metrics}
            shops = sorted(name for name in points if not name.startswith(("csg.", "otel.sdk.")))
            return [rm.resource.attributes["service.name"], rm.resource.attributes["team"], shops,
                    list(points["lat"].explicit_bounds), sorted(points["req"].attributes)]
        emit()
        mine, text = view(), scrape(telemetry)
        read, write = os.pipe()
        if (pid := os.fork()) == 0:
            emit()
            os.write(write, json.dumps(view()).encode())
            os._exit(0)
        os.waitpid(pid, 0)
        child = json.loads(os.read(read, 1000))
        print(json.dumps([mine, child, "secret" in text, 'user="u1"' in text, text.count("lat_bucket{")]))
        """,
        tmp_path,
    )
    expected = ["shop", "a", ["lat", "req"], [1, 2, 3], ["route"]]

    assert shown == [expected, expected, False, False, 4]


def test_what_is_added_is_removed(tmp_path: Path) -> None:
    """At the end and with other settings: a provider that is used again and again has what the program gave it."""
    shown, _ = run(
        """
        tracers, meters, loggers = TracerProvider(), MeterProvider([reader]), LoggerProvider()
        trace.set_tracer_provider(tracers); metrics.set_meter_provider(meters); _logs.set_logger_provider(loggers)
        def counts(): return [processors(tracers), len(meters._measurement_consumer._reader_storages), processors(loggers)]
        seen = [counts()]
        for _ in range(3):
            start(exporters=["prometheus", "otlp+http://127.0.0.1:9"])
            seen.append(counts())
            telemetry = start(exporters=["prometheus", "otlp+http://127.0.0.1:9"], exporters__queue__delay=2.0)
            seen.append(counts())
            telemetry.shutdown(0.1)
            seen.append(counts())
        print(json.dumps(seen))
        """,
        tmp_path,
    )

    assert shown == [[0, 1, 0], *3 * [[1, 3, 1], [1, 3, 1], [0, 1, 0]]]


def test_every_metric_of_ours_is_there_after_a_new_start(tmp_path: Path) -> None:
    """The SDK keeps the first callback of an instrument, so each of ours is registered once."""
    shown, _ = run(
        """
        metrics.set_meter_provider(MeterProvider([reader]))
        import csg_otel
        def names():
            with csg_otel.observe("work"): pass
            csg_otel.counter("orders").add(1)
            return {line.split()[2] for line in scrape(telemetry).splitlines() if line.startswith("# TYPE")}
        telemetry = start(exporters=["prometheus", "otlp+http://127.0.0.1:9"])
        first = names()
        telemetry.shutdown(0.1)
        telemetry = start(exporters=["prometheus", "otlp+http://127.0.0.1:9"])
        print(json.dumps([sorted(first - names()), "csg_exporter_items_total" in first]))
        """,
        tmp_path,
    )

    assert shown == [[], True]


def test_all_signals_have_its_resource(sink: HttpSink, tmp_path: Path) -> None:
    """Spans are exported with its resource, and the metrics and records of our own providers, too; said once."""
    _, log = run(
        f"""
        trace.set_tracer_provider(TracerProvider(resource=shop))
        import csg_otel
        for _ in range(2):
            telemetry = start(exporters=["otlp+http://127.0.0.1:{sink.port}"])
            with csg_otel.observe("work"): logging.getLogger("app").warning("hello")
            telemetry.shutdown(20)
        print("0")
        """,
        tmp_path,
    )
    requests = [*sink.received.traces, *sink.received.metrics, *sink.received.logs]
    parts = [
        part
        for r in requests
        for field, items in r.ListFields()
        if field.name.startswith("resource_")
        for part in items
    ]
    names = {(attributes(part.resource)["service.name"], attributes(part.resource)["team"]) for part in parts}

    assert names == {("shop", "a")}
    assert log.count("has service.name 'shop'") == 1


def test_a_name_that_nobody_chose_is_not_taken(sink: HttpSink, tmp_path: Path) -> None:
    """A provider without a resource of its own is the SDK's `unknown_service`; our own metrics keep the configured name."""
    _, log = run(
        f"""
        trace.set_tracer_provider(TracerProvider())
        telemetry = start(exporters=["otlp+http://127.0.0.1:{sink.port}"])
        telemetry.shutdown(20)
        print("0")
        """,
        tmp_path,
    )
    (resource,) = {attributes(m.resource_metrics[0].resource)["service.name"] for m in sink.received.metrics}

    assert resource == "mine"
    assert "service.name" not in log


def test_its_own_flush_and_end_send(sink: HttpSink, tmp_path: Path) -> None:
    """Whoever flushes or ends the program's provider flushes what was added to it."""
    shown, _ = run(
        f"""
        trace.set_tracer_provider(TracerProvider()); _logs.set_logger_provider(LoggerProvider())
        start(exporters=["otlp+http://127.0.0.1:{sink.port}"], exporters__queue__delay=30.0, exporters__spool__enabled=False)
        def emit(name):
            trace.get_tracer("host").start_span(name).end()
            _logs.get_logger("host").emit(_logs.LogRecord(body=name))
        emit("flushed")
        flushed = [provider.force_flush(20000) for provider in (trace.get_tracer_provider(), _logs.get_logger_provider())]
        emit("ended")
        for provider in (trace.get_tracer_provider(), _logs.get_logger_provider()): provider.shutdown()
        print(json.dumps(flushed), flush=True)
        os._exit(0)
        """,
        tmp_path,
    )

    assert shown == [True, True]
    assert [span.name for span in sink.received.spans] == ["flushed", "ended"]
    assert [record.body.string_value for record in sink.received.records] == ["flushed", "ended"]


FOREIGN = """
class Tracers(trace.TracerProvider):
    def get_tracer(self, *args, **kwargs): return trace.NoOpTracer()
class Meters(metrics.MeterProvider):
    def get_meter(self, name, *args, **kwargs): return metrics.NoOpMeter(name)
    def add_metric_reader(self, reader): raise RuntimeError("no readers here")
"""


def test_a_provider_that_accepts_nothing_degrades_its_signal(sink: HttpSink, tmp_path: Path) -> None:
    """One warning for each, and the state of every destination of the signal, with the reason; other signals go on."""
    shown, log = run(
        FOREIGN.replace("\n", "\n        ")
        + f"""
        trace.set_tracer_provider(Tracers()); metrics.set_meter_provider(Meters())
        for delay in (1.0, 2.0):
            telemetry = start(exporters=["otlp+http://127.0.0.1:{sink.port}", "prometheus"], exporters__queue__delay=delay)
        _logs.get_logger("host").emit(_logs.LogRecord(body="hello"))
        states = {{name: [status.state, status.last_error] for name, status in telemetry.status().items()}}
        telemetry.shutdown(20)
        start(exporters=["otlp+http://127.0.0.1:{sink.port}", "prometheus"])
        print(json.dumps(states))
        """,
        tmp_path,
    )

    assert {name: state for name, (state, _) in shown.items()} == {"otlp": "degraded", "prometheus": "degraded"}
    assert "traces do not reach" in shown["otlp"][1]
    assert "metrics do not reach" in shown["prometheus"][1]
    assert "no readers here" in shown["prometheus"][1]
    assert [log.count(f"{signal} do not reach csg_otel") for signal in ("traces", "metrics", "logs")] == [1, 1, 0]
    assert [record.body.string_value for record in sink.received.records] == ["hello"]


def test_a_provider_that_takes_the_place_of_ours_degrades_its_signal(sink: HttpSink, tmp_path: Path) -> None:
    """A library may replace the function that returns the global provider, after ours is installed: one warning, by itself."""
    shown, log = run(
        f"""
        import time
        telemetry = start(exporters=["otlp+http://127.0.0.1:{sink.port}", "prometheus"], exporters__metric_interval=0.1)
        before = telemetry.status()["otlp"].state
        other = TracerProvider()
        trace.get_tracer_provider = lambda: other
        deadline = time.monotonic() + 50
        while telemetry.status()["otlp"].state != "degraded" and time.monotonic() < deadline: time.sleep(0.01)
        time.sleep(1)  # a second warning would come by then
        states = {{name: [status.state, status.last_error] for name, status in telemetry.status().items()}}
        telemetry.shutdown(20)
        print(json.dumps([before, states]))
        """,
        tmp_path,
    )
    before, states = shown

    assert (before, states["otlp"][0], states["prometheus"][0]) == ("ok", "degraded", "ok")
    assert "has taken the place" in states["otlp"][1]
    assert log.count("has taken the place") == 1


WRAPPED = """
class Wrapper(trace.TracerProvider):
    def __init__(self, provider): self.provider = provider
    def get_tracer(self, *args, **kwargs): return self.provider.get_tracer(*args, **kwargs)
    def change(self, provider): self.provider.shutdown(); self.provider = provider
class MeterWrapper(metrics.MeterProvider):
    def __init__(self, provider): self.provider = provider
    def get_meter(self, *args, **kwargs): return self.provider.get_meter(*args, **kwargs)
"""


def test_a_wrapper_is_adopted_and_followed(sink: HttpSink, tmp_path: Path) -> None:
    """The provider that it wraps gets the processor and the readers; another one that it wraps later gets them, too."""
    shown, _ = run(
        WRAPPED.replace("\n", "\n        ")
        + f"""
        import time
        first, second = TracerProvider(), TracerProvider()
        tracers, meters = Wrapper(first), MeterWrapper(MeterProvider())
        trace.set_tracer_provider(tracers); metrics.set_meter_provider(meters)
        telemetry = start(exporters=["otlp+http://127.0.0.1:{sink.port}", "prometheus"])
        trace.get_tracer("host").start_span("first").end()
        metrics.get_meter("host").create_counter("one").add(1)
        texts = [scrape(telemetry)]
        tracers.change(second)
        meters.provider = MeterProvider()
        def followed(): return processors(second) and meters.provider._measurement_consumer._reader_storages
        deadline = time.monotonic() + 20
        while not followed() and time.monotonic() < deadline: time.sleep(0.01)
        trace.get_tracer("host").start_span("second").end()
        metrics.get_meter("host").create_counter("two").add(1)
        texts.append(scrape(telemetry))
        states = {{status.state for status in telemetry.status().values()}}
        telemetry.shutdown(20)
        left = [processors(first), processors(second), len(meters.provider._measurement_consumer._reader_storages)]
        print(json.dumps(["one_total" in texts[0], "two_total" in texts[1], sorted(states), left]))
        """,
        tmp_path,
    )

    assert shown == [True, True, ["ok"], [0, 0, 0]]
    assert [span.name for span in sink.received.spans] == ["first", "second"]
