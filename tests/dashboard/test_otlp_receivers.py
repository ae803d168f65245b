"""The receivers on real ports: real exporters, hostile clients, ports in use."""

from __future__ import annotations

import gzip
import http.client
import json
import logging
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpanExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter

from csg_otel.dashboard.otlp.receivers import Receivers
from csg_otel.dashboard.otlp.signals import MAX_BODY_BYTES, TRACES
from support.node import node_program
from support.otlp_store import MemoryStore
from support.programs import Program, eventually

RESOURCE = Resource({"service.name": "shop"})
SPAN = {"trace_id": b"t" * 16, "span_id": b"s" * 8, "start_time_unix_nano": 1, "end_time_unix_nano": 2, "name": "pay"}
REQUEST = TRACES.request(resource_spans=[{"scope_spans": [{"spans": [SPAN]}]}]).SerializeToString()
PROTOBUF = {"Content-Type": "application/x-protobuf"}


class Running:
    """Receivers on free ports, and what they have received."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.receivers = Receivers(self.store, http_port=0, grpc_port=0)
        assert self.receivers.start()

    def post(
        self, path: str, body: bytes, headers: dict[str, str] = PROTOBUF, method: str = "POST"
    ) -> tuple[int, bytes, str | None]:
        """Send a request; return status, body and content type of the response."""
        connection = http.client.HTTPConnection(self.receivers.otlp_http.removeprefix("http://"), timeout=30)
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            return response.status, response.read(), response.headers["Content-Type"]
        finally:
            connection.close()


@pytest.fixture
def running() -> Iterator[Running]:
    """Return receivers that stop after the test."""
    made = Running()
    yield made
    made.receivers.stop()


@pytest.mark.parametrize("kind", ["http", "http gzip", "grpc", "grpc gzip"])
def test_spans_of_the_sdks_exporters_arrive(running: Running, kind: str) -> None:
    """By both ways, compressed or not."""
    exporter: SpanExporter
    if kind.startswith("http"):
        compression = Compression.Gzip if "gzip" in kind else Compression.NoCompression
        exporter = HttpSpanExporter(f"{running.receivers.otlp_http}/v1/traces", compression=compression)
    else:
        packed = grpc.Compression.Gzip if "gzip" in kind else None
        exporter = GrpcSpanExporter(running.receivers.otlp_grpc, insecure=True, compression=packed)
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    with provider.get_tracer("t").start_as_current_span("pay", attributes={"n": 1}):
        pass
    provider.shutdown()

    (row,) = running.store.spans
    assert (row["name"], row["service"], row["attributes"]) == ("pay", "shop", {"n": 1})


def test_log_records_and_metrics_of_the_sdks_exporters_arrive(running: Running) -> None:
    """Over HTTP."""
    url = running.receivers.otlp_http
    logs = LoggerProvider(resource=RESOURCE)
    logs.add_log_record_processor(SimpleLogRecordProcessor(HttpLogExporter(f"{url}/v1/logs")))
    logs.get_logger("shop").emit(body="hello")
    logs.shutdown()
    reader = PeriodicExportingMetricReader(HttpMetricExporter(f"{url}/v1/metrics"), export_interval_millis=3_600_000)
    meters = MeterProvider([reader], resource=RESOURCE)
    meters.get_meter("shop").create_counter("orders").add(3)
    meters.shutdown()

    assert [row["body"] for row in running.store.logs] == ["hello"]
    assert [getattr(point, "value", None) for point in running.store.points if point.name == "orders"] == [3]


@pytest.mark.parametrize("scheme", ["otlp", "otlp+http"])
def test_a_program_with_this_package_is_received(running: Running, tmp_path: Path, scheme: str) -> None:
    """`exporters=["otlp://..."]` is all that it needs."""
    address = running.receivers.otlp_grpc if scheme == "otlp" else running.receivers.otlp_http.removeprefix("http://")
    program = f"""
        import logging, csg_otel
        telemetry = csg_otel.instrument("shop", exporters=["{scheme}://{address}"], health_monitoring__enabled=False)
        @csg_otel.observe
        def pay():
            logging.getLogger("shop").warning("slow %s", "card")
        pay()
        csg_otel.counter("orders").add(3)
        telemetry.shutdown()
    """
    with Program(program, tmp_path) as sender:
        assert sender.wait() == 0, sender.stderr

    store = running.store
    (span,) = [row for row in store.spans if row["name"].endswith("pay")]
    (log,) = [row for row in store.logs if row["body"] == "slow card"]
    assert (span["service"], log["trace_id"], log["span_id"]) == ("shop", span["trace_id"], span["span_id"])
    assert 3 in [getattr(point, "value", None) for point in store.points if point.name == "orders"]


@pytest.mark.real("node", "node-otel")
@pytest.mark.parametrize("protocol", ["http/json", "http/protobuf", "grpc"])
def test_a_program_in_another_language_is_received(running: Running, tmp_path: Path, protocol: str) -> None:
    """Spans, log records and metrics of OpenTelemetry's SDK for Node.js, with every protocol that it has."""
    with node_program(tmp_path, running.receivers, protocol) as sender:
        assert sender.wait() == 0, sender.stderr

    store = running.store
    spans = {row["name"]: row for row in store.spans}
    outer, inner = spans["GET /pay"], spans["charge card"]
    assert (outer["kind"], outer["attributes"]) == ("server", {"http.route": "/pay", "items": [1, 2]})
    assert (inner["parent_id"], inner["status"]) == (outer["span_id"], "error")
    assert inner["events"][0]["attributes"]["exception.message"] == "declined"
    (log,) = store.logs
    assert (log["level"], log["body"], log["span_id"]) == ("warn", "card declined <b>", inner["span_id"])
    assert {point.name for point in store.points} == {"orders", "wait"}
    assert store.descriptions == {"orders": "Orders."}
    assert store.programs["checkout"].attributes["telemetry.sdk.language"] == "nodejs"


