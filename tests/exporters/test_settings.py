"""The settings of `exporters` that decide where, how and how long items are sent, as real receivers see them."""

from __future__ import annotations

import io
import json
import socket
import ssl
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import trustme
from opentelemetry import _logs, metrics, trace
from opentelemetry._logs import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality

from csg_otel.config import load
from csg_otel.exporters.delivery.accounting import ShutdownReport
from csg_otel.exporters.otlp import address
from csg_otel.providers import Providers
from support.otlp_sink import GrpcSink, HttpSink
from support.programs import HUNG_S, Program, eventually

SPANS = 30
AGGREGATION = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"
EXPLICIT = "explicit_bucket_histogram"
LONG = "x" * 100


@pytest.fixture
def unreachable() -> str:
    """The URL of a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}"


def send(exporters: dict[str, Any], folder: Path, within_s: float = 10) -> ShutdownReport:
    """Emit spans, a record and a count with these settings, end within *within_s* seconds; return what became of them."""
    settings = {**exporters, "spool": {"directory": str(folder), **exporters.get("spool", {})}}
    providers = Providers(load({"exporters": settings}, environ={}).config)
    metrics.get_meter("test").create_counter("placed").add(1)
    _logs.get_logger("test").emit(LogRecord(body="written"))
    tracer = trace.get_tracer("test")
    for number in range(SPANS):
        tracer.start_span("item", attributes={"number": number, "text": LONG}).end()
    return providers.shutdown(within_s)


def otlp(endpoint: str, **settings: Any) -> dict[str, Any]:
    """Return the settings of one destination that is sent spans over HTTP."""
    return {"endpoint": endpoint, "protocol": "http/protobuf", "signals": ["traces"], **settings}


def test_a_destination_that_is_off_is_sent_nothing(sink: HttpSink, tmp_path: Path) -> None:
    """`enabled: false` keeps a destination in the file; only the others are sent anything."""
    off = HttpSink()
    send({"otlp": [otlp(sink.endpoint), otlp(off.endpoint, name="off", enabled=False)]}, tmp_path)
    off.close()

    assert (len(sink.received.spans), off.paths) == (SPANS, [])


@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
def test_only_the_signals_of_a_destination_are_sent(signal: str, sink: HttpSink, tmp_path: Path) -> None:
    """`signals` of a destination lists everything that it is sent."""
    send({"otlp": [otlp(sink.endpoint, signals=[signal])]}, tmp_path)

    assert set(sink.paths) == {f"/v1/{signal}"}


@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
def test_only_the_signals_of_datadog_are_sent(signal: str, sink: HttpSink, tmp_path: Path) -> None:
    """`datadog.signals` lists everything that Datadog is sent."""
    send({"datadog": {"enabled": True, "endpoint": sink.endpoint, "signals": [signal]}}, tmp_path)

    assert set(sink.paths) == {f"/v1/{signal}"}


@pytest.mark.parametrize(("append", "path"), [(True, "/in/v1/traces"), (False, "/in")])
def test_the_path_of_the_signal_is_appended_or_not(append: bool, path: str, sink: HttpSink, tmp_path: Path) -> None:
    """With `append_path: false` the endpoint is used as it is written."""
    sink.status = 400
    send({"otlp": [otlp(f"{sink.endpoint}/in", append_path=append)]}, tmp_path)

    assert set(sink.paths) == {path}


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("missing", [(), ("ca",), ("cert", "key")])
def test_each_file_of_tls_is_used(missing: tuple[str, ...], protocol: str, tmp_path: Path) -> None:
    """A receiver that requires a client's certificate gets spans only with the authority, the certificate and the key."""
    authority, server = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate = authority.issue_cert("127.0.0.1")
    certificate.configure_cert(server)
    authority.configure_trust(server)
    server.verify_mode = ssl.CERT_REQUIRED
    client = authority.issue_cert("client@example.com")
    blobs = {"ca": authority.cert_pem, "cert": client.cert_chain_pems[0], "key": client.private_key_pem}
    for name, blob in blobs.items():
        blob.write_to_path(tmp_path / name)
    receiver: Any = HttpSink(tls=server) if protocol != "grpc" else GrpcSink(tls=certificate, clients=authority)
    files = {name: str(tmp_path / name) for name in blobs if name not in missing}
    settings = otlp(receiver.endpoint, protocol=protocol, tls=files)
    send({"otlp": [settings]}, tmp_path / "spool", within_s=10 if not missing else 1)
    receiver.close()

    assert len(receiver.received.spans) == (0 if missing else SPANS)