def test_the_answer_has_the_encoding_of_the_request(running: Running) -> None:
    """Protobuf for protobuf, JSON for JSON; rejected items are told with the reason."""
    assert running.post("/v1/traces", REQUEST) == (200, b"", "application/x-protobuf")
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert running.post("/v1/traces", b"{}", headers) == (200, b"{}", "application/json")

    bad = TRACES.request(resource_spans=[{"scope_spans": [{"spans": [SPAN, {}]}]}]).SerializeToString()
    status, body, _ = running.post("/v1/traces", bad)
    answer = ExportTraceServiceResponse.FromString(body)
    assert (status, answer.partial_success.rejected_spans) == (200, 1)
    assert "trace id" in answer.partial_success.error_message

    status, body, _ = running.post("/v1/traces", b'{"resourceSpans":[{"scopeSpans":[{"spans":[{}]}]}]}', headers)
    assert json.loads(body)["partialSuccess"]["rejectedSpans"] == "1"


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/v1/traces", b"\xff", {}, 400),
        ("/v1/logs", b"{", {"Content-Type": "application/json"}, 400),
        ("/v1/traces", b"x", {"Content-Encoding": "gzip"}, 400),
        ("/v1/traces", b"x", {"Content-Encoding": "br"}, 400),
        ("/v1/traces", gzip.compress(bytes(MAX_BODY_BYTES + 1)), {"Content-Encoding": "gzip"}, 413),
        ("/v1/traces", REQUEST, {"Content-Type": "text/plain"}, 415),
        ("/v1/profiles", REQUEST, {}, 404),
        ("/v1/traces", REQUEST, {"Host": "evil.example"}, 421),
    ],
)
def test_what_is_not_valid_is_refused(
    running: Running, path: str, body: bytes, headers: dict[str, str], status: int
) -> None:
    """With a status code that no exporter tries again, and with a `Status` in the encoding of the request, or in JSON."""
    answered, text, content_type = running.post(path, body, {**PROTOBUF, **headers})

    assert answered == status
    is_json = headers.get("Content-Type", PROTOBUF["Content-Type"]) != PROTOBUF["Content-Type"]
    assert content_type == ("application/json" if is_json else PROTOBUF["Content-Type"])
    assert json.loads(text)["message"] if is_json else Status.FromString(text).message
    assert running.store.spans == []
    assert running.post("/v1/traces", REQUEST)[0] == 200