def first_bytes(settings: dict[str, Any], folder: Path) -> bytes:
    """Return the first bytes that a destination with these settings sends; ``PORT`` in its endpoint is a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        endpoint = settings["endpoint"].replace("PORT", str(listener.getsockname()[1]))
        sending = threading.Thread(target=send, args=({"otlp": [{**settings, "endpoint": endpoint}]}, folder, 1.0))
        sending.start()
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(30)
            received = connection.recv(600)
        sending.join()
    return received


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
@pytest.mark.parametrize(
    ("endpoint", "insecure", "encrypted"),
    [
        ("https://127.0.0.1:PORT", True, True),
        ("HTTPS://127.0.0.1:PORT", True, True),
        ("http://127.0.0.1:PORT", False, False),
        ("127.0.0.1:PORT", None, False),
        ("127.0.0.1:PORT", False, True),
        ("127.0.0.1:PORT", True, False),
    ],
)
def test_the_scheme_decides_and_without_one_insecure(
    endpoint: str, insecure: bool | None, encrypted: bool, protocol: str, tmp_path: Path
) -> None:
    """TLS from the first byte where the scheme is https; no token is sent in plain text there, whatever `insecure` is."""
    settings = otlp(endpoint, protocol=protocol, headers={"authorization": "Bearer t0ken"}, tls={"insecure": insecure})
    received = first_bytes(settings, tmp_path)

    assert (received[:1] == b"\x16") is encrypted
    assert not encrypted or b"t0ken" not in received


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://c:4318", "http://c:4318/v1/logs"),
        ("http://c/otlp/", "http://c/otlp/v1/logs"),
        ("http://c/otlp?key=a/b#top", "http://c/otlp/v1/logs?key=a/b"),
        ("http://c/v1/logs/?key=a", "http://c/v1/logs?key=a"),
    ],
)
def test_the_path_of_a_signal_goes_before_the_query(endpoint: str, url: str) -> None:
    """An endpoint may have a path and a query of its own."""
    assert address.resolve(endpoint, None).for_signal("logs") == url


@pytest.mark.parametrize(
    ("endpoint", "secure"), [("collector:4317", True), ("10.0.0.1:4317", True), ("[::1]:4317", False)]
)
def test_an_endpoint_without_a_scheme_is_encrypted_unless_it_is_this_machine(endpoint: str, secure: bool) -> None:
    """The default of OpenTelemetry's specification, except for a collector beside the program."""
    assert address.resolve(endpoint, None).secure is secure


@pytest.mark.parametrize(
    ("destination", "spool", "kept"),
    [
        ({"otlp": [{}]}, {}, True),
        ({"otlp": [{}]}, {"enabled": False}, False),
        ({"otlp": [{"spool": False}]}, {}, False),
        ({"datadog": {}}, {}, True),
        ({"datadog": {"spool": False}}, {}, False),
    ],
)
def test_undelivered_items_are_kept_on_disk_or_dropped(
    destination: dict[str, Any], spool: dict[str, Any], kept: bool, unreachable: str, tmp_path: Path
) -> None:
    """The spool as a whole, and each destination, can be switched off: then undelivered items are lost and counted."""
    exporters: dict[str, Any] = {"spool": spool}
    for name, settings in destination.items():
        exporters[name] = (
            [otlp(unreachable, **settings[0])]
            if name == "otlp"
            else {"enabled": True, "endpoint": unreachable, "signals": ["traces"], **settings}
        )
    report = send(exporters, tmp_path / "spool", within_s=HUNG_S if kept else 1)

    assert (report.spooled, sum(report.dropped.values())) == ((SPANS, 0) if kept else (0, SPANS))
    assert any(path.is_file() for path in (tmp_path / "spool").rglob("*")) is kept


def test_items_that_are_too_old_are_dropped(sink: HttpSink, tmp_path: Path) -> None:
    """`max_age` is the age from which an undelivered item on disk is dropped and counted instead of sent."""
    sink.status = 503
    exporters = {"otlp": [otlp(sink.endpoint)], "spool": {"directory": str(tmp_path), "max_age": "10ms"}}
    assert send({"otlp": exporters["otlp"]}, tmp_path, within_s=HUNG_S).spooled == SPANS
    sink.status = 200
    time.sleep(0.05)
    successor = Providers(load({"exporters": exporters}, environ={}).config)
    eventually(lambda: successor.status()["otlp"].adopted == SPANS)
    late = successor.shutdown(10)

    assert (late.dropped, late.spooled, sink.received.spans) == ({"expired": SPANS}, 0, [])