def test_other_methods_are_refused(running: Running) -> None:
    """A browser that opens the address learns what is there."""
    assert running.post("/v1/traces", b"", method="GET")[0] == 405
    assert running.post("/", b"", method="GET")[0] == 404


def test_a_body_that_is_too_large_is_not_read(running: Running) -> None:
    """The declared length is enough: a `Status` says why, before a byte of the body, and the connection is closed."""
    head = "POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    address = urlsplit(running.receivers.otlp_http)
    with socket.create_connection((str(address.hostname), address.port or 0), timeout=30) as client:
        client.sendall((head.replace("Host: a", f"Host: {address.netloc}") % (2 * MAX_BODY_BYTES)).encode())
        answer = client.makefile("rb").read().decode()
    assert answer.startswith("HTTP/1.1 413 ")
    assert json.loads(answer.partition("\r\n\r\n")[2])["message"] == f"more than {MAX_BODY_BYTES} bytes"
    assert running.post("/v1/traces", REQUEST)[0] == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"\xff", grpc.StatusCode.INVALID_ARGUMENT),
        (TRACES.request(resource_spans=[{}] * 60_000).SerializeToString(), grpc.StatusCode.RESOURCE_EXHAUSTED),
        (bytes(MAX_BODY_BYTES + 1), grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
def test_what_is_not_valid_is_refused_over_grpc(running: Running, body: bytes, code: grpc.StatusCode) -> None:
    """With the code that OTLP has for it; the next request is received."""
    with grpc.insecure_channel(running.receivers.otlp_grpc) as channel:
        export: Any = channel.unary_unary(f"/{TRACES.service}/Export")
        with pytest.raises(grpc.RpcError) as refused:
            export(body, timeout=30)
        assert export(REQUEST, timeout=30) == b""

    assert refused.value.code() == code
    assert len(running.store.spans) == 1


def test_many_programs_send_at_once(running: Running) -> None:
    """Every request is answered, and nothing is lost."""
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: running.post("/v1/traces", REQUEST)[0], range(80)))

    assert statuses == [200] * 80
    assert len(running.store.spans) == 80


def test_a_fault_of_the_store_does_not_stop_the_receivers(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request is answered with an error, and the next one is received."""
    with monkeypatch.context() as patched:
        patched.setattr(running.store, "put_spans", lambda *_: 1 / 0)
        assert running.post("/v1/traces", REQUEST)[0] == 500
        with grpc.insecure_channel(running.receivers.otlp_grpc) as channel:
            export: Any = channel.unary_unary(f"/{TRACES.service}/Export")
            with pytest.raises(grpc.RpcError) as refused:
                export(REQUEST, timeout=30)
    assert refused.value.code() == grpc.StatusCode.INTERNAL

    assert running.post("/v1/traces", REQUEST)[0] == 200


def test_a_port_in_use_is_one_clear_warning(
    running: Running, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each names its option; the other receiver works, and gRPC's library prints nothing."""
    http_port = int(running.receivers.otlp_http.rpartition(":")[2])
    grpc_port = int(running.receivers.otlp_grpc.rpartition(":")[2])
    caplog.set_level(logging.WARNING)

    for ports, option in [((http_port, 0), "--otlp-http-port"), ((0, grpc_port), "--otlp-grpc-port")]:
        caplog.clear()
        second = Receivers(MemoryStore(), http_port=ports[0], grpc_port=ports[1])
        try:
            assert second.start()
        finally:
            second.stop()
        assert [option in record.getMessage() for record in caplog.records] == [True]
    assert Receivers(MemoryStore(), http_port=http_port, grpc_port=grpc_port).start() is False
    assert "E0000" not in capfd.readouterr().err


def test_nothing_listens_once_they_have_stopped() -> None:
    """Neither port, and no thread is left."""
    others = set(threading.enumerate())
    running = Running()
    addresses = [running.receivers.otlp_http.removeprefix("http://"), running.receivers.otlp_grpc]
    assert running.post("/v1/traces", REQUEST)[0] == 200

    running.receivers.stop()

    for address in addresses:
        host, port = address.split(":")
        with pytest.raises(OSError), socket.create_connection((host, int(port)), 5):  # noqa: PT011 - refused or reset
            pass
    eventually(lambda: not [each for each in set(threading.enumerate()) - others if "otlp" in each.name])