@pytest.mark.parametrize("scheme", ["http://", ""])
def test_log_lines_show_no_password_of_an_endpoint(
    scheme: str, unreachable: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither user and password nor the query, at a failure and at the end."""
    server = unreachable.removeprefix("http://")
    endpoint = f"{scheme}user:s3cret@{server}/path?key=s3cret"
    send({"otlp": [otlp(endpoint, tls={"insecure": True})]}, tmp_path, 0.5)

    assert f"{scheme}{server}/path" in caplog.text
    assert "s3cret" not in caplog.text


def test_a_full_queue_drops_the_oldest(unreachable: str, tmp_path: Path) -> None:
    """`max_items` is the number of items that wait in memory; with more, the oldest are dropped under that reason."""
    few = {"max_items": 10, "batch_size": 10, "delay": "30s"}
    exporters = {"otlp": [otlp(unreachable, spool=False)], "queue": few, "spool": {"directory": str(tmp_path)}}
    providers = Providers(load({"exporters": exporters}, environ={}).config)
    tracer = trace.get_tracer("test")
    tracer.start_span("in flight").end()  # the worker tries to send it all the time, so it takes none of the others
    providers.force_flush(0.1)
    eventually(lambda: providers.status()["otlp"].last_error != "")
    for _ in range(SPANS):
        tracer.start_span("waiting").end()
    report = providers.shutdown(0.5)

    assert report.dropped == {"queue_full": SPANS - 10, "shutdown": 11}


def test_a_request_has_no_more_items_than_a_batch(sink: HttpSink, tmp_path: Path) -> None:
    """`batch_size` is the highest number of items in one request."""
    send({"otlp": [otlp(sink.endpoint)], "queue": {"batch_size": 7, "delay": "30s"}}, tmp_path)
    sizes = [
        sum(len(scope.spans) for rs in one.resource_spans for scope in rs.scope_spans) for one in sink.received.traces
    ]

    assert (max(sizes), sum(sizes)) == (7, SPANS)


def test_items_wait_for_the_delay(sink: HttpSink, tmp_path: Path) -> None:
    """`delay` is the time that items wait for a batch: with a short one they are sent while the program runs."""
    settings = {"otlp": [otlp(sink.endpoint)], "queue": {"delay": "10ms"}, "spool": {"directory": str(tmp_path)}}
    providers = Providers(load({"exporters": settings}, environ={}).config)
    tracer = trace.get_tracer("test")
    tracer.start_span("first").end()
    deadline = time.monotonic() + 20
    while not sink.received.spans and time.monotonic() < deadline:
        time.sleep(0.01)
    early = len(sink.received.spans)
    slow = {**settings, "queue": {"delay": "30s"}}
    providers.apply(load({"exporters": slow}, environ={}).config)
    tracer.start_span("second").end()
    time.sleep(1.5)  # longer than the default delay of 1 s
    waiting = len(sink.received.spans)
    providers.shutdown(10)

    assert (early, waiting, len(sink.received.spans)) == (1, 1, 2)


def test_requests_are_as_the_destination_wants_them(sink: HttpSink, tmp_path: Path) -> None:
    """`headers`, `compression`, `temporality` and `max_request_bytes` are seen in what the receiver is sent."""
    wanted = {"headers": {"x-tenant": "blue"}, "compression": "gzip", "temporality": "delta", "max_request_bytes": 1500}
    send({"otlp": [otlp(sink.endpoint, signals=["traces", "metrics"], **wanted)]}, tmp_path)
    headers = sink.received.headers

    assert {(each.get("x-tenant"), each.get("content-encoding")) for each in headers} == {("blue", "gzip")}
    assert sink.received.temporalities("placed") == {AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA}
    assert sink.paths.count("/v1/traces") > 1
    assert len(sink.received.spans) == SPANS


def kinds(sink: HttpSink, name: str) -> set[str | None]:
    """Return the kinds of data that the metric *name* was sent as."""
    return {
        metric.WhichOneof("data")
        for request in sink.received.metrics
        for resource in request.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name == name
    }


@pytest.mark.parametrize(
    ("settings", "environ", "kind"),
    [
        ({}, {}, "histogram"),
        ({"histograms": "base2_exponential_bucket_histogram"}, {}, "exponential_histogram"),
        ({}, {AGGREGATION: "Base2_Exponential_Bucket_Histogram"}, "exponential_histogram"),
        ({"histograms": "base2_exponential_bucket_histogram"}, {AGGREGATION: "bogus"}, "exponential_histogram"),
        ({"histograms": "base2_exponential_bucket_histogram"}, {AGGREGATION: EXPLICIT}, "histogram"),
    ],
)
def test_histograms_have_the_aggregation_of_the_destination(
    settings: dict[str, str], environ: dict[str, str], kind: str, sink: HttpSink, tmp_path: Path
) -> None:
    """`histograms`, or OpenTelemetry's variable; an instrument's own buckets are advice and no view."""
    exporters = {"otlp": [otlp(sink.endpoint, signals=["metrics"], **settings)], "spool": {"directory": str(tmp_path)}}
    providers = Providers(load({"exporters": exporters}, environ=environ).config)
    meter = metrics.get_meter("test")
    meter.create_histogram("took", explicit_bucket_boundaries_advisory=[1, 2]).record(1)
    providers.shutdown(10)

    assert kinds(sink, "took") == {kind}


@pytest.mark.parametrize("name", ["backup", "datadog"])
def test_a_request_ends_at_the_destinations_timeout(name: str, sink: HttpSink, tmp_path: Path) -> None:
    """A receiver that hangs is an error of the destination, under its `name`, after `timeout`; the default is 10 s."""
    sink.hang.set()
    own: dict[str, Any] = {"endpoint": sink.endpoint, "signals": ["traces"], "timeout": "100ms"}
    section = {"datadog": {"enabled": True, **own}} if name == "datadog" else {"otlp": [otlp(**{**own, "name": name})]}
    exporters = {**section, "queue": {"delay": "10ms"}, "spool": {"directory": str(tmp_path)}}
    providers = Providers(load({"exporters": exporters}, environ={}).config)
    trace.get_tracer("test").start_span("item").end()
    began = time.monotonic()
    while not providers.status()[name].last_error and time.monotonic() - began < 20:
        time.sleep(0.02)
    took_s = time.monotonic() - began
    providers.shutdown(0.1)

    assert took_s < 8


def test_metrics_are_sent_at_their_interval(sink: HttpSink, tmp_path: Path) -> None:
    """`metric_interval` is the time between two pushes of metrics; the default is that of the host's samples, 10 s."""
    exporters = {
        "otlp": [otlp(sink.endpoint, signals=["metrics"])],
        "metric_interval": "50ms",
        "queue": {"delay": "10ms"},
        "spool": {"directory": str(tmp_path)},
    }
    providers = Providers(load({"exporters": exporters}, environ={}).config)
    metrics.get_meter("test").create_counter("placed").add(1)
    began = time.monotonic()
    while len(sink.paths) < 3 and time.monotonic() - began < 20:
        time.sleep(0.02)
    took_s = time.monotonic() - began
    providers.shutdown(5)

    assert took_s < 8


def test_a_shutdown_ends_within_its_own_time(sink: HttpSink, tmp_path: Path) -> None:
    """`shutdown_timeout` bounds a shutdown without an argument, here well below the default of 5 s."""
    sink.hang.set()
    exporters = {
        "otlp": [otlp(sink.endpoint, timeout="30s")],
        "shutdown_timeout": "300ms",
        "spool": {"enabled": False},
    }
    source = f"""
        import csg_otel
        telemetry = csg_otel.instrument(config={{"exporters": {exporters!r}, "health_monitoring": {{"enabled": False}}}})
        with csg_otel.observe("step"):
            pass
        print(telemetry.shutdown().took_s)
    """
    with Program(source, tmp_path) as program:
        took_s = float(program.line())

    assert took_s < 3


@pytest.mark.parametrize(("signal", "word"), [("traces", "span"), ("metrics", "metric"), ("logs", "log")])
def test_only_the_signals_of_the_console_are_shown(
    signal: str, word: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`console.signals` lists everything that is shown; `style: json` makes each line one JSON object."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    send({"console": {"enabled": True, "style": "json", "signals": [signal]}}, tmp_path)
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]

    assert lines
    assert {line["signal"] for line in lines} == {word}


@pytest.mark.parametrize(("level", "shown"), [("info", False), ("debug", True)])
def test_the_level_of_the_console_shows_more(
    level: str, shown: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """`console.level: debug` shows long values of attributes that are cut otherwise."""
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    send({"console": {"enabled": True, "level": level}}, tmp_path)

    assert "item" in stream.getvalue()
    assert (LONG in stream.getvalue()) is shown
